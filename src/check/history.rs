//! A journal put in order: for every node what it was seen to hold and when, all blocks, all fault windows.
//!
//! Built in one pass; everything that judges or draws a run starts from here.

use std::collections::BTreeMap;

use super::chain::{BlockId, Chain};
use super::findings::CutLog;
use super::windows::{Window, windows};
use crate::journal::{BlockRecord, Event, Journal, LinkCounterRecord, NodePhase, NodeRecord, RunRecord, What};

pub(crate) use super::node_state::State;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// A node's state.
    State(State),
    /// A node's last final block: height (epoch for beacon) and block.
    Finalized(u64, BlockId),
    /// A node's last justified epoch.
    Justified(u64),
    /// A node's number of peers.
    Peers(u64),
    /// What it said of peers, finality and justification so far says nothing any more: its process was started again, or
    /// it came back into sight.
    Void,
}

/// A change, in the order of the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// Microseconds since the run started.
    pub(crate) at: u64,
    /// Line of the journal.
    pub(crate) seq: u64,
    /// Index of the node.
    pub(crate) node: usize,
    /// What.
    pub(crate) fact: Fact,
}

/// A block that a node was seen to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holding {
    /// Which block.
    pub(crate) block: BlockId,
    /// Which node.
    pub(crate) node: usize,
    /// Since when, in microseconds since the run started.
    pub(crate) at: u64,
}

/// An answer to a call that the timeline or an expectation asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) at: u64,
    pub(crate) seq: u64,
    /// Entry of the timeline, or key of the question.
    pub(crate) asked_by: &'a str,
    /// Index of the node.
    pub(crate) node: usize,
    pub(crate) method: &'a str,
    /// The height that it was about, if it was about one.
    pub(crate) height: Option<u64>,
    pub(crate) result: Option<&'a serde_json::Value>,
    pub(crate) error: Option<&'a str>,
    /// Whether the node itself refused it.
    pub(crate) refused: bool,
}

/// An exit of a node's process that nobody asked for.
#[derive(Clone, Debug)]
pub(crate) struct Death<'a> {
    pub(crate) at: u64,
    pub(crate) seq: u64,
    pub(crate) how: String,
    pub(crate) last_lines: &'a [String],
}

/// A branch that a node keeps beside its chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LostBranch<'a> {
    pub(crate) at: u64,
    pub(crate) seq: u64,
    pub(crate) height: u64,
    pub(crate) hash: &'a str,
    pub(crate) length: u64,
    pub(crate) status: &'a str,
}

/// A node went backwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reorganisation {
    pub(crate) at: u64,
    pub(crate) seq: u64,
    /// From the old head's height down to the common ancestor's: slots on a beacon chain.
    pub(crate) depth: u64,
    /// Blocks that were left, where that is known.
    pub(crate) blocks: Option<u64>,
    /// Whether the common ancestor was found; if not, `depth` is a lower bound.
    pub(crate) exact: bool,
}

/// A line of a node's log that matched a pattern.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark<'a> {
    pub(crate) at: u64,
    pub(crate) seq: u64,
    pub(crate) pattern: &'a str,
    /// Whether the pattern is the manifest's own.
    pub(crate) manifest: bool,
    pub(crate) line: &'a str,
    /// Its number in the log, from 1.
    pub(crate) number: u64,
}

/// How long something on the machine waited, in a stretch of time. All in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pressure {
    /// The end of the stretch.
    pub(crate) at: u64,
    pub(crate) seq: u64,
    /// Its length.
    pub(crate) over: u64,
    pub(crate) cpu: u64,
    pub(crate) memory: u64,
}

