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
            ended => match verdict.outcome {
                Outcome::Fail => Self::Failed,
                // A run that was killed passed nothing.
                Outcome::Pass if ended.is_some() => Self::Passed,
                Outcome::Pass | Outcome::Unknown => Self::Unknown,
            },
        }
    }
}

/// Whether the trouble that ended the run is that a node ended or did not become ready, and not that the environment
/// failed.
fn a_node_is_to_blame(journal: &Journal) -> bool {
    let mut started = false;
    for pair in journal.events.windows(2) {
        let (before, trouble) = (&pair[0].what, &pair[1].what);
        started |= matches!(before, What::TimelineStarted);
        if !matches!(trouble, What::Trouble { .. }) {
            continue;
        }
        match before {
            // A node that does not become ready again in the middle of a run does not end it.
            What::Node { phase: NodePhase::NotReady, .. } if started => {}
            What::Node { phase: NodePhase::NotReady, .. } | What::Exit { expected: false, .. } => return true,
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::testing::{expect, journal, secs};
    use super::*;
    use crate::check::ready::Ready;
    use crate::check::{That, When};

    fn concluded(lines: &str) -> Conclusion {
        judge(&journal(&format!("nodes a b\n{lines}"), &[])).conclusion
    }

    #[test]
    fn how_a_run_ended_comes_before_its_verdict() {
        assert_eq!(concluded("5 ended complete"), Conclusion::Passed);
        assert_eq!(concluded("5 ended timeout"), Conclusion::Passed);
        assert_eq!(concluded("5 ended interrupted"), Conclusion::Interrupted);
        assert_eq!(concluded("5 trouble the engine went away\n5 ended trouble"), Conclusion::Broken);
        assert_eq!(concluded("0 a peers 1"), Conclusion::Unknown, "the journal of a killed run passes nothing");
    }

    #[test]
    fn a_node_that_never_came_up_is_a_failure_where_one_was_asked_for() {
        let ready = expect(When::Within(secs(1)), That::Ready(Ready { within: None }), &[]);
        let concluded = |lines: &str| {
            let text = format!("nodes a b\nlate a\n{lines}");
            let verdict = judge(&journal(&text, std::slice::from_ref(&ready)));
            (verdict.outcome, verdict.conclusion)
        };
        let lines = "nozero\n-3 a started\n-1 a notready\n-1 trouble a did not become ready\n-1 ended trouble";
        assert_eq!(concluded(lines), (Outcome::Fail, Conclusion::Failed));
        let lines =
            "0 a notready\n0 trouble a did not become ready again\n3 trouble the engine went away\n3 ended trouble";
        assert_eq!(concluded(lines).1, Conclusion::Broken, "the second one ended it");
    }
}
