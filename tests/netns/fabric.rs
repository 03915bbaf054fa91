//! Two and more nodes on a wire, spoken for by sockets that were opened inside their namespaces.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use splitbrain::action::Seeds;
use splitbrain::backend::fabric::{DeviceKind, DeviceSetup, Namespace, Wire, probe};
use splitbrain::link::{LinkParameters, LinkRule, LinkTable};

use crate::harness::{Outcome, Verdict, wait_for};

const PATIENCE: Duration = Duration::from_secs(10);

/// Nodes on a wire, each with its namespace.
struct Net {
    wire: Wire,
    nodes: Vec<Namespace>,
}

fn address(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, 10 + node as u8)
}

fn device(node: usize) -> DeviceSetup {
    DeviceSetup::own("eth0", &[(address(node), 16)])
}

/// The kinds of device that this process can make.
fn kinds() -> anyhow::Result<Vec<DeviceKind>> {
    Ok(match probe()? {
        DeviceKind::Tun => vec![DeviceKind::Tun, DeviceKind::Packet],
        DeviceKind::Packet => vec![DeviceKind::Packet],
    })
}

fn perfect(nodes: u16) -> Arc<LinkTable> {
    Arc::new(LinkTable::compile(nodes, []))
}

fn between(nodes: u16, from: u16, to: u16, parameters: LinkParameters) -> Arc<LinkTable> {
    let rule = LinkRule { from: [from].into(), to: [to].into(), parameters };
    Arc::new(LinkTable::compile(nodes, [&rule]))
}

fn net(kind: DeviceKind, size: u16, table: Arc<LinkTable>) -> anyhow::Result<Net> {
    let wire = Wire::start_with(kind, size, &Seeds::root(42), table, |_| ())?;
    let mut nodes = Vec::new();
    for node in 0..size {
        let namespace = Namespace::create()?;
        wire.attach(node, &namespace, &device(node.into()))?;
        nodes.push(namespace);
    }
    Ok(Net { wire, nodes })
}

impl Net {
    fn udp(&self, node: usize) -> anyhow::Result<UdpSocket> {
        let socket = self.nodes[node].run(|| UdpSocket::bind((address(node), 4000)))??;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(socket)
    }

    /// Counters of one link: delivered, cut.
    fn link(&self, from: u16, to: u16) -> (u64, u64) {
        let counters = self.wire.counters();
        counters.iter().find(|link| (link.from, link.to) == (from, to)).map_or((0, 0), |link| (link.packets, link.cut))
    }
}

fn receive(socket: &UdpSocket) -> anyhow::Result<(Vec<u8>, std::net::SocketAddr)> {
    let mut buffer = [0; 2048];
    let (length, from) = socket.recv_from(&mut buffer)?;
    Ok((buffer[..length].to_vec(), from))
}

pub(crate) fn packets_travel_between_nodes_both_ways() -> Outcome {
    for kind in kinds()? {
        let net = net(kind, 3, perfect(3))?;
        let (first, second) = (net.udp(0)?, net.udp(2)?);
        first.send_to(b"there", (address(2), 4000))?;
        let (text, from) = receive(&second)?;
        anyhow::ensure!(text == b"there" && from.ip() == address(0), "{kind:?}: {text:?} from {from}");
        second.send_to(b"and back", from)?;
        anyhow::ensure!(receive(&first)?.0 == b"and back", "{kind:?}");
        // Nobody has this address: the packet vanishes, and the wire goes on.
        first.send_to(b"nobody", (Ipv4Addr::new(10, 77, 9, 9), 4000))?;
        first.send_to(b"more", (address(2), 4000))?;
        anyhow::ensure!(receive(&second)?.0 == b"more", "{kind:?}");
    }
    Ok(Verdict::Passed)
}

pub(crate) fn tcp_travels_between_nodes_whole() -> Outcome {
    const LENGTH: usize = 8 << 20;
    for kind in kinds()? {
        let net = net(kind, 2, perfect(2))?;
        let listener = net.nodes[1].run(|| TcpListener::bind((address(1), 4000)))??;
        let sent: Vec<u8> = (0..LENGTH).map(|place| (place / 7) as u8).collect();
        let received = std::thread::scope(|scope| -> anyhow::Result<Vec<u8>> {
            let reader = scope.spawn(move || -> anyhow::Result<Vec<u8>> {
                let (mut stream, _) = listener.accept()?;
                stream.set_read_timeout(Some(PATIENCE))?;
                let mut received = Vec::new();
                stream.read_to_end(&mut received)?;
                Ok(received)
            });
            let mut stream = net.nodes[0].dial((address(1), 4000).into(), PATIENCE)?;
            stream.set_nonblocking(false)?;
            stream.write_all(&sent)?;
            drop(stream);
            reader.join().expect("the reader does not panic")
        })?;
        anyhow::ensure!(received == sent, "{kind:?}: {} of {LENGTH} bytes, or other ones", received.len());
    }
    Ok(Verdict::Passed)
}

