//! How fast and how exact the wire is: TCP throughput, the error of a delay, the time of a swap.
//!
//! Bars: one TCP stream at MTU 1500 at least 1.5 Gbit/s on one forwarder core; a delay of 50 ms is 50 ms and at most 1 ms
//! more at p99 on an idle machine; swapping the table of 500 nodes takes less than 1 ms.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{address, median, milliseconds, quantile, verdict};
use splitbrain::action::Seeds;
use splitbrain::backend::fabric::{DeviceKind, DeviceSetup, Namespace, Wire, probe};
use splitbrain::link::{LinkParameters, LinkRule, LinkTable};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> anyhow::Result<()> {
    if !common::able() {
        return Ok(());
    }
    common::print_machine();
    let kind = probe()?;
    throughput(kind)?;
    if kind != DeviceKind::Packet {
        throughput(DeviceKind::Packet)?;
    }
    delay(kind)?;
    swap()
}

fn pair(kind: DeviceKind, table: Arc<LinkTable>) -> anyhow::Result<(Wire, [Namespace; 2])> {
    let wire = Wire::start_with(kind, 2, &Seeds::root(1), table, |_| ())?;
    let nodes = [Namespace::create()?, Namespace::create()?];
    for (node, namespace) in nodes.iter().enumerate() {
        wire.attach(node as u16, namespace, &DeviceSetup::own("eth0", &[(address(node as u16), 16)]))?;
    }
    Ok((wire, nodes))
}

fn throughput(kind: DeviceKind) -> anyhow::Result<()> {
    let (wire, nodes) = pair(kind, Arc::new(LinkTable::compile(2, [])))?;
    let (mut by_wire, mut by_loopback, mut busy) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        by_loopback.push(stream(&nodes[0], &nodes[0], (std::net::Ipv4Addr::LOCALHOST, 0).into())?);
        let before = forwarder_time()?;
        by_wire.push(stream(&nodes[0], &nodes[1], (address(1), 0).into())?);
        busy.push(forwarder_time()?.saturating_sub(before).as_secs_f64() / ROUND.as_secs_f64());
    }
    let (rate, floor) = (median(by_wire), median(by_loopback));
    println!(
        "tcp       {kind:?} devices: {rate:.2} Gbit/s, median of {ROUNDS} rounds of {ROUND:?}; bar 1.5: {}",
        verdict(rate >= 1.5)
    );
    println!("          the forwarder's thread was busy for {:.0} % of the time", median(busy) * 100.0);
    println!("          loopback inside a namespace, no wire: {floor:.2} Gbit/s, ratio {:.3}", rate / floor);
    let delivered: u64 = wire.counters().iter().map(|link| link.packets).sum();
    let dropped: u64 = wire.counters().iter().map(|link| link.overflow + link.cut + link.lost).sum();
    println!("          {delivered} packets delivered, {dropped} dropped");
    Ok(())
}

/// Gbit/s of one TCP stream, counted where it is received.
fn stream(from: &Namespace, to: &Namespace, at: SocketAddr) -> anyhow::Result<f64> {
    let listener = to.run(|| TcpListener::bind(at))??;
    let at = listener.local_addr()?;
    let reader = std::thread::spawn(move || -> anyhow::Result<f64> {
        let (mut stream, _) = listener.accept()?;
        let mut buffer = vec![0; 1 << 18];
        let (began, mut bytes) = (Instant::now(), 0_u64);
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok(bytes as f64 * 8.0 / 1e9 / began.elapsed().as_secs_f64()),
                more => bytes += more as u64,
            }
        }
    });
    let mut stream = from.dial(at, PATIENCE)?;
    stream.set_nonblocking(false)?;
    let (chunk, began) = (vec![0; 1 << 18], Instant::now());
    while began.elapsed() < ROUND {
        stream.write_all(&chunk)?;
    }
    drop(stream);
    reader.join().map_err(|_| anyhow::anyhow!("the reader panicked"))?
}

