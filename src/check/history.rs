//! A journal put in order: for every node what it was seen to hold and when, all blocks, all fault windows.
//!
//! Built in one pass; everything that judges or draws a run starts from here.

use std::collections::BTreeMap;

use super::chain::{BlockId, Chain};
use super::node_state::Raw;
use super::windows::{Window, windows};
use crate::journal::{BlockRecord, Journal, LinkCounterRecord, NodePhase, NodeRecord, RunRecord, What};

pub(crate) use super::node_state::State;

/// A node that cannot be seen for less than this is taken to hold what it held: probes sample, and one lost sample is no
/// blindness. In microseconds.
pub const TOLERATED_GAP: u64 = 3_000_000;

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
    /// Reorganisations: instant, line, depth, whether the depth is exact.
    pub(crate) reorgs: Vec<(u64, u64, u64, bool)>,
    /// Matched log lines: instant, line of the journal, pattern, the line, its number.
    pub(crate) marks: Vec<(u64, u64, &'a str, &'a str, u64)>,
    /// Longer times out of sight: from, to.
    pub(crate) gaps: Vec<(u64, Option<u64>)>,
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
        let (sends, faults) = windows(journal, zero).into_iter().partition(Window::is_send);
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
            inspected: super::block_differences::told(journal),
        };
        history.read(&journal.events[..judged]);
        history.chain.link();
        history.holdings.sort_by_key(|holding| holding.block);
        history
    }

    fn read(&mut self, events: &'a [crate::journal::Event]) {
        let blind = self.long_gaps(events);
        let mut raw = vec![Raw::default(); self.nodes.len()];
        let mut states = vec![State::Away; self.nodes.len()];
        // Process faults take hold of their targets at the applied instant, which may be earlier than the line.
        let mut holds: Vec<(u64, u64, usize, bool)> = Vec::new();
        // A restart begins and ends at one instant: the exit and the start say all there is to say.
        let lasts = |window: &&Window<'_>| window.end.is_none() || window.end > window.begin;
        for window in self.windows.iter().filter(|window| window.takes_processes()).filter(lasts) {
            for target in &window.record.targets {
                let Some(&node) = self.index.get(target.as_str()) else { continue };
                let seq = |position: usize| window.evidence.get(position).copied().unwrap_or(0);
                holds.extend(window.begin.map(|begin| (begin, seq(0), node, true)));
                holds.extend(window.end.map(|end| (end, seq(1), node, false)));
            }
        }
        holds.sort_unstable();
        let mut holds = holds.into_iter().peekable();
        for event in events {
            while let Some((at, seq, node, hold)) = holds.next_if(|hold| hold.0 <= event.at) {
                raw[node].hold(hold);
                self.note_state(at, seq, node, raw[node].state(), &mut states);
            }
            let node = node_of(&event.what).and_then(|name| self.index.get(name).copied());
            if let What::Trouble { message } = &event.what {
                self.troubles.push((event.at, event.seq, message));
            }
            if let What::Pressure { over, cpu, memory, .. } = event.what {
                self.pressures.push(Pressure { at: event.at, seq: event.seq, over, cpu, memory });
            }
            if let What::Links { links } = &event.what {
                self.links.push((event.at, event.seq, links));
            }
            let Some(node) = node else { continue };
            self.observe(event, node, &mut raw[node], &blind[node]);
            let state = raw[node].state();
            self.note_state(event.at, event.seq, node, state, &mut states);
        }
        for (at, seq, node, hold) in holds {
            raw[node].hold(hold);
            self.note_state(at.min(self.end), seq, node, raw[node].state(), &mut states);
        }
    }

    /// Takes up what one event says of one node.
    fn observe(&mut self, event: &'a crate::journal::Event, node: usize, raw: &mut Raw, blind: &[(u64, Option<u64>)]) {
        let (at, seq) = (event.at, event.seq);
        match &event.what {
            What::Node { phase, .. } => {
                self.nodes[node].phases.push((at, seq, *phase));
                if *phase == NodePhase::Started {
                    *raw = Raw { running: true, held: raw.held, ..Raw::default() };
                }
            }
            What::Head { height, hash, parent, .. } => {
                let block = self.chain.add(hash, *height, parent.as_deref(), None);
                self.holdings.push(Holding { block, node, at });
                if raw.answers(at) {
                    raw.head = Some(block);
                }
            }
            What::Block(record) => {
                let block =
                    self.chain.add(&record.hash, record.height, Some(&record.parent), record.producer.as_deref());
                self.holdings.push(Holding { block, node, at });
                let says = record.state_root.is_some() || record.receipts_root.is_some();
                if says || record.gas_used.is_some() || record.execution.is_some() {
                    self.told.entry(block).or_insert(record);
                }
            }
            What::Round { height, round, step, .. } => {
                raw.answers(at);
                self.nodes[node].rounds.push((at, seq, *height, *round, step));
            }
            What::Branch { height, hash, length, status, .. } => {
                raw.answers(at);
                let branch = LostBranch { at, seq, height: *height, hash, length: *length, status };
                self.nodes[node].branches.push(branch);
            }
            What::Finalized { height, hash, .. } => {
                let block = self.chain.id(hash);
                raw.answers(at);
                self.note(Change { at, seq, node, fact: Fact::Finalized(*height, block) });
            }
            What::Justified { height, .. } => {
                raw.answers(at);
                self.note(Change { at, seq, node, fact: Fact::Justified(*height) });
            }
            What::Peers { count, .. } => {
                raw.answers(at);
                self.note(Change { at, seq, node, fact: Fact::Peers(*count) });
            }
            What::Syncing { syncing, .. } => {
                raw.answers(at);
                self.nodes[node].syncing.push((at, *syncing));
            }
            What::Safe { .. } | What::ProbeBack { .. } => {
                raw.answers(at);
            }
            What::Version { version, .. } => {
                raw.answers(at);
                self.nodes[node].version = Some(version);
            }
            What::Reorg { depth, exact, .. } => self.nodes[node].reorgs.push((at, seq, *depth, *exact)),
            What::ProbeLost { .. } => {
                if blind.binary_search_by_key(&at, |gap| gap.0).is_ok() {
                    raw.lost = true;
                    raw.head = None;
                    // A paused node that falls silent has to show itself again before anything is said of it.
                    raw.answered &= raw.held == 0;
                }
            }
            What::LogMark { pattern, line, number, .. } => {
                self.nodes[node].marks.push((at, seq, pattern, line, *number));
            }
            What::Exit { code, signal, expected, last_lines, .. } => {
                *raw = Raw { dead: !expected, exited: Some(at), held: raw.held, ..Raw::default() };
                if !expected {
                    let how = match (code, signal) {
                        (_, Some(signal)) => format!("signal {signal}"),
                        (Some(code), None) => format!("code {code}"),
                        (None, None) => "for an unknown reason".to_owned(),
                    };
                    self.nodes[node].deaths.push(Death { at, seq, how, last_lines });
                }
            }
            What::Called { asked_by, method, height, result, error, refused, .. } => self.calls.push(Call {
                at,
                seq,
                asked_by,
                node,
                method,
                height: *height,
                result: result.as_ref(),
                error: error.as_deref(),
                refused: *refused,
            }),
            _ => {}
        }
    }

    /// Times in which probes could not see a node for longer than [`TOLERATED_GAP`], by node.
    fn long_gaps(&mut self, events: &[crate::journal::Event]) -> Vec<Vec<(u64, Option<u64>)>> {
        let mut open: Vec<Option<u64>> = vec![None; self.nodes.len()];
        let mut gaps: Vec<Vec<(u64, Option<u64>)>> = vec![Vec::new(); self.nodes.len()];
        for event in events {
            let Some(&node) = node_of(&event.what).and_then(|name| self.index.get(name)) else { continue };
            match &event.what {
                What::ProbeLost { .. } => open[node] = open[node].or(Some(event.at)),
                What::ProbeBack { .. } | What::Head { .. } | What::Peers { .. } => {
                    if let Some(from) = open[node].take()
                        && event.at - from >= TOLERATED_GAP
                    {
                        gaps[node].push((from, Some(event.at)));
                    }
                }
                _ => {}
            }
        }
        for (node, from) in open.into_iter().enumerate() {
            // One lost sample right at the end is no blindness either.
            if let Some(from) = from.filter(|from| self.end.saturating_sub(*from) >= TOLERATED_GAP) {
                gaps[node].push((from, None));
            }
            self.nodes[node].gaps.clone_from(&gaps[node]);
        }
        gaps
    }

    fn note(&mut self, change: Change) {
        self.nodes[change.node].changes.push(self.changes.len() as u32);
        self.changes.push(change);
    }

    fn note_state(&mut self, at: u64, seq: u64, node: usize, state: State, states: &mut [State]) {
        if states[node] != state {
            states[node] = state;
            // The order of changes is the order of time, also where a fault's instant lies before its line.
            let at = self.changes.last().map_or(at, |last| last.at.max(at));
            self.note(Change { at, seq, node, fact: Fact::State(state) });
        }
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
            gaps: Vec::new(),
            version: None,
            rounds: Vec::new(),
            branches: Vec::new(),
            syncing: Vec::new(),
        }
    }
}

fn node_of(what: &What) -> Option<&str> {
    match what {
        What::Node { node, .. }
        | What::Head { node, .. }
        | What::Finalized { node, .. }
        | What::Justified { node, .. }
        | What::Peers { node, .. }
        | What::Syncing { node, .. }
        | What::Safe { node, .. }
        | What::Branch { node, .. }
        | What::Round { node, .. }
        | What::Called { node, .. }
        | What::Version { node, .. }
        | What::Reorg { node, .. }
        | What::ProbeLost { node, .. }
        | What::ProbeBack { node }
        | What::LogMark { node, .. }
        | What::Exit { node, .. } => Some(node.as_str()),
        What::Block(record) => Some(record.node.as_str()),
        _ => None,
    }
}
