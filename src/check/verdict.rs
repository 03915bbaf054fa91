//! The verdict on a run: one answer for each expectation, and when the network was of one mind.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Outcome;
use super::conclusion::Conclusion;
use super::diagnosis::Diagnosis;
use super::explain::Explanation;
use super::findings::Finding;
use crate::action::{EntryName, NodeName};

/// Version of the form of `verdict.json`.
pub const VERDICT_SCHEMA: u32 = 1;

/// The verdict on a run. All instants are in microseconds since the run started, as in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// [`VERDICT_SCHEMA`].
    pub schema: u32,
    /// The worst of all results; `pass` if nothing was expected. Never `pass` where there are doubts.
    pub outcome: Outcome,
    /// What the run came to, in one word.
    pub conclusion: Conclusion,
    /// Why no pass of this run counts, most important first: an entry that was not carried out, something that was left
    /// behind, a journal that lacks lines. Empty for a sound run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<String>,
    /// Why the timeline ended (`complete`, `timeout`, `interrupted`, `trouble`); none if the journal does not say.
    pub ended: Option<String>,
    /// One for each expectation, in the order of the scenario.
    pub results: Vec<ExpectationResult>,
    /// When the nodes' chains parted and met.
    pub convergence: Convergence,
    /// How exactly faults came when they should.
    pub timing: FaultTiming,
    /// What the network did while links were cut, or that it never started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnoses: Vec<Diagnosis>,
    /// What stands out though nobody asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Lines of the journal with refusals that an expectation wanted: nothing that went wrong.
    pub fn wanted_refusals(&self) -> BTreeSet<u64> {
        let answered = self.results.iter().filter(|result| result.keyword == "answered");
        // What was answered as wanted is no evidence unless it is a refusal.
        let held = answered.filter(|result| result.outcome == Outcome::Pass);
        held.flat_map(|result| result.evidence.iter().copied()).collect()
    }
}

/// The answer to one expectation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpectationResult {
    /// `after split, within 45s: agree on head`.
    pub label: String,
    /// The check's word.
    pub keyword: String,
    /// `scenarios/quickstart.yaml:31`.
    pub place: String,
    /// The answer.
    pub outcome: Outcome,
    /// One line: what was found.
    pub summary: String,
    /// More lines for people, most useful first.
    pub facts: Vec<String>,
    /// Lines of the journal (`seq`) that show it.
    pub evidence: Vec<u64>,
    /// Numbers, by name; names that end in `_s` are seconds.
    pub figures: BTreeMap<String, serde_json::Value>,
    /// The moment that decided, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<u64>,
    /// How chains differed at that moment, for expectations about agreement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// What kind of trouble it was, for expectations about heads that did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
}

/// When the nodes' chains parted and met.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Convergence {
    /// Times in which at least two nodes were on different chains, in order. If there were more than a report can show,
    /// the longest of them.
    pub episodes: Vec<Episode>,
    /// How many there were in all.
    pub episode_count: u64,
    /// Microseconds in all of them together.
    pub apart: u64,
    /// For each fault that ended: how long it took all nodes to agree on the head afterwards.
    pub healing: Vec<Healing>,
}

/// A time in which at least two nodes were on different chains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// From when.
    pub from: u64,
    /// To when; none if it lasted to the end.
    pub to: Option<u64>,
    /// How chains differed when it was over or the run ended.
    pub explanation: Explanation,
    /// Which pattern it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
}

/// How long agreement took after a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Healing {
    /// The entry of the timeline.
    pub entry: EntryName,
    /// When it ended.
    pub ended: u64,
    /// When all nodes agreed on the head again, if they did before the next fault began or the timeline ended.
    pub agreed: Option<u64>,
}

/// How exactly faults came when they should.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FaultTiming {
    /// Begins and ends of faults that were applied.
    pub instants: Vec<FaultInstant>,
    /// The worst difference between planned and applied, in microseconds; none if no fault was applied.
    pub worst: Option<u64>,
}

/// One beginning or end of a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultInstant {
    /// The entry of the timeline.
    pub entry: EntryName,
    /// Whether it is the beginning.
    pub begin: bool,
    /// When it should have been.
    pub planned: u64,
    /// When it was.
    pub applied: u64,
    /// What could not be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Who is meant by a result, for figures.
pub(crate) fn per_node<T: serde::Serialize>(values: impl IntoIterator<Item = (NodeName, T)>) -> serde_json::Value {
    let map: BTreeMap<String, T> = values.into_iter().map(|(node, value)| (node.as_str().to_owned(), value)).collect();
    serde_json::to_value(map).unwrap_or_default()
}

impl Outcome {
    /// Both together: the worse of the two. Commutative, associative, and `Pass` changes nothing.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

impl FromIterator<Outcome> for Outcome {
    fn from_iter<I: IntoIterator<Item = Self>>(outcomes: I) -> Self {
        outcomes.into_iter().fold(Self::Pass, Self::and)
    }
}
