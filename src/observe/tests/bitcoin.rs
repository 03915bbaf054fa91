//! The prober on Bitcoin-like JSON-RPC. The answers have the form in which btcd v0.24.2 gave them on simnet.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{Watched, blocks, id, reorganisations};
use crate::action::{AdapterSpec, Login};
use crate::journal::What;
use crate::observe::stub::{Asked, Reply, Stub};

/// `id` without `0x`, as these nodes write hashes.
fn digits(number: u64) -> String {
    id(number).trim_start_matches("0x").to_owned()
}

/// A node whose chain a test moves: hash, height, parent of each block, the last one the head.
struct Node {
    chain: Vec<(u64, u64, u64)>,
    tips: Value,
    /// How it names itself: like btcd, or like Bitcoin Core and its kin.
    core: bool,
    batches: bool,
}

impl Node {
    fn call(&self, call: &Value) -> Value {
        let refused = |code: i64, message: &str| json!({"result": null, "error": {"code": code, "message": message}});
        let mut answer = match (call["method"].as_str().expect("a method"), call["params"][0].as_str()) {
            ("getbestblockhash", _) => json!({"result": digits(self.chain.last().expect("a head").0)}),
            ("getblockheader", Some(hash)) => match self.chain.iter().find(|block| digits(block.0) == hash) {
                // btcd writes a previous block of zeros into the first header.
                Some((hash, height, parent)) => json!({"result": {
                    "hash": digits(*hash), "confirmations": 1, "height": height, "previousblockhash": digits(*parent),
                    "merkleroot": digits(7), "time": 1_795_760_733, "nonce": 3, "bits": "207fffff", "difficulty": 1,
                }}),
                None => refused(-32603, "block is not in the main chain"),
            },
            ("getblockchaininfo", _) => json!({"result": {"chain": "simnet", "blocks": 3, "headers": 3}}),
            ("getpeerinfo", _) => json!({"result": [
                {"id": 1, "addr": "10.77.0.11:47846", "inbound": true},
                {"id": 2, "addr": "10.77.0.11:18555", "inbound": false},
                {"id": 3, "addr": "10.77.0.12:18555", "inbound": false},
            ]}),
            ("getconnectioncount", _) => json!({"result": 3}),
            ("getchaintips", _) => json!({"result": self.tips}),
            ("getnetworkinfo", _) if self.core => {
                json!({"result": {"version": 210_201, "subversion": "/LitecoinCore:0.21.2.1/"}})
            }
            ("getnetworkinfo", _) => refused(-1, "Command unimplemented"),
            ("getinfo", _) => json!({"result": {"version": 240_200, "protocolversion": 70002}}),
            other => panic!("unexpected call {other:?}"),
        };
        answer["id"] = call["id"].clone();
        answer
    }

    fn answer(&self, asked: &Asked) -> Reply {
        if asked.authorization.as_deref() != Some("Basic dTpw") {
            return Reply::status(401, "401 Unauthorized.\n");
        }
        match &asked.body {
            Value::Array(_) if !self.batches => Reply::status(400, "no batches"),
            Value::Array(calls) => Reply::json(&calls.iter().map(|call| self.call(call)).collect()),
            call => Reply::json(&self.call(call)),
        }
    }
}

fn adapter(password: &str) -> AdapterSpec {
    AdapterSpec::Bitcoin { port: 1, login: Some(Login { user: "u".to_owned(), password: password.to_owned() }) }
}

async fn start(core: bool, batches: bool) -> (Arc<Mutex<Node>>, Arc<Stub>, Watched) {
    let chain = vec![(1, 0, 0), (2, 1, 1), (3, 2, 2)];
    let node = Arc::new(Mutex::new(Node { chain, tips: tips(&[(2, 3, 0, "active")]), core, batches }));
    let script = Arc::clone(&node);
    let stub = Stub::start(move |asked| script.lock().expect("no panic").answer(&asked)).await;
    let watched = Watched::start(&stub, adapter("p"));
    (node, stub, watched)
}

