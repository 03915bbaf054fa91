//! Blocks and attestations: the shape of phase 0 (`specs/phase0/beacon-chain.md`, "Containers"), with a smaller body.

use ssz_derive::{Decode, Encode};
use ssz_types::{BitList, VariableList, typenum};
use tree_hash::{Hash256, TreeHash};
use tree_hash_derive::TreeHash;

/// A hash tree root: 32 bytes.
pub type Root = Hash256;
/// A slot number, counted from genesis.
pub type Slot = u64;
/// An epoch number, counted from genesis.
pub type Epoch = u64;
/// A validator's place in the registry.
pub type ValidatorIndex = u64;
/// One bit for each member of a committee; at most 2048 (`MAX_VALIDATORS_PER_COMMITTEE`).
pub type AttestationBits = BitList<typenum::U2048>;
/// The 96 bytes where a real chain has its BLS signature.
pub type MarkBytes = [u8; 96];

/// Attestations in one block (`MAX_ATTESTATIONS`).
pub const MAX_ATTESTATIONS: usize = 128;

/// A block at the start of an epoch, as votes name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, TreeHash)]
pub struct Checkpoint {
    /// The epoch.
    pub epoch: Epoch,
    /// Root of the last block at or before the epoch's first slot.
    pub root: Root,
}

/// What an attestation says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, TreeHash)]
pub struct AttestationData {
    /// The slot whose committee speaks.
    pub slot: Slot,
    /// The committee's number within the slot; the bundled client has one committee per slot, so it is 0.
    pub index: u64,
    /// The head that the committee sees (the vote of LMD-GHOST).
    pub beacon_block_root: Root,
    /// The justified checkpoint that the committee starts from.
    pub source: Checkpoint,
    /// The checkpoint that the committee wants to be justified.
    pub target: Checkpoint,
}

/// One statement of one or several members of a committee.
#[derive(Clone, Debug, PartialEq, Encode, Decode, TreeHash)]
pub struct Attestation {
    /// Who of the committee says so.
    pub aggregation_bits: AttestationBits,
    /// What they say.
    pub data: AttestationData,
    /// The mark that stands for a signature.
    pub signature: MarkBytes,
}

/// A block without its body (`BeaconBlockHeader`, 112 bytes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TreeHash)]
pub struct BeaconBlockHeader {
    /// Slot of the block.
    pub slot: Slot,
    /// Who made it.
    pub proposer_index: ValidatorIndex,
    /// Root of the block before it.
    pub parent_root: Root,
    /// Root of the state after it.
    pub state_root: Root,
    /// Root of its body.
    pub body_root: Root,
}

/// What a block carries.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, TreeHash)]
pub struct BeaconBlockBody {
    /// Free text of the proposer; the bundled client puts its node's name here, so that a block tells where it comes from.
    pub graffiti: [u8; 32],
    /// Votes, which the chain counts towards justification.
    pub attestations: VariableList<Attestation, typenum::U128>,
}

/// A block.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, TreeHash)]
pub struct BeaconBlock {
    /// Slot of the block.
    pub slot: Slot,
    /// Who made it.
    pub proposer_index: ValidatorIndex,
    /// Root of the block before it.
    pub parent_root: Root,
    /// Root of the state after it.
    pub state_root: Root,
    /// What it carries.
    pub body: BeaconBlockBody,
}

/// A block as it travels and as it lies on disk.
#[derive(Clone, Debug, PartialEq, Encode, Decode, TreeHash)]
pub struct SignedBeaconBlock {
    /// The block.
    pub message: BeaconBlock,
    /// The mark that stands for a signature.
    pub signature: MarkBytes,
}

impl BeaconBlock {
    /// The block's root: the same as the root of its header.
    pub fn root(&self) -> Root {
        self.tree_hash_root()
    }

    /// The block with its body replaced by the body's root.
    pub fn header(&self) -> BeaconBlockHeader {
        BeaconBlockHeader {
            slot: self.slot,
            proposer_index: self.proposer_index,
            parent_root: self.parent_root,
            state_root: self.state_root,
            body_root: self.body.tree_hash_root(),
        }
    }
}

