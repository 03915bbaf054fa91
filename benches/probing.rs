//! What it costs to watch thirty nodes of all kinds: six each of execution, beacon, CometBFT, Bitcoin and pointer-described
//! APIs, polled every second, with a new block every two seconds.
//!
//! Bar: less than 5 % of one core. The nodes are this program itself in a child process, so that only the probing side is
//! counted. Bitcoin-like nodes close each connection after one answer, as btcd does; the others keep theirs.

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use common::verdict;
use futures::future::BoxFuture;
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};
use splitbrain::action::{AdapterSpec, HttpJsonAdapter, HttpJsonField, NodeName};
use splitbrain::observe::{Dial, Prober, ProberSetup};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const KINDS: [&str; 5] = ["execution", "beacon", "cometbft", "bitcoin", "http_json"];
const NODES: usize = 30;
const EVERY: Duration = Duration::from_secs(1);
const BLOCK: u64 = 2;
const WARM_UP: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(20);
/// Share of one core.
const BAR: f64 = 0.05;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if std::env::args().any(|word| word == "serve") {
        return runtime.block_on(serve());
    }
    common::print_machine();
    let mut child =
        Command::new(std::env::current_exe()?).arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line)?;
    let ports: Vec<u16> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let good = runtime.block_on(measure(&ports));
    child.kill()?;
    child.wait()?;
    println!("bar       {:.0} % of one core: {}", BAR * 100.0, verdict(good));
    Ok(())
}

async fn measure(ports: &[u16]) -> bool {
    let (sender, mut observations) = mpsc::channel(1024);
    let cancel = CancellationToken::new();
    let dial: Arc<dyn Dial> = Arc::new(Loopback);
    let start = |(index, port): (usize, &u16)| {
        let setup = ProberSetup {
            node: NodeName::new(format!("{}-{index}", KINDS[index % KINDS.len()])),
            adapter: adapter(index, *port),
            interval: EVERY,
            origin: Instant::now(),
            starts: Arc::default(),
            sender: sender.clone(),
            cancel: cancel.clone(),
        };
        Prober::spawn(setup, Arc::clone(&dial))
    };
    let probers: Vec<Prober> = ports.iter().enumerate().map(start).collect();
    let counter = tokio::spawn(async move {
        let mut count = 0u64;
        while observations.recv().await.is_some() {
            count += 1;
        }
        count
    });
    tokio::time::sleep(WARM_UP).await;
    let (before, asked) = (processor_time(), Instant::now());
    tokio::time::sleep(MEASURED).await;
    let (used, passed) = (processor_time().saturating_sub(before), asked.elapsed());
    cancel.cancel();
    drop(sender);
    let (mut answered, mut failed) = (0, 0);
    for prober in probers {
        let statistics = prober.finished().await;
        answered += statistics.answered;
        failed += statistics.failed;
    }
    let told = counter.await.unwrap_or_default();
    let share = used.as_secs_f64() / passed.as_secs_f64();
    println!("nodes     {NODES}, polled every {} s for {:.0} s", EVERY.as_secs(), passed.as_secs_f64());
    println!("polls     {answered} answered, {failed} failed, {told} observations");
    println!(
        "cost      {:.2} % of one core, {:.0} µs a poll",
        share * 100.0,
        used.as_micros() as f64 / (passed.as_secs_f64() * NODES as f64)
    );
    share < BAR && failed == 0 && answered > 0
}

/// User and system time of this process.
fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("one's own usage can be read");
    let time = |value: nix::sys::time::TimeVal| {
        Duration::from_micros(value.tv_sec() as u64 * 1_000_000 + value.tv_usec() as u64)
    };
    time(usage.user_time()) + time(usage.system_time())
}

struct Loopback;

impl Dial for Loopback {
    fn dial<'a>(&'a self, _: &'a NodeName, port: u16) -> BoxFuture<'a, std::io::Result<TcpStream>> {
        Box::pin(TcpStream::connect(("127.0.0.1", port)))
    }
}

