//! Presets for the links of a node: what a home or a data centre is like.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::link::LinkParameters;

/// Quality of all links of a node. The numbers hold for packets that it sends and for packets that it receives; on a link
/// between two such nodes they add up, as the two access lines of a real connection do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// A server: 0.5 ms, 0.1 ms jitter, 1 gbit.
    Datacenter,
    /// A good line at home: 10 ms, 3 ms jitter, 0.1% loss, 50 mbit.
    Home,
    /// Far away or over a satellite: 150 ms, 40 ms jitter, 0.5% loss, 20 mbit.
    Laggy,
    /// Little bandwidth: 25 ms, 10 ms jitter, 0.5% loss, 2 mbit.
    Constrained,
    /// Nearly unusable: 200 ms, 150 ms jitter, 5% loss, 1 mbit.
    Bad,
}

impl Quality {
    /// The numbers.
    pub fn parameters(self) -> LinkParameters {
        let (latency_us, jitter_us, loss, megabits) = match self {
            Self::Datacenter => (500, 100, 0.0, 1000),
            Self::Home => (10_000, 3_000, 0.001, 50),
            Self::Laggy => (150_000, 40_000, 0.005, 20),
            Self::Constrained => (25_000, 10_000, 0.005, 2),
            Self::Bad => (200_000, 150_000, 0.05, 1),
        };
        LinkParameters {
            cut: false,
            latency: Duration::from_micros(latency_us),
            jitter: Duration::from_micros(jitter_us),
            loss,
            rate: Some(megabits * 1_000_000),
        }
    }
}