/// Everything that is known of one node.
#[derive(Clone, Debug)]
pub(crate) struct NodeHistory<'a> {
    pub(crate) record: &'a NodeRecord,
    /// Its changes: indices into [`History::changes`].
    pub(crate) changes: Vec<u32>,
    /// Stages of its starts: instant, line, stage.
    pub(crate) phases: Vec<(u64, u64, NodePhase)>,
    /// Exits that nobody asked for.
    pub(crate) deaths: Vec<Death<'a>>,
    /// Reorganisations.
    pub(crate) reorgs: Vec<Reorganisation>,
    /// Matched log lines.
    pub(crate) marks: Vec<Mark<'a>>,
    /// Exact numbers of matching lines: instant, pattern, whether it is the manifest's, lines so far.
    pub(crate) counts: Vec<(u64, &'a str, bool, u64)>,
    /// Times in which it should have been seen and was not: from, to (none: to the end).
    pub(crate) gaps: Vec<(u64, Option<u64>)>,
    /// How long it may take to come up, in microseconds.
    pub(crate) grace: u64,
    /// Why its API could not be asked, from when on; none from when on it could.
    pub(crate) refusals: Vec<(u64, Option<&'a str>)>,
    /// Its version string, as last given.
    pub(crate) version: Option<&'a str>,
    /// Rounds that it entered: instant, line, height, round, step.
    pub(crate) rounds: Vec<(u64, u64, u64, u64, &'a str)>,
    /// Branches that it keeps beside its chain: instant, line, the event's own words.
    pub(crate) branches: Vec<LostBranch<'a>>,
    /// Whether it says that it is syncing, from when on.
    pub(crate) syncing: Vec<(u64, bool)>,
}

/// A whole run, in order.
#[derive(Debug)]
pub(crate) struct History<'a> {
    pub(crate) run: &'a RunRecord,
    pub(crate) nodes: Vec<NodeHistory<'a>>,
    pub(crate) index: BTreeMap<&'a str, usize>,
    pub(crate) chain: Chain<'a>,
    /// All blocks that nodes were seen to hold, by block and then by time.
    pub(crate) holdings: Vec<Holding>,
    /// Faults.
    pub(crate) windows: Vec<Window<'a>>,
    /// Entries that sent something: they are over at once and no faults.
    pub(crate) sends: Vec<Window<'a>>,
    /// All calls, in order.
    pub(crate) calls: Vec<Call<'a>>,
    pub(crate) changes: Vec<Change>,
    /// The timeline's zero; none if it was not reached.
    pub(crate) zero: Option<u64>,
    /// The last moment that is judged.
    pub(crate) end: u64,
    /// Why the timeline ended; none if the journal does not say (a killed run).
    pub(crate) ended: Option<&'a str>,
    /// Troubles that are not nodes' faults: instant, line, text.
    pub(crate) troubles: Vec<(u64, u64, &'a str)>,
    /// What else blocks said of themselves than their place in the chain, as first told.
    pub(crate) told: BTreeMap<BlockId, &'a BlockRecord>,
    /// Counters of links: instant, line, records.
    pub(crate) links: Vec<(u64, u64, &'a [LinkCounterRecord])>,
    /// How busy the machine was, in order.
    pub(crate) pressures: Vec<Pressure>,
    /// Logs of which a part is missing.
    pub(crate) cut_logs: Vec<CutLog>,
    /// Times in which the tool itself stood still for longer than [`TOLERATED_GAP`]: from, to, line.
    pub(crate) standstills: Vec<(u64, u64, u64)>,
    /// What the backend told of nodes' processes: [`What::StopIgnored`], [`What::OutOfMemory`].
    pub(crate) told_of_processes: Vec<&'a Event>,
    /// What nodes told of blocks in which chains parted.
    pub(crate) inspected: Vec<super::block_differences::Told<'a>>,
}

impl<'a> History<'a> {
    /// Reads a journal. Linear in its length, but for one sort of the blocks.
    pub(crate) fn new(journal: &'a Journal) -> Self {
        let run = &journal.run;
        let first = |wanted: fn(&What) -> bool| journal.events.iter().find(|event| wanted(&event.what));
        let zero = first(|what| matches!(what, What::TimelineStarted)).map(|event| event.at);
        let ended = first(|what| matches!(what, What::TimelineEnded { .. }));
        let stop = ended.or_else(|| first(|what| matches!(what, What::TornDown { .. })));
        let judged = stop.map_or(journal.events.len(), |event| {
            journal.events.iter().position(|other| other.seq == event.seq).unwrap_or(journal.events.len())
        });
        let end = stop.or(journal.events.last()).map_or(0, |event| event.at);
        let (sends, faults) = windows(journal, zero, end).into_iter().partition(Window::is_send);
        let mut history = Self {
            run,
            nodes: run.nodes.iter().map(NodeHistory::new).collect(),
            index: run.nodes.iter().enumerate().map(|(index, node)| (node.name.as_str(), index)).collect(),
            chain: Chain::default(),
            holdings: Vec::new(),
            windows: faults,
            sends,
            calls: Vec::new(),
            changes: Vec::new(),
            zero,
            end,
            ended: ended.and_then(|event| match &event.what {
                What::TimelineEnded { reason } => Some(reason.as_str()),
                _ => None,
            }),
            troubles: Vec::new(),
            told: BTreeMap::new(),
            links: Vec::new(),
            pressures: Vec::new(),
            cut_logs: Vec::new(),
            standstills: Vec::new(),
            told_of_processes: Vec::new(),
            inspected: super::block_differences::told(journal),
        };
        history.read(journal, &journal.events[..judged]);
        history.chain.link();
        history.finish();
        history.holdings.sort_by_key(|holding| holding.block);
        history
    }
}

impl<'a> NodeHistory<'a> {
    fn new(record: &'a NodeRecord) -> Self {
        Self {
            record,
            changes: Vec::new(),
            phases: Vec::new(),
            deaths: Vec::new(),
            reorgs: Vec::new(),
            marks: Vec::new(),
            counts: Vec::new(),
            gaps: Vec::new(),
            grace: 0,
            refusals: Vec::new(),
            version: None,
            rounds: Vec::new(),
            branches: Vec::new(),
            syncing: Vec::new(),
        }
    }
}
