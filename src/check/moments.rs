//! A question that has an answer at every moment, as a step function of time, and what becomes of it in the times that an
//! expectation speaks of (`docs/verdicts.md`, "From moments to a result").

use super::Outcome;
use super::attendance::Attendance;
use super::history::{Change, Fact, History, State};
use super::intervals::{Interval, Mode};

/// The answer at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It holds.
    Yes,
    /// It does not hold.
    No,
    /// It cannot be told, and will be later: a node has just been started and was not seen yet.
    NotYet,
    /// It cannot be told.
    Unseen,
}

/// From when on an answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Microseconds since the run started.
    pub(crate) at: u64,
    /// Line of the journal that brought it.
    pub(crate) seq: u64,
    /// The answer.
    pub(crate) answer: Answer,
}

/// Answers over time, each different from the one before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moments(pub(crate) Vec<Moment>);

impl Moments {
    /// Asks again after every change that `relevant` nodes see; `before` is the answer while there was none, and nobody there.
    pub(crate) fn over(history: &History<'_>, before: Answer, mut take: impl FnMut(&Change) -> Option<Answer>) -> Self {
        let mut moments: Vec<Moment> = vec![Moment { at: 0, seq: 0, answer: before }];
        for change in &history.changes {
            let Some(answer) = take(change) else { continue };
            add(&mut moments, Moment { at: change.at, seq: change.seq, answer });
        }
        Self(moments)
    }

    /// One answer out of the answers of several questions, each with the answer that is in force before its first one.
    /// `join` is given them in order.
    pub(crate) fn together(layers: Vec<(Answer, Self)>, join: impl Fn(&[Answer]) -> Answer) -> Self {
        let mut now: Vec<Answer> = layers.iter().map(|(before, _)| *before).collect();
        let mut all: Vec<(Moment, usize)> = Vec::new();
        for (index, (_, layer)) in layers.into_iter().enumerate() {
            all.extend(layer.0.into_iter().map(|moment| (moment, index)));
        }
        all.sort_by_key(|(moment, index)| (moment.at, moment.seq, *index));
        let mut moments = Vec::new();
        for (moment, index) in all {
            now[index] = moment.answer;
            add(&mut moments, Moment { answer: join(&now), ..moment });
        }
        Self(moments)
    }

    /// The answer in force at a moment and those that follow it up to another, both included.
    pub(crate) fn within(&self, from: u64, to: u64) -> impl Iterator<Item = Moment> + '_ {
        let first = self.0.partition_point(|moment| moment.at <= from);
        let before = first.checked_sub(1).map(|index| Moment { at: from, ..self.0[index] });
        let before = before.unwrap_or(Moment { at: from, seq: 0, answer: Answer::NotYet });
        std::iter::once(before).chain(self.0[first..].iter().copied().take_while(move |moment| moment.at <= to))
    }

    /// The answer in force at a moment.
    pub(crate) fn at(&self, at: u64) -> Moment {
        self.within(at, at).last().unwrap_or(Moment { at, seq: 0, answer: Answer::NotYet })
    }
}

/// Takes an answer up, if it is another than the one before.
fn add(moments: &mut Vec<Moment>, moment: Moment) {
    if moments.last().is_some_and(|last| last.answer == moment.answer) {
        return;
    }
    // Several changes at one instant count as one.
    if moments.last().is_some_and(|last| last.at == moment.at) {
        moments.pop();
        if moments.last().is_some_and(|last| last.answer == moment.answer) {
            return;
        }
    }
    moments.push(moment);
}

/// What was found in one interval.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The answer.
    pub(crate) outcome: Outcome,
    /// The moment that decided.
    pub(crate) moment: Moment,
    /// The interval.
    pub(crate) interval: Interval,
    /// Why it cannot be told, where the moment does not say so itself.
    pub(crate) because: Option<String>,
}

/// A question with all that is needed to judge an interval of it.
pub(crate) struct Asked<'q, 'h, 'a> {
    pub(crate) moments: &'q Moments,
    pub(crate) mode: Mode,
    /// Who is away may have made the difference; none where what a node said once goes on counting while it is away.
    pub(crate) attendance: Option<&'q Attendance<'h, 'a>>,
    /// How long an answer may be still to come before it counts as not seen, in microseconds.
    pub(crate) patience: Option<u64>,
    /// Whether a node that is left out contradicted at the moment at which it was last seen.
    pub(crate) dissents: Option<&'q dyn Fn(usize, u64, u64) -> bool>,
}

