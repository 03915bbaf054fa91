//! What a run came to, in one word: the terminal, `verdict.json`, `junit.xml`, the report, `list runs` and the exit codes of
//! `run` and `check` all say this and nothing else.

use serde::{Deserialize, Serialize};

use super::{Outcome, Verdict};
use crate::journal::{Journal, NodePhase, What};

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Everything that was expected held.
    Passed,
    /// An expectation failed.
    Failed,
    /// Something that was expected could not be observed, or what was to be done was not done.
    Unknown,
    /// Somebody ended the run before its time: what was expected of the rest was not seen.
    Interrupted,
    /// The environment could not carry the run.
    Broken,
}

impl Conclusion {
    /// For people: `PASSED` without the capitals.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Interrupted => "interrupted",
            Self::Broken => "broken off by trouble",
        }
    }

    /// How results (with the doubts about the whole run among them) and the way a run ended go together: an interrupt and
    /// the environment come before the verdict, but a node that never came up is a failed expectation where one says so.
    pub(super) fn of(verdict: &Verdict, journal: &Journal) -> Self {
        match verdict.ended.as_deref() {
            Some("interrupted") => Self::Interrupted,
            Some("trouble") if verdict.outcome == Outcome::Fail && a_node_is_to_blame(journal) => Self::Failed,
            Some("trouble") => Self::Broken,
            Some(_) | None => match verdict.outcome {
                Outcome::Pass => Self::Passed,
                Outcome::Unknown => Self::Unknown,
                Outcome::Fail => Self::Failed,
            },
        }
    }
}

/// Whether the first trouble is that a node ended or did not become ready, and not that the environment failed.
fn a_node_is_to_blame(journal: &Journal) -> bool {
    let first = journal.events.iter().position(|event| matches!(event.what, What::Trouble { .. }));
    let before = first.and_then(|first| first.checked_sub(1)).map(|before| &journal.events[before].what);
    matches!(before, Some(What::Node { phase: NodePhase::NotReady, .. } | What::Exit { expected: false, .. }))
}