/// Processor time that the forwarder's thread has used (proc(5), `schedstat`: nanoseconds).
fn forwarder_time() -> anyhow::Result<Duration> {
    for thread in std::fs::read_dir("/proc/self/task")? {
        let folder = thread?.path();
        if std::fs::read_to_string(folder.join("comm"))?.trim() == "wire" {
            let text = std::fs::read_to_string(folder.join("schedstat"))?;
            return Ok(Duration::from_nanos(text.split(' ').next().unwrap_or_default().parse()?));
        }
    }
    anyhow::bail!("the forwarder's thread is not there")
}

fn delay(kind: DeviceKind) -> anyhow::Result<()> {
    const PACKETS: u32 = 1000;
    let latency = Duration::from_millis(50);
    let parameters = LinkParameters { latency, ..LinkParameters::default() };
    let measure = |table: LinkTable| -> anyhow::Result<Vec<Duration>> {
        let (_wire, nodes) = pair(kind, Arc::new(table))?;
        let sender = nodes[0].run(|| UdpSocket::bind((address(0), 4000)))??;
        let receiver = nodes[1].run(|| UdpSocket::bind((address(1), 4000)))??;
        receiver.set_read_timeout(Some(PATIENCE))?;
        let origin = Instant::now();
        let reader = std::thread::spawn(move || -> std::io::Result<Vec<Duration>> {
            let mut taken = Vec::new();
            let mut buffer = [0; 16];
            for _ in 0..PACKETS {
                receiver.recv(&mut buffer)?;
                let sent = u128::from_be_bytes(buffer);
                taken.push(origin.elapsed().saturating_sub(Duration::from_nanos(sent as u64)));
            }
            Ok(taken)
        });
        for number in 1..=PACKETS {
            let due = origin + Duration::from_millis(3) * number;
            std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
            sender.send_to(&origin.elapsed().as_nanos().to_be_bytes(), (address(1), 4000))?;
        }
        let mut taken = reader.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        taken.sort();
        Ok(taken)
    };
    let rule = LinkRule { from: [0].into(), to: [1].into(), parameters };
    let delayed = measure(LinkTable::compile(2, [&rule]))?;
    let direct = measure(LinkTable::compile(2, []))?;
    let extra = |share| milliseconds(quantile(&delayed, share).saturating_sub(latency));
    println!(
        "delay     50 ms and {:.3} ms more (median), {:.3} ms (p99), of {PACKETS} packets; bar 1 ms: {}",
        extra(0.5),
        extra(0.99),
        verdict(extra(0.99) <= 1.0)
    );
    println!(
        "          perfect link, same way: {:.3} ms (median), {:.3} ms (p99)",
        milliseconds(quantile(&direct, 0.5)),
        milliseconds(quantile(&direct, 0.99))
    );
    Ok(())
}

fn swap() -> anyhow::Result<()> {
    const NODES: u16 = 500;
    const SWAPS: usize = 1000;
    let whole = Arc::new(LinkTable::compile(NODES, []));
    let (left, right) = ((0..250).collect(), (250..500).collect());
    let rule = LinkRule { from: left, to: right, parameters: LinkParameters::CUT };
    let began = Instant::now();
    let halves = Arc::new(LinkTable::compile(NODES, [&rule]));
    let compiled = began.elapsed();
    let wire = Wire::start(NODES, &Seeds::root(1), Arc::clone(&whole), |_| ())?;
    let mut times: Vec<Duration> = (0..SWAPS)
        .map(|number| {
            let table = if number % 2 == 0 { &halves } else { &whole };
            let began = Instant::now();
            Ok(wire.set_links(Arc::clone(table))? - began)
        })
        .collect::<std::io::Result<_>>()?;
    times.sort();
    println!(
        "swap      {:.4} ms (median), {:.4} ms (p99) for {NODES} nodes; bar 1 ms: {}; the table took {:.2} ms to compile",
        milliseconds(quantile(&times, 0.5)),
        milliseconds(quantile(&times, 0.99)),
        verdict(quantile(&times, 0.99) < Duration::from_millis(1)),
        milliseconds(compiled)
    );
    Ok(())
}
