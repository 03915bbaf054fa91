//! Actions to reality: who runs the nodes' processes and who carries their packets.
//!
//! A backend hears names, processes, link tables and signals. It knows nothing of scenarios, faults or checks.
//! The set of backends is closed, so this is an enum and not a trait: exhaustive matches, no boxing.

pub mod docker;
mod endings;
pub mod fabric;
mod leftovers;
mod log_file;
mod log_sink;
pub mod native;
mod open_files;
mod owner;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::action::{NetworkName, NetworkSpec, NodeName, NodeProcess, RunId, Seeds, Signal};
use crate::link::LinkTable;

pub(crate) use endings::ended_by_signal;
pub use leftovers::{CleanRequest, Cleaned};
pub(crate) use leftovers::{Fate, Judge};
pub use log_file::{LOG_LIMIT, Missing};
pub use log_sink::{LONGEST_LINE, LineWatcher, LogLine, LogSink, LogStream};
pub use open_files::{allow_open_files, is_shortage_of_files, open_files_needed};
pub use owner::{Owner, OwnerState};

/// What a backend is told once, before anything is made.
#[derive(Clone, Debug)]
pub struct RunSetup {
    /// Id of the run; in every label and name that is made.
    pub run: RunId,
    /// Scenario name, for labels.
    pub scenario: String,
    /// All networks.
    pub networks: Vec<NetworkSpec>,
    /// All nodes in plan order: `nodes[i].index == i`. Templates are filled in, `{genesis.time}` too.
    pub nodes: Vec<Arc<NodeProcess>>,
    /// The packet fabric, if the plan needs one.
    pub wire: Option<WireSetup>,
    /// Where nodes' logs go.
    pub logs: LogSink,
    /// Where exits and engine troubles are told. Bounded; the backend waits when it is full.
    pub events: mpsc::Sender<BackendEvent>,
    /// Folder for this run's own files on this machine (native nodes' folders, build contexts). Exists already and is
    /// removed by the caller after `teardown`.
    pub state: PathBuf,
    /// A person's line of progress ("building image go-ethereum@v1.13.15"), to be shown while the work goes on.
    pub progress: Progress,
}

/// The packet fabric of a run.
#[derive(Clone, Debug)]
pub struct WireSetup {
    /// Where the links' random streams come from.
    pub seeds: Seeds,
    /// The links when the run starts.
    pub table: Arc<LinkTable>,
}

/// Takes lines of progress; cheap to clone.
#[derive(Clone)]
pub struct Progress(pub Arc<dyn Fn(String) + Send + Sync>);

impl Progress {
    /// Shows a line.
    pub fn say(&self, line: impl Into<String>) {
        (self.0)(line.into());
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

/// What a backend tells of its own accord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendEvent {
    /// A node's process ended, for whatever reason.
    Exited {
        /// Which node.
        node: NodeName,
        /// Exit code.
        code: Option<i32>,
        /// Signal number.
        signal: Option<i32>,
    },
    /// A node's process went on after SIGTERM for the whole time that it had to end, and was killed.
    StopIgnored {
        /// Which node.
        node: NodeName,
        /// How long it had.
        waited: Duration,
    },
    /// The kernel killed processes of a node because the node wanted more memory than its limit.
    OutOfMemory {
        /// Which node.
        node: NodeName,
        /// How many, since it was last told; at least.
        kills: u64,
    },
    /// A node's init commands are done.
    Initialised {
        /// Which node.
        node: NodeName,
    },
    /// The engine cannot be reached any more.
    EngineLost {
        /// What was tried and what came back.
        message: String,
    },
    /// Whoever carries the nodes' packets has ended: no packet passes any more, and no link can be changed.
    WireLost {
        /// Why.
        message: String,
    },
}

impl BackendEvent {
    /// What a wire calls when it ends on its own.
    fn wire_lost(events: mpsc::Sender<Self>) -> impl FnOnce(String) + Send + 'static {
        move |message| {
            // Called on the wire's own thread. Nobody listens any more when the run is over.
            let _ = events.blocking_send(Self::WireLost { message });
        }
    }
}