/// Height, hash, length and status of each.
fn tips(tips: &[(u64, u64, u64, &str)]) -> Value {
    tips.iter()
        .map(|(height, hash, length, status)| {
            json!({"height": height, "hash": digits(*hash), "branchlen": length, "status": status})
        })
        .collect()
}

#[tokio::test]
async fn a_lost_branch_is_a_reorganisation_and_stays_told() {
    let (node, _stub, mut watched) = start(false, true).await;
    let seen = watched.until("syncing", |what| matches!(what, What::Syncing { .. })).await;
    assert_eq!(blocks(&seen), [(0, id(1)), (1, id(2)), (2, id(3))]);
    assert!(seen.contains(&What::Version { node: "n".into(), version: "0.24.2".to_owned() }), "{seen:?}");
    assert!(seen.contains(&What::Peers { node: "n".into(), count: 2 }), "two connections to one host: {seen:?}");
    assert!(!seen.iter().any(|what| matches!(what, What::Branch { .. } | What::Finalized { .. })), "{seen:?}");
    {
        let mut node = node.lock().expect("no panic");
        node.chain = vec![(1, 0, 0), (4, 1, 1), (5, 2, 4), (6, 3, 5)];
        node.tips = tips(&[(2, 3, 2, "valid-fork"), (3, 6, 0, "active"), (4, 7, 1, "headers-only")]);
    }
    let mut seen = watched.until_head(&id(6)).await;
    assert_eq!(reorganisations(&seen), [(2, true)]);
    assert!(seen.iter().any(|what| matches!(what, What::Reorg { blocks: Some(2), .. })), "{seen:?}");
    let lost = |what: &What| matches!(what, What::Branch { length: 2, .. });
    if !seen.iter().any(lost) {
        seen.extend(watched.until("the lost branch", lost).await);
    }
    let branches: Vec<&What> = seen.iter().filter(|what| matches!(what, What::Branch { .. })).collect();
    let branch = |height, hash, length, status: &str| What::Branch {
        node: "n".into(),
        height,
        hash: id(hash),
        length,
        status: status.to_owned(),
    };
    assert_eq!(branches, [&branch(4, 7, 1, "headers-only"), &branch(2, 3, 2, "valid-fork")]);
    // What changes is told, what stays is not.
    node.lock().expect("no panic").tips = tips(&[(2, 3, 2, "valid-fork"), (4, 7, 1, "invalid")]);
    let seen = watched.until("the change", |what| matches!(what, What::Branch { .. })).await;
    assert_eq!(seen.last(), Some(&branch(4, 7, 1, "invalid")));
}

#[tokio::test]
async fn servers_without_batches_are_asked_one_by_one() {
    let (_, _stub, mut watched) = start(true, false).await;
    let seen = watched.until("syncing", |what| matches!(what, What::Syncing { .. })).await;
    let version = "/LitecoinCore:0.21.2.1/".to_owned();
    assert!(seen.contains(&What::Version { node: "n".into(), version }), "{seen:?}");
    assert!(seen.contains(&What::Peers { node: "n".into(), count: 2 }), "{seen:?}");
}

#[tokio::test]
async fn a_head_that_stands_is_one_small_question() {
    let (_, stub, mut watched) = start(false, true).await;
    watched.until("syncing", |what| matches!(what, What::Syncing { .. })).await;
    watched.stop().await;
    let headers = stub.asked().iter().filter(|asked| asked.body["method"] == "getblockheader").count();
    assert_eq!(headers, 3, "each block once");
}

#[tokio::test]
async fn a_wrong_password_is_told() {
    let (_, stub, watched) = start(false, true).await;
    watched.stop().await;
    let deadline = crate::observe::stub::PATIENCE;
    let mut probe = crate::observe::probe::Probe::new(stub.dialler(), "n".into(), &adapter("x"), deadline);
    let error = probe.head().await.expect_err("no entry").to_string();
    assert_eq!(error, "the answer to getbestblockhash is no JSON-RPC answer (status 401): `401 Unauthorized.`");
}
