//! A topology as written to a [`Topology`]: groups written out, mixes dealt, bootnodes and graph made.

use std::collections::{BTreeMap, BTreeSet};

use super::bootnodes_document::BootnodesDocument;
use super::document::{GroupDocument, NodeDocument, TopologyDocument};
use super::graph::{self, GraphContext};
use super::graph_document::Generator;
use super::names::{check_form, check_node_name};
use super::quality::Quality;
use super::{ArgumentChanges, Network, Node, TargetContext, Targets, Topology, deal, resolve_links};
use crate::action::{ClientRef, NetworkName, NodeName, Resources, Seeds};
use crate::text::{Diagnostic, Ordered, Sp, Span, suggest};

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
struct Work {
    nodes: Vec<Node>,
    groups: BTreeMap<String, Vec<NodeName>>,
    networks: BTreeMap<NetworkName, Network>,
    /// Preset of each node.
    qualities: Vec<Option<Quality>>,
    clients: BTreeMap<ClientRef, Span>,
    names: BTreeMap<String, Span>,
    mistakes: Vec<Diagnostic>,
}

/// The settings that groups and single nodes share, for one node after the other.
struct Settings<'a> {
    role: &'a Option<Sp<String>>,
    zone: &'a Option<Sp<String>>,
    quality: Option<Quality>,
    labels: &'a BTreeMap<String, String>,
    env: &'a BTreeMap<String, String>,
    args: ArgumentChanges,
    files: &'a BTreeMap<String, String>,
    resources: Resources,
    networks: Vec<NetworkName>,
    start_at: Option<std::time::Duration>,
    place: Span,
}

macro_rules! settings_of {
    ($work:expr, $document:expr, $place:expr) => {{
        let networks = $work.networks_of($document.networks.as_ref());
        let resources = $document.resources.as_ref();
        let cpus = resources.and_then(|resources| resources.cpus.as_ref());
        if let Some(cpus) = cpus.filter(|cpus| !(cpus.value.is_finite() && cpus.value > 0.0)) {
            $work.mistakes.push(Diagnostic::error("a node needs some CPU").at(cpus.span, "more than 0"));
        }
        let memory = resources.and_then(|resources| resources.memory.as_ref());
        if let Some(memory) = memory.filter(|memory| memory.value.0 < 1 << 20) {
            $work.mistakes.push(Diagnostic::error("no process fits in less than `1mib`").at(memory.span, "too little"));
        }
        Settings {
            role: &$document.role,
            zone: &$document.zone,
            quality: $document.quality.as_ref().map(|quality| quality.value),
            labels: &$document.labels,
            env: &$document.env,
            args: $document.args.as_ref().map_or_else(ArgumentChanges::default, |args| ArgumentChanges {
                set: args.set.clone(),
                add: args.add.clone(),
                remove: args.remove.clone(),
            }),
            files: &$document.files,
            resources: Resources { cpus: cpus.map(|cpus| cpus.value), memory: memory.map(|memory| memory.value.0) },
            networks,
            start_at: $document.start_at.as_ref().map(|time| time.value.0),
            place: $place,
        }
    }};
}

impl Work {
    fn note(&mut self, result: Result<(), Diagnostic>) {
        self.mistakes.extend(result.err());
    }

    /// Each name stands for one thing.
    fn take_name(&mut self, name: &str, span: Span) -> bool {
        if let Some(first) = self.names.get(name) {
            let mut mistake = Diagnostic::error(format!("`{name}` names two things")).at(span, "this");
            if *first != span {
                mistake = mistake.at(*first, "and this");
            }
            self.mistakes.push(mistake);
            return false;
        }
        self.names.insert(name.to_owned(), span);
        true
    }

