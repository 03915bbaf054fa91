//! No client dials outside its sealed network. A short run of each kind of client that is built on this machine, watched
//! from two sides: a raw socket on this machine must see no packet of a node that is meant for anybody but a node, and the
//! kernel must not have counted a single attempt of a node to reach an address to which it has no route.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, setsockopt, socket as open_socket,
};
use nix::sys::time::{TimeVal, TimeValLike};
use splitbrain::journal::read_journal;
use support::{backend_works, skip, splitbrain};

/// A kind of network: its name, the programs it needs as `CLIENT/PROGRAM`, its chain, and its nodes.
struct Kind {
    name: &'static str,
    programs: &'static [&'static str],
    chain: &'static str,
    nodes: &'static str,
}

const KINDS: [Kind; 7] = [
    Kind {
        name: "reference",
        programs: &[],
        chain: "chain: {genesis: beacon, slot: 1s, slots_per_epoch: 4}",
        nodes: "n: {count: 3, client: reference, role: validator}",
    },
    Kind {
        name: "go-ethereum",
        programs: &["go-ethereum/geth-v1.13.15", "go-ethereum/geth-v1.11.6"],
        chain: "chain: {genesis: clique, period: 1s}",
        nodes: "a: {count: 2, client: go-ethereum, role: validator}\n    b: {count: 1, client: go-ethereum@v1.11.6, role: validator}",
    },
    Kind {
        name: "post-merge",
        programs: &[
            "go-ethereum/geth-v1.16.9",
            "ethereumjs/ethereumjs-v0.10.5",
            "prysm/beacon-chain-v6.0.4",
            "prysm-validator/validator-v6.0.4",
        ],
        chain: "chain: {genesis: pos, fork: deneb, slot: 4s, slots_per_epoch: 6, validators: 16}",
        nodes: "a: {count: 1, stack: {execution: go-ethereum@v1.16.9, consensus: prysm@v6.0.4, validator: prysm-validator@v6.0.4}}\n    b: {count: 1, stack: {execution: ethereumjs, consensus: prysm@v6.0.4, validator: prysm-validator@v6.0.4}}",
    },
    Kind {
        name: "cometbft",
        programs: &["cometbft/cometbft-v0.38.26", "cometbft/cometbft-v0.39.4", "cometbft/cometbft-v1.0.1"],
        chain: "chain: {genesis: cometbft}",
        nodes: "a: {count: 1, client: cometbft, role: validator}\n    b: {count: 1, client: cometbft@v0.39.4, role: validator}\n    c: {count: 1, client: cometbft@v1.0.1, role: validator}",
    },
    Kind {
        name: "bitcoin",
        programs: &["btcd/btcd-v0.24.2", "bcoin/bcoin-v1.0.2"],
        chain: "",
        nodes: "a: {count: 2, client: btcd, role: miner}\n    b: {count: 2, client: bcoin, role: miner}",
    },
    Kind {
        name: "litecoin",
        programs: &["litecoind/litecoind-v0.21.2.1"],
        chain: "",
        nodes: "n: {count: 3, client: litecoind, role: miner}",
    },
    Kind {
        name: "monero",
        programs: &["monerod/monerod-v0.18.0.0"],
        chain: "",
        nodes: "n: {count: 2, client: monerod, role: miner}",
    },
];

#[test]
fn no_client_dials_outside_on_native() {
    all_kinds("native");
}

#[test]
fn no_client_dials_outside_on_docker() {
    all_kinds("docker");
}

/// What is heard on this machine's devices does not say whose run it belongs to, and both backends choose the same range
/// when nothing else has it: one listens at a time.
static ONE_LISTENER: Mutex<()> = Mutex::new(());

