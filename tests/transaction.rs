//! A real split down to the transaction: go-ethereum under two sets of rules. From block 13 on one side prices the first
//! read of a slot as of Berlin (EIP-2929: 2100 gas), the other as of Istanbul (EIP-1884: 800 gas), so that each refuses
//! the other's block that holds such a transaction. `scripts/clients go-ethereum@v1.13.15` builds the client.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use support::{backend_works, output, skip, splitbrain};

const TEST: &str = "a_split_is_told_down_to_the_transaction";

/// The three of them seal in turn, in the order of their addresses; with this seed block 13 is old-0's. So both sides have
/// a block there: old-0 its own, and the others, who refuse that, one of theirs. Four pokes in the time of a block: if block
/// 13 held none by chance, the next one that does would be somebody else's, and old-0 may not seal two blocks in a row.
const SCENARIO: &str = r#"
name: parted
seed: 1
timeout: 2m
chain:
  genesis: clique
  period: 1s
  accounts: 1
  # Reads slot 0.
  alloc: {"0x000000000000000000000000000000000000c0de": {code: "0x60005450"}}
topology:
  name: parted
  nodes:
    new-0: {client: forks, role: validator}
    new-1: {client: forks, role: validator}
    old-0: {client: forks@istanbul, role: validator}
  graph: mesh
timeline:
  - {name: poke, at: 1s, every: 250ms, times: 100, send: {transaction: {from: account-0, to: "0x000000000000000000000000000000000000c0de", gas: 100000, via: new-0}}}
  - {name: found, at: 9s, send: {rpc: {nodes: new-0, method: eth_getTransactionByHash, params: ["{poke#2.hash}"]}}}
  - {name: in-block, at: 12s, send: {rpc: {nodes: new-0, method: eth_getBlockByHash, params: ["{found.answer/blockHash}", false]}}}
expect:
  - {ready: {within: 60s}}
  - {at_end: true, that: {answered: {entry: found, pointer: /hash, equals: "{poke#2.hash}"}}}
  - {at_end: true, that: {answered: {entry: in-block, pointer: /hash, equals: "{found.answer/blockHash}"}}}
  - {at_end: true, that: {agree: {}}}
"#;

/// The shipped client under another name, in two variants whose programs change the genesis file before they take it.
fn project(geth: &Path) -> tempfile::TempDir {
    let here = tempfile::tempdir().expect("a temporary folder");
    let client = here.path().join("clients/forks");
    fs::create_dir_all(client.join("bin")).expect("made");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/go-ethereum/client.yaml");
    let manifest = fs::read_to_string(shipped).expect("read");
    let manifest = manifest
        .replace("\nname: go-ethereum", "\nname: forks")
        .replace("program: geth-v1.13.15", "program: geth-berlin")
        .replace("program: geth-v1.11.6", "program: geth-istanbul")
        .replace("\n  v1.11.6:", "\n  istanbul:");
    // Its images are made from files that are not here.
    let manifest = manifest.lines().filter(|line| !line.trim_start().starts_with("image:"));
    let manifest = manifest.fold(String::new(), |text, line| text + line + "\n");
    fs::write(client.join("client.yaml"), manifest).expect("written");
    let rules = [("berlin", r#"s/"berlinBlock": 0/"berlinBlock": 13/"#), ("istanbul", r#"/"berlinBlock"/d"#)];
    for (name, change) in rules {
        let program = client.join("bin").join(format!("geth-{name}"));
        let text = format!(
            "#!/bin/sh\nfor last; do :; done\n[ \"$1\" = init ] && sed -i -e '/\"londonBlock\"/d' -e '{change}' \"$last\"\n\
             exec '{}' \"$@\"\n",
            geth.display()
        );
        fs::write(&program, text).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made executable");
    }
    fs::write(here.path().join("parted.yaml"), SCENARIO).expect("written");
    here
}

fn result<'a>(verdict: &'a Value, label: &str) -> &'a Value {
    let results = verdict["results"].as_array().expect("results");
    let named = |one: &&Value| one["label"].as_str().is_some_and(|text| text.contains(label));
    results.iter().find(named).unwrap_or_else(|| panic!("no result about {label}"))
}

#[test]
fn a_split_is_told_down_to_the_transaction() {
    let geth = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/go-ethereum/bin/geth-v1.13.15");
    if !geth.exists() {
        return skip(TEST, "there is no bin/geth-v1.13.15 (scripts/clients go-ethereum@v1.13.15 builds it)");
    }
    if let Err(reason) = backend_works("native") {
        return skip(TEST, &reason);
    }
    let here = project(&geth);
    let (code, stdout, stderr) = output(splitbrain(here.path()).args(["run", "parted.yaml", "--backend", "native"]));
    assert_eq!(code, 1, "they do not agree: {stdout}{stderr}");
    let text = fs::read_to_string(here.path().join("results/latest/verdict.json")).expect("a verdict");
    let verdict: Value = serde_json::from_str(&text).expect("JSON");
    for label in ["found", "in-block"] {
        assert_eq!(result(&verdict, label)["outcome"], "pass", "names are filled in: {stdout}{stderr}");
    }
    let agree = result(&verdict, "agree");
    let facts = &agree["facts"];
    let inspection = &agree["explanation"]["inspection"];
    assert_eq!(inspection["same_parent"], true, "{facts:#}");
    assert_eq!(inspection["blocks"].as_array().map(Vec::len), Some(2), "{facts:#}");
    let fields: Vec<&str> =
        inspection["fields"].as_array().into_iter().flatten().filter_map(|f| f["field"].as_str()).collect();
    assert!(fields.contains(&"gasUsed") && fields.contains(&"receiptsRoot"), "{fields:?}");
    let step = &inspection["steps"][0];
    let entry = step["transaction"]["entry"].as_str().unwrap_or_default();
    assert!(entry.starts_with("poke#"), "which entry sent it: {facts:#}");
    assert_eq!(step["differs"], serde_json::json!(["gas cost"]), "{facts:#}");
    let mut costs: Vec<u64> =
        ["first", "second"].iter().filter_map(|side| step[side]["step"]["cost"].as_u64()).collect();
    costs.sort_unstable();
    assert_eq!(costs, [800, 2100], "EIP-1884 and EIP-2929: {facts:#}");
    assert_eq!(step["first"]["step"]["op"], "SLOAD");
    let blocks = inspection["blocks"].as_array().expect("blocks");
    let refused: Vec<&Value> = blocks.iter().filter_map(|block| block["refused_by"].as_array()).flatten().collect();
    assert!(refused.iter().any(|node| *node == "old-0"), "go-ethereum remembers bad blocks: {facts:#}");
    let (code, stdout, stderr) = output(splitbrain(here.path()).args(["clean", "--check"]));
    assert_eq!(code, 0, "{stdout}{stderr}");
}
