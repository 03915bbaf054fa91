//! What clients really log, and which of it their manifests take for a refused block or for a broken client.
//!
//! `tests/files/client_lines/<client>.txt` holds lines of runs: each begins with a label and a tab. `refusal`: said while a
//! block was refused. `beside`: said with a refusal, and left alone, since the other line has the reason. `panic`: said by a
//! client that was broken, on purpose. `ordinary`: none of these, though it may look so. A `#` says what happened. Times, ports and hashes are as they were; paths are shortened, and no line is made up.

mod shipped_files;

use std::fs;

use regex::RegexSet;
use splitbrain::client::Client;
use splitbrain::spec;
use splitbrain::text::Sources;

use shipped_files::{ShippedFiles, root};

/// Clients that were run here log at least something of each kind that they can be made to say; the others are in
/// `docs/clients.md` among those that nobody has run.
const RUN_HERE: [&str; 11] = [
    "bcash",
    "bcoin",
    "btcd",
    "cometbft",
    "ethereumjs",
    "go-ethereum",
    "litecoind",
    "monerod",
    "prysm",
    "prysm-validator",
    "reference",
];

/// A line with its label and its place.
struct Line {
    label: String,
    text: String,
    place: String,
}

fn lines(client: &str) -> Vec<Line> {
    let path = root().join("tests/files/client_lines").join(format!("{client}.txt"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let read = numbered.map(|(index, line)| {
        let place = format!("{client}.txt:{}", index + 1);
        let (label, text) = line.split_once('\t').unwrap_or_else(|| panic!("{place}: no label"));
        assert!(["refusal", "beside", "panic", "ordinary"].contains(&label), "{place}: {label}");
        Line { label: label.to_owned(), text: text.to_owned(), place }
    });
    read.collect()
}

fn roster() -> Vec<Client> {
    let mut sources = Sources::new();
    let roster = spec::roster(&mut sources, &ShippedFiles)
        .unwrap_or_else(|mistakes| panic!("{}", sources.render_all(&mistakes, false)));
    roster.clients().cloned().collect()
}

fn set(patterns: &[String]) -> RegexSet {
    RegexSet::new(patterns).expect("patterns were checked when the manifest was read")
}

/// What a client's manifest makes of a line.
fn taken_for(client: &Client, line: &str) -> &'static str {
    match (set(&client.panic).is_match(line), set(&client.refusals).is_match(line)) {
        (true, true) => "both",
        (true, false) => "panic",
        (false, true) => "refusal",
        (false, false) => "ordinary",
    }
}

#[test]
fn manifests_take_real_lines_for_what_they_are() {
    let roster = roster();
    let mut wrong = Vec::new();
    for name in RUN_HERE {
        let versions: Vec<&Client> = roster.iter().filter(|client| client.reference.name == name).collect();
        assert!(!versions.is_empty(), "no client {name}");
        for line in lines(name) {
            for client in &versions {
                let taken = taken_for(client, &line.text);
                let wanted = if line.label == "beside" { "ordinary" } else { &line.label };
                if taken != wanted {
                    wrong.push(format!(
                        "{}, {}: {taken}, not {}: {}",
                        client.reference, line.place, line.label, line.text
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_of_lines_belongs_to_a_client_that_was_run() {
    let files = fs::read_dir(root().join("tests/files/client_lines")).expect("the folder").flatten();
    let mut names: Vec<String> =
        files.map(|file| file.path().file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, RUN_HERE);
}

#[test]
fn clients_that_were_run_say_in_words_when_they_are_broken() {
    for client in roster() {
        if RUN_HERE.contains(&client.reference.name.as_str()) {
            assert!(!client.panic.is_empty(), "{}", client.reference);
        }
    }
}
