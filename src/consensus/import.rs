//! Blocks come in: checks, import, blocks that waited for them.

use super::core::{BlockSource, Core, Millis, Output, Verdict};
use super::marks::block_mark;
use super::quirk::Quirk;
use crate::eth2::{Root, SignedBeaconBlock};

/// What became of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// In the tree now.
    Imported,
    /// Was in the tree or the final chain already.
    Known,
    /// Its parent is not known.
    Orphan,
    /// Not to be looked at: too old, too early, or a second block of its proposer.
    Unwanted,
    /// Good as far as can be seen, and imported later (quirk).
    Delayed,
    /// Breaks a rule.
    Invalid,
}

impl Core {
    /// Takes a block. The answer is for gossip; other sources need not look at it.
    pub fn on_block(&mut self, now: Millis, block: SignedBeaconBlock, source: BlockSource) -> Verdict {
        self.now = self.now.max(now);
        let root = block.message.root();
        let outcome = self.take_block(root, block, source, false);
        self.update_head();
        if source != BlockSource::Disk {
            self.plan_sync();
        }
        match outcome {
            Outcome::Invalid => Verdict::Reject,
            Outcome::Imported | Outcome::Delayed if !self.quirks.has(Quirk::NoRegossip) => Verdict::Accept,
            _ => Verdict::Ignore,
        }
    }

    pub(super) fn take_block(
        &mut self,
        root: Root,
        block: SignedBeaconBlock,
        source: BlockSource,
        was_delayed: bool,
    ) -> Outcome {
        let (slot, proposer, parent) = (block.message.slot, block.message.proposer_index, block.message.parent_root);
        if self.invalid.has(&root) {
            return Outcome::Invalid;
        }
        if self.tree.place(&root).is_some() || self.tree.is_final(slot, &root) {
            return Outcome::Known;
        }
        if !was_delayed && self.is_delayed(&root) {
            return Outcome::Delayed;
        }
        if slot <= self.tree.bottom().header.slot {
            return Outcome::Unwanted;
        }
        let latest = self.chain.slot_at(self.now + self.chain.clock_disparity());
        if source != BlockSource::Disk && latest.is_none_or(|latest| slot > latest) {
            // One slot early is a clock that runs fast; more is nonsense.
            if latest.is_some_and(|latest| slot == latest + 1) && self.delayed.len() < 64 {
                self.delayed.insert((self.chain.slot_start(slot), root), (block, source));
            }
            return Outcome::Unwanted;
        }
        if block.signature != block_mark(root, proposer) {
            // The root does not cover the mark, so the same root may still come with the right one.
            return Outcome::Invalid;
        }
        let from_gossip = matches!(source, BlockSource::Gossip(_)) && !was_delayed;
        if from_gossip && self.seen_proposals.contains(&(slot, proposer)) {
            self.outputs.push(Output::Equivocation { slot, proposer, root });
            return Outcome::Unwanted;
        }
        if self.invalid.has(&parent) {
            return self.reject(root, &block, "its parent is invalid");
        }
        if self.tree.place(&parent).is_none() {
            let peer = match source {
                BlockSource::Gossip(peer) | BlockSource::Requested(peer) => Some(peer),
                BlockSource::Own | BlockSource::Disk => None,
            };
            self.orphans.keep(root, block, peer);
            if let Some(peer) = peer {
                let (missing, depth) = self.orphans.missing_below(parent);
                self.sync.want(self.now, missing, peer, depth);
            }
            return Outcome::Orphan;
        }
        if let Some(reason) = self.broken_rule(&block) {
            return self.reject(root, &block, &reason);
        }
        self.seen_proposals.insert((slot, proposer));
        if from_gossip && self.quirks.has(Quirk::SlowImport) {
            let due = self.now + self.chain.slot_ms * 3 / 2;
            self.delayed.insert((due, root), (block, source));
            return Outcome::Delayed;
        }
        let outcome = self.import(root, block);
        if outcome == Outcome::Imported {
            self.import_orphans_of(root);
        }
        outcome
    }

