//! Checks: one file each. A check reads a journal and nothing else; its verdict is three-valued and carries evidence.

pub mod agree;
mod agreement;
pub mod answered;
mod attendance;
mod block_differences;
mod block_story;
mod branches;
pub(crate) mod chain;
mod conclusion;
pub mod diagnosed;
mod diagnosis;
mod distinct;
pub mod diverge;
mod document;
mod doubts;
mod episodes;
pub mod exit;
mod explain;
pub mod finality;
mod findings;
mod growth;
pub(crate) mod history;
mod history_afterwards;
mod history_reading;
mod intervals;
mod json_differences;
mod judge;
pub(crate) mod layers;
pub mod log;
mod moments;
mod node_state;
pub(crate) mod participants;
pub mod peers;
mod phrase;
mod producer;
pub mod progress;
mod questions;
pub mod ready;
pub mod recover;
pub mod reorg;
pub(crate) mod roots;
pub mod rpc_equal;
mod sight;
mod sightings;
pub mod stall;
mod story;
mod subject;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod trace_differences;
mod trouble;
mod verdict;
pub(crate) mod windows;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{EntryName, NodeName};

pub use block_differences::{
    FieldDifference, InspectedBlock, Inspection, ReceiptDifference, SentTransaction, Transactions,
};
pub use conclusion::Conclusion;
pub use diagnosis::{DiagnosedSide, Diagnosis, Kind, Quote};
pub use document::{TABLE, TableEntry, That, ThatDocument, Unbuilt};
pub use explain::{BlockName, Explanation, Holder, Side};
pub use findings::{Finding, FindingKind};
pub use judge::judge;
pub use phrase::{duration, label};
pub use producer::{AnsweredWith, Producer};
pub use questions::short_hash;
pub use roots::Roots;
pub use sight::TOLERATED_GAP;
pub use subject::{Growth, Subject};
pub use trace_differences::{Step, StepDifference, TracedStep};
pub use verdict::{
    Convergence, Episode, ExpectationResult, FaultInstant, FaultTiming, Healing, VERDICT_SCHEMA, Verdict,
};

/// Word of timeline entries that send something, in the place of a fault's keyword.
pub const SEND: &str = "send";

/// What a scenario expects, with targets resolved: this form is written into the journal's first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// When it must hold.
    pub when: When,
    /// What must hold: keyword and parameters.
    pub that: That,
    /// The nodes that are meant.
    pub nodes: Vec<NodeName>,
    /// As a person would say it: `after split, within 45s: agree on head`.
    pub label: String,
    /// Where it was asked: `scenarios/quickstart.yaml:31`.
    pub place: String,
}

/// When an expectation must hold. Durations are after the timeline's zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// At every moment of the timeline.
    Always,
    /// At no moment of it.
    Never,
    /// At one moment at least.
    Sometimes,
    /// At one moment at least while the entry (each of its repetitions) is in force.
    During(EntryName),
    /// At one moment at least within a time after the entry (its last repetition) has ended. Checks that count something
    /// (`progress`, `log`, …) are judged over that time.
    After(EntryName, Duration),
    /// Within a time after the run's start (only `ready`) or the timeline's zero.
    Within(Duration),
    /// At this moment.
    At(Duration),
    /// When the timeline ends.
    AtEnd,
}

/// The answer to one expectation, or to all of them: the worst wins, and unknown is worse than pass and better than fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It held.
    Pass,
    /// It could not be observed.
    Unknown,
    /// It did not hold.
    Fail,
}

/// The log patterns that somebody asks for: what the engine must watch logs for. The word [`log::PANIC`] stands for each
/// client's own patterns.
pub fn log_patterns(expectations: &[Expectation]) -> Vec<String> {
    let patterns: BTreeSet<String> = expectations
        .iter()
        .filter_map(|expectation| match &expectation.that {
            That::Log(log) => Some(log.pattern.clone()),
            _ => None,
        })
        .collect();
    patterns.into_iter().collect()
}
