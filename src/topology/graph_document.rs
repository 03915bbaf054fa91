//! `graph:` as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::text::Sp;
use crate::text::units::Share;

/// How the graph of who dials whom is made. One without parameters may stand as a plain word: `graph: ring`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-later" = ["file"]))]
pub enum Generator {
    /// Each node dials the one before it.
    Line,
    /// A line whose ends meet.
    Ring,
    /// Every node knows every other one.
    Mesh,
    /// Every node knows one in the middle.
    Star(Star),
    /// A tree whose nodes have so many children.
    Tree(Tree),
    /// Rows and columns.
    Grid(Grid),
    /// A random graph in which every node has the same number of neighbours.
    RandomRegular(RandomRegular),
    /// Every possible edge is there with the same probability (Erdős and Rényi).
    ErdosRenyi(ErdosRenyi),
    /// A ring of near neighbours with some edges thrown across it (Watts and Strogatz).
    SmallWorld(SmallWorld),
    /// New nodes prefer those that have many neighbours already (Barabási and Albert).
    ScaleFree(ScaleFree),
    /// A graph in each group, and some edges between each two of them.
    Clusters(Clusters),
}

/// Parameters of `star`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Star {
    /// The node in the middle. The default is the first one.
    #[serde(default)]
    pub center: Option<Sp<String>>,
}

/// Parameters of `tree`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// Children of each node. The default is 2.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub branching: Option<Sp<u32>>,
}

/// Parameters of `grid`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Nodes in a row. The default makes the grid as square as it can be.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub width: Option<Sp<u32>>,
}

/// Parameters of `random_regular`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomRegular {
    /// Neighbours of each node: fewer than there are nodes, and not odd for an odd number of nodes.
    #[schemars(range(min = 1))]
    pub degree: Sp<u32>,
}

/// Parameters of `erdos_renyi`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErdosRenyi {
    /// Probability of each edge.
    pub probability: Sp<Share>,
}

/// Parameters of `small_world`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmallWorld {
    /// Neighbours of each node before rewiring: an even number, fewer than there are nodes.
    #[schemars(range(min = 2))]
    pub neighbors: Sp<u32>,
    /// Share of the edges whose far end is moved to a random node. The default is 10%.
    #[serde(default)]
    pub rewire: Option<Sp<Share>>,
}

/// Parameters of `scale_free`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleFree {
    /// Edges that each new node brings.
    #[schemars(range(min = 1))]
    pub attach: Sp<u32>,
}

/// Parameters of `clusters`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clusters {
    /// What makes a cluster. The default is `groups`. A node that belongs to none is a cluster of its own.
    #[serde(default)]
    pub of: ClustersOf,
    /// The graph in each cluster. The default is `mesh`.
    #[serde(default)]
    pub inside: Option<Box<Sp<Generator>>>,
    /// Edges between each two clusters. The default is 1.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub between: Option<Sp<u32>>,
}

/// What makes a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClustersOf {
    /// Each group.
    #[default]
    Groups,
    /// Each zone.
    Zones,
}
