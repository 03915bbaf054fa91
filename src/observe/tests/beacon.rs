//! The prober on the Beacon API.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{Watched, blocks, id, reorganisations};
use crate::action::AdapterSpec;
use crate::journal::What;
use crate::observe::stub::{Asked, Reply, Stub};

/// Slot, root, parent.
type Header = (u64, u64, u64);

struct Node {
    headers: Vec<Header>,
    head: Option<u64>,
    justified: u64,
    /// Whether it tells whole blocks, with the execution block `root + 1000` in each.
    payloads: bool,
    /// How often it was asked for a whole block.
    whole: u64,
}

fn node(headers: &[Header], head: Option<u64>, justified: u64) -> Node {
    Node { headers: headers.to_vec(), head, justified, payloads: false, whole: 0 }
}

fn header(&(slot, root, parent): &Header) -> Value {
    json!({"data": {"root": id(root), "canonical": true, "header": {"signature": "0x", "message": {
        "slot": slot.to_string(), "proposer_index": (slot % 4).to_string(), "parent_root": id(parent),
        "state_root": id(root + 500),
    }}}})
}

impl Node {
    fn answer(&mut self, asked: &Asked) -> Reply {
        assert_eq!(asked.method, "GET");
        let found = |root: String| self.headers.iter().find(|header| id(header.1) == root).map(header);
        if let Some(root) = asked.path.strip_prefix("/eth/v2/beacon/blocks/") {
            self.whole += 1;
            let root = self.headers.iter().find(|header| id(header.1) == root).filter(|_| self.payloads);
            return root.map_or_else(not_found, |(_, root, _)| {
                Reply::json(&json!({"version": "deneb", "data": {"message": {"body": {
                    "execution_payload": {"block_hash": id(root + 1000)},
                }}}}))
            });
        }
        let answer = match asked.path.as_str() {
            "/eth/v1/beacon/headers/head" => self.head.and_then(|root| found(id(root))),
            "/eth/v1/node/version" => Some(json!({"data": {"version": "Fake/v2"}})),
            "/eth/v1/node/peer_count" => Some(json!({"data": {"connected": "7", "disconnected": "1"}})),
            "/eth/v1/node/syncing" => Some(json!({"data": {"is_syncing": true, "head_slot": "1"}})),
            "/eth/v1/beacon/states/head/finality_checkpoints" => Some(json!({"data": {
                "previous_justified": {"epoch": "0", "root": id(0)},
                "current_justified": {"epoch": self.justified.to_string(), "root": id(2)},
                "finalized": {"epoch": "0", "root": id(0)},
            }})),
            path => found(path.strip_prefix("/eth/v1/beacon/headers/").expect("a known path").to_owned()),
        };
        answer.map_or_else(not_found, |answer| Reply::json(&answer))
    }
}

fn not_found() -> Reply {
    Reply::status(404, r#"{"code":404,"message":"not found"}"#)
}

async fn start(node: Node) -> (Arc<Mutex<Node>>, Watched) {
    let node = Arc::new(Mutex::new(node));
    let script = Arc::clone(&node);
    let stub = Stub::start(move |asked| script.lock().expect("no panic").answer(&asked)).await;
    let watched = Watched::start(&stub, AdapterSpec::Beacon { port: 1 });
    // The server ends with its last holder; the prober's way to it is one.
    (node, watched)
}

#[tokio::test]
async fn slots_are_heights_and_skipped_slots_are_no_gap() {
    let headers = vec![(0, 1, 0), (3, 2, 1), (4, 3, 2)];
    let (node, mut watched) = start(node(&headers, Some(3), 1)).await;
    let seen = watched.until("syncing", |what| matches!(what, What::Syncing { .. })).await;
    assert_eq!(blocks(&seen), [(0, id(1)), (3, id(2)), (4, id(3))]);
    let Some(What::Block(block)) = seen.iter().find(|what| matches!(what, What::Block(block) if block.height == 3))
    else {
        panic!("{seen:?}")
    };
    assert_eq!((block.producer.as_deref(), block.parent.clone()), (Some("3"), id(1)));
    for wanted in [
        What::Version { node: "n".into(), version: "Fake/v2".to_owned() },
        What::Justified { node: "n".into(), height: 1, hash: id(2) },
        What::Finalized { node: "n".into(), height: 0, hash: id(0) },
        What::Peers { node: "n".into(), count: 7 },
        What::Syncing { node: "n".into(), syncing: true },
    ] {
        assert_eq!(seen.iter().filter(|what| **what == wanted).count(), 1, "{wanted:?} in {seen:?}");
    }
    // A fork from slot 0: depth is measured in slots, as the API's own chain_reorg event does.
    {
        let mut node = node.lock().expect("no panic");
        node.headers.push((6, 9, 1));
        node.head = Some(9);
        node.justified = 2;
    }
    let seen = watched.until_head(&id(9)).await;
    assert_eq!(reorganisations(&seen), [(4, true)]);
    assert!(seen.iter().any(|what| matches!(what, What::Reorg { blocks: Some(2), .. })), "blocks, not slots: {seen:?}");
    assert_eq!(node.lock().expect("no panic").whole, 1, "a node without payloads is asked for one only once");
    watched.until("justified", |what| matches!(what, What::Justified { height: 2, .. })).await;
}

#[tokio::test]
async fn before_genesis_there_is_no_head_and_the_node_is_in_sight() {
    let (node, mut watched) = start(node(&[(0, 1, 0)], None, 0)).await;
    watched.until("peers", |what| matches!(what, What::Peers { .. })).await;
    node.lock().expect("no panic").head = Some(1);
    let seen = watched.until_head(&id(1)).await;
    assert_eq!(blocks(&seen), [(0, id(1))]);
}

#[tokio::test]
async fn blocks_tell_their_state_and_the_execution_block_inside_them() {
    let headers = [(0, 1, 0), (1, 2, 1), (2, 3, 2)];
    let (node, mut watched) = start(Node { payloads: true, ..node(&headers, Some(3), 0) }).await;
    let seen = watched.until("syncing", |what| matches!(what, What::Syncing { .. })).await;
    let told: Vec<(Option<String>, Option<String>)> = seen
        .iter()
        .filter_map(|what| match what {
            What::Block(block) => Some((block.state_root.clone(), block.execution.clone())),
            _ => None,
        })
        .collect();
    let wanted = [(501, None), (502, Some(1002)), (503, Some(1003))];
    assert_eq!(told, wanted.map(|(state, inside)| (Some(id(state)), inside.map(id))));
    assert_eq!(node.lock().expect("no panic").whole, 2, "each block once, the first one never");
}
