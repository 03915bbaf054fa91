//! What every node is at every instant at which anything can change, by running through the whole journal once for each.

use std::collections::{BTreeMap, BTreeSet};

use splitbrain::journal::{NodePhase, What};

use super::facts::{Facts, SECOND};

/// What a node is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Away,
    Dead,
    Coming,
    Unseen,
    Seen,
}

/// A node at a moment.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub(crate) state: State,
    pub(crate) head: Option<String>,
    pub(crate) peers: Option<u64>,
    pub(crate) finalized: Option<(u64, String)>,
    pub(crate) justified: Option<u64>,
    /// How long it may take to come, as of now.
    pub(crate) grace: u64,
    /// The same as it was when the node was last seen.
    pub(crate) last_head: Option<String>,
    pub(crate) last_peers: Option<u64>,
    pub(crate) last_finalized: Option<(u64, String)>,
    pub(crate) last_justified: Option<u64>,
}

/// All instants, and each node at each of them.
#[derive(Debug)]
pub(crate) struct Sights {
    pub(crate) instants: Vec<u64>,
    nodes: BTreeMap<String, Vec<Sight>>,
}

impl Sights {
    /// `more` are instants that somebody wants to ask about.
    pub(crate) fn of(facts: &Facts<'_>, more: &[u64]) -> Self {
        let watches: Vec<Watch<'_>> =
            facts.journal.run.nodes.iter().map(|node| Watch::of(facts, node.name.as_str())).collect();
        let mut instants: BTreeSet<u64> = more.iter().copied().collect();
        instants.insert(facts.end);
        instants.extend(facts.zero);
        for watch in &watches {
            instants.extend(watch.changes.iter().map(|change| change.at));
            // When somebody begins to come, and when it has been coming, or seen, for too long or long enough.
            let processes = watch.changes.iter().filter(|change| changes_process(change.what)).map(|change| change.at);
            let began = processes.chain(watch.holds.iter().flat_map(|&(begin, end)| [begin, end]));
            for at in began {
                let graces = [5 * SECOND + 2 * watch.first_start.unwrap_or(0), watch.ready_within];
                instants.insert(at);
                instants.extend(graces.map(|grace| at.saturating_add(grace).saturating_add(1)));
            }
            if watch.promises == 0 {
                let answers = watch.changes.iter().filter(|change| is_answer(change.what)).map(|change| change.at);
                let back = answers.chain(watch.holds.iter().map(|&(_, end)| end));
                instants.extend(back.map(|at| at.saturating_add(2 * SECOND)));
            }
            instants.extend(watch.blind.iter().flat_map(|&(from, to)| [from, to, to + 2 * SECOND]));
        }
        let instants: Vec<u64> = instants.into_iter().filter(|&at| at <= facts.end).collect();
        let nodes = watches.into_iter().map(|watch| (watch.node.to_owned(), watch.run(&instants))).collect();
        Self { instants, nodes }
    }

    pub(crate) fn at(&self, node: &str, moment: usize) -> &Sight {
        &self.nodes[node][moment]
    }

    /// The moments of a time: its beginning and all changes before its end.
    pub(crate) fn moments(&self, from: u64, to: u64, with_end: bool) -> Vec<usize> {
        let inside = |at: u64| from <= at && (at < to || at == from || with_end && at == to);
        (0..self.instants.len()).filter(|&moment| inside(self.instants[moment])).collect()
    }

    pub(crate) fn moment(&self, at: u64) -> usize {
        self.instants.partition_point(|&instant| instant <= at).saturating_sub(1)
    }
}

#[derive(Clone, Debug)]
struct Change<'a> {
    at: u64,
    what: &'a What,
}

/// What is known of one node before it is run through.
#[derive(Debug)]
struct Watch<'a> {
    node: &'a str,
    changes: Vec<Change<'a>>,
    /// Entries that take its process, from when to when.
    holds: Vec<(u64, u64)>,
    /// When entries that wipe it began.
    wiped: Vec<u64>,
    blind: Vec<(u64, u64)>,
    /// From `started` to `ready`, the first time.
    first_start: Option<u64>,
    ready_within: u64,
    promises: u32,
}

pub(crate) fn is_answer(what: &What) -> bool {
    matches!(
        what,
        What::Head { .. }
            | What::Finalized { .. }
            | What::Justified { .. }
            | What::Safe { .. }
            | What::Peers { .. }
            | What::Syncing { .. }
            | What::Version { .. }
            | What::Round { .. }
            | What::Branch { .. }
            | What::ProbeBack { .. }
    )
}

fn ends_a_gap(what: &What) -> bool {
    matches!(what, What::ProbeBack { .. } | What::Head { .. } | What::Peers { .. })
}

fn changes_process(what: &What) -> bool {
    matches!(what, What::Exit { .. } | What::Node { phase: NodePhase::Started, .. })
}

