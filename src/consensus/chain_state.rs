//! The state after a block: which checkpoints its branch has justified and finalised, and who has voted.
//!
//! Justification and finality follow `specs/altair/beacon-chain.md`, `weigh_justification_and_finalization`, with a weight
//! of one for each validator. All of it is computed from the branch alone, so every node on a branch comes to the same.

use ssz_types::{BitList, typenum};
use tree_hash::TreeHash as _;
use tree_hash_derive::TreeHash;

use super::marks::attestation_mark;
use super::parameters::ChainParameters;
use crate::eth2::{Attestation, Checkpoint, Epoch, Root, Slot, ValidatorIndex};

type Voters = BitList<typenum::U65536>;

/// The state after a block. Its hash tree root is the block's `state_root`.
#[derive(Clone, Debug, PartialEq, TreeHash)]
pub struct ChainState {
    /// Slot of the block, or the slot that the state was advanced to.
    pub slot: Slot,
    /// Bit n: the checkpoint n epochs ago is justified.
    pub justification_bits: u8,
    /// What was justified one epoch ago.
    pub previous_justified: Checkpoint,
    /// The newest justified checkpoint.
    pub current_justified: Checkpoint,
    /// The newest finalised checkpoint.
    pub finalized: Checkpoint,
    /// Last block at or before the start of the previous epoch.
    previous_boundary: Root,
    /// Last block at or before the start of the current epoch; zero while that is the state's own block, whose root
    /// depends on this state and is filled in by its child.
    current_boundary: Root,
    previous_voters: Voters,
    current_voters: Voters,
}

/// Why a block's content contradicts the rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError {
    /// Not of the epoch before or the current one, or from the block's own slot or later.
    #[error("an attestation for slot {slot} and epoch {target} cannot stand in a block of slot {at}")]
    AttestationOutOfTime {
        /// Slot that the attestation is for.
        slot: Slot,
        /// Epoch of its target.
        target: Epoch,
        /// Slot of the block.
        at: Slot,
    },
    /// Its bits are not those of the committee.
    #[error("an attestation for slot {slot} has {bits} bits for a committee of {committee}, or none of them set")]
    AttestationBits {
        /// Slot that the attestation is for.
        slot: Slot,
        /// Its bits.
        bits: usize,
        /// Members of the committee.
        committee: usize,
    },
    /// It starts from another checkpoint than the branch.
    #[error(
        "an attestation for slot {slot} starts from a checkpoint of epoch {source_epoch} that this branch has not justified"
    )]
    AttestationSource {
        /// Slot that the attestation is for.
        slot: Slot,
        /// Epoch of its source.
        source_epoch: Epoch,
    },
    /// Damaged.
    #[error("an attestation for slot {slot} has a wrong mark")]
    AttestationMark {
        /// Slot that the attestation is for.
        slot: Slot,
    },
    /// The block claims another state.
    #[error("the state root does not match the block's content")]
    StateRoot,
}

impl ChainState {
    /// The state of slot 0: the genesis checkpoint is justified and final by definition.
    pub fn genesis(chain: &ChainParameters) -> Self {
        let nobody = no_voters(chain);
        Self {
            slot: 0,
            justification_bits: 0,
            previous_justified: Checkpoint::default(),
            current_justified: Checkpoint::default(),
            finalized: Checkpoint::default(),
            previous_boundary: Root::ZERO,
            current_boundary: Root::ZERO,
            previous_voters: nobody.clone(),
            current_voters: nobody,
        }
    }

    /// Goes on to a later slot. `last_block` is the root of the block that this is the state of.
    pub fn advance(&mut self, chain: &ChainParameters, last_block: Root, to: Slot) {
        if to <= self.slot {
            return;
        }
        if self.current_boundary.is_zero() {
            self.current_boundary = last_block;
        }
        let target = chain.epoch_of(to);
        while chain.epoch_of(self.slot) < target {
            if self.is_idle(last_block) {
                // Nothing changes any more in empty epochs: skip them, however many they are.
                self.slot = self.slot.max(chain.epoch_start(target.saturating_sub(1)));
            }
            let epoch = chain.epoch_of(self.slot);
            self.justify_and_finalize(chain, epoch);
            self.slot = chain.epoch_start(epoch + 1);
            self.previous_boundary = self.current_boundary;
            self.current_boundary = if self.slot == to { Root::ZERO } else { last_block };
            self.previous_voters = std::mem::replace(&mut self.current_voters, no_voters(chain));
        }
        self.slot = to;
    }

    fn is_idle(&self, last_block: Root) -> bool {
        self.justification_bits == 0
            && self.previous_justified == self.current_justified
            && self.previous_boundary == last_block
            && self.current_boundary == last_block
            && self.previous_voters.is_zero()
            && self.current_voters.is_zero()
    }

    /// The checkpoint of the state's own epoch on this branch. `block` is the root of the state's newest block.
    pub fn current_target(&self, chain: &ChainParameters, block: Root) -> Checkpoint {
        let root = if self.current_boundary.is_zero() { block } else { self.current_boundary };
        Checkpoint { epoch: chain.epoch_of(self.slot), root }
    }

