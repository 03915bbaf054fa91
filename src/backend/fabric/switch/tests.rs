//! The switch under a made-up clock.

use super::*;
use crate::backend::LinkCounters;
use crate::link::{LinkParameters, LinkRule};

const NOW: Duration = Duration::from_secs(1);

struct Bench {
    switch: Switch,
    board: Arc<CounterBoard>,
}

fn bench(nodes: u16) -> Bench {
    let board = Arc::new(CounterBoard::default());
    let mut switch = Switch::new(nodes, &Seeds::root(42), Arc::clone(&board));
    for node in 0..nodes {
        switch.set_addresses(node, &[address(node)]);
    }
    Bench { switch, board }
}

fn address(node: u16) -> Ipv4Addr {
    let [high, low] = node.to_be_bytes();
    Ipv4Addr::new(10, 77, high, low)
}

fn frame(to: Ipv4Addr, mark: u8) -> Vec<u8> {
    let mut frame = vec![0; HEADER + 40];
    frame[HEADER] = 0x45;
    frame[HEADER + 16..HEADER + 20].copy_from_slice(&to.octets());
    frame[HEADER + 39] = mark;
    frame
}

fn everywhere(parameters: LinkParameters) -> LinkTable {
    let all: std::collections::BTreeSet<u16> = (0..3).collect();
    LinkTable::compile(3, &[LinkRule { from: all.clone(), to: all, parameters }])
}

impl Bench {
    fn send(&mut self, table: &LinkTable, mark: u8, now: Duration) -> Fate {
        let fate = self.switch.offer(table, 0, 1, &frame(address(1), mark), || now);
        if fate == Fate::Now(1) {
            self.switch.settle(0, 1, 40, Ok(()));
        }
        fate
    }

    fn deliver(&mut self, table: &LinkTable, now: Duration) -> Vec<u8> {
        let mut marks = Vec::new();
        let mut take = |to: u16, frame: &[u8]| {
            assert_eq!(to, 1);
            marks.push(frame[HEADER + 39]);
            Ok(())
        };
        while self.switch.deliver_next(now, table, &mut take) {}
        marks
    }

    fn counters(&self) -> LinkCounters {
        self.board.read()[0]
    }
}

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

#[test]
fn packets_go_to_the_owner_of_their_address_and_noise_goes_nowhere() {
    let mut bench = bench(3);
    let to = |bench: &Bench, packet: &[u8]| bench.switch.receiver(0, packet);
    assert_eq!(to(&bench, &frame(address(2), 0)[HEADER..]), Some(2));
    for nobody in [address(0), address(9), Ipv4Addr::new(10, 77, 255, 255), Ipv4Addr::new(224, 0, 0, 251)] {
        assert_eq!(to(&bench, &frame(nobody, 0)[HEADER..]), None, "{nobody}");
    }
    let mut version_6 = frame(address(2), 0);
    version_6[HEADER] = 0x60;
    assert_eq!(to(&bench, &version_6[HEADER..]), None);
    assert_eq!(to(&bench, &[]), None);
    assert_eq!(to(&bench, &[0x45; 19]), None);
    bench.switch.set_addresses(1, &[address(2), address(7)]);
    assert_eq!(to(&bench, &frame(address(2), 0)[HEADER..]), Some(1));
    assert_eq!(to(&bench, &frame(address(7), 0)[HEADER..]), Some(1));
    assert_eq!(to(&bench, &frame(address(1), 0)[HEADER..]), None);
}

#[test]
fn a_perfect_link_keeps_nothing() {
    let mut bench = bench(3);
    let perfect = everywhere(LinkParameters::default());
    assert_eq!(bench.send(&perfect, 1, NOW), Fate::Now(1));
    assert_eq!(bench.switch.next_arrival(), None);
    assert_eq!(bench.counters(), LinkCounters { from: 0, to: 1, packets: 1, bytes: 40, ..LinkCounters::default() });
}

#[test]
fn delayed_packets_come_in_order_and_a_healed_link_does_not_let_later_ones_overtake() {
    let mut bench = bench(3);
    let slow = everywhere(LinkParameters { latency: milliseconds(50), ..LinkParameters::default() });
    let perfect = everywhere(LinkParameters::default());
    for mark in 1..=3 {
        assert_eq!(bench.send(&slow, mark, NOW), Fate::Done);
    }
    assert_eq!(bench.send(&perfect, 4, NOW + milliseconds(10)), Fate::Done);
    assert_eq!(bench.switch.next_arrival(), Some(NOW + milliseconds(50)));
    assert_eq!(bench.deliver(&perfect, NOW + milliseconds(49)), Vec::<u8>::new());
    assert_eq!(bench.deliver(&perfect, NOW + milliseconds(50)), [1, 2, 3, 4]);
    assert_eq!(bench.send(&perfect, 5, NOW + milliseconds(51)), Fate::Now(1));
    assert_eq!(bench.counters().packets, 5);
}

#[test]
fn packets_under_way_die_with_a_cut_even_if_it_heals_before_they_arrive() {
    let mut bench = bench(3);
    let slow = everywhere(LinkParameters { latency: milliseconds(50), ..LinkParameters::default() });
    let cut = everywhere(LinkParameters::CUT);
    bench.send(&slow, 1, NOW);
    bench.switch.sweep(&cut);
    assert_eq!(bench.switch.next_arrival(), None);
    bench.send(&slow, 2, NOW + milliseconds(1));
    // The link is cut at the moment of arrival.
    assert_eq!(bench.deliver(&cut, NOW + milliseconds(60)), Vec::<u8>::new());
    bench.send(&cut, 3, NOW + milliseconds(61));
    assert_eq!(bench.counters(), LinkCounters { from: 0, to: 1, cut: 3, ..LinkCounters::default() });
    assert_eq!(bench.send(&everywhere(LinkParameters::default()), 4, NOW + milliseconds(62)), Fate::Now(1));
}

#[test]
fn every_packet_is_counted_once() {
    let mut bench = bench(3);
    let rough = everywhere(LinkParameters {
        latency: milliseconds(5),
        jitter: milliseconds(5),
        loss: 0.2,
        rate: Some(2_000_000),
        cut: false,
    });
    let mut delivered = 0;
    for number in 0..10_000_u64 {
        let now = NOW + Duration::from_micros(number * 100);
        bench.send(&rough, 0, now);
        delivered += bench.deliver(&rough, now).len() as u64;
    }
    delivered += bench.deliver(&rough, NOW + Duration::from_secs(100)).len() as u64;
    let counters = bench.counters();
    assert_eq!(counters.packets, delivered);
    assert_eq!(counters.packets + counters.lost + counters.overflow + counters.cut, 10_000);
    assert!(counters.lost > 0 && counters.overflow > 0 && counters.cut == 0, "{counters:?}");
}

#[test]
fn what_happens_on_one_link_depends_on_the_seed_and_that_link_alone() {
    let lossy = everywhere(LinkParameters { loss: 0.5, ..LinkParameters::default() });
    let fates = |busy: bool| {
        let mut bench = bench(3);
        (0..200)
            .map(|number| {
                if busy {
                    bench.switch.offer(&lossy, 2, 1, &frame(address(1), 0), || NOW);
                }
                bench.send(&lossy, number, NOW)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(fates(false), fates(true));
    assert!(fates(false).contains(&Fate::Now(1)) && fates(false).contains(&Fate::Done));
}
