//! Why nodes disagree: the first block on which their chains differ, who holds which, who made it, and what was going on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::block_differences::Inspection;
use super::branches::{Branches, Held, branches};
use super::chain::{BlockId, Relation};
use super::distinct::distinguished_by;
use super::history::{History, State};
use super::layers::Layer;
use super::producer::{AnsweredWith, Producer, answered_with, producer};
use super::roots::Roots;
use super::sightings::sightings;
use crate::action::{ClientRef, EntryName, NodeName};

/// How the chains of nodes differ at one moment. Instants are in microseconds since the run started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The moment that is explained.
    pub at: u64,
    /// The layer whose chains are compared; empty in journals that are older than layers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub layer: String,
    /// Whether blocks that nodes call final are compared, and not their heads.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_final: bool,
    /// The first height (slot) at which chains were seen to differ; none if no two were. Of final blocks that were not
    /// seen themselves it is the number (epoch) under which they are final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// Whether they may have parted below that height: their blocks were not seen down to one that they share.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parted_below: bool,
    /// The last block that all branches share, if it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common: Option<BlockName>,
    /// The branches, most nodes first. Empty if all are on one chain.
    pub sides: Vec<Side>,
    /// Nodes that are on the common part, below the first difference, or behind on the one chain.
    pub behind: Vec<Holder>,
    /// Nodes that could be asked, but whose chain was not seen down to where it joins the others'.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unplaced: Vec<Holder>,
    /// Nodes that could not be asked, and why.
    pub missing: Vec<String>,
    /// When the second branch was first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parted: Option<u64>,
    /// Faults in force when the second branch was first seen.
    pub faults_then: Vec<EntryName>,
    /// Faults in force at the moment that is explained.
    pub faults_now: Vec<EntryName>,
    /// What nodes told of the first blocks of the branches, on execution chains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection: Option<Inspection>,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockName {
    /// Height or slot.
    pub height: u64,
    /// Hash or root.
    pub hash: String,
}

/// One branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Its first block that the others do not have.
    pub block: BlockName,
    /// That block's parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Who made it, by what it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<Producer>,
    /// The one answer of a timeline's call that holds its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_with: Option<AnsweredWith>,
    /// What that block says about the state after it.
    #[serde(default, skip_serializing_if = "Roots::is_empty")]
    pub roots: Roots,
    /// When it was first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<u64>,
    /// On which node. Nodes are asked one after the other, so this is not yet the node that had it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen_by: Option<NodeName>,
    /// On which nodes it was seen so shortly after that nobody can tell which of them had it earlier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen_as_early: Vec<NodeName>,
    /// Whether no other node was ever seen to hold it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub seen_nowhere_else: bool,
    /// Faults in force when it was first seen.
    pub faults: Vec<EntryName>,
    /// Blocks from there to the highest head of this side, both included.
    pub length: u64,
    /// The nodes on this side.
    pub nodes: Vec<Holder>,
    /// Nodes that were not asked about and are on this side too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<NodeName>,
    /// Whether one node is on it and every other node of the layer was seen not to be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_one_alone: bool,
    /// What all nodes of this side have and no other node of the run has: `client reference`, `--quirk tie-break-high`.
    pub distinguished_by: Vec<String>,
}

/// A node and what it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// Its name.
    pub node: NodeName,
    /// The participant that it is a member of, if all members of that are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<String>,
    /// Its client.
    pub client: ClientRef,
    /// What it last said its version is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its head (or final block) at that moment.
    pub head: BlockName,
    /// Since when it had that head.
    pub since: u64,
    /// Line of the journal that says so.
    pub seq: u64,
}

/// What each node points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pointer {
    /// Its head.
    Head,
    /// Its last final block.
    Finalized,
}

/// Explains how the chains of these nodes stand at a moment: of several layers the one that tells most.
pub(crate) fn explain(history: &History<'_>, nodes: &[usize], at: u64, pointer: Pointer) -> Explanation {
    let mut all = explain_layers(history, nodes, at, pointer);
    // The first of equals, which is the consensus layer's.
    let most = (0..all.len()).rev().max_by_key(|&index| {
        let one = &all[index];
        (one.sides.len() > 1, !one.unplaced.is_empty(), !one.behind.is_empty(), !one.missing.is_empty())
    });
    most.map_or_else(
        || explain_layer(history, &Layer { name: "", nodes: Vec::new() }, nodes, at, pointer),
        |index| all.swap_remove(index),
    )
}

/// Explains how the chains of these nodes stand at a moment, layer by layer.
pub(crate) fn explain_layers(history: &History<'_>, nodes: &[usize], at: u64, pointer: Pointer) -> Vec<Explanation> {
    history.layers(nodes).iter().map(|layer| explain_layer(history, layer, nodes, at, pointer)).collect()
}