    /// Whether a block is here and waits for its moment.
    pub(super) fn is_delayed(&self, root: &Root) -> bool {
        self.delayed.keys().any(|(_, delayed)| delayed == root)
    }

    fn reject(&mut self, root: Root, block: &SignedBeaconBlock, reason: &str) -> Outcome {
        self.invalid.add(root);
        self.outputs.push(Output::BlockRejected {
            root,
            slot: block.message.slot,
            proposer: block.message.proposer_index,
            parent: block.message.parent_root,
            reason: reason.to_owned(),
        });
        // What stands on it will never be needed.
        for (child, _) in self.orphans.children_of(&root) {
            self.reject(child.message.root(), &child, "its parent is invalid");
        }
        Outcome::Invalid
    }

    /// Puts a block whose parent is in the tree into the tree, after all checks of its content.
    fn import(&mut self, root: Root, block: SignedBeaconBlock) -> Outcome {
        let Some(parent) = self.tree.get(&block.message.parent_root) else { return Outcome::Orphan };
        if block.message.slot <= parent.header.slot {
            return self.reject(root, &block, "its slot is not after its parent's");
        }
        let mut state = parent.state.clone();
        let parent_root = parent.root;
        state.advance(&self.chain, parent_root, block.message.slot);
        for attestation in &block.message.body.attestations {
            // Slots far away are refused by the check of time; nothing is drawn for them.
            let near = attestation.data.slot <= block.message.slot
                && attestation.data.slot + 2 * self.chain.slots_per_epoch > block.message.slot;
            let committee = if near { self.committee(attestation.data.slot) } else { Vec::new() };
            if let Err(error) = state.apply(&self.chain, attestation, &committee) {
                return self.reject(root, &block, &error.to_string());
            }
        }
        if state.root() != block.message.state_root {
            return self.reject(root, &block, &super::chain_state::TransitionError::StateRoot.to_string());
        }
        let realized = (state.current_justified, state.finalized);
        self.tree.insert(root, block.message.header(), state, &self.chain);
        self.sync.got(&root);
        for attestation in &block.message.body.attestations {
            let committee = self.committee(attestation.data.slot);
            for place in attestation.members() {
                self.votes.take(committee[place], attestation.data.target.epoch, attestation.data.beacon_block_root);
            }
        }
        self.note_checkpoints(realized.0, realized.1);
        let current = self.chain.slot_at(self.now).map_or(0, |slot| self.chain.epoch_of(slot));
        if self.chain.epoch_of(block.message.slot) < current
            && let Some((justified, finalized)) = self.tree.get(&root).map(|node| node.unrealized)
        {
            self.note_checkpoints(justified, finalized);
        }
        self.outputs.push(Output::Imported { root, block: Box::new(block) });
        for attestation in self.early.waiting_for(&root) {
            self.take_attestation(&attestation);
        }
        Outcome::Imported
    }

    /// Imports what waited for a block, and what waited for that, without recursion.
    fn import_orphans_of(&mut self, root: Root) {
        let mut parents = vec![root];
        while let Some(parent) = parents.pop() {
            for (child, _) in self.orphans.children_of(&parent) {
                let child_root = child.message.root();
                if self.tree.place(&child_root).is_some() {
                    continue;
                }
                if let Some(reason) = self.broken_rule(&child) {
                    self.reject(child_root, &child, &reason);
                    continue;
                }
                self.seen_proposals.insert((child.message.slot, child.message.proposer_index));
                if self.import(child_root, child) == Outcome::Imported {
                    parents.push(child_root);
                }
            }
        }
    }

    /// Rules that need the schedule alone.
    fn broken_rule(&mut self, block: &SignedBeaconBlock) -> Option<String> {
        let slot = block.message.slot;
        let expected = self.proposer(slot);
        if block.message.proposer_index != expected {
            return Some(format!("validator {expected} is the proposer of slot {slot}"));
        }
        let odd = self.quirks.has(Quirk::RejectOddSlots) && slot % 2 == 1 && self.chain.epoch_of(slot) >= 2;
        odd.then(|| "its slot is odd (quirk reject-odd-slots)".to_owned())
    }
}
