//! What stands under `chain:` of a scenario.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::text::Sp;
use crate::text::units::Time;

/// What the network's shared genesis is made of. `genesis` names the family; each other key says for which family it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainDocument {
    /// The chain family.
    pub genesis: Sp<Family>,
    /// `beacon`: length of a slot. The default is `2s`.
    #[serde(default)]
    pub slot: Option<Sp<Time>>,
    /// `beacon`: slots an epoch has. The default is 8.
    #[serde(default)]
    pub slots_per_epoch: Option<Sp<u64>>,
    /// `beacon`: number of validators; they are dealt to the nodes with role `validator` in turn. The default is one for each
    /// such node.
    #[serde(default)]
    pub validators: Option<Sp<u32>>,
    /// Time from the start of the first node to genesis. The default follows from the number of nodes and the backend. The
    /// timeline does not start before.
    #[serde(default)]
    pub genesis_delay: Option<Sp<Time>>,
    /// `clique`: time between blocks, in whole seconds. The default is `2s`.
    #[serde(default)]
    pub period: Option<Sp<Time>>,
    /// `clique`: how many of the nodes with role `validator` seal blocks. The default is all of them.
    #[serde(default)]
    pub sealers: Option<Sp<u32>>,
    /// `clique`: number of accounts with money, named `account-0`, `account-1`, …. The default is 8.
    #[serde(default)]
    pub accounts: Option<Sp<u32>>,
    /// `clique`: gas limit of a block. The default is 30000000.
    #[serde(default)]
    pub gas_limit: Option<Sp<u64>>,
    /// `clique`: chain and network id. The default is 7117.
    #[serde(default)]
    pub chain_id: Option<Sp<u64>>,
    /// `clique`: further accounts in the genesis state, by address (`0x` and 40 hex digits).
    #[serde(default)]
    pub alloc: Option<BTreeMap<Sp<String>, AccountDocument>>,
}

/// A chain family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// The bundled client's chain: slots, proposers by slot, finality by epoch.
    Beacon,
    /// Proof of authority on go-ethereum (EIP-225).
    Clique,
}

/// An account in the genesis state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountDocument {
    /// Wei, as decimal or `0x` hex text. The default is 0.
    #[serde(default)]
    pub balance: Option<Sp<String>>,
    /// Number of transactions already sent. The default is 0.
    #[serde(default)]
    pub nonce: Option<Sp<u64>>,
    /// Code as `0x` hex.
    #[serde(default)]
    pub code: Option<Sp<String>>,
    /// Storage: 32-byte slot → 32-byte value, both as `0x` hex.
    #[serde(default)]
    pub storage: BTreeMap<String, String>,
}
