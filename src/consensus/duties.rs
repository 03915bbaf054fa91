//! Who does what: the proposer and the committee of each slot, drawn from the chain's seed and the epoch's number.

use sha2::{Digest, Sha256};

use super::parameters::ChainParameters;
use crate::eth2::{Epoch, Slot, ValidatorIndex};

/// The duties of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochDuties {
    proposers: Vec<ValidatorIndex>,
    committees: Vec<Vec<ValidatorIndex>>,
}

impl EpochDuties {
    /// Draws the duties of an epoch. With at least as many validators as slots nobody proposes twice in an epoch;
    /// everybody sits in exactly one committee of an epoch, and committees differ by at most one member.
    pub fn draw(chain: &ChainParameters, epoch: Epoch) -> Self {
        let order = shuffle(chain.seed, "proposers", epoch, chain.validators);
        let seats = shuffle(chain.seed, "committees", epoch, chain.validators);
        let (slots, count) = (chain.slots_per_epoch as usize, seats.len());
        Self {
            proposers: (0..slots).map(|slot| order[slot % count]).collect(),
            committees: (0..slots)
                .map(|slot| {
                    let mut members = seats[count * slot / slots..count * (slot + 1) / slots].to_vec();
                    members.sort_unstable();
                    members
                })
                .collect(),
        }
    }

    /// Who makes the block of a slot of this epoch.
    pub fn proposer(&self, slot: Slot) -> ValidatorIndex {
        self.proposers[slot as usize % self.proposers.len()]
    }

    /// Who votes in a slot of this epoch, in ascending order; empty where there are fewer validators than slots.
    pub fn committee(&self, slot: Slot) -> &[ValidatorIndex] {
        &self.committees[slot as usize % self.committees.len()]
    }
}

/// The numbers `0..count` in an order that depends on seed, purpose and epoch alone: Fisher and Yates, fed from SHA-256.
pub fn shuffle(seed: u64, purpose: &str, epoch: Epoch, count: u64) -> Vec<u64> {
    let mut numbers: Vec<u64> = (0..count).collect();
    for place in (1..count).rev() {
        let mut hash = Sha256::new();
        hash.update(b"splitbrain shuffle v1");
        hash.update(seed.to_le_bytes());
        hash.update(epoch.to_le_bytes());
        hash.update(place.to_le_bytes());
        hash.update(purpose.as_bytes());
        let bytes: [u8; 32] = hash.finalize().into();
        let mut low = [0; 8];
        low.copy_from_slice(&bytes[..8]);
        // The bias of a remainder of 64 bits by at most 4096 is far below anything a test could see.
        numbers.swap(place as usize, (u64::from_le_bytes(low) % (place + 1)) as usize);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::parameters::sample;
    use super::*;

    #[test]
    fn the_order_never_changes_between_releases() {
        assert_eq!(shuffle(7, "proposers", 3, 8), shuffle(7, "proposers", 3, 8));
        assert_ne!(shuffle(7, "proposers", 3, 8), shuffle(7, "proposers", 4, 8));
        assert_ne!(shuffle(7, "proposers", 3, 8), shuffle(7, "committees", 3, 8));
        insta::assert_compact_debug_snapshot!(shuffle(7, "proposers", 3, 8));
    }

    proptest! {
        #[test]
        fn everybody_votes_once_in_an_epoch(validators in 1u64..200, slots_per_epoch in 2u64..40, epoch in 0u64..1000) {
            let chain = ChainParameters { slots_per_epoch, validators, ..sample() };
            let duties = EpochDuties::draw(&chain, epoch);
            let mut seen = BTreeSet::new();
            for slot in 0..slots_per_epoch {
                prop_assert!(duties.proposer(slot) < validators);
                for &member in duties.committee(slot) {
                    prop_assert!(seen.insert(member), "{} sits twice", member);
                }
            }
            prop_assert_eq!(seen.len() as u64, validators);
        }

        #[test]
        fn nobody_proposes_twice_where_there_are_enough(epoch in 0u64..1000) {
            let duties = EpochDuties::draw(&ChainParameters { slots_per_epoch: 8, validators: 8, ..sample() }, epoch);
            let proposers: BTreeSet<_> = (0..8).map(|slot| duties.proposer(slot)).collect();
            prop_assert_eq!(proposers.len(), 8);
        }
    }
}
