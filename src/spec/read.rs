//! A scenario file to a [`Scenario`]: the order of the steps, and which mistakes hide which others.

use std::collections::BTreeMap;
use std::time::Duration;

use super::chain_time::Settler;
use super::clients::Clients;
use super::document::{ClientsChoice, EntryDocument, ScenarioDocument};
use super::library::Library;
use super::mixes::{self, Mix};
use super::overrides::Overrides;
use super::sections::Sections;
use super::timeline::{self, TimelineContext};
use super::topology_step::TopologyStep;
use super::{Scenario, expect};
use crate::action::Seeds;
use crate::genesis::{Chain, ChainDocument};
use crate::text::tree::{Content, Node};
use crate::text::units::Time;
use crate::text::{Diagnostic, Severity, Sources, Sp, Span, yaml};
use crate::topology;

/// Longest duration of a run whose scenario does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// A scenario file: its name for messages, and its text.
#[derive(Clone, Debug)]
pub struct ScenarioFile {
    /// Path as a person would name it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Reads and checks a scenario with everything that it names. Gives the scenario and warnings, or every mistake.
///
/// A mistake in one part does not hide those in another: the topology, the chain, each entry of the timeline and each
/// expectation are looked at by themselves. Targets are looked up only in a topology without mistakes.
pub fn read_scenario(
    sources: &mut Sources,
    library: &dyn Library,
    file: &ScenarioFile,
    overrides: &Overrides,
) -> Result<(Scenario, Vec<Diagnostic>), Vec<Diagnostic>> {
    let source = sources.add(&file.name, &file.text);
    let mut tree = yaml::parse(&file.text, source)?;
    let mut mistakes = overrides.apply(sources, &mut tree);
    let mut sections = Sections::new::<ScenarioDocument>(tree);
    let mut inputs = BTreeMap::from([("scenario.yaml".to_owned(), file.text.clone())]);
    let changes = overrides.describe();
    if !changes.is_empty() {
        inputs.insert("command-line.txt".to_owned(), changes);
    }

    let name: Option<Sp<String>> = sections.read_key("name");
    let description: Option<String> = sections.read_key("description");
    let seed: Option<Sp<u64>> = sections.read_key("seed");
    let seed = overrides.seed.or(seed.map(|seed| seed.value)).unwrap_or(0);
    let timeout: Option<Sp<Time>> = sections.read_key("timeout");
    let timeout = timeout.map_or(Sp::nowhere(DEFAULT_TIMEOUT), |timeout| timeout.with(timeout.value.0));
    if timeout.value.is_zero() {
        mistakes.push(Diagnostic::error("a run needs some time").at(timeout.span, "too short"));
    }
    if let Some(name) = &name {
        mistakes.extend(wrong_name(name));
    }
    let seeds = Seeds::root(seed);

    let wanted = wanted_clients(sources, &mut sections, overrides);
    let mut clients = Clients::new(library, &overrides.programs);
    let default_name = name.as_ref().map_or("topology", |name| name.value.as_str());
    let step = TopologyStep { library, wanted: &wanted, seeds: &seeds, default_name };
    let mut topology = step.of_scenario(sources, &mut sections, &mut clients, &mut inputs, &mut mistakes);
    let chain = read_chain(&mut sections, &mut mistakes);

    let loaded = clients.loaded();
    // Of a chain that holds a mistake nothing more is to be said.
    let known_chain =
        if chain.is_none() && sections.tree.get("chain").is_some() { Err(()) } else { Ok(chain.as_ref()) };
    let mut named = read_entries(&mut sections, &mut mistakes);
    let mut settler = Settler { chain: known_chain, mistakes: &mut mistakes };
    for entry in named.iter_mut().filter_map(|entry| entry.document.as_mut()) {
        settler.entry(&mut entry.value);
    }
    let context =
        TimelineContext { topology: topology.as_ref(), clients: &loaded, chain: known_chain, seeds: &seeds, timeout };
    let (timeline, families) = timeline::compile(&named, context, &mut mistakes);

    let allow_impossible_mix: Option<bool> = sections.read_key("allow_impossible_mix");

    let context = expect::ExpectContext {
        topology: topology.as_ref(),
        clients: &loaded,
        families: &families,
        sources,
        seeds: &seeds,
        timeout: timeout.value,
    };
    let mut expectations = Vec::new();
    for (position, item) in items(&sections, "expect").into_iter().enumerate() {
        if let Some(mut document) = sections.read(&item) {
            Settler { chain: known_chain, mistakes: &mut mistakes }.expectation(&mut document);
            expectations.extend(expect::resolve(&Sp::new(document, item.span), position, context, &mut mistakes));
        }
    }

    let read_clients = topology.as_ref().map(|topology| {
        let all: std::collections::BTreeSet<_> = topology.nodes.iter().map(|node| node.client.clone()).collect();
        all
    });
    if let Some(topology) = &mut topology {
        let mix = Mix { topology, clients: &loaded, chain: chain.as_ref() };
        mistakes.extend(mix.missing_mates());
        let impossible = mix.impossible();
        if allow_impossible_mix.unwrap_or(false) {
            topology.notes.extend(mixes::as_notes(impossible));
        } else {
            mistakes.extend(impossible);
        }
    }
    inputs.extend(std::mem::take(&mut clients.inputs));
    mistakes.extend(clients.mistakes);
    mistakes.extend(sections.into_mistakes());
    let warnings: Vec<Diagnostic> = if expectations.is_empty() {
        let place = Span { source, start: 0, end: 0 };
        vec![
            Diagnostic::warning("this scenario expects nothing, so it always passes")
                .at(name.as_ref().map_or(place, |name| name.span), "")
                .help("for example `expect: [{after: split, within: 45s, that: {agree: {on: head}}}]`"),
        ]
    } else {
        Vec::new()
    };
    match (topology, name) {
        (Some(topology), Some(name)) if mistakes.iter().all(|mistake| mistake.severity != Severity::Error) => {
            let used = read_clients.unwrap_or_default();
            let scenario = Scenario {
                name: name.value,
                description: description.unwrap_or_default().trim().to_owned(),
                seed,
                timeout: timeout.value,
                topology,
                clients: loaded.into_iter().filter(|(client, _)| used.contains(client)).collect(),
                chain,
                timeline,
                expectations,
                inputs,
            };
            Ok((scenario, warnings.into_iter().chain(mistakes).collect()))
        }
        _ => Err(deduplicated(mistakes)),
    }
}

/// The same mistake seen on two ways is one.
pub(super) fn deduplicated(mistakes: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut seen: Vec<Diagnostic> = Vec::new();
    for mistake in mistakes {
        if !seen.contains(&mistake) {
            seen.push(mistake);
        }
    }
    seen
}

/// Scenario names become folders.
pub(super) fn wrong_name(name: &Sp<String>) -> Option<Diagnostic> {
    if name.value == "latest" {
        return Some(
            Diagnostic::error("a scenario cannot be called `latest`")
                .at(name.span, "`results/latest` leads to the newest run of any scenario")
                .help("give it another name"),
        );
    }
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let fits = !name.value.is_empty()
        && name.value.len() <= 80
        && name.value.chars().all(good)
        && name.value.starts_with(|c: char| c.is_ascii_alphanumeric());
    (!fits).then(|| {
        Diagnostic::error("this cannot be the name of a scenario").at(
            name.span,
            "at most 80 letters, digits, hyphens, underscores and dots, beginning with a letter or digit",
        )
    })
}

/// Clients that the command line or the scenario deals the topology over, with weights.
fn wanted_clients(sources: &mut Sources, sections: &mut Sections, overrides: &Overrides) -> Vec<(Sp<String>, u32)> {
    let written: Option<Sp<ClientsChoice>> = sections.read_key("clients");
    let named = overrides.placed_clients(sources);
    if !named.is_empty() {
        return named.into_iter().map(|client| (client, 1)).collect();
    }
    match written.map(|written| written.value) {
        Some(ClientsChoice::List(clients)) => clients.into_iter().map(|client| (client, 1)).collect(),
        Some(ClientsChoice::Mix(mix)) => topology::weights(&mix),
        None => Vec::new(),
    }
}

fn read_chain(sections: &mut Sections, mistakes: &mut Vec<Diagnostic>) -> Option<Chain> {
    let document: ChainDocument = sections.read_key("chain")?;
    Chain::from_document(&document).map_err(|more| mistakes.extend(more)).ok()
}

/// Items of a list, if the key holds one.
fn items(sections: &Sections, key: &str) -> Vec<Node> {
    match sections.tree.get(key).map(|node| &node.content) {
        Some(Content::List(items)) => items.clone(),
        _ => Vec::new(),
    }
}

/// An entry injects a fault or sends something.
fn one_thing(entry: &Sp<EntryDocument>) -> Option<Diagnostic> {
    match (&entry.value.inject, &entry.value.send) {
        (Some(inject), Some(send)) => Some(
            Diagnostic::error("an entry has `inject` or `send`, not both")
                .at(send.span, "sends this")
                .at(inject.span, "and injects this")
                .help("write two entries; the second can begin `after` the first, or at the same time"),
        ),
        (None, None) => Some(
            Diagnostic::error("this entry does not say what happens")
                .at(entry.span, "what?")
                .help("for example `inject: {kill: {targets: one}}`, or `send: {call: {nodes: all, name: mine}}`"),
        ),
        _ => None,
    }
}

/// Entries of the timeline. Of one that cannot be read the name is still known, so that nobody who speaks of it is told
/// that it does not exist.
fn read_entries(sections: &mut Sections, mistakes: &mut Vec<Diagnostic>) -> Vec<timeline::Named> {
    let mut entries = Vec::new();
    for item in items(sections, "timeline") {
        let document: Option<EntryDocument> = sections.read(&item);
        let name = match &document {
            Some(document) => document.name.clone(),
            None => item.get("name").and_then(|name| Some(Sp::new(name.text()?.to_owned(), name.span))),
        };
        // What an unnamed entry would be called.
        let word = match (&document, item.get("inject").map(|inject| &inject.content)) {
            (Some(document), _) => document.word().map(str::to_owned),
            (None, Some(Content::Map(faults))) => faults.first().map(|(word, _)| word.text.clone()),
            (None, Some(Content::Scalar { text, .. })) => Some(text.clone()),
            (None, _) => item.get("send").map(|_| super::SEND.to_owned()),
        };
        let document = document.map(|document| Sp::new(document, item.span));
        mistakes.extend(document.as_ref().and_then(one_thing));
        entries.push(timeline::Written { place: item.span, name, word, document });
    }
    timeline::name_entries(entries, mistakes)
}
