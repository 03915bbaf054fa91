//! `agree`: the nodes have the same block.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Subject;
use crate::text::Sp;
use crate::topology::Targets;

/// How far apart on one chain heads may be and still agree, if a scenario does not say: nodes are sampled at slightly
/// different moments, and a block that is on its way is no disagreement.
pub const DEFAULT_DEPTH: u64 = 2;

/// The nodes have the same block.
///
/// With `on: head`, heads agree if they are equal, or lie on one chain with at most `depth` blocks between the lowest
/// and the highest. With `on: finalized`, if no two nodes call blocks final of which neither is an ancestor of the
/// other. With `on: {height: 40}`, if all nodes have the same block there.
/// Nodes that the timeline has taken down are left out while they are down. A node that should be there and cannot be
/// seen makes the answer unknown, unless the others disagree already.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgreeDocument {
    /// What is compared: `head` (default), `finalized` or `{height: N}`.
    #[serde(default)]
    pub on: Subject,
    /// How many blocks apart on one chain still agree (`on: head`: 2; `on: finalized`: any number). 0 asks for the very
    /// same block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Sp<u64>>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `agree`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agree {
    /// What is compared.
    pub on: Subject,
    /// Blocks apart on one chain that still agree; `None` is any number.
    pub depth: Option<u64>,
}

impl AgreeDocument {
    pub(super) fn resolve(&self) -> Agree {
        let depth = self.depth.as_ref().map(|depth| depth.value);
        Agree { on: self.on, depth: if self.on == Subject::Head { depth.or(Some(DEFAULT_DEPTH)) } else { depth } }
    }
}
