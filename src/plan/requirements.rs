//! What a plan needs of the machine. A gap is a message before anything starts, with the remedy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Surroundings;
use crate::action::{BackendKind, Capabilities, Capability, ClientRef, Support};
use crate::client::{Client, NativeProgram};
use crate::spec::Scenario;
use crate::text::{Diagnostic, Span};

/// Who needs a capability, and where it is asked for.
type Asker = (String, Option<Span>);

/// The running binary, whoever runs it and wherever it was moved: what a bundled client's nodes execute when the caller
/// names no other program.
const RUNNING_BINARY: &str = "/proc/self/exe";

/// Capabilities that the scenario needs and the machine lacks. `wire` is whether packets pass our forwarder.
pub(super) fn capabilities(scenario: &Scenario, capabilities: &Capabilities, wire: bool) -> Vec<Diagnostic> {
    let nodes = &scenario.topology.nodes;
    let entry = |test: &dyn Fn(&crate::fault::Effects) -> bool| {
        let entry = scenario.timeline.iter().find(|entry| test(&entry.effects));
        entry.map(|entry| (format!("entry `{}` ({}) needs", entry.name, entry.summary), None))
    };
    let limited = nodes.iter().find(|node| node.resources.cpus.is_some() || node.resources.memory.is_some());
    let internet = scenario.topology.networks.iter().find(|(_, network)| network.internet);
    let needs: [(Capability, Option<Asker>, &str); 6] = [
        (Capability::Processes, Some(("a run needs".to_owned(), None)), "to start nodes"),
        (
            Capability::Wire,
            wire.then(|| {
                entry(&|effects| !effects.links.is_empty()).unwrap_or_else(|| {
                    let what = if scenario.topology.links.is_empty() {
                        "nodes on this backend need"
                    } else {
                        "the topology's links need"
                    };
                    (what.to_owned(), None)
                })
            }),
            "the packet wire between nodes",
        ),
        (Capability::Disconnect, entry(&|effects| !effects.detached.is_empty()), "to take a node's interface away"),
        (Capability::Pause, entry(&|effects| !effects.paused.is_empty()), "to freeze processes"),
        (
            Capability::Resources,
            limited.map(|node| (format!("{} needs", node.name), Some(node.place))),
            "limits of CPU and memory",
        ),
        (
            Capability::Internet,
            internet.map(|(name, _)| (format!("network `{name}` (`internet: true`) needs"), None)),
            "a route out of the run",
        ),
    ];
    let mut gaps = Vec::new();
    for (capability, who, what) in needs {
        let Some((who, place)) = who else { continue };
        let (why, remedy) = match capabilities.support.get(&capability) {
            Some(Support::Yes { .. }) => continue,
            Some(Support::No { why, remedy }) => (why.as_str(), remedy.as_str()),
            None => ("it was not asked for it", "`splitbrain doctor` shows what this machine can do"),
        };
        let mut gap = Diagnostic::error(format!("{who} {what}, which {} cannot do here: {why}", capabilities.engine));
        if let Some(place) = place {
            gap = gap.at(place, "asked for here");
        }
        gaps.push(gap.help(remedy));
    }
    gaps
}

/// The program of each client on native. A client that cannot run on the backend is told once, at the first node that
/// was dealt it.
pub(super) fn programs(
    scenario: &Scenario,
    backend: BackendKind,
    surroundings: &Surroundings,
) -> Result<BTreeMap<ClientRef, PathBuf>, Vec<Diagnostic>> {
    let mut programs = BTreeMap::new();
    let mut gaps = Vec::new();
    let mut seen = BTreeSet::new();
    for node in &scenario.topology.nodes {
        let Some(client) = scenario.clients.get(&node.client).filter(|_| seen.insert(&node.client)) else { continue };
        match backend {
            BackendKind::Docker if client.image.is_none() => gaps.push(
                Diagnostic::error(format!("client `{}` has no image, so it cannot run on docker", client.reference))
                    .at(node.place, format!("{} runs it", node.name))
                    .help(format!("give it one in {}: `image: {{build: .}}` or `image: {{name: …}}`", client.manifest))
                    .help("or run with `--backend native`"),
            ),
            BackendKind::Docker => {}
            BackendKind::Native => match program(client, surroundings) {
                Ok(path) => {
                    programs.insert(node.client.clone(), path);
                }
                Err(gap) => gaps.push(gap.at(node.place, format!("{} runs it", node.name))),
            },
        }
    }
    if gaps.is_empty() { Ok(programs) } else { Err(gaps) }
}

fn program(client: &Client, surroundings: &Surroundings) -> Result<PathBuf, Diagnostic> {
    let reference = &client.reference;
    if let Some(path) = surroundings.programs.get(reference) {
        return Ok(path.clone());
    }
    match &client.native {
        Some(NativeProgram::Builtin) => Ok(PathBuf::from(RUNNING_BINARY)),
        Some(NativeProgram::Named(program)) => Err(Diagnostic::error(format!(
            "the program `{program}` of client `{reference}` was not found on this machine"
        ))
        .help(format!("name it: `--program {reference}=/path/to/{program}`"))
        .help(format!("or put it into clients/{}/bin/, or anywhere on PATH", reference.name))),
        None => Err(Diagnostic::error(format!("client `{reference}` has no program, so it cannot run on native"))
            .help(format!("name one in {}: `native: {{program: …}}`", client.manifest))
            .help("or run with `--backend docker`")),
    }
}
