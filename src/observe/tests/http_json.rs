//! The prober on APIs that are described by pointers.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{Watched, blocks};
use crate::action::{AdapterSpec, HttpJsonAdapter, HttpJsonField};
use crate::journal::What;
use crate::observe::stub::{Reply, Stub};

fn field(path: &str, pointer: &str) -> HttpJsonField {
    HttpJsonField { path: path.to_owned(), body: None, pointer: pointer.to_owned() }
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
            None => json!({"peers": ["one", "two"]}),
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
        peers: Some(field("/peers", "/peers")),
        version: None,
    };
    let mut watched = Watched::start(&stub, AdapterSpec::HttpJson(adapter));
    let seen = watched.until_head(&format!("0x{}", block('a', 5))).await;
    let expected: Vec<_> = (1..=5).map(|height| (height, format!("0x{}", block('a', height)))).collect();
    assert_eq!(blocks(&seen), expected);
    watched.until("peers", |what| matches!(what, What::Peers { count: 2, .. })).await;
}