fn all_kinds(backend: &str) {
    let _alone = ONE_LISTENER.lock().unwrap_or_else(PoisonError::into_inner);
    let test = format!("no_client_dials_outside_on_{backend}");
    if !nix::unistd::geteuid().is_root() {
        return skip(&test, "only root may listen on all devices of a machine");
    }
    if let Err(reason) = backend_works(backend) {
        return skip(&test, &reason);
    }
    if let Err(reason) = an_attempt_is_counted() {
        return skip(&test, &reason);
    }
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let mut failures = Vec::new();
    for kind in &KINDS {
        let missing = kind.programs.iter().find(|program| {
            let (client, program) = program.split_once('/').expect("CLIENT/PROGRAM");
            !clients.join(client).join("bin").join(program).exists()
        });
        if let Some(missing) = missing {
            skip(&test, &format!("{}: there is no {missing} (scripts/clients builds it)", kind.name));
        } else if let Err(failure) = stays_inside(kind, backend) {
            failures.push(format!("{} on {backend}: {failure}", kind.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The test of the test: a connection to an address without a route is counted where this test looks for it.
fn an_attempt_is_counted() -> Result<(), String> {
    let attempt = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("no network namespace can be made: {error}"))?;
        // Of the range that is kept for documentation (RFC 5737): nobody has it.
        let refused = TcpStream::connect((Ipv4Addr::new(192, 0, 2, 1), 9));
        // `/proc/net` is that of the process's first thread.
        let counted = no_route(Path::new("/proc/thread-self/net/snmp"));
        match (refused, counted) {
            (Err(_), Some(1)) => Ok(()),
            other => Err(format!("this kernel does not count attempts without a route: {other:?}")),
        }
    });
    attempt.join().expect("the thread does not panic")
}

/// How often something in this namespace had no route to where it wanted to go (RFC 4293, ipSystemStatsOutNoRoutes).
fn no_route(snmp: &Path) -> Option<u64> {
    let text = fs::read_to_string(snmp).ok()?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Ip: "));
    let (names, values) = (lines.next()?, lines.next()?);
    let found = names.split(' ').zip(values.split(' ')).find(|(name, _)| *name == "OutNoRoutes")?;
    found.1.parse().ok()
}

fn stays_inside(kind: &Kind, backend: &str) -> Result<(), String> {
    let here = tempfile::tempdir().expect("a temporary folder");
    let name = format!("sealed-{}-{backend}-{}", kind.name, std::process::id());
    let scenario = format!(
        "name: {name}\nseed: 3\ntimeout: 3m\n{}\ntopology:\n  name: few\n  groups:\n    {}\n  graph: mesh\nexpect:\n  \
         - {{ready: {{within: 60s}}}}\n  - {{at: 20s, that: {{peers: {{min: 1}}}}}}\n",
        kind.chain, kind.nodes
    );
    let file = here.path().join("scenarios/sealed.yaml");
    fs::create_dir(here.path().join("scenarios")).expect("made");
    fs::write(&file, scenario).expect("written");
    // Clients are looked for beside the folder of the scenario.
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    std::os::unix::fs::symlink(clients, here.path().join("clients")).expect("linked");
    let capture = Capture::start();
    let mut run = splitbrain(here.path())
        .arg("run")
        .arg(&file)
        .args(["--backend", backend, "--results"])
        .arg(here.path().join("results"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut attempts: BTreeMap<u32, (String, u64)> = BTreeMap::new();
    let code = loop {
        for (process, label) in node_processes(backend, &name) {
            if let Some(count) = no_route(&Path::new("/proc").join(process.to_string()).join("net/snmp")) {
                attempts.insert(process, (label, count));
            }
        }
        if let Some(status) = run.try_wait().expect("our own child") {
            break status.code();
        }
        std::thread::park_timeout(Duration::from_millis(200));
    };
    let seen = capture.stop();
    if code != Some(0) {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut run.stderr.take().expect("piped"), &mut said).expect("UTF-8");
        return Err(format!("the run itself failed ({code:?}): {said}"));
    }
    if attempts.is_empty() {
        return Err("no process of a node was found, so nothing was watched".to_owned());
    }
    let journal = read_journal(&here.path().join("results/latest/events.jsonl")).map_err(|error| error.to_string())?;
    let nodes: BTreeSet<Ipv4Addr> =
        journal.run.nodes.iter().flat_map(|node| &node.addresses).map(|(_, address)| *address).collect();
    let strayed: Vec<String> = seen
        .iter()
        .filter(|(from, to)| nodes.contains(from) && !nodes.contains(to))
        .map(|(from, to)| format!("a packet from {from} to {to} was seen on this machine"))
        .chain(
            attempts
                .values()
                .filter(|(_, count)| *count > 0)
                .map(|(label, count)| format!("{label} tried {count} times to reach an address outside")),
        )
        .collect();
    if strayed.is_empty() { Ok(()) } else { Err(strayed.join("; ")) }
}

/// Processes of the run's nodes, with a word for each.
fn node_processes(backend: &str, scenario: &str) -> Vec<(u32, String)> {
    if backend == "docker" {
        let label = format!("label=splitbrain.scenario={scenario}");
        let listed = Command::new("docker").args(["ps", "--quiet", "--filter", &label]).output().expect("docker runs");
        let ids = String::from_utf8(listed.stdout).expect("ids are text");
        if ids.trim().is_empty() {
            return Vec::new();
        }
        let told = Command::new("docker")
            .args(["inspect", "--format", "{{.State.Pid}} {{.Name}}"])
            .args(ids.split_whitespace())
            .output()
            .expect("docker runs");
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        return told
            .lines()
            .filter_map(|line| {
                let (process, name) = line.split_once(' ')?;
                Some((process.parse().ok().filter(|process| *process > 0)?, name.to_owned()))
            })
            .collect();
    }
    let wanted = format!("SPLITBRAIN_SCENARIO={scenario}");
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries
        .filter_map(|entry| {
            let process: u32 = entry.file_name().to_str()?.parse().ok()?;
            let environment = fs::read(entry.path().join("environ")).ok()?;
            let mut variables = environment.split(|byte| *byte == 0);
            if !variables.clone().any(|variable| variable == wanted.as_bytes()) {
                return None;
            }
            let node = variables.find_map(|variable| variable.strip_prefix(b"SPLITBRAIN_NODE="))?;
            Some((process, String::from_utf8_lossy(node).into_owned()))
        })
        .collect()
}

/// All pairs of sender and receiver of IPv4 packets that pass any device of this machine's own namespace.
struct Capture {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<BTreeSet<(Ipv4Addr, Ipv4Addr)>>,
}

impl Capture {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        // Without link headers: what is read begins with the IP header (packet(7), SOCK_DGRAM).
        let socket =
            open_socket(AddressFamily::Packet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)
                .expect("root may open packet sockets");
        setsockopt(&socket, ReceiveTimeout, &TimeVal::milliseconds(100)).expect("a receive timeout can be set");
        let thread = std::thread::spawn(move || {
            use std::os::fd::AsRawFd;
            let mut pairs = BTreeSet::new();
            let mut packet = [0_u8; 64];
            while !told.load(Ordering::Relaxed) {
                // The timeout ends the wait, so that the flag is looked at.
                let Ok(length) = recv(socket.as_raw_fd(), &mut packet, MsgFlags::MSG_TRUNC) else { continue };
                // Version 4 in the first half of the first byte, addresses from byte 12 on (RFC 791, section 3.1).
                if length >= 20 && packet[0] >> 4 == 4 {
                    let address =
                        |at: usize| Ipv4Addr::from([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]]);
                    pairs.insert((address(12), address(16)));
                }
            }
            pairs
        });
        Self { stop, thread }
    }

    fn stop(self) -> BTreeSet<(Ipv4Addr, Ipv4Addr)> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the listener does not panic")
    }
}
