//! The prober on an execution API: what is told when a chain grows, forks, and its node comes and goes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Watched, blocks, id, reorganisations};
use crate::action::AdapterSpec;
use crate::journal::What;
use crate::observe::stub::{Asked, Reply, Stub};

/// A node whose chain a test moves.
#[derive(Default)]
struct Node {
    /// Hash → number and parent.
    blocks: BTreeMap<String, (u64, String)>,
    head: String,
    peers: u64,
    finalized: Option<String>,
    /// With these words it refuses to say what is final.
    nothing_final: &'static str,
    /// How often it was asked for what is final.
    asked_for_final: AtomicU32,
    /// Answers with this instead of anything else.
    broken: Option<Reply>,
    /// Forgets these blocks.
    pruned: Vec<String>,
    batches: bool,
}

impl Node {
    /// A chain: names from `first` on, on top of `parent`, which has height `below`.
    fn grow(&mut self, below: u64, parent: &str, names: std::ops::RangeInclusive<u64>) {
        let mut parent = parent.to_owned();
        for (offset, name) in names.enumerate() {
            self.blocks.insert(id(name), (below + 1 + offset as u64, parent));
            parent = id(name);
        }
        self.head = parent;
    }

    fn block(&self, hash: &str) -> Value {
        match self.blocks.get(hash).filter(|_| !self.pruned.iter().any(|pruned| pruned == hash)) {
            Some((number, parent)) => json!({
                "number": format!("{number:#x}"), "hash": hash, "parentHash": parent,
                "miner": "0xAbCdEf0000000000000000000000000000000001", "difficulty": "0x0", "extraData": "0x",
                "stateRoot": id(0x5a), "receiptsRoot": id(0x5b), "gasUsed": "0x5208",
            }),
            None => Value::Null,
        }
    }

    fn result(&self, call: &Value) -> Value {
        let result = match (call["method"].as_str().expect("a method"), call["params"][0].as_str()) {
            ("eth_getBlockByNumber", Some("latest")) => self.block(&self.head),
            // A test's node calls safe what is final: the API tells them apart, the tests need no second chain.
            ("eth_getBlockByNumber", Some(tag @ ("finalized" | "safe"))) => {
                self.asked_for_final.fetch_add(u32::from(tag == "finalized"), Ordering::SeqCst);
                match &self.finalized {
                    Some(hash) => self.block(hash),
                    None => return json!({"id": call["id"], "error": {"code": -32000, "message": self.nothing_final}}),
                }
            }
            ("eth_getBlockByHash", Some(hash)) => self.block(hash),
            ("net_peerCount", _) => json!(format!("{:#x}", self.peers)),
            ("eth_syncing", _) => json!(false),
            ("web3_clientVersion", _) => json!("Fake/v1"),
            other => panic!("unexpected call {other:?}"),
        };
        json!({"jsonrpc": "2.0", "id": call["id"], "result": result})
    }

    fn answer(&self, asked: &Asked) -> Reply {
        match (&self.broken, &asked.body) {
            (Some(reply), _) => reply.clone(),
            (None, Value::Array(_)) if !self.batches => {
                Reply::json(&json!({"error": {"code": -1, "message": "no batches"}}))
            }
            (None, Value::Array(calls)) => Reply::json(&calls.iter().map(|call| self.result(call)).collect()),
            (None, call) => Reply::json(&self.result(call)),
        }
    }
}

type Shared = Arc<Mutex<Node>>;

/// A node at genesis (block 0), its server, and a prober on it.
async fn start(change: impl FnOnce(&mut Node)) -> (Shared, Arc<Stub>, Watched) {
    let mut node = Node { batches: true, peers: 2, ..Node::default() };
    node.blocks.insert(id(0xa0), (0, id(0)));
    node.head = id(0xa0);
    change(&mut node);
    let node = Arc::new(Mutex::new(node));
    let script = Arc::clone(&node);
    let stub = Stub::start(move |asked| script.lock().expect("no panic").answer(&asked)).await;
    let watched = Watched::with_deadline(&stub, AdapterSpec::Execution { port: 1 }, Duration::from_millis(500));
    (node, stub, watched)
}

