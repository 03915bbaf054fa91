//! `pause`: all processes of a node are frozen.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::text::Sp;
use crate::topology::Targets;

/// Freezes all processes of the nodes and thaws them when the fault ends. Their connections stay open and silent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// The nodes.
    pub targets: Sp<Targets>,
}
