//! The core: one node's view of the chain, driven from outside.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::chain_state::ChainState;
use super::duties::EpochDuties;
use super::fork_choice::{LatestVotes, find_head};
use super::parameters::{ChainParameters, ParameterError};
use super::pool::{AttestationPool, EarlyAttestations, InvalidRoots, Orphans};
use super::quirk::{Quirk, QuirkSet};
use super::sync::SyncPlanner;
use super::tree::BlockTree;
use crate::eth2::{
    Attestation, BeaconBlockHeader, Checkpoint, Epoch, GoodbyeReason, Root, SignedBeaconBlock, Slot, Status,
    ValidatorIndex,
};

/// A moment, in milliseconds since 1970 (or whatever the driver's clock counts from; genesis is in the same clock).
pub type Millis = u64;
/// A peer, numbered by the driver.
pub type PeerKey = u64;
/// A request of the core to a peer.
pub type RequestId = u64;

/// What gossip is told about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Good: pass it on.
    Accept,
    /// Of no use (known, too early, too old, not to be judged yet): do not pass it on, and blame nobody.
    Ignore,
    /// Wrong: do not pass it on, and blame the sender.
    Reject,
}

/// Where a block comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockSource {
    /// Made here.
    Own,
    /// Heard by gossip from this peer.
    Gossip(PeerKey),
    /// The answer of this peer to a request of ours.
    Requested(PeerKey),
    /// Read back from our own disk.
    Disk,
}

/// Something a validator must not do twice, also not after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DutyRecord {
    /// A validator makes its block for a slot.
    Proposed {
        /// Who.
        validator: ValidatorIndex,
        /// Which slot.
        slot: Slot,
    },
    /// A validator votes for an epoch.
    Attested {
        /// Who.
        validator: ValidatorIndex,
        /// Which epoch.
        epoch: Epoch,
    },
}

/// A block as a head or a canonical block is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadView {
    /// Its root.
    pub root: Root,
    /// Its header.
    pub header: BeaconBlockHeader,
}

/// What the core wants done, or has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Store this durably enough to survive the process, before anything that follows.
    Duty(DutyRecord),
    /// A block is in the tree; store it.
    Imported {
        /// Its root.
        root: Root,
        /// The block.
        block: Box<SignedBeaconBlock>,
    },
    /// Send a block to the network.
    PublishBlock(Box<SignedBeaconBlock>),
    /// Send an attestation to the network.
    PublishAttestation(Box<Attestation>),
    /// The head is another one.
    HeadChanged {
        /// The new head.
        head: HeadView,
        /// Root of the head before.
        previous: Root,
        /// Blocks of the old branch that are no longer part of the chain; 0 where the chain only grew.
        reorg_depth: u64,
        /// Whether the new head lies in a later epoch than the old one.
        epoch_transition: bool,
    },
    /// A checkpoint is final.
    Finalized {
        /// The checkpoint.
        checkpoint: Checkpoint,
        /// State root of its block.
        state_root: Root,
    },
    /// A block broke a rule.
    BlockRejected {
        /// Its root.
        root: Root,
        /// Its header's first fields.
        slot: Slot,
        /// Who it says made it.
        proposer: ValidatorIndex,
        /// The block before it.
        parent: Root,
        /// The broken rule.
        reason: String,
    },
    /// A proposer made a second block for a slot.
    Equivocation {
        /// The slot.
        slot: Slot,
        /// Who.
        proposer: ValidatorIndex,
        /// Root of the second block.
        root: Root,
    },
    /// A branch calls something final that contradicts what is final here. The core keeps what it has.
    FinalityConflict {
        /// What the branch calls final.
        claimed: Checkpoint,
        /// What is final here.
        ours: Checkpoint,
    },
    /// Ask a peer for blocks by range (step 1).
    RequestRange {
        /// To be named in the answer.
        request: RequestId,
        /// Whom.
        peer: PeerKey,
        /// First slot.
        start: Slot,
        /// How many slots.
        count: u64,
    },
    /// Ask a peer for blocks by root.
    RequestRoots {
        /// To be named in the answer.
        request: RequestId,
        /// Whom.
        peer: PeerKey,
        /// Which.
        roots: Vec<Root>,
    },
    /// Exchange Status with a peer.
    SendStatus {
        /// With whom.
        peer: PeerKey,
    },
    /// Leave a peer.
    Goodbye {
        /// Whom.
        peer: PeerKey,
        /// Why.
        reason: GoodbyeReason,
    },
}