/// Why a backend could not do what it was told: the step, its object, and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{step}")]
pub struct BackendError {
    /// What was being done to what: `cannot start node west-0`.
    pub step: String,
    /// What a person can do about it, if that is known.
    pub remedy: Option<String>,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl BackendError {
    /// An error with a cause.
    pub fn new(step: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { step: step.into(), remedy: None, source: Some(source.into()) }
    }

    /// An error without one.
    pub fn plain(step: impl Into<String>) -> Self {
        Self { step: step.into(), remedy: None, source: None }
    }

    /// With a remedy.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// Counters of one directed link, as totals since the run started; indices are those of the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Sender.
    pub from: u16,
    /// Receiver.
    pub to: u16,
    /// Delivered packets.
    pub packets: u64,
    /// Delivered bytes.
    pub bytes: u64,
    /// Dropped because the link was cut.
    pub cut: u64,
    /// Dropped by loss.
    pub lost: u64,
    /// Dropped because a queue was full.
    pub overflow: u64,
}

/// A run's nodes and packets, on one of the backends. Cheap to share: all methods take `&self`.
#[derive(Debug)]
pub enum Backend {
    /// Docker containers.
    Docker(docker::DockerBackend),
    /// Child processes.
    Native(native::NativeBackend),
}

/// Calls the same method on whichever backend it is.
macro_rules! each {
    ($self:ident, $backend:ident => $call:expr) => {
        match $self {
            Backend::Docker($backend) => $call,
            Backend::Native($backend) => $call,
        }
    };
}

impl Backend {
    /// How many nodes are worth making or starting at the same moment.
    pub const fn concurrent_starts(&self) -> usize {
        // An engine makes about five containers a second however many are asked for at once; the backends bound what
        // they do at the same moment further where that helps.
        16
    }

    /// Makes a node: container or namespace, files, addresses, and its place on the wire. Starts nothing.
    pub async fn create(&self, node: &NodeName) -> Result<(), BackendError> {
        each!(self, backend => backend.create(node).await)
    }

    /// Runs init commands that are due and starts the process. Returns when it runs and its wire is attached.
    pub async fn start(&self, node: &NodeName) -> Result<(), BackendError> {
        each!(self, backend => backend.start(node).await)
    }

    /// Sends a signal. `Kill` and `Stop` return when the process is gone; the exit is also told as an event.
    pub async fn signal(&self, node: &NodeName, signal: Signal) -> Result<(), BackendError> {
        each!(self, backend => backend.signal(node, signal).await)
    }

    /// Empties the data folder of a stopped node; everything else that it wrote goes as well.
    pub async fn wipe(&self, node: &NodeName) -> Result<(), BackendError> {
        each!(self, backend => backend.wipe(node).await)
    }

    /// Takes the node's interface in the network away (and its packets on the wire, if there is one).
    pub async fn detach(&self, node: &NodeName, network: &NetworkName) -> Result<(), BackendError> {
        each!(self, backend => backend.detach(node, network).await)
    }

    /// Gives it back with the same address.
    pub async fn attach(&self, node: &NodeName, network: &NetworkName) -> Result<(), BackendError> {
        each!(self, backend => backend.attach(node, network).await)
    }

    /// Makes this table the links' state in one atomic swap and returns the instant after it. Never blocks. An error means
    /// that nothing has changed, or that nobody carries packets by it.
    pub fn set_links(&self, table: Arc<LinkTable>) -> Result<Instant, BackendError> {
        each!(self, backend => backend.set_links(table))
    }

    /// Counters of all directed links that ever saw a packet. Empty without a wire.
    pub fn link_counters(&self) -> Vec<LinkCounters> {
        each!(self, backend => backend.link_counters())
    }

    /// Opens a TCP connection to a port of the node from inside the node's own namespace, so that a node that is cut
    /// off is still seen. Tries the node's loopback first, then its main address.
    pub async fn dial(&self, node: &NodeName, port: u16) -> std::io::Result<TcpStream> {
        each!(self, backend => backend.dial(node, port).await)
    }

    /// How to look at a run that was kept (`--keep`): one command line for each node.
    pub fn how_to_look(&self) -> BTreeMap<NodeName, String> {
        each!(self, backend => backend.how_to_look())
    }

    /// Takes everything down, in reverse order of its making. Never stops at the first error; returns them all.
    pub async fn teardown(&self) -> Vec<BackendError> {
        each!(self, backend => backend.teardown().await)
    }
}
