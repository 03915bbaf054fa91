//! `stall`: nothing grows.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Growth;
use crate::text::Sp;
use crate::text::units::Time;
use crate::topology::Targets;

/// No node's chain grows; proof that a fault took a majority away.
///
/// What was under way when the fault began may still arrive: the first moments (`settle`) are not counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StallDocument {
    /// What stands still: `head` (default) or `finalized`.
    #[serde(default)]
    pub on: Growth,
    /// How long after the beginning growth is still allowed; one block time, if absent (1 s where that is not known).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<Sp<Time>>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `stall`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stall {
    /// What stands still.
    pub on: Growth,
    /// How long growth is still allowed; `None` is one block time.
    pub settle: Option<Duration>,
}