/// One node's view of the chain.
#[derive(Debug)]
pub struct Core {
    pub(super) chain: ChainParameters,
    pub(super) quirks: QuirkSet,
    pub(super) validators: BTreeSet<ValidatorIndex>,
    pub(super) graffiti: [u8; 32],
    pub(super) now: Millis,
    pub(super) tree: BlockTree,
    pub(super) votes: LatestVotes,
    pub(super) justified: Checkpoint,
    pub(super) finalized: Checkpoint,
    pub(super) pending_finality: Option<Checkpoint>,
    pub(super) head: Root,
    duties: BTreeMap<Epoch, Arc<EpochDuties>>,
    pub(super) pool: AttestationPool,
    pub(super) orphans: Orphans,
    pub(super) early: EarlyAttestations,
    pub(super) invalid: InvalidRoots,
    pub(super) seen_attestations: BTreeSet<(Epoch, ValidatorIndex)>,
    pub(super) seen_proposals: BTreeSet<(Slot, ValidatorIndex)>,
    pub(super) delayed: BTreeMap<(Millis, Root), (SignedBeaconBlock, BlockSource)>,
    pub(super) held_back: VecDeque<(Millis, Attestation)>,
    pub(super) proposed: BTreeMap<ValidatorIndex, Slot>,
    pub(super) attested: BTreeMap<ValidatorIndex, Epoch>,
    pub(super) sync: SyncPlanner,
    last_slot: Option<Slot>,
    last_attested_slot: Option<Slot>,
    pub(super) outputs: Vec<Output>,
}

impl Core {
    /// A node at genesis. `validators` are those it works for; `graffiti` goes into its blocks (the first 32 bytes).
    pub fn new(
        chain: ChainParameters,
        validators: impl IntoIterator<Item = ValidatorIndex>,
        quirks: QuirkSet,
        graffiti: &str,
    ) -> Result<Self, ParameterError> {
        chain.check()?;
        let validators: BTreeSet<ValidatorIndex> = validators.into_iter().collect();
        if let Some(&index) = validators.iter().find(|&&index| index >= chain.validators) {
            return Err(ParameterError::UnknownValidator { index, last: chain.validators - 1 });
        }
        let mut text = [0; 32];
        let length = graffiti.len().min(32);
        text[..length].copy_from_slice(&graffiti.as_bytes()[..length]);
        let tree = BlockTree::new(&chain);
        Ok(Self {
            head: tree.bottom().root,
            votes: LatestVotes::new(chain.validators),
            sync: SyncPlanner::new(quirks.has(Quirk::NoRangeSync)),
            tree,
            chain,
            quirks,
            validators,
            graffiti: text,
            now: 0,
            justified: Checkpoint::default(),
            finalized: Checkpoint::default(),
            pending_finality: None,
            duties: BTreeMap::new(),
            pool: AttestationPool::default(),
            orphans: Orphans::default(),
            early: EarlyAttestations::default(),
            invalid: InvalidRoots::default(),
            seen_attestations: BTreeSet::new(),
            seen_proposals: BTreeSet::new(),
            delayed: BTreeMap::new(),
            held_back: VecDeque::new(),
            proposed: BTreeMap::new(),
            attested: BTreeMap::new(),
            last_slot: None,
            last_attested_slot: None,
            outputs: Vec::new(),
        })
    }

    /// Takes back a stored duty; call it for all of them before the first [`Core::on_time`].
    pub fn restore_duty(&mut self, record: DutyRecord) {
        match record {
            DutyRecord::Proposed { validator, slot } => {
                let last = self.proposed.entry(validator).or_default();
                *last = slot.max(*last);
            }
            DutyRecord::Attested { validator, epoch } => {
                let last = self.attested.entry(validator).or_default();
                *last = epoch.max(*last);
            }
        }
    }

