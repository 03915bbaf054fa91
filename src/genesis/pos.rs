//! Post-merge chains: an execution layer and a consensus layer that begin together, with the forks up to deneb or electra
//! in force from the start.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Account;
use crate::eth2::PresetSizes;
use crate::text::Span;

/// Where deposits go. No contract is there: nobody deposits on a network of a few minutes.
pub const DEPOSIT_CONTRACT: &str = "0x4242424242424242424242424242424242424242";

/// The fork that a chain begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fork {
    /// Deneb and cancun.
    Deneb,
    /// Electra and prague.
    Electra,
}

impl fmt::Display for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deneb => "deneb",
            Self::Electra => "electra",
        })
    }
}

/// Which sizes the consensus layer is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Those of the public network; epochs of 32 slots.
    Mainnet,
    /// The small ones, which some clients must be built for; epochs of 8 slots.
    Minimal,
    /// Those of the public network, with epochs as short as the scenario wants. Not every client takes them.
    Custom,
}

impl Preset {
    /// Its sizes.
    pub fn sizes(self) -> &'static PresetSizes {
        match self {
            Self::Mainnet | Self::Custom => &PresetSizes::MAINNET,
            Self::Minimal => &PresetSizes::MINIMAL,
        }
    }

    /// The word under `PRESET_BASE`.
    pub fn base(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Minimal => "minimal",
            Self::Custom => "interop",
        }
    }

    /// Slots of an epoch that the preset fixes.
    pub fn slots_per_epoch(self) -> Option<u64> {
        match self {
            Self::Mainnet => Some(32),
            Self::Minimal => Some(8),
            Self::Custom => None,
        }
    }
}

/// A post-merge chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pos {
    /// The fork at genesis.
    pub fork: Fork,
    /// Epoch of electra; 0 if the chain begins with it, `None` if it never comes.
    pub electra: Option<u64>,
    /// Length of a slot; whole seconds.
    pub slot: Duration,
    /// Slots an epoch has.
    pub slots_per_epoch: u64,
    /// Number of validators.
    pub validators: u32,
    /// Sizes.
    pub preset: Preset,
    /// Chain and network id.
    pub chain_id: u64,
    /// Gas limit of an execution block.
    pub gas_limit: u64,
    /// Number of accounts with money.
    pub accounts: u32,
    /// Further accounts: address (`0x` and 40 lower-case hex digits) → account.
    pub alloc: BTreeMap<String, Account>,
    /// From the start of the nodes to genesis; `None` lets the plan choose.
    pub genesis_delay: Option<Duration>,
    /// Keys of the consensus clients' config file that the scenario sets.
    pub config: BTreeMap<String, String>,
    /// Where the scenario says so.
    pub place: Span,
}

impl Pos {
    /// Values of `{chain.KEY}`. The two genesis files depend on the genesis time: the engine makes them when the run starts.
    pub fn template_values(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("slot_ms", self.slot.as_millis().to_string()),
            ("slots_per_epoch", self.slots_per_epoch.to_string()),
            ("validators", self.validators.to_string()),
            ("chain_id", self.chain_id.to_string()),
            ("gas_limit", self.gas_limit.to_string()),
            ("fork", self.fork.to_string()),
            ("preset", self.preset.base().to_owned()),
            ("deposit_contract", DEPOSIT_CONTRACT.to_owned()),
            ("config_yaml", super::config_yaml::config_yaml(self)),
            ("genesis_json", "{genesis.json}".to_owned()),
            ("genesis_ssz", "{genesis.ssz}".to_owned()),
        ])
    }
}
