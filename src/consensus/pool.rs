//! Waiting rooms, all of them bounded: attestations for the next block, blocks without a parent, attestations for blocks
//! that have not come yet, roots of blocks that were found wrong.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::chain_state::ChainState;
use super::core::PeerKey;
use super::marks::attestation_mark;
use super::parameters::ChainParameters;
use crate::eth2::{
    Attestation, AttestationBits, AttestationData, Epoch, MAX_ATTESTATIONS, Root, SignedBeaconBlock, Slot,
    ValidatorIndex,
};

const MAX_POOLED_STATEMENTS: usize = 8192;
const MAX_ORPHANS: usize = 512;
const MAX_EARLY_ATTESTATIONS: usize = 8192;
const MAX_INVALID: usize = 4096;

/// Attestations that a block could carry, those of one statement joined.
#[derive(Clone, Debug, Default)]
pub(super) struct AttestationPool(BTreeMap<(Slot, AttestationData), AttestationBits>);

impl AttestationPool {
    /// Takes one; joins it with what there is for the same statement.
    pub(super) fn take(&mut self, attestation: &Attestation) {
        let key = (attestation.data.slot, attestation.data);
        if let Some(bits) = self.0.get_mut(&key) {
            if bits.len() == attestation.aggregation_bits.len() {
                *bits = bits.union(&attestation.aggregation_bits);
            }
        } else if self.0.len() < MAX_POOLED_STATEMENTS {
            self.0.insert(key, attestation.aggregation_bits.clone());
        }
    }

    /// Forgets what no block from this epoch on can carry.
    pub(super) fn prune(&mut self, chain: &ChainParameters, current: Epoch) {
        let first = chain.epoch_start(current.saturating_sub(1));
        self.0 = self.0.split_off(&(first, AttestationData::default()));
    }