/// The node that a line is about, if it is about one.
pub(crate) fn node_of(what: &What) -> Option<&str> {
    Some(match what {
        What::Node { node, .. }
        | What::Head { node, .. }
        | What::Finalized { node, .. }
        | What::Justified { node, .. }
        | What::Safe { node, .. }
        | What::Peers { node, .. }
        | What::Syncing { node, .. }
        | What::Version { node, .. }
        | What::Round { node, .. }
        | What::Branch { node, .. }
        | What::ProbeBack { node }
        | What::ProbeLost { node, .. }
        | What::PollGap { node, .. }
        | What::Exit { node, .. }
        | What::Reorg { node, .. }
        | What::Called { node, .. }
        | What::LogMark { node, .. }
        | What::LogCount { node, .. } => node.as_str(),
        What::Block(block) => block.node.as_str(),
        _ => return None,
    })
}

/// The lines about a node, without those that count for nothing.
pub(crate) fn lines_of<'a>(facts: &Facts<'a>, node: &str) -> Vec<(u64, &'a What)> {
    let mut lines = Vec::new();
    let mut exit: Option<u64> = None;
    for (at, what) in facts.lines().filter(|(_, what)| node_of(what) == Some(node)) {
        match what {
            What::Exit { .. } => exit = Some(at),
            What::Node { phase: NodePhase::Started, .. } => exit = None,
            // It was on its way when the process ended.
            _ if is_answer(what) && exit.is_some_and(|exit| at <= exit + SECOND) => continue,
            _ => {}
        }
        lines.push((at, what));
    }
    lines
}

impl<'a> Watch<'a> {
    fn of(facts: &Facts<'a>, node: &'a str) -> Self {
        let record = facts.node(node);
        let changes: Vec<Change<'a>> =
            lines_of(facts, node).into_iter().map(|(at, what)| Change { at, what }).collect();
        let phase = |wanted: NodePhase| {
            let found =
                changes.iter().find(|change| matches!(change.what, What::Node { phase, .. } if *phase == wanted));
            found.map(|change| change.at)
        };
        let first_start =
            phase(NodePhase::Started).zip(phase(NodePhase::Ready)).map(|(from, to)| to.saturating_sub(from));
        let hits = || facts.entries.iter().filter(|entry| entry.names(node));
        let holds: Vec<(u64, u64)> =
            hits().filter(|entry| entry.takes_processes()).filter_map(|entry| entry.hold()).collect();
        Self {
            node,
            wiped: hits().filter(|entry| entry.record.wipes).filter_map(|entry| entry.begin).collect(),
            blind: blind_times(&gaps(facts, &changes, &holds)),
            holds,
            changes,
            first_start,
            ready_within: record.ready_within,
            promises: facts.journal.run.promises,
        }
    }

    fn is_blind(&self, at: u64) -> bool {
        self.blind.iter().any(|&(from, to)| from <= at && at < to)
    }

    fn is_held(&self, at: u64) -> bool {
        self.holds.iter().any(|&(from, to)| from <= at && at < to)
    }

    fn run(&self, instants: &[u64]) -> Vec<Sight> {
        let mut now = Now::default();
        let mut next = 0;
        let mut sights = Vec::new();
        for &instant in instants {
            while let Some(change) = self.changes.get(next).filter(|change| change.at <= instant) {
                now.take(self, change);
                next += 1;
            }
            sights.push(now.look(self, instant));
        }
        sights
    }
}

/// Something that a node said, and when.
#[derive(Clone, Debug)]
struct Said<T> {
    value: T,
    at: u64,
}

/// One node while its lines are run through.
#[derive(Debug, Default)]
struct Now {
    started: bool,
    running: bool,
    dead: bool,
    lost: bool,
    ready: bool,
    coming: Option<u64>,
    seen_since: Option<u64>,
    /// What was said before this is void.
    void_before: u64,
    /// Ends of entries and of blind times up to here were looked at.
    passed: u64,
    head: Option<String>,
    peers: Option<Said<u64>>,
    finalized: Option<Said<(u64, String)>>,
    justified: Option<Said<u64>>,
    last: Option<Sight>,
}

impl Now {
    fn take(&mut self, watch: &Watch<'_>, change: &Change<'_>) {
        let at = change.at;
        // Entries that let go of the node before this line.
        self.let_go(watch, at.saturating_sub(1));
        if is_answer(change.what) {
            (self.started, self.running, self.dead, self.coming) = (true, true, false, None);
        }
        if ends_a_gap(change.what) {
            self.lost = false;
        }
        match change.what {
            What::Node { phase: NodePhase::Started, .. } => {
                (self.started, self.running, self.dead, self.coming) = (true, true, false, Some(at));
                (self.head, self.void_before) = (None, at);
            }
            What::Node { phase: NodePhase::Ready, .. } => self.ready = true,
            What::Exit { expected, .. } => {
                (self.head, self.running, self.dead) = (None, false, !*expected);
                if *expected && !watch.is_held(at) {
                    self.coming = Some(at);
                }
            }
            What::ProbeLost { .. } => {
                self.lost = true;
                if watch.blind.iter().any(|&(from, to)| from <= at && at < to) {
                    self.head = None;
                }
            }
            What::Head { hash, .. } => self.head = Some(hash.clone()),
            What::Peers { count, .. } => self.peers = Some(Said { value: *count, at }),
            What::Finalized { height, hash, .. } => {
                self.finalized = Some(Said { value: (*height, hash.clone()), at });
            }
            What::Justified { height, .. } => self.justified = Some(Said { value: *height, at }),
            _ => {}
        }
    }

