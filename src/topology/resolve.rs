//! A topology as written to a [`Topology`]: groups written out, mixes dealt, bootnodes and graph made.

use std::collections::{BTreeMap, BTreeSet};

use super::bootnodes_document::BootnodesDocument;
use super::document::TopologyDocument;
use super::graph::{self, Edges, GraphContext};
use super::graph_document::Generator;
use super::names::check_form;
use super::quality::Quality;
use super::{Network, Node, TargetContext, Targets, Topology, Unit, deal, resolve_links};
use crate::action::{ClientRef, NetworkName, NodeName, Seeds};
use crate::link::NodeSet;
use crate::text::{Diagnostic, Ordered, Sp, Span};

/// Most nodes of a topology: a table of all links of so many takes 8 MB.
pub const MOST_NODES: usize = 2_000;

/// What came of a topology.
#[derive(Debug)]
pub struct Resolved {
    /// The topology, if it holds no mistake.
    pub topology: Option<Topology>,
    /// Every client that is named, and where first: also when there are mistakes, so that unknown ones are told too.
    pub clients: BTreeMap<ClientRef, Span>,
    /// Everything that is wrong.
    pub mistakes: Vec<Diagnostic>,
}

/// What the caller decides about a topology.
#[derive(Debug)]
pub struct Wishes<'a> {
    /// Name, where the document says none.
    pub name: &'a str,
    /// Where the topology stands, for mistakes about all of it.
    pub place: Span,
    /// Clients that the whole topology is dealt anew over, with weights; empty leaves it as it is.
    pub clients: &'a [(Sp<String>, u32)],
    /// Where draws come from.
    pub seeds: &'a Seeds,
}

/// Resolves a topology. Reports every mistake that does not hang on another one.
pub fn resolve(document: &TopologyDocument, wishes: &Wishes<'_>) -> Resolved {
    resolve_as(document, wishes, true)
}

/// Looks at the groups, nodes and networks of a topology whose other parts could not be read: nothing comes of it but
/// clients and mistakes.
pub fn look_over(document: &TopologyDocument, wishes: &Wishes<'_>) -> Resolved {
    resolve_as(document, wishes, false)
}

fn resolve_as(document: &TopologyDocument, wishes: &Wishes<'_>, complete: bool) -> Resolved {
    let mut work = Work::default();
    if let Some(name) = &document.name {
        work.note(check_form(name, "topology"));
    }
    for (name, network) in &document.networks {
        work.note(check_form(name, "network"));
        work.networks.insert(NetworkName::new(&name.value), Network { internet: network.internet });
    }
    work.networks.entry(NetworkName::new("main")).or_default();
    for (name, group) in &document.groups {
        work.group(name, group, wishes);
    }
    for (name, node) in &document.nodes {
        work.single(name, node, wishes);
    }
    work.deal_anew(wishes);
    if work.nodes.is_empty() && work.mistakes.is_empty() && complete {
        work.mistakes.push(
            Diagnostic::error("this topology has no nodes")
                .at(wishes.place, "")
                .help("for example `groups: {west: {count: 4, client: reference}}`"),
        );
    }
    let complete = complete && work.mistakes.is_empty();
    let mut topology = Topology {
        name: document.name.as_ref().map_or_else(|| wishes.name.to_owned(), |name| name.value.clone()),
        description: document.description.trim().to_owned(),
        nodes: std::mem::take(&mut work.nodes),
        groups: std::mem::take(&mut work.groups),
        bootnodes: Vec::new(),
        edges: Vec::new(),
        notes: Vec::new(),
        links: Vec::new(),
        networks: std::mem::take(&mut work.networks),
        enforce_graph: document.enforce_graph,
    };
    // Names of nodes are looked up from here on: that makes sense only when all of them are there.
    if complete {
        work.bootnodes(document, &mut topology, wishes);
        work.graph(document, &mut topology, wishes);
        let (rules, mistakes) =
            resolve_links::rules(document, &topology, &work.qualities, &wishes.seeds.child("links"));
        topology.links = rules;
        work.mistakes.extend(mistakes);
    }
    let topology = (complete && work.mistakes.is_empty()).then_some(topology);
    Resolved { topology, clients: work.clients, mistakes: work.mistakes }
}

