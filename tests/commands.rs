//! Every manifest's command lines for a sample network, kept as a snapshot for each client folder: review changes with
//! `INSTA_UPDATE=always cargo test --test commands` and `git diff`. A new folder under `clients/` is picked up by itself.

mod shipped_files;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use splitbrain::action::{BackendKind, Capabilities, ImageSource, NodeProcess};
use splitbrain::client::{Client, NativeProgram};
use splitbrain::plan::{self, PlannedNode, Surroundings};
use splitbrain::spec::{self, FileKind, Library, Overrides, Roster, Scenario, ScenarioFile};
use splitbrain::text::Sources;

use regex::Regex;
use shipped_files::ShippedFiles;

fn roster() -> Roster {
    let mut sources = Sources::new();
    spec::roster(&mut sources, &ShippedFiles)
        .unwrap_or_else(|mistakes| panic!("{}", sources.render_all(&mistakes, false)))
}

fn scenario(text: &str, name: &str) -> Scenario {
    let mut sources = Sources::new();
    let file = ScenarioFile { name: format!("{name}.yaml"), text: text.to_owned() };
    match spec::read_scenario(&mut sources, &ShippedFiles, &file, &Overrides::default()) {
        Ok((scenario, _)) => scenario,
        Err(mistakes) => panic!("{name}\n{text}\n{}", sources.render_all(&mistakes, false)),
    }
}

/// The first of the network's nodes that runs a client.
fn planned(scenario: &Scenario, client: &Client, backend: BackendKind) -> PlannedNode {
    let programs = scenario.clients.iter().filter_map(|(reference, client)| match &client.native {
        Some(NativeProgram::Named(program)) => Some((reference.clone(), PathBuf::from(program))),
        _ => None,
    });
    // Mates without a program are none of this client's business.
    let programs = programs.chain(scenario.clients.keys().map(|other| (other.clone(), PathBuf::from("mate"))));
    let mut known = BTreeMap::new();
    for (reference, program) in programs {
        known.entry(reference).or_insert(program);
    }
    let surroundings = Surroundings { programs: known, ..Surroundings::default() };
    let plan = plan::build(scenario, &Capabilities::everything(backend), &surroundings)
        .unwrap_or_else(|mistakes| panic!("{} on {backend}: {mistakes:#?}", client.reference));
    let node = plan.nodes.into_iter().find(|node| node.process.client == client.reference);
    node.unwrap_or_else(|| panic!("no node of the sample network runs {}", client.reference))
}

fn show(process: &NodeProcess) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("writing to a string");
    match &process.image {
        Some(ImageSource::Name(name)) => line(format!("image {name}")),
        Some(ImageSource::Build(context)) => line(format!("image from {} {:?}", context.dockerfile, context.arguments)),
        Some(ImageSource::Builtin) => line("image from this binary".to_owned()),
        None => {}
    }
    if let Some(program) = process.program.as_deref().and_then(Path::file_name) {
        line(format!("program {}", program.to_string_lossy()));
    }
    for (name, value) in &process.env {
        line(format!("env {name}={value}"));
    }
    // Files of one template stand together; which validators they are for is another test's.
    let key = Regex::new("[0-9a-f]{96}").expect("a pattern");
    let files = process.files.iter().map(|file| {
        let kind = if file.bytes.is_some() { " (bytes)" } else { "" };
        format!("file {:o} {}{kind}", file.mode, key.replace(&file.path, "<public key>"))
    });
    let files: Vec<String> = files.collect();
    for alike in files.chunk_by(|one, other| one == other) {
        let number = if alike.len() > 1 { format!(" × {}", alike.len()) } else { String::new() };
        line(format!("{}{number}", alike[0]));
    }
    for words in &process.init {
        line(format!("init {}", words.join("\n       ")));
    }
    line(format!("run  {}", process.command.join("\n       ")));
    text
}

/// Chapters of a client version: one for each chain family and backend that it has.
fn chapters(roster: &Roster, client: &Client) -> String {
    let mut text = String::new();
    let mut last = BTreeMap::new();
    for family in spec::families(client) {
        let network = roster.network(&[client, client], family.as_deref());
        let network = network.unwrap_or_else(|why| {
            panic!(
                "there is no sample network for {}: {why}. Say in its manifest which chains it runs (`compatible: {{chains: \
                 […]}}`), or teach src/spec/roster.rs the chain family.",
                client.reference
            )
        });
        let scenario = scenario(&network, &client.reference.to_string());
        let backends = [(BackendKind::Docker, client.image.is_some()), (BackendKind::Native, client.native.is_some())];
        for (backend, _) in backends.into_iter().filter(|(_, has)| *has) {
            let node = planned(&scenario, client, backend);
            let shown = show(&node.process);
            let chain = family.as_deref().unwrap_or("a chain of its own");
            writeln!(text, "## {} on {chain}, {backend}\n\n{shown}", client.reference).expect("writing to a string");
            let open = node.process.command.iter().chain(node.process.init.iter().flatten());
            for word in open.filter(|word| word.contains('{')) {
                assert!(word.contains("{genesis."), "{}: {word} is left open", client.reference);
            }
            last.insert(backend, shown);
        }
    }
    assert!(!last.is_empty(), "{} runs on no backend", client.reference);
    text
}

