//! How a journal becomes a history: one pass over its lines, with the beginnings and ends of entries and of blind times
//! taken up at their own instants.

use std::collections::BTreeMap;

use super::findings::CutLog;
use super::history::{Call, Change, Death, Fact, History, Holding, LostBranch, Mark, Pressure, Reorganisation, State};
use super::node_state::Raw;
use super::sight::{Blind, TOLERATED_GAP, blind_times, graces, unwritten_standstills};
use super::windows::Window;
use crate::journal::{Event, Journal, NodePhase, What};

impl<'a> History<'a> {
    pub(super) fn read(&mut self, journal: &Journal, events: &'a [Event]) {
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
            // A gap begins with the last answer, which counts.
            let is_due = |turn: &Turn| turn.at < event.at || (turn.at == event.at && turn.kind != TurnKind::OutOfSight);
            while let Some(turn) = turns.next_if(is_due) {
                self.turn(turn, &mut raw, &mut states);
            }
            let node = node_of(&event.what).and_then(|name| self.index.get(name).copied());
            match &event.what {
                What::Trouble { message } => self.troubles.push((event.at, event.seq, message)),
                What::Pressure { over, cpu, memory, .. } => {
                    let (over, cpu, memory) = (*over, *cpu, *memory);
                    self.pressures.push(Pressure { at: event.at, seq: event.seq, over, cpu, memory });
                }
                What::StopIgnored { .. } | What::OutOfMemory { .. } => self.told_of_processes.push(event),
                What::Links { links } => self.links.push((event.at, event.seq, links)),
                What::LogCut { node, bytes, limit, error } => self.cut_logs.push(CutLog {
                    at: event.at,
                    seq: event.seq,
                    node: node.to_string(),
                    bytes: *bytes,
                    limit: *limit,
                    error: error.clone(),
                }),
                What::StoodStill { from, to, suspended }
                    if to.saturating_sub(*from).max(*suspended) >= TOLERATED_GAP =>
                {
                    self.standstills.push((*from, *to, event.seq));
                }
                _ => {}
            }
            let Some(node) = node else { continue };
            self.observe(event, node, &mut raw[node], &blind[node], answered_all[node]);
            let state = raw[node].state();
            self.note_state(event.at, event.seq, node, state, &mut states);
        }
        // What comes with the end or after it is not judged.
        for turn in turns.filter(|turn| turn.at < ends.1) {
            self.turn(turn, &mut raw, &mut states);
        }
    }

    /// Beginnings and ends of entries that take processes, and of blind times, in order. They take hold at their own
    /// instants, which may be earlier than the lines that tell them.
    fn turns(&self, blind: &[Vec<Blind>]) -> Vec<Turn> {
        let mut turns = Vec::new();
        // A restart that is to begin and end at one instant takes nobody out of a question: its exit and its start say all
        // there is to say.
        let at_once = |window: &Window<'_>| window.record.end == Some(window.record.start);
        let lasts = |window: &&Window<'_>| {
            !at_once(window) && window.excuses_until().is_none_or(|end| Some(end) > window.begin)
        };
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
                let (begins, ends) = if gap.comes_back {
                    (TurnKind::StillOut, TurnKind::Answers)
                } else {
                    (TurnKind::OutOfSight, TurnKind::InSight)
                };
                turns.push(Turn { at: gap.from, seq: 0, node, kind: begins });
                if gap.answered < self.end {
                    turns.push(Turn { at: gap.answered, seq: 0, node, kind: TurnKind::Voids });
                }
                // What reaches the end has no end.
                if gap.to < self.end {
                    turns.push(Turn { at: gap.to, seq: 0, node, kind: ends });
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
            TurnKind::Voids => {
                return self.note(Change { at: turn.at, seq: turn.seq, node: turn.node, fact: Fact::Void });
            }
            TurnKind::OutOfSight => one.blind(true),
            TurnKind::StillOut => {
                one.blind(true);
                (one.answered, one.returning) = (false, true);
            }
            TurnKind::InSight => one.blind(false),
            TurnKind::Answers => {
                one.blind(false);
                one.answered = true;
            }
        }
        let state = one.state();
        self.note_state(turn.at, turn.seq, turn.node, state, states);
    }

    /// Takes up what one event says of one node.
    fn observe(&mut self, event: &'a Event, node: usize, raw: &mut Raw, blind: &[Blind], answered_all: bool) {
        let (at, seq) = (event.at, event.seq);
        match &event.what {
            What::Node { phase, .. } => {
                self.nodes[node].phases.push((at, seq, *phase));
                if *phase == NodePhase::Started {
                    let Raw { held, lost, returning, before, .. } = *raw;
                    *raw = Raw { running: true, held, lost, returning, before, ..Raw::default() };
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
                self.nodes[node].refusals.push((at, None));
                raw.answers(at);
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
                self.nodes[node].refusals.push((at, Some(error)));
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
                let (dead, returning) = (!expected, raw.returning);
                *raw = Raw { dead, exited: Some(at), held, lost, returning, due, before, ..Raw::default() };
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
    /// It answers again: what it said before is not known to hold.
    Voids,
    /// It can be seen again.
    InSight,
    /// It gives its first answer after the timeline let go of it.
    Answers,
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
