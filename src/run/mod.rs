//! The engine: walks a plan. One event loop, timeline, cancellation, reverse teardown.
//!
//! It decides nothing: what to do when stands in the plan. It reads no YAML and prints nothing; progress goes to a
//! callback, everything that happened goes to the journal.

mod answers;
mod asks;
mod calls;
mod clock;
mod dialer;
mod engine;
mod escapes;
mod genesis_time;
mod inspection;
mod inspection_form;
mod inspector;
mod link_timer;
mod lives;
mod logs;
mod nodes;
mod pressure;
mod pulse;
mod recent;
mod record;
mod scribe;
mod splits;
mod timeline;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::action::{Capabilities, NodeName, RunId};
use crate::backend::{Backend, BackendError};
use crate::plan::Plan;

pub use record::run_record;

/// How often each node is asked. Shorter than the shortest slot that anybody runs (1 s), so that no head is missed.
pub const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// One run, fully decided.
pub struct Request {
    /// What to do.
    pub plan: Plan,
    /// Its id on this machine.
    pub run: RunId,
    /// What the backend can do; its engine's name goes into the journal.
    pub capabilities: Capabilities,
    /// Start in UTC, for the journal.
    pub started: String,
    /// Kernel release, for the journal.
    pub kernel: String,
    /// Path of the journal to write.
    pub journal: PathBuf,
    /// A file that is deleted when the disk is full, so that the end of the journal finds room.
    pub ballast: Option<PathBuf>,
    /// Folder for nodes' logs; exists.
    pub logs: PathBuf,
    /// How long the log of one node may become, in bytes; of a longer one beginning and end are kept.
    pub log_limit: u64,
    /// Folder for the backend's own files; exists, removed by the caller.
    pub state: PathBuf,
    /// Log patterns that expectations ask for, besides the manifests' own.
    pub log_patterns: Vec<String>,
    /// How often each node is asked; [`POLL_INTERVAL`] unless a benchmark raises the rate.
    pub poll_interval: Duration,
    /// Leave everything running at the end.
    pub keep: bool,
    /// How often Ctrl-C was pressed or SIGTERM or SIGHUP came: once ends the timeline, twice tears down now.
    pub interrupts: watch::Receiver<u8>,
    /// Who shows progress.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("run", &self.run).field("scenario", &self.plan.scenario).finish_non_exhaustive()
    }
}

/// What a person may want to see while a run goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// A line from the backend: an image being built, a network being made.
    Note(String),
    /// So many nodes came so far in their start.
    Starting {
        /// Processes that run.
        started: usize,
        /// Nodes that are ready.
        ready: usize,
        /// All nodes that start at once.
        total: usize,
    },
    /// The timeline's zero.
    TimelineStarted {
        /// How long it will take.
        duration: Duration,
    },
    /// Once a second while the timeline runs.
    Tick {
        /// Since the timeline's zero.
        at: Duration,
        /// The next entry that begins or ends: what (`split begins`), and when.
        next: Option<(String, Duration)>,
        /// Nodes by head: how many different heads among how many nodes that are seen.
        heads: HeadCount,
    },
    /// A fault began or ended: `split: partition west | east begins`, and how late it was.
    Fault {
        /// One line.
        line: String,
        /// Applied minus planned.
        late: Duration,
    },
    /// Something that a person should see at once: a node died, the engine went away.
    Trouble(String),
    /// Taking everything down.
    TearingDown,
}

/// How the nodes that are seen stand, for the progress line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadCount {
    /// Nodes whose head is known.
    pub nodes: usize,
    /// Different hashes at their lowest common height region; 1 when all are equal.
    pub different: usize,
    /// Highest head.
    pub highest: u64,
}

/// Why the timeline ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It ran to its end.
    Complete,
    /// The scenario's `timeout` passed first.
    Timeout,
    /// Ctrl-C, SIGTERM or SIGHUP.
    Interrupted,
    /// The environment could not do it; the message stands in [`Outcome::trouble`].
    Trouble,
}

impl End {
    /// The word in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
            Self::Trouble => "trouble",
        }
    }
}

/// What came of a run. The verdict is not here: it is read from the journal.
#[derive(Debug)]
pub struct Outcome {
    /// Why the timeline ended.
    pub end: End,
    /// What the environment could not do.
    pub trouble: Option<BackendError>,
    /// From the start to the timeline's zero.
    pub start_up: Option<Duration>,
    /// Nodes started a second.
    pub starts_per_second: Option<f64>,
    /// The whole run.
    pub total: Duration,
    /// Largest difference between a fault's planned and applied instant.
    pub worst_fault_error: Option<Duration>,
    /// Longest time between two answers of one node while it was in sight.
    pub worst_poll_gap: Option<Duration>,
    /// Whether the record of the run could not be written as it should: no further run may begin here.
    pub record_failed: bool,
    /// What could not be taken down.
    pub teardown_errors: Vec<String>,
    /// With `keep`: how to look at each node.
    pub how_to_look: BTreeMap<NodeName, String>,
    /// With `keep`: the backend, still up. Where packets pass our forwarder they do so only as long as this lives.
    pub kept: Option<Arc<Backend>>,
}

/// The journal could not be begun: nothing else ends a run without an [`Outcome`].
#[derive(Debug, thiserror::Error)]
#[error("cannot begin the journal {path}")]
pub struct JournalFailed {
    /// Its path.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

/// Runs a plan to its end and takes everything down again, whatever happens in between.
pub async fn run(request: Request) -> Result<Outcome, JournalFailed> {
    Ok(engine::Engine::begin(request)?.drive().await)
}
