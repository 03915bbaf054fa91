//! The closed set of primitive actions: what the timeline of a plan is made of and the engine hands to a backend.

use serde::{Deserialize, Serialize};

use super::{EntryName, NetworkName, NodeName, RpcSpec};

/// What can be done to a running process from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// SIGKILL: no chance to tidy up.
    Kill,
    /// SIGTERM, then SIGKILL after the backend's grace period (10 s).
    Stop,
    /// Freeze all processes of the node.
    Pause,
    /// Thaw them.
    Resume,
}

/// One primitive action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make the links what the base links and the link rules of these entries together say, in one swap.
    SetLinks {
        /// Entries whose link rules are in force from now on.
        active: Vec<EntryName>,
    },
    /// Send a signal.
    Signal {
        /// To whom.
        node: NodeName,
        /// Which.
        signal: Signal,
    },
    /// Start the node's process (again).
    Start {
        /// Which node.
        node: NodeName,
    },
    /// Empty the data folder of a stopped node, put its files back and run its init commands at the next start.
    Wipe {
        /// Which node.
        node: NodeName,
    },
    /// Take the node's interface in a network away.
    Detach {
        /// Which node.
        node: NodeName,
        /// From which network.
        network: NetworkName,
    },
    /// Give it back, with the same address.
    Attach {
        /// Which node.
        node: NodeName,
        /// To which network.
        network: NetworkName,
    },
    /// Make a JSON-RPC call. It may take its time: nothing waits for it.
    Call {
        /// To which node.
        node: NodeName,
        /// The entry that wants it.
        asked_by: EntryName,
        /// Where the node takes calls.
        rpc: RpcSpec,
        /// Method.
        method: String,
        /// Parameters, a list or a mapping.
        params: serde_json::Value,
    },
}
