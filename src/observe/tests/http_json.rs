//! The prober on APIs that are described by pointers.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{Watched, blocks};
use crate::action::{AdapterSpec, HttpJsonAdapter, HttpJsonField};
use crate::journal::What;
use crate::observe::stub::{Reply, Stub};

fn field(path: &str, pointer: &str) -> HttpJsonField {
    HttpJsonField { path: path.to_owned(), body: None, pointer: pointer.to_owned(), plus: Vec::new(), offset: 0 }
}

/// As a `CometBFT` node would be described: everything final at once, heights as decimal text, hashes in upper case.
fn comet() -> HttpJsonAdapter {
    HttpJsonAdapter {
        port: 26657,
        height: field("/status", "/result/sync_info/latest_block_height"),
        hash: field("/status", "/result/sync_info/latest_block_hash"),
        hash_at: Some(field("/block?height={height}", "/result/block_id/hash")),
        parent_at: Some(field("/block?height={height}", "/result/block/header/last_block_id/hash")),
        finalized: Some(field("/status", "/result/sync_info/latest_block_height")),
        peers: Some(field("/net_info", "/result/n_peers")),
        version: Some(field("/status", "/result/node_info/version")),
    }
}

fn name(height: u64) -> String {
    if height == 0 { String::new() } else { format!("{height:064X}") }
}

fn told(height: u64) -> String {
    format!("0x{height:064x}")
}

async fn start(adapter: HttpJsonAdapter, height: u64) -> (Arc<Mutex<u64>>, Watched) {
    let height = Arc::new(Mutex::new(height));
    let script = Arc::clone(&height);
    let stub = Stub::start(move |asked| {
        let height = *script.lock().expect("no panic");
        Reply::json(&match asked.path.as_str() {
            "/status" => json!({"result": {
                "node_info": {"version": "0.38.26"},
                "sync_info": {"latest_block_height": height.to_string(), "latest_block_hash": name(height)},
            }}),
            "/net_info" => json!({"result": {"n_peers": "3"}}),
            path => {
                let at: u64 = path.strip_prefix("/block?height=").expect("a block").parse().expect("a height");
                json!({"result": {"block_id": {"hash": name(at)},
                    "block": {"header": {"last_block_id": {"hash": name(at.saturating_sub(1))}}}}})
            }
        })
    })
    .await;
    let watched = Watched::start(&stub, AdapterSpec::HttpJson(adapter));
    (height, watched)
}

#[tokio::test]
async fn a_chain_is_read_by_pointers_and_filled_back_by_height() {
    let (height, mut watched) = start(comet(), 3).await;
    let seen = watched.until("finality", |what| matches!(what, What::Finalized { .. })).await;
    assert_eq!(blocks(&seen), [(1, told(1)), (2, told(2)), (3, told(3))]);
    assert!(matches!(seen.last(), Some(What::Finalized { height: 3, hash, .. }) if *hash == told(3)), "{seen:?}");
    assert!(seen.contains(&What::Version { node: "n".into(), version: "0.38.26".to_owned() }));
    watched.until("peers", |what| matches!(what, What::Peers { count: 3, .. })).await;
    *height.lock().expect("no panic") = 6;
    let seen = watched.until_head(&told(6)).await;
    assert_eq!(blocks(&seen), [(4, told(4)), (5, told(5)), (6, told(6))]);
}

#[tokio::test]
async fn height_and_hash_alone_are_enough() {
    let adapter =
        HttpJsonAdapter { hash_at: None, parent_at: None, finalized: None, peers: None, version: None, ..comet() };
    let (height, mut watched) = start(adapter, 0).await;
    watched.until("sight", |what| matches!(what, What::ProbeBack { .. })).await;
    *height.lock().expect("no panic") = 2;
    let seen = watched.until_head(&told(2)).await;
    assert_eq!(blocks(&seen), [(2, told(2))]);
    let statistics = watched.stop().await;
    assert_eq!(statistics.failed, 0, "height 0 without a hash is a chain that has not begun");
}

#[tokio::test]
async fn parents_follow_from_hashes_by_height() {
    let (_, mut watched) = start(HttpJsonAdapter { parent_at: None, ..comet() }, 3).await;
    let seen = watched.until_head(&told(3)).await;
    assert_eq!(blocks(&seen), [(1, told(1)), (2, told(2)), (3, told(3))]);
}

