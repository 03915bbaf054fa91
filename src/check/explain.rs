//! Why nodes disagree: the first block on which their chains differ, who holds which, who made it, and what was going on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::block_differences::Inspection;
use super::chain::BlockId;
use super::history::{History, State};
use super::layers::Layer;
use super::roots::Roots;
use crate::action::{ClientRef, EntryName, NodeName};

/// How the chains of nodes differ at one moment. Instants are in microseconds since the run started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The moment that is explained.
    pub at: u64,
    /// The layer whose chains are compared; empty in journals that are older than layers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub layer: String,
    /// The first height (slot) at which chains differ; none if all are on one chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// The last block that all share, if it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common: Option<BlockName>,
    /// The branches, most nodes first. Empty if all are on one chain.
    pub sides: Vec<Side>,
    /// Nodes that are on the common part, below the first difference, or behind on the one chain.
    pub behind: Vec<Holder>,
    /// Nodes that could not be asked, and why.
    pub missing: Vec<String>,
    /// Faults in force when the first difference came into being.
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
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<Producer>,
    /// What that block says about the state after it.
    #[serde(default, skip_serializing_if = "Roots::is_empty")]
    pub roots: Roots,
    /// When it was first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<u64>,
    /// On which node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen_by: Option<NodeName>,
    /// Faults in force when it was first seen.
    pub faults: Vec<EntryName>,
    /// Blocks from there to the highest head of this side, both included.
    pub length: u64,
    /// The nodes on this side.
    pub nodes: Vec<Holder>,
    /// What all nodes of this side have and no other node has: `client reference`, `--quirk tie-break-high`.
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
    /// Its head (or final block) at that moment.
    pub head: BlockName,
    /// Since when it had that head.
    pub since: u64,
    /// Line of the journal that says so.
    pub seq: u64,
}

/// Who made a block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Producer {
    /// In the chain's own terms.
    pub signed_as: String,
    /// The node that signs so, if the plan knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// The participant that it is a member of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<String>,
    /// The client that made it: of a participant the member that shows the block's layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientRef>,
    /// Arguments that it has and its siblings have not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<String>,
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
        (one.sides.len() > 1, !one.behind.is_empty(), !one.missing.is_empty())
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
    let mut held: Vec<(usize, u64, u64, BlockId)> = Vec::new();
    let mut missing = Vec::new();
    for &node in nodes {
        let found = match pointer {
            Pointer::Head => history.head_at(node, at),
            Pointer::Finalized => history.finalized_at(node, at).map(|(since, seq, (_, block))| (since, seq, block)),
        };
        match found {
            Some((since, seq, block)) => held.push((node, since, seq, block)),
            None if history.state_at(node, at).1 == State::Away => {}
            None => missing.extend(history.why_missing(node, at)),
        }
    }
    let faults = |at: u64| history.faults_at(at).map(|window| window.record.name.clone()).collect::<Vec<_>>();
    let (common, mut groups, below) = branches(history, &held);
    // Most nodes first; of equals the one that was there first.
    let born = |block: BlockId| history.first_holder(block).map_or(u64::MAX, |holding| holding.at);
    groups.sort_by_key(|(block, members)| (std::cmp::Reverse(members.len()), born(*block), *block));
    let holder = |index: &usize| {
        let (node, since, seq, block) = held[*index];
        let record = history.nodes[node].record;
        let whole = history.mates(node).iter().all(|mate| everybody.contains(mate));
        Holder {
            node: record.name.clone(),
            participant: record.participant.clone().filter(|_| whole),
            client: record.client.clone(),
            head: named(history, block),
            since,
            seq,
        }
    };
    let sides: Vec<Side> = groups
        .iter()
        .map(|(block, members)| {
            let first = history.first_holder(*block);
            let top = members.iter().map(|&index| history.chain.level(held[index].3)).max().unwrap_or(0);
            Side {
                block: named(history, *block),
                parent: history.chain.parent_hash(*block).map(str::to_owned),
                producer: producer(history, layer.name, *block),
                roots: history.roots(*block),
                first_seen: first.map(|holding| holding.at),
                first_seen_by: first.map(|holding| history.name(holding.node).clone()),
                faults: first.map(|holding| faults(holding.at)).unwrap_or_default(),
                length: top.saturating_sub(history.chain.level(*block)) + 1,
                nodes: members.iter().map(holder).collect(),
                distinguished_by: distinguished_by(
                    history,
                    nodes,
                    &members.iter().map(|&index| held[index].0).collect(),
                ),
            }
        })
        .collect();
    // The difference exists from the moment at which the second branch was seen.
    let mut births: Vec<u64> = sides.iter().filter_map(|side| side.first_seen).collect();
    births.sort_unstable();
    Explanation {
        at,
        layer: layer.name.to_owned(),
        height: sides.iter().map(|side| side.block.height).min(),
        common: common.map(|block| named(history, block)),
        faults_then: births.get(1).map(|&at| faults(at)).unwrap_or_default(),
        faults_now: faults(at),
        behind: below.iter().map(holder).collect(),
        sides,
        missing,
        inspection: None,
    }
}

/// The last common block, the branches above it (first block, members), and the members that are on no branch.
type Branches = (Option<BlockId>, Vec<(BlockId, Vec<usize>)>, Vec<usize>);

/// A node, since when it held a block, the line that says so, and the block.
type Held = (usize, u64, u64, BlockId);