    /// What has come up since the last call, in order.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// Lets time pass: does what is due. Call it at [`Core::next_wakeup`] or earlier; calls too many do no harm.
    pub fn on_time(&mut self, now: Millis) {
        self.now = self.now.max(now);
        while let Some(entry) = self.delayed.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let ((_, root), (block, source)) = entry.remove_entry();
            self.take_block(root, block, source, true);
        }
        while self.held_back.front().is_some_and(|(due, _)| *due <= self.now) {
            if let Some((_, attestation)) = self.held_back.pop_front() {
                self.send_attestation(attestation);
            }
        }
        if let Some(slot) = self.chain.slot_at(self.now) {
            if self.last_slot.is_none_or(|last| slot > last) {
                let old_epoch = self.last_slot.map(|last| self.chain.epoch_of(last));
                self.last_slot = Some(slot);
                if old_epoch != Some(self.chain.epoch_of(slot)) {
                    self.on_epoch(self.chain.epoch_of(slot));
                }
                self.update_head();
                self.propose(slot);
            }
            self.update_head();
            let due = self.chain.slot_start(slot) + self.chain.slot_ms / 3;
            if self.now >= due && self.last_attested_slot.is_none_or(|last| slot > last) {
                self.last_attested_slot = Some(slot);
                self.attest(slot);
                self.update_head();
            }
        }
        self.plan_sync();
    }

    /// When [`Core::on_time`] has something to do next.
    pub fn next_wakeup(&self) -> Millis {
        let next_slot = match self.chain.slot_at(self.now) {
            None => self.chain.genesis_ms(),
            Some(slot) => {
                let attest = self.chain.slot_start(slot) + self.chain.slot_ms / 3;
                if self.now < attest { attest } else { self.chain.slot_start(slot + 1) }
            }
        };
        [
            Some(next_slot),
            self.delayed.first_key_value().map(|((due, _), _)| *due),
            self.held_back.front().map(|(due, _)| *due),
            self.sync.next_wakeup(),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(next_slot)
        .max(self.now + 1)
    }

    fn on_epoch(&mut self, epoch: Epoch) {
        let ended: Vec<(Checkpoint, Checkpoint)> = self
            .tree
            .nodes()
            .iter()
            .filter(|node| self.chain.epoch_of(node.header.slot) < epoch)
            .map(|node| node.unrealized)
            .collect();
        for (justified, finalized) in ended {
            self.note_checkpoints(justified, finalized);
        }
        let first_slot = self.chain.epoch_start(epoch.saturating_sub(1));
        self.pool.prune(&self.chain, epoch);
        self.early.prune(first_slot);
        self.seen_attestations = self.seen_attestations.split_off(&(epoch.saturating_sub(1), 0));
        self.seen_proposals = self.seen_proposals.split_off(&(first_slot, 0));
        self.duties = self.duties.split_off(&epoch.saturating_sub(4));
    }

    /// Takes the newest justified checkpoint; a newer final one is acted upon after the next fork choice.
    pub(super) fn note_checkpoints(&mut self, justified: Checkpoint, finalized: Checkpoint) {
        if justified.epoch > self.justified.epoch {
            self.justified = justified;
        }
        let newest = self.pending_finality.unwrap_or(self.finalized);
        if finalized.epoch > newest.epoch {
            self.pending_finality = Some(finalized);
        }
    }

    /// Runs fork choice, then cuts the tree off at a new final block.
    pub(super) fn update_head(&mut self) {
        let epoch = self.chain.slot_at(self.now).map_or(0, |slot| self.chain.epoch_of(slot));
        let from = if self.quirks.has(Quirk::StubbornHead) {
            Checkpoint { epoch: 0, root: self.head }
        } else {
            self.justified
        };
        let head = find_head(&self.chain, &self.tree, &self.votes, from, epoch, &self.quirks);
        if head != self.head {
            let previous = std::mem::replace(&mut self.head, head);
            self.announce_head(previous);
        }
        if let Some(checkpoint) = self.pending_finality.take() {
            self.finalize(checkpoint);
        }
    }

    fn announce_head(&mut self, previous: Root) {
        let mut reorg_depth = 0;
        let mut at = self.tree.get(&previous);
        let old_slot = at.map_or(0, |node| node.header.slot);
        while let Some(node) = at.filter(|node| !self.tree.descends(&self.head, &node.root)) {
            reorg_depth += 1;
            at = node.parent.map(|place| &self.tree.nodes()[place]);
        }
        let head = self.head();
        let epoch_transition = self.chain.epoch_of(head.header.slot) > self.chain.epoch_of(old_slot);
        self.outputs.push(Output::HeadChanged { head, previous, reorg_depth, epoch_transition });
    }

    fn finalize(&mut self, checkpoint: Checkpoint) {
        if !self.tree.descends(&self.head, &checkpoint.root) {
            // Only a broken rule can lead here: two thirds of the validators stand behind another branch than ours.
            self.outputs.push(Output::FinalityConflict { claimed: checkpoint, ours: self.finalized });
            return;
        }
        self.finalized = checkpoint;
        self.tree.finalize(&checkpoint.root);
        let bottom = self.tree.bottom();
        let (slot, state_root) = (bottom.header.slot, bottom.header.state_root);
        self.orphans.prune(slot);
        self.outputs.push(Output::Finalized { checkpoint, state_root });
    }

    /// Duties of an epoch, drawn once.
    pub(super) fn duties(&mut self, epoch: Epoch) -> Arc<EpochDuties> {
        let chain = &self.chain;
        self.duties.entry(epoch).or_insert_with(|| Arc::new(EpochDuties::draw(chain, epoch))).clone()
    }

    /// The members of a slot's committee.
    pub(super) fn committee(&mut self, slot: Slot) -> Vec<ValidatorIndex> {
        self.duties(self.chain.epoch_of(slot)).committee(slot).to_vec()
    }

    /// Who this node believes makes the block of a slot.
    pub(super) fn proposer(&mut self, slot: Slot) -> ValidatorIndex {
        let epoch = self.chain.epoch_of(slot);
        let off_by_one = self.quirks.has(Quirk::OffByOneEpoch) && epoch >= 2;
        self.duties(epoch + u64::from(off_by_one)).proposer(slot)
    }

    /// The state of the head, advanced to a slot.
    pub(super) fn head_state_at(&self, slot: Slot) -> ChainState {
        let node = self.tree.get(&self.head).unwrap_or(self.tree.bottom());
        let mut state = node.state.clone();
        state.advance(&self.chain, node.root, slot);
        state
    }
}

