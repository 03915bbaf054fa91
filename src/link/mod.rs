//! The pure seeded link model: what happens to a packet between two nodes, and when.
//!
//! Knows nothing of sockets, clocks or YAML. Time is handed in; randomness is a labelled stream of the seed tree.

mod parameters;
mod state;
mod table;

pub use parameters::{LinkParameters, LinkRule, NodeSet};
pub use state::{DropReason, LinkState, Verdict};
pub use table::LinkTable;
