//! `kill`: a node's process is killed with SIGKILL.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::text::Sp;
use crate::topology::Targets;

/// Kills the nodes' processes with SIGKILL, without a chance to tidy up. They are started again, with their data, when the faultn/// ends.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    /// The nodes.
    pub targets: Sp<Targets>,
}