fn adapter(index: usize, port: u16) -> AdapterSpec {
    let field = |path: &str, pointer: &str| HttpJsonField {
        path: path.to_owned(),
        body: None,
        pointer: pointer.to_owned(),
        plus: Vec::new(),
        offset: 0,
    };
    match KINDS[index % KINDS.len()] {
        "execution" => AdapterSpec::Execution { port },
        "beacon" => AdapterSpec::Beacon { port },
        "cometbft" => AdapterSpec::Cometbft { port },
        "bitcoin" => AdapterSpec::Bitcoin { port, login: None },
        _ => AdapterSpec::HttpJson(HttpJsonAdapter {
            port,
            height: field("/head", "/height"),
            hash: field("/head", "/hash"),
            hash_at: Some(field("/block/{height}", "/hash")),
            parent_at: Some(field("/block/{height}", "/parent")),
            finalized: None,
            peers: Some(field("/head", "/peers")),
            version: Some(field("/head", "/version")),
        }),
    }
}

/// The thirty nodes. They end when the parent closes their input.
async fn serve() -> anyhow::Result<()> {
    let mut ports = Vec::new();
    for index in 0..NODES {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        ports.push(listener.local_addr()?.port().to_string());
        let state = (KINDS[index % KINDS.len()], Instant::now());
        let app = Router::new().fallback(answer).with_state(state);
        tokio::spawn(async move { axum::serve(listener, app).await });
    }
    println!("{}", ports.join(" "));
    let mut input = tokio::io::stdin();
    tokio::io::copy(&mut input, &mut tokio::io::sink()).await?;
    Ok(())
}

