//! A question that has an answer at every moment, as a step function of time, and what `always`, `during`, `after` … make
//! of it.

use super::history::{Change, Fact, History, State};
use super::{Outcome, When};

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
    /// Asks again after every change that `relevant` nodes see.
    pub(crate) fn over(history: &History<'_>, mut take: impl FnMut(&Change) -> Option<Answer>) -> Self {
        let mut moments: Vec<Moment> = Vec::new();
        for change in &history.changes {
            let Some(answer) = take(change) else { continue };
            add(&mut moments, Moment { at: change.at, seq: change.seq, answer });
        }
        Self(moments)
    }

    /// One answer out of the answers of several layers. `join` is given them in order.
    pub(crate) fn together(layers: Vec<Self>, join: impl Fn(&[Answer]) -> Answer) -> Self {
        let mut now = vec![Answer::NotYet; layers.len()];
        let mut all: Vec<(Moment, usize)> = Vec::new();
        for (index, layer) in layers.into_iter().enumerate() {
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

/// A time that an expectation speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    /// From, in microseconds since the run started.
    pub(crate) from: u64,
    /// To.
    pub(crate) to: u64,
    /// Why it was not seen to its end, if it was not.
    pub(crate) cut_short: Option<String>,
    /// The entry that it belongs to, for people: ` of split#1`, or empty.
    pub(crate) name: String,
    /// Lines of the journal that bound it.
    pub(crate) evidence: Vec<u64>,
}

/// Where in its intervals something must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// At every moment.
    Everywhere,
    /// At no moment.
    Nowhere,
    /// At one moment at least of each interval.
    Somewhere,
}

/// Times that were never reached are taken to be reached if the plan meant the timeline to go so far. In microseconds.
const TIMELINE_SLACK: u64 = 1_000_000;

impl When {
    pub(crate) fn mode(&self) -> Mode {
        match self {
            Self::Always | Self::At(_) | Self::AtEnd => Mode::Everywhere,
            Self::Never => Mode::Nowhere,
            Self::Sometimes | Self::During(_) | Self::After(..) | Self::Within(_) => Mode::Somewhere,
        }
    }

    /// The times that are meant. The error says why there are none.
    pub(crate) fn intervals(&self, history: &History<'_>) -> Result<Vec<Interval>, String> {
        let end = history.end;
        let zero = history.zero.ok_or_else(|| match history.ended {
            Some(reason) => format!("the timeline never began ({reason})"),
            None => "the timeline never began".to_owned(),
        })?;
        let one = |from: u64, to: u64, reached: bool| {
            let cut_short = (!reached).then(|| history.how_it_ended());
            Ok(vec![Interval { from, to: to.min(end), cut_short, name: String::new(), evidence: Vec::new() }])
        };
        match self {
            Self::Always | Self::Never | Self::Sometimes => one(zero, end, history.complete()),
            Self::AtEnd => one(end, end, history.complete()),
            Self::Within(within) => {
                let to = zero + within.as_micros() as u64;
                one(zero, to, end + TIMELINE_SLACK >= to)
            }
            Self::At(at) => {
                let at = zero + at.as_micros() as u64;
                if at > end + TIMELINE_SLACK {
                    return Err(format!("the timeline did not come so far: {}", history.how_it_ended()));
                }
                one(at.min(end), at, true)
            }
            Self::During(entry) => history
                .family(entry.as_str())
                .map(|window| {
                    let name = window.record.name.as_str();
                    let from = window.begin.ok_or_else(|| format!("{name} never began: {}", history.how_it_ended()))?;
                    // An entry without an end lasts to the end of the timeline.
                    let (to, reached) = match (window.end, window.record.end) {
                        (Some(to), _) => (to.min(end), true),
                        (None, None) => (end, history.complete()),
                        (None, Some(_)) => (end, false),
                    };
                    let cut_short = (!reached).then(|| history.how_it_ended());
                    Ok(Interval {
                        from,
                        to: to.max(from),
                        cut_short,
                        name: name.to_owned(),
                        evidence: window.evidence.clone(),
                    })
                })
                .collect(),
            Self::After(entry, within) => {
                let mut last = None;
                for window in history.family(entry.as_str()) {
                    let name = window.record.name.as_str();
                    let ended = window.end.ok_or_else(|| format!("{name} never ended: {}", history.how_it_ended()))?;
                    last = last.max(Some((ended, window.planned_end.unwrap_or(ended), name, window.evidence.clone())));
                }
                let (from, planned, name, evidence) = last.ok_or("the timeline has no such entry")?;
                let within = within.as_micros() as u64;
                // The plan reckoned with the planned end, so that is how far the timeline has to go.
                let reached = end + TIMELINE_SLACK >= from.min(planned) + within;
                let cut_short = (!reached).then(|| history.how_it_ended());
                let to = (from + within).min(end).max(from);
                Ok(vec![Interval { from, to, cut_short, name: name.to_owned(), evidence }])
            }
        }
    }
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
}

/// Judges one interval.
pub(crate) fn judge_interval(moments: &Moments, mode: Mode, interval: &Interval) -> Found {
    let finding = |outcome, moment| Found { outcome, moment, interval: interval.clone() };
    let last = moments.at(interval.to);
    let unknown = |answer: Answer| matches!(answer, Answer::NotYet | Answer::Unseen);
    let (looked_for, found, otherwise) = match mode {
        Mode::Somewhere => (Answer::Yes, Outcome::Pass, Outcome::Fail),
        Mode::Everywhere => (Answer::No, Outcome::Fail, Outcome::Pass),
        Mode::Nowhere => (Answer::Yes, Outcome::Fail, Outcome::Pass),
    };
    // A single moment that was not reached: what was seen before it says nothing about it.
    if interval.cut_short.is_some() && interval.from == interval.to {
        return finding(Outcome::Unknown, last);
    }
    let mut blind = None;
    for moment in moments.within(interval.from, interval.to) {
        if moment.answer == looked_for {
            return finding(found, moment);
        }
        // What a node shows when it comes (back) speaks for the moments before it: `NotYet` counts at the end only.
        if moment.answer == Answer::Unseen {
            blind = blind.or(Some(moment));
        }
    }
    if interval.cut_short.is_some() {
        finding(Outcome::Unknown, last)
    } else if let Some(moment) = blind {
        finding(Outcome::Unknown, moment)
    } else if unknown(last.answer) {
        finding(Outcome::Unknown, last)
    } else {
        finding(otherwise, last)
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
