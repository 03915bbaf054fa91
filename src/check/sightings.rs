//! On which nodes a block was seen, and in which order. Probes ask nodes in turn: who was seen to hold a block a moment
//! earlier than another was only asked a moment earlier.

use super::chain::BlockId;
use super::history::History;
use crate::journal::SIGHT_PROMISE;

/// The first sightings of a block.
#[derive(Clone, Debug)]
pub(super) struct Sightings {
    /// When it was first seen, in microseconds since the run started.
    pub(super) at: u64,
    /// On which node.
    pub(super) first: usize,
    /// On which other nodes it was seen before the first one's lead could be told from the order of asking.
    pub(super) as_early: Vec<usize>,
    /// Whether no other node was ever seen to hold it.
    pub(super) nowhere_else: bool,
}

/// The first sightings of a block, if it was seen on any node.
pub(super) fn sightings(history: &History<'_>, block: BlockId) -> Option<Sightings> {
    let start = history.holdings.partition_point(|holding| holding.block < block);
    let mut seen = history.holdings[start..].iter().take_while(|holding| holding.block == block);
    let first = seen.next()?;
    let (mut as_early, mut nowhere_else) = (Vec::new(), true);
    for holding in seen.filter(|holding| holding.node != first.node) {
        nowhere_else = false;
        // Between two answers of one node no more than this may pass without a word in the journal.
        if holding.at <= first.at + SIGHT_PROMISE && !as_early.contains(&holding.node) {
            as_early.push(holding.node);
        }
    }
    Some(Sightings { at: first.at, first: first.node, as_early, nowhere_else })
}