/// Results while they grow.
#[derive(Default)]
pub(super) struct Work {
    pub(super) nodes: Vec<Node>,
    pub(super) groups: BTreeMap<String, Vec<NodeName>>,
    pub(super) networks: BTreeMap<NetworkName, Network>,
    /// Preset of each node.
    pub(super) qualities: Vec<Option<Quality>>,
    pub(super) clients: BTreeMap<ClientRef, Span>,
    pub(super) names: BTreeMap<String, Span>,
    /// The first `stack` of the file.
    pub(super) stack: Option<Span>,
    pub(super) mistakes: Vec<Diagnostic>,
}

impl Work {
    pub(super) fn note(&mut self, result: Result<(), Diagnostic>) {
        self.mistakes.extend(result.err());
    }

    /// Deals all nodes over other clients.
    fn deal_anew(&mut self, wishes: &Wishes<'_>) {
        if wishes.clients.is_empty() {
            return;
        }
        if let Some(stack) = self.stack {
            self.mistakes.push(
                Diagnostic::error("a topology with participants cannot be dealt out anew")
                    .at(wishes.clients[0].0.span, "which member would run it?")
                    .at(stack, "made of several clients already")
                    .help("write the clients into the topology: `stack: {execution: {one: 2, other: 1}, …}`"),
            );
            return;
        }
        self.clients.clear();
        let clients: Vec<ClientRef> = wishes.clients.iter().map(|(client, _)| self.client(client)).collect();
        let weights: Vec<u32> = wishes.clients.iter().map(|(_, weight)| *weight).collect();
        if weights.iter().all(|&weight| weight == 0) {
            let place = wishes.clients[0].0.span;
            self.mistakes.push(Diagnostic::error("this mix holds no client").at(place, "all weights are 0"));
            return;
        }
        let dealt = deal::in_turn(&weights, self.nodes.len());
        for (node, client) in self.nodes.iter_mut().zip(dealt) {
            node.client = clients[client].clone();
        }
    }

    fn bootnodes(&mut self, document: &TopologyDocument, topology: &mut Topology, wishes: &Wishes<'_>) {
        let chosen: BTreeSet<NodeName> = match document.bootnodes.as_ref().map(|written| (&written.value, written.span))
        {
            None => {
                topology.nodes.iter().filter(|node| node.role == "bootnode").map(|node| node.name.clone()).collect()
            }
            Some((BootnodesDocument::None, _)) => BTreeSet::new(),
            Some((BootnodesDocument::Count(count), _)) => {
                let units = topology.units();
                if count.value == 0 || count.value as usize > units.len() {
                    let what = if units.iter().any(|unit| unit.participant) { "participants" } else { "nodes" };
                    self.mistakes.push(
                        Diagnostic::error(format!("cannot take {} bootnodes of {} {what}", count.value, units.len()))
                            .at(count.span, format!("1 to {}", units.len())),
                    );
                }
                let chosen = in_turns(topology, &units).into_iter().take(count.value as usize);
                chosen
                    .flat_map(|unit| &unit.nodes)
                    .map(|node| topology.nodes[usize::from(*node)].name.clone())
                    .collect()
            }
            Some((BootnodesDocument::Word(word), span)) => {
                let written = vec![Sp::new(Targets::Word(word.clone()), span)];
                self.named_bootnodes(&written, topology, wishes)
            }
            Some((BootnodesDocument::Nodes(written), _)) => self.named_bootnodes(written, topology, wishes),
        };
        topology.bootnodes =
            topology.nodes.iter().map(|node| node.name.clone()).filter(|name| chosen.contains(name)).collect();
    }

    fn named_bootnodes(
        &mut self,
        written: &[Sp<Targets>],
        topology: &Topology,
        wishes: &Wishes<'_>,
    ) -> BTreeSet<NodeName> {
        let mut chosen = BTreeSet::new();
        for (position, targets) in written.iter().enumerate() {
            let seeds = wishes.seeds.child(&format!("bootnodes/{position}"));
            match Targets::resolve(targets, TargetContext { topology, seeds: &seeds }) {
                Ok(nodes) => chosen.extend(nodes),
                Err(mistake) => self.mistakes.push(mistake),
            }
        }
        chosen
    }