fn with(node: &Shared, change: impl FnOnce(&mut Node)) {
    change(&mut node.lock().expect("no panic"));
}

#[tokio::test]
async fn the_first_sight_tells_everything_once() {
    let (_, _, mut watched) = start(|node| node.grow(0, &id(0xa0), 0xa1..=0xa3)).await;
    let seen = watched.until("syncing", |what| matches!(what, What::Syncing { .. })).await;
    assert!(matches!(seen[0], What::ProbeBack { .. }));
    assert_eq!(blocks(&seen), [(0, id(0xa0)), (1, id(0xa1)), (2, id(0xa2)), (3, id(0xa3))], "oldest first");
    let What::Block(block) = &seen[4] else { panic!("{seen:?}") };
    assert_eq!(
        (block.parent.as_str(), block.producer.as_deref()),
        (id(0xa2).as_str(), Some("0xabcdef0000000000000000000000000000000001"))
    );
    let (state, receipts) = (block.state_root.as_deref(), block.receipts_root.as_deref());
    assert_eq!((state, receipts, block.gas_used), (Some(&*id(0x5a)), Some(&*id(0x5b)), Some(21_000)));
    let rest = &seen[5..];
    assert!(
        matches!(&rest[0], What::Head { height: 3, hash, parent: Some(parent), .. } if *hash == id(0xa3) && *parent == id(0xa2))
    );
    assert!(matches!(&rest[1], What::Version { version, .. } if version == "Fake/v1"));
    assert!(matches!(&rest[2], What::Peers { count: 2, .. }));
    assert!(matches!(&rest[3], What::Syncing { syncing: false, .. }));
    assert_eq!(rest.len(), 4);
}

#[tokio::test]
async fn blocks_between_two_polls_are_all_told() {
    let (node, _, mut watched) = start(|_| ()).await;
    watched.until_head(&id(0xa0)).await;
    with(&node, |node| node.grow(0, &id(0xa0), 0xa1..=0xd0));
    let seen = watched.until_head(&id(0xd0)).await;
    let told: Vec<String> = blocks(&seen).into_iter().map(|(_, hash)| hash).collect();
    assert_eq!(told, (0xa1..=0xd0).map(id).collect::<Vec<_>>());
    assert_eq!(reorganisations(&seen), []);
}

#[tokio::test]
async fn a_reorganisation_is_told_with_its_depth_and_the_new_branch() {
    let (node, _, mut watched) = start(|node| node.grow(0, &id(0xa0), 0xa1..=0xa4)).await;
    watched.until_head(&id(0xa4)).await;
    with(&node, |node| node.grow(1, &id(0xa1), 0xb2..=0xb6));
    let seen = watched.until_head(&id(0xb6)).await;
    assert_eq!(reorganisations(&seen), [(3, true)]);
    assert_eq!(blocks(&seen).len(), 5, "only what is new: {seen:?}");
    // And back again: nothing is told twice.
    with(&node, |node| node.head = id(0xa4));
    let seen = watched.until_head(&id(0xa4)).await;
    assert_eq!((reorganisations(&seen), blocks(&seen)), (vec![(5, true)], vec![]));
}

#[tokio::test]
async fn a_branch_whose_root_is_gone_gives_a_lower_bound() {
    let (node, _, mut watched) = start(|node| node.grow(0, &id(0xa0), 0xa1..=0xa4)).await;
    watched.until_head(&id(0xa4)).await;
    with(&node, |node| {
        node.grow(1, &id(0xa1), 0xb2..=0xb6);
        node.pruned = vec![id(0xb2)];
    });
    let seen = watched.until_head(&id(0xb6)).await;
    // b3 to b6 are known, and a3 and a4 are no part of that chain.
    assert_eq!(reorganisations(&seen), [(2, false)]);
}

