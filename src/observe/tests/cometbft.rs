//! The prober on CometBFT's RPC.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{Watched, blocks};
use crate::action::AdapterSpec;
use crate::journal::What;
use crate::observe::stub::{Asked, Reply, Stub};

struct Node {
    height: u64,
    round: u64,
    step: u64,
    catching_up: bool,
}

/// As the API writes hashes.
fn name(height: u64) -> String {
    if height == 0 { String::new() } else { format!("{:064X}", 0xAB00 + height) }
}

fn told(height: u64) -> String {
    format!("0x{:064x}", 0xab00 + height)
}

fn meta(height: u64) -> Value {
    json!({
        "block_id": {"hash": name(height), "parts": {"total": 1, "hash": name(height + 99)}}, "block_size": "300",
        "header": {
            "version": {"block": "11", "app": "1"}, "chain_id": "test", "height": height.to_string(),
            "last_block_id": {"hash": name(height - 1)}, "proposer_address": format!("{:040X}", 0xCD00 + height % 4),
            "app_hash": "04000000000000AA",
        },
        "num_txs": "0",
    })
}

impl Node {
    fn answer(&self, asked: &Asked) -> Reply {
        assert_eq!(asked.method, "GET");
        let result = match asked.path.as_str() {
            "/status" => json!({
                "node_info": {"id": "6fb5", "version": "0.38.26", "moniker": "n"},
                "sync_info": {"latest_block_hash": name(self.height), "latest_app_hash": "04000000000000AA",
                    "latest_block_height": self.height.to_string(), "catching_up": self.catching_up},
            }),
            "/net_info" => json!({"listening": true, "n_peers": "3", "peers": []}),
            "/consensus_state" => json!({"round_state": {
                "height/round/step": format!("{}/{}/{}", self.height + 1, self.round, self.step),
                "proposal_block_hash": "",
            }}),
            path => {
                let range = path.strip_prefix("/blockchain?minHeight=").expect("a known path");
                let (from, to) = range.split_once("&maxHeight=").expect("a range");
                let (from, to): (u64, u64) = (from.parse().expect("a height"), to.parse().expect("a height"));
                if from == 0 || to > self.height || to - from >= 20 {
                    return Reply::status(500, r#"{"jsonrpc":"2.0","id":-1,"error":{"code":-32603}}"#);
                }
                let metas: Vec<Value> = (from..=to).rev().map(meta).collect();
                json!({"last_height": self.height.to_string(), "block_metas": metas})
            }
        };
        Reply::json(&json!({"jsonrpc": "2.0", "id": -1, "result": result}))
    }
}

async fn start(height: u64) -> (Arc<Mutex<Node>>, Arc<Stub>, Watched) {
    let node = Arc::new(Mutex::new(Node { height, round: 0, step: 3, catching_up: false }));
    let script = Arc::clone(&node);
    let stub = Stub::start(move |asked| script.lock().expect("no panic").answer(&asked)).await;
    let watched = Watched::start(&stub, AdapterSpec::Cometbft { port: 1 });
    (node, stub, watched)
}

#[tokio::test]
async fn a_head_is_final_and_blocks_name_their_proposer() {
    let (node, _stub, mut watched) = start(0).await;
    let seen = watched.until("the first round", |what| matches!(what, What::Round { .. })).await;
    assert!(blocks(&seen).is_empty(), "a chain without a block has no head: {seen:?}");
    node.lock().expect("no panic").height = 3;
    let mut seen = watched.until("finality", |what| matches!(what, What::Finalized { .. })).await;
    assert_eq!(seen.pop(), Some(What::Finalized { node: "n".into(), height: 3, hash: told(3) }));
    assert_eq!(blocks(&seen), [(1, told(1)), (2, told(2)), (3, told(3))]);
    let record = seen.iter().find_map(|what| match what {
        What::Block(block) if block.height == 2 => Some(block),
        _ => None,
    });
    let record = record.expect("block 2");
    assert_eq!(record.parent, told(1));
    assert_eq!(record.producer, Some(format!("0x{:040x}", 0xcd02)));
    assert_eq!(record.state_root.as_deref(), Some("0x04000000000000aa"));
    let all: Vec<What> = watched.seen.clone();
    for wanted in [
        What::Version { node: "n".into(), version: "0.38.26".to_owned() },
        What::Peers { node: "n".into(), count: 3 },
        What::Syncing { node: "n".into(), syncing: false },
    ] {
        assert_eq!(all.iter().filter(|what| **what == wanted).count(), 1, "{wanted:?} in {all:?}");
    }
}

#[tokio::test]
async fn a_halt_shows_rounds_that_rise_over_a_height_that_stands() {
    let (node, _stub, mut watched) = start(7).await;
    watched.until("round 0", |what| matches!(what, What::Round { height: 8, round: 0, .. })).await;
    // Steps of one round are not told: the next thing is the next round.
    node.lock().expect("no panic").step = 4;
    for round in 1..3 {
        node.lock().expect("no panic").round = round;
        let seen = watched.until("a round", |what| matches!(what, What::Round { .. })).await;
        let wanted = What::Round { node: "n".into(), height: 8, round, step: "Prevote".to_owned() };
        assert_eq!(seen.last(), Some(&wanted));
        assert!(!seen.iter().any(|what| matches!(what, What::Head { .. } | What::Reorg { .. })), "{seen:?}");
    }
}

#[tokio::test]
async fn many_blocks_at_once_are_fetched_in_pages() {
    let (node, stub, mut watched) = start(1).await;
    watched.until_head(&told(1)).await;
    node.lock().expect("no panic").height = 45;
    let seen = watched.until_head(&told(45)).await;
    let wanted: Vec<(u64, String)> = (2..=45).map(|height| (height, told(height))).collect();
    assert_eq!(blocks(&seen), wanted);
    let pages = stub.asked().iter().filter(|asked| asked.path.starts_with("/blockchain")).count();
    assert!(pages <= 1 + 1 + 3, "{pages} pages for 45 blocks");
}
