//! Catching up: which blocks to ask whom for.
//!
//! Two ways. A peer whose Status names a head that we do not know is asked for its chain by range, in batches, beginning
//! about where the chains may have parted and going back further if that was too late. A single missing parent of a
//! block heard by gossip is asked for by root.

use std::collections::{BTreeMap, BTreeSet};

use super::core::{BlockSource, Core, Millis, Output, PeerKey, RequestId};
use super::import::Outcome;
use crate::eth2::{GoodbyeReason, Root, SignedBeaconBlock, Slot, Status};

/// Slots of one batch.
const BATCH: u64 = 64;
/// How long an answer may take.
const REQUEST_DEADLINE_MS: Millis = 5_000;
/// Missing blocks that are asked for by root at a time, and how many in a row before range sync takes over.
const MAX_WANTS: usize = 64;
const MAX_DEPTH: usize = 8;
const MAX_TRIES: u32 = 4;

#[derive(Clone, Debug, Default)]
struct Peer {
    status: Option<Status>,
    status_at: Millis,
    not_before: Millis,
    failures: u32,
}

#[derive(Clone, Debug)]
struct RangeSync {
    peer: PeerKey,
    target: Status,
    /// First slot of the batch in flight or next.
    cursor: Slot,
    /// How far back the first batch began; doubled when that was not far enough.
    back: u64,
    /// The first batch has been attached to our tree.
    attached: bool,
    in_flight: Option<(RequestId, Millis)>,
}

#[derive(Clone, Debug)]
struct Want {
    peers: Vec<PeerKey>,
    tries: u32,
    not_before: Millis,
    in_flight: Option<(RequestId, Millis)>,
}

/// The plan of one node.
#[derive(Clone, Debug)]
pub(super) struct SyncPlanner {
    never_asks: bool,
    peers: BTreeMap<PeerKey, Peer>,
    range: Option<RangeSync>,
    wants: BTreeMap<Root, Want>,
    next_request: RequestId,
}

impl SyncPlanner {
    pub(super) fn new(never_asks: bool) -> Self {
        Self { never_asks, peers: BTreeMap::new(), range: None, wants: BTreeMap::new(), next_request: 1 }
    }

    /// A block is missing; `depth` blocks are known that stand on it.
    pub(super) fn want(&mut self, now: Millis, root: Root, peer: PeerKey, depth: usize) {
        self.want_later(now, root, peer, depth);
    }

    /// As [`Self::want`], but the request waits until `not_before`; the block may come by itself.
    pub(super) fn want_later(&mut self, not_before: Millis, root: Root, peer: PeerKey, depth: usize) {
        if self.never_asks {
            return;
        }
        if depth >= MAX_DEPTH {
            // Too long a way back one by one: a fresh Status starts a sync by range.
            if let Some(peer) = self.peers.get_mut(&peer) {
                peer.status_at = 0;
            }
            return;
        }
        if let Some(want) = self.wants.get_mut(&root) {
            if !want.peers.contains(&peer) && want.peers.len() < 4 {
                want.peers.push(peer);
            }
            want.not_before = want.not_before.min(not_before);
        } else if self.wants.len() < MAX_WANTS {
            self.wants.insert(root, Want { peers: vec![peer], tries: 0, not_before, in_flight: None });
        }
    }

    /// A block has come.
    pub(super) fn got(&mut self, root: &Root) {
        self.wants.remove(root);
    }

    /// Up to which slot a sync by range is going.
    pub(super) fn target_slot(&self) -> Option<Slot> {
        self.range.as_ref().map(|range| range.target.head_slot)
    }

    /// When a deadline or a pause ends.
    pub(super) fn next_wakeup(&self) -> Option<Millis> {
        let range = self.range.as_ref().and_then(|range| range.in_flight).map(|(_, deadline)| deadline);
        let wants = self.wants.values().map(|want| want.in_flight.map_or(want.not_before, |(_, deadline)| deadline));
        range.into_iter().chain(wants).min()
    }

    fn request_id(&mut self) -> RequestId {
        self.next_request += 1;
        self.next_request
    }

    /// Lets a peer rest, longer each time in a row.
    fn rest(&mut self, peer: PeerKey, now: Millis, slot_ms: Millis) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.failures = (peer.failures + 1).min(6);
            peer.not_before = now + (slot_ms << peer.failures).min(60_000);
        }
    }
}

