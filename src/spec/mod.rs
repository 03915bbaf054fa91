//! YAML documents to a validated [`Scenario`]: names resolved, units typed, defaults applied, every mistake reported at once.

mod chain_time;
mod clients;
mod document;
mod earlier;
mod expect;
mod library;
mod mixes;
mod overrides;
mod read;
mod roster;
mod schema;
mod sections;
mod send;
mod send_resolve;
mod timeline;
mod timeline_times;
mod topology_step;
mod validate;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::action::{ClientRef, EntryName};
use crate::check::Expectation;
use crate::topology::Topology;

pub use clients::read_clients;
pub use document::ScenarioDocument;
pub use library::{EmptyLibrary, FileKind, Library};
pub use overrides::Overrides;
pub use read::{DEFAULT_TIMEOUT, ScenarioFile, read_scenario};
pub use roster::{Pair, Roster, families, roster};
pub use schema::schema;
pub use send_resolve::{Recipient, Send, Transaction};
pub use validate::{description, validate_file};

/// Word of timeline entries that send something, in the place of a fault's keyword.
pub use crate::check::SEND;

/// A scenario that holds no mistake any more. Only this room makes one.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it proves.
    pub description: String,
    /// The seed: of the command line, else of the file, else 0.
    pub seed: u64,
    /// Longest duration of the timeline and the waits after it.
    pub timeout: Duration,
    /// The network.
    pub topology: Topology,
    /// Every client (with variant) that the topology uses, as its manifest says it.
    pub clients: BTreeMap<ClientRef, crate::client::Client>,
    /// What the shared genesis is made of.
    pub chain: Option<crate::genesis::Chain>,
    /// Entries of the timeline, repetitions written out, in order of start.
    pub timeline: Vec<Entry>,
    /// Expectations, targets resolved.
    pub expectations: Vec<Expectation>,
    /// The files as read: path inside `input/` → content.
    pub inputs: BTreeMap<String, String>,
}

/// An entry of the timeline.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Unique name.
    pub name: EntryName,
    /// The name in the file, the same for all repetitions.
    pub family: String,
    /// Start after the timeline's zero.
    pub at: Duration,
    /// End; `None` is the end of the run.
    pub until: Option<Duration>,
    /// Keyword of the fault; [`SEND`] if it sends something.
    pub fault: &'static str,
    /// One line for people.
    pub summary: String,
    /// What it does.
    pub effects: crate::fault::Effects,
    /// What it sends.
    pub send: Option<Send>,
    /// Nodes that it touches, for reports and `recover`.
    pub targets: Vec<crate::action::NodeName>,
}

#[cfg(test)]
mod tests;