#[tokio::test]
async fn lost_and_back_are_told_once_each() {
    let (node, stub, mut watched) = start(|node| node.grow(0, &id(0xa0), 0xa1..=0xa2)).await;
    watched.until("syncing", |what| matches!(what, What::Syncing { .. })).await;
    with(&node, |node| node.broken = Some(Reply::status(502, "bad gateway")));
    let seen = watched.until("lost", |what| matches!(what, What::ProbeLost { .. })).await;
    let Some(What::ProbeLost { error, .. }) = seen.last() else { panic!("{seen:?}") };
    assert_eq!(error, "the answer to eth_getBlockByNumber is no JSON-RPC answer (status 502): `bad gateway`");
    // More of the same is no news.
    watched.until_failed(3).await;
    assert!(watched.observations.try_recv().is_err());
    with(&node, |node| node.broken = None);
    stub.gone(false);
    let seen = watched.until_head(&id(0xa2)).await;
    assert!(matches!(seen[..], [What::ProbeBack { .. }, What::Head { height: 2, .. }]), "{seen:?}");
}

#[tokio::test]
async fn a_node_that_restarts_from_an_older_block_has_not_reorganised() {
    let (node, stub, mut watched) = start(|node| node.grow(0, &id(0xa0), 0xa1..=0xa4)).await;
    watched.until_head(&id(0xa4)).await;
    stub.gone(true);
    with(&node, |node| {
        node.head = id(0xa1);
        node.broken = Some(Reply::hang());
    });
    watched.until("lost", |what| matches!(what, What::ProbeLost { .. })).await;
    with(&node, |node| node.broken = None);
    stub.gone(false);
    let seen = watched.until_head(&id(0xa1)).await;
    assert_eq!(reorganisations(&seen), []);
}

#[tokio::test]
async fn a_node_that_hangs_is_lost_after_its_deadline() {
    let (_, _, mut watched) = start(|node| node.broken = Some(Reply::hang())).await;
    // Never in sight, and told all the same, once.
    let seen = watched.until("lost", |what| matches!(what, What::ProbeLost { .. })).await;
    let [What::ProbeLost { error, .. }] = &seen[..] else { panic!("{seen:?}") };
    assert!(error.contains("no answer to"), "{error}");
    watched.until_failed(2).await;
    assert!(watched.observations.try_recv().is_err());
    let statistics = watched.stop().await;
    assert_eq!((statistics.answered, statistics.largest_gap), (0, Duration::ZERO));
}

#[tokio::test]
async fn garbage_of_every_kind_never_ends_the_prober() {
    let (node, _, mut watched) = start(|node| node.grow(0, &id(0xa0), 0xa1..=0xa1)).await;
    for (step, garbage) in [
        "",
        "null",
        "{}",
        "[[]]",
        "\u{0}\u{1}",
        r#"{"id":1,"result":7}"#,
        r#"{"id":1,"result":{"number":"x","hash":1}}"#,
        r#"{"id":1,"result":{"number":"0x1"}}"#,
    ]
    .into_iter()
    .enumerate()
    {
        watched.until_head(&id(0xa1 + step as u64)).await;
        with(&node, |node| node.broken = Some(Reply::status(200, garbage)));
        watched.until("lost", |what| matches!(what, What::ProbeLost { .. })).await;
        with(&node, |node| {
            node.broken = None;
            node.grow(1 + step as u64, &id(0xa1 + step as u64), 0xa2 + step as u64..=0xa2 + step as u64);
        });
    }
}

#[tokio::test]
async fn a_node_without_a_head_is_in_sight() {
    let (node, _, mut watched) = start(|node| node.head = id(0xff)).await;
    let seen = watched.until("peers", |what| matches!(what, What::Peers { .. })).await;
    assert!(!seen.iter().any(|what| matches!(what, What::Head { .. })), "{seen:?}");
    with(&node, |node| node.head = id(0xa0));
    watched.until_head(&id(0xa0)).await;
}