pub(crate) fn a_partition_drops_and_heals() -> Outcome {
    for kind in kinds()? {
        let net = net(kind, 2, perfect(2))?;
        let (first, second) = (net.udp(0)?, net.udp(1)?);
        net.wire.set_links(between(2, 0, 1, LinkParameters::CUT))?;
        first.send_to(b"lost", (address(1), 4000))?;
        wait_for("the packet is counted as cut", PATIENCE, || net.link(0, 1) == (0, 1))?;
        // One way only: the other direction still works.
        second.send_to(b"still", (address(0), 4000))?;
        anyhow::ensure!(receive(&first)?.0 == b"still", "{kind:?}");
        net.wire.set_links(perfect(2))?;
        first.send_to(b"healed", (address(1), 4000))?;
        anyhow::ensure!(receive(&second)?.0 == b"healed", "{kind:?}: the cut packet arrived after all");
        // A packet that is under way when the link is cut dies, although the link is whole again when it would arrive.
        let slow = LinkParameters { latency: Duration::from_millis(200), ..LinkParameters::default() };
        net.wire.set_links(between(2, 0, 1, slow))?;
        let before = net.link(1, 0).0;
        first.send_to(b"under way", (address(1), 4000))?;
        // The answer's way is free: when it is there, so is the first packet on its way.
        second.send_to(b"beacon", (address(0), 4000))?;
        anyhow::ensure!(receive(&first)?.0 == b"beacon");
        wait_for("the beacon is counted", PATIENCE, || net.link(1, 0).0 == before + 1)?;
        net.wire.set_links(between(2, 0, 1, LinkParameters::CUT))?;
        net.wire.set_links(perfect(2))?;
        first.send_to(b"last", (address(1), 4000))?;
        let (text, _) = receive(&second)?;
        anyhow::ensure!(text == b"last", "{kind:?}: {:?}", String::from_utf8_lossy(&text));
    }
    Ok(Verdict::Passed)
}

pub(crate) fn a_delay_is_what_it_says() -> Outcome {
    let delay = Duration::from_millis(50);
    for kind in kinds()? {
        let shaped = LinkParameters { latency: delay, ..LinkParameters::default() };
        let net = net(kind, 2, between(2, 0, 1, shaped))?;
        let (first, second) = (net.udp(0)?, net.udp(1)?);
        let mut extra: Vec<Duration> = Vec::new();
        for _ in 0..40 {
            let sent = Instant::now();
            first.send_to(b"x", (address(1), 4000))?;
            receive(&second)?;
            let took = sent.elapsed();
            anyhow::ensure!(took >= delay, "{kind:?}: a packet came after {took:?} where {delay:?} are set");
            extra.push(took.saturating_sub(delay));
        }
        extra.sort();
        let median = extra[extra.len() / 2];
        eprintln!("    {kind:?}: 50 ms delay, median {median:?} more, worst {:?} more", extra.last());
        // Generous, for busy machines; `benches/wire.rs` measures it on an idle one.
        anyhow::ensure!(median < Duration::from_millis(5), "{kind:?}: the median packet is {median:?} late");
    }
    Ok(Verdict::Passed)
}

pub(crate) fn counters_add_up() -> Outcome {
    const PACKETS: u64 = 2_000;
    for kind in kinds()? {
        let lossy = LinkParameters { loss: 0.25, rate: Some(50_000_000), ..LinkParameters::default() };
        let net = net(kind, 2, between(2, 0, 1, lossy))?;
        let (first, second) = (net.udp(0)?, net.udp(1)?);
        let total = || {
            let counters = net.wire.counters();
            let link = counters.iter().find(|link| (link.from, link.to) == (0, 1)).copied().unwrap_or_default();
            (link, link.packets + link.lost + link.overflow + link.cut)
        };
        let mut arrived = 0;
        for number in 1..=PACKETS {
            first.send_to(&[0; 100], (address(1), 4000))?;
            // Taken in small batches, because the receiving socket's buffer is a small one.
            if number % 50 == 0 {
                wait_for("all packets are accounted for", PATIENCE, || total().1 == number)?;
                while arrived < total().0.packets {
                    receive(&second).with_context(|| format!("{kind:?}: {arrived} arrived of {:?}", total().0))?;
                    arrived += 1;
                }
            }
        }
        let (link, _) = total();
        anyhow::ensure!(link.bytes == link.packets * 128, "{kind:?}: {link:?}");
        anyhow::ensure!((300..700).contains(&link.lost), "{kind:?}: a quarter of {PACKETS} is lost: {link:?}");
        second.set_read_timeout(Some(Duration::from_millis(50)))?;
        anyhow::ensure!(receive(&second).is_err(), "{kind:?}: more arrived than was counted: {link:?}");
    }
    Ok(Verdict::Passed)
}

