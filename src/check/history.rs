//! A journal put in order: for every node what it was seen to hold and when, all blocks, all fault windows.
//!
//! Built in one pass; everything that judges or draws a run starts from here.

use std::collections::BTreeMap;

use super::chain::{BlockId, Chain};
use super::node_state::Raw;
use super::sight::{Blind, TOLERATED_GAP, blind_times, graces, unwritten_standstills};
use super::windows::{Window, windows};
use crate::journal::{BlockRecord, Journal, LinkCounterRecord, NodePhase, NodeRecord, RunRecord, What};

pub(crate) use super::node_state::State;

/// In journals that promise nothing, a node that was seen for so long and told no other value has the one that it had:
/// twice the time between two questions for peers and finality. In microseconds.
const RETOLD: u64 = 2_000_000;

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
    /// Why its API could not be asked, as last told.
    pub(crate) refusal: Option<(u64, &'a str)>,
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
    /// Times in which the tool itself stood still for longer than [`TOLERATED_GAP`]: from, to, line.
    pub(crate) standstills: Vec<(u64, u64, u64)>,
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
            standstills: Vec::new(),
        };
        history.read(journal, &journal.events[..judged]);
        history.chain.link();
        history.finish();
        history.holdings.sort_by_key(|holding| holding.block);
        history
    }

    fn read(&mut self, journal: &Journal, events: &'a [crate::journal::Event]) {
        let ends = (self.zero, self.end);
        let blind = blind_times(journal, events, &self.index, &self.windows, ends);
        for ((history, blind), grace) in self.nodes.iter_mut().zip(&blind).zip(graces(journal, &self.index)) {
            history.gaps = blind.iter().map(|gap| (gap.from, (gap.to < ends.1).then_some(gap.to))).collect();
            history.grace = grace;
        }
        self.standstills = unwritten_standstills(journal, &blind);
        let answered_all = answered_all(journal, &self.index);
        let mut raw = vec![Raw::default(); self.nodes.len()];
        let mut states = vec![State::Away; self.nodes.len()];
        let mut turns = self.turns(&blind).into_iter().peekable();
        for event in events {
            while let Some(turn) = turns.next_if(|turn| turn.at <= event.at) {
                self.turn(turn, &mut raw, &mut states);
            }
            let node = node_of(&event.what).and_then(|name| self.index.get(name).copied());
            match &event.what {
                What::Trouble { message } => self.troubles.push((event.at, event.seq, message)),
                What::Pressure { over, cpu, memory, .. } => {
                    let (over, cpu, memory) = (*over, *cpu, *memory);
                    self.pressures.push(Pressure { at: event.at, seq: event.seq, over, cpu, memory });
                }
                What::Links { links } => self.links.push((event.at, event.seq, links)),
                What::StoodStill { from, to, suspended } if (to - from).max(*suspended) >= TOLERATED_GAP => {
                    self.standstills.push((*from, *to, event.seq));
                }
                _ => {}
            }
            let Some(node) = node else { continue };
            self.observe(event, node, &mut raw[node], &blind[node], answered_all[node]);
            let state = raw[node].state();
            self.note_state(event.at, event.seq, node, state, &mut states);
        }
        for turn in turns {
            self.turn(Turn { at: turn.at.min(self.end), ..turn }, &mut raw, &mut states);
        }
    }

    /// Beginnings and ends of entries that take processes, and of blind times, in order. They take hold at their own
    /// instants, which may be earlier than the lines that tell them.
    fn turns(&self, blind: &[Vec<Blind>]) -> Vec<Turn> {
        let mut turns = Vec::new();
        // A restart begins and ends at one instant: the exit and the start say all there is to say.
        let lasts = |window: &&Window<'_>| window.excuses_until().is_none_or(|end| Some(end) > window.begin);
        for window in self.windows.iter().filter(|window| window.takes_processes()).filter(lasts) {
            let Some(begin) = window.begin else { continue };
            for target in &window.record.targets {
                let Some(&node) = self.index.get(target.as_str()) else { continue };
                let seq = |position: usize| window.evidence.get(position).copied().unwrap_or(0);
                turns.push(Turn { at: begin, seq: seq(0), node, kind: TurnKind::Taken });
                let end = window.excuses_until();
                turns.extend(end.map(|at| Turn { at, seq: seq(1), node, kind: TurnKind::GivenBack }));
            }
        }
        for (node, blind) in blind.iter().enumerate() {
            for gap in blind {
                let begins = if gap.comes_back { TurnKind::StillOut } else { TurnKind::OutOfSight };
                turns.push(Turn { at: gap.from, seq: 0, node, kind: begins });
                // What reaches the end has no end.
                if gap.to < self.end {
                    turns.push(Turn { at: gap.to, seq: 0, node, kind: TurnKind::InSight });
                }
            }
        }
        turns.sort_by_key(|turn| (turn.at, turn.kind, turn.seq, turn.node));
        turns
    }

    fn turn(&mut self, turn: Turn, raw: &mut [Raw], states: &mut [State]) {
        let one = &mut raw[turn.node];
        match turn.kind {
            TurnKind::Taken => one.hold(true),
            TurnKind::GivenBack => one.hold(false),
            TurnKind::OutOfSight => one.blind(true),
            TurnKind::StillOut => {
                one.blind(true);
                one.answered = false;
            }
            TurnKind::InSight => one.blind(false),
        }
        let state = one.state();
        self.note_state(turn.at, turn.seq, turn.node, state, states);
    }

    /// Takes up what one event says of one node.
    fn observe(
        &mut self,
        event: &'a crate::journal::Event,
        node: usize,
        raw: &mut Raw,
        blind: &[Blind],
        answered_all: bool,
    ) {
        let (at, seq) = (event.at, event.seq);
        match &event.what {
            What::Node { phase, .. } => {
                self.nodes[node].phases.push((at, seq, *phase));
                if *phase == NodePhase::Started {
                    *raw = Raw { running: true, held: raw.held, lost: raw.lost, before: raw.before, ..Raw::default() };
                    self.note(Change { at, seq, node, fact: Fact::Void });
                }
                // A journal that promises nothing may say nothing of a node that changed nothing.
                if *phase == NodePhase::Ready && answered_all && raw.before.is_some() && raw.answers(at) {
                    raw.head = raw.before;
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
            What::Safe { .. } => {
                raw.answers(at);
            }
            What::ProbeBack { .. } => {
                if raw.answers(at) && blind.iter().any(|gap| gap.to == at) {
                    self.note(Change { at, seq, node, fact: Fact::Void });
                }
            }
            What::Version { version, .. } => {
                raw.answers(at);
                self.nodes[node].version = Some(version);
            }
            What::Reorg { depth, blocks, exact, .. } => {
                let (depth, blocks, exact) = (*depth, *blocks, *exact);
                self.nodes[node].reorgs.push(Reorganisation { at, seq, depth, blocks, exact });
            }
            What::ProbeLost { error, .. } => {
                self.nodes[node].refusal = Some((at, error));
                if blind.iter().any(|gap| (gap.from..gap.to).contains(&at)) {
                    raw.head = None;
                }
            }
            What::LogMark { pattern, line, number, manifest, .. } => {
                let (manifest, number) = (*manifest, *number);
                self.nodes[node].marks.push(Mark { at, seq, pattern, manifest, line, number });
            }
            What::LogCount { pattern, manifest, lines, .. } => {
                self.nodes[node].counts.push((at, pattern, *manifest, *lines));
            }
            What::Exit { code, signal, expected, last_lines, .. } => {
                let (held, lost, before) = (raw.held, raw.lost, raw.head.or(raw.before));
                // Whoever is ended as ordered and held by no entry is to come back at once.
                let due = *expected && held == 0;
                *raw = Raw { dead: !expected, exited: Some(at), held, lost, due, before, ..Raw::default() };
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

    /// What only the whole of a node's story tells: who takes too long to come, and which values still hold.
    fn finish(&mut self) {
        let mut added: Vec<Change> = Vec::new();
        for node in 0..self.nodes.len() {
            self.overdue(node, &mut added);
            if self.run.promises == 0 {
                self.still_true(node, &mut added);
            }
        }
        self.changes.append(&mut added);
        // Stable: what stands at one instant keeps its order.
        self.changes.sort_by_key(|change| change.at);
        self.nodes.iter_mut().for_each(|node| node.changes.clear());
        for (index, change) in self.changes.iter().enumerate() {
            self.nodes[change.node].changes.push(index as u32);
        }
    }

    fn own_changes(&self, node: usize) -> impl Iterator<Item = Change> + '_ {
        self.nodes[node].changes.iter().map(|&change| self.changes[change as usize])
    }

    /// A node that is coming for longer than its grace cannot be seen.
    fn overdue(&self, node: usize, added: &mut Vec<Change>) {
        let grace = self.nodes[node].grace;
        let mut since: Option<Change> = None;
        let mut late = |since: Option<Change>, until: u64| {
            if let Some(since) = since.filter(|since| since.at + grace < until) {
                added.push(Change { at: since.at + grace, fact: Fact::State(State::Unseen), ..since });
            }
        };
        for change in self.own_changes(node) {
            let Fact::State(state) = change.fact else { continue };
            late(since.take(), change.at);
            since = (state == State::Coming).then_some(change);
        }
        late(since, self.end);
    }

    /// Journals that promise nothing do not tell a value again that did not change.
    fn still_true(&self, node: usize, added: &mut Vec<Change>) {
        let (mut said, mut open): ([Option<Fact>; 3], [Option<Fact>; 3]) = ([None; 3], [None; 3]);
        let mut seen_since: Option<u64> = None;
        let mut take_up = |open: &mut [Option<Fact>; 3], since: Option<u64>, until: u64, seq: u64| {
            if let Some(at) = since.map(|since| since + RETOLD).filter(|&at| at < until) {
                let facts = open.iter_mut().filter_map(Option::take);
                added.extend(facts.map(|fact| Change { at, seq, node, fact }));
            }
        };
        for change in self.own_changes(node) {
            take_up(&mut open, seen_since, change.at, change.seq);
            let mut told = |kind: usize| (said[kind], open[kind]) = (Some(change.fact), None);
            match change.fact {
                Fact::Peers(_) => told(0),
                Fact::Finalized(..) => told(1),
                Fact::Justified(_) => told(2),
                Fact::Void => {
                    let kept = !self.was_wiped(node, change.at);
                    open = if kept { said } else { [None; 3] };
                    // The time in sight counts from here.
                    seen_since = seen_since.map(|_| change.at);
                }
                Fact::State(State::Seen(_)) => seen_since = seen_since.or(Some(change.at)),
                Fact::State(_) => seen_since = None,
            }
        }
        take_up(&mut open, seen_since, self.end, self.own_changes(node).last().map_or(0, |change| change.seq));
    }

    /// Whether the entry that a node came back from last threw its data away.
    fn was_wiped(&self, node: usize, at: u64) -> bool {
        let name = self.name(node);
        let mine =
            self.windows.iter().filter(|window| window.takes_processes() && window.record.targets.contains(name));
        let last =
            mine.filter(|window| window.begin.is_some_and(|begin| begin <= at)).max_by_key(|window| window.begin);
        last.is_some_and(|window| window.record.wipes || window.record.summary.contains("wipe"))
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
            counts: Vec::new(),
            gaps: Vec::new(),
            grace: 0,
            refusal: None,
            version: None,
            rounds: Vec::new(),
            branches: Vec::new(),
            syncing: Vec::new(),
        }
    }
}

/// Nodes all of whose polls were answered, by a journal that promises nothing else.
fn answered_all(journal: &Journal, index: &BTreeMap<&str, usize>) -> Vec<bool> {
    let mut all = vec![false; index.len()];
    for event in &journal.events {
        if let What::Watched { node, failed: 0, answered: 1.., .. } = &event.what
            && let Some(&node) = index.get(node.as_str())
        {
            all[node] = journal.run.promises == 0;
        }
    }
    all
}

/// Something that changes a node's state at an instant of its own.
#[derive(Clone, Copy, Debug)]
struct Turn {
    at: u64,
    seq: u64,
    node: usize,
    kind: TurnKind,
}

/// Ends come before beginnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum TurnKind {
    /// The timeline lets go of it.
    GivenBack,
    /// It can be seen again.
    InSight,
    /// The timeline takes its process away.
    Taken,
    /// It falls out of sight.
    OutOfSight,
    /// It was given back and is not in sight yet.
    StillOut,
}

/// The node that a line is about.
pub(super) fn node_of(what: &What) -> Option<&str> {
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
        | What::LogCount { node, .. }
        | What::Inspected { node, .. }
        | What::PollGap { node, .. }
        | What::Exit { node, .. } => Some(node.as_str()),
        What::Block(record) => Some(record.node.as_str()),
        _ => None,
    }
}