#[tokio::test]
async fn a_node_that_has_no_head_any_more_is_out_of_sight_until_it_has_one() {
    let (node, _, mut watched) = start(|_| ()).await;
    watched.until("syncing", |what| matches!(what, What::Syncing { .. })).await;
    with(&node, |node| node.head = id(0xff));
    let seen = watched.until("lost", |what| matches!(what, What::ProbeLost { .. })).await;
    assert!(matches!(&seen[..], [What::ProbeLost { error, .. }] if error.contains("no head any more")), "{seen:?}");
    watched.until_failed(2).await;
    with(&node, |node| node.head = id(0xa0));
    watched.until_head(&id(0xa0)).await;
    // A process that was started again may well have none yet.
    with(&node, |node| node.broken = Some(Reply::status(502, "starting")));
    watched.until("lost", |what| matches!(what, What::ProbeLost { .. })).await;
    watched.starts.fetch_add(1, std::sync::atomic::Ordering::Release);
    watched.until("lost again", |what| matches!(what, What::ProbeLost { .. })).await;
    with(&node, |node| {
        node.broken = None;
        node.head = id(0xff);
    });
    let seen = watched.until("peers", |what| matches!(what, What::Peers { .. })).await;
    assert!(!seen.iter().any(|what| matches!(what, What::ProbeLost { .. })), "{seen:?}");
}

#[tokio::test]
async fn servers_without_batches_are_asked_one_by_one_and_changes_are_told() {
    let (node, _, mut watched) = start(|node| {
        node.batches = false;
        node.grow(0, &id(0xa0), 0xa1..=0xa3);
    })
    .await;
    watched.until("peers", |what| matches!(what, What::Peers { count: 2, .. })).await;
    with(&node, |node| {
        node.peers = 0;
        node.finalized = Some(id(0xa1));
    });
    // What was refused before is asked for again, though not at once.
    let safe = |what: &What| matches!(what, What::Safe { height: 1, hash, .. } if *hash == id(0xa1));
    let seen = watched.until("the safe block", safe).await;
    let finalized = |what: &What| matches!(what, What::Finalized { height: 1, hash, .. } if *hash == id(0xa1));
    assert!(seen.iter().any(finalized), "{seen:?}");
    assert!(seen.iter().any(|what| matches!(what, What::Peers { count: 0, .. })), "{seen:?}");
    assert!(!seen.iter().any(|what| matches!(what, What::Syncing { syncing: true, .. })));
}

#[tokio::test]
async fn a_node_that_does_not_know_what_final_means_is_asked_once() {
    let (node, _, mut watched) = start(|node| {
        node.nothing_final = "'finalized' tag not supported on pre-merge network";
        node.grow(0, &id(0xa0), 0xa1..=0xa3);
    })
    .await;
    // Three rounds of such questions, each with another count of peers.
    for peers in 3..6 {
        with(&node, |node| node.peers = peers);
        watched.until("peers", |what| matches!(what, What::Peers { count, .. } if *count == peers)).await;
    }
    with(&node, |node| assert_eq!(node.asked_for_final.load(Ordering::SeqCst), 1));
}

#[tokio::test]
async fn a_node_that_lies_about_parents_cannot_lead_the_probe_in_a_circle() {
    let (_, _, mut watched) = start(|node| {
        node.blocks.insert(id(1), (5, id(2)));
        node.blocks.insert(id(2), (5, id(1)));
        node.head = id(1);
    })
    .await;
    let seen = watched.until_head(&id(1)).await;
    assert_eq!(blocks(&seen), [(5, id(1))]);
}

#[tokio::test]
async fn nobody_listening_ends_the_prober() {
    let (_, _, mut watched) = start(|_| ()).await;
    watched.until_head(&id(0xa0)).await;
    drop(watched.observations);
    tokio::time::timeout(crate::observe::stub::PATIENCE, watched.prober.finished()).await.expect("it ends by itself");
}

#[tokio::test]
async fn the_largest_gap_and_the_slowest_answer_are_counted() {
    let (_, _, mut watched) = start(|_| ()).await;
    watched.until("syncing", |what| matches!(what, What::Syncing { .. })).await;
    tokio::time::timeout(crate::observe::stub::PATIENCE, async {
        while watched.prober.statistics().answered < 5 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("five answers");
    let statistics = watched.stop().await;
    assert_eq!(statistics.failed, 0);
    assert!(statistics.largest_gap >= Duration::from_millis(10), "polls are 20 ms apart: {statistics:?}");
    assert!(statistics.largest_gap < Duration::from_secs(10) && statistics.slowest_answer > Duration::ZERO);
}
