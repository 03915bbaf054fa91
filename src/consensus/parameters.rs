//! What every node of a chain must agree about before it starts.

use sha2::{Digest, Sha256};
use tree_hash::TreeHash as _;

use super::chain_state::ChainState;
use super::core::Millis;
use crate::eth2::{BeaconBlock, BeaconBlockBody, Epoch, Root, SignedBeaconBlock, Slot, compute_fork_digest};

/// The version that goes into the fork digest: "SB", and no version of a public network.
pub const FORK_VERSION: [u8; 4] = [0x53, 0x42, 0x00, 0x01];

/// Parameters of a chain. Two nodes with different ones have different fork digests and never talk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainParameters {
    /// Start of slot 0, in seconds since 1970.
    pub genesis_time: u64,
    /// Length of a slot in milliseconds.
    pub slot_ms: u64,
    /// Slots in an epoch.
    pub slots_per_epoch: u64,
    /// Validators, numbered from 0.
    pub validators: u64,
    /// What proposers and committees are drawn from.
    pub seed: u64,
}

/// Parameters that make no chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// Too short or too long.
    #[error("a slot must last from 50 ms to 10 minutes, not {0} ms")]
    SlotLength(u64),
    /// Too few or too many.
    #[error("an epoch must have from 2 to 1024 slots, not {0}")]
    SlotsPerEpoch(u64),
    /// Too few or too many.
    #[error("a chain must have from 1 to 4096 validators, not {0}")]
    Validators(u64),
    /// Not in the registry.
    #[error("validator {index} does not exist; the chain has validators 0 to {last}")]
    UnknownValidator {
        /// The number that was given.
        index: u64,
        /// The highest there is.
        last: u64,
    },
}

impl ChainParameters {
    /// Refuses parameters outside of what the core was made for.
    pub fn check(&self) -> Result<(), ParameterError> {
        if !(50..=600_000).contains(&self.slot_ms) {
            return Err(ParameterError::SlotLength(self.slot_ms));
        }
        if !(2..=1024).contains(&self.slots_per_epoch) {
            return Err(ParameterError::SlotsPerEpoch(self.slots_per_epoch));
        }
        if !(1..=4096).contains(&self.validators) {
            return Err(ParameterError::Validators(self.validators));
        }
        Ok(())
    }

    /// Start of slot 0.
    pub fn genesis_ms(&self) -> Millis {
        self.genesis_time.saturating_mul(1000)
    }

    /// The slot that `now` lies in; `None` before genesis.
    pub fn slot_at(&self, now: Millis) -> Option<Slot> {
        now.checked_sub(self.genesis_ms()).map(|since| since / self.slot_ms)
    }

    /// When a slot begins.
    pub fn slot_start(&self, slot: Slot) -> Millis {
        self.genesis_ms().saturating_add(slot.saturating_mul(self.slot_ms))
    }

    /// The epoch that a slot lies in.
    pub fn epoch_of(&self, slot: Slot) -> Epoch {
        slot / self.slots_per_epoch
    }

    /// The first slot of an epoch.
    pub fn epoch_start(&self, epoch: Epoch) -> Slot {
        epoch.saturating_mul(self.slots_per_epoch)
    }

    /// How far two clocks may be apart: 500 ms as in the specification, less for very short slots.
    pub fn clock_disparity(&self) -> Millis {
        (self.slot_ms / 4).min(500)
    }

    /// Stands where a real chain has the root of its first validators: a hash of all parameters.
    pub fn genesis_validators_root(&self) -> Root {
        let mut hash = Sha256::new();
        hash.update(b"splitbrain reference chain v1");
        for number in [self.genesis_time, self.slot_ms, self.slots_per_epoch, self.validators, self.seed] {
            hash.update(number.to_le_bytes());
        }
        Root::from(<[u8; 32]>::from(hash.finalize()))
    }

    /// The four bytes that keep this chain apart from others.
    pub fn fork_digest(&self) -> [u8; 4] {
        compute_fork_digest(FORK_VERSION, self.genesis_validators_root())
    }

    /// The block of slot 0, which nobody makes.
    pub fn genesis_block(&self) -> SignedBeaconBlock {
        let message = BeaconBlock {
            slot: 0,
            proposer_index: 0,
            parent_root: Root::ZERO,
            state_root: ChainState::genesis(self).tree_hash_root(),
            body: BeaconBlockBody { graffiti: self.genesis_validators_root().0, ..BeaconBlockBody::default() },
        };
        SignedBeaconBlock { message, signature: [0; 96] }
    }
}

#[cfg(test)]
pub(super) fn sample() -> ChainParameters {
    ChainParameters { genesis_time: 1_000, slot_ms: 1_000, slots_per_epoch: 4, validators: 8, seed: 7 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_counted_from_genesis() {
        let chain = sample();
        assert_eq!(chain.slot_at(999_999), None);
        assert_eq!(chain.slot_at(1_000_000), Some(0));
        assert_eq!(chain.slot_at(1_005_999), Some(5));
        assert_eq!(chain.slot_start(5), 1_005_000);
        assert_eq!((chain.epoch_of(7), chain.epoch_start(2)), (1, 8));
    }

    #[test]
    fn every_parameter_makes_another_network() {
        let chain = sample();
        for other in [
            ChainParameters { genesis_time: 1_001, ..sample() },
            ChainParameters { slot_ms: 999, ..sample() },
            ChainParameters { slots_per_epoch: 5, ..sample() },
            ChainParameters { validators: 9, ..sample() },
            ChainParameters { seed: 8, ..sample() },
        ] {
            assert_ne!(chain.fork_digest(), other.fork_digest());
            assert_ne!(chain.genesis_block().message.root(), other.genesis_block().message.root());
        }
    }

    #[test]
    fn impossible_chains_are_refused() {
        assert_eq!(sample().check(), Ok(()));
        assert_eq!(ChainParameters { slot_ms: 0, ..sample() }.check(), Err(ParameterError::SlotLength(0)));
        assert_eq!(ChainParameters { slots_per_epoch: 1, ..sample() }.check(), Err(ParameterError::SlotsPerEpoch(1)));
        assert_eq!(ChainParameters { validators: 0, ..sample() }.check(), Err(ParameterError::Validators(0)));
    }
}
