//! Holds the code against the table of rooms in `ARCHITECTURE.md`: who may use whom, and what stands in one place only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A room, the rooms it may use, and the sentence that is broken when it uses another.
const ROOMS: &[(&str, &[&str], &str)] = &[
    ("text", &[], "`text` is words on paper: it uses no other room"),
    ("link", &[], "`link` is a pure model: it uses no other room"),
    (
        "action",
        &["link"],
        "`action` is the language of backends: it knows link parameters and nothing of faults or YAML",
    ),
    ("journal", &["action"], "`journal` holds what happened: it uses the ids of `action` and nothing else"),
    ("eth2", &[], "`eth2` is the consensus wire, pure: it uses no other room"),
    ("topology", &["text", "action", "link"], "`topology` uses `text`, `action` and link parameters, and does no I/O"),
    ("client", &["text", "action"], "`client` is manifests as data: it uses `text` and `action`"),
    ("genesis", &["text", "action", "eth2"], "`genesis` is pure: `text`, `action` and the types of `eth2`"),
    ("consensus", &["eth2"], "`consensus` is the bundled client's sans-I/O core: it uses `eth2` alone"),
    (
        "fault",
        &["text", "action", "link", "topology"],
        "a fault is compiled to effects: it knows no backend and no plan",
    ),
    ("check", &["text", "journal", "topology", "action"], "a check reads the journal: it never sees live nodes"),
    (
        "spec",
        &["text", "action", "link", "topology", "client", "genesis", "fault", "check"],
        "`spec` uses the catalogue below it: no backend, no clock, no environment",
    ),
    (
        "plan",
        &["text", "action", "link", "topology", "client", "genesis", "fault", "check", "spec", "eth2"],
        "`plan` uses `spec` and below: no I/O, no clock, no global randomness",
    ),
    ("backend", &["action", "link"], "backends speak `action` and `link` only: never spec, plan, fault or check"),
    ("observe", &["action", "journal"], "probes use `action` and `journal`: never plans or faults"),
    (
        "run",
        &["action", "link", "journal", "genesis", "plan", "backend", "observe"],
        "the engine uses plan, backend, observe and journal, and `genesis` for files with a time in them: no YAML, no printing",
    ),
    ("reference", &["consensus", "eth2"], "the bundled client knows nothing of the orchestrator"),
    (
        "report",
        &["text", "action", "link", "journal", "topology", "check", "plan"],
        "reports are made from the journal: no tokio, no network",
    ),
    ("results", &["action", "journal", "check", "report"], "`results` is the layout on disk"),
    (
        "cli",
        &[
            "text",
            "link",
            "action",
            "journal",
            "eth2",
            "topology",
            "client",
            "genesis",
            "fault",
            "check",
            "spec",
            "plan",
            "backend",
            "observe",
            "run",
            "reference",
            "report",
            "results",
        ],
        "`cli` may use everything",
    ),
];

