//! `shape`: links get slow, lossy or narrow for a while.

use schemars::JsonSchema;
use serde::Deserialize;

use super::inject::NotBuilt;
use crate::text::Sp;
use crate::text::units::{Rate, Share, Time};
use crate::topology::Targets;

/// Adds to the quality that links have anyway: delays add up, losses are independent, the slower rate counts.
/// Give either `links` or `targets`, and at least one of `latency`, `jitter`, `loss`, `rate`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// The links, each one way or both ways.
    #[serde(default)]
    pub links: Option<Sp<Vec<Sp<ShapedLinks>>>>,
    /// All links of these nodes, in both directions.
    #[serde(default)]
    pub targets: Option<Sp<Targets>>,
    /// Further one-way delay.
    #[serde(default)]
    pub latency: Option<Sp<Time>>,
    /// Each packet is delayed by a further uniform share of this; packets do not overtake each other.
    #[serde(default)]
    pub jitter: Option<Sp<Time>>,
    /// Chance of a packet to be lost.
    #[serde(default)]
    pub loss: Option<Sp<Share>>,
    /// Most bits a second.
    #[serde(default)]
    pub rate: Option<Sp<Rate>>,
    #[doc(hidden)]
    #[schemars(skip)]
    #[serde(default)]
    pub burst_loss: Option<NotBuilt>,
    #[doc(hidden)]
    #[schemars(skip)]
    #[serde(default)]
    pub duplicate: Option<NotBuilt>,
    #[doc(hidden)]
    #[schemars(skip)]
    #[serde(default)]
    pub reorder: Option<NotBuilt>,
    #[doc(hidden)]
    #[schemars(skip)]
    #[serde(default)]
    pub corrupt: Option<NotBuilt>,
    #[doc(hidden)]
    #[schemars(skip)]
    #[serde(default)]
    pub ports: Option<NotBuilt>,
}

/// Some links: `{from: a, to: b}` one way, `{between: [a, b]}` both ways.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShapedLinks {
    /// Senders.
    #[serde(default)]
    pub from: Option<Sp<Targets>>,
    /// Receivers.
    #[serde(default)]
    pub to: Option<Sp<Targets>>,
    /// Two ends (or more): all links from one to another, both ways.
    #[serde(default)]
    pub between: Option<Sp<Vec<Sp<Targets>>>>,
}
