//! What two nodes are compared by.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is compared between nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The block at the tip of each node's chain.
    #[default]
    Head,
    /// The last block (or epoch checkpoint) that each node calls final.
    Finalized,
    /// The block at this height (execution) or the last one at or before this slot (beacon): `{height: 40}`.
    Height(u64),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.pad("head"),
            Self::Finalized => f.pad("finalized"),
            Self::Height(height) => f.pad(&format!("height {height}")),
        }
    }
}

/// What may grow or stand still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Growth {
    /// The head's height.
    #[default]
    Head,
    /// The height (or epoch) of the last final block.
    Finalized,
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Head => "head",
            Self::Finalized => "finalized",
        })
    }
}
