//! A participant is one member of the network only while its two chains are one: the block inside its beacon head and the
//! head of its execution client.

use super::{Finding, FindingKind};
use crate::check::chain::{BlockId, Relation};
use crate::check::history::{Fact, History, State};
use crate::check::layers::{BEACON, EXECUTION};
use crate::check::questions::{seconds, short_hash};

/// Heads so many blocks apart on one chain were only asked at different moments.
const NEAR: u64 = 3;
/// The least time for which layers must be apart to be worth a word, in microseconds.
const GRACE: u64 = 10_000_000;

/// A time in which a participant's layers are apart.
struct Open {
    from: u64,
    seq: u64,
    consensus: BlockId,
    execution: BlockId,
}

pub(super) fn find(history: &History<'_>) -> Vec<Finding> {
    let grace = GRACE.max(history.run.block_time.map_or(0, |time| 2 * time));
    let mut found = Vec::new();
    for (name, members) in history.participants() {
        let on = |layer| members.iter().copied().find(|&member| history.layer(member) == layer);
        let (Some(consensus), Some(execution)) = (on(BEACON), on(EXECUTION)) else { continue };
        let mut heads: [Option<BlockId>; 2] = [None, None];
        let mut open: Option<Open> = None;
        let mut close = |open: Open, to: Option<u64>| {
            let length = to.unwrap_or(history.end).saturating_sub(open.from);
            if length >= grace {
                found.push(finding(history, name, (consensus, execution), &open, to, length));
            }
        };
        let changes = &history.changes;
        for change in changes.iter().filter(|change| change.node == consensus || change.node == execution) {
            let Fact::State(state) = change.fact else { continue };
            heads[usize::from(change.node == execution)] = if let State::Seen(head) = state { head } else { None };
            let apart = match heads {
                [Some(beacon), Some(head)] if apart(history, beacon, head) => Some((beacon, head)),
                _ => None,
            };
            match (apart, &mut open) {
                (Some((consensus, execution)), None) => {
                    open = Some(Open { from: change.at, seq: change.seq, consensus, execution });
                }
                (Some((consensus, execution)), Some(open)) => {
                    (open.consensus, open.execution) = (consensus, execution);
                }
                (None, _) => {
                    if let Some(open) = open.take() {
                        close(open, Some(change.at));
                    }
                }
            }
        }
        if let Some(open) = open {
            close(open, None);
        }
    }
    found
}

/// The execution block inside a beacon block, as far as it was told. Before the merge it is all zeros.
fn inside<'a>(history: &History<'a>, beacon: BlockId) -> Option<&'a str> {
    let hash = history.told.get(&beacon)?.execution.as_deref()?;
    hash.bytes().any(|byte| !matches!(byte, b'0' | b'x')).then_some(hash)
}

/// Whether an execution head is far from the block inside a beacon head. What cannot be told is not apart.
fn apart(history: &History<'_>, beacon: BlockId, head: BlockId) -> bool {
    let Some(hash) = inside(history, beacon) else { return false };
    // A block that no execution client of the run has shown is one that this one has not taken.
    let Some(block) = history.chain.find(hash) else { return true };
    match history.chain.relation(block, head) {
        Relation::Same => false,
        Relation::Below(distance) | Relation::Above(distance) => distance > NEAR,
        Relation::Apart => true,
        Relation::Untold => !history.chain.is_known(block),
    }
}

fn finding(
    history: &History<'_>,
    name: &str,
    (consensus, execution): (usize, usize),
    open: &Open,
    to: Option<u64>,
    length: u64,
) -> Finding {
    let chain = &history.chain;
    let client = |node: usize| &history.nodes[node].record.client;
    let hash = inside(history, open.consensus).unwrap_or_default();
    let height = chain.find(hash).filter(|&block| chain.is_known(block)).map(|block| chain.height(block));
    let height =
        height.map_or_else(|| ", which no execution client has shown".to_owned(), |height| format!(" at {height}"));
    let text = format!(
        "{name}: its consensus client ({}) follows execution block {}{height} ({} {}), while its execution client ({}) stands \
         at {} at {}, for {} from {} on",
        client(consensus),
        short_hash(hash),
        history.height_word(BEACON),
        chain.height(open.consensus),
        client(execution),
        short_hash(chain.hash(open.execution)),
        chain.height(open.execution),
        seconds(length),
        history.moment(open.from).trim_start_matches("at "),
    );
    Finding {
        kind: FindingKind::LayersApart,
        who: vec![name.to_owned()],
        from: open.from,
        to,
        text,
        evidence: vec![open.seq],
    }
}
