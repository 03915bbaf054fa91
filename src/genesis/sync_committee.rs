//! The sync committee of a genesis state (`specs/altair/beacon-chain.md`, `get_next_sync_committee`; electra draws it
//! anew, `specs/electra/beacon-chain.md`).

use sha2::{Digest, Sha256};

use super::interop_keys::{Pubkey, aggregate};

/// `DOMAIN_SYNC_COMMITTEE`.
const DOMAIN: [u8; 4] = [7, 0, 0, 0];
/// `MAX_EFFECTIVE_BALANCE` in ether: what every validator has at genesis.
const BALANCE: u64 = 32;
/// `MAX_EFFECTIVE_BALANCE_ELECTRA` in ether.
const MAX_BALANCE_ELECTRA: u64 = 2048;

/// The committee, encoded: `pubkeys` and `aggregate_pubkey`. At genesis all mixes of randomness are the same, and the
/// committees of this period and of the next are too.
pub(super) fn encoded(keys: &[Pubkey], mix: [u8; 32], size: usize, rounds: u8, electra: bool) -> Vec<u8> {
    // `get_seed` for epoch 1.
    let seed: [u8; 32] =
        Sha256::new().chain_update(DOMAIN).chain_update(1_u64.to_le_bytes()).chain_update(mix).finalize().into();
    let members = members(keys.len() as u64, &seed, size, rounds, electra);
    let own = || members.iter().map(|index| &keys[*index as usize]);
    let mut encoded: Vec<u8> = own().flatten().copied().collect();
    encoded.extend(aggregate(own()));
    encoded
}

/// Indices, with repetitions. All validators have the same balance.
fn members(count: u64, seed: &[u8; 32], size: usize, rounds: u8, electra: bool) -> Vec<u64> {
    let shuffle = Shuffle::new(count, seed, rounds);
    let mut members = Vec::with_capacity(size);
    let mut random = [0; 32];
    for candidate in 0_u64.. {
        if members.len() == size {
            break;
        }
        let values_in_hash = if electra { 16 } else { 32 };
        let place = (candidate % values_in_hash) as usize;
        if place == 0 {
            random = hash_with(seed, &(candidate / values_in_hash).to_le_bytes());
        }
        let taken = if electra {
            let value = u64::from(u16::from_le_bytes([random[2 * place], random[2 * place + 1]]));
            BALANCE * u64::from(u16::MAX) >= MAX_BALANCE_ELECTRA * value
        } else {
            // Nobody has less than the maximum, so any byte will do.
            BALANCE * u64::from(u8::MAX) >= BALANCE * u64::from(random[place])
        };
        if taken {
            members.push(shuffle.index(candidate % count));
        }
    }
    members
}

fn hash_with(seed: &[u8; 32], tail: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(seed).chain_update(tail).finalize().into()
}

/// `compute_shuffled_index` (phase 0) with its hashes made once: electra asks for some thirty thousand indices.
struct Shuffle {
    count: u64,
    /// For each round its pivot and the bits of all positions.
    rounds: Vec<(u64, Vec<[u8; 32]>)>,
}

impl Shuffle {
    fn new(count: u64, seed: &[u8; 32], rounds: u8) -> Self {
        let rounds = (0..rounds).map(|round| {
            let hash = hash_with(seed, &[round]);
            let pivot = u64::from_le_bytes(hash[..8].try_into().expect("eight bytes")) % count;
            let bits = (0..count.div_ceil(256)).map(|block| {
                let mut tail = vec![round];
                tail.extend((block as u32).to_le_bytes());
                hash_with(seed, &tail)
            });
            (pivot, bits.collect())
        });
        Self { count, rounds: rounds.collect() }
    }

    fn index(&self, mut index: u64) -> u64 {
        for (pivot, bits) in &self.rounds {
            let flip = (pivot + self.count - index) % self.count;
            let position = index.max(flip);
            let byte = bits[(position / 256) as usize][((position % 256) / 8) as usize];
            if (byte >> (position % 8)) & 1 == 1 {
                index = flip;
            }
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_shuffle_is_a_permutation() {
        for count in [1, 2, 33, 300] {
            let shuffle = Shuffle::new(count, &[9; 32], 90);
            let seen: BTreeSet<u64> = (0..count).map(|index| shuffle.index(index)).collect();
            assert_eq!(seen.len() as u64, count);
            assert!(seen.iter().all(|index| *index < count));
        }
    }

    #[test]
    fn committees_are_full_and_differ_between_forks() {
        let deneb = members(40, &[3; 32], 32, 10, false);
        let electra = members(40, &[3; 32], 32, 10, true);
        assert_eq!((deneb.len(), electra.len()), (32, 32));
        assert_ne!(deneb, electra);
        assert_eq!(deneb, members(40, &[3; 32], 32, 10, false));
    }
}
