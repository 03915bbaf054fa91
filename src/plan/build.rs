//! Puts a plan together.

use std::collections::BTreeMap;

use super::invocation::Filler;
use super::keys::NodeKey;
use super::producers_cometbft::node_key;
use super::timeline::Window;
use super::wiring::{Known, Wires};
use super::{Plan, PlannedEntry, PlannedNode, SCHEMA_VERSION, Surroundings};
use super::{addresses, duration, hashes, openness, producers, questions, requirements, sends, timeline};
use crate::action::{BackendKind, Capabilities, NetworkName, Seeds};
use crate::client::IdentityKind;
use crate::link::{LinkParameters, LinkRule, NodeSet};
use crate::spec::Scenario;
use crate::text::Diagnostic;
use crate::topology::{Node, Topology};

/// Decides everything. The same input gives the same bytes. Everything that is missing on the machine or wrong with the
/// combination of clients, chain and topology is told at once; nothing has been started then (exit code 2).
pub fn build(
    scenario: &Scenario,
    capabilities: &Capabilities,
    surroundings: &Surroundings,
) -> Result<Plan, Vec<Diagnostic>> {
    let backend = capabilities.backend;
    let topology = &scenario.topology;
    let seeds = Seeds::root(scenario.seed);
    let wire = needs_wire(scenario, backend);

    let mut mistakes = requirements::capabilities(scenario, capabilities, wire);
    let programs = requirements::programs(scenario, backend, surroundings).map_err(|more| mistakes.extend(more)).ok();
    let networks = addresses::networks(topology, &surroundings.subnets).map_err(|mistake| mistakes.push(mistake)).ok();
    let production =
        producers::decide(scenario, backend, &seeds, surroundings).map_err(|mistake| mistakes.push(mistake)).ok();
    let length = duration::of_timeline(scenario);
    mistakes.extend(too_long(scenario, length));
    let (Some(networks), Some(production)) = (networks, production) else { return Err(mistakes) };

    let mut known = Vec::new();
    for (position, node) in topology.nodes.iter().enumerate() {
        match know(scenario, node, position, &networks, &seeds) {
            Ok(node) => known.push(node),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if known.len() != topology.nodes.len() {
        return Err(mistakes);
    }
    let wires = Wires::new(topology, &known);
    let (edges, left_out) = wires.edges(topology);
    let mut notes: Vec<String> = topology
        .notes
        .iter()
        .cloned()
        .chain(left_out)
        .chain(production.notes.iter().cloned())
        .chain(sends::notes(scenario, &seeds))
        .chain(openness::notes(&networks, capabilities))
        .collect();
    let filler = Filler { backend, wires, production: &production, seeds: &seeds, networks: &networks };
    let mut nodes = Vec::new();
    for node in &known {
        let program = programs.as_ref().and_then(|programs| programs.get(&node.node.client).cloned());
        match filler.fill(node, program) {
            Ok(filled) => {
                let producer = production.producers.get(&node.node.name);
                nodes.push(PlannedNode {
                    process: filled.process,
                    group: node.node.group.clone(),
                    role: node.node.role.clone(),
                    producer: producer.is_some(),
                    signs_as: producer.map(|producer| producer.signs_as.clone()).unwrap_or_default(),
                    zone: node.node.zone.clone(),
                    labels: node.node.labels.clone(),
                    extra_args: filled.extra_args,
                    adapter: node.client.adapter.clone(),
                    ready: node.client.ready.clone(),
                    panic: node.client.panic.clone(),
                    refusals: node.client.refusals.clone(),
                    rpc: node.client.rpc.clone(),
                    known_differences: node
                        .client
                        .known_differences
                        .iter()
                        .map(|known| (known.method.clone(), known.pointer.clone(), known.reason.clone()))
                        .collect(),
                    participant: node.node.participant.clone(),
                    member: node.node.member.clone(),
                    identity: identities(node),
                    after_ready: filled.after_ready,
                    start_at: node.node.start_at,
                });
            }
            Err(more) => mistakes.extend(more),
        }
    }
    let (calls, hashes) =
        sends::steps(scenario, &filler, &known).map_err(|more| mistakes.extend(more)).unwrap_or_default();
    if !mistakes.is_empty() {
        return Err(once(mistakes));
    }
    let mut questions = questions::questions(scenario, &nodes, length);
    for param in questions.iter_mut().flat_map(|question| &mut question.params) {
        *param = hashes.fill(param);
    }
    notes.extend(hashes::note(&calls, &questions));
    let expectations = scenario.expectations.iter().cloned();
    Ok(Plan {
        schema: SCHEMA_VERSION,
        scenario: scenario.name.clone(),
        description: scenario.description.clone(),
        seed: scenario.seed,
        backend,
        networks: in_order(topology, &networks).collect(),
        nodes,
        edges,
        bootnodes: topology.bootnodes.clone(),
        wire,
        base_links: topology.links.iter().cloned().chain(apart(topology)).collect(),
        entries: entries(scenario, &hashes),
        timeline: steps(scenario, calls, length),
        expectations: expectations.map(|one| hashes.fill_expectation(one)).collect(),
        questions,
        duration: length,
        timeout: scenario.timeout,
        genesis_delay: production.genesis_delay,
        genesis: production.genesis.clone(),
        block_time: production.block_time,
        slots_per_epoch: production.slots_per_epoch,
        notes,
    })
}

fn know<'a>(
    scenario: &'a Scenario,
    node: &'a Node,
    position: usize,
    networks: &BTreeMap<NetworkName, super::NetworkSpec>,
    seeds: &Seeds,
) -> Result<Known<'a>, Diagnostic> {
    let index = u16::try_from(position)
        .map_err(|_| Diagnostic::error("a plan has at most 65536 nodes").at(node.place, "one node too many"))?;
    let client = scenario
        .clients
        .get(&node.client)
        .ok_or_else(|| Diagnostic::error(format!("there is no client `{}`", node.client)).at(node.place, "runs it"))?;
    let attachments = addresses::attachments(node, position, networks)?;
    let key = NodeKey::from_seeds(&seeds.child(&format!("node/{}/key", node.name)));
    let cometbft_id = client.identity.cometbft.map(|_| node_key(&node.name, seeds).node_id());
    Ok(Known { node, index, client, key, cometbft_id, attachments })
}

