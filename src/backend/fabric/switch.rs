//! What the forwarder does to a packet, without the devices: which link, which verdict, and the packets under way.
//!
//! No clock and no sockets, so that it can be tested without either.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;

use super::counters::{CounterBoard, Totals};
use super::device::HEADER;
use crate::action::Seeds;
use crate::link::{DropReason, LinkState, LinkTable, Verdict};

/// Bytes of packets that may be under way on all links together; above it packets are dropped as if a queue were full.
const MOST_UNDER_WAY: usize = 256 << 20;

/// Buffers that are kept for later packets.
const MOST_SPARE_BUFFERS: usize = 4096;

/// A directed link that has seen a packet.
struct Link {
    state: LinkState,
    /// The link's random stream, made when something is first left to chance.
    stream: Option<Box<ChaCha20Rng>>,
    /// Packets under way.
    under_way: u32,
    totals: Arc<Totals>,
}

/// A packet under way. The order of the fields is the order of delivery.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    at: Duration,
    /// Packets that arrive at one instant keep the order in which they were sent.
    number: u64,
    from: u16,
    to: u16,
    frame: Vec<u8>,
}

/// What is to be done with a packet that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Put it into the device of this node now, then report by [`Switch::settle`].
    Now(u16),
    /// It is under way, or gone.
    Done,
}

/// All links and the packets on them.
pub(super) struct Switch {
    nodes: u16,
    seeds: Seeds,
    board: Arc<CounterBoard>,
    links: Vec<Option<Box<Link>>>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    bytes_under_way: usize,
    spare: Vec<Vec<u8>>,
    sent: u64,
    /// Which node an address belongs to, sorted by address.
    owners: Vec<(Ipv4Addr, u16)>,
}

impl Switch {
    pub(super) fn new(nodes: u16, seeds: &Seeds, board: Arc<CounterBoard>) -> Self {
        let side = usize::from(nodes);
        Self {
            nodes,
            seeds: seeds.clone(),
            board,
            links: std::iter::repeat_with(|| None).take(side * side).collect(),
            waiting: BinaryHeap::new(),
            bytes_under_way: 0,
            spare: Vec::new(),
            sent: 0,
            owners: Vec::new(),
        }
    }

    /// From now on packets to these addresses, and to no other ones, go to this node.
    pub(super) fn set_addresses(&mut self, node: u16, addresses: &[Ipv4Addr]) {
        self.owners.retain(|&(address, owner)| owner != node && !addresses.contains(&address));
        self.owners.extend(addresses.iter().map(|&address| (address, node)));
        self.owners.sort_unstable();
    }

    /// Whom an IPv4 packet is for: `None` for IPv6, multicast, broadcast, unknown addresses and the sender itself.
    pub(super) fn receiver(&self, from: u16, packet: &[u8]) -> Option<u16> {
        let destination: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
        if packet[0] >> 4 != 4 {
            return None;
        }
        let place = self.owners.binary_search_by_key(&Ipv4Addr::from(destination), |&(address, _)| address).ok()?;
        Some(self.owners[place].1).filter(|&to| to != from)
    }

    /// Offers a packet (with the header's room before it) to a link. `now` is asked for only where time matters.
    pub(super) fn offer(
        &mut self,
        table: &LinkTable,
        from: u16,
        to: u16,
        frame: &[u8],
        now: impl FnOnce() -> Duration,
    ) -> Fate {
        let parameters = table.get(from, to);
        let place = self.place(from, to);
        let link = self.links[place].get_or_insert_with(|| {
            let totals = self.board.add(from, to);
            Box::new(Link { state: LinkState::default(), stream: None, under_way: 0, totals })
        });
        if parameters.is_perfect() && link.under_way == 0 {
            return Fate::Now(to);
        }
        let stream = link.stream.get_or_insert_with(|| Box::new(self.seeds.child(&format!("link/{from}/{to}")).rng()));
        let now = now();
        match link.state.offer(now, frame.len() - HEADER, parameters, stream) {
            Verdict::Drop(reason) => link.totals.dropped(reason),
            Verdict::Deliver { at } if at <= now && link.under_way == 0 => return Fate::Now(to),
            Verdict::Deliver { .. } if self.bytes_under_way + frame.len() > MOST_UNDER_WAY => {
                link.totals.dropped(DropReason::Overflow);
            }
            Verdict::Deliver { at } => {
                link.under_way += 1;
                self.bytes_under_way += frame.len();
                self.sent += 1;
                let mut copy = self.spare.pop().unwrap_or_default();
                copy.clear();
                copy.extend_from_slice(frame);
                self.waiting.push(Reverse(Waiting { at, number: self.sent, from, to, frame: copy }));
            }
        }
        Fate::Done
    }

    /// When the next packet arrives.
    pub(super) fn next_arrival(&self) -> Option<Duration> {
        self.waiting.peek().map(|Reverse(waiting)| waiting.at)
    }

    /// Takes the next packet whose time has come and hands it to `deliver`, unless its link is cut.
    /// Returns whether there was one.
    pub(super) fn deliver_next(
        &mut self,
        now: Duration,
        table: &LinkTable,
        deliver: impl FnOnce(u16, &[u8]) -> Result<(), DropReason>,
    ) -> bool {
        if self.next_arrival().is_none_or(|at| at > now) {
            return false;
        }
        let Some(Reverse(waiting)) = self.waiting.pop() else { return false };
        let outcome = if table.get(waiting.from, waiting.to).cut {
            Err(DropReason::Cut)
        } else {
            deliver(waiting.to, &waiting.frame)
        };
        self.settle(waiting.from, waiting.to, waiting.frame.len() - HEADER, outcome);
        self.leave(waiting);
        true
    }

    /// Counts a packet of so many bytes that was delivered, or not.
    pub(super) fn settle(&mut self, from: u16, to: u16, bytes: usize, outcome: Result<(), DropReason>) {
        let place = self.place(from, to);
        if let Some(link) = &self.links[place] {
            match outcome {
                Ok(()) => link.totals.delivered(bytes),
                Err(reason) => link.totals.dropped(reason),
            }
        }
    }

    /// Drops all packets under way on links that are cut in this table.
    pub(super) fn sweep(&mut self, table: &LinkTable) {
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_vec()
            .into_iter()
            .partition(|Reverse(waiting)| table.get(waiting.from, waiting.to).cut);
        self.waiting = BinaryHeap::from(kept);
        for Reverse(waiting) in gone {
            self.settle(waiting.from, waiting.to, 0, Err(DropReason::Cut));
            self.leave(waiting);
        }
    }

    /// A packet is not under way any more.
    fn leave(&mut self, waiting: Waiting) {
        let place = self.place(waiting.from, waiting.to);
        if let Some(link) = &mut self.links[place] {
            link.under_way -= 1;
        }
        self.bytes_under_way -= waiting.frame.len();
        if self.spare.len() < MOST_SPARE_BUFFERS {
            self.spare.push(waiting.frame);
        }
    }

    fn place(&self, from: u16, to: u16) -> usize {
        usize::from(from) * usize::from(self.nodes) + usize::from(to)
    }
}

#[cfg(test)]
mod tests;
