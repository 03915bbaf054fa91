//! Somebody refuses a block that the others hold, or makes one that all others refuse: clients that compute differently.

use std::fmt::Write as _;

use super::quotes::refusers;
use super::view::Line;
use super::{Diagnosis, Kind, View};
use crate::check::chain::{BlockId, Relation};
use crate::check::questions::short_hash;
use crate::check::roots::differing_state;

/// A node that is so many blocks behind, or fewer, may just be about to take them.
const NEAR: u64 = 2;

/// Sees nodes that are off the others' chain while somebody's log says that a block was refused.
pub(super) fn see(view: &View<'_, '_>) -> Option<Diagnosis> {
    let history = view.history;
    let refusing = refusers(history, &view.layer.nodes, view.from, view.to);
    if refusing.is_empty() || refusing.len() == view.layer.nodes.len() {
        return None;
    }
    // Whoever refuses is alone, unless most refuse: then those are whose blocks are refused.
    let refused = refusing.len() * 2 > view.layer.nodes.len();
    let alone = |node: usize| refusing.contains(&node) != refused;
    let others = view.present().filter(|line| !alone(line.node));
    let top = others.max_by_key(|line| line.height)?;
    let tip = top.head?;
    let off: Vec<&Line> = view.present().filter(|line| alone(line.node) && is_off(view, line, tip)).collect();
    let first = *off.iter().min_by_key(|line| line.height)?;
    let nodes: Vec<usize> = off.iter().map(|line| line.node).collect();
    let names = view.list(&nodes);
    let verb = |one: &'static str, many: &'static str| if nodes.len() == 1 { one } else { many };
    let disputed = disputed(view, first, tip);
    let which = disputed.map_or_else(String::new, |block| {
        let hash = short_hash(history.chain.hash(block));
        format!(" {hash} at {} {}", view.word(), history.chain.height(block))
    });
    let mut text = if refused {
        format!("bad block: the others refuse what {names} {}", verb("builds", "build"))
    } else {
        format!("bad block: {names} alone {} block{which} that the others hold", verb("refuses", "refuse"))
    };
    if let Some((since, _)) = first.rose.filter(|_| !refused) {
        let _ = write!(text, "; its head is at {} {} since {}", view.word(), first.height, view.since(since));
    }
    let sides = view.explanation.as_ref().map_or(&[][..], |explanation| &explanation.sides);
    if differing_state(sides).is_some() {
        text.push_str("; same parent, other state root");
    }
    let speakers: &[usize] = if refused { &refusing } else { &nodes };
    let quotes = view.quotes(speakers);
    let named = sides.iter().find(|side| quotes.iter().any(|quote| names_block(&quote.line, &side.block.hash)));
    if let Some(producer) = named.and_then(|side| side.producer.as_ref()) {
        let _ = write!(text, "; the block that the log names was made by {}", producer.name());
    }
    // Behind a cut a side of its own is what every fork looks like, whatever else its log complains about.
    let cut = history.faults_at(view.to).any(super::cuts_links);
    let builds_alone = off.iter().all(|line| line.head.is_some_and(|head| chain_apart(view, head, tip)));
    if cut && builds_alone && named.is_none() {
        return None;
    }
    let since = quotes.first().map(|quote| quote.at);
    let mut diagnosis = view.diagnosis(Kind::BadBlock, &nodes, since, text);
    diagnosis.height = disputed.map(|block| history.chain.height(block));
    diagnosis.evidence = quotes.iter().map(|quote| quote.seq).collect();
    diagnosis.quotes = quotes;
    Some(diagnosis)
}

fn is_off(view: &View<'_, '_>, line: &Line, tip: BlockId) -> bool {
    let Some(head) = line.head else { return false };
    match view.history.chain.relation(head, tip) {
        Relation::Same => false,
        Relation::Above(distance) | Relation::Below(distance) => distance > NEAR,
        Relation::Apart => true,
        Relation::Untold => view.history.chain.height(tip) > line.height + NEAR,
    }
}

fn chain_apart(view: &View<'_, '_>, head: BlockId, tip: BlockId) -> bool {
    view.history.chain.relation(head, tip) == Relation::Apart
}

/// The first block of the others' chain that a node does not have.
fn disputed(view: &View<'_, '_>, line: &Line, tip: BlockId) -> Option<BlockId> {
    let chain = &view.history.chain;
    let common = chain.common(line.head?, tip)?;
    chain.next_above(common, tip)
}

/// Whether a line of a log speaks of a block: clients print hashes whole, or cut after the first digits.
fn names_block(line: &str, hash: &str) -> bool {
    let digits = hash.strip_prefix("0x").unwrap_or(hash);
    digits.get(..6).is_some_and(|start| {
        let found = line.match_indices(start);
        found.into_iter().any(|(at, _)| {
            let before = line[..at].chars().next_back();
            before.is_none_or(|before| !before.is_ascii_hexdigit() || line[..at].ends_with("0x"))
        })
    })
}
