//! `partition`: packets between groups of nodes vanish.

use schemars::JsonSchema;
use serde::Deserialize;

use super::inject::NotBuilt;
use crate::text::Sp;
use crate::topology::Targets;

/// Packets between groups of nodes vanish. Either `groups` or `shape` says what the groups are.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// The sides, each a targets expression: `[west, east]`, `[[a, b], "c-*"]`. They may not overlap.
    #[serde(default)]
    pub groups: Option<Sp<Vec<Sp<Targets>>>>,
    /// Where nodes go that are in none of the groups. The default is `own`.
    #[serde(default)]
    pub rest: Option<Sp<Rest>>,
    /// Groups drawn from the seed instead of named ones.
    #[serde(default)]
    pub shape: Option<Sp<PartitionShape>>,
    /// Which way packets vanish. The default is `both`. One-way partitions need exactly two groups.
    #[serde(default)]
    pub direction: Option<Sp<Direction>>,
    #[doc(hidden)]
    #[schemars(skip)]
    #[serde(default)]
    pub ports: Option<NotBuilt>,
}

/// Where nodes go that are in none of the groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// They form a group of their own.
    #[default]
    Own,
    /// They join the first group.
    First,
    /// They are not touched: they see everybody, so they may carry news from one side to the other.
    None,
}

/// Groups drawn from the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartitionShape {
    /// Two halves; with an odd number of nodes the second one has one more.
    Halves,
    /// One node, and all others.
    One,
    /// Two halves, and one node that sees both.
    Bridge,
    /// Every node sees a majority of all nodes (itself included), and no two see the same one. Needs five nodes or more.
    MajoritiesRing,
}

/// Which way packets vanish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// Packets that leave the first group vanish; those that enter it arrive.
    OutOfFirst,
    /// Packets that enter the first group vanish; those that leave it arrive.
    IntoFirst,
}
