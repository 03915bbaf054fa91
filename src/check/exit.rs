//! `exit`: no process died on its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Outcome;
use super::intervals::Interval;
use super::judge::{Case, Judgement};
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// No node's process ended unless the timeline asked for it. Write `exit: {none: true}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExitDocument {
    /// Must be `true`.
    pub none: Sp<bool>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `exit`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {}

impl ExitDocument {
    pub(super) fn resolve(&self) -> Result<Exit, Vec<Diagnostic>> {
        if self.none.value {
            Ok(Exit {})
        } else {
            Err(vec![
                Diagnostic::error("`exit` can only ask that no process died")
                    .at(self.none.span, "must be `true`")
                    .help("leave the expectation out if nodes may die"),
            ])
        }
    }
}

impl Exit {
    #[expect(clippy::unused_self, reason = "all checks are judged the same way; this one has no parameters")]
    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        case.count(0, |span| judge_span(case, span))
    }
}

fn judge_span(case: &Case<'_, '_>, span: &Interval) -> Judgement {
    let history = case.history;
    let mut deaths: Vec<_> = case
        .nodes
        .iter()
        .flat_map(|&node| history.nodes[node].deaths.iter().map(move |death| (node, death)))
        .filter(|(_, death)| (span.from..=span.to).contains(&death.at))
        .collect();
    deaths.sort_by_key(|(_, death)| death.at);
    let (outcome, summary) = match (deaths.first(), &span.cut_short) {
        (Some((node, death)), _) => {
            let others =
                if deaths.len() > 1 { format!(", and {} more exits", deaths.len() - 1) } else { String::new() };
            let name = history.name(*node);
            (Outcome::Fail, format!("{name} exited by itself {} ({}){others}", history.moment(death.at), death.how))
        }
        (None, Some(reason)) => (Outcome::Unknown, format!("none so far, but {reason}")),
        (None, None) => (Outcome::Pass, "no process exited by itself".to_owned()),
    };
    let mut judgement = Judgement::new(outcome, summary).figure("exits", deaths.len());
    for (node, death) in &deaths {
        let (name, client) = (history.name(*node), &history.nodes[*node].record.client);
        let faults: Vec<_> = history.faults_at(death.at).map(|window| window.record.name.to_string()).collect();
        let during = if faults.is_empty() { String::new() } else { format!(" during {}", faults.join(", ")) };
        judgement.facts.push(format!("{name} ({client}): {}, {}{during}", death.how, history.moment(death.at)));
        if let Some(line) = death.last_lines.iter().rev().find(|line| !line.trim().is_empty()) {
            judgement.facts.push(format!("its last line: {line}"));
        }
        judgement.evidence.push(death.seq);
    }
    judgement.moment = deaths.first().map(|(_, death)| death.at);
    judgement
}
