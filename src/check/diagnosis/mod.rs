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

use serde::{Deserialize, Serialize};

use super::history::History;
use super::windows::Window;
use crate::action::{EntryName, NodeName};

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
    /// Somebody refuses a block that the others hold, or makes one that the others refuse.
    BadBlock,
    /// Several sides build chains of their own; all but one will reorganise later.
    Fork,
    /// Nobody makes blocks, and nobody disagrees.
    Halt,
    /// Some go on, the others stand still on the same chain.
    OneSideGoesOn,
    /// Somebody is behind on the same chain and comes nearer.
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

/// What was the matter, who is alone, since when and since which block, and what they said themselves. Instants are in
/// microseconds since the run started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Which pattern.
    pub kind: Kind,
    /// The layer on which it was seen; empty in journals that are older than layers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub layer: String,
    /// Who it is about, participants by their names: those who are alone, where somebody is.
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
    /// One line for people.
    pub text: String,
    /// What the clients concerned wrote into their logs about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotes: Vec<Quote>,
    /// Lines of the journal that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<u64>,
}

/// Looks at these nodes over a time, layer by layer, and says what is the matter; none if nothing is.
pub(crate) fn diagnose(history: &History<'_>, nodes: &[usize], from: u64, to: u64) -> Option<Diagnosis> {
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
    // The first of equals, which is the consensus layer's.
    found.min_by_key(|diagnosis| diagnosis.kind)
}

/// What the network did while links were cut, and whether it ever started: the run in a few lines.
pub(crate) fn diagnose_run(history: &History<'_>) -> Vec<Diagnosis> {
    let nodes: Vec<usize> = (0..history.nodes.len()).collect();
    let Some(zero) = history.zero else { return Vec::new() };
    let cuts = history.windows.iter().filter(|window| cuts_links(window));
    let mut all: Vec<Diagnosis> = cuts
        .filter_map(|window| {
            let from = window.begin?;
            // The last moment at which it was in force.
            let to = window.end.map_or(history.end, |end| end.saturating_sub(1)).min(history.end).max(from);
            let found = diagnose(history, &nodes, from, to)?;
            Some(Diagnosis { during: Some(window.record.name.clone()), ..found })
        })
        .filter(|diagnosis| diagnosis.kind != Kind::Lagging)
        .take(KEPT)
        .collect();
    let whole = diagnose(history, &nodes, zero, history.end);
    if let Some(never) = whole.filter(|diagnosis| diagnosis.kind == Kind::NeverStarted) {
        return vec![never];
    }
    // Before the network has made its first block, a cut finds nothing to part.
    all.retain(|diagnosis| diagnosis.kind != Kind::NeverStarted);
    all
}

/// Whether a fault keeps packets from their receivers altogether.
pub(crate) fn cuts_links(window: &Window<'_>) -> bool {
    matches!(window.record.fault.as_str(), "partition" | "isolate" | "cut" | "disconnect")
}
