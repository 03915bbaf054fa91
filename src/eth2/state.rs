//! Parts of a beacon state (`specs/phase0/beacon-chain.md` and its successors up to electra, "Containers"), for genesis.
//!
//! The lengths of a state's vectors depend on the preset, which a scenario chooses, so the state itself is a list of fields
//! with lengths from [`PresetSizes`] and no type of its own.

use ssz::SszEncoder;
use ssz_derive::{Decode, Encode};
use ssz_types::{VariableList, typenum};
use tree_hash::{Hash256, MerkleHasher, TreeHash};
use tree_hash_derive::TreeHash;

use super::{Epoch, Root};

/// The registry of validators (`VALIDATOR_REGISTRY_LIMIT`, 2^40).
pub type Validators = VariableList<Validator, typenum::U1099511627776>;

/// A state's fork (`Fork`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TreeHash)]
pub struct StateFork {
    /// Version before.
    pub previous_version: [u8; 4],
    /// Version now.
    pub current_version: [u8; 4],
    /// Since when.
    pub epoch: Epoch,
}

/// What the chain knows of the deposit contract (`Eth1Data`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TreeHash)]
pub struct Eth1Data {
    /// Root of the contract's tree.
    pub deposit_root: Root,
    /// Number of deposits.
    pub deposit_count: u64,
    /// The execution block at which that was so.
    pub block_hash: Root,
}

/// A validator.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TreeHash)]
pub struct Validator {
    /// BLS public key, compressed.
    pub pubkey: [u8; 48],
    /// Who may withdraw.
    pub withdrawal_credentials: Root,
    /// Gwei that count for votes.
    pub effective_balance: u64,
    /// Whether it was slashed.
    pub slashed: bool,
    /// When it could be activated.
    pub activation_eligibility_epoch: Epoch,
    /// When it was.
    pub activation_epoch: Epoch,
    /// When it leaves.
    pub exit_epoch: Epoch,
    /// When its money is free.
    pub withdrawable_epoch: Epoch,
}

/// The last execution block as the state knows it (`ExecutionPayloadHeader` of deneb, the same in electra).
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, TreeHash)]
pub struct ExecutionPayloadHeader {
    /// Hash of the block before it.
    pub parent_hash: Root,
    /// Whom its fees go to.
    pub fee_recipient: [u8; 20],
    /// Root of the accounts.
    pub state_root: Root,
    /// Root of the receipts.
    pub receipts_root: Root,
    /// Bloom filter of the logs.
    pub logs_bloom: ssz_types::FixedVector<u8, typenum::U256>,
    /// Randomness.
    pub prev_randao: Root,
    /// Height.
    pub block_number: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// Gas used.
    pub gas_used: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// Free bytes.
    pub extra_data: VariableList<u8, typenum::U32>,
    /// Price of a unit of gas in wei, a little-endian number of 32 bytes.
    pub base_fee_per_gas: Root,
    /// Its hash.
    pub block_hash: Root,
    /// Root of its transactions (SSZ).
    pub transactions_root: Root,
    /// Root of its withdrawals (SSZ).
    pub withdrawals_root: Root,
    /// Blob gas used.
    pub blob_gas_used: u64,
    /// Blob gas that earlier blocks used too much.
    pub excess_blob_gas: u64,
}

/// `MAX_BLOB_COMMITMENTS_PER_BLOCK`: of both presets since v1.6.0 of the specification; `minimal` had 32 before.
const MAX_BLOB_COMMITMENTS_PER_BLOCK: usize = 4096;
/// `MAX_DEPOSIT_REQUESTS_PER_PAYLOAD`: of both presets since v1.5.0 of the specification; `minimal` had 4 before.
const MAX_DEPOSIT_REQUESTS_PER_PAYLOAD: usize = 8192;
/// `MAX_WITHDRAWAL_REQUESTS_PER_PAYLOAD`: of both presets since v1.5.0 of the specification; `minimal` had 2 before.
const MAX_WITHDRAWAL_REQUESTS_PER_PAYLOAD: usize = 16;
/// `MAX_CONSOLIDATION_REQUESTS_PER_PAYLOAD`.
const MAX_CONSOLIDATION_REQUESTS_PER_PAYLOAD: usize = 2;

/// Sizes that a preset fixes (`presets/*/*.yaml`), as far as a genesis state depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresetSizes {
    /// `SLOTS_PER_HISTORICAL_ROOT`.
    pub slots_per_historical_root: usize,
    /// `EPOCHS_PER_HISTORICAL_VECTOR`.
    pub epochs_per_historical_vector: usize,
    /// `EPOCHS_PER_SLASHINGS_VECTOR`.
    pub epochs_per_slashings_vector: usize,
    /// `SYNC_COMMITTEE_SIZE`.
    pub sync_committee_size: usize,
    /// `SHUFFLE_ROUND_COUNT`.
    pub shuffle_round_count: u8,
    /// `MAX_WITHDRAWALS_PER_PAYLOAD`.
    pub max_withdrawals_per_payload: usize,
}

impl PresetSizes {
    /// The preset `mainnet`.
    pub const MAINNET: Self = Self {
        slots_per_historical_root: 8192,
        epochs_per_historical_vector: 65536,
        epochs_per_slashings_vector: 8192,
        sync_committee_size: 512,
        shuffle_round_count: 90,
        max_withdrawals_per_payload: 16,
    };
    /// The preset `minimal`.
    pub const MINIMAL: Self = Self {
        slots_per_historical_root: 64,
        epochs_per_historical_vector: 64,
        epochs_per_slashings_vector: 64,
        sync_committee_size: 32,
        shuffle_round_count: 10,
        max_withdrawals_per_payload: 4,
    };
}

