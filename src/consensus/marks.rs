//! Marks: what stands where a real chain has BLS signatures.
//!
//! A mark is a plain SHA-256 over what would be signed, so it costs nothing to make and finds damaged messages. It proves
//! nothing about who made a message: **anybody can make any mark**. The bundled client only ever runs in sealed networks
//! of its own, where cheap blocks are worth more than honest ones.

use sha2::{Digest, Sha256};

use crate::eth2::{AttestationData, MarkBytes, Root, ValidatorIndex};
use tree_hash::TreeHash as _;

/// The mark of a block with this root by this proposer.
pub fn block_mark(block_root: Root, proposer: ValidatorIndex) -> MarkBytes {
    mark(b"block", block_root, proposer)
}

/// The mark of a statement. It is the same for every member of the committee, so statements of several members are put
/// together by joining their bits.
pub fn attestation_mark(data: &AttestationData) -> MarkBytes {
    mark(b"attestation", data.tree_hash_root(), 0)
}

fn mark(domain: &[u8], root: Root, number: u64) -> MarkBytes {
    let mut hash = Sha256::new();
    hash.update(b"splitbrain mark v1");
    hash.update(domain);
    hash.update(root);
    hash.update(number.to_le_bytes());
    let mut bytes = [0; 96];
    bytes[..32].copy_from_slice(&<[u8; 32]>::from(hash.finalize()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_depends_on_all_that_it_covers() {
        let root = Root::repeat_byte(1);
        assert_eq!(block_mark(root, 1), block_mark(root, 1));
        assert_ne!(block_mark(root, 1), block_mark(root, 2));
        assert_ne!(block_mark(root, 1), block_mark(Root::repeat_byte(2), 1));
        let data = AttestationData::default();
        assert_ne!(attestation_mark(&data), attestation_mark(&AttestationData { slot: 1, ..data }));
    }
}
