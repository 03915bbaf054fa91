//! `recover`: whoever was hit by a fault comes back.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::agree::DEFAULT_DEPTH;
use crate::text::Sp;
use crate::text::units::Time;
use crate::topology::Targets;

/// Each node that a fault hit is back with the others in time; the seconds of each node are recorded.
///
/// A node is back at the first moment after the fault's end at which its head agrees (within `depth` blocks on one chain)
/// with the heads of more than half of the other nodes that are there. Counts for the entry that `after` names, or for
/// all faults of the timeline with `always` and `at_end`. A node that is hit again before its time is over is judged
/// after the later fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoverDocument {
    /// How long each node may take, for example `30s`.
    pub within: Sp<Time>,
    /// How many blocks apart on one chain still count as being together; 2, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Sp<u64>>,
    /// The nodes that are meant; all that were hit, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `recover`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recover {
    /// How long each node may take.
    pub within: Duration,
    /// Blocks apart on one chain that still count as being together.
    pub depth: u64,
}

impl RecoverDocument {
    pub(super) fn resolve(&self) -> Recover {
        Recover { within: self.within.value.0, depth: self.depth.as_ref().map_or(DEFAULT_DEPTH, |depth| depth.value) }
    }
}
