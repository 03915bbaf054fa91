//! Nodes, groups, zones, links and the graph of who dials whom.

mod bootnodes_document;
mod deal;
mod document;
mod draw;
mod graph;
mod graph_document;
mod graph_fixed;
mod graph_random;
mod names;
mod participants;
mod quality;
mod resolve;
mod resolve_links;
mod resolve_nodes;
mod stack_document;
mod targets;
mod targets_document;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::action::{ClientRef, NetworkName, NodeName, Resources};
use crate::link::LinkRule;
use crate::text::{Sp, Span};

pub use document::TopologyDocument;
pub use participants::Unit;
pub use quality::Quality;
pub use resolve::{MOST_NODES, Resolved, Wishes, look_over, resolve, weights};
pub use targets::{Chosen, RESERVED, TargetContext, Targets};

/// A topology with all names resolved, all inheritance applied and all mixes dealt out.
#[derive(Clone, Debug)]
pub struct Topology {
    /// Its name.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// All nodes, in file order: groups first, then single nodes. The members of a participant stand next to each other.
    pub nodes: Vec<Node>,
    /// Nodes of each group.
    pub groups: BTreeMap<String, Vec<NodeName>>,
    /// Nodes that serve as bootnodes.
    pub bootnodes: Vec<NodeName>,
    /// Who dials whom: from, to. No self edges, no duplicates; an edge stands once, `from` dials.
    pub edges: Vec<(NodeName, NodeName)>,
    /// Remarks for the plan: of the graph generator ("2 edges added to join 3 parts"), and about mixes that cannot work.
    pub notes: Vec<String>,
    /// Base quality of links: zones, quality presets, links of the file and non-edges of an enforced graph, as rules over
    /// positions in `nodes` (which are also the positions in the plan).
    pub links: Vec<LinkRule>,
    /// Networks by name; `main` is always there.
    pub networks: BTreeMap<NetworkName, Network>,
    /// Whether packets may only travel along edges of the graph.
    pub enforce_graph: bool,
}

/// A network of a topology.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Whether packets may leave the run.
    pub internet: bool,
}

/// A node with everything that it inherits from its group.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// Its group.
    pub group: Option<String>,
    /// The client that it was dealt.
    pub client: ClientRef,
    /// `validator`, `follower`, `bootnode`, or a word of the client's own.
    pub role: String,
    /// Zone, for latencies.
    pub zone: Option<String>,
    /// Networks, at least one.
    pub networks: Vec<NetworkName>,
    /// Labels, for targets.
    pub labels: BTreeMap<String, String>,
    /// Environment, added to the manifest's.
    pub env: BTreeMap<String, String>,
    /// Changes to the command line.
    pub args: ArgumentChanges,
    /// Extra files: name → content (templates allowed).
    pub files: BTreeMap<String, String>,
    /// Limits.
    pub resources: Resources,
    /// When it starts, after the run's start; `None` is at once.
    pub start_at: Option<Duration>,
    /// The participant that it is a member of: `west-0` of `west-0.execution`.
    pub participant: Option<String>,
    /// Which member it is: `execution`, `consensus`, `validator`, or a word of the topology's own.
    pub member: Option<String>,
    /// How many validators its participant has (`validators: 16`); `None` lets the chain deal them out evenly.
    pub validators: Option<u32>,
    /// Where it is defined.
    pub place: Span,
}

/// Changes of a node to its client's command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArgumentChanges {
    /// Replaces the value of a flag that is there: `--flag` → value.
    pub set: BTreeMap<String, String>,
    /// Appended.
    pub add: Vec<String>,
    /// Removed: a whole word, or a flag with its value.
    pub remove: Vec<Sp<String>>,
}

#[cfg(test)]
mod stack_tests;
#[cfg(test)]
mod tests;