    fn graph(&mut self, document: &TopologyDocument, topology: &mut Topology, wishes: &Wishes<'_>) {
        let default = Sp::nowhere(Generator::Mesh);
        let generator = match &document.graph {
            Some(written) => written,
            None if topology.bootnodes.is_empty() => &default,
            None if document.enforce_graph => {
                self.mistakes.push(
                    Diagnostic::error("`enforce_graph` needs a graph")
                        .at(wishes.place, "without `graph` nodes only know their bootnodes")
                        .help("for example `graph: ring`"),
                );
                return;
            }
            None => return,
        };
        let units = topology.units();
        // The members of a participant share group and zone.
        let first = |unit: &Unit| unit.nodes.first().map(|node| &topology.nodes[usize::from(*node)]);
        let names: Vec<NodeName> = units.iter().map(|unit| NodeName::new(&unit.name)).collect();
        let context = GraphContext {
            names: &names,
            groups: units.iter().map(|unit| first(unit)?.group.clone()).collect(),
            zones: units.iter().map(|unit| first(unit)?.zone.clone()).collect(),
            seeds: wishes.seeds.child("graph"),
        };
        match graph::generate(generator, &context) {
            Ok(graph) => {
                let (edges, without) = between_members(&graph.edges, &units, topology);
                // The later node dials the earlier one, as newcomers dial those who are known.
                let name = |node: usize| topology.nodes[node].name.clone();
                topology.edges = edges.iter().map(|&(a, b)| (name(b), name(a))).collect();
                topology.notes = graph.notes;
                topology.notes.extend(without);
                if document.enforce_graph {
                    let rules = resolve_links::non_edges(topology.nodes.len(), &edges);
                    topology.links = topology.sparing_mates(rules, &NodeSet::new());
                }
            }
            Err(mistakes) => self.mistakes.extend(mistakes),
        }
    }
}

/// Edges between units as edges between nodes: two participants meet member by member, those of the same name; a single
/// node meets every member, and the planner leaves those out that it cannot speak to. The remark is about participants that
/// have no member in common.
fn between_members(edges: &Edges, units: &[Unit], topology: &Topology) -> (Edges, Option<String>) {
    let member = |node: u16| topology.nodes[usize::from(node)].member.as_deref();
    let mut between = Edges::new();
    let mut apart = Vec::new();
    for (a, b) in edges.iter().map(|&(a, b)| (&units[a], &units[b])) {
        let before = between.len();
        for &one in &a.nodes {
            let others = b.nodes.iter().filter(|&&other| match (member(one), member(other)) {
                (Some(one), Some(other)) => one == other,
                _ => true,
            });
            between.extend(others.map(|&other| (usize::from(one), usize::from(other))));
        }
        if between.len() == before {
            apart.push(format!("{} → {}", b.name, a.name));
        }
    }
    let remark = match apart.as_slice() {
        [] => None,
        [only] => {
            Some(format!("graph: 1 edge was left out, because its participants have no member in common: {only}"))
        }
        [first, ..] => Some(format!(
            "graph: {} edges were left out, because their participants have no member in common: {first}, …",
            apart.len()
        )),
    };
    (between, remark)
}

/// First node of each group and single nodes, then the second of each group, and so on; participants as a whole.
fn in_turns<'a>(topology: &Topology, units: &'a [Unit]) -> Vec<&'a Unit> {
    let mut turns: Vec<(usize, usize)> = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (position, unit) in units.iter().enumerate() {
        let group = unit.nodes.first().and_then(|node| topology.nodes[usize::from(*node)].group.as_deref());
        let turn = group.map_or(0, |group| {
            let turn = seen.entry(group).or_default();
            *turn += 1;
            *turn - 1
        });
        turns.push((turn, position));
    }
    turns.sort_unstable();
    turns.into_iter().map(|(_, position)| &units[position]).collect()
}

/// All clients of a mix with their weights.
pub fn weights(mix: &Ordered<Sp<u32>>) -> Vec<(Sp<String>, u32)> {
    mix.iter().map(|(client, weight)| (client.clone(), weight.value)).collect()
}
