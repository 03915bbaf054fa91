//! What kind of trouble a network is in: one file for each pattern that real chains show. A pattern looks at one layer
//! over one time and says whether it sees itself there.

mod bad_block;
mod fork;
mod halt;
mod lagging;
mod never_started;
mod one_side;
mod quotes;
mod view;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::episodes;
use super::explain::BlockName;
use super::history::History;
use super::windows::Window;
use crate::action::{EntryName, NodeName};
use crate::journal::SIGHT_PROMISE;

pub use quotes::Quote;
pub(crate) use quotes::REFUSAL;
pub(crate) use view::View;

/// How many fault windows are diagnosed. More than this nobody reads.
const KEPT: usize = 24;

/// The patterns, the most telling first: of several that fit, the first is the diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nobody ever made a block.
    NeverStarted,
    /// Clients say that they refuse blocks, and the nodes do not hold the same ones.
    BadBlock,
    /// Nodes hold different chains.
    Fork,
    /// No node shows a new block, and all are on one chain.
    Halt,
    /// Some go on, the others stand still on the same chain.
    OneSideGoesOn,
    /// Somebody is behind on the same chain.
    Lagging,
}

impl Kind {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::NeverStarted => "never started",
            Self::BadBlock => "bad block",
            Self::Fork => "fork",
            Self::Halt => "halt",
            Self::OneSideGoesOn => "one side goes on",
            Self::Lagging => "lagging",
        }
    }
}

/// What was the matter, who is on which side, since when and since which block, and what they said themselves. Instants are in
/// microseconds since the run started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Which pattern.
    pub kind: Kind,
    /// The layer on which it was seen; empty in journals that are older than layers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub layer: String,
    /// Who it is about, participants by their names: all who are on a side, or those who stand still or are behind.
    pub who: Vec<String>,
    /// The nodes behind these names.
    pub nodes: Vec<NodeName>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// The first height (slot) that is concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// The entry of the timeline that was in force, if the diagnosis is about its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub during: Option<EntryName>,
    /// From when to when the nodes were apart, if the diagnosis is about such a time; no end if it lasted to the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart: Option<(u64, Option<u64>)>,
    /// One line for people.
    pub text: String,
    /// The sides, all described alike, where there are several: of a fork, a bad block, or a network of which one side
    /// goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<DiagnosedSide>,
    /// What the clients concerned wrote into their logs about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotes: Vec<Quote>,
    /// Lines of the journal that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<u64>,
}

/// One side of a trouble.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiagnosedSide {
    /// Its first block that the others do not have; none for nodes that only do not take the others'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockName>,
    /// The nodes on it.
    pub nodes: Vec<NodeName>,
}

/// Looks at these nodes over a time, layer by layer, and says what is the matter; none if nothing is.
pub(crate) fn diagnose(history: &History<'_>, nodes: &[usize], from: u64, to: u64) -> Option<Diagnosis> {
    // The first of equals, which is the consensus layer's.
    diagnose_layers(history, nodes, from, to).into_iter().min_by_key(|diagnosis| diagnosis.kind)
}

/// What is the matter on each layer, as far as something is.
pub(crate) fn diagnose_layers(history: &History<'_>, nodes: &[usize], from: u64, to: u64) -> Vec<Diagnosis> {
    let layers = history.layers(nodes);
    let found = layers.into_iter().filter_map(|layer| {
        let view = View::new(history, layer, nodes, from, to);
        never_started::see(&view)
            .or_else(|| bad_block::see(&view))
            .or_else(|| fork::see(&view))
            .or_else(|| halt::see(&view))
            .or_else(|| one_side::see(&view))
            .or_else(|| lagging::see(&view))
    });
    found.collect()
}

/// What the network did while links were cut and whenever chains were apart, and whether it ever started: the run in a few
/// lines, in order of time.
pub(crate) fn diagnose_run(history: &History<'_>) -> Vec<Diagnosis> {
    let nodes: Vec<usize> = (0..history.nodes.len()).collect();
    let Some(zero) = history.zero else { return Vec::new() };
    let whole = diagnose(history, &nodes, zero, history.end);
    if let Some(never) = whole.filter(|diagnosis| diagnosis.kind == Kind::NeverStarted) {
        return vec![never];
    }
    let cuts = history.windows.iter().filter(|window| cuts_links(window));
    let mut all: Vec<(u64, Diagnosis)> = cuts
        .filter_map(|window| {
            let from = window.begin?;
            // The last moment at which it was in force.
            let to = window.end.map_or(history.end, |end| end.saturating_sub(1)).min(history.end).max(from);
            let found = diagnose(history, &nodes, from, to)?;
            Some((from, Diagnosis { during: Some(window.record.name.clone()), ..found }))
        })
        // Before the network has made its first block, a cut finds nothing to part.
        .filter(|(_, diagnosis)| !matches!(diagnosis.kind, Kind::Lagging | Kind::NeverStarted))
        .take(KEPT)
        .collect();
    let mut episodes = of_episodes(history, &nodes, zero, history.end);
    // Of layers that parted together the one that tells most speaks.
    episodes.sort_by_key(|(from, diagnosis)| (*from, diagnosis.kind));
    episodes.dedup_by_key(|(from, _)| *from);
    for (from, diagnosis) in episodes {
        let told = all.iter().any(|(_, other)| other.is_about_the_same(&diagnosis));
        let to = diagnosis.apart.and_then(|apart| apart.1).unwrap_or(history.end);
        // Nodes are asked one after the other: so short a time is how every block that is replaced looks.
        let short = diagnosis.kind == Kind::Fork && to < from + SIGHT_PROMISE;
        if !told && !short && all.len() < 2 * KEPT {
            all.push((from, diagnosis));
        }
    }
    all.sort_by_key(|(from, _)| *from);
    all.into_iter().map(|(_, diagnosis)| diagnosis).collect()
}

/// What was the matter each time these nodes were apart within a time, as it was seen at the last moment of each.
pub(crate) fn of_episodes(history: &History<'_>, nodes: &[usize], from: u64, to: u64) -> Vec<(u64, Diagnosis)> {
    let mut times = episodes::times(history, nodes, from, to);
    let length = |&(begin, end): &(u64, Option<u64>)| end.unwrap_or(to).saturating_sub(begin);
    times.sort_by_key(|time| std::cmp::Reverse(length(time)));
    times.truncate(KEPT);
    times.sort_unstable();
    let mut all = Vec::new();
    for (begin, end) in times {
        let last = end.map_or(to, |end| end.saturating_sub(1).max(begin));
        let found = diagnose_layers(history, nodes, begin, last).into_iter();
        let found = found.filter(|diagnosis| matches!(diagnosis.kind, Kind::BadBlock | Kind::Fork));
        all.extend(found.map(|found| (begin, Diagnosis { apart: Some((begin, end)), ..found })));
    }
    all
}

impl Diagnosis {
    /// Whether another one tells of the same trouble: the same pattern, with the same first blocks.
    pub(crate) fn is_about_the_same(&self, other: &Self) -> bool {
        let blocks = |one: &Self| -> BTreeSet<String> {
            one.sides.iter().filter_map(|side| side.block.as_ref().map(|block| block.hash.clone())).collect()
        };
        self.kind == other.kind && self.layer == other.layer && blocks(self) == blocks(other)
    }
}

/// Whether a fault keeps packets from their receivers altogether.
pub(crate) fn cuts_links(window: &Window<'_>) -> bool {
    matches!(window.record.fault.as_str(), "partition" | "isolate" | "cut" | "disconnect")
}
