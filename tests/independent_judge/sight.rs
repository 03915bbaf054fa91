//! What every node is at every instant at which anything can change, by running through the whole journal once for each.

use std::collections::{BTreeMap, BTreeSet};

use splitbrain::journal::{NodePhase, What};

use super::facts::{Entry, Facts, SECOND};

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
            let began = processes.chain(watch.taken.iter().flat_map(|&(begin, end)| [begin, end]));
            for at in began {
                instants.insert(at);
                instants.insert(at.saturating_add(watch.grace));
            }
            if watch.promises == 0 {
                let answers = watch.changes.iter().filter(|change| is_answer(change.what)).map(|change| change.at);
                let back = answers.chain(watch.taken.iter().map(|&(_, end)| end));
                instants.extend(back.map(|at| at.saturating_add(2 * SECOND)));
            }
            let gaps = watch.blind.iter().chain(&watch.returns);
            instants.extend(gaps.flat_map(|gap| [gap.from, gap.to, gap.named, gap.named + 2 * SECOND]));
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
    /// The same, with those that are over at once.
    taken: Vec<(u64, u64)>,
    /// When entries that wipe it began.
    wiped: Vec<u64>,
    blind: Vec<Gap>,
    /// What is left of gaps where an entry let go of it.
    returns: Vec<Gap>,
    /// How long it may take to come.
    grace: u64,
    promises: u32,
}

