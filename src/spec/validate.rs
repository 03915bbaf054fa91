//! `validate`: a file of any kind by itself, with everything that it names.

use std::collections::BTreeMap;

use super::clients::{Clients, wrong_name};
use super::library::{FileKind, Library};
use super::overrides::Overrides;
use super::read::{ScenarioFile, deduplicated, read_scenario};
use super::topology_step::TopologyStep;
use crate::action::{ClientRef, Seeds};
use crate::client::{Client, ClientFolder, Manifest};
use crate::text::tree::Node;
use crate::text::{Diagnostic, Sources, Span, yaml};

/// Finds out what a file is and tells everything that is wrong with it. Warnings are among the messages.
pub fn validate_file(
    sources: &mut Sources,
    library: &dyn Library,
    name: &str,
    text: &str,
) -> (FileKind, Vec<Diagnostic>) {
    let source = sources.add(name, text);
    let tree = yaml::parse(text, source);
    let kind = kind_of(name, tree.as_ref().ok());
    let found = match (kind, tree) {
        (_, Err(mistakes)) => mistakes,
        (FileKind::Scenario, Ok(_)) => {
            let file = ScenarioFile { name: name.to_owned(), text: text.to_owned() };
            match read_scenario(sources, library, &file, &Overrides::default()) {
                Ok((_, warnings)) => warnings,
                Err(mistakes) => mistakes,
            }
        }
        (FileKind::Topology, Ok(_)) => validate_topology(sources, library, name, text),
        (FileKind::Client, Ok(_)) => validate_client(sources, library, name, text),
    };
    (kind, deduplicated(found))
}

/// The folder says what a file is, or the word before `.yaml` (`pair.topology.yaml`); elsewhere its keys do.
fn kind_of(name: &str, tree: Option<&Node>) -> FileKind {
    let path = name.replace('\\', "/");
    let parts: Vec<&str> = path.split('/').collect();
    let (file, folders) = parts.split_last().unwrap_or((&"", &[]));
    if *file == "client.yaml" {
        return FileKind::Client;
    }
    for kind in [FileKind::Scenario, FileKind::Topology, FileKind::Client] {
        if stem(file).ends_with(&format!(".{}", kind.word())) {
            return kind;
        }
    }
    for folder in folders.iter().rev() {
        match *folder {
            "scenarios" => return FileKind::Scenario,
            "topologies" => return FileKind::Topology,
            "clients" => return FileKind::Client,
            _ => {}
        }
    }
    let count = |keys: &[&str]| tree.map_or(0, |tree| keys.iter().filter(|key| tree.get(key).is_some()).count());
    let scenario = count(&["timeline", "expect", "topology", "chain", "seed", "timeout", "load"]);
    let topology = count(&["groups", "nodes", "graph", "zones", "links", "bootnodes", "networks", "enforce_graph"]);
    let client =
        count(&["command", "init", "image", "native", "adapter", "ports", "ready", "identity", "roles", "panic"]);
    if client > scenario && client > topology {
        FileKind::Client
    } else if topology > scenario {
        FileKind::Topology
    } else {
        FileKind::Scenario
    }
}

fn validate_topology(sources: &mut Sources, library: &dyn Library, name: &str, text: &str) -> Vec<Diagnostic> {
    let programs = BTreeMap::new();
    let mut clients = Clients::new(library, &programs);
    let mut mistakes = Vec::new();
    let step = TopologyStep { library, wanted: &[], seeds: &Seeds::root(0), default_name: stem(name) };
    step.of_file(sources, name, text, &mut clients, &mut mistakes);
    mistakes.extend(clients.mistakes);
    mistakes
}

fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.strip_suffix(".yaml").unwrap_or(file)
}

fn validate_client(sources: &mut Sources, library: &dyn Library, name: &str, text: &str) -> Vec<Diagnostic> {
    let manifest = match yaml::read::<Manifest>(sources, name, text) {
        Ok(manifest) => manifest,
        Err(mistakes) => return mistakes,
    };
    let parts: Vec<&str> = name.split(['/', '\\']).collect();
    let folder_name = match parts.as_slice() {
        [.., folder, "client.yaml"] => Some(*folder),
        _ => None,
    };
    let mut mistakes: Vec<Diagnostic> =
        folder_name.and_then(|folder| wrong_name(&manifest, folder)).into_iter().collect();
    // Files beside it are known only where the library knows the client.
    let known = library.client(folder_name.unwrap_or(&manifest.name.value));
    let folder = ClientFolder {
        name: manifest.name.value.clone(),
        manifest: (name.to_owned(), text.to_owned()),
        ..known.unwrap_or_default()
    };
    let reference =
        |variant: Option<&String>| ClientRef { name: manifest.name.value.clone(), variant: variant.cloned() };
    for variant in std::iter::once(None).chain(manifest.variants.keys().map(Some)) {
        if let Err(more) = Client::new(&manifest, &reference(variant), &folder, Span::default()) {
            mistakes.extend(more);
        }
    }
    mistakes
}

/// The `description` of a file of any kind, for lists; the first line of it.
pub fn description(text: &str) -> Option<String> {
    let tree = yaml::parse(text, 0).ok()?;
    let words = tree.get("description")?.text()?.trim().lines().next()?.to_owned();
    (!words.is_empty()).then_some(words)
}
