//! Nodes of the bundled client as processes on loopback addresses, and questions to them.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// How a network is set up.
pub(crate) struct Plan {
    /// Distinguishes the tests of this program: the second part of their addresses.
    pub(crate) number: u8,
    pub(crate) nodes: usize,
    pub(crate) slot_ms: u64,
    /// Peers by flag; without, discv5 alone finds them.
    pub(crate) static_peers: bool,
}

/// Some nodes and their folder. All are killed when this goes.
pub(crate) struct Nodes {
    plan: Plan,
    folder: tempfile::TempDir,
    genesis: u64,
    processes: Vec<Option<Child>>,
    bootnode: String,
}

impl Nodes {
    pub(crate) fn new(plan: Plan) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let processes = (0..plan.nodes).map(|_| None).collect();
        let folder = tempfile::tempdir().unwrap();
        Self { plan, folder, genesis: now + 2, processes, bootnode: String::new() }
    }

    /// Loopback addresses of this test in this process, so that tests and test runs side by side do not meet.
    fn address(&self, node: usize) -> String {
        format!("127.{}.{}.{}", self.plan.number, 1 + std::process::id() % 250, 10 + node)
    }

    fn file(&self, node: usize, name: &str) -> PathBuf {
        self.folder.path().join(format!("{node}")).join(name)
    }

    /// Starts a node without waiting for it.
    pub(crate) fn start(&mut self, node: usize) {
        fs::create_dir_all(self.file(node, "")).unwrap();
        let log = File::options().create(true).append(true).open(self.file(node, "log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_splitbrain"));
        command.args(["node", "--slots-per-epoch=4", "--name", &format!("node-{node}")]);
        command.arg("--data").arg(self.file(node, "data"));
        command.args(["--key", &format!("{:064x}", 1000 + node), "--listen-address", &self.address(node)]);
        command.args(["--http-address", &self.address(node), "--genesis-time", &self.genesis.to_string()]);
        command.args(["--slot-ms", &self.plan.slot_ms.to_string(), "--validators", &self.plan.nodes.to_string()]);
        command.args(["--validator-indices", &node.to_string()]);
        if self.plan.static_peers {
            let others = (0..self.plan.nodes).filter(|other| *other != node);
            let peers: Vec<String> = others.map(|other| format!("/ip4/{}/tcp/9000", self.address(other))).collect();
            command.args(["--discovery-port", "0", "--peers", &peers.join(",")]);
        } else {
            command.args(["--bootnodes", &self.bootnode]);
        }
        let process = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.processes[node] = Some(process);
    }

    /// Starts all; with discovery the first one is everybody's bootnode.
    pub(crate) fn start_all(&mut self) {
        self.start(0);
        self.wait_until_answering(0);
        self.bootnode = self.text(0, "/eth/v1/node/identity", "/data/enr").unwrap();
        (1..self.plan.nodes).for_each(|node| self.start(node));
    }

    pub(crate) fn wait_until_answering(&self, node: usize) {
        self.wait_for("the API to answer", 20, || self.get(node, "/eth/v1/node/version").is_some());
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, node: usize) {
        let mut process = self.processes[node].take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// SIGTERM; how it ended and how long that took.
    pub(crate) fn terminate(&mut self, node: usize) -> (ExitStatus, Duration) {
        let mut process = self.processes[node].take().unwrap();
        let start = Instant::now();
        let id = nix::unistd::Pid::from_raw(process.id().try_into().unwrap());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
        (process.wait().unwrap(), start.elapsed())
    }

    pub(crate) fn log(&self, node: usize) -> String {
        fs::read_to_string(self.file(node, "log")).unwrap_or_default()
    }

    pub(crate) fn chain_file(&self, node: usize) -> PathBuf {
        self.file(node, "data/chain.log")
    }

    /// Status code and body of a GET; `None` if nobody answers.
    pub(crate) fn ask(&self, node: usize, path: &str) -> Option<(u16, Value)> {
        let mut stream = TcpStream::connect((self.address(node), 5052)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    /// Beginning of a stream that does not end: what has come until `enough` says so.
    pub(crate) fn stream(&self, node: usize, path: &str, enough: impl Fn(&str) -> bool) -> String {
        let mut stream = TcpStream::connect((self.address(node), 5052)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: node\r\n\r\n").unwrap();
        let (mut text, mut buffer) = (String::new(), [0; 4096]);
        while !enough(&text) {
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0, "the stream ended: {text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        text
    }

    pub(crate) fn get(&self, node: usize, path: &str) -> Option<Value> {
        self.ask(node, path).filter(|(status, _)| *status == 200).map(|(_, body)| body)
    }

    pub(crate) fn text(&self, node: usize, path: &str, pointer: &str) -> Option<String> {
        Some(self.get(node, path)?.pointer(pointer)?.as_str()?.to_owned())
    }

    pub(crate) fn number(&self, node: usize, path: &str, pointer: &str) -> u64 {
        self.text(node, path, pointer).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn head_slot(&self, node: usize) -> u64 {
        self.number(node, "/eth/v1/beacon/headers/head", "/data/header/message/slot")
    }

    pub(crate) fn finalized(&self, node: usize) -> u64 {
        self.number(node, "/eth/v1/beacon/states/head/finality_checkpoints", "/data/finalized/epoch")
    }

    pub(crate) fn peers(&self, node: usize) -> u64 {
        self.number(node, "/eth/v1/node/peer_count", "/data/connected")
    }

    /// Whether all of these nodes have the same block in a slot.
    pub(crate) fn same_block(&self, slot: u64, nodes: &[usize]) -> bool {
        let path = format!("/eth/v1/beacon/blocks/{slot}/root");
        let roots: Vec<_> = nodes.iter().map(|node| self.text(*node, &path, "/data/root")).collect();
        roots[0].is_some() && roots.iter().all(|root| *root == roots[0])
    }

    /// Whether all of these nodes are on one chain up to a slot: the same block at the lowest of their heads, which must
    /// have come at least so far.
    pub(crate) fn on_one_chain(&self, nodes: &[usize], from: u64) -> bool {
        let lowest = nodes.iter().map(|node| self.head_slot(*node)).min().unwrap();
        lowest >= from && (lowest.saturating_sub(2)..=lowest).any(|slot| self.same_block(slot, nodes))
    }

    /// Waits until something holds. When it does not within the time, the test fails with what the nodes say.
    pub(crate) fn wait_for(&self, what: &str, seconds: u64, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !holds() {
            if Instant::now() > deadline {
                let seen: Vec<String> = (0..self.plan.nodes)
                    .map(|node| {
                        let (head, finalized, peers) = (self.head_slot(node), self.finalized(node), self.peers(node));
                        let log = self.log(node);
                        let tail: Vec<&str> = log.lines().rev().take(6).collect();
                        format!(
                            "node {node}: head {head}, finalized {finalized}, peers {peers}\n  {}",
                            tail.join("\n  ")
                        )
                    })
                    .collect();
                panic!("waited {seconds} s for {what}\n{}", seen.join("\n"));
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().flatten() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
