//! Participants: several processes that are one member of the network, and what is meant for them as a whole.

use std::collections::BTreeMap;

use super::{Node, Topology};
use crate::link::{LinkRule, NodeSet};

/// What graphs are made over and what `one` and `40%` count: a participant with all its members, or a node that is in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Name of the participant or of the node.
    pub name: String,
    /// Positions of its nodes, in plan order.
    pub nodes: NodeSet,
    /// Whether it is a participant.
    pub participant: bool,
}

impl Topology {
    /// All participants and all nodes that are in none, in plan order.
    pub fn units(&self) -> Vec<Unit> {
        units(&self.nodes)
    }

    /// Rules that leave the links among the members of one participant alone, unless one of the two ends is in
    /// `as_members`: was named as a member (`west-0.execution`), not as a part of its participant (`west-0`).
    pub fn sparing_mates(&self, rules: Vec<LinkRule>, as_members: &NodeSet) -> Vec<LinkRule> {
        Mates::new(&self.nodes).spare(rules, as_members)
    }

    /// Positions of all nodes that are in one participant with this one, itself included; nobody for a node in none.
    pub fn mates(&self, node: u16) -> NodeSet {
        let participant = self.nodes.get(usize::from(node)).and_then(|node| node.participant.as_deref());
        let Some(participant) = participant else { return NodeSet::new() };
        let same = |node: &Node| node.participant.as_deref() == Some(participant);
        (0_u16..).zip(&self.nodes).filter(|(_, node)| same(node)).map(|(position, _)| position).collect()
    }
}

pub(super) fn units(nodes: &[Node]) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for (position, node) in (0_u16..).zip(nodes) {
        match (&node.participant, units.last_mut()) {
            // Members stand next to each other.
            (Some(name), Some(last)) if last.participant && last.name == *name => {
                last.nodes.insert(position);
            }
            (participant, _) => units.push(Unit {
                name: participant.clone().unwrap_or_else(|| node.name.to_string()),
                nodes: NodeSet::from([position]),
                participant: participant.is_some(),
            }),
        }
    }
    units
}

/// Who is in one participant with whom.
pub(super) struct Mates {
    /// For each node in a participant: all members, itself included.
    of: BTreeMap<u16, NodeSet>,
}

impl Mates {
    pub(super) fn new(nodes: &[Node]) -> Self {
        let participants = units(nodes).into_iter().filter(|unit| unit.participant);
        let of = participants.flat_map(|unit| {
            let all = unit.nodes.clone();
            unit.nodes.into_iter().map(move |node| (node, all.clone()))
        });
        Self { of: of.collect() }
    }

    /// See [`Topology::sparing_mates`].
    pub(super) fn spare(&self, rules: Vec<LinkRule>, as_members: &NodeSet) -> Vec<LinkRule> {
        if self.of.is_empty() {
            return rules;
        }
        let mut spared = Vec::new();
        for LinkRule { from, to, parameters } in rules {
            // Senders that spare the same receivers share a rule: the members of a participant do, because a rule leaves
            // links of a node to itself alone.
            let mut senders: BTreeMap<NodeSet, NodeSet> = BTreeMap::new();
            for &sender in &from {
                senders.entry(self.left_alone(sender, &to, as_members)).or_default().insert(sender);
            }
            for (left_alone, from) in senders {
                let to: NodeSet = to.difference(&left_alone).copied().collect();
                if !to.is_empty() {
                    spared.push(LinkRule { from, to, parameters });
                }
            }
        }
        spared
    }

    /// The receivers that a sender's packets must reach whatever befalls its participant; itself among them if there are any.
    fn left_alone(&self, sender: u16, to: &NodeSet, as_members: &NodeSet) -> NodeSet {
        let Some(mates) = self.of.get(&sender).filter(|_| !as_members.contains(&sender)) else { return NodeSet::new() };
        let others = mates.iter().any(|mate| *mate != sender && to.contains(mate) && !as_members.contains(mate));
        if !others {
            return NodeSet::new();
        }
        mates.iter().copied().filter(|mate| *mate == sender || !as_members.contains(mate)).collect()
    }
}