/// An encoded field of a container whose type is not known to the compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the specification.
    pub name: &'static str,
    /// Whether all its values have one length.
    pub fixed: bool,
    /// Its SSZ encoding.
    pub bytes: Vec<u8>,
}

impl Field {
    /// A field of a type with an encoding of its own.
    pub fn new<T: ssz::Encode>(name: &'static str, value: &T) -> Self {
        Self { name, fixed: T::is_ssz_fixed_len(), bytes: ssz::Encode::as_ssz_bytes(value) }
    }

    /// A vector: as many items as the type says.
    pub fn vector(name: &'static str, bytes: Vec<u8>) -> Self {
        Self { name, fixed: true, bytes }
    }

    /// A list: any number of items.
    pub fn list(name: &'static str, bytes: Vec<u8>) -> Self {
        Self { name, fixed: false, bytes }
    }
}

/// The SSZ encoding of a container.
pub fn encode_container(fields: &[Field]) -> Vec<u8> {
    let fixed = fields.iter().map(|field| if field.fixed { field.bytes.len() } else { ssz::BYTES_PER_LENGTH_OFFSET });
    let mut encoded = Vec::with_capacity(fields.iter().map(|field| field.bytes.len()).sum::<usize>() + 512);
    let mut encoder = SszEncoder::container(&mut encoded, fixed.sum());
    for field in fields {
        encoder.append_parameterized(field.fixed, |buffer| buffer.extend_from_slice(&field.bytes));
    }
    encoder.finalize();
    encoded
}

/// The hash tree root of a container with these field roots.
pub fn container_root(fields: &[Root]) -> Root {
    let mut hasher = MerkleHasher::with_leaves(fields.len());
    for field in fields {
        hasher.write(field.as_slice()).expect("as many leaves as were announced");
    }
    hasher.finish().expect("a root")
}

/// The hash tree root of a list without items that can have up to `limit` chunks.
pub fn empty_list_root(limit: usize) -> Root {
    let zeros = MerkleHasher::with_leaves(limit).finish().expect("a root");
    tree_hash::mix_in_length(&zeros, 0)
}

/// The hash tree root of a vector of so many chunks of zeros.
pub(super) fn zero_vector_root(chunks: usize) -> Root {
    MerkleHasher::with_leaves(chunks).finish().expect("a root")
}

/// The root of the body of the block that a chain begins with: nothing is in it. `electra` is whether it has the
/// execution requests (EIP-7685) and the shorter lists (EIP-7549) of electra.
pub fn empty_body_root(sizes: &PresetSizes, electra: bool) -> Root {
    let zero = Hash256::ZERO;
    // A byte list or list of basic values with at most 32 bytes has one chunk.
    let extra_data = empty_list_root(1);
    let payload = container_root(&[
        zero,
        zero,
        zero,
        zero,
        zero_vector_root(8),
        zero,
        zero,
        zero,
        zero,
        zero,
        extra_data,
        zero,
        zero,
        empty_list_root(1 << 20),
        empty_list_root(sizes.max_withdrawals_per_payload),
        zero,
        zero,
    ]);
    let signature = zero_vector_root(3);
    let sync_aggregate = container_root(&[zero_vector_root(sizes.sync_committee_size.div_ceil(256)), signature]);
    let mut fields = vec![
        signature,
        Eth1Data::default().tree_hash_root(),
        zero,
        empty_list_root(16),
        empty_list_root(if electra { 1 } else { 2 }),
        empty_list_root(if electra { 8 } else { 128 }),
        empty_list_root(16),
        empty_list_root(16),
        sync_aggregate,
        payload,
        empty_list_root(16),
        empty_list_root(MAX_BLOB_COMMITMENTS_PER_BLOCK),
    ];
    if electra {
        fields.push(container_root(&[
            empty_list_root(MAX_DEPOSIT_REQUESTS_PER_PAYLOAD),
            empty_list_root(MAX_WITHDRAWAL_REQUESTS_PER_PAYLOAD),
            empty_list_root(MAX_CONSOLIDATION_REQUESTS_PER_PAYLOAD),
        ]));
    }
    container_root(&fields)
}

#[cfg(test)]
mod tests {
    use ssz::Encode as _;

    use super::*;

    #[test]
    fn containers_of_fields_encode_as_derived_ones_do() {
        let header = ExecutionPayloadHeader {
            timestamp: 7,
            extra_data: vec![1, 2, 3].try_into().expect("short"),
            ..ExecutionPayloadHeader::default()
        };
        let pair = [Field::new("time", &9_u64), Field::new("header", &header), Field::vector("tail", vec![5; 4])];
        let encoded = encode_container(&pair);
        assert_eq!(encoded[..8], 9_u64.to_le_bytes());
        assert_eq!(encoded[8..12], 16_u32.to_le_bytes(), "the offset of what has no fixed length");
        assert_eq!(encoded[12..16], [5; 4]);
        assert_eq!(encoded[16..], header.as_ssz_bytes());
    }

    #[test]
    fn empty_lists_have_the_roots_of_typed_ones() {
        let list = VariableList::<Root, typenum::U16>::empty();
        assert_eq!(empty_list_root(16), list.tree_hash_root());
        assert_eq!(empty_list_root(1), VariableList::<u8, typenum::U32>::empty().tree_hash_root());
        assert_eq!(container_root(&[Root::ZERO; 3]), Eth1Data::default().tree_hash_root());
    }
}
