//! What stands under `chain:` of a scenario.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Fork, Preset};
use crate::text::Sp;
use crate::text::units::Time;

/// What the network's shared genesis is made of. `genesis` names the family; each other key says for which family it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainDocument {
    /// The chain family.
    pub genesis: Sp<Family>,
    /// `beacon`, `pos`: length of a slot. The defaults are `2s` and `4s`; `pos` takes whole seconds.
    #[serde(default)]
    pub slot: Option<Sp<Time>>,
    /// `beacon`, `pos`: slots an epoch has. The defaults are 8 and 6; the presets `mainnet` and `minimal` fix it at 32 and 8.
    #[serde(default)]
    pub slots_per_epoch: Option<Sp<u64>>,
    /// `beacon`: number of validators; they are dealt to the nodes with role `validator` in turn. The default is one for each
    /// such node. `pos`: the same, but each such participant gets one range of them; the default is 64.
    #[serde(default)]
    pub validators: Option<Sp<u32>>,
    /// Time from the start of the first node to genesis. The default follows from the number of nodes and the backend, for
    /// `pos` also from how long these clients took to start in earlier runs. The timeline does not start before.
    #[serde(default)]
    pub genesis_delay: Option<Sp<Time>>,
    /// `clique`: time between blocks, in whole seconds. The default is `2s`.
    #[serde(default)]
    pub period: Option<Sp<Time>>,
    /// `clique`: how many of the nodes with role `validator` seal blocks. The default is all of them.
    #[serde(default)]
    pub sealers: Option<Sp<u32>>,
    /// `clique`, `pos`: number of accounts with money, named `account-0`, `account-1`, …. The default is 8.
    #[serde(default)]
    pub accounts: Option<Sp<u32>>,
    /// `clique`, `pos`: gas limit of a block. The default is 30000000.
    #[serde(default)]
    pub gas_limit: Option<Sp<u64>>,
    /// `clique`, `pos`: chain and network id; `cometbft`: the number in the chain's name `splitbrain-7117`. The default is
    /// 7117.
    #[serde(default)]
    pub chain_id: Option<Sp<u64>>,
    /// `clique`, `pos`: further accounts in the genesis state, by address (`0x` and 40 hex digits).
    #[serde(default)]
    pub alloc: Option<BTreeMap<Sp<String>, AccountDocument>>,
    /// `pos`: the fork that the chain begins with. The default is `deneb`.
    #[serde(default)]
    pub fork: Option<Sp<Fork>>,
    /// `pos`: forks that come later.
    #[serde(default)]
    pub forks: Option<Sp<ForksDocument>>,
    /// `pos`: sizes of the consensus layer. The default is `custom`: those of the public network with epochs as short as
    /// `slots_per_epoch` says.
    #[serde(default)]
    pub preset: Option<Sp<Preset>>,
    /// `pos`: further keys of the consensus clients' config file, in capitals as its specification has them. Fork versions
    /// and other hex values are written in quotes.
    #[serde(default)]
    pub config: Option<BTreeMap<Sp<String>, serde_json::Value>>,
    /// `cometbft`: the application behind every node, `kvstore` or `noop`. The default is `kvstore`.
    #[serde(default)]
    pub app: Option<Sp<String>>,
    /// `cometbft`: how long a node waits after a block before it goes on to the next one. The default is `500ms`.
    #[serde(default)]
    pub block_time: Option<Sp<Time>>,
}

/// Forks that come after genesis, by epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForksDocument {
    /// Epoch at which electra and prague come into force.
    #[serde(default)]
    pub electra: Option<Sp<u64>>,
}

/// A chain family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// The bundled client's chain: slots, proposers by slot, finality by epoch.
    Beacon,
    /// Proof of authority on go-ethereum (EIP-225).
    Clique,
    /// Post-merge: execution and consensus clients side by side.
    Pos,
    /// CometBFT, the Tendermint of today.
    Cometbft,
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

impl Family {
    /// Its word under `genesis:`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Beacon => "beacon",
            Self::Clique => "clique",
            Self::Pos => "pos",
            Self::Cometbft => "cometbft",
        }
    }
}
