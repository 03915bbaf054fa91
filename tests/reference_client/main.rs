//! The bundled client as real processes: they find each other, build one chain, and survive what tests do to them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod nodes;

use std::io::Write as _;

use nodes::{Nodes, Plan};

fn with_static_peers(number: u8, nodes: usize, slot_ms: u64) -> Nodes {
    let mut nodes = Nodes::new(Plan { number, nodes, slot_ms, static_peers: true });
    nodes.start_all();
    nodes
}

fn assert_healthy(nodes: &Nodes, of: &[usize]) {
    for node in of {
        let log = nodes.log(*node);
        for word in ["PANIC", " ERROR ", "second_block", "block_rejected"] {
            assert!(!log.contains(word), "node {node} said {word}:\n{log}");
        }
    }
}

#[test]
fn nodes_with_static_peers_build_one_chain_and_finalise() {
    let nodes = with_static_peers(101, 4, 500);
    nodes.wait_for("everybody to have three peers", 20, || (0..4).all(|node| nodes.peers(node) == 3));
    nodes.wait_for("finality at epoch 2 everywhere", 40, || (0..4).all(|node| nodes.finalized(node) >= 2));
    nodes.wait_for("one chain", 10, || nodes.on_one_chain(&[0, 1, 2, 3], 12));
    assert_healthy(&nodes, &[0, 1, 2, 3]);
}

#[test]
fn nodes_find_each_other_by_discovery_alone() {
    let mut nodes = Nodes::new(Plan { number: 102, nodes: 5, slot_ms: 500, static_peers: false });
    nodes.start_all();
    nodes.wait_for("everybody to know everybody", 40, || (0..5).all(|node| nodes.peers(node) == 4));
    nodes.wait_for("one chain", 30, || nodes.on_one_chain(&[0, 1, 2, 3, 4], 8));
    assert_healthy(&nodes, &[0, 1, 2, 3, 4]);
}

#[test]
fn a_killed_node_comes_back_from_its_disk_even_with_a_torn_end() {
    let mut nodes = with_static_peers(103, 4, 500);
    nodes.wait_for("a chain of eight slots", 30, || nodes.on_one_chain(&[0, 1, 2, 3], 8));
    nodes.kill(2);
    // What a write that was cut off in the middle leaves.
    let mut file = std::fs::File::options().append(true).open(nodes.chain_file(2)).unwrap();
    file.write_all(&[200, 0, 0, 0, 1, 9, 9, 9]).unwrap();
    nodes.wait_for("the others to go on without it", 30, || nodes.head_slot(0) >= 12);
    nodes.start(2);
    nodes.wait_until_answering(2);
    nodes.wait_for("the killed node to have caught up", 20, || nodes.on_one_chain(&[0, 1, 2, 3], 14));
    nodes.wait_for("finality on the killed node", 30, || nodes.finalized(2) >= 2);
    let log = nodes.log(2);
    assert!(log.contains("resumed") && log.contains("torn_bytes=8"), "{log}");
    assert_healthy(&nodes, &[0, 1, 2, 3]);
}

#[test]
fn a_node_that_starts_late_syncs_by_range() {
    let mut nodes = Nodes::new(Plan { number: 104, nodes: 4, slot_ms: 200, static_peers: true });
    (0..3).for_each(|node| nodes.start(node));
    nodes.wait_for("a chain longer than one batch", 60, || nodes.head_slot(0) >= 100);
    nodes.start(3);
    nodes.wait_until_answering(3);
    nodes.wait_for("the late node to have caught up", 20, || nodes.on_one_chain(&[0, 1, 2, 3], 104));
    nodes.wait_for("its first blocks to be those of the others", 5, || {
        (1..20).any(|slot| nodes.same_block(slot, &[0, 3]))
    });
    let syncs = nodes.log(3).matches(" INFO sync ").count();
    assert!((2..30).contains(&syncs), "{syncs} requests by range");
}

#[test]
fn an_orderly_stop_says_goodbye_and_loses_nothing() {
    let mut nodes = with_static_peers(105, 3, 500);
    nodes.wait_for("a chain of four slots", 30, || nodes.on_one_chain(&[0, 1, 2], 4));
    let (status, took) = nodes.terminate(1);
    assert!(status.success(), "{status}");
    assert!(took.as_millis() < 1500, "{took:?}");
    nodes.wait_for("the goodbye to arrive", 5, || nodes.log(0).contains("goodbye_received"));
    nodes.wait_for("the peer to be gone", 5, || nodes.peers(0) == 1);
    nodes.start(1);
    nodes.wait_for("one chain again", 30, || nodes.on_one_chain(&[0, 1, 2], 8));
    assert!(nodes.log(1).contains("torn_bytes=0"));
    assert_healthy(&nodes, &[0, 1, 2]);
}

