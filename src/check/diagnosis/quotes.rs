//! What clients say themselves: lines of their logs that mean that they refuse something, or that they are broken.

use serde::{Deserialize, Serialize};

use super::super::history::{History, Mark};
use super::super::log::PANIC;
use crate::action::NodeName;

/// The pattern of log marks by which clients say that they refuse something.
pub(crate) const REFUSAL: &str = "refusal";
/// Refusals from so shortly before a trouble began belong to it: heads are sampled, log lines are not. In microseconds.
const BEFORE: u64 = 10_000_000;
/// How many lines are quoted.
const KEPT: usize = 3;

/// A line of a client's own log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// Whose.
    pub node: NodeName,
    /// When it was read, in microseconds since the run started.
    pub at: u64,
    /// The line.
    pub line: String,
    /// Its number in `logs/<node>.log`.
    pub number: u64,
    /// Line of the journal.
    pub seq: u64,
}

impl Quote {
    /// `west-0 says (logs/west-0.log:7): …`.
    pub(crate) fn text(&self) -> String {
        format!("{} says (logs/{}.log:{}): {}", self.node, self.node, self.number, self.line.trim())
    }
}

/// The first refusal of each of these nodes and their mates within a time; where there are none, what says that they are
/// broken.
pub(crate) fn of(history: &History<'_>, nodes: &[usize], from: u64, to: u64) -> Vec<Quote> {
    let from = from.saturating_sub(BEFORE);
    let mut family: Vec<usize> = nodes.iter().flat_map(|&node| history.mates(node)).collect();
    family.sort_unstable();
    family.dedup();
    for pattern in [REFUSAL, PANIC] {
        let mut quotes: Vec<Quote> =
            family.iter().filter_map(|&node| first(history, node, pattern, from, to)).collect();
        if !quotes.is_empty() {
            quotes.sort_by_key(|quote| quote.seq);
            quotes.truncate(KEPT);
            return quotes;
        }
    }
    Vec::new()
}

/// The first line of a node's log that matched a pattern within a time.
fn first(history: &History<'_>, node: usize, pattern: &str, from: u64, to: u64) -> Option<Quote> {
    let marks = history.nodes[node].marks.iter();
    // Journals that promise nothing do not tell a manifest's patterns from those of a scenario.
    let own = |mark: &&Mark<'_>| mark.manifest || history.run.promises == 0;
    let mark = marks.into_iter().filter(own).find(|mark| mark.pattern == pattern && (from..=to).contains(&mark.at))?;
    let &Mark { at, seq, line, number, .. } = mark;
    Some(Quote { node: history.name(node).clone(), at, line: line.to_owned(), number, seq })
}

/// Which of these nodes refused something within a time, by their own logs or those of their mates.
pub(crate) fn refusers(history: &History<'_>, nodes: &[usize], from: u64, to: u64) -> Vec<usize> {
    let from = from.saturating_sub(BEFORE);
    let refuses =
        |&node: &usize| history.mates(node).into_iter().any(|mate| first(history, mate, REFUSAL, from, to).is_some());
    nodes.iter().copied().filter(refuses).collect()
}