#[test]
fn the_command_lines_of_every_client_are_as_they_were() {
    let roster = roster();
    let mut by_folder: BTreeMap<&str, String> = BTreeMap::new();
    for client in roster.clients() {
        by_folder.entry(&client.reference.name).or_default().push_str(&chapters(&roster, client));
    }
    assert_eq!(by_folder.len(), ShippedFiles.names(FileKind::Client).len(), "every folder has a version");
    for (name, text) in by_folder {
        insta::with_settings!({
            prepend_module_to_snapshot => false,
            snapshot_path => "snapshots/commands",
            omit_expression => true
        }, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[test]
fn no_client_is_told_of_the_public_network() {
    let roster = roster();
    for client in roster.clients() {
        let text = chapters(&roster, client);
        for word in ["mainnet.", "enrtree://", "checkpoint-sync", "checkpointSync"] {
            assert!(!text.contains(word), "{}: `{word}` on its command line", client.reference);
        }
    }
}

/// Clients that take their keys in key stores: every validator of the chain has one, at one node, which its client is told
/// of; a node that signs for nobody has none and is told of none.
#[test]
fn key_stores_are_dealt_out_without_overlap() {
    let stack = |consensus: &str, more: &str| {
        format!("{{stack: {{execution: reth, consensus: {consensus}{more}}}, role: validator}}")
    };
    let text = format!(
        "name: stores\nchain: {{genesis: pos, fork: deneb, preset: mainnet, slot: 12s, validators: 32}}\ntopology:\n  name: stores\n  \
         graph: mesh\n  nodes:\n    a: {}\n    b: {}\n    c: {}\n    d: {}\n    e: {}\nexpect: [{{ready: {{within: 60s}}}}]\n",
        stack("lighthouse", ", validator: lighthouse-validator"),
        stack("grandine", ", validator: nimbus-validator"),
        stack("grandine", ""),
        stack("nimbus", ""),
        "{stack: {execution: reth, consensus: grandine}, role: follower}",
    );
    let scenario = scenario(&text, "stores");
    let able = Capabilities::everything(BackendKind::Docker);
    let plan =
        plan::build(&scenario, &able, &Surroundings::default()).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let mut held = BTreeMap::new();
    for node in &plan.nodes {
        let process = &node.process;
        let stores: Vec<serde_json::Value> =
            process.files.iter().filter_map(|file| serde_json::from_str(&file.content).ok()).collect();
        let keys: Vec<&str> = stores.iter().filter_map(|store| store["pubkey"].as_str()).collect();
        for key in &keys {
            assert!(process.files.iter().any(|file| file.path.contains(key)), "{}: {key}", process.name);
            assert_eq!(held.insert((*key).to_owned(), process.name.clone()), None, "{key} is held twice");
        }
        let told = process
            .command
            .iter()
            .any(|word| word.starts_with("--keystore-dir=") || word.starts_with("--validators-dir="));
        assert_eq!(told, !keys.is_empty(), "{}: {:?}", process.name, process.command);
    }
    assert_eq!(held.len(), 32);
    let holders: BTreeSet<String> = held.into_values().map(|name| name.to_string()).collect();
    assert_eq!(holders.into_iter().collect::<Vec<_>>(), ["a.validator", "b.validator", "c.consensus", "d.consensus"]);
}

#[test]
fn pairs_that_cannot_share_a_chain_say_why() {
    let roster = roster();
    let pairs = roster.pairs(&ShippedFiles);
    assert!(!pairs.is_empty());
    for pair in &pairs {
        let names = format!("{} + {}", pair.one.reference, pair.other.reference);
        assert_ne!(pair.one.reference, pair.other.reference);
        assert_eq!(pair.one.adapter.layer(), pair.other.adapter.layer(), "{names}");
        match &pair.network {
            Ok(text) => {
                scenario(text, &names);
            }
            Err(why) => assert!(!why.is_empty(), "{names}"),
        }
    }
    let of = |one: &str, other: &str| {
        let found = pairs.iter().find(|pair| {
            let names = [pair.one.reference.to_string(), pair.other.reference.to_string()];
            names.contains(&one.to_owned()) && names.contains(&other.to_owned())
        });
        found.unwrap_or_else(|| panic!("{one} and {other} are a pair"))
    };
    assert!(of("go-ethereum@v1.11.6", "go-ethereum@v1.13.15").network.is_ok());
    assert!(of("cometbft@v0.38.26", "cometbft@v1.0.1").network.is_ok());
    let halted = of("cometbft@v0.37.15", "cometbft@v0.38.26").network.as_ref().expect_err("another first app hash");
    assert!(halted.contains("do not share the rule"), "{halted}");
    assert!(of("btcd@v0.24.2", "bcoin@v1.0.2").network.is_ok());
    assert!(of("btcd@v0.24.2", "litecoind@v0.21.2.1").network.is_err());
    assert!(of("prysm@v5.3.2", "prysm@v6.0.4").network.is_ok());
    assert!(of("go-ethereum@v1.16.9", "besu").network.is_ok());
}
