//! What a backend on this machine can do. Probed, never assumed; a mismatch with a scenario is a message at plan time.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who runs the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackendKind {
    /// Containers of a Docker engine.
    Docker,
    /// Child processes in network namespaces of their own.
    Native,
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Docker => "docker",
            Self::Native => "native",
        })
    }
}

/// One thing that a scenario may need and a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Starting nodes at all.
    Processes,
    /// Packets between nodes pass our forwarder, so that links can be cut and shaped.
    Wire,
    /// A node's interface can be taken away and given back with the same address.
    Disconnect,
    /// All processes of a node can be frozen and thawed.
    Pause,
    /// CPU and memory limits of a node.
    Resources,
    /// A network with a route out of the run.
    Internet,
    /// Nothing of a network without such a route reaches the machine that it runs on.
    Seal,
}

/// Whether a capability is there, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// Yes; `how` is a few words for `doctor`, for example `TUN devices` or `veth and packet sockets`.
    Yes {
        /// How it is done here.
        how: String,
    },
    /// No.
    No {
        /// What is missing.
        why: String,
        /// What the user can do about it.
        remedy: String,
    },
}

/// Everything that is known about one backend on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// The backend that was asked.
    pub backend: BackendKind,
    /// Engine name and version as a person would say it, for example `Docker 20.10.24 (API 1.41)`.
    pub engine: String,
    /// One answer for each capability.
    pub support: BTreeMap<Capability, Support>,
    /// Whether the engine's containers, or the processes, run as root.
    pub root: bool,
}

impl Capabilities {
    /// Whether the capability is there.
    pub fn has(&self, capability: Capability) -> bool {
        matches!(self.support.get(&capability), Some(Support::Yes { .. }))
    }

    /// A backend that can do everything: what `plan` and `validate` assume when they look at no machine.
    pub fn everything(backend: BackendKind) -> Self {
        use Capability::{Disconnect, Internet, Pause, Processes, Resources, Seal, Wire};
        let support = [Processes, Wire, Disconnect, Pause, Resources, Internet, Seal]
            .into_iter()
            .map(|capability| (capability, Support::Yes { how: "assumed".to_owned() }))
            .collect();
        Self { backend, engine: "assumed".to_owned(), support, root: true }
    }
}
