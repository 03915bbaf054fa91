//! How long it takes until 500 nodes run: processes of this size with namespace, device, address, folder and log.
//!
//! Bars: at most 10 s, and at most twice a bare loop that makes a namespace and a TUN device and spawns the process in it
//! (the best of one, two and eight threads).

mod common;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use common::{address, median, verdict};
use nix::libc;
use splitbrain::action::{Attachment, ClientRef, NetworkSpec, NodeName, NodeProcess, Resources, RunId, Seeds};
use splitbrain::backend::fabric::Namespace;
use splitbrain::backend::native::NativeBackend;
use splitbrain::backend::{LogSink, Progress, RunSetup, WireSetup};
use splitbrain::link::LinkTable;

const NODES: u16 = 500;
const ROUNDS: usize = 3;

fn main() -> anyhow::Result<()> {
    if std::env::args().any(|word| word == "node") {
        // Until it is killed.
        let (mut reader, _writer) = io::pipe()?;
        io::Read::read_exact(&mut reader, &mut [0])?;
        return Ok(());
    }
    if !common::able() {
        return Ok(());
    }
    common::print_machine();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (mut bare_times, mut our_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let best = bare(1)?.min(bare(2)?).min(bare(8)?);
        bare_times.push(best.as_secs_f64());
        our_times.push(runtime.block_on(ours())?.as_secs_f64());
    }
    let (bare, ours) = (median(bare_times), median(our_times));
    println!("start     {NODES} nodes in {ours:.2} s (median of {ROUNDS} rounds); bar 10 s: {}", verdict(ours <= 10.0));
    println!("          bare loop in {bare:.2} s; ratio {:.2}, bar 2: {}", ours / bare, verdict(ours / bare <= 2.0));
    Ok(())
}

/// Time until the backend says that all nodes run.
async fn ours() -> anyhow::Result<Duration> {
    let folder = tempfile::tempdir()?;
    let nodes: Vec<_> = (0..NODES).map(|index| Arc::new(process(index))).collect();
    let (events, mut taken) = tokio::sync::mpsc::channel(64);
    let drain = tokio::spawn(async move { while taken.recv().await.is_some() {} });
    let setup = RunSetup {
        run: RunId::new("bench"),
        scenario: "bench".to_owned(),
        networks: vec![NetworkSpec {
            name: "main".into(),
            subnet: [10, 77, 0, 0].into(),
            prefix: 16,
            gateway: [10, 77, 0, 1].into(),
            internet: false,
        }],
        nodes: nodes.clone(),
        wire: Some(WireSetup { seeds: Seeds::root(1), table: Arc::new(LinkTable::compile(NODES, [])) }),
        logs: LogSink::new(folder.path(), Arc::new(|_, _| ())),
        events,
        state: folder.path().to_owned(),
        progress: Progress(Arc::new(|_| ())),
    };
    let began = Instant::now();
    let backend = NativeBackend::prepare(setup).await?;
    let prepared = began.elapsed();
    let each = nodes.iter().map(|node| async {
        backend.create(&node.name).await?;
        backend.start(&node.name).await
    });
    futures::future::try_join_all(each).await?;
    let took = began.elapsed();
    let ending = Instant::now();
    let errors = backend.teardown().await;
    anyhow::ensure!(errors.is_empty(), "{errors:?}");
    println!(
        "          (prepared in {prepared:.1?}, all run after {took:.2?}, taken down in {:.2?})",
        ending.elapsed()
    );
    drop(backend);
    drain.await?;
    Ok(took)
}

fn process(index: u16) -> NodeProcess {
    NodeProcess {
        name: NodeName::new(format!("node-{index}")),
        index,
        client: ClientRef::from("bench".to_owned()),
        image: None,
        program: std::env::current_exe().ok(),
        init: Vec::new(),
        command: vec!["bench".to_owned(), "node".to_owned()],
        env: BTreeMap::new(),
        files: Vec::new(),
        data: "data".to_owned(),
        attachments: vec![Attachment { network: "main".into(), address: address(index) }],
        ports: BTreeMap::new(),
        resources: Resources::default(),
    }
}

/// Time of the bare loop on so many threads: namespace, TUN device, process; no address, no log, no marks.
fn bare(threads: usize) -> anyhow::Result<Duration> {
    let next = AtomicU16::new(0);
    let began = Instant::now();
    let made: Vec<io::Result<Vec<(File, Child)>>> = std::thread::scope(|scope| {
        let loops: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut made = Vec::new();
                    while next.fetch_add(1, Ordering::Relaxed) < NODES {
                        made.push(one()?);
                    }
                    Ok(made)
                })
            })
            .collect();
        loops.into_iter().map(|thread| thread.join().expect("the loop does not panic")).collect()
    });
    let took = began.elapsed();
    for (device, mut child) in made.into_iter().collect::<io::Result<Vec<_>>>()?.into_iter().flatten() {
        child.kill()?;
        child.wait()?;
        drop(device);
    }
    println!("          (bare loop, {threads} threads: {took:.2?})");
    Ok(took)
}

fn one() -> io::Result<(File, Child)> {
    Namespace::create()?.run(|| {
        let device = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
        make_tun(&device)?;
        let child = Command::new(std::env::current_exe()?).arg("node").stdin(Stdio::null()).spawn()?;
        Ok((device, child))
    })?
}

#[expect(unsafe_code, reason = "one ioctl: the floor must not use the code that it is the floor of")]
fn make_tun(device: &File) -> io::Result<()> {
    // SAFETY: `ifreq` is plain bytes and integers; the ioctl reads and writes this one, which outlives the call.
    let done = unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b't' as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request)
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
