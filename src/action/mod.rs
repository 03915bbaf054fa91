//! The vocabulary that every room above shares: names, the seed tree, what a backend can do, and what a node's process is.
//!
//! Backends speak this language only. They never hear of faults, scenarios or YAML: a fault is compiled to these words
//! before anything starts, so N faults and M backends cost N + M and not N × M.

mod adapter;
mod capabilities;
mod earlier;
mod names;
mod primitive;
mod process;
mod seeds;

pub use adapter::{AdapterSpec, HttpJsonAdapter, HttpJsonField, Login, ReadySpec, RpcSpec};
pub use capabilities::{BackendKind, Capabilities, Capability, Support};
pub use earlier::{
    EARLIER_WORDS, Earlier, EarlierPart, as_text, earlier_in, earlier_in_text, fill_earlier, fill_earlier_text,
};
pub use names::{ClientRef, EntryName, NetworkName, NodeName, RunId};
pub use primitive::{Action, Signal};
pub use process::{Attachment, BuildContext, ImageSource, NetworkSpec, NodeFile, NodeProcess, Resources};
pub use seeds::Seeds;
