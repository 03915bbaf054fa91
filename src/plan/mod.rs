//! Scenario + seed + capabilities → [`Plan`]: addresses, keys, wiring, start order, links, a timeline of absolute instants.
//! Execution has no choice left to make. A plan is a file: it prints, diffs and replays.

mod addresses;
mod arguments;
mod build;
mod duration;
mod genesis_delay;
mod hashes;
mod invocation;
mod keys;
mod mates;
mod openness;
mod producers;
mod producers_cometbft;
mod producers_pos;
mod questions;
mod record;
pub mod render;
mod requirements;
#[cfg(test)]
mod sample;
mod sends;
#[cfg(test)]
mod stack_tests;
mod template_values;
#[cfg(test)]
mod tests;
mod timeline;
#[cfg(test)]
mod timeline_tests;
mod transaction;
mod wiring;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::action::{
    Action, AdapterSpec, BackendKind, ClientRef, EntryName, NetworkName, NetworkSpec, NodeName, NodeProcess, ReadySpec,
    RpcSpec,
};
use crate::check::Expectation;
use crate::genesis::PostMerge;
use crate::link::LinkRule;

pub use build::{build, gaps};
pub use genesis_delay::StartTimes;
pub use keys::{NodeKey, address_text};
pub use questions::{Question, Shift};

/// Version of the form in which a plan is written.
pub const SCHEMA_VERSION: u32 = 1;

/// What the caller found on the machine and in the project before planning, so that planning itself looks at nothing.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Free address ranges (first address, prefix length) for the topology's networks: `main` first, then the others by
    /// name. Those that are missing are 10.77.0.0/16, 10.78.0.0/16, ….
    pub subnets: Vec<(Ipv4Addr, u8)>,
    /// Programs of clients that were found on this machine, for native.
    pub programs: BTreeMap<ClientRef, PathBuf>,
    /// How long clients took to start in earlier runs on this backend.
    pub start_times: StartTimes,
}

/// Everything that will be done, decided.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Version of this form.
    pub schema: u32,
    /// Scenario name.
    pub scenario: String,
    /// Its description.
    pub description: String,
    /// The seed.
    pub seed: u64,
    /// For which backend.
    pub backend: BackendKind,
    /// Networks with address ranges.
    pub networks: Vec<NetworkSpec>,
    /// Nodes in order; a node's position is its index.
    pub nodes: Vec<PlannedNode>,
    /// Who dials whom.
    pub edges: Vec<(NodeName, NodeName)>,
    /// Nodes that the others find each other through.
    pub bootnodes: Vec<NodeName>,
    /// Whether packets pass our forwarder.
    pub wire: bool,
    /// Links before any fault.
    pub base_links: Vec<LinkRule>,
    /// Entries of the timeline with what they do to links.
    pub entries: Vec<PlannedEntry>,
    /// What to do when, in order.
    pub timeline: Vec<Step>,
    /// What must hold.
    pub expectations: Vec<Expectation>,
    /// What is asked of nodes for expectations.
    pub questions: Vec<Question>,
    /// From the timeline's zero to its end: the last entry's end, and the waits of expectations after it.
    pub duration: Duration,
    /// Longest time the whole run may take.
    pub timeout: Duration,
    /// Seconds from the moment the nodes start to genesis, for chains whose genesis lies in the future.
    pub genesis_delay: Option<Duration>,
    /// What the genesis files are made of that depend on the genesis time (`{genesis.json}`, `{genesis.ssz}` in files of
    /// nodes). The engine makes them when the run starts.
    pub genesis: Option<PostMerge>,
    /// Slot or block time, if the chain has one.
    pub block_time: Option<Duration>,
    /// Slots an epoch has, if the chain has epochs.
    pub slots_per_epoch: Option<u64>,
    /// Remarks for people ("2 edges added to join 3 parts").
    pub notes: Vec<String>,
}

/// A node, ready to be made.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedNode {
    /// What the backend needs.
    pub process: NodeProcess,
    /// Group.
    pub group: Option<String>,
    /// Role.
    pub role: String,
    /// Whether it makes blocks.
    pub producer: bool,
    /// Names under which its blocks are signed.
    pub signs_as: Vec<String>,
    /// Zone.
    pub zone: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Extra arguments that its siblings do not have.
    pub extra_args: Vec<String>,
    /// How to ask it.
    pub adapter: AdapterSpec,
    /// When it counts as ready.
    pub ready: ReadySpec,
    /// Log patterns that mean that it is broken.
    pub panic: Vec<String>,
    /// Log patterns with which it says that it refuses something.
    pub refusals: Vec<String>,
    /// Where it takes JSON-RPC calls.
    pub rpc: Option<RpcSpec>,
    /// Differences in answers that are known and no mistake: method, pointer, reason.
    pub known_differences: Vec<(String, String, String)>,
    /// The participant that it is a member of.
    pub participant: Option<String>,
    /// Which member it is.
    pub member: Option<String>,
    /// Identities known before it runs: `enode`, `enr`, `peer_id`, `multiaddr`.
    pub identity: BTreeMap<String, String>,
    /// Calls to make after each start, once it is ready (peers that can only be added by API).
    pub after_ready: Vec<ApiCall>,
    /// When it starts, after the timeline's zero; `None` is at once, with the run. A step of the timeline starts it.
    pub start_at: Option<Duration>,
}

/// A JSON-RPC call to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiCall {
    /// Port.
    pub port: u16,
    /// Method.
    pub method: String,
    /// Parameters.
    pub params: Vec<serde_json::Value>,
}

/// An entry of the timeline.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedEntry {
    /// Its name.
    pub name: EntryName,
    /// Name in the file.
    pub family: String,
    /// Keyword.
    pub fault: String,
    /// One line for people.
    pub summary: String,
    /// Start after the timeline's zero.
    pub start: Duration,
    /// End; `None` is the end of the run.
    pub end: Option<Duration>,
    /// Nodes that it touches.
    pub targets: Vec<NodeName>,
    /// Link rules that it adds.
    pub links: Vec<LinkRule>,
    /// Nodes whose process it takes down.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub down: Vec<NodeName>,
    /// Whether they come back without their data.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wipes: bool,
    /// Nodes that it freezes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paused: Vec<NodeName>,
    /// Interfaces that it takes away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub detached: Vec<(NodeName, NetworkName)>,
    /// Hash of the transaction that it sends, if it sends one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
}

/// One instant of the timeline. The actions bring the network from the state before to the state after it.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// After the timeline's zero.
    pub at: Duration,
    /// Entries that begin now.
    pub begins: Vec<EntryName>,
    /// Entries that end now.
    pub ends: Vec<EntryName>,
    /// What to do: links first, then the rest, which may be done side by side unless two name the same node. Calls stand in
    /// steps of their own, after the others of the same instant.
    pub actions: Vec<Action>,
}