    fn networks_of(&mut self, written: Option<&Sp<Vec<Sp<String>>>>) -> Vec<NetworkName> {
        let Some(written) = written else { return vec![NetworkName::new("main")] };
        if written.value.is_empty() {
            self.mistakes.push(Diagnostic::error("a node is in one network at least").at(written.span, "none"));
        }
        let mut networks = Vec::new();
        for name in &written.value {
            let network = NetworkName::new(&name.value);
            if !self.networks.contains_key(&network) {
                let known: Vec<&str> = self.networks.keys().map(NetworkName::as_str).collect();
                let mut mistake = Diagnostic::error(format!("no network is called `{}`", name.value))
                    .at(name.span, "unknown network");
                mistake.help = suggest::help(&name.value, known, "networks");
                self.mistakes.push(mistake);
            } else if !networks.contains(&network) {
                networks.push(network);
            }
        }
        networks
    }

    fn client(&mut self, name: &Sp<String>) -> ClientRef {
        let client = ClientRef::from(name.value.clone());
        let good =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if good(&client.name) && client.variant.as_deref().is_none_or(good) {
            self.clients.entry(client.clone()).or_insert(name.span);
        } else {
            self.mistakes.push(
                Diagnostic::error("a client is named `NAME` or `NAME@VARIANT`").at(name.span, "cannot be a client"),
            );
        }
        client
    }

    fn group(&mut self, name: &Sp<String>, document: &Sp<GroupDocument>, wishes: &Wishes<'_>) {
        let group = &document.value;
        let before = self.mistakes.len();
        self.note(check_node_name(name, "group"));
        self.take_name(&name.value, name.span);
        let count = group.count.value as usize;
        if count == 0 {
            self.mistakes.push(Diagnostic::error("a group has at least one node").at(group.count.span, "none"));
        }
        if self.nodes.len() + count > MOST_NODES {
            self.mistakes.push(
                Diagnostic::error(format!("a topology has at most {MOST_NODES} nodes"))
                    .at(group.count.span, "too many"),
            );
            return;
        }
        let dealt = self.group_clients(name, group, wishes);
        let settings = settings_of!(self, group, name.span);
        if self.mistakes.len() > before {
            return;
        }
        let mut members = Vec::new();
        for (position, client) in dealt.into_iter().enumerate() {
            let node = NodeName::new(format!("{}-{position}", name.value));
            self.take_name(node.as_str(), name.span);
            members.push(node.clone());
            self.add(node, Some(name.value.clone()), client, &settings);
        }
        self.groups.insert(name.value.clone(), members);
    }

    /// The client of each node of a group.
    fn group_clients(&mut self, name: &Sp<String>, group: &GroupDocument, wishes: &Wishes<'_>) -> Vec<ClientRef> {
        let count = group.count.value as usize;
        match (&group.client, &group.clients) {
            (Some(client), None) => vec![self.client(client); count],
            (None, Some(mix)) => {
                let weights: Vec<u32> = mix.value.iter().map(|(_, weight)| weight.value).collect();
                if weights.iter().all(|&weight| weight == 0) {
                    self.mistakes.push(Diagnostic::error("this mix holds no client").at(mix.span, "all weights are 0"));
                    return Vec::new();
                }
                let clients: Vec<ClientRef> = mix.value.iter().map(|(client, _)| self.client(client)).collect();
                deal::in_blocks(&weights, count).into_iter().map(|dealt| clients[dealt].clone()).collect()
            }
            (Some(client), Some(mix)) => {
                self.mistakes.push(
                    Diagnostic::error("a group has `client` or `clients`, not both")
                        .at(mix.span, "a mix")
                        .at(client.span, "one client"),
                );
                Vec::new()
            }
            (None, None) => {
                self.needs_client(name, "group", wishes);
                vec![ClientRef { name: String::new(), variant: None }; count]
            }
        }
    }

    /// Dealing anew fills the gap; else it is a mistake.
    fn needs_client(&mut self, name: &Sp<String>, what: &str, wishes: &Wishes<'_>) {
        if wishes.clients.is_empty() {
            let mix = if what == "group" { ", or a mix: `clients: {reference: 3, other: 1}`" } else { "" };
            self.mistakes.push(
                Diagnostic::error(format!("the {what} `{}` names no client", name.value))
                    .at(name.span, "runs what?")
                    .help(format!("for example `client: reference`{mix}")),
            );
        }
    }

