//! Why nodes disagree: the first block on which their chains differ, who holds which, who made it, and what was going on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::chain::BlockId;
use super::history::{History, State};
use super::questions::{name_list, short_hash};
use crate::action::{ClientRef, EntryName, NodeName};

/// How the chains of nodes differ at one moment. Instants are in microseconds since the run started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The moment that is explained.
    pub at: u64,
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
    /// Its client.
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

/// Explains how the chains of these nodes stand at a moment.
pub(crate) fn explain(history: &History<'_>, nodes: &[usize], at: u64, pointer: Pointer) -> Explanation {
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
        Holder { node: record.name.clone(), client: record.client.clone(), head: named(history, block), since, seq }
    };
    let sides: Vec<Side> = groups
        .iter()
        .map(|(block, members)| {
            let first = history.first_holder(*block);
            let top = members.iter().map(|&index| history.chain.level(held[index].3)).max().unwrap_or(0);
            Side {
                block: named(history, *block),
                parent: history.chain.parent_hash(*block).map(str::to_owned),
                producer: producer(history, *block),
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
        height: sides.iter().map(|side| side.block.height).min(),
        common: common.map(|block| named(history, block)),
        faults_then: births.get(1).map(|&at| faults(at)).unwrap_or_default(),
        faults_now: faults(at),
        behind: below.iter().map(holder).collect(),
        sides,
        missing,
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

fn producer(history: &History<'_>, block: BlockId) -> Option<Producer> {
    let signed_as = history.chain.producer(block)?;
    let same = |name: &String| name.eq_ignore_ascii_case(signed_as);
    let node = history.run.nodes.iter().find(|node| node.signs_as.iter().any(same));
    Some(Producer {
        signed_as: signed_as.to_owned(),
        node: node.map(|node| node.name.clone()),
        client: node.map(|node| node.client.clone()),
        extra_args: node.map(|node| node.extra_args.clone()).unwrap_or_default(),
    })
}

/// What all of these nodes have and no other of the nodes in question has; looked for on smaller sides only, because
/// "all but one" points at the one.
fn distinguished_by(history: &History<'_>, nodes: &[usize], members: &BTreeSet<usize>) -> Vec<String> {
    if members.is_empty() || members.len() * 2 > nodes.len() {
        return Vec::new();
    }
    let traits = |node: usize| -> BTreeSet<String> {
        let record = history.nodes[node].record;
        let mut all = BTreeSet::from([format!("client {}", record.client)]);
        if record.client.variant.is_some() {
            all.insert(format!("client {}", record.client.name));
        }
        all.extend(flags(&record.extra_args));
        all.extend(record.group.iter().map(|group| format!("group {group}")));
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

impl Explanation {
    /// Lines for people, most useful first.
    pub(crate) fn lines(&self, history: &History<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(height) = self.height {
            lines.push(format!("chains differ from {} {height} on: {}", history.height_word(), self.who_holds_what()));
            let (first, others) = self.by_interest();
            lines.extend(first.map(|side| side.story(history)));
            lines.extend(others.into_iter().map(|side| side.story(history)));
            let then = EntryNames(&self.faults_then);
            lines.push(match &self.common {
                Some(common) => format!(
                    "the last block that all share is {} at {}; faults in force when they parted: {then}",
                    short_hash(&common.hash),
                    common.height
                ),
                None => format!("no common block was seen; faults in force when they parted: {then}"),
            });
        }
        for holder in &self.behind {
            lines.push(format!(
                "{} ({}) is behind: its head is {} at {}, since {}",
                holder.node,
                holder.client,
                short_hash(&holder.head.hash),
                holder.head.height,
                history.moment(holder.since).trim_start_matches("at "),
            ));
        }
        lines.extend(self.missing.iter().cloned());
        lines
    }

    /// `3 nodes hold 0xaa… (west-0, west-1 and west-2), 1 node holds 0xbb… (east-0)`.
    fn who_holds_what(&self) -> String {
        let sides: Vec<String> = self
            .sides
            .iter()
            .map(|side| {
                let names: Vec<String> = side.nodes.iter().map(|holder| holder.node.to_string()).collect();
                let count = names.len();
                let verb = if count == 1 { "node holds" } else { "nodes hold" };
                format!("{count} {verb} {} ({})", short_hash(&side.block.hash), name_list(&names))
            })
            .collect();
        sides.join(", ")
    }

    /// The side that is told of first: one that something sets apart, else one that stands alone, else the one that
    /// came second.
    fn by_interest(&self) -> (Option<&Side>, Vec<&Side>) {
        let mut sides: Vec<&Side> = self.sides.iter().collect();
        sides.sort_by_key(|side| {
            let told = side.distinguished_by.iter().any(|one| !one.starts_with("group "));
            let odd = side.producer.as_ref().is_some_and(|producer| !producer.extra_args.is_empty());
            (!told, !odd, side.nodes.len(), std::cmp::Reverse(side.first_seen))
        });
        let first = if sides.is_empty() { None } else { Some(sides.remove(0)) };
        (first, sides)
    }

    /// Lines of the journal that show it.
    pub(crate) fn evidence(&self) -> Vec<u64> {
        let sides = self.sides.iter().flat_map(|side| &side.nodes);
        sides.chain(&self.behind).map(|holder| holder.seq).collect()
    }
}

impl Side {
    fn story(&self, history: &History<'_>) -> String {
        let made = match &self.producer {
            Some(Producer { node: Some(node), client: Some(client), extra_args, .. }) if extra_args.is_empty() => {
                format!("was made by {node} ({client})")
            }
            Some(Producer { node: Some(node), client: Some(client), extra_args, .. }) => {
                format!("was made by {node} ({client} {})", extra_args.join(" "))
            }
            Some(producer) => {
                format!("was made by {}, which no node of the run signs as", short_hash(&producer.signed_as))
            }
            None => "was made by a producer that the journal does not name".to_owned(),
        };
        let seen = match (self.first_seen, &self.first_seen_by) {
            (Some(at), Some(node)) => format!("; {node} had it first, {}", history.moment(at)),
            _ => String::new(),
        };
        let names: Vec<String> = self.nodes.iter().map(|holder| holder.node.to_string()).collect();
        let who = match names.as_slice() {
            [one] => format!("{one} is alone on it"),
            _ => format!("{} are on it", name_list(&names)),
        };
        let odd: Vec<&str> =
            self.distinguished_by.iter().map(String::as_str).filter(|one| !one.starts_with("group ")).collect();
        let odd = if odd.is_empty() { String::new() } else { format!(" and alone run {}", odd.join(" and ")) };
        let odd = if names.len() == 1 {
            odd.replace(" alone run ", " is the only one with ")
        } else {
            odd.replace("alone run", "are the only ones with")
        };
        format!("{} at {} {made}{seen}; {who}{odd}", short_hash(&self.block.hash), self.block.height)
    }
}

struct EntryNames<'a>(&'a [EntryName]);

impl std::fmt::Display for EntryNames<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let names: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&name_list(&names))
    }
}

impl History<'_> {
    /// What this chain counts by.
    pub(crate) fn height_word(&self) -> &'static str {
        if self.run.slots_per_epoch.is_some() { "slot" } else { "height" }
    }
}