impl BeaconBlockHeader {
    /// The header's root, equal to the root of the block it stands for.
    pub fn root(&self) -> Root {
        self.tree_hash_root()
    }
}

impl Attestation {
    /// Positions in the committee of those who speak, in ascending order.
    pub fn members(&self) -> Vec<usize> {
        self.aggregation_bits.iter().enumerate().filter_map(|(place, set)| set.then_some(place)).collect()
    }
}

/// A root as APIs write it: `0x` and 64 lower-case hex digits.
pub fn root_to_hex(root: &Root) -> String {
    format!("0x{}", hex::encode(root))
}

/// Reads a root as APIs write it; `None` if it is anything else than `0x` and 64 hex digits.
pub fn root_from_hex(text: &str) -> Option<Root> {
    let bytes: [u8; 32] = hex::decode(text.strip_prefix("0x")?).ok()?.try_into().ok()?;
    Some(Root::from(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ssz::{Decode as _, Encode as _};

    use super::*;

    fn sample() -> SignedBeaconBlock {
        let mut bits = AttestationBits::with_capacity(3).unwrap();
        bits.set(1, true).unwrap();
        let vote = Attestation {
            aggregation_bits: bits,
            data: AttestationData { slot: 6, ..AttestationData::default() },
            signature: [7; 96],
        };
        SignedBeaconBlock {
            message: BeaconBlock {
                slot: 7,
                proposer_index: 3,
                parent_root: Root::repeat_byte(1),
                state_root: Root::repeat_byte(2),
                body: BeaconBlockBody { graffiti: [9; 32], attestations: vec![vote].try_into().unwrap() },
            },
            signature: [5; 96],
        }
    }

    #[test]
    fn a_block_survives_the_wire() {
        let block = sample();
        assert_eq!(SignedBeaconBlock::from_ssz_bytes(&block.as_ssz_bytes()).unwrap(), block);
        assert_eq!(block.message.body.attestations[0].members(), [1]);
    }

    #[test]
    fn a_header_has_the_root_of_its_block() {
        let block = sample().message;
        assert_eq!(block.root(), block.header().root());
        assert_eq!(block.header().as_ssz_bytes().len(), 112);
    }

    /// Readers of foreign blocks look at these offsets (phase 0 to fulu alike).
    #[test]
    fn slot_proposer_parent_and_state_stand_where_every_fork_has_them() {
        let bytes = sample().as_ssz_bytes();
        assert_eq!(u32::from_le_bytes(bytes[..4].try_into().unwrap()), 100);
        assert_eq!(u64::from_le_bytes(bytes[100..108].try_into().unwrap()), 7);
        assert_eq!(u64::from_le_bytes(bytes[108..116].try_into().unwrap()), 3);
        assert_eq!(bytes[116..148], [1; 32]);
        assert_eq!(bytes[148..180], [2; 32]);
    }

    #[test]
    fn roots_read_back_as_they_are_written() {
        let root = Root::repeat_byte(0xab);
        assert_eq!(root_from_hex(&root_to_hex(&root)), Some(root));
        assert_eq!(root_from_hex("abab"), None);
        assert_eq!(root_from_hex("0xab"), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(block) = SignedBeaconBlock::from_ssz_bytes(&bytes) {
                prop_assert_eq!(block.as_ssz_bytes(), bytes.clone());
                let _ = block.message.root();
            }
            let _ = Attestation::from_ssz_bytes(&bytes);
        }

        #[test]
        fn a_block_with_bytes_changed_never_panics(place in 0usize..400, value in any::<u8>()) {
            let mut bytes = sample().as_ssz_bytes();
            let place = place % bytes.len();
            bytes[place] = value;
            if let Ok(block) = SignedBeaconBlock::from_ssz_bytes(&bytes) {
                let _ = block.message.root();
            }
        }
    }
}
