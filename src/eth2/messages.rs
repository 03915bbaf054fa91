//! Requests and answers between two nodes (`specs/phase0/p2p-interface.md`, "Messages"; `specs/altair` for `MetaData` 2,
//! `specs/fulu` for `Status` 2). Each is SSZ; byte lengths are given, because readers check them before decoding.

use ssz_derive::{Decode, Encode};

use super::blocks::{Epoch, Root, Slot};
use super::protocol::MAX_REQUEST_BLOCKS;

/// What a node holds for its chain; 84 bytes. The dialler sends it first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Status {
    /// The network and fork.
    pub fork_digest: [u8; 4],
    /// Root of the finalised checkpoint; zero for genesis.
    pub finalized_root: Root,
    /// Epoch of the finalised checkpoint.
    pub finalized_epoch: Epoch,
    /// Root of the head.
    pub head_root: Root,
    /// Slot of the head.
    pub head_slot: Slot,
}

/// [`Status`] from fulu on; 92 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct StatusV2 {
    /// The network and fork.
    pub fork_digest: [u8; 4],
    /// Root of the finalised checkpoint; zero for genesis.
    pub finalized_root: Root,
    /// Epoch of the finalised checkpoint.
    pub finalized_epoch: Epoch,
    /// Root of the head.
    pub head_root: Root,
    /// Slot of the head.
    pub head_slot: Slot,
    /// The first slot whose block can be asked for.
    pub earliest_available_slot: Slot,
}

/// The sender's metadata sequence number; 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[ssz(struct_behaviour = "transparent")]
pub struct Ping {
    /// Grows whenever the sender's metadata changes.
    pub sequence_number: u64,
}

/// Why a node hangs up; 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[ssz(struct_behaviour = "transparent")]
pub struct Goodbye {
    /// See [`GoodbyeReason`] for the numbers with a meaning.
    pub reason: u64,
}

/// Reasons with a number that clients agree about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GoodbyeReason {
    /// 1: the node stops.
    Shutdown,
    /// 2: another network, or a chain that contradicts ours.
    IrrelevantNetwork,
    /// 3: the other side broke the protocol.
    Fault,
    /// 129: no room (a number of Lighthouse that others follow).
    TooManyPeers,
}

impl From<GoodbyeReason> for Goodbye {
    fn from(reason: GoodbyeReason) -> Self {
        let reason = match reason {
            GoodbyeReason::Shutdown => 1,
            GoodbyeReason::IrrelevantNetwork => 2,
            GoodbyeReason::Fault => 3,
            GoodbyeReason::TooManyPeers => 129,
        };
        Self { reason }
    }
}

/// Metadata of phase 0; 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct MetaDataV1 {
    /// Grows whenever the rest changes.
    pub sequence_number: u64,
    /// Attestation subnets that the node listens to for long: one bit each, lowest bit of the first byte first.
    pub attnets: [u8; 8],
}

/// Metadata since altair; 17 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct MetaDataV2 {
    /// Grows whenever the rest changes.
    pub sequence_number: u64,
    /// Attestation subnets that the node listens to for long.
    pub attnets: [u8; 8],
    /// Sync committee subnets: the low four bits.
    pub syncnets: [u8; 1],
}

impl From<MetaDataV2> for MetaDataV1 {
    fn from(metadata: MetaDataV2) -> Self {
        Self { sequence_number: metadata.sequence_number, attnets: metadata.attnets }
    }
}

/// Blocks of the sender's canonical chain with `start_slot <= slot < start_slot + count`; 24 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BlocksByRangeRequest {
    /// The first slot.
    pub start_slot: Slot,
    /// How many slots.
    pub count: u64,
    /// Always 1 since altair; version 1 of the protocol knew others.
    pub step: u64,
}

/// Blocks by their roots; 32 bytes for each.
pub type BlocksByRootRequest = Vec<Root>;

/// Writes a list of roots as the protocol has it: bare, one after the other.
pub fn encode_blocks_by_root(roots: &[Root]) -> Vec<u8> {
    roots.iter().flat_map(|root| root.iter().copied()).collect()
}

/// Reads a list of roots; `None` if the length is no multiple of 32 or there are more than [`MAX_REQUEST_BLOCKS`].
pub fn decode_blocks_by_root(bytes: &[u8]) -> Option<BlocksByRootRequest> {
    let (roots, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() || roots.len() as u64 > MAX_REQUEST_BLOCKS {
        return None;
    }
    Some(roots.iter().map(|root| Root::from(*root)).collect())
}

#[cfg(test)]
mod tests {
    use ssz::{Decode as _, Encode as _};

    use super::*;

    #[test]
    fn lengths_are_those_of_the_specification() {
        assert_eq!(Status::default().as_ssz_bytes().len(), 84);
        assert_eq!(StatusV2::default().as_ssz_bytes().len(), 92);
        assert_eq!(Ping { sequence_number: 1 }.as_ssz_bytes(), [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Goodbye::from(GoodbyeReason::TooManyPeers).as_ssz_bytes(), [129, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(MetaDataV1::default().as_ssz_bytes().len(), 16);
        assert_eq!(MetaDataV2::default().as_ssz_bytes().len(), 17);
        assert_eq!(BlocksByRangeRequest { start_slot: 0, count: 1, step: 1 }.as_ssz_bytes().len(), 24);
    }

    #[test]
    fn a_list_of_roots_is_bare_and_bounded() {
        let roots = vec![Root::repeat_byte(1), Root::repeat_byte(2)];
        let bytes = encode_blocks_by_root(&roots);
        assert_eq!(bytes.len(), 64);
        assert_eq!(decode_blocks_by_root(&bytes), Some(roots));
        assert_eq!(decode_blocks_by_root(&bytes[1..]), None);
        assert_eq!(decode_blocks_by_root(&vec![0; 32 * 1025]), None);
    }

    #[test]
    fn a_status_of_a_wrong_length_is_refused() {
        let bytes = Status { head_slot: 5, ..Status::default() }.as_ssz_bytes();
        assert_eq!(Status::from_ssz_bytes(&bytes).unwrap().head_slot, 5);
        assert!(Status::from_ssz_bytes(&bytes[1..]).is_err());
    }
}