/// What others may ask.
impl Core {
    /// The chain's parameters.
    pub fn chain(&self) -> &ChainParameters {
        &self.chain
    }

    /// The latest moment the core has heard of.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// The head.
    pub fn head(&self) -> HeadView {
        let node = self.tree.get(&self.head).unwrap_or(self.tree.bottom());
        HeadView { root: node.root, header: node.header }
    }

    /// What is justified and final here: `(previous justified, current justified, finalized)`, never going back.
    pub fn checkpoints(&self) -> (Checkpoint, Checkpoint, Checkpoint) {
        let node = self.tree.get(&self.head).unwrap_or(self.tree.bottom());
        let previous = node.state.previous_justified.max(self.finalized);
        (previous, node.state.current_justified.max(self.justified), self.finalized)
    }

    /// The last final block.
    pub fn finalized_block(&self) -> HeadView {
        let bottom = self.tree.bottom();
        HeadView { root: bottom.root, header: bottom.header }
    }

    /// A block that is not below the last final one, and whether it is on the chain of the head.
    pub fn block(&self, root: &Root) -> Option<(HeadView, bool)> {
        let node = self.tree.get(root)?;
        Some((HeadView { root: node.root, header: node.header }, self.tree.descends(&self.head, root)))
    }

    /// The root of the chain's block in exactly this slot, final blocks included.
    pub fn canonical_root(&self, slot: Slot) -> Option<Root> {
        let (found, root) = self.tree.canonical_at_or_before(&self.head, slot)?;
        (found == slot).then_some(root)
    }

    /// The roots of the chain's blocks in a range of slots, ascending, final blocks included, at most 1024.
    pub fn canonical_range(&self, start: Slot, count: u64) -> Vec<Root> {
        let end = start.saturating_add(count).min(start.saturating_add(crate::eth2::MAX_REQUEST_BLOCKS));
        self.tree.canonical_range(&self.head, start, end)
    }

    /// All blocks that are not below the last final one, parents before children.
    pub fn blocks(&self) -> impl Iterator<Item = HeadView> + '_ {
        self.tree.nodes().iter().map(|node| HeadView { root: node.root, header: node.header })
    }

    /// All blocks that have no child, the tips of all branches.
    pub fn tips(&self) -> Vec<HeadView> {
        let parents: BTreeSet<usize> = self.tree.nodes().iter().filter_map(|node| node.parent).collect();
        let nodes = self.tree.nodes().iter().enumerate().filter(|(place, _)| !parents.contains(place));
        nodes.map(|(_, node)| HeadView { root: node.root, header: node.header }).collect()
    }

    /// What this node answers to Status.
    pub fn status(&self) -> Status {
        let head = self.head();
        Status {
            fork_digest: self.chain.fork_digest(),
            finalized_root: self.finalized.root,
            finalized_epoch: self.finalized.epoch,
            head_root: head.root,
            head_slot: head.header.slot,
        }
    }

    /// How many slots the head is behind the clock.
    pub fn sync_distance(&self) -> u64 {
        self.chain.slot_at(self.now).unwrap_or(0).saturating_sub(self.head().header.slot)
    }

    /// Whether blocks of a peer that is well ahead are being fetched; validators rest meanwhile.
    pub fn is_syncing(&self) -> bool {
        self.sync.target_slot().is_some_and(|target| target > self.head().header.slot + self.chain.slots_per_epoch)
    }
}