pub(crate) fn a_device_goes_down_and_comes_back_with_its_routes() -> Outcome {
    for kind in kinds()? {
        let net = net(kind, 2, perfect(2))?;
        let (first, second) = (net.udp(0)?, net.udp(1)?);
        net.wire.set_interface_up(0, false)?;
        anyhow::ensure!(first.send_to(b"no way out", (address(1), 4000)).is_err(), "{kind:?}: there is still a route");
        let cut = net.link(1, 0).1;
        second.send_to(b"no way in", (address(0), 4000))?;
        wait_for("a packet to a device that is down counts as cut", PATIENCE, || net.link(1, 0).1 == cut + 1)?;
        net.wire.set_interface_up(0, true)?;
        first.send_to(b"back", (address(1), 4000))?;
        anyhow::ensure!(receive(&second)?.0 == b"back", "{kind:?}");
        net.wire.set_address(0, address(0), false)?;
        anyhow::ensure!(first.send_to(b"no way out", (address(1), 4000)).is_err(), "{kind:?}: there is still a route");
        net.wire.set_address(0, address(0), false)?;
        net.wire.set_address(0, address(0), true)?;
        first.send_to(b"back again", (address(1), 4000))?;
        anyhow::ensure!(receive(&second)?.0 == b"back again", "{kind:?}");
    }
    Ok(Verdict::Passed)
}

/// As in a container: `eth0` has the address, its own route, and a gateway behind it; the wire takes the rest.
pub(crate) fn a_device_beside_another_takes_its_traffic() -> Outcome {
    for kind in kinds()? {
        let gateway = Ipv4Addr::new(10, 77, 0, 1);
        // A second wire plays the Docker network: its node 2 is the gateway.
        let engine = Wire::start_with(kind, 3, &Seeds::root(1), perfect(3), |_| ())?;
        let wire = Wire::start_with(kind, 2, &Seeds::root(2), perfect(2), |_| ())?;
        let host = Namespace::create()?;
        engine.attach(2, &host, &DeviceSetup::own("eth0", &[(gateway, 16)]))?;
        let mut nodes = Vec::new();
        for node in 0..2_u16 {
            let namespace = Namespace::create()?;
            engine.attach(node, &namespace, &device(node.into()))?;
            let beside = DeviceSetup::beside("wire0", &[(address(node.into()), 16, gateway)]);
            wire.attach(node, &namespace, &beside)?;
            nodes.push(namespace);
        }
        let bind = |namespace: &Namespace, address: Ipv4Addr| -> anyhow::Result<UdpSocket> {
            let socket = namespace.run(|| UdpSocket::bind((address, 4000)))??;
            socket.set_read_timeout(Some(PATIENCE))?;
            Ok(socket)
        };
        let first = bind(&nodes[0], Ipv4Addr::UNSPECIFIED)?;
        let (second, outside) = (bind(&nodes[1], address(1))?, bind(&host, gateway)?);
        first.send_to(b"by wire", (address(1), 4000))?;
        let (text, from) = receive(&second)?;
        anyhow::ensure!(text == b"by wire" && from.ip() == address(0), "{kind:?}: {text:?} from {from}");
        first.send_to(b"by eth0", (gateway, 4000))?;
        let (text, from) = receive(&outside)?;
        anyhow::ensure!(text == b"by eth0" && from.ip() == address(0), "{kind:?}: {text:?} from {from}");
        let by_wire: u64 = wire.counters().iter().map(|link| link.packets).sum();
        let by_engine: u64 = engine.counters().iter().map(|link| link.packets).sum();
        anyhow::ensure!((by_wire, by_engine) == (1, 1), "{kind:?}: {by_wire} by the wire, {by_engine} by eth0");
    }
    Ok(Verdict::Passed)
}

pub(crate) fn an_attach_replaces_the_older_device() -> Outcome {
    for kind in kinds()? {
        let net = net(kind, 2, perfect(2))?;
        let second = net.udp(1)?;
        // The same namespace again, then another one, as when a container was started anew.
        net.wire.attach(0, &net.nodes[0], &device(0))?;
        net.udp(0)?.send_to(b"same", (address(1), 4000))?;
        anyhow::ensure!(receive(&second)?.0 == b"same", "{kind:?}");
        let anew = Namespace::create()?;
        net.wire.attach(0, &anew, &device(0))?;
        let socket = anew.run(|| UdpSocket::bind((address(0), 4000)))??;
        socket.send_to(b"anew", (address(1), 4000))?;
        anyhow::ensure!(receive(&second)?.0 == b"anew", "{kind:?}");
        net.wire.detach(0)?;
        net.wire.detach(0)?;
        anyhow::ensure!(socket.send_to(b"gone", (address(1), 4000)).is_err(), "{kind:?}: the device is still there");
        second.send_to(b"to nobody", (address(0), 4000))?;
    }
    Ok(Verdict::Passed)
}

pub(crate) fn veth_is_in_use_where_tun_is_closed() -> Outcome {
    let open = std::fs::File::options().read(true).write(true).open("/dev/net/tun").is_ok();
    let kind = probe()?;
    anyhow::ensure!((kind == DeviceKind::Tun) == open, "{kind:?}, and /dev/net/tun can be opened: {open}");
    Ok(Verdict::Passed)
}