async fn answer(State((kind, started)): State<(&'static str, Instant)>, uri: Uri, body: Bytes) -> Response {
    let head = 1 + started.elapsed().as_secs() / BLOCK;
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = uri.to_string();
    let text = match kind {
        "execution" | "bitcoin" => match &call {
            Value::Array(calls) => calls.iter().map(|call| rpc(call, head)).collect::<Value>(),
            call => rpc(call, head),
        },
        "beacon" => beacon(&path, head),
        "cometbft" => json!({"jsonrpc": "2.0", "id": -1, "result": cometbft(&path, head)}),
        _ => {
            let height = path.strip_prefix("/block/").and_then(|height| height.parse().ok()).unwrap_or(head);
            json!({"height": height, "hash": id(height), "parent": id(height.saturating_sub(1)), "peers": 5, "version": "stub/1"})
        }
    }
    .to_string();
    // Closing after each answer is what btcd does.
    let connection = if kind == "bitcoin" { "close" } else { "keep-alive" };
    ([(header::CONNECTION, connection), (header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn id(height: u64) -> String {
    format!("0x{height:064x}")
}

fn height(id: &Value) -> u64 {
    let digits = id.as_str().unwrap_or_default().trim_start_matches("0x");
    u64::from_str_radix(digits, 16).unwrap_or_default()
}

fn rpc(call: &Value, head: u64) -> Value {
    let first = &call["params"][0];
    let result = match call["method"].as_str().unwrap_or_default() {
        "eth_getBlockByNumber" if first == "latest" => execution_block(head),
        "eth_getBlockByNumber" => execution_block(head.saturating_sub(8)),
        "eth_getBlockByHash" => execution_block(height(first)),
        "net_peerCount" => json!("0x5"),
        "eth_syncing" => json!(false),
        "getbestblockhash" => json!(id(head)[2..]),
        "getblockheader" => {
            let height = height(first);
            let previous = (height > 0).then(|| id(height - 1)[2..].to_owned());
            json!({"hash": id(height)[2..], "height": height, "previousblockhash": previous, "merkleroot": id(7)[2..],
                "confirmations": 3, "version": 536_870_912, "time": 1_795_760_733, "nonce": 3, "bits": "207fffff"})
        }
        "getblockchaininfo" => json!({"chain": "regtest", "blocks": head, "headers": head, "bestblockhash": id(head)[2..]}),
        "getpeerinfo" => (0..5)
            .map(|peer| json!({"id": peer, "addr": format!("10.77.0.{peer}:18555"), "subver": "/stub:1/", "inbound": true}))
            .collect(),
        "getconnectioncount" => json!(5),
        "getchaintips" => json!([{"height": head, "hash": id(head)[2..], "branchlen": 0, "status": "active"}]),
        _ => json!("stub/1"),
    };
    json!({"jsonrpc": "2.0", "id": call["id"], "result": result})
}

fn execution_block(height: u64) -> Value {
    let transactions: Vec<String> = (0..20).map(|index| id(height * 1000 + index)).collect();
    json!({
        "number": format!("{height:#x}"), "hash": id(height), "parentHash": id(height.saturating_sub(1)),
        "miner": format!("0x{:040x}", height % 5), "difficulty": "0x0", "extraData": "0x", "stateRoot": id(5),
        "receiptsRoot": id(6), "transactionsRoot": id(7), "gasUsed": "0x5208", "gasLimit": "0x1c9c380",
        "logsBloom": format!("0x{}", "00".repeat(256)), "transactions": transactions, "mixHash": id(8), "uncles": [],
    })
}

fn beacon(path: &str, head: u64) -> Value {
    let at = |id: &str| if id == "head" { head } else { height(&json!(id)) };
    if let Some(block) = path.strip_prefix("/eth/v1/beacon/headers/") {
        let slot = at(block);
        return json!({"data": {"root": id(slot), "canonical": true, "header": {"message": {
            "slot": slot.to_string(), "proposer_index": "3", "parent_root": id(slot.saturating_sub(1)), "state_root": id(5),
            "body_root": id(6)}, "signature": format!("0x{}", "ab".repeat(96))}}});
    }
    if let Some(block) = path.strip_prefix("/eth/v2/beacon/blocks/") {
        let transactions: Vec<String> = (0..20).map(|_| format!("0x{}", "cd".repeat(200))).collect();
        let attestations: Vec<Value> = (0..8)
            .map(|_| json!({"aggregation_bits": "0xffff", "signature": format!("0x{}", "ab".repeat(96))}))
            .collect();
        return json!({"version": "deneb", "data": {"message": {"slot": at(block).to_string(), "body": {
            "attestations": attestations,
            "execution_payload": {"block_hash": id(at(block) + 1000), "transactions": transactions}}}}});
    }
    match path {
        "/eth/v1/beacon/states/head/finality_checkpoints" => json!({"data": {
            "current_justified": {"epoch": "1", "root": id(1)}, "finalized": {"epoch": "0", "root": id(0)}}}),
        "/eth/v1/node/peer_count" => json!({"data": {"connected": "5"}}),
        "/eth/v1/node/syncing" => json!({"data": {"is_syncing": false}}),
        _ => json!({"data": {"version": "stub/1"}}),
    }
}

fn cometbft(path: &str, head: u64) -> Value {
    let name = |height: u64| format!("{height:064X}");
    match path {
        "/status" => json!({
            "node_info": {"version": "0.38.26", "moniker": "stub"},
            "sync_info": {"latest_block_hash": name(head), "latest_block_height": head.to_string(), "catching_up": false}}),
        "/net_info" => json!({"n_peers": "5", "peers": (0..5).map(|peer| json!({
            "node_info": {"id": format!("{peer:040x}"), "version": "0.38.26"}, "is_outbound": true,
            "connection_status": {"Duration": "1000", "Channels": (0..9).map(|channel| json!({"ID": channel,
                "SendQueueCapacity": "10", "SendQueueSize": "0", "Priority": "6", "RecentlySent": "0"})).collect::<Value>()},
        })).collect::<Value>()}),
        "/consensus_state" => json!({"round_state": {"height/round/step": format!("{}/0/1", head + 1),
            "height_vote_set": [{"round": 0, "prevotes": (0..10).map(|_| "nil-Vote").collect::<Value>()}]}}),
        path => {
            let number =
                |name: &str| path.split_once(name).and_then(|(_, rest)| rest.split('&').next()?.parse::<u64>().ok());
            let (from, to) = (number("minHeight=").unwrap_or(1), number("maxHeight=").unwrap_or(1));
            let metas = (from..=to).rev().map(|height| {
                json!({
                "block_id": {"hash": name(height)}, "header": {"height": height.to_string(), "app_hash": "04",
                    "last_block_id": {"hash": if height == 1 { String::new() } else { name(height - 1) }},
                    "proposer_address": format!("{:040X}", height % 5)}, "num_txs": "0"})
            });
            json!({"last_height": head.to_string(), "block_metas": metas.collect::<Value>()})
        }
    }
}
