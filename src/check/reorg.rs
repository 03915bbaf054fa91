//! `reorg`: how much of its chain a node threw away.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::Sp;
use crate::topology::Targets;

/// No node left more than so many blocks of its chain at once. The deepest reorganisation of each node is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReorgDocument {
    /// The deepest that is allowed; 0 allows none at all.
    pub max_depth: Sp<u64>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `reorg`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reorg {
    /// The deepest that is allowed.
    pub max_depth: u64,
}
