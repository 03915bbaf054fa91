//! Both layers' genesis files together. What takes time is made before the genesis time is known, the rest after.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use serde::Serialize;

use super::beacon_state::{ExecutionBlock, Registry, fields};
use super::execution::{BASE_FEE, Execution};
use super::system_contracts::system_contracts;
use super::{Account, Fork, Pos, Preset, accounts};
use crate::eth2::{Field, encode_container};

/// All that the genesis files of a post-merge chain depend on, besides the genesis time. Part of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PostMerge {
    /// The fork at genesis.
    pub fork: Fork,
    /// Seconds from genesis to electra and prague; `None` if they never come.
    pub electra_after: Option<u64>,
    /// Number of validators.
    pub validators: u32,
    /// Sizes of the consensus layer.
    pub preset: Preset,
    /// Chain id of the execution layer.
    pub chain_id: u64,
    /// Gas limit of its blocks.
    pub gas_limit: u64,
    /// Its accounts: those with money, those that the scenario wrote, and the contracts that the forks need.
    pub alloc: BTreeMap<String, Account>,
}

/// Keys, validators and accounts, made; the genesis time is still open.
#[derive(Clone, Debug)]
pub struct Prepared {
    recipe: PostMerge,
    registry: Registry,
    state_root: B256,
}

/// The genesis files.
#[derive(Clone, Debug)]
pub struct GenesisFiles {
    /// The execution layer's, in go-ethereum's form.
    pub json: String,
    /// The consensus layer's state in SSZ.
    pub ssz: Vec<u8>,
    /// Hash of the execution layer's block 0.
    pub execution_hash: [u8; 32],
    /// Root of the validators, by which consensus clients tell networks apart.
    pub validators_root: [u8; 32],
}

impl PostMerge {
    /// From the chain and the addresses of the accounts that get money.
    pub fn new(pos: &Pos, funded: &[[u8; 20]]) -> Self {
        let mut alloc: BTreeMap<String, Account> = system_contracts(pos.electra.is_some()).collect();
        alloc.extend(funded.iter().map(|address| {
            let account = Account { balance: accounts::FUNDS.to_owned(), ..Account::default() };
            (format!("0x{}", hex::encode(address)), account)
        }));
        alloc.extend(pos.alloc.clone());
        Self {
            fork: pos.fork,
            electra_after: pos.electra.map(|epoch| epoch * pos.slots_per_epoch * pos.slot.as_secs()),
            validators: pos.validators,
            preset: pos.preset,
            chain_id: pos.chain_id,
            gas_limit: pos.gas_limit,
            alloc,
        }
    }

    /// Makes what does not depend on the genesis time: the keys of many validators take seconds.
    pub fn prepare(self) -> Prepared {
        let registry = Registry::new(self.validators);
        let state_root = self.execution().state_root();
        Prepared { recipe: self, registry, state_root }
    }

    fn execution(&self) -> Execution<'_> {
        Execution {
            chain_id: self.chain_id,
            gas_limit: self.gas_limit,
            alloc: &self.alloc,
            prague_after: self.electra_after,
        }
    }
}

impl Prepared {
    /// The files for a genesis at this second since 1970.
    pub fn finish(&self, time: u64) -> GenesisFiles {
        let (fields, block) = self.state(time);
        GenesisFiles {
            json: self.recipe.execution().json(time),
            ssz: encode_container(&fields),
            execution_hash: block.hash.0,
            validators_root: self.registry.root.0,
        }
    }

    /// The consensus state by fields, for comparison.
    pub fn fields(&self, time: u64) -> Vec<Field> {
        self.state(time).0
    }

    fn state(&self, time: u64) -> (Vec<Field>, ExecutionBlock) {
        let recipe = &self.recipe;
        let block = ExecutionBlock {
            hash: recipe.execution().block_hash(time, self.state_root),
            state_root: self.state_root,
            gas_limit: recipe.gas_limit,
            base_fee: BASE_FEE,
        };
        (fields(&self.registry, recipe.fork, recipe.preset.sizes(), time, &block), block)
    }
}
