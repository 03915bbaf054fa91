//! How sharp a partition is: from the instant it is planned for to the last packet that comes across, with 500 nodes.
//!
//! Bar: p99 of 20 cuts at most 5 ms. Every node sends all the time, only to nodes of the other half.

mod common;

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{address, milliseconds, quantile, verdict};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use splitbrain::action::Seeds;
use splitbrain::backend::fabric::{DeviceSetup, Namespace, Wire};
use splitbrain::link::{LinkParameters, LinkRule, LinkTable};

const NODES: u16 = 500;
const CUTS: u32 = 20;
/// Packets a second, all of them across the cut.
const RATE: u32 = 5000;

fn main() -> anyhow::Result<()> {
    if !common::able() {
        return Ok(());
    }
    common::print_machine();
    let whole = Arc::new(LinkTable::compile(NODES, []));
    let halves: [std::collections::BTreeSet<u16>; 2] = [(0..NODES / 2).collect(), (NODES / 2..NODES).collect()];
    let cut = |from: usize, to: usize| LinkRule {
        from: halves[from].clone(),
        to: halves[to].clone(),
        parameters: LinkParameters::CUT,
    };
    let parted = Arc::new(LinkTable::compile(NODES, [&cut(0, 1), &cut(1, 0)]));
    let wire = Wire::start(NODES, &Seeds::root(1), Arc::clone(&whole), |_| ())?;
    let began = Instant::now();
    let mut sockets = Vec::new();
    for node in 0..NODES {
        let namespace = Namespace::create()?;
        wire.attach(node, &namespace, &DeviceSetup::own("eth0", &[(address(node), 16)]))?;
        let socket = namespace.run(|| UdpSocket::bind((address(node), 4000)))??;
        socket.set_nonblocking(true)?;
        sockets.push(socket);
    }
    println!("nodes     {NODES} namespaces and devices, one after another, in {:.2} s", began.elapsed().as_secs_f64());

    let sockets = Arc::new(sockets);
    let origin = Instant::now();
    let stop = AtomicBool::new(false);
    // Nanoseconds after `origin` at which the last packet came, and how many came.
    let (last, count) = (AtomicU64::new(0), AtomicU64::new(0));
    let (mut spans, mut applied, mut sharp) = (Vec::new(), Vec::new(), 0);
    std::thread::scope(|scope| -> anyhow::Result<()> {
        scope.spawn(|| receive(&sockets, origin, &stop, &last, &count));
        scope.spawn(|| send(&sockets, &stop));
        for _ in 0..CUTS {
            wait_until(Instant::now() + Duration::from_millis(300));
            let before = count.load(Ordering::Acquire);
            let planned = Instant::now() + Duration::from_millis(200);
            wait_until(planned);
            let swapped = wire.set_links(Arc::clone(&parted))?;
            // Long enough for anything that is still on its way.
            wait_until(planned + Duration::from_millis(300));
            let across = origin + Duration::from_nanos(last.load(Ordering::Acquire));
            let more = count.load(Ordering::Acquire) - before;
            anyhow::ensure!(more > u64::from(RATE / 20), "only {more} packets came before the cut: it shows nothing");
            spans.push(across.saturating_duration_since(planned));
            applied.push(swapped - planned);
            sharp += u32::from(across < swapped);
            wire.set_links(Arc::clone(&whole))?;
        }
        stop.store(true, Ordering::Release);
        Ok(())
    })
    .inspect_err(|_| stop.store(true, Ordering::Release))?;
    spans.sort();
    applied.sort();
    println!(
        "partition planned → last packet across: {:.3} ms (median), {:.3} ms (p99) of {CUTS} cuts; bar 5 ms: {}",
        milliseconds(quantile(&spans, 0.5)),
        milliseconds(quantile(&spans, 0.99)),
        verdict(quantile(&spans, 0.99) <= Duration::from_millis(5))
    );
    println!(
        "          planned → table swapped: {:.3} ms (median), {:.3} ms (p99); in {sharp} cuts no packet came after it",
        milliseconds(quantile(&applied, 0.5)),
        milliseconds(quantile(&applied, 0.99))
    );
    Ok(())
}

fn wait_until(instant: Instant) {
    while let Some(rest) = instant.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
        std::thread::park_timeout(rest);
    }
}

/// Every node in turn sends to its opposite in the other half.
fn send(sockets: &[UdpSocket], stop: &AtomicBool) {
    let mut due = Instant::now();
    for number in 0_u32.. {
        if stop.load(Ordering::Acquire) {
            return;
        }
        let from = (number % u32::from(NODES)) as u16;
        let to = (from + NODES / 2) % NODES;
        let _ = sockets[usize::from(from)].send_to(b"across", (address(to), 4000));
        due += Duration::from_secs(1) / RATE;
        wait_until(due);
    }
}

fn receive(
    sockets: &[UdpSocket],
    origin: Instant,
    stop: &AtomicBool,
    last: &AtomicU64,
    count: &AtomicU64,
) -> io::Result<()> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    for (number, socket) in sockets.iter().enumerate() {
        epoll.add(socket.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, number as u64))?;
    }
    let mut events = [EpollEvent::empty(); 64];
    let mut buffer = [0; 64];
    while !stop.load(Ordering::Acquire) {
        let ready = epoll.wait(&mut events, EpollTimeout::from(100_u8))?;
        for event in &events[..ready] {
            while sockets[event.data() as usize].recv(&mut buffer).is_ok() {
                last.store(origin.elapsed().as_nanos() as u64, Ordering::Release);
                count.fetch_add(1, Ordering::AcqRel);
            }
        }
    }
    Ok(())
}
