//! Validator keys by the interop rule (eth2.0-pm, "interop/mocked_start"): everybody can compute them from an index, so a
//! validator client is told a range and no key file, if it knows the rule.

use std::num::NonZero;
use std::thread;

use alloy_primitives::{U256, uint};
use blst::min_pk::{AggregatePublicKey, PublicKey, SecretKey};
use sha2::{Digest, Sha256};

/// Order of the BLS12-381 group (draft-irtf-cfrg-pairing-friendly-curves, section 4.2.1).
const CURVE_ORDER: U256 = uint!(0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001_U256);

/// A compressed public key.
pub(super) type Pubkey = [u8; 48];

/// The private key of a validator: the hash of its index, as a little-endian number, modulo the group's order.
fn secret_key(index: u32) -> SecretKey {
    let mut text = [0; 32];
    text[..4].copy_from_slice(&index.to_le_bytes());
    let hash: [u8; 32] = Sha256::digest(text).into();
    let number = U256::from_le_bytes(hash) % CURVE_ORDER;
    SecretKey::from_bytes(&number.to_be_bytes::<32>())
        .expect("a hash that is a multiple of the order would be a discovery")
}

/// Both keys of a validator, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorKey {
    /// Big-endian number.
    pub private: [u8; 32],
    /// Compressed point.
    pub public: [u8; 48],
}

/// The keys of one validator.
pub fn validator_key(index: u32) -> ValidatorKey {
    let secret = secret_key(index);
    ValidatorKey { private: secret.to_bytes(), public: secret.sk_to_pk().compress() }
}

/// Public keys of the validators 0 to `count`, computed on all cores: each takes about a tenth of a millisecond.
pub(super) fn public_keys(count: u32) -> Vec<Pubkey> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let share = (count as usize).div_ceil(workers).max(1);
    let mut keys = vec![[0; 48]; count as usize];
    thread::scope(|scope| {
        for (part, keys) in keys.chunks_mut(share).enumerate() {
            scope.spawn(move || {
                for (index, key) in (part * share..).zip(keys) {
                    *key = secret_key(index as u32).sk_to_pk().compress();
                }
            });
        }
    });
    keys
}

/// The sum of public keys of this module.
pub(super) fn aggregate<'a>(keys: impl Iterator<Item = &'a Pubkey>) -> Pubkey {
    let points: Vec<PublicKey> = keys.map(|key| PublicKey::uncompress(key).expect("made above")).collect();
    let points: Vec<&PublicKey> = points.iter().collect();
    AggregatePublicKey::aggregate(&points, false).expect("at least one key").to_public_key().compress()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // eth2.0-pm, interop/mocked_start/keygen_10_validators.yaml
        let keys = public_keys(3);
        assert_eq!(
            hex::encode(keys[0]),
            "a99a76ed7796f7be22d5b7e85deeb7c5677e88e511e0b337618f8c4eb61349b4bf2d153f649f7b53359fe8b94a38e44c"
        );
        assert_eq!(
            hex::encode(keys[1]),
            "b89bebc699769726a318c8e9971bd3171297c61aea4a6578a7a4f94b547dcba5bac16a89108b6b6a1fe3695d1a874a0b"
        );
        assert_eq!(keys.len(), 3);
        assert_eq!(
            hex::encode(secret_key(0).to_bytes()),
            "25295f0d1d592a90b333e26e85149708208e9f8e8bc18f6c77bd62f8ad7a6866"
        );
    }

    #[test]
    fn one_key_alone_is_the_same() {
        assert_eq!(validator_key(1).public, public_keys(2)[1]);
    }

    #[test]
    fn the_number_of_workers_does_not_matter() {
        assert_eq!(public_keys(7)[..5], public_keys(5)[..]);
        assert!(public_keys(0).is_empty());
    }
}
