//! Topology files as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Targets;
use super::bootnodes_document::BootnodesDocument;
use super::graph_document::Generator;
use super::quality::Quality;
use super::stack_document::MemberDocument;
use crate::text::units::{Rate, Share, Size, Time};
use crate::text::{Ordered, Sp};

/// A topology: nodes, groups, zones, links and the graph of who dials whom.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "splitbrain topology")]
pub struct TopologyDocument {
    /// Its name. The default is the file's.
    #[serde(default)]
    pub name: Option<Sp<String>>,
    /// What it is, for people.
    #[serde(default)]
    pub description: String,
    /// Groups of like nodes. A group `west` of four has the nodes `west-0` to `west-3`.
    #[serde(default)]
    pub groups: Ordered<Sp<GroupDocument>>,
    /// Single nodes.
    #[serde(default)]
    pub nodes: Ordered<Sp<NodeDocument>>,
    /// Who dials whom. The default is `mesh`, or nobody where there are bootnodes to find the others with.
    #[serde(default)]
    pub graph: Option<Sp<Generator>>,
    /// Nodes that every other one is told to start from: names, `{count: 2}`, or `none`.
    /// The default is every node with role `bootnode`.
    #[serde(default)]
    pub bootnodes: Option<Sp<BootnodesDocument>>,
    /// One-way latency between zones: `eu-us: 40ms`. Holds both ways unless `us-eu` is given too. Added to what
    /// `quality` and `links` say.
    #[serde(default)]
    pub zones: Ordered<Sp<Time>>,
    /// Networks. `main` is always there.
    #[serde(default)]
    pub networks: Ordered<NetworkDocument>,
    /// Quality of single links. Entries that name the same link add up.
    #[serde(default)]
    #[schemars(length(max = 10_000))]
    pub links: Vec<Sp<LinkDocument>>,
    /// Whether packets may only travel along edges of the graph.
    #[serde(default)]
    pub enforce_graph: bool,
}

/// Fields that groups and single nodes share.
macro_rules! with_settings {
    ($(#[$doc:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[schemars(extend("x-later" = ["start_when", "stop_at"]))]
        pub struct $name {
            $($own)*
            /// The client: a folder below `clients/`, and the variant if it has several: `go-ethereum@v1.11.6`.
            #[serde(default)]
            pub client: Option<Sp<String>>,
            /// A participant made of several processes instead of one client: each member with its client, a weighted mix
            /// of clients, or `{client: …, args: …}`. `{execution: {go-ethereum: 2, ethereumjs: 1}, consensus: prysm,
            /// validator: prysm-validator}` in a group `west` makes the nodes `west-0.execution`, `west-0.consensus` and
            /// `west-0.validator`; `west-0` names all three. Other settings hold for all members; `env`, `args`, `files`
            /// and `resources` stand in the member's long form. An edge of the graph between two participants joins
            /// members of the same name, one between a participant and a single node joins that node with every member
            /// that it can speak to.
            #[serde(default)]
            pub stack: Option<Sp<Ordered<Sp<MemberDocument>>>>,
            /// How many validators each node or participant has. The default deals the chain's validators out evenly.
            #[serde(default)]
            pub validators: Option<Sp<u32>>,
            /// `validator` (makes blocks, the default), `follower`, `bootnode`, or a word of the client's own.
            #[serde(default)]
            pub role: Option<Sp<String>>,
            /// Zone, for the latencies under `zones`.
            #[serde(default)]
            pub zone: Option<Sp<String>>,
            /// Quality of all its links, in both directions.
            #[serde(default)]
            pub quality: Option<Sp<Quality>>,
            /// Networks. The default is `main`. A node in two networks joins them.
            #[serde(default)]
            pub networks: Option<Sp<Vec<Sp<String>>>>,
            /// Labels, for targets: `{side: a}`.
            #[serde(default)]
            pub labels: BTreeMap<String, String>,
            /// Environment variables, added to the manifest's.
            #[serde(default)]
            pub env: BTreeMap<String, String>,
            /// Changes to the client's command line.
            #[serde(default)]
            pub args: Option<ArgumentsDocument>,
            /// Extra files that the node finds when it starts: name and content. Templates as in manifests.
            #[serde(default)]
            pub files: BTreeMap<String, String>,
            /// Limits.
            #[serde(default)]
            pub resources: Option<ResourcesDocument>,
            /// When it starts, after the run's start. The default is at once.
            #[serde(default)]
            pub start_at: Option<Sp<Time>>,
        }
    };
}

with_settings! {
    /// Like nodes.
    pub struct GroupDocument {
        /// How many.
        #[schemars(range(min = 1))]
        pub count: Sp<u32>,
        /// A weighted mix of clients instead of one: `{go-ethereum: 1, reference: 3}`, dealt out in this order.
        #[serde(default)]
        pub clients: Option<Sp<Ordered<Sp<u32>>>>,
    }
}

with_settings! {
    /// A single node.
    pub struct NodeDocument {}
}

/// Changes to a client's command line.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArgumentsDocument {
    /// Replaces the value of a flag that is there: `--flag: value`.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Appended.
    #[serde(default)]
    pub add: Vec<String>,
    /// Removed: a whole word, or a flag with its value.
    #[serde(default)]
    pub remove: Vec<Sp<String>>,
}

/// CPU and memory limits.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourcesDocument {
    /// Cores; fractions are allowed.
    #[serde(default)]
    pub cpus: Option<Sp<f64>>,
    /// Memory.
    #[serde(default)]
    pub memory: Option<Sp<Size>>,
}

/// A network.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkDocument {
    /// Whether packets may leave the run. Networks are sealed unless this is said: their nodes reach each other and nothing
    /// else. With a way out (docker alone) they reach the internet, but also services of the machine that the engine runs on
    /// and that machine's name resolver.
    #[serde(default)]
    pub internet: bool,
}

/// Quality of some links: `{between: [a, b], …}` both ways, `{from: a, to: b, …}` one way.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["burst_loss", "duplicate", "reorder", "corrupt", "queue"]))]
pub struct LinkDocument {
    /// Two ends (or more): every link from a node of one end to a node of another, both ways.
    #[serde(default)]
    pub between: Option<Sp<Vec<Sp<Targets>>>>,
    /// Senders.
    #[serde(default)]
    pub from: Option<Sp<Targets>>,
    /// Receivers.
    #[serde(default)]
    pub to: Option<Sp<Targets>>,
    /// One-way delay.
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
}