    /// What a block in the state's slot should carry: only what adds votes, the newest first.
    pub(super) fn select(
        &self,
        chain: &ChainParameters,
        state: &ChainState,
        committee: impl Fn(Slot) -> Vec<ValidatorIndex>,
    ) -> Vec<Attestation> {
        let mut chosen = Vec::new();
        let mut trial = state.clone();
        for ((slot, data), bits) in self.0.iter().rev() {
            if chosen.len() == MAX_ATTESTATIONS {
                break;
            }
            let members = committee(*slot);
            let adds = trial.counts(chain, data.target)
                && bits
                    .iter()
                    .zip(&members)
                    .any(|(set, &member)| set && !trial.has_voted(chain, data.target.epoch, member));
            let attestation =
                Attestation { aggregation_bits: bits.clone(), data: *data, signature: attestation_mark(data) };
            if adds && trial.apply(chain, &attestation, &members).is_ok() {
                chosen.push(attestation);
            }
        }
        chosen
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Blocks whose parent is not known, by the parent's root.
#[derive(Clone, Debug, Default)]
pub(super) struct Orphans {
    by_parent: BTreeMap<Root, BTreeMap<Root, (SignedBeaconBlock, Option<PeerKey>)>>,
    count: usize,
}

impl Orphans {
    /// Keeps a block until its parent comes. When there is no room the one of the lowest slot goes.
    pub(super) fn keep(&mut self, root: Root, block: SignedBeaconBlock, from: Option<PeerKey>) {
        let siblings = self.by_parent.entry(block.message.parent_root).or_default();
        if siblings.insert(root, (block, from)).is_none() {
            self.count += 1;
        }
        if self.count > MAX_ORPHANS {
            let oldest = self
                .by_parent
                .iter()
                .flat_map(|(parent, blocks)| {
                    blocks.iter().map(move |(root, (block, _))| (block.message.slot, *parent, *root))
                })
                .min();
            if let Some((_, parent, root)) = oldest {
                self.remove(&parent, &root);
            }
        }
    }

    fn remove(&mut self, parent: &Root, root: &Root) {
        if let Some(blocks) = self.by_parent.get_mut(parent) {
            self.count -= usize::from(blocks.remove(root).is_some());
            if blocks.is_empty() {
                self.by_parent.remove(parent);
            }
        }
    }

    /// Takes out the blocks that waited for this parent.
    pub(super) fn children_of(&mut self, parent: &Root) -> Vec<(SignedBeaconBlock, Option<PeerKey>)> {
        let children = self.by_parent.remove(parent).unwrap_or_default();
        self.count -= children.len();
        children.into_values().collect()
    }

    /// The first missing block below a block that is kept here, or the root itself if it is not kept.
    pub(super) fn missing_below(&self, root: Root) -> (Root, usize) {
        let (mut missing, mut depth) = (root, 0);
        while let Some(parent) =
            self.by_parent.iter().find(|(_, blocks)| blocks.contains_key(&missing)).map(|(parent, _)| *parent)
        {
            missing = parent;
            depth += 1;
        }
        (missing, depth)
    }

    /// Forgets blocks at or below a slot.
    pub(super) fn prune(&mut self, slot: Slot) {
        self.by_parent.retain(|_, blocks| {
            blocks.retain(|_, (block, _)| block.message.slot > slot);
            !blocks.is_empty()
        });
        self.count = self.by_parent.values().map(BTreeMap::len).sum();
    }
}

/// Attestations for blocks that have not come yet, by the block's root.
#[derive(Clone, Debug, Default)]
pub(super) struct EarlyAttestations {
    by_block: BTreeMap<Root, Vec<Attestation>>,
    count: usize,
}

impl EarlyAttestations {
    /// Keeps one while there is room.
    pub(super) fn keep(&mut self, attestation: Attestation) {
        if self.count < MAX_EARLY_ATTESTATIONS {
            self.by_block.entry(attestation.data.beacon_block_root).or_default().push(attestation);
            self.count += 1;
        }
    }

    /// Takes out those that waited for this block.
    pub(super) fn waiting_for(&mut self, block: &Root) -> Vec<Attestation> {
        let waiting = self.by_block.remove(block).unwrap_or_default();
        self.count -= waiting.len();
        waiting
    }

    /// Forgets those of earlier slots.
    pub(super) fn prune(&mut self, first_slot: Slot) {
        self.by_block.retain(|_, waiting| {
            waiting.retain(|attestation| attestation.data.slot >= first_slot);
            !waiting.is_empty()
        });
        self.count = self.by_block.values().map(Vec::len).sum();
    }
}

/// Roots of blocks that were found wrong, so that they and what stands on them are not looked at again.
#[derive(Clone, Debug, Default)]
pub(super) struct InvalidRoots {
    roots: BTreeSet<Root>,
    order: VecDeque<Root>,
}

impl InvalidRoots {
    pub(super) fn add(&mut self, root: Root) {
        if self.roots.insert(root) {
            self.order.push_back(root);
        }
        if self.order.len() > MAX_INVALID
            && let Some(oldest) = self.order.pop_front()
        {
            self.roots.remove(&oldest);
        }
    }

    pub(super) fn has(&self, root: &Root) -> bool {
        self.roots.contains(root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eth2::BeaconBlock;

    fn block(slot: Slot, parent: Root) -> (Root, SignedBeaconBlock) {
        let message = BeaconBlock { slot, parent_root: parent, ..BeaconBlock::default() };
        (message.root(), SignedBeaconBlock { message, signature: [0; 96] })
    }

    #[test]
    fn orphans_are_bounded_and_come_out_by_parent() {
        let mut orphans = Orphans::default();
        let mut parent = Root::repeat_byte(9);
        let first_parent = parent;
        for slot in 1..=(MAX_ORPHANS as u64 + 5) {
            let (root, block) = block(slot, parent);
            orphans.keep(root, block, None);
            parent = root;
        }
        assert_eq!(orphans.count, MAX_ORPHANS);
        assert!(orphans.children_of(&first_parent).is_empty(), "the oldest had to go");
        orphans.prune(MAX_ORPHANS as u64);
        assert_eq!(orphans.count, 5);
    }

    #[test]
    fn the_first_missing_block_is_found_below_a_line_of_orphans() {
        let mut orphans = Orphans::default();
        let missing = Root::repeat_byte(9);
        let (first, first_block) = block(1, missing);
        let (second, second_block) = block(2, first);
        orphans.keep(second, second_block, None);
        orphans.keep(first, first_block, None);
        assert_eq!(orphans.missing_below(second), (missing, 2));
        assert_eq!(orphans.children_of(&missing).len(), 1);
        assert_eq!(orphans.missing_below(second), (first, 1));
    }

    #[test]
    fn statements_are_joined() {
        let mut pool = AttestationPool::default();
        for place in 0..2 {
            let mut bits = AttestationBits::with_capacity(3).unwrap();
            bits.set(place, true).unwrap();
            let data = AttestationData { slot: 5, ..AttestationData::default() };
            pool.take(&Attestation { aggregation_bits: bits, data, signature: attestation_mark(&data) });
        }
        assert_eq!(pool.len(), 1);
        assert_eq!(pool.0.values().next().unwrap().num_set_bits(), 2);
    }

    #[test]
    fn wrong_roots_are_remembered_up_to_a_bound() {
        let mut invalid = InvalidRoots::default();
        for number in 0..=MAX_INVALID as u64 {
            invalid.add(Root::from_slice(&[&[0; 24][..], &number.to_be_bytes()].concat()));
        }
        assert_eq!(invalid.roots.len(), MAX_INVALID);
        assert!(!invalid.has(&Root::ZERO));
    }
}