#[tokio::test]
async fn bodies_are_posted_and_a_wrong_pointer_is_told() {
    let stub = Stub::start(|asked| match (asked.method.as_str(), asked.body["method"].as_str()) {
        ("POST", Some("getinfo")) => Reply::json(&json!({"result": {"blocks": 5, "tip": "AB".repeat(32)}})),
        other => Reply::status(404, &format!("{other:?}")),
    })
    .await;
    let post =
        |pointer: &str| HttpJsonField { body: Some(r#"{"method": "getinfo"}"#.to_owned()), ..field("/", pointer) };
    let bare =
        HttpJsonAdapter { hash_at: None, parent_at: None, finalized: None, peers: None, version: None, ..comet() };
    let fine = HttpJsonAdapter { height: post("/result/blocks"), hash: post("/result/tip"), ..bare.clone() };
    let mut watched = Watched::start(&stub, AdapterSpec::HttpJson(fine));
    watched.until_head(&format!("0x{}", "ab".repeat(32))).await;

    let wrong = HttpJsonAdapter { height: post("/result/block"), hash: post("/result/tip"), ..bare };
    let mut probe = crate::observe::probe::Probe::new(
        stub.dialler(),
        "n".into(),
        &AdapterSpec::HttpJson(wrong),
        crate::observe::stub::PATIENCE,
    );
    let error = probe.head().await.expect_err("no height").to_string();
    assert!(error.starts_with("the answer to / holds no number at /result/block: `{"), "{error}");
}

/// As a monerod node would be described: heights are counts, hashes have no `0x`, peers come in two numbers.
fn monero() -> HttpJsonAdapter {
    let post = |call: &str, pointer: &str| HttpJsonField {
        body: Some(format!(r#"{{"jsonrpc":"2.0","id":"0",{call}}}"#)),
        ..field("/json_rpc", pointer)
    };
    let info = |pointer: &str| post(r#""method":"get_info""#, pointer);
    let block = |pointer: &str| post(r#""method":"get_block_header_by_height","params":{"height":{height}}"#, pointer);
    HttpJsonAdapter {
        port: 18081,
        height: HttpJsonField { offset: -1, ..info("/result/height") },
        hash: info("/result/top_block_hash"),
        hash_at: Some(block("/result/block_header/hash")),
        parent_at: Some(block("/result/block_header/prev_hash")),
        finalized: None,
        peers: Some(HttpJsonField {
            plus: vec!["/result/incoming_connections_count".to_owned()],
            ..info("/result/outgoing_connections_count")
        }),
        version: Some(info("/result/version")),
    }
}

#[tokio::test]
async fn a_chain_that_counts_blocks_and_has_several_numbers_of_peers_can_be_described() {
    let digits = |height: u64| format!("{:064x}", 0xab00 + height);
    let stub = Stub::start(move |asked| {
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/json_rpc"));
        Reply::json(&match (asked.body["method"].as_str(), asked.body["params"]["height"].as_u64()) {
            (Some("get_info"), None) => json!({"id": "0", "jsonrpc": "2.0", "result": {
                "height": 3, "top_block_hash": digits(2), "version": "0.18.0.0-release", "synchronized": true,
                "outgoing_connections_count": 1, "incoming_connections_count": 2, "status": "OK",
            }}),
            (Some("get_block_header_by_height"), Some(height)) if height < 3 => json!({"result": {"block_header": {
                "hash": digits(height), "height": height,
                "prev_hash": if height == 0 { "0".repeat(64) } else { digits(height - 1) },
            }}}),
            other => panic!("unexpected call {other:?}"),
        })
    })
    .await;
    let mut watched = Watched::start(&stub, AdapterSpec::HttpJson(monero()));
    let seen = watched.until("peers", |what| matches!(what, What::Peers { count: 3, .. })).await;
    let told = |height: u64| format!("0x{:064x}", 0xab00 + height);
    assert_eq!(blocks(&seen), [(0, told(0)), (1, told(1)), (2, told(2))]);
    assert!(seen.contains(&What::Version { node: "n".into(), version: "0.18.0.0-release".to_owned() }));
}

#[test]
fn a_described_field_reads_back_from_yaml_words() {
    let field: HttpJsonField =
        serde_json::from_value(json!({"path": "/", "pointer": "/a", "offset": -1, "plus": ["/b"]})).expect("a field");
    assert_eq!((field.offset, field.plus), (-1, vec!["/b".to_owned()]));
}

#[tokio::test]
async fn by_hash_a_reorganisation_between_two_questions_mixes_nothing_up() {
    /// Two branches of five blocks: `a` is shown as the head, `b` stands wherever a height is asked for, as if the
    /// client had changed its mind in between.
    fn block(branch: char, height: u64) -> String {
        let digit = if height <= 2 { '0' } else { branch };
        format!("{digit}{height:063x}")
    }
    let stub = Stub::start(move |asked| {
        let path = asked.path.as_str();
        let parent = |name: &str| {
            let height = u64::from_str_radix(&name[1..], 16).expect("a name of ours");
            let branch = name.chars().next().expect("not empty");
            block(branch, height.saturating_sub(1))
        };
        Reply::json(&match path.split_once('=') {
            None if path == "/head" => json!({"height": 5, "hash": block('a', 5)}),
            None => panic!("unexpected request {path}"),
            Some(("/height?at", at)) => json!({"hash": block('b', at.parse().expect("a height"))}),
            Some((_, name)) => json!({"parent": parent(name)}),
        })
    })
    .await;
    let adapter = HttpJsonAdapter {
        port: 1,
        height: field("/head", "/height"),
        hash: field("/head", "/hash"),
        hash_at: Some(field("/height?at={height}", "/hash")),
        parent_at: Some(field("/block?hash={hash}", "/parent")),
        finalized: None,
        peers: None,
        version: None,
    };
    let mut watched = Watched::start(&stub, AdapterSpec::HttpJson(adapter));
    let seen = watched.until_head(&format!("0x{}", block('a', 5))).await;
    let expected: Vec<_> = (0..=5).map(|height| (height, format!("0x{}", block('a', height)))).collect();
    assert_eq!(blocks(&seen), expected);
}
