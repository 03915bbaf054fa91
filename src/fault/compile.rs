//! What every fault file is handed and gives back, and the few steps that all of them share.

use std::collections::BTreeSet;

use rand_core::Rng;

use super::{Down, Effects, Inject};
use crate::action::{NodeName, Seeds, Signal};
use crate::link::{LinkParameters, LinkRule, NodeSet};
use crate::text::{Diagnostic, Sp};
use crate::topology::{Chosen, TargetContext, Targets, Topology};

/// What a fault is compiled against.
#[derive(Clone, Copy, Debug)]
pub struct FaultContext<'a> {
    /// The nodes there are.
    pub topology: &'a Topology,
    /// Where draws come from: a place of the seed tree that belongs to this entry (and repetition) alone.
    pub seeds: &'a Seeds,
}

/// A fault, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// What it does while it is in force.
    pub effects: Effects,
    /// One line for people: `partition west | east`.
    pub summary: String,
    /// Nodes that it touches, in plan order.
    pub targets: Vec<NodeName>,
}

impl Inject {
    /// Turns the fault into effects. Everything that is wrong with it is told at once.
    pub fn compile(&self, context: &FaultContext<'_>) -> Result<Compiled, Vec<Diagnostic>> {
        match self {
            Self::Partition(fault) => fault.compile(context),
            Self::Isolate(fault) => fault.compile(context),
            Self::Cut(fault) => fault.compile(context),
            Self::Shape(fault) => fault.compile(context),
            Self::Disconnect(fault) => fault.compile(context),
            Self::Kill(fault) => fault.compile(context),
            Self::Stop(fault) => fault.compile(context),
            Self::Pause(fault) => fault.compile(context),
            Self::Restart(fault) => fault.compile(context),
            Self::Flap(place)
            | Self::Upgrade(place)
            | Self::Join(place)
            | Self::Leave(place)
            | Self::Stress(place)
            | Self::Skew(place)
            | Self::ResetConnections(place)
            | Self::Exec(place) => {
                Err(vec![place.refusal(self.keyword(), "`splitbrain list faults` shows the words that work")])
            }
        }
    }

    /// The word under `inject:`.
    pub fn keyword(&self) -> &'static str {
        match self {
            Self::Partition(_) => "partition",
            Self::Isolate(_) => "isolate",
            Self::Cut(_) => "cut",
            Self::Shape(_) => "shape",
            Self::Disconnect(_) => "disconnect",
            Self::Kill(_) => "kill",
            Self::Stop(_) => "stop",
            Self::Pause(_) => "pause",
            Self::Restart(_) => "restart",
            Self::Flap(_) => "flap",
            Self::Upgrade(_) => "upgrade",
            Self::Join(_) => "join",
            Self::Leave(_) => "leave",
            Self::Stress(_) => "stress",
            Self::Skew(_) => "skew",
            Self::ResetConnections(_) => "reset_connections",
            Self::Exec(_) => "exec",
        }
    }
}

