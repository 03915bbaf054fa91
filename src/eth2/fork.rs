//! Fork digests: four bytes that keep networks apart (`specs/phase0/beacon-chain.md`, `compute_fork_digest`;
//! `specs/fulu/beacon-chain.md` for the rule with blob parameters).

use sha2::{Digest, Sha256};
use ssz_derive::{Decode, Encode};
use tree_hash::TreeHash;
use tree_hash_derive::TreeHash;

use super::blocks::{Epoch, Root};

/// "Never" (`FAR_FUTURE_EPOCH`).
pub const FAR_FUTURE_EPOCH: Epoch = u64::MAX;

/// What a digest before fulu is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TreeHash)]
pub struct ForkData {
    /// Version of the fork's rules.
    pub current_version: [u8; 4],
    /// Root of the validators at genesis: what tells one network from another.
    pub genesis_validators_root: Root,
}

/// The `eth2` entry of a node record (`ENRForkID`, 16 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EnrForkId {
    /// Digest of the fork in force.
    pub fork_digest: [u8; 4],
    /// Version of the next planned fork, or the version in force.
    pub next_fork_version: [u8; 4],
    /// Epoch of the next planned fork, or [`FAR_FUTURE_EPOCH`].
    pub next_fork_epoch: Epoch,
}

/// An entry of fulu's `BLOB_SCHEDULE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobParameters {
    /// The epoch from which the limit holds.
    pub epoch: Epoch,
    /// Blobs in one block.
    pub max_blobs_per_block: u64,
}

/// The whole root that digests are the beginning of.
pub fn compute_fork_data_root(current_version: [u8; 4], genesis_validators_root: Root) -> Root {
    ForkData { current_version, genesis_validators_root }.tree_hash_root()
}

/// The digest of every fork before fulu.
pub fn compute_fork_digest(current_version: [u8; 4], genesis_validators_root: Root) -> [u8; 4] {
    first_four(compute_fork_data_root(current_version, genesis_validators_root))
}

/// The digest from fulu on: blob parameters are mixed in, so that a change of them alone makes a new digest.
pub fn compute_fork_digest_fulu(
    current_version: [u8; 4],
    genesis_validators_root: Root,
    blobs: BlobParameters,
) -> [u8; 4] {
    let base = compute_fork_data_root(current_version, genesis_validators_root);
    let mut hash = Sha256::new();
    hash.update(blobs.epoch.to_le_bytes());
    hash.update(blobs.max_blobs_per_block.to_le_bytes());
    let mask = Root::from(<[u8; 32]>::from(hash.finalize()));
    first_four(base ^ mask)
}

fn first_four(root: Root) -> [u8; 4] {
    [root[0], root[1], root[2], root[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the mainnet row of `tests/vectors/wire/fork-digests.yaml`.
    #[test]
    fn mainnet_digests_are_those_of_the_public_network() {
        let root =
            super::super::root_from_hex("0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95").unwrap();
        for (version, digest) in
            [(0, "b5303f2a"), (1, "afcaaba0"), (2, "4a26c58b"), (3, "bba4da96"), (4, "6a95a1a9"), (5, "ad532ceb")]
        {
            assert_eq!(hex::encode(compute_fork_digest([version, 0, 0, 0], root)), digest);
        }
        for (epoch, max_blobs_per_block, digest) in [(412_672, 15, "cb0d1acc"), (419_072, 21, "8c9f62fe")] {
            let blobs = BlobParameters { epoch, max_blobs_per_block };
            assert_eq!(hex::encode(compute_fork_digest_fulu([6, 0, 0, 0], root, blobs)), digest);
        }
    }

    /// Values of the `fulu_rule` rows of `tests/vectors/wire/fork-digests.yaml`.
    #[test]
    fn blob_parameters_change_the_digest() {
        for (epoch, max_blobs_per_block, root, digest) in [
            (9, 9, 0, "ab3ae6c8"),
            (100, 100, 0, "df67557b"),
            (150, 175, 0, "8ab38b59"),
            (200, 200, 0, "d9b81438"),
            (250, 275, 0, "4ef32a62"),
            (300, 300, 0, "ca100d64"),
            (9, 9, 1, "89671111"),
            (9, 9, 2, "f49b0e24"),
            (9, 9, 3, "86544e4f"),
            (100, 100, 1, "fd3aa2a2"),
        ] {
            let blobs = BlobParameters { epoch, max_blobs_per_block };
            let digest_seen = compute_fork_digest_fulu([6, 0, 0, 0], Root::repeat_byte(root), blobs);
            assert_eq!(hex::encode(digest_seen), digest, "epoch {epoch}, root {root}");
        }
    }
}
