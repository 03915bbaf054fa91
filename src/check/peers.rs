//! `peers`: how many peers nodes say they have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{Diagnostic, Sp, Span};
use crate::topology::Targets;

/// Every node has so many peers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeersDocument {
    /// At least so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Sp<u64>>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Sp<u64>>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `peers`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peers {
    /// At least so many.
    pub min: u64,
    /// At most so many, if there is a bound.
    pub max: Option<u64>,
}

impl PeersDocument {
    pub(super) fn resolve(&self, place: Span) -> Result<Peers, Vec<Diagnostic>> {
        match (&self.min, &self.max) {
            (None, None) => Err(vec![
                Diagnostic::error("`peers` needs a bound")
                    .at(place, "neither `min` nor `max`")
                    .help("write `peers: {min: 1}`"),
            ]),
            (Some(min), Some(max)) if min.value > max.value => Err(vec![
                Diagnostic::error(format!("no number is at least {} and at most {}", min.value, max.value))
                    .at(min.span, "the lower bound")
                    .at(max.span, "the upper bound"),
            ]),
            (min, max) => {
                Ok(Peers { min: min.as_ref().map_or(0, |min| min.value), max: max.as_ref().map(|max| max.value) })
            }
        }
    }
}
