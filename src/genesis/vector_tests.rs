//! Holds the genesis files against those of `prysmctl`, and those of the preset `minimal` against Lodestar's, for the same
//! input. `tests/vectors/genesis/README.md` says how the vectors were made.

use std::collections::BTreeMap;
use std::path::PathBuf;

use alloy_primitives::b256;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::execution::Execution;
use super::{Account, Chain, ChainDocument, Pos, PostMerge};
use crate::eth2::encode_container;
use crate::text::{Sources, yaml};

/// Seconds since 1970 of all vectors.
const TIME: u64 = 1_800_000_000;

#[derive(Debug, Deserialize)]
struct Vector {
    /// Length of the whole state.
    length: usize,
    /// SHA-256 of the whole state.
    sha256: String,
    /// Fields in order.
    fields: Vec<VectorField>,
    /// Fields in which our choice is another one.
    differs: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct VectorField {
    name: String,
    length: usize,
    sha256: String,
    /// The bytes, where they are few.
    #[serde(default)]
    hex: String,
}

pub(super) fn pos(text: &str) -> Pos {
    let mut sources = Sources::new();
    let document: ChainDocument = yaml::read(&mut sources, "chain.yaml", text)
        .unwrap_or_else(|mistakes| panic!("{}", sources.render_all(&mistakes, false)));
    match Chain::from_document(&document) {
        Ok(Chain::Pos(pos)) => pos,
        Ok(other) => panic!("{} is not pos", other.family()),
        Err(mistakes) => panic!("{}", sources.render_all(&mistakes, false)),
    }
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/genesis").join(name)
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Same input as the vectors: two accounts with money, one with code and storage.
fn recipe(name: &str, chain: &str) -> PostMerge {
    let alloc = r#"{"0x00000000000000000000000000000000000000aa": {balance: "5", nonce: 1, code: "0x6001600255", storage: {"0x01": "0x02", "0x03": "0x00"}}}"#;
    let pos = pos(&format!("{{genesis: pos, {chain}, alloc: {alloc}}}"));
    let config = file(&format!("{name}.config.yaml"));
    let written = super::config_yaml::config_yaml(&pos);
    if std::env::var_os("SPLITBRAIN_REFRESH").is_some() {
        std::fs::write(&config, &written).expect("written");
    }
    assert_eq!(written, std::fs::read_to_string(&config).expect("the config beside the vector"), "{name}");
    PostMerge::new(&pos, &[[0x11; 20], [0x22; 20]])
}

fn compare(name: &str, chain: &str) {
    let prepared = recipe(name, chain).prepare();
    let files = prepared.finish(TIME);
    let input = file(&format!("{name}.genesis.json"));
    if std::env::var_os("SPLITBRAIN_REFRESH").is_some() {
        std::fs::write(&input, &files.json).expect("written");
    }
    assert_eq!(files.json, std::fs::read_to_string(&input).expect("the input beside the vector"), "{name}");
    let Ok(text) = std::fs::read_to_string(file(&format!("{name}.state.json"))) else {
        panic!("{name}: no vector");
    };
    let vector: Vector = serde_json::from_str(&text).expect("a vector");
    let fields = prepared.fields(TIME);
    assert_eq!(encode_container(&fields), files.ssz);
    let names = |fields: &mut dyn Iterator<Item = &str>| fields.map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        names(&mut fields.iter().map(|field| field.name)),
        names(&mut vector.fields.iter().map(|field| field.name.as_str()))
    );
    for (own, theirs) in fields.iter().zip(&vector.fields) {
        if vector.differs.contains_key(own.name) {
            continue;
        }
        let seen = if theirs.hex.is_empty() { String::new() } else { hex::encode(&own.bytes) };
        assert_eq!(
            (own.bytes.len(), seen.as_str(), hash(&own.bytes).as_str()),
            (theirs.length, theirs.hex.as_str(), theirs.sha256.as_str()),
            "{name}: field `{}`",
            own.name
        );
    }
    assert_eq!(files.ssz.len(), vector.length);
    if vector.differs.is_empty() {
        assert_eq!(hash(&files.ssz), vector.sha256, "{name}: byte for byte");
    }
}

#[test]
fn deneb_is_prysmctls_byte_for_byte() {
    compare("deneb", "fork: deneb, validators: 8");
}

#[test]
fn electra_is_prysmctls_field_by_field() {
    compare("electra", "fork: electra, validators: 8");
}

#[test]
fn deneb_with_electra_ahead_is_prysmctls_byte_for_byte() {
    compare("deneb-then-electra", "fork: deneb, forks: {electra: 4}, validators: 8");
}

#[test]
fn minimal_deneb_is_lodestars_byte_for_byte() {
    compare("minimal-deneb", "fork: deneb, preset: minimal, validators: 64");
}

#[test]
fn minimal_electra_is_lodestars_byte_for_byte() {
    compare("minimal-electra", "fork: electra, preset: minimal, validators: 64");
}

#[test]
fn the_hash_of_an_empty_alloc_is_the_empty_trie() {
    let alloc = BTreeMap::<String, Account>::new();
    let execution = Execution { chain_id: 1, gas_limit: 30_000_000, alloc: &alloc, prague_after: None };
    // Keccak-256 of the RLP of an empty string (Yellow Paper, appendix D).
    assert_eq!(execution.state_root(), b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"));
}

#[test]
fn times_of_later_forks_follow_from_epochs() {
    let later = pos("{genesis: pos, slot: 3s, slots_per_epoch: 4, forks: {electra: 5}}");
    let recipe = PostMerge::new(&later, &[]);
    assert_eq!(recipe.electra_after, Some(60));
    let genesis: serde_json::Value = serde_json::from_str(&recipe.prepare().finish(TIME).json).expect("JSON");
    assert_eq!(genesis["config"]["pragueTime"], TIME + 60);
    assert_eq!(genesis["config"]["cancunTime"], TIME);
    assert_eq!(genesis["config"]["terminalTotalDifficultyPassed"], true);
    let alloc = genesis["alloc"].as_object().expect("accounts");
    assert_eq!(alloc.len(), 4, "the contracts of electra are there before it");
    assert!(super::config_yaml::config_yaml(&later).contains("ELECTRA_FORK_EPOCH: 5\n"));
}

#[test]
fn presets_have_their_own_sizes() {
    let minimal = pos("{genesis: pos, preset: minimal, validators: 3}");
    assert_eq!(minimal.slots_per_epoch, 8);
    let fields = PostMerge::new(&minimal, &[]).prepare().fields(TIME);
    let length = |name: &str| fields.iter().find(|field| field.name == name).expect("a field").bytes.len();
    assert_eq!(length("block_roots"), 64 * 32);
    assert_eq!(length("next_sync_committee"), 33 * 48);
    assert_eq!(length("validators"), 3 * 121);
}

#[test]
fn settings_replace_and_join_the_config() {
    let own = pos("{genesis: pos, config: {SHARD_COMMITTEE_PERIOD: 9, EXTRA_TEXT: \"0x01\"}}");
    let text = super::config_yaml::config_yaml(&own);
    assert!(text.contains("SHARD_COMMITTEE_PERIOD: 9\n") && text.contains("EXTRA_TEXT: '0x01'\n"), "{text}");
    assert_eq!(text.matches("SHARD_COMMITTEE_PERIOD").count(), 1);
}