impl Asked<'_, '_, '_> {
    /// Judges one interval.
    pub(crate) fn judge(&self, interval: &Interval) -> Found {
        let (moment, outcome, because) = match (&interval.spoilt, self.mode) {
            (Some(reason), _) => (self.moments.at(interval.to), Outcome::Unknown, Some(reason.clone())),
            // A single moment that was not reached: what was seen before it says nothing about it.
            (None, _) if interval.cut_short.is_some() && interval.from == interval.to => {
                (self.moments.at(interval.to), Outcome::Unknown, None)
            }
            (None, Mode::Everywhere) => self.throughout(interval, Answer::No),
            (None, Mode::Nowhere) => self.throughout(interval, Answer::Yes),
            (None, Mode::Somewhere) => self.somewhere(interval),
            (None, Mode::AtLast) => self.at_last(interval),
        };
        Found { outcome, moment, interval: interval.clone(), because }
    }

    /// An answer that must not be given at any moment.
    fn throughout(&self, interval: &Interval, refuted_by: Answer) -> (Moment, Outcome, Option<String>) {
        if interval.from == interval.to && refuted_by == Answer::No {
            return self.at_last(interval);
        }
        let last = self.moments.at(interval.to);
        let mut open: Option<Moment> = None;
        let mut since: Option<Moment> = None;
        for moment in self.moments.within(interval.from, interval.to) {
            if moment.answer == refuted_by {
                return (moment, Outcome::Fail, None);
            }
            // What a node shows when it comes back speaks for the moments before it, if it does not take long.
            if let Some(begun) = since.take_if(|_| moment.answer != Answer::NotYet) {
                open = open.or(self.too_long(begun, moment.at));
            }
            match moment.answer {
                Answer::Unseen => open = open.or(Some(moment)),
                Answer::NotYet => since = since.or(Some(moment)),
                Answer::Yes | Answer::No => {}
            }
        }
        open = open.or(since.and_then(|begun| self.too_long(begun, interval.to)));
        match open {
            _ if interval.cut_short.is_some() => (last, Outcome::Unknown, None),
            Some(moment) => (moment, Outcome::Unknown, None),
            None if last.answer == Answer::NotYet => (last, Outcome::Unknown, None),
            None => (last, Outcome::Pass, None),
        }
    }

    fn too_long(&self, begun: Moment, until: u64) -> Option<Moment> {
        self.patience.is_some_and(|patience| until - begun.at > patience).then_some(begun)
    }

    /// The answer when the time is over.
    fn at_last(&self, interval: &Interval) -> (Moment, Outcome, Option<String>) {
        let last = self.moments.at(interval.to);
        let outcome = match last.answer {
            _ if interval.cut_short.is_some() => Outcome::Unknown,
            Answer::Yes => Outcome::Pass,
            Answer::No => Outcome::Fail,
            Answer::NotYet | Answer::Unseen => Outcome::Unknown,
        };
        let against = self.attendance.zip(self.dissents).filter(|_| outcome == Outcome::Pass);
        let because = against.and_then(|(attendance, dissents)| attendance.dissenter(interval.to, dissents));
        (last, if because.is_some() { Outcome::Unknown } else { outcome }, because)
    }

    /// An answer that must be given at one moment at least, and not because somebody was left out.
    fn somewhere(&self, interval: &Interval) -> (Moment, Outcome, Option<String>) {
        let within = || self.moments.within(interval.from, interval.to);
        let first = within().find(|moment| moment.answer == Answer::Yes);
        let last = self.moments.at(interval.to);
        let mut because = None;
        match (first, self.attendance) {
            (Some(first), None) => return (first, Outcome::Pass, None),
            (Some(first), Some(attendance)) => {
                let part = attendance.took_part(interval.from, interval.to);
                if let Some(all) = attendance.first_with_all(self.moments, interval, &part) {
                    return (all, Outcome::Pass, None);
                }
                let Some(reason) = attendance.contradiction(self.moments, first, interval, &part) else {
                    return (
                        within().filter(|moment| moment.answer == Answer::Yes).last().unwrap_or(first),
                        Outcome::Pass,
                        None,
                    );
                };
                if last.answer != Answer::No || attendance.somebody_is_away(&part, interval.to) {
                    return (first, Outcome::Unknown, Some(reason));
                }
                because = Some(reason);
            }
            (None, _) => {}
        }
        let blind = within().find(|moment| moment.answer == Answer::Unseen);
        match blind {
            _ if interval.cut_short.is_some() => (last, Outcome::Unknown, None),
            Some(moment) => (moment, Outcome::Unknown, None),
            None if matches!(last.answer, Answer::NotYet | Answer::Unseen) => (last, Outcome::Unknown, None),
            None => (last, Outcome::Fail, because),
        }
    }
}

/// Counts how many of the nodes that are meant cannot be seen, and why.
#[derive(Clone, Debug)]
pub(crate) struct Roll {
    /// Which nodes are meant.
    pub(crate) meant: Vec<bool>,
    states: Vec<State>,
    /// Nodes that were started and not seen yet.
    pub(crate) coming: usize,
    /// Nodes that cannot be seen, or died.
    pub(crate) missing: usize,
    /// Nodes that can be seen.
    pub(crate) seen: usize,
}

impl Roll {
    pub(crate) fn new(history: &History<'_>, nodes: &[usize]) -> Self {
        let mut meant = vec![false; history.nodes.len()];
        for &node in nodes {
            meant[node] = true;
        }
        Self { meant, states: vec![State::Away; history.nodes.len()], coming: 0, missing: 0, seen: 0 }
    }

    /// Takes a change; returns the node's states before and after it, if it is meant and its state changed.
    pub(crate) fn take(&mut self, change: &Change) -> Option<(State, State)> {
        let Fact::State(state) = change.fact else { return None };
        if !self.meant[change.node] {
            return None;
        }
        let old = std::mem::replace(&mut self.states[change.node], state);
        if let Some(counter) = self.counter(old) {
            *counter -= 1;
        }
        if let Some(counter) = self.counter(state) {
            *counter += 1;
        }
        Some((old, state))
    }

    /// Whether the timeline has taken a node away.
    pub(crate) fn is_away(&self, node: usize) -> bool {
        self.states[node] == State::Away
    }

    fn counter(&mut self, state: State) -> Option<&mut usize> {
        match state {
            State::Away => None,
            State::Coming => Some(&mut self.coming),
            State::Unseen | State::Dead => Some(&mut self.missing),
            State::Seen(_) => Some(&mut self.seen),
        }
    }

    /// What is to be said if those that can be seen say yes.
    pub(crate) fn unless_somebody_is_missing(&self) -> Answer {
        if self.missing > 0 {
            Answer::Unseen
        } else if self.coming > 0 {
            Answer::NotYet
        } else {
            Answer::Yes
        }
    }
}
