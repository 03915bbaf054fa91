//! `diverge`: the nodes do not have the same block; proof that a fault really bit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Subject;
use crate::text::Sp;
use crate::topology::Targets;

/// At least two nodes hold blocks of which neither is an ancestor of the other.
///
/// A node that merely lags behind on the same chain does not diverge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DivergeDocument {
    /// What is compared: `head` (default), `finalized` or `{height: N}`.
    #[serde(default)]
    pub on: Subject,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `diverge`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diverge {
    /// What is compared.
    pub on: Subject,
}
