//! `diverge`: the nodes do not have the same block; proof that a fault really bit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::agreement::{Question, over_time};
use super::explain::{Pointer, explain};
use super::intervals::Mode;
use super::judge::{Case, How, Judgement};
use super::{Outcome, Subject};
use crate::text::Sp;
use crate::topology::Targets;

/// At least two nodes hold blocks of which neither is an ancestor of the other.
///
/// A node that merely lags behind on the same chain does not diverge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DivergeDocument {
    /// What is compared: `head` (default), `finalized` or `{height: N}`.
    #[serde(default)]
    pub on: Subject,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `diverge`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diverge {
    /// What is compared.
    pub on: Subject,
}

impl Diverge {
    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        let moments = over_time(case.history, &case.nodes, self.on, Question::Diverge);
        let words = match self.on {
            Subject::Head => ("chains parted", "the nodes were on one chain"),
            Subject::Finalized => ("different blocks became final", "no two nodes called different blocks final"),
            Subject::Height(_) => ("the nodes had different blocks", "the nodes had no different blocks"),
        };
        // Who is left out takes nothing away from two that were seen apart.
        let open = |at: u64| super::agree::what_is_open(case, self.on, at);
        let patient = self.on == Subject::Head;
        let how = How {
            lasts: false,
            last_alone: false,
            absence_counts: false,
            names_absent: self.on != Subject::Finalized,
            patient,
            dissents: None,
            open: &open,
        };
        let mut judgement = case.judge_moments(&moments, words, &how, |judgement, at| {
            super::agree::tell(case, self.on, judgement, at);
        });
        // That chains parted is wanted; how they did is worth telling all the same.
        if let (Outcome::Pass, Some(at), Subject::Head, Mode::Somewhere) =
            (judgement.outcome, judgement.moment, self.on, case.when.mode(case.history, false))
        {
            let mut explanation = explain(case.history, &case.nodes, at, Pointer::Head);
            let mut lines: Vec<String> = explanation.lines(case.history).into_iter().take(1).collect();
            super::block_differences::tell(case.history, &mut explanation, &mut lines, &mut judgement.evidence);
            judgement.facts.extend(lines);
            if let Some(height) = explanation.height {
                judgement.figures.insert("height".to_owned(), height.into());
            }
            judgement.evidence.extend(explanation.evidence());
            judgement.explanation = Some(explanation);
        }
        judgement
    }
}
