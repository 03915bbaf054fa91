//! The quality of a directed link, and rules that give it to sets of links.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Quality of one directed link. The default is a perfect link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LinkParameters {
    /// No packet passes, nor do those that are under way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// One-way delay.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub latency: Duration,
    /// Each packet is delayed by a further uniform share of this; packets do not overtake each other.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub jitter: Duration,
    /// Chance of a packet to be lost, 0 to 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub loss: f64,
    /// Bits per second; `None` is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

impl LinkParameters {
    /// A link that nothing passes.
    pub const CUT: Self = Self { cut: true, latency: Duration::ZERO, jitter: Duration::ZERO, loss: 0.0, rate: None };

    /// Whether every packet passes at once.
    pub fn is_perfect(&self) -> bool {
        *self == Self::default()
    }

    /// Both at once, as two links in a row would be: delays add up, losses are independent, the slower rate counts.
    /// Commutative and associative, so that it does not matter which of two overlapping faults came first.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            cut: self.cut || other.cut,
            latency: self.latency + other.latency,
            jitter: self.jitter + other.jitter,
            loss: 1.0 - (1.0 - self.loss) * (1.0 - other.loss),
            rate: match (self.rate, other.rate) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        }
    }
}

/// Nodes by their index in the plan.
pub type NodeSet = BTreeSet<u16>;

/// The same quality for every link that leads from one set of nodes to another (never from a node to itself).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkRule {
    /// Senders.
    pub from: NodeSet,
    /// Receivers.
    pub to: NodeSet,
    /// What is added to the links' other qualities.
    pub parameters: LinkParameters,
}
