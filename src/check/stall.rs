//! `stall`: nothing grows.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::growth::Series;
use super::history::State;
use super::intervals::Interval;
use super::judge::{Case, Judgement};
use super::questions::seconds;
use super::{Growth, Outcome};
use crate::text::Sp;
use crate::text::units::Time;
use crate::topology::Targets;

/// No node's chain grows; proof that a fault took a majority away.
///
/// What was under way when the fault began may still arrive: the first moments (`settle`) are not counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StallDocument {
    /// What stands still: `head` (default) or `finalized`.
    #[serde(default)]
    pub on: Growth,
    /// How long after the beginning growth is still allowed; one block time, if absent (1 s where that is not known).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<Sp<Time>>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `stall`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stall {
    /// What stands still.
    pub on: Growth,
    /// How long growth is still allowed; `None` is one block time.
    pub settle: Option<Duration>,
}

/// How long growth is still allowed where the chain's block time is not known, in microseconds.
const DEFAULT_SETTLE: u64 = 1_000_000;

impl Stall {
    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        let Some(zero) = case.history.zero else {
            return Judgement::new(Outcome::Unknown, "the timeline never began");
        };
        case.count(zero, |span| self.judge_span(case, span))
    }

    fn judge_span(&self, case: &Case<'_, '_>, span: &Interval) -> Judgement {
        let history = case.history;
        let settle = self.settle.map(|settle| settle.as_micros() as u64);
        let from = span.from + settle.or(history.run.block_time).unwrap_or(DEFAULT_SETTLE);
        if from >= span.to {
            let length = seconds(span.to - span.from);
            return Judgement::new(
                Outcome::Unknown,
                format!("{length} are no longer than the time to settle: nothing was left to judge"),
            );
        }
        let (mut grew, mut unseen, mut evidence) = (Vec::new(), Vec::new(), span.evidence.clone());
        for &node in &case.nodes {
            let series = match self.on {
                Growth::Head => Series::of_heads(history, node, from, span.to),
                Growth::Finalized => Series::of_finalized(history, node, from, span.to),
            };
            let name = history.name(node);
            let gain = series.gain();
            if gain > 0 {
                let (at, seq) = series.reached(1).unwrap_or((from, 0));
                evidence.push(seq);
                grew.push((gain, at, format!("{name} grew by {gain}, first {}", history.moment(at))));
            } else if let Some(why) = history.why_blind(node, from, span.to) {
                unseen.push(why);
            } else if series.points.is_empty() && !series.away.iter().any(|&(a, b)| a <= from && b >= span.to) {
                match self.on {
                    Growth::Head => unseen.push(format!("no head of {name} was seen")),
                    // An execution client under a beacon chain may refuse the question until there is something final.
                    Growth::Finalized if history.beside_beacon(node) && history.head_at(node, span.to).is_some() => {}
                    Growth::Finalized => unseen.push(format!("{name} never said what is final")),
                }
            } else if history.state_at(node, span.to).1 == State::Coming {
                unseen.extend(history.why_missing(node, span.to));
            }
        }
        grew.sort_by_key(|entry| (entry.1, std::cmp::Reverse(entry.0)));
        let when = case.span_name(span);
        let (outcome, summary) = if let Some((_, at, _)) = grew.first() {
            (
                Outcome::Fail,
                format!(
                    "{} of {} nodes grew on {}{when}, the first {}",
                    grew.len(),
                    case.nodes.len(),
                    self.on,
                    history.moment(*at)
                ),
            )
        } else if let Some(reason) = &span.cut_short {
            (Outcome::Unknown, format!("nothing grew so far, but {reason}"))
        } else if case.attendance().took_part(from, span.to).is_empty() && unseen.is_empty() {
            (Outcome::Unknown, "cannot be told: no node was there".to_owned())
        } else if unseen.is_empty() {
            (Outcome::Pass, format!("nothing grew on {}{when}", self.on))
        } else {
            (Outcome::Unknown, format!("cannot be told of {} of {} nodes", unseen.len(), case.nodes.len()))
        };
        let mut judgement = Judgement::new(outcome, summary);
        judgement.moment = grew.first().map(|entry| entry.1);
        judgement.facts = grew.into_iter().map(|entry| entry.2).chain(unseen).collect();
        judgement.evidence = evidence;
        judgement
    }
}
