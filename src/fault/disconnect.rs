//! `disconnect`: a node's interface goes away and comes back with the same address.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::NetworkName;
use crate::text::Sp;
use crate::topology::Targets;

/// Takes nodes out of a network: on docker the real network disconnect, on native the interface goes down. When the
/// fault ends they are connected again, with the same address.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disconnect {
    /// The nodes.
    pub targets: Sp<Targets>,
    /// The network that they leave; without it they leave all networks they are in.
    #[serde(default)]
    pub network: Option<Sp<NetworkName>>,
}