impl FaultContext<'_> {
    /// The nodes that a field of the fault means. Each field draws from a stream of its own, so that
    /// `{from: {random: 1}, to: {random: 1}}` need not draw the same node twice.
    pub(super) fn resolve(&self, field: &str, targets: &Sp<Targets>) -> Result<Vec<NodeName>, Diagnostic> {
        let seeds = self.seeds.child(field);
        Targets::resolve(targets, TargetContext { topology: self.topology, seeds: &seeds })
    }

    /// As [`resolve`](Self::resolve), by position and with who was named as a member: for faults on packets, which leave
    /// the links among the members of one participant alone.
    pub(super) fn choose(&self, field: &str, targets: &Sp<Targets>) -> Result<Chosen, Diagnostic> {
        let seeds = self.seeds.child(field);
        Targets::choose(targets, TargetContext { topology: self.topology, seeds: &seeds })
    }

    /// As [`choose`](Self::choose), for the members of a list of targets.
    pub(super) fn choose_each(&self, field: &str, list: &[Sp<Targets>]) -> Result<Vec<Chosen>, Vec<Diagnostic>> {
        let mut chosen = Vec::new();
        let mut mistakes = Vec::new();
        for (position, targets) in list.iter().enumerate() {
            match self.choose(&format!("{field}/{position}"), targets) {
                Ok(nodes) => chosen.push(nodes),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if mistakes.is_empty() { Ok(chosen) } else { Err(mistakes) }
    }

    /// Positions of all nodes.
    pub(super) fn everyone(&self) -> NodeSet {
        self.enumerated().map(|(index, _)| index).collect()
    }

    /// Names of nodes by position.
    pub(super) fn names(&self, nodes: &NodeSet) -> Vec<NodeName> {
        self.enumerated().filter(|(index, _)| nodes.contains(index)).map(|(_, name)| name.clone()).collect()
    }

    fn enumerated(&self) -> impl Iterator<Item = (u16, &NodeName)> {
        (0_u16..=u16::MAX).zip(self.topology.nodes.iter().map(|node| &node.name))
    }

    /// As [`say`](Self::say), by position.
    pub(super) fn say_set(&self, nodes: &NodeSet) -> String {
        self.say(&self.names(nodes))
    }

    /// Nodes as a person would say them: whole groups and participants by their name, others by their own, at most six
    /// words.
    pub(super) fn say(&self, nodes: &[NodeName]) -> String {
        const MOST: usize = 6;
        let wanted: BTreeSet<&NodeName> = nodes.iter().collect();
        if wanted.len() > 1 && wanted.len() == self.topology.nodes.len() {
            return "all nodes".to_owned();
        }
        let mut said = BTreeSet::new();
        let mut words = Vec::new();
        for (group, members) in &self.topology.groups {
            if members.len() > 1 && members.iter().all(|member| wanted.contains(member)) {
                said.extend(members.iter());
                words.push(group.clone());
            }
        }
        let mut single = BTreeSet::new();
        for unit in self.topology.units().into_iter().filter(|unit| unit.participant) {
            let members = self.names(&unit.nodes);
            if members.iter().all(|member| wanted.contains(member) && !said.contains(member)) {
                single.insert(unit.name);
                said.extend(self.enumerated().filter(|(node, _)| unit.nodes.contains(node)).map(|(_, name)| name));
            }
        }
        single.extend(wanted.iter().filter(|name| !said.contains(**name)).map(ToString::to_string));
        words.extend(single);
        let more = words.len().saturating_sub(MOST);
        words.truncate(MOST);
        if more > 0 {
            words.push(format!("{more} more"));
        }
        words.join(" ")
    }

    /// All nodes in an order drawn from the seed (Fisher and Yates); the members of a participant stay together.
    pub(super) fn shuffled(&self, label: &str) -> Vec<NodeSet> {
        let mut order: Vec<NodeSet> = self.topology.units().into_iter().map(|unit| unit.nodes).collect();
        let mut stream = self.seeds.child(label).rng();
        for last in (1..order.len()).rev() {
            // The bias of a remainder of 64 bits by a number of nodes is below 2^-48.
            let other = (stream.next_u64() % (last as u64 + 1)) as usize;
            order.swap(last, other);
        }
        order
    }
}

/// A rule that cuts all links from one set to another.
pub(super) fn cut_rule(from: NodeSet, to: NodeSet) -> LinkRule {
    LinkRule { from, to, parameters: LinkParameters::CUT }
}

/// A fault that takes processes down.
pub(super) fn down(
    context: &FaultContext<'_>,
    word: &str,
    targets: &Sp<Targets>,
    signal: Signal,
    wipe: bool,
) -> Result<Compiled, Vec<Diagnostic>> {
    let targets = context.resolve("targets", targets).map_err(|mistake| vec![mistake])?;
    let down = targets.iter().map(|node| Down { node: node.clone(), signal, wipe }).collect();
    Ok(Compiled {
        effects: Effects { down, ..Effects::default() },
        summary: format!("{word} {}", context.say(&targets)),
        targets,
    })
}
