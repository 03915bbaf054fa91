//! `restart`: a node's process is killed and started again.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::text::Sp;
use crate::topology::Targets;

/// Kills the nodes' processes with SIGKILL and starts them again: at the end of `for`, or at once if there is none.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// The nodes.
    pub targets: Sp<Targets>,
    /// Whether their data is gone when they come back. The default is no.
    #[serde(default)]
    pub wipe: bool,
}