impl Core {
    /// A peer is connected and may be asked. Its Status comes separately.
    pub fn on_peer(&mut self, now: Millis, peer: PeerKey) {
        self.now = self.now.max(now);
        self.sync.peers.entry(peer).or_insert_with(|| Peer { status_at: now, ..Peer::default() });
    }

    /// A peer is gone.
    pub fn on_peer_gone(&mut self, now: Millis, peer: PeerKey) {
        self.now = self.now.max(now);
        self.sync.peers.remove(&peer);
        if self.sync.range.as_ref().is_some_and(|range| range.peer == peer) {
            self.sync.range = None;
        }
        for want in self.sync.wants.values_mut() {
            want.peers.retain(|other| *other != peer);
        }
        self.sync.wants.retain(|_, want| !want.peers.is_empty());
        self.plan_sync();
    }

    /// A peer says where it is.
    pub fn on_status(&mut self, now: Millis, peer: PeerKey, status: Status) {
        self.now = self.now.max(now);
        let conflict = status.finalized_epoch > 0
            && self.tree.agrees_with_final(&self.chain, status.finalized_epoch, &status.finalized_root) == Some(false);
        if status.fork_digest != self.chain.fork_digest() || conflict {
            self.outputs.push(Output::Goodbye { peer, reason: GoodbyeReason::IrrelevantNetwork });
            return;
        }
        let entry = self.sync.peers.entry(peer).or_default();
        entry.status_at = now;
        // Nobody can have a head in the future; believing it would mean to ask for ever, and to rest meanwhile.
        let latest = self.chain.slot_at(self.now + self.chain.clock_disparity()).unwrap_or(0);
        entry.status = Some(status).filter(|status| status.head_slot <= latest + 1);
        self.plan_sync();
    }

    /// The answer to [`Output::RequestRange`] or [`Output::RequestRoots`]; `None` if there was none.
    pub fn on_blocks(&mut self, now: Millis, request: RequestId, blocks: Option<Vec<SignedBeaconBlock>>) {
        self.now = self.now.max(now);
        let for_range =
            self.sync.range.as_ref().is_some_and(|range| range.in_flight.is_some_and(|(id, _)| id == request));
        if for_range {
            self.on_range(blocks);
        } else {
            self.on_roots(request, blocks);
        }
        self.update_head();
        self.plan_sync();
    }

    fn on_range(&mut self, blocks: Option<Vec<SignedBeaconBlock>>) {
        let Some(mut range) = self.sync.range.take() else { return };
        let Some(blocks) = blocks else {
            self.sync.rest(range.peer, self.now, self.chain.slot_ms);
            return;
        };
        range.in_flight = None;
        let mut last_slot = range.cursor;
        for block in blocks {
            let (root, slot) = (block.message.root(), block.message.slot);
            last_slot = last_slot.max(slot);
            match self.take_block(root, block, BlockSource::Requested(range.peer), false) {
                Outcome::Imported | Outcome::Known | Outcome::Delayed => range.attached = true,
                Outcome::Orphan if !range.attached => {
                    self.go_further_back(range);
                    return;
                }
                Outcome::Unwanted => {}
                Outcome::Orphan | Outcome::Invalid => {
                    self.sync.rest(range.peer, self.now, self.chain.slot_ms);
                    return;
                }
            }
        }
        range.cursor = (range.cursor + BATCH).max(last_slot + 1);
        let done = self.knows(&range.target);
        if !done && range.cursor <= range.target.head_slot {
            self.sync.range = Some(range);
        } else if done {
            if let Some(peer) = self.sync.peers.get_mut(&range.peer) {
                peer.failures = 0;
            }
        } else {
            // It has changed its mind meanwhile, or does not give what it promised.
            self.sync.rest(range.peer, self.now, self.chain.slot_ms);
            if let Some(peer) = self.sync.peers.get_mut(&range.peer) {
                peer.status_at = 0;
            }
        }
    }

    fn go_further_back(&mut self, mut range: RangeSync) {
        let floor = self.tree.bottom().header.slot + 1;
        if range.cursor <= floor {
            self.sync.rest(range.peer, self.now, self.chain.slot_ms);
            return;
        }
        range.back *= 4;
        range.cursor = range.target.head_slot.min(self.head().header.slot).saturating_sub(range.back).max(floor);
        self.sync.range = Some(range);
    }