#[test]
fn the_api_answers_as_the_standard_says() {
    let nodes = with_static_peers(106, 3, 500);
    nodes.wait_for("finality", 40, || nodes.finalized(0) >= 1);
    let ask = |path: &str| nodes.ask(0, path).unwrap();
    let header = |id: &str| nodes.get(0, &format!("/eth/v1/beacon/headers/{id}")).unwrap();
    let final_header = header("finalized");
    let root = final_header.pointer("/data/root").unwrap().as_str().unwrap().to_owned();
    let message = final_header.pointer("/data/header/message").unwrap();
    let slot = message["slot"].as_str().unwrap();
    assert_eq!(header(&root).pointer("/data/header/message"), Some(message));
    assert_eq!(header(slot).pointer("/data/root").unwrap(), &root);
    assert_eq!(header(slot).pointer("/data/canonical").unwrap(), true);
    assert_eq!(header(slot).pointer("/finalized").unwrap(), true);
    for field in ["parent_root", "state_root", "body_root"] {
        assert_eq!(message[field].as_str().unwrap().len(), 66, "{field}");
    }
    let genesis = header("genesis");
    assert_eq!(genesis.pointer("/data/header/message/slot").unwrap(), "0");
    assert_eq!(header("0").pointer("/data/root"), genesis.pointer("/data/root"));
    assert_eq!(header("1").pointer("/data/header/message/parent_root"), genesis.pointer("/data/root"));

    assert_eq!(ask("/eth/v1/beacon/headers/nonsense").0, 400);
    assert_eq!(ask("/eth/v1/beacon/headers/99999999").0, 404);
    assert_eq!(ask(&format!("/eth/v1/beacon/headers/0x{}", "00".repeat(32))).0, 404);
    let (status, body) = ask("/eth/v1/nothing");
    assert_eq!((status, &body["code"]), (404, &serde_json::json!(404)));
    assert!(body["message"].is_string());
    assert_eq!(ask("/eth/v1/node/health").0, 200);

    let identity = nodes.get(0, "/eth/v1/node/identity").unwrap();
    assert!(identity.pointer("/data/enr").unwrap().as_str().unwrap().starts_with("enr:-"));
    let peers = nodes.get(0, "/eth/v1/node/peers").unwrap();
    assert_eq!(peers["data"].as_array().unwrap().len(), 2);
    assert_eq!(peers["data"][0]["state"], "connected");
    assert_eq!(nodes.text(0, "/eth/v1/config/spec", "/data/SLOTS_PER_EPOCH").unwrap(), "4");
    assert_eq!(nodes.text(0, "/eth/v1/beacon/genesis", "/data/genesis_fork_version").unwrap(), "0x53420001");

    let news = nodes.stream(0, "/eth/v1/events?topics=head,finalized_checkpoint", |text| {
        text.contains("event: head") && text.contains("event: finalized_checkpoint")
    });
    assert!(news.contains("text/event-stream") && news.contains("\"epoch_transition\""), "{news}");
    assert_eq!(ask("/eth/v1/events?topics=gossip").0, 400);
}

#[test]
fn wrong_flags_and_folders_end_with_a_sentence() {
    let run = |more: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_splitbrain"));
        command.args(["node", "--genesis-time=1", "--validators=1", "--listen-address=127.107.0.1"]);
        command.args(["--http-address=127.107.0.1", "--key", &"11".repeat(32)]);
        if more.contains(&"--bad-data") {
            command.arg("--data").arg(folder.path().join("file"));
        } else {
            command.arg("--data").arg(data).args(more);
        }
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, log) = run(&["--quirk=nonsense"]);
    assert!(code == Some(2) && log.contains("off-by-one-epoch"), "{code:?} {log}");
    let (code, log) = run(&["--validator-indices=7"]);
    assert!(code == Some(2) && log.contains("validator 7 does not exist"), "{code:?} {log}");
    let (code, log) = run(&["--bad-data"]);
    assert!(code == Some(3) && log.contains("data folder"), "{code:?} {log}");
    let (code, log) = run(&["--http-address=192.0.2.1"]);
    assert!(code == Some(2) || code == Some(3), "{code:?} {log}");
}
