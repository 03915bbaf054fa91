//! Faults: one file each. A fault is compiled to effects, its healing included; it knows no backend.

use crate::action::{NetworkName, NodeName};
use crate::link::LinkRule;

/// What a fault does while it is in force. The state of the network at any instant is the union of the effects of all
/// faults in force, so that overlapping faults compose and the end of one never undoes another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// Added to the links' base quality.
    pub links: Vec<LinkRule>,
    /// Nodes whose process is down, and how it goes.
    pub down: Vec<Down>,
    /// Nodes that are frozen.
    pub paused: Vec<NodeName>,
    /// Interfaces that are taken away.
    pub detached: Vec<(NodeName, NetworkName)>,
}

/// A node that is down while a fault is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    /// Which node.
    pub node: NodeName,
    /// SIGKILL or SIGTERM.
    pub signal: crate::action::Signal,
    /// Whether its data is gone when it comes back.
    pub wipe: bool,
}
