//! No file makes the readers panic: the fuzz corpus replayed, arbitrary text, and good files with pieces changed.
//! (`fuzz/` has the target for cargo-fuzz, which needs a nightly compiler.)

mod files;

use std::path::{Path, PathBuf};

use files::TestLibrary;
use proptest::prelude::*;
use splitbrain::spec::{Overrides, ScenarioFile, read_scenario, validate_file};
use splitbrain::text::Sources;

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

fn all_below(folders: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders {
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    found.sort();
    found
}

/// Reads the text as every kind of file and renders what is said about it.
fn read_as_everything(text: &str) {
    for name in ["scenarios/x.yaml", "topologies/x.yaml", "clients/x/client.yaml", "x.yaml"] {
        let mut sources = Sources::new();
        let (_, diagnostics) = validate_file(&mut sources, &TestLibrary, name, text);
        let _ = sources.render_all(&diagnostics, true);
        let _ = sources.json(&diagnostics);
    }
}

#[test]
fn the_corpus_replays() {
    let files = all_below(&["fuzz/corpus"]);
    assert!(files.len() >= 10, "the corpus holds {} files", files.len());
    for path in files {
        let bytes = std::fs::read(&path).expect("a corpus file");
        read_as_everything(&String::from_utf8_lossy(&bytes));
    }
}

fn seeds() -> Vec<String> {
    let files = all_below(&["tests/cases/good", "tests/cases/library", "fuzz/corpus", "scenarios", "topologies"]);
    let yaml = files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    yaml.map(|path| std::fs::read_to_string(path).expect("a text file")).filter(|text| text.len() < 4096).collect()
}

/// Pieces that have made readers stumble before.
const NASTY: &[&str] = &[
    "",
    "~",
    "null",
    "[]",
    "{}",
    "[[",
    "}}",
    "- ",
    ": ",
    "? ",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!x ",
    "|\n",
    ">-\n",
    "\"",
    "'",
    "\t",
    "\u{0}",
    "\u{feff}",
    "é",
    "日本",
    "\u{202e}",
    "\r\n",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "#",
    "0x",
    "0o8",
    "-0",
    "1e999",
    ".inf",
    ".nan",
    "18446744073709551616",
    "-9223372036854775809",
    "999999999999999999999h",
    "100%",
    "1e3%",
    "NaN%",
    "random: 4294967295",
    "count: 2000",
    "times: 1000",
    "every: 1ns",
    "for: 366h",
    "at: 8784h",
    "degree: 1999",
    "neighbors: 4294967294",
    "between: 4294967295",
];

/// A change: where (as a share of the text), how much goes, what comes.
fn change() -> impl Strategy<Value = (f64, usize, String)> {
    let piece = prop_oneof![
        3 => prop::sample::select(NASTY).prop_map(str::to_owned),
        1 => ".{0,8}",
        1 => "[a-z0-9:{}\\[\\], \n-]{0,12}",
    ];
    (0.0..1.0_f64, 0..12_usize, piece)
}

fn mutated(text: &str, changes: &[(f64, usize, String)]) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for (place, gone, come) in changes {
        let start = ((letters.len() as f64) * place) as usize;
        let end = (start + gone).min(letters.len());
        letters.splice(start..end, come.chars());
    }
    letters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in prop_oneof![".{0,200}", "[a-z0-9:{}\\[\\],&*<!\"'|> \n-]{0,200}"]) {
        read_as_everything(&text);
    }

    #[test]
    fn changed_files_never_panic(seed in any::<prop::sample::Index>(), changes in prop::collection::vec(change(), 1..5)) {
        let seeds = seeds();
        read_as_everything(&mutated(seed.get(&seeds).as_str(), &changes));
    }

    #[test]
    fn arbitrary_settings_never_panic(path in "[a-z0-9.]{0,30}", value in prop_oneof![".{0,30}", prop::sample::select(NASTY).prop_map(str::to_owned)]) {
        let text = include_str!("cases/good/inline.yaml");
        let file = ScenarioFile { name: "x.yaml".to_owned(), text: text.to_owned() };
        let overrides = Overrides { set: vec![(path, value.clone()), ("timeline.0.for".to_owned(), value)], ..Overrides::default() };
        let mut sources = Sources::new();
        if let Err(mistakes) = read_scenario(&mut sources, &TestLibrary, &file, &overrides) {
            let _ = sources.render_all(&mistakes, false);
        }
    }
}