    /// Counts an attestation in a block of the state's slot. It must fit the committee, the branch and the time; a vote
    /// for a target on another branch is legal and does not count.
    pub fn apply(
        &mut self,
        chain: &ChainParameters,
        attestation: &Attestation,
        committee: &[ValidatorIndex],
    ) -> Result<(), TransitionError> {
        let data = &attestation.data;
        let current = chain.epoch_of(self.slot);
        let in_time = data.target.epoch == chain.epoch_of(data.slot)
            && data.target.epoch <= current
            && data.target.epoch + 1 >= current
            && data.slot < self.slot
            && data.index == 0;
        if !in_time {
            let (slot, target) = (data.slot, data.target.epoch);
            return Err(TransitionError::AttestationOutOfTime { slot, target, at: self.slot });
        }
        let bits = attestation.aggregation_bits.len();
        if bits != committee.len() || attestation.aggregation_bits.is_zero() {
            return Err(TransitionError::AttestationBits { slot: data.slot, bits, committee: committee.len() });
        }
        if data.source != self.source_for(chain, data.target.epoch) {
            let source_epoch = data.source.epoch;
            return Err(TransitionError::AttestationSource { slot: data.slot, source_epoch });
        }
        if attestation.signature != attestation_mark(data) {
            return Err(TransitionError::AttestationMark { slot: data.slot });
        }
        if self.counts(chain, data.target) {
            let voters =
                if data.target.epoch == current { &mut self.current_voters } else { &mut self.previous_voters };
            for place in attestation.members() {
                // Committee members are validators of the registry, so the bit exists.
                let _ = voters.set(committee[place] as usize, true);
            }
        }
        Ok(())
    }

    /// The source that an attestation with a target of this epoch must name on this branch.
    pub fn source_for(&self, chain: &ChainParameters, target_epoch: Epoch) -> Checkpoint {
        if target_epoch == chain.epoch_of(self.slot) { self.current_justified } else { self.previous_justified }
    }

    /// Whether a target is this branch's checkpoint of the previous or current epoch.
    pub fn counts(&self, chain: &ChainParameters, target: Checkpoint) -> bool {
        let current = chain.epoch_of(self.slot);
        let boundary = if target.epoch == current { self.current_boundary } else { self.previous_boundary };
        target.root == boundary && target.epoch <= current && target.epoch + 1 >= current
    }

    /// Whether a validator's vote for a target of this epoch has been counted.
    pub fn has_voted(&self, chain: &ChainParameters, target_epoch: Epoch, validator: ValidatorIndex) -> bool {
        let voters =
            if target_epoch == chain.epoch_of(self.slot) { &self.current_voters } else { &self.previous_voters };
        voters.get(validator as usize).unwrap_or(false)
    }

    /// What would be justified and finalised if the epoch ended now: `(justified, finalized)`. `block` is the root of the
    /// state's block.
    pub fn if_the_epoch_ended(&self, chain: &ChainParameters, block: Root) -> (Checkpoint, Checkpoint) {
        let mut ended = self.clone();
        if ended.current_boundary.is_zero() {
            ended.current_boundary = block;
        }
        ended.justify_and_finalize(chain, chain.epoch_of(self.slot));
        (ended.current_justified, ended.finalized)
    }

    fn justify_and_finalize(&mut self, chain: &ChainParameters, epoch: Epoch) {
        if epoch <= 1 {
            return;
        }
        let (old_previous, old_current) = (self.previous_justified, self.current_justified);
        self.previous_justified = self.current_justified;
        self.justification_bits = self.justification_bits << 1 & 0b1111;
        let enough = |voters: &Voters| voters.num_set_bits() as u64 * 3 >= chain.validators * 2;
        if enough(&self.previous_voters) {
            self.current_justified = Checkpoint { epoch: epoch - 1, root: self.previous_boundary };
            self.justification_bits |= 0b0010;
        }
        if enough(&self.current_voters) {
            self.current_justified = Checkpoint { epoch, root: self.current_boundary };
            self.justification_bits |= 0b0001;
        }
        let bits = self.justification_bits;
        if bits & 0b1110 == 0b1110 && old_previous.epoch + 3 == epoch {
            self.finalized = old_previous;
        }
        if bits & 0b0110 == 0b0110 && old_previous.epoch + 2 == epoch {
            self.finalized = old_previous;
        }
        if bits & 0b0111 == 0b0111 && old_current.epoch + 2 == epoch {
            self.finalized = old_current;
        }
        if bits & 0b0011 == 0b0011 && old_current.epoch + 1 == epoch {
            self.finalized = old_current;
        }
    }

    /// The root that stands in the block.
    pub fn root(&self) -> Root {
        self.tree_hash_root()
    }
}