/// Identities at the node's main address.
fn identities(known: &Known<'_>) -> BTreeMap<String, String> {
    IdentityKind::all()
        .filter_map(|word| Some((word.to_owned(), known.identity(IdentityKind::parse(word)?, known.address())?)))
        .collect()
}

fn in_order<'a>(
    topology: &'a Topology,
    networks: &'a BTreeMap<NetworkName, super::NetworkSpec>,
) -> impl Iterator<Item = super::NetworkSpec> + 'a {
    let main = NetworkName::from("main");
    let mut names: Vec<&NetworkName> = topology.networks.keys().collect();
    names.sort_by_key(|name| **name != main);
    names.into_iter().filter_map(|name| networks.get(name).cloned())
}

/// Nodes that share no network cannot exchange packets. On docker its networks see to that; the wire joins all nodes, so it
/// must be told. One rule for each set of networks that a node can be in.
fn apart(topology: &Topology) -> Vec<LinkRule> {
    let mut by_networks: BTreeMap<Vec<&NetworkName>, NodeSet> = BTreeMap::new();
    for (index, node) in (0_u16..=u16::MAX).zip(&topology.nodes) {
        let mut networks: Vec<&NetworkName> = node.networks.iter().collect();
        networks.sort();
        by_networks.entry(networks).or_default().insert(index);
    }
    let mut rules = Vec::new();
    for (networks, from) in &by_networks {
        let strangers =
            by_networks.iter().filter(|(theirs, _)| !theirs.iter().any(|network| networks.contains(network)));
        let to: NodeSet = strangers.flat_map(|(_, nodes)| nodes.iter().copied()).collect();
        if !to.is_empty() {
            rules.push(LinkRule { from: from.clone(), to, parameters: LinkParameters::CUT });
        }
    }
    rules
}

fn entries(scenario: &Scenario, hashes: &hashes::Hashes) -> Vec<PlannedEntry> {
    let entries = scenario.timeline.iter().map(|entry| PlannedEntry {
        name: entry.name.clone(),
        family: entry.family.clone(),
        fault: entry.fault.to_owned(),
        summary: entry.summary.clone(),
        start: entry.at,
        end: duration::end_of(entry),
        targets: entry.targets.clone(),
        links: entry.effects.links.clone(),
        down: entry.effects.down.iter().map(|down| down.node.clone()).collect(),
        wipes: entry.effects.down.iter().any(|down| down.wipe),
        paused: entry.effects.paused.clone(),
        detached: entry.effects.detached.clone(),
        transaction: hashes.of(&entry.name).cloned(),
    });
    entries.collect()
}

/// What the scenario asks for and the machine cannot do, each with its remedy. Nothing if it can do all.
pub fn gaps(scenario: &Scenario, capabilities: &Capabilities) -> Vec<Diagnostic> {
    once(requirements::capabilities(scenario, capabilities, needs_wire(scenario, capabilities.backend)))
}

/// Whether packets between nodes pass our forwarder. Native nodes live in namespaces of their own: the wire is the only
/// road between them.
fn needs_wire(scenario: &Scenario, backend: BackendKind) -> bool {
    let entries = scenario.timeline.iter().flat_map(|entry| &entry.effects.links);
    backend == BackendKind::Native || scenario.topology.links.iter().chain(entries).next().is_some()
}

/// Faults and late starts, and then the calls: at one instant a fault comes first.
fn steps(scenario: &Scenario, calls: Vec<super::Step>, length: std::time::Duration) -> Vec<super::Step> {
    let windows: Vec<Window<'_>> = scenario
        .timeline
        .iter()
        .filter(|entry| entry.send.is_none())
        .map(|entry| Window {
            name: &entry.name,
            start: entry.at,
            end: duration::end_of(entry),
            effects: &entry.effects,
        })
        .collect();
    let late = scenario.topology.nodes.iter().filter_map(|node| Some((node.name.clone(), node.start_at?)));
    let mut steps = timeline::steps(&windows, &late.collect(), length);
    steps.extend(calls);
    steps.sort_by_key(|step| step.at);
    steps
}

fn too_long(scenario: &Scenario, length: std::time::Duration) -> Option<Diagnostic> {
    (length > scenario.timeout).then(|| {
        Diagnostic::error(format!(
            "the timeline and the waits after it take {length:?}, longer than the scenario's timeout of {:?}",
            scenario.timeout
        ))
        .help("raise `timeout:`, or shorten the entries and the `within:` of the expectations")
    })
}

/// Nodes of one client make the same mistake: say it once.
fn once(mistakes: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut told: Vec<Diagnostic> = Vec::new();
    for mistake in mistakes {
        if !told.contains(&mistake) {
            told.push(mistake);
        }
    }
    told
}
