//! Making votes, and taking those of others.

use super::core::{Core, DutyRecord, Millis, Output, PeerKey, Verdict};
use super::marks::attestation_mark;
use super::quirk::Quirk;
use crate::eth2::{Attestation, AttestationBits, AttestationData, Slot};

impl Core {
    /// Lets this node's members of the slot's committee vote.
    pub(super) fn attest(&mut self, slot: Slot) {
        if self.is_syncing() {
            return;
        }
        let epoch = self.chain.epoch_of(slot);
        let committee = self.committee(slot);
        let state = self.head_state_at(slot);
        let target = state.current_target(&self.chain, self.head);
        let data = AttestationData {
            slot,
            index: 0,
            beacon_block_root: self.head,
            source: state.source_for(&self.chain, epoch),
            target,
        };
        for (place, member) in committee.iter().enumerate() {
            // A second vote in an epoch would be a double vote: after a restart the stored duties prevent it.
            if !self.validators.contains(member) || self.attested.get(member).is_some_and(|&last| last >= epoch) {
                continue;
            }
            let Ok(mut bits) = AttestationBits::with_capacity(committee.len()) else { continue };
            if bits.set(place, true).is_err() {
                continue;
            }
            self.attested.insert(*member, epoch);
            self.outputs.push(Output::Duty(DutyRecord::Attested { validator: *member, epoch }));
            let attestation = Attestation { aggregation_bits: bits, data, signature: attestation_mark(&data) };
            if self.quirks.has(Quirk::LateAttester) {
                let due = self.now + self.chain.slots_per_epoch * self.chain.slot_ms;
                self.held_back.push_back((due, attestation));
            } else {
                self.send_attestation(attestation);
            }
        }
    }

    pub(super) fn send_attestation(&mut self, attestation: Attestation) {
        self.take_attestation(&attestation);
        self.outputs.push(Output::PublishAttestation(Box::new(attestation)));
    }

    /// Takes an attestation that was heard by gossip. Rules: `specs/phase0/p2p-interface.md`, `beacon_attestation`.
    pub fn on_attestation(&mut self, now: Millis, attestation: &Attestation, from: PeerKey) -> Verdict {
        self.now = self.now.max(now);
        let data = &attestation.data;
        let latest = self.chain.slot_at(self.now + self.chain.clock_disparity());
        let Some(latest) = latest.filter(|&latest| data.slot <= latest) else { return Verdict::Ignore };
        if self.chain.epoch_of(data.slot) + 1 < self.chain.epoch_of(latest) {
            return Verdict::Ignore;
        }
        let committee = self.committee(data.slot);
        let members = attestation.members();
        let well_formed = data.index == 0
            && data.target.epoch == self.chain.epoch_of(data.slot)
            && attestation.aggregation_bits.len() == committee.len()
            && members.len() == 1
            && attestation.signature == attestation_mark(data);
        if !well_formed || self.invalid.has(&data.beacon_block_root) {
            return Verdict::Reject;
        }
        if self.seen_attestations.contains(&(data.target.epoch, committee[members[0]])) {
            return Verdict::Ignore;
        }
        let verdict = self.take_attestation(attestation);
        if verdict == Verdict::Ignore {
            // The block is probably on its way; it is asked for only if it does not come.
            if !self.tree.is_final(data.slot, &data.beacon_block_root) {
                let (missing, depth) = self.orphans.missing_below(data.beacon_block_root);
                self.sync.want_later(self.now + self.chain.slot_ms / 2, missing, from, depth);
            }
            self.early.keep(attestation.clone());
        }
        self.update_head();
        if verdict == Verdict::Accept && self.quirks.has(Quirk::NoRegossip) { Verdict::Ignore } else { verdict }
    }

    /// Counts a well-formed single vote; `Ignore` means that its block is not known.
    pub(super) fn take_attestation(&mut self, attestation: &Attestation) -> Verdict {
        let data = &attestation.data;
        let Some(head) = self.tree.get(&data.beacon_block_root) else { return Verdict::Ignore };
        if head.header.slot > data.slot {
            return Verdict::Reject;
        }
        let start: Slot = self.chain.epoch_start(data.target.epoch);
        let on_branch = match self.tree.ancestor_at(&data.beacon_block_root, start) {
            Some(boundary) => boundary.root == data.target.root,
            // The boundary is below the tree: its block is final, and every branch of the tree stands on it.
            None => true,
        };
        if !on_branch {
            return Verdict::Reject;
        }
        let committee = self.committee(data.slot);
        for place in attestation.members() {
            let Some(&member) = committee.get(place) else { return Verdict::Reject };
            self.seen_attestations.insert((data.target.epoch, member));
            self.votes.take(member, data.target.epoch, data.beacon_block_root);
        }
        self.pool.take(attestation);
        Verdict::Accept
    }
}
