//! `stop`: a node's process is asked to end.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::text::Sp;
use crate::topology::Targets;

/// Asks the nodes' processes to end (SIGTERM, and SIGKILL ten seconds later). They are started again, with their data, whenn/// the fault ends.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// The nodes.
    pub targets: Sp<Targets>,
}