/// The last common block, the branches above it (first block, members), and the members that are on no branch.
fn branches(history: &History<'_>, held: &[Held]) -> Branches {
    let chain = &history.chain;
    if held.iter().any(|&(.., block)| !chain.is_known(block)) {
        return unknown_branches(held);
    }
    let Some(highest) = held.iter().map(|held| held.3).max_by_key(|&block| (chain.height(block), block)) else {
        return (None, Vec::new(), Vec::new());
    };
    // Two heads that are apart meet lowest where all that are apart meet: heads that only lag do not pull it down.
    let mut fork: Option<BlockId> = None;
    let mut strangers = false;
    for &(.., block) in held {
        if chain.relation(block, highest) != super::chain::Relation::Apart {
            continue;
        }
        match chain.common(block, highest) {
            Some(common) if fork.is_none_or(|fork| chain.level(common) < chain.level(fork)) => fork = Some(common),
            Some(_) => {}
            None => strangers = true,
        }
    }
    let mut groups: BTreeMap<BlockId, Vec<usize>> = BTreeMap::new();
    let mut below = Vec::new();
    for (index, &(.., block)) in held.iter().enumerate() {
        let first = match fork {
            _ if strangers => lowest_seen(history, block, held),
            Some(fork) => chain.next_above(fork, block),
            None => None,
        };
        match first {
            Some(first) => groups.entry(first).or_default().push(index),
            None => below.push(index),
        }
    }
    if groups.len() < 2 {
        // All on one chain: whoever is not at the top is behind.
        below = (0..held.len()).filter(|&index| held[index].3 != highest).collect();
        return (Some(highest), Vec::new(), below);
    }
    (if strangers { None } else { fork }, groups.into_iter().collect(), below)
}

/// Where a block itself was never seen (only called final), every distinct block is a side.
fn unknown_branches(held: &[Held]) -> Branches {
    let mut groups: BTreeMap<BlockId, Vec<usize>> = BTreeMap::new();
    for (index, &(.., block)) in held.iter().enumerate() {
        groups.entry(block).or_default().push(index);
    }
    if groups.len() < 2 {
        return (None, Vec::new(), Vec::new());
    }
    (None, groups.into_iter().collect(), Vec::new())
}

/// Where chains do not meet in what was seen, branches are told apart at the lowest height that was seen of all.
fn lowest_seen(history: &History<'_>, block: BlockId, held: &[Held]) -> Option<BlockId> {
    let chain = &history.chain;
    let floor = held.iter().map(|&(.., head)| chain.height(chain.root(head))).max()?;
    chain.at_or_below(block, floor)
}

fn named(history: &History<'_>, block: BlockId) -> BlockName {
    BlockName { height: history.chain.height(block), hash: history.chain.hash(block).to_owned() }
}

/// Who made a block of a layer. Keys that sign may lie with another member of the participant than the one that shows
/// the block.
fn producer(history: &History<'_>, layer: &str, block: BlockId) -> Option<Producer> {
    let signed_as = history.chain.producer(block)?;
    let same = |name: &String| name.eq_ignore_ascii_case(signed_as);
    let found = history.run.nodes.iter().position(|node| node.signs_as.iter().any(same));
    let Some(node) = found else {
        return Some(Producer {
            signed_as: signed_as.to_owned(),
            node: None,
            participant: None,
            client: None,
            extra_args: Vec::new(),
        });
    };
    let (record, shows) = (history.nodes[node].record, history.nodes[history.mate_on(node, layer)].record);
    let mut extra_args = shows.extra_args.clone();
    if record.name != shows.name {
        extra_args.extend(record.extra_args.iter().cloned());
    }
    Some(Producer {
        signed_as: signed_as.to_owned(),
        node: Some(record.name.clone()),
        participant: record.participant.clone(),
        client: Some(shows.client.clone()),
        extra_args,
    })
}

/// What all of these nodes have and no other of the nodes in question has; looked for on smaller sides only, because
/// "all but one" points at the one.
fn distinguished_by(history: &History<'_>, nodes: &[usize], members: &BTreeSet<usize>) -> Vec<String> {
    if members.is_empty() || members.len() * 2 > nodes.len() {
        return Vec::new();
    }
    let traits = |node: usize| -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        // What a participant does may come from any of its members.
        for mate in history.mates(node) {
            let record = history.nodes[mate].record;
            all.insert(format!("client {}", record.client));
            if record.client.variant.is_some() {
                all.insert(format!("client {}", record.client.name));
            }
            all.extend(flags(&record.extra_args));
            all.extend(record.group.iter().map(|group| format!("group {group}")));
        }
        all
    };
    let mut shared: Option<BTreeSet<String>> = None;
    for &member in members {
        let own = traits(member);
        shared = Some(shared.map_or_else(|| own.clone(), |shared| shared.intersection(&own).cloned().collect()));
    }
    let mut shared = shared.unwrap_or_default();
    for node in nodes.iter().filter(|node| !members.contains(node)) {
        let other = traits(*node);
        shared.retain(|one| !other.contains(one));
    }
    // Arguments first, then clients, then groups: the likelier a cause, the earlier.
    let rank = |text: &String| if text.starts_with("client ") { 1 } else { 2 * i32::from(text.starts_with("group ")) };
    let mut shared: Vec<String> = shared.into_iter().collect();
    shared.sort_by_key(rank);
    shared
}

/// `["--quirk", "x", "--v2"]` as `--quirk x` and `--v2`.
fn flags(arguments: &[String]) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    for argument in arguments {
        match flags.last_mut() {
            Some(last) if !argument.starts_with('-') && last.starts_with('-') && !last.contains([' ', '=']) => {
                last.push(' ');
                last.push_str(argument);
            }
            _ => flags.push(argument.clone()),
        }
    }
    flags
}