/// `meant` are all nodes that the question was about, on whatever layer.
fn explain_layer(history: &History<'_>, layer: &Layer<'_>, meant: &[usize], at: u64, pointer: Pointer) -> Explanation {
    let nodes = layer.nodes.as_slice();
    // An expectation without targets means everybody, though processes were taken out of it.
    let mut everybody: BTreeSet<usize> = meant.iter().copied().collect();
    everybody.extend((0..history.nodes.len()).filter(|&node| history.layer(node) == super::layers::PROCESS));
    let mut held: Vec<Held> = Vec::new();
    let mut missing = Vec::new();
    for &node in nodes {
        match pointed_at(history, node, at, pointer) {
            Some(one) => held.push(one),
            None if history.state_at(node, at).1 == State::Away => {}
            None => missing.extend(history.why_missing(node, at)),
        }
    }
    let faults = |at: u64| history.faults_at(at).map(|window| window.record.name.clone()).collect::<Vec<_>>();
    let Branches { common, mut groups, below, unplaced, height, parted_below } = branches(&history.chain, &held);
    // Most nodes first; of equals the one that was seen first.
    let born = |block: BlockId| history.first_holder(block).map_or(u64::MAX, |holding| holding.at);
    groups.sort_by_key(|(block, members)| (std::cmp::Reverse(members.len()), born(*block), *block));
    let holder = |index: &usize| {
        let Held { node, since, seq, block, height } = held[*index];
        let record = history.nodes[node].record;
        let whole = history.mates(node).iter().all(|mate| everybody.contains(mate));
        Holder {
            node: record.name.clone(),
            participant: record.participant.clone().filter(|_| whole),
            client: record.client.clone(),
            version: history.nodes[node].version.map(str::to_owned),
            head: BlockName { height, hash: history.chain.hash(block).to_owned() },
            since,
            seq,
        }
    };
    let sides: Vec<Side> = groups
        .iter()
        .map(|(block, members)| {
            let seen = sightings(history, *block);
            let top = members.iter().map(|&index| history.chain.level(held[index].block)).max().unwrap_or(0);
            let mut on_it: BTreeSet<usize> = members.iter().map(|&index| held[index].node).collect();
            let (also, is_one_alone) = the_rest(history, layer, &on_it, *block, at, pointer);
            on_it.extend(&also);
            let height = members.first().map_or(0, |&index| held[index].height);
            let height = if history.chain.is_known(*block) { history.chain.height(*block) } else { height };
            let names = |nodes: &[usize]| nodes.iter().map(|&node| history.name(node).clone()).collect::<Vec<_>>();
            Side {
                block: BlockName { height, hash: history.chain.hash(*block).to_owned() },
                parent: history.chain.parent_hash(*block).map(str::to_owned),
                producer: producer(history, layer.name, *block),
                answered_with: answered_with(history, *block),
                roots: history.roots(*block),
                first_seen: seen.as_ref().map(|seen| seen.at),
                first_seen_by: seen.as_ref().map(|seen| history.name(seen.first).clone()),
                seen_as_early: seen.as_ref().map(|seen| names(&seen.as_early)).unwrap_or_default(),
                seen_nowhere_else: seen.as_ref().is_some_and(|seen| seen.nowhere_else),
                faults: seen.as_ref().map(|seen| faults(seen.at)).unwrap_or_default(),
                length: top.saturating_sub(history.chain.level(*block)) + 1,
                nodes: members.iter().map(holder).collect(),
                also: names(&also),
                is_one_alone,
                distinguished_by: distinguished_by(history, &on_it),
            }
        })
        .collect();
    // The difference was there to be seen from the moment at which the second branch was seen.
    let mut births: Vec<u64> = sides.iter().filter_map(|side| side.first_seen).collect();
    births.sort_unstable();
    let parted = births.get(1).copied();
    Explanation {
        at,
        layer: layer.name.to_owned(),
        of_final: pointer == Pointer::Finalized,
        height,
        parted_below,
        common: common.map(|block| named(history, block)),
        parted,
        faults_then: parted.map(faults).unwrap_or_default(),
        faults_now: faults(at),
        behind: below.iter().map(holder).collect(),
        unplaced: unplaced.iter().map(holder).collect(),
        sides,
        missing,
        inspection: None,
    }
}

/// What a node points at at a moment, if it could be seen.
fn pointed_at(history: &History<'_>, node: usize, at: u64, pointer: Pointer) -> Option<Held> {
    let (since, seq, said, block) = match pointer {
        Pointer::Head => history.head_at(node, at).map(|(since, seq, block)| (since, seq, 0, block))?,
        Pointer::Finalized => {
            history.finalized_at(node, at).map(|(since, seq, (height, block))| (since, seq, height, block))?
        }
    };
    let height = if history.chain.is_known(block) { history.chain.height(block) } else { said };
    Some(Held { node, since, seq, block, height })
}

/// Which other nodes of the layer were seen to be on a branch although they were not asked about, and whether the one
/// node that is on it is alone: every other one was seen not to be.
fn the_rest(
    history: &History<'_>,
    layer: &Layer<'_>,
    members: &BTreeSet<usize>,
    first: BlockId,
    at: u64,
    pointer: Pointer,
) -> (Vec<usize>, bool) {
    let mut also = Vec::new();
    let mut alone = members.len() == 1;
    for node in (0..history.nodes.len()).filter(|&node| history.layer(node) == layer.name) {
        if members.contains(&node) {
            continue;
        }
        let relation = pointed_at(history, node, at, pointer).map(|held| history.chain.relation(first, held.block));
        match relation {
            Some(Relation::Same | Relation::Below(_)) => {
                also.push(node);
                alone = false;
            }
            Some(Relation::Apart | Relation::Above(_)) => {}
            Some(Relation::Untold) | None => alone = false,
        }
    }
    (also, alone)
}

fn named(history: &History<'_>, block: BlockId) -> BlockName {
    BlockName { height: history.chain.height(block), hash: history.chain.hash(block).to_owned() }
}
