//! What stands out in a run though nobody asked: findings go with every verdict and fail no run by themselves.

mod busy_machine;
mod claimed_peers;
mod cut_logs;
mod layers_apart;
mod out_of_memory;
mod rounds;
mod standstill;
mod stop_ignored;

use serde::{Deserialize, Serialize};

pub(crate) use cut_logs::CutLog;

use super::history::History;

/// How many findings are kept. More than this nobody reads.
const KEPT: usize = 60;

/// Which kind of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A participant's consensus client follows other blocks than its execution client.
    LayersApart,
    /// Nodes go on counting peers that they cannot reach.
    ClaimedPeers,
    /// Rounds rise while the height stands.
    Rounds,
    /// The machine itself had more to do than it could.
    BusyMachine,
    /// The tool itself stood still.
    Standstill,
    /// The file of a node's log is not whole.
    CutLog,
    /// A node that was asked to end went on, and was killed in the end.
    StopIgnored,
    /// The kernel killed processes of a node for its memory limit.
    OutOfMemory,
}

impl FindingKind {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::LayersApart => "layers apart",
            Self::ClaimedPeers => "peers that are not there",
            Self::Rounds => "rounds without a block",
            Self::BusyMachine => "overloaded machine",
            Self::Standstill => "a tool that stood still",
            Self::CutLog => "a log that is not whole",
            Self::StopIgnored => "a stop that was ignored",
            Self::OutOfMemory => "killed for memory",
        }
    }
}

/// Something that stands out. Instants are in microseconds since the run started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which kind.
    pub kind: FindingKind,
    /// Who it is about, participants by their names.
    pub who: Vec<String>,
    /// From when.
    pub from: u64,
    /// To when; none if it lasted to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// One line for people.
    pub text: String,
    /// Lines of the journal that show it.
    pub evidence: Vec<u64>,
}

impl Finding {
    /// Whether it was there at a moment.
    pub(crate) fn covers(&self, at: u64) -> bool {
        self.from <= at && self.to.is_none_or(|to| at <= to)
    }
}

/// Everything that stands out, in order of time.
pub(crate) fn findings(history: &History<'_>) -> Vec<Finding> {
    let mut all = layers_apart::find(history);
    all.extend(claimed_peers::find(history));
    all.extend(rounds::find(history));
    all.extend(busy_machine::find(history));
    all.extend(standstill::find(history));
    all.extend(cut_logs::find(history));
    all.extend(stop_ignored::find(history));
    all.extend(out_of_memory::find(history));
    all.sort_by(|a, b| (a.from, a.kind, &a.who).cmp(&(b.from, b.kind, &b.who)));
    all.truncate(KEPT);
    all
}