    fn single(&mut self, name: &Sp<String>, document: &Sp<NodeDocument>, wishes: &Wishes<'_>) {
        let node = &document.value;
        let before = self.mistakes.len();
        self.note(check_node_name(name, "node"));
        self.take_name(&name.value, name.span);
        let client = if let Some(client) = &node.client {
            self.client(client)
        } else {
            self.needs_client(name, "node", wishes);
            ClientRef { name: String::new(), variant: None }
        };
        let settings = settings_of!(self, node, name.span);
        if self.nodes.len() == MOST_NODES {
            self.mistakes.push(
                Diagnostic::error(format!("a topology has at most {MOST_NODES} nodes")).at(name.span, "one too many"),
            );
        }
        if self.mistakes.len() == before {
            self.add(NodeName::new(&name.value), None, client, &settings);
        }
    }

    fn add(&mut self, name: NodeName, group: Option<String>, client: ClientRef, settings: &Settings<'_>) {
        self.qualities.push(settings.quality);
        self.nodes.push(Node {
            name,
            group,
            client,
            role: settings.role.as_ref().map_or_else(|| "validator".to_owned(), |role| role.value.clone()),
            zone: settings.zone.as_ref().map(|zone| zone.value.clone()),
            networks: settings.networks.clone(),
            labels: settings.labels.clone(),
            env: settings.env.clone(),
            args: settings.args.clone(),
            files: settings.files.clone(),
            resources: settings.resources,
            start_at: settings.start_at,
            participant: None,
            member: None,
            validators: None,
            place: settings.place,
        });
    }

    /// Deals all nodes over other clients.
    fn deal_anew(&mut self, wishes: &Wishes<'_>) {
        if wishes.clients.is_empty() {
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
                if count.value == 0 || count.value as usize > topology.nodes.len() {
                    self.mistakes.push(
                        Diagnostic::error(format!(
                            "cannot take {} bootnodes of {} nodes",
                            count.value,
                            topology.nodes.len()
                        ))
                        .at(count.span, format!("1 to {}", topology.nodes.len())),
                    );
                }
                in_turns(topology).into_iter().take(count.value as usize).collect()
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
        let names: Vec<NodeName> = topology.nodes.iter().map(|node| node.name.clone()).collect();
        let context = GraphContext {
            names: &names,
            groups: topology.nodes.iter().map(|node| node.group.clone()).collect(),
            zones: topology.nodes.iter().map(|node| node.zone.clone()).collect(),
            seeds: wishes.seeds.child("graph"),
        };
        match graph::generate(generator, &context) {
            Ok(graph) => {
                // The later node dials the earlier one, as newcomers dial those who are known.
                topology.edges = graph.edges.iter().map(|&(a, b)| (names[b].clone(), names[a].clone())).collect();
                topology.notes = graph.notes;
                if document.enforce_graph {
                    topology.links = resolve_links::non_edges(names.len(), &graph.edges);
                }
            }
            Err(mistakes) => self.mistakes.extend(mistakes),
        }
    }
}

/// First node of each group and single nodes, then the second of each group, and so on.
fn in_turns(topology: &Topology) -> Vec<NodeName> {
    let mut turns: Vec<(usize, usize)> = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (position, node) in topology.nodes.iter().enumerate() {
        let turn = node.group.as_deref().map_or(0, |group| {
            let turn = seen.entry(group).or_default();
            *turn += 1;
            *turn - 1
        });
        turns.push((turn, position));
    }
    turns.sort_unstable();
    turns.into_iter().map(|(_, position)| topology.nodes[position].name.clone()).collect()
}

/// All clients of a mix with their weights.
pub fn weights(mix: &Ordered<Sp<u32>>) -> Vec<(Sp<String>, u32)> {
    mix.iter().map(|(client, weight)| (client.clone(), weight.value)).collect()
}