    fn on_roots(&mut self, request: RequestId, blocks: Option<Vec<SignedBeaconBlock>>) {
        let found = self.sync.wants.iter().find(|(_, want)| want.in_flight.is_some_and(|(id, _)| id == request));
        let Some((&root, _)) = found else { return };
        let answered = blocks.unwrap_or_default().into_iter().find(|block| block.message.root() == root);
        let Some(mut want) = self.sync.wants.remove(&root) else { return };
        let peer = want.peers.first().copied().unwrap_or_default();
        if let Some(block) = answered {
            self.take_block(root, block, BlockSource::Requested(peer), false);
            return;
        }
        want.tries += 1;
        want.in_flight = None;
        want.not_before = self.now + (self.chain.slot_ms / 2).max(100);
        want.peers.rotate_left(1);
        if want.tries < MAX_TRIES {
            self.sync.wants.insert(root, want);
        }
    }

    fn knows(&self, status: &Status) -> bool {
        self.tree.place(&status.head_root).is_some() || self.tree.is_final(status.head_slot, &status.head_root)
    }

    /// Looks at deadlines and asks for what is missing.
    pub(super) fn plan_sync(&mut self) {
        let now = self.now;
        let slot_ms = self.chain.slot_ms;
        if let Some(range) =
            self.sync.range.as_ref().filter(|range| range.in_flight.is_some_and(|(_, until)| until <= now))
        {
            let peer = range.peer;
            self.sync.range = None;
            self.sync.rest(peer, now, slot_ms);
        }
        let late: Vec<RequestId> = self
            .sync
            .wants
            .values()
            .filter_map(|want| want.in_flight.filter(|(_, until)| *until <= now).map(|(id, _)| id))
            .collect();
        for request in late {
            self.on_roots(request, None);
        }
        self.ask_status_again();
        if self.sync.never_asks {
            return;
        }
        if self.sync.range.is_none() {
            self.sync.range = self.choose_range();
        }
        self.ask_range();
        self.ask_roots();
    }

    fn ask_status_again(&mut self) {
        let period = (self.chain.slots_per_epoch * self.chain.slot_ms / 2).clamp(2_000, 30_000);
        let (now, outputs) = (self.now, &mut self.outputs);
        for (&peer, entry) in &mut self.sync.peers {
            if now >= entry.status_at + period {
                entry.status_at = now;
                outputs.push(Output::SendStatus { peer });
            }
        }
    }

    fn choose_range(&self) -> Option<RangeSync> {
        let floor = self.tree.bottom().header.slot + 1;
        let (peer, target) = self
            .sync
            .peers
            .iter()
            .filter(|(_, peer)| peer.not_before <= self.now)
            .filter_map(|(&key, peer)| Some((key, peer.status?)))
            .filter(|(_, status)| {
                status.head_slot >= floor && !self.knows(status) && !self.invalid.has(&status.head_root)
            })
            .max_by_key(|(key, status)| (status.finalized_epoch, status.head_slot, *key))?;
        let back = self.chain.slots_per_epoch;
        let cursor = target.head_slot.min(self.head().header.slot).saturating_sub(back).max(floor);
        Some(RangeSync { peer, target, cursor, back, attached: false, in_flight: None })
    }

    fn ask_range(&mut self) {
        let (now, request) = (self.now, self.sync.request_id());
        let Some(range) = self.sync.range.as_mut().filter(|range| range.in_flight.is_none()) else { return };
        range.in_flight = Some((request, now + REQUEST_DEADLINE_MS));
        let (peer, start) = (range.peer, range.cursor);
        self.outputs.push(Output::RequestRange { request, peer, start, count: BATCH });
    }

    fn ask_roots(&mut self) {
        let now = self.now;
        let known: BTreeSet<Root> = self
            .sync
            .wants
            .keys()
            .filter(|root| self.tree.place(root).is_some() || self.invalid.has(root) || self.is_delayed(root))
            .copied()
            .collect();
        self.sync.wants.retain(|root, _| !known.contains(root));
        let due: Vec<Root> = self
            .sync
            .wants
            .iter()
            .filter(|(_, want)| want.in_flight.is_none() && want.not_before <= now)
            .map(|(root, _)| *root)
            .collect();
        for root in due {
            let request = self.sync.request_id();
            let Some(want) = self.sync.wants.get_mut(&root) else { continue };
            want.in_flight = Some((request, now + REQUEST_DEADLINE_MS));
            let peer = want.peers.first().copied().unwrap_or_default();
            self.outputs.push(Output::RequestRoots { request, peer, roots: vec![root] });
        }
    }
}