/// A time without an answer.
#[derive(Clone, Copy, Debug)]
struct Gap {
    from: u64,
    /// Its first answer.
    to: u64,
    /// The head that this answer names, if it comes soon.
    named: u64,
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
            _ if is_answer(what) && exit.is_some_and(|exit| at < exit + SECOND) => continue,
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
            let found = facts.journal.events.iter().find(
                |event| matches!(&event.what, What::Node { node: name, phase } if *phase == wanted && name.as_str() == node),
            );
            found.map(|event| event.at)
        };
        let first_start =
            phase(NodePhase::Started).zip(phase(NodePhase::Ready)).map(|(from, to)| to.saturating_sub(from));
        let hits = || facts.entries.iter().filter(|entry| entry.names(node));
        let taking = || hits().filter(|entry| entry.takes_processes());
        let taken: Vec<(u64, u64)> = taking().filter_map(Entry::hold).collect();
        // What is planned to be over at once holds nobody.
        let lasting = taking().filter(|entry| entry.record.end != Some(entry.record.start));
        let holds: Vec<(u64, u64)> = lasting.filter_map(Entry::hold).collect();
        let (gaps, returns) = gaps(facts, &changes, &taken);
        let heads: Vec<u64> =
            changes.iter().filter(|change| matches!(change.what, What::Head { .. })).map(|change| change.at).collect();
        let with_name = |(from, to): (u64, u64)| {
            let named = heads.iter().find(|&&at| to <= at && at <= to + SECOND / 2);
            Gap { from, to, named: named.copied().unwrap_or(to) }
        };
        Self {
            node,
            wiped: hits().filter(|entry| entry.record.wipes).filter_map(|entry| entry.begin).collect(),
            blind: blind_times(&gaps).into_iter().map(with_name).collect(),
            returns: returns.into_iter().map(with_name).collect(),
            holds,
            taken,
            changes,
            grace: first_start.map_or(record.ready_within, |took| 5 * SECOND + 2 * took),
            promises: facts.journal.run.promises,
        }
    }

    fn is_blind(&self, at: u64) -> bool {
        self.blind.iter().any(|gap| gap.from <= at && at < gap.named)
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
    coming: Option<u64>,
    /// It had fallen out of sight and has not named its head: until then no answer ends its coming.
    returning: u64,
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
            (self.started, self.running, self.dead) = (true, true, false);
            if at >= self.returning {
                self.coming = None;
            }
        }
        match change.what {
            What::Node { phase: NodePhase::Started, .. } => {
                // Who is coming already has to be there all the same.
                self.coming = self.coming.or(Some(at));
                (self.started, self.running, self.dead) = (true, true, false);
                (self.head, self.void_before) = (None, at);
            }
            What::Exit { expected, .. } => {
                (self.head, self.running, self.dead) = (None, false, !*expected);
                self.coming = self.coming.or(Some(at)).filter(|_| *expected && !watch.is_held(at));
            }
            What::ProbeLost { .. } => {
                if watch.blind.iter().chain(&watch.returns).any(|gap| gap.from <= at && at < gap.named) {
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
        let now = |at: &u64| (passed + 1..=until).contains(at);
        let mut ends: Vec<u64> = watch.taken.iter().map(|&(_, end)| end).filter(now).collect();
        ends.sort_unstable();
        for end in ends {
            let held = watch.holds.iter().any(|&(_, over)| over == end);
            if let Some(gap) = watch.returns.iter().find(|gap| gap.from == end) {
                self.returning = gap.named;
                self.coming = self.coming.filter(|_| !held).or(Some(end));
            } else if held && (!self.running || self.coming.is_some()) {
                self.coming = Some(end);
            }
        }
        if now(&self.returning) && self.running {
            self.coming = None;
        }
        for gap in watch.blind.iter().chain(&watch.returns).filter(|gap| now(&gap.to)) {
            self.void_before = self.void_before.max(gap.to);
        }
    }

    fn look(&mut self, watch: &Watch<'_>, at: u64) -> Sight {
        self.let_go(watch, at);
        let grace = watch.grace;
        let state = if watch.is_held(at) {
            State::Away
        } else if self.dead {
            State::Dead
        } else if let Some(since) = self.coming {
            if at.saturating_sub(since) >= grace { State::Unseen } else { State::Coming }
        } else if !self.started {
            State::Away
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

/// Times, from when to when.
type Spans = Vec<(u64, u64)>;

/// All times in which a node did not answer, those that overlap taken together, without those of less than a second and
/// without those in which entries had it away; and what is left of them where an entry let go of it.
fn gaps(facts: &Facts<'_>, changes: &[Change<'_>], taken: &[(u64, u64)]) -> (Spans, Spans) {
    let mut gaps: Vec<(u64, u64)> = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        match change.what {
            What::ProbeLost { .. } => {
                let over = changes[index + 1..]
                    .iter()
                    .find(|later| ends_a_gap(later.what) && later.at < facts.end)
                    .map_or(facts.end + 1, |later| later.at);
                gaps.push((change.at, over));
            }
            What::PollGap { from, to, .. } => gaps.push((*from, if *to < facts.end { *to } else { facts.end + 1 })),
            _ => {}
        }
    }
    for event in &facts.journal.events {
        if let What::StoodStill { from, to, .. } = &event.what
            && *from < facts.end
        {
            gaps.push((*from, if *to < facts.end { *to } else { facts.end + 1 }));
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
    let mut taken = taken.to_vec();
    taken.sort_unstable();
    let exits: Vec<u64> =
        changes.iter().filter(|change| matches!(change.what, What::Exit { .. })).map(|change| change.at).collect();
    let (mut kept, mut returns) = (Vec::new(), Vec::new());
    for (since, to) in joined {
        // The last answer lies up to a poll before a process ends.
        let exit = exits.iter().copied().find(|&at| since <= at && at <= (since + SECOND).min(to));
        let (mut from, mut given_back) = (exit.unwrap_or(since), false);
        for &(begin, end) in &taken {
            if end < from || begin > to {
                continue;
            }
            if begin > from {
                let list = if given_back { &mut returns } else { &mut kept };
                list.push((from, begin));
            }
            (from, given_back) = (from.max(end), true);
        }
        if from < to {
            let list = if given_back { &mut returns } else { &mut kept };
            list.push((from, to));
        }
    }
    kept.retain(|&(from, to)| to - from >= SECOND);
    (kept, returns)
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