/// Words that may stand in one place only: word, where, why.
const ONE_PLACE: &[(&str, &[&str], &str)] = &[
    ("serde_saphyr", &["src/text/yaml.rs"], "only `text/yaml.rs` names the YAML crate, so that it can be swapped"),
    ("petgraph", &["src/topology/graph", "src/plan/graph", "src/plan/render"], "petgraph stays behind the graph files"),
    ("println!", &["src/cli/"], "only `cli` prints"),
    ("eprintln!", &["src/cli/"], "only `cli` prints"),
    ("print!(", &["src/cli/"], "only `cli` prints"),
    ("setns", &["src/backend/fabric/"], "namespaces are entered only in `backend/fabric`"),
    ("unshare(", &["src/backend/fabric/", "src/backend/native/"], "namespaces are made only in the privileged rooms"),
    ("bollard", &["src/backend/docker/"], "only `backend/docker` speaks to the engine"),
    ("libp2p", &["src/reference/"], "only the bundled client's shell uses libp2p"),
    ("indicatif", &["src/cli/"], "progress is drawn by `cli`"),
    (
        "HashMap",
        &[
            "src/backend/docker/",
            "src/check/agreement.rs",
            "src/check/chain.rs",
            "src/check/history.rs",
            "src/reference/node.rs",
        ],
        "order reaches output: BTreeMap, but for look-ups that are never walked and for bollard's own types",
    ),
    ("go-ethereum", &[], "no client's name stands in code: clients are data"),
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(folder).expect("src is readable").map(|entry| entry.expect("an entry").path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                let path = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("below the package").to_owned();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

/// Lines of code: no comments, nothing below `#[cfg(test)]` at the start of a line.
fn code(text: &str) -> Vec<(usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| *line != "#[cfg(test)]")
        .map(|(number, line)| (number + 1, line.split("//").next().unwrap_or_default()))
        .collect()
}

/// Files that only tests compile may name clients and print.
fn is_test(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.contains("/tests/") || name.ends_with("tests.rs")
}

fn room_of(path: &Path) -> Option<String> {
    let mut parts = path.components().skip(1).map(|part| part.as_os_str().to_string_lossy().into_owned());
    let first = parts.next()?;
    parts.next().map(|_| first)
}

#[test]
fn arrows_point_down_only() {
    let table: BTreeMap<_, _> = ROOMS.iter().map(|(room, may, why)| (*room, (may, why))).collect();
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let Some(room) = room_of(&path) else { continue };
        let (may, why) =
            table.get(room.as_str()).unwrap_or_else(|| panic!("{}: no such room in the table", path.display()));
        for (number, line) in code(&text) {
            for used in rooms_named(line) {
                if used != room && !may.contains(&used.as_str()) && table.contains_key(used.as_str()) {
                    broken.push(format!("{}:{number}: uses `{used}`, but {why}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// Rooms that a line names as `crate::room` or in `use crate::{room…, room…}`.
fn rooms_named(line: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = 0;
            for (index, c) in list.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth > 0 => depth -= 1,
                    ',' | '}' if depth == 0 => {
                        found.push(word(list[start..index].trim()));
                        start = index + 1;
                    }
                    _ => {}
                }
            }
        } else {
            found.push(word(rest));
        }
    }
    found
}

#[test]
fn the_edge_reader_sees_what_it_should() {
    assert_eq!(rooms_named("use crate::plan::Plan;"), ["plan"]);
    assert_eq!(rooms_named("use crate::{text::{Sp, Span}, link};"), ["text", "link"]);
    assert_eq!(rooms_named("fn f(x: &crate::check::That, y: crate::text::Sp<u8>)"), ["check", "text"]);
    assert!(rooms_named("use super::plan;").is_empty());
}

#[test]
fn some_words_stand_in_one_place_only() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let name = path.to_string_lossy();
        for (word, places, why) in ONE_PLACE {
            if is_test(&path) || places.iter().any(|place| name.starts_with(place)) {
                continue;
            }
            for (number, line) in code(&text) {
                if line.contains(word) {
                    broken.push(format!("{name}:{number}: `{word}`: {why}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_file_says_what_it_is_and_none_is_endless() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//!") {
            broken.push(format!("{}: the first line is no `//!` that says what the file is for", path.display()));
        }
        let lines = text.lines().count();
        if lines > 800 {
            broken.push(format!("{}: {lines} lines; split it (800 at most)", path.display()));
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_table_names_every_room_and_no_other() {
    let named: BTreeSet<String> = ROOMS.iter().map(|(room, _, _)| (*room).to_owned()).collect();
    let there: BTreeSet<String> = sources().iter().filter_map(|(path, _)| room_of(path)).collect();
    assert_eq!(named, there);
}

#[test]
fn the_top_level_holds_what_the_design_says() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "build.rs",
        "src",
        "scenarios",
        "topologies",
        "clients",
        "simulators",
        "results",
        "tests",
        "benches",
        "docs",
        "schema",
        "scripts",
        "fuzz",
        ".ci",
        ".git",
        ".gitignore",
        ".dockerignore",
        "target",
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "rustfmt.toml",
        "clippy.toml",
        "proptest-regressions",
    ];
    let there = fs::read_dir(env!("CARGO_MANIFEST_DIR")).expect("the package is readable");
    let strange: Vec<String> = there
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| !allowed.contains(&name.as_str()))
        .collect();
    assert!(strange.is_empty(), "not in the design's top level: {strange:?}");
}
