//! Who takes part in a question: nodes that the timeline has taken away are left out of it, and a verdict that was reached so
//! holds only if they do not contradict it.

use super::history::{Fact, History, State};
use super::intervals::Interval;
use super::moments::{Answer, Moment, Moments};
use super::questions::{name_list, seconds};

/// How many entries are named that had taken somebody away.
const NAMED: usize = 3;

/// The nodes that a question is about.
#[derive(Debug)]
pub(crate) struct Attendance<'h, 'a> {
    pub(crate) history: &'h History<'a>,
    pub(crate) nodes: &'h [usize],
}

impl Attendance<'_, '_> {
    /// Stretches of a node's states that touch a time: from, to (the instant before the next one), state.
    fn stretches(&self, node: usize, from: u64, to: u64) -> Vec<(u64, u64, State)> {
        let mut found = Vec::new();
        let (mut since, mut state) = (from, self.history.state_at(node, from).1);
        let changes = &self.history.nodes[node].changes;
        let first = changes.partition_point(|&change| self.history.changes[change as usize].at <= from);
        for &change in &changes[first..] {
            let change = self.history.changes[change as usize];
            if change.at > to {
                break;
            }
            let Fact::State(new) = change.fact else { continue };
            if change.at > since {
                found.push((since, change.at - 1, state));
            }
            (since, state) = (change.at, new);
        }
        found.push((since, to, state));
        found
    }

    /// Whether a node was in one state all the time.
    pub(crate) fn stood(&self, node: usize, from: u64, to: u64, state: State) -> bool {
        self.stretches(node, from, to).iter().all(|part| part.2 == state)
    }

    /// Whether a node was seen with a head at any moment of a time.
    pub(crate) fn named_a_head(&self, node: usize, from: u64, to: u64) -> bool {
        self.stretches(node, from, to).iter().any(|part| matches!(part.2, State::Seen(Some(_))))
    }

    /// Those that were seen at any moment of a time.
    pub(crate) fn took_part(&self, from: u64, to: u64) -> Vec<usize> {
        let seen = |&node: &usize| self.stretches(node, from, to).iter().any(|part| matches!(part.2, State::Seen(_)));
        self.nodes.iter().copied().filter(seen).collect()
    }

    /// Whether one of these is away at a moment.
    pub(crate) fn somebody_is_away(&self, part: &[usize], at: u64) -> bool {
        part.iter().any(|&node| self.history.state_at(node, at).1 == State::Away)
    }

    /// The first moment at which the answer is yes and none of these is left out.
    pub(crate) fn first_with_all(&self, moments: &Moments, interval: &Interval, part: &[usize]) -> Option<Moment> {
        let (from, to) = (interval.from, interval.to);
        let mut steps: Vec<(u64, i64)> = Vec::new();
        for &node in part {
            for (begin, end, state) in self.stretches(node, from, to) {
                if state == State::Away {
                    steps.extend([(begin, 1), (end + 1, -1)]);
                }
            }
        }
        steps.sort_unstable();
        let mut steps = steps.into_iter().peekable();
        let mut away = 0;
        let mut answers = moments.within(from, to).peekable();
        let mut now: Option<Moment> = None;
        loop {
            let next = [answers.peek().map(|moment| moment.at), steps.peek().map(|step| step.0)];
            let at = next.into_iter().flatten().min()?;
            while let Some(moment) = answers.next_if(|moment| moment.at <= at) {
                now = Some(moment);
            }
            while let Some((_, change)) = steps.next_if(|step| step.0 <= at) {
                away += change;
            }
            if at > to {
                return None;
            }
            if let Some(moment) = now.filter(|moment| away == 0 && moment.answer == Answer::Yes) {
                return Some(Moment { at, ..moment });
            }
        }
    }

    /// Why an answer that was yes only while somebody was left out cannot be believed: the answer was another one at the
    /// last moment at which one of these was there. `first` is a moment at which it was yes.
    pub(crate) fn contradiction(
        &self,
        moments: &Moments,
        first: Moment,
        interval: &Interval,
        part: &[usize],
    ) -> Option<String> {
        let last = |node: usize| {
            let stretches = self.stretches(node, interval.from, interval.to);
            stretches.iter().rev().find(|part| matches!(part.2, State::Seen(_))).map(|part| part.1)
        };
        let against = |node: &usize| last(*node).is_some_and(|last| moments.at(last).answer != Answer::Yes);
        let mut against: Vec<usize> = part.iter().copied().filter(against).collect();
        // Of those who contradict, whoever was left out says most.
        against.sort_by_key(|&node| (self.history.state_at(node, first.at).1 != State::Away, node));
        let &node = against.first()?;
        let (name, when) = (self.history.name(node), self.history.moment(last(node)?));
        let without = self.left_out(first.at, first.at).unwrap_or_default();
        let held = self.history.moment(first.at);
        Some(format!("it held {held} only {without}, and when {name} was last seen, {when}, it did not hold"))
    }

    /// Why an answer of those who are there at a moment cannot be believed: who is left out said otherwise when it was last
    /// seen.
    pub(crate) fn dissenter(&self, at: u64, dissents: &dyn Fn(usize, u64, u64) -> bool) -> Option<String> {
        self.nodes.iter().find_map(|&node| {
            if self.history.state_at(node, at).1 != State::Away {
                return None;
            }
            let last = self.history.last_sight(node, at)?;
            dissents(node, last, at).then(|| {
                let (name, when) = (self.history.name(node), self.history.moment(last));
                format!("{name} was left out, and when it was last seen, {when}, it stood against the others")
            })
        })
    }

    /// Who was left out in a time, when and by which entry: `without n3 (crash, 30.0 s to 32.0 s)`. Nothing if nobody was.
    pub(crate) fn left_out(&self, from: u64, to: u64) -> Option<String> {
        let history = self.history;
        let away = |&node: &usize| self.stretches(node, from, to).iter().any(|part| part.2 == State::Away);
        let nodes: Vec<usize> = self.nodes.iter().copied().filter(away).collect();
        if nodes.is_empty() {
            return None;
        }
        let mut parts: Vec<String> = Vec::new();
        let mut named: Vec<usize> = Vec::new();
        let since = |at: u64| history.zero.map_or(seconds(at), |zero| seconds(at.saturating_sub(zero)));
        for window in history.windows.iter().filter(|window| window.takes_processes()) {
            let Some(begin) = window.begin.filter(|&begin| begin <= to) else { continue };
            if window.excuses_until().is_some_and(|end| end <= from) {
                continue;
            }
            let hit: Vec<usize> =
                history.indices_of(&window.record.targets).into_iter().filter(|node| nodes.contains(node)).collect();
            if hit.is_empty() {
                continue;
            }
            let until = window.excuses_until().map_or_else(|| "the end".to_owned(), since);
            let names: Vec<String> = hit.iter().map(|&node| history.name(node).to_string()).collect();
            parts.push(format!("{} ({}, {} to {until})", name_list(&names), window.record.name, since(begin)));
            named.extend(hit);
        }
        let others: Vec<String> =
            nodes.iter().filter(|node| !named.contains(node)).map(|&node| history.name(node).to_string()).collect();
        if !others.is_empty() {
            parts.push(format!("{} (not started)", name_list(&others)));
        }
        let more = parts.len().saturating_sub(NAMED);
        parts.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more times") } else { String::new() };
        Some(format!("without {}{more}", parts.join(", ")))
    }
}