fn no_voters(chain: &ChainParameters) -> Voters {
    Voters::with_capacity(chain.validators as usize).expect("a chain has at most 4096 validators, a list 65536 bits")
}

#[cfg(test)]
mod tests {
    use super::super::duties::EpochDuties;
    use super::super::parameters::sample;
    use super::*;
    use crate::eth2::{AttestationBits, AttestationData};

    fn vote(
        chain: &ChainParameters,
        state: &ChainState,
        slot: Slot,
        head: Root,
        target: Checkpoint,
    ) -> (Attestation, Vec<u64>) {
        let committee = EpochDuties::draw(chain, chain.epoch_of(slot)).committee(slot).to_vec();
        let mut bits = AttestationBits::with_capacity(committee.len()).unwrap();
        (0..committee.len()).for_each(|place| bits.set(place, true).unwrap());
        let source = state.source_for(chain, target.epoch);
        let data = AttestationData { slot, index: 0, beacon_block_root: head, source, target };
        (Attestation { aggregation_bits: bits, signature: attestation_mark(&data), data }, committee)
    }

    fn block_root(slot: Slot) -> Root {
        Root::from_slice(&[&[0xbb; 24][..], &slot.to_be_bytes()].concat())
    }

    /// A chain with a block in every slot and all votes of the slot before in it, except in the epochs `silent`.
    fn run(chain: &ChainParameters, to: Slot, silent: &[Epoch]) -> ChainState {
        let mut state = ChainState::genesis(chain);
        for slot in 1..=to {
            let parent = block_root(slot - 1);
            let head_before = state.clone();
            state.advance(chain, parent, slot);
            let target = head_before.current_target(chain, parent);
            if !silent.contains(&target.epoch) {
                let (attestation, committee) = vote(chain, &state, slot - 1, parent, target);
                state.apply(chain, &attestation, &committee).unwrap();
            }
        }
        state
    }

    #[test]
    fn full_votes_justify_one_epoch_back_and_finalise_two() {
        let chain = sample();
        let state = run(&chain, 5 * 4, &[]);
        assert_eq!(state.current_justified, Checkpoint { epoch: 4, root: block_root(16) });
        assert_eq!(state.finalized, Checkpoint { epoch: 3, root: block_root(12) });
    }

    #[test]
    fn a_silent_epoch_is_neither_justified_nor_finalised() {
        let chain = sample();
        let state = run(&chain, 6 * 4, &[4]);
        assert_eq!(state.current_justified.epoch, 5);
        assert_eq!(state.finalized.epoch, 2);
    }

    #[test]
    fn too_few_votes_justify_nothing() {
        let chain = ChainParameters { validators: 8, ..sample() };
        let state = run(&chain, 40, &(0..20).collect::<Vec<_>>());
        assert_eq!((state.current_justified.epoch, state.finalized.epoch), (0, 0));
    }

    #[test]
    fn empty_epochs_are_skipped_without_a_difference() {
        let chain = sample();
        let start = run(&chain, 21, &[]);
        let mut stepwise = start.clone();
        for slot in 22..=401 {
            // Slot by slot no epoch is ever skipped.
            let boundary = stepwise.current_boundary;
            stepwise.advance(&chain, block_root(21), slot);
            if stepwise.current_boundary.is_zero() && boundary.is_zero() {
                unreachable!("a boundary stays open for one slot only");
            }
        }
        let mut at_once = start;
        at_once.advance(&chain, block_root(21), 401);
        assert_eq!(stepwise, at_once);
        at_once.advance(&chain, block_root(21), 1_700_000_000);
        assert_eq!(at_once.slot, 1_700_000_000);
    }

    #[test]
    fn attestations_that_do_not_fit_are_refused() {
        let chain = sample();
        let mut state = run(&chain, 9, &[]);
        state.advance(&chain, block_root(9), 10);
        let target = state.current_target(&chain, block_root(9));
        let (good, committee) = vote(&chain, &state, 9, block_root(9), target);
        let refused = |change: &dyn Fn(&mut Attestation)| {
            let mut bad = good.clone();
            change(&mut bad);
            state.clone().apply(&chain, &bad, &committee).unwrap_err()
        };
        assert!(matches!(refused(&|bad| bad.data.slot = 10), TransitionError::AttestationOutOfTime { .. }));
        assert!(matches!(refused(&|bad| bad.data.target.epoch = 0), TransitionError::AttestationOutOfTime { .. }));
        assert!(matches!(refused(&|bad| bad.data.source.epoch = 9), TransitionError::AttestationSource { .. }));
        assert!(matches!(refused(&|bad| bad.signature[0] ^= 1), TransitionError::AttestationMark { .. }));
        let no_bits = AttestationBits::with_capacity(committee.len()).unwrap();
        assert!(matches!(
            refused(&|bad| bad.aggregation_bits = no_bits.clone()),
            TransitionError::AttestationBits { .. }
        ));
        state.apply(&chain, &good, &committee).unwrap();
        assert!(state.has_voted(&chain, 2, committee[0]));
    }
}
