//! `ready`: every node came up.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::Sp;
use crate::text::units::Time;
use crate::topology::Targets;

/// Every node answers on its ready port in time, counted from the start of its process (so that building images and
/// init commands do not count).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadyDocument {
    /// How long a node may take, for example `60s`; each client's own bound, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Sp<Time>>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `ready`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// How long a node may take from the start of its process; `None` is its client's own bound.
    pub within: Option<Duration>,
}