    /// What changes when an entry ends: its targets should be there again; and when a blind time does: what was said
    /// before is not known to hold.
    fn let_go(&mut self, watch: &Watch<'_>, until: u64) {
        let passed = self.passed;
        self.passed = passed.max(until);
        let mut ends: Vec<u64> = watch.holds.iter().map(|&(_, end)| end).collect();
        ends.sort_unstable();
        for end in ends.into_iter().filter(|end| (passed + 1..=until).contains(end)) {
            if self.started && !watch.is_held(end) && (!self.running || self.lost) && !self.dead {
                self.coming = Some(end);
            }
        }
        for &(_, to) in watch.blind.iter().filter(|(_, to)| (passed + 1..=until).contains(to)) {
            self.void_before = self.void_before.max(to);
        }
    }

    fn look(&mut self, watch: &Watch<'_>, at: u64) -> Sight {
        self.let_go(watch, at);
        let grace = if self.ready { 5 * SECOND + 2 * watch.first_start.unwrap_or(0) } else { watch.ready_within };
        let state = if !self.started || watch.is_held(at) {
            State::Away
        } else if self.dead {
            State::Dead
        } else if let Some(since) = self.coming {
            if at.saturating_sub(since) > grace { State::Unseen } else { State::Coming }
        } else if watch.is_blind(at) {
            State::Unseen
        } else {
            State::Seen
        };
        if state == State::Seen {
            let since = *self.seen_since.get_or_insert(at);
            if watch.promises == 0 && at >= since + 2 * SECOND {
                // These journals do not tell again what is the same: it holds, unless the data went away.
                let wiped = watch.wiped.iter().copied().filter(|&wiped| wiped <= at).max();
                self.void_before = wiped.unwrap_or(0);
            }
        } else {
            self.seen_since = None;
        }
        let void = self.void_before;
        let sight = Sight {
            state,
            head: self.head.clone(),
            peers: self.peers.as_ref().filter(|said| said.at >= void).map(|said| said.value),
            finalized: self.finalized.as_ref().filter(|said| said.at >= void).map(|said| said.value.clone()),
            justified: self.justified.as_ref().filter(|said| said.at >= void).map(|said| said.value),
            grace,
            last_head: None,
            last_peers: None,
            last_finalized: None,
            last_justified: None,
        };
        if state == State::Seen {
            let before = self.last.take();
            let mut last = sight.clone();
            if let Some(before) = before {
                last.head = last.head.or(before.head);
                last.peers = last.peers.or(before.peers);
                last.finalized = last.finalized.or(before.finalized);
                last.justified = last.justified.or(before.justified);
            }
            self.last = Some(last);
        }
        let last = self.last.as_ref();
        Sight {
            last_head: last.and_then(|last| last.head.clone()),
            last_peers: last.and_then(|last| last.peers),
            last_finalized: last.and_then(|last| last.finalized.clone()),
            last_justified: last.and_then(|last| last.justified),
            ..sight
        }
    }
}

/// All times in which a node did not answer, those that overlap taken together, without those of less than a second and
/// without those in which it was away or on its way back: of those its state tells.
fn gaps(facts: &Facts<'_>, changes: &[Change<'_>], holds: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut gaps: Vec<(u64, u64)> = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        match change.what {
            What::ProbeLost { .. } => {
                let over = changes[index + 1..]
                    .iter()
                    .find(|later| ends_a_gap(later.what) || changes_process(later.what))
                    .map_or(facts.end + 1, |later| later.at);
                let held = holds.iter().filter(|(from, to)| *from <= over && *to > change.at).map(|(from, _)| *from);
                gaps.push((change.at, held.min().map_or(over, |from| from.max(change.at))));
            }
            What::PollGap { from, to, .. } => gaps.push((*from, (*to).min(facts.end))),
            _ => {}
        }
    }
    for event in &facts.journal.events {
        if let What::StoodStill { from, to, .. } = &event.what
            && *from < facts.end
        {
            gaps.push((*from, (*to).min(facts.end + 1)));
        }
    }
    gaps.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, to) in gaps {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined.retain(|&(from, to)| to - from >= SECOND);
    joined
}

/// The gaps that make a node unseen: those of chains of 3 s and more.
fn blind_times(gaps: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut blind = Vec::new();
    let mut first = 0;
    while first < gaps.len() {
        let mut last = first;
        while last + 1 < gaps.len() && gaps[last + 1].0 - gaps[last].1 < gaps[last].1 - gaps[last].0 {
            last += 1;
        }
        if gaps[last].1 - gaps[first].0 >= 3 * SECOND {
            blind.extend_from_slice(&gaps[first..=last]);
        }
        first = last + 1;
    }
    blind
}
