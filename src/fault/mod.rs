//! Faults: one file each. A fault is compiled to effects, its healing included; it knows no backend.

mod compile;
mod cut;
mod disconnect;
mod inject;
mod isolate;
mod kill;
mod pairs;
mod partition;
mod pause;
mod restart;
mod shape;
#[cfg(test)]
mod stack_tests;
mod stop;
mod table;
#[cfg(test)]
mod tests;

use crate::action::{NetworkName, NodeName};
use crate::link::LinkRule;

pub use compile::{Compiled, FaultContext};
pub use cut::Cut;
pub use disconnect::Disconnect;
pub use inject::{Inject, NotBuilt};
pub use isolate::Isolate;
pub use kill::Kill;
pub use partition::{Direction, Partition, PartitionShape, Rest};
pub use pause::Pause;
pub use restart::Restart;
pub use shape::{Shape, ShapedLinks};
pub use stop::Stop;
pub use table::{FaultEntry, TABLE};

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
    /// An entry with these effects that has no end ends at once (`restart` without `for`).
    pub momentary: bool,
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
