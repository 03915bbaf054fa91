//! The consensus layer's genesis state in SSZ (`specs/*/beacon-chain.md`, "BeaconState", deneb and electra).
//!
//! Where the specification leaves a choice, the choice is the one of `prysmctl testnet generate-genesis`, whose states the
//! vectors in `tests/vectors/genesis` come from: no deposit stands in the eth1 data and none counts as processed (an index
//! above the deposit count makes every block invalid: "verify operation lengths").
//! The one difference is `deposit_requests_start_index` of electra, which is "unset" as the specification begins it.

use alloy_primitives::B256;
use sha2::{Digest, Sha256};
use ssz::Encode as _;
use tree_hash::TreeHash as _;

use super::config_yaml::fork_version;
use super::interop_keys::{Pubkey, public_keys};
use super::{Fork, sync_committee};
use crate::eth2::{
    BeaconBlockHeader, Checkpoint, Eth1Data, ExecutionPayloadHeader, FAR_FUTURE_EPOCH, Field, PresetSizes, StateFork,
    Validator, Validators, empty_body_root, empty_list_root,
};

/// `MAX_EFFECTIVE_BALANCE` in gwei: what every validator has.
const BALANCE: u64 = 32_000_000_000;
/// `BLS_WITHDRAWAL_PREFIX`.
const BLS_WITHDRAWAL_PREFIX: u8 = 0;
/// `UNSET_DEPOSIT_REQUESTS_START_INDEX` (EIP-6110).
const UNSET: u64 = u64::MAX;
/// Depth of the deposit contract's tree (`DEPOSIT_CONTRACT_TREE_DEPTH`).
const DEPOSIT_TREE_DEPTH: u32 = 32;

/// The part of a genesis state that takes time and does not depend on the genesis time.
#[derive(Clone, Debug)]
pub(super) struct Registry {
    keys: Vec<Pubkey>,
    validators: Vec<u8>,
    pub(super) root: B256,
}

impl Registry {
    /// Makes keys and validators.
    pub(super) fn new(count: u32) -> Self {
        let keys = public_keys(count);
        let validators: Vec<Validator> = keys.iter().map(validator).collect();
        let validators = Validators::try_from(validators).expect("fewer than 2^40");
        Self { keys, root: validators.tree_hash_root(), validators: validators.as_ssz_bytes() }
    }
}

fn validator(key: &Pubkey) -> Validator {
    let mut withdrawal_credentials: [u8; 32] = Sha256::digest(key).into();
    withdrawal_credentials[0] = BLS_WITHDRAWAL_PREFIX;
    Validator {
        pubkey: *key,
        withdrawal_credentials: withdrawal_credentials.into(),
        effective_balance: BALANCE,
        slashed: false,
        activation_eligibility_epoch: 0,
        activation_epoch: 0,
        exit_epoch: FAR_FUTURE_EPOCH,
        withdrawable_epoch: FAR_FUTURE_EPOCH,
    }
}

/// The execution block that the chain begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExecutionBlock {
    pub(super) hash: B256,
    pub(super) state_root: B256,
    pub(super) gas_limit: u64,
    pub(super) base_fee: u64,
}

impl ExecutionBlock {
    fn header(&self, time: u64, sizes: &PresetSizes) -> ExecutionPayloadHeader {
        let mut base_fee = [0; 32];
        base_fee[..8].copy_from_slice(&self.base_fee.to_le_bytes());
        ExecutionPayloadHeader {
            state_root: self.state_root,
            receipts_root: alloy_trie::EMPTY_ROOT_HASH,
            gas_limit: self.gas_limit,
            timestamp: time,
            base_fee_per_gas: base_fee.into(),
            block_hash: self.hash,
            transactions_root: empty_list_root(1 << 20),
            withdrawals_root: empty_list_root(sizes.max_withdrawals_per_payload),
            ..ExecutionPayloadHeader::default()
        }
    }
}

/// All fields of the state, in order.
pub(super) fn fields(
    registry: &Registry,
    fork: Fork,
    sizes: &PresetSizes,
    time: u64,
    block: &ExecutionBlock,
) -> Vec<Field> {
    let electra = fork == Fork::Electra;
    let count = registry.keys.len();
    let committee = sync_committee::encoded(
        &registry.keys,
        block.hash.0,
        sizes.sync_committee_size,
        sizes.shuffle_round_count,
        electra,
    );
    let (previous, current) = if electra { ("DENEB", "ELECTRA") } else { ("CAPELLA", "DENEB") };
    let state_fork =
        StateFork { previous_version: fork_version(previous), current_version: fork_version(current), epoch: 0 };
    let header = BeaconBlockHeader { body_root: empty_body_root(sizes, electra), ..BeaconBlockHeader::default() };
    let eth1 = Eth1Data { deposit_root: empty_deposit_root(), deposit_count: 0, block_hash: block.hash };
    let roots = vec![0; 32 * sizes.slots_per_historical_root];
    let checkpoint = Checkpoint::default();
    let mut fields = vec![
        Field::new("genesis_time", &time),
        Field::new("genesis_validators_root", &registry.root),
        Field::new("slot", &0_u64),
        Field::new("fork", &state_fork),
        Field::new("latest_block_header", &header),
        Field::vector("block_roots", roots.clone()),
        Field::vector("state_roots", roots),
        Field::list("historical_roots", Vec::new()),
        Field::new("eth1_data", &eth1),
        Field::list("eth1_data_votes", Vec::new()),
        Field::new("eth1_deposit_index", &0_u64),
        Field::list("validators", registry.validators.clone()),
        Field::list("balances", BALANCE.to_le_bytes().repeat(count)),
        Field::vector("randao_mixes", block.hash.0.repeat(sizes.epochs_per_historical_vector)),
        Field::vector("slashings", vec![0; 8 * sizes.epochs_per_slashings_vector]),
        Field::list("previous_epoch_participation", vec![0; count]),
        Field::list("current_epoch_participation", vec![0; count]),
        Field::vector("justification_bits", vec![0]),
        Field::new("previous_justified_checkpoint", &checkpoint),
        Field::new("current_justified_checkpoint", &checkpoint),
        Field::new("finalized_checkpoint", &checkpoint),
        Field::list("inactivity_scores", vec![0; 8 * count]),
        Field::vector("current_sync_committee", committee.clone()),
        Field::vector("next_sync_committee", committee),
        Field::new("latest_execution_payload_header", &block.header(time, sizes)),
        Field::new("next_withdrawal_index", &0_u64),
        Field::new("next_withdrawal_validator_index", &0_u64),
        Field::list("historical_summaries", Vec::new()),
    ];
    if electra {
        fields.extend([
            Field::new("deposit_requests_start_index", &UNSET),
            Field::new("deposit_balance_to_consume", &0_u64),
            Field::new("exit_balance_to_consume", &0_u64),
            Field::new("earliest_exit_epoch", &0_u64),
            Field::new("consolidation_balance_to_consume", &0_u64),
            Field::new("earliest_consolidation_epoch", &0_u64),
            Field::list("pending_deposits", Vec::new()),
            Field::list("pending_partial_withdrawals", Vec::new()),
            Field::list("pending_consolidations", Vec::new()),
        ]);
    }
    fields
}

/// Root of the deposit contract's tree without a deposit.
fn empty_deposit_root() -> B256 {
    empty_list_root(1_usize << DEPOSIT_TREE_DEPTH)
}
