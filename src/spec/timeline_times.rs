//! When the entries of a timeline begin and end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::document::EntryDocument;
use super::timeline::{End, Named, unknown_entry};
use crate::fault::Inject;
use crate::text::{Diagnostic, Sp, Span};

/// When an entry is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Start of the first repetition.
    pub(super) start: Duration,
    /// Length of each repetition; `None` is to the end of the run, or no time at all for a momentary fault.
    pub(super) lasting: Option<Duration>,
    /// From start to start.
    pub(super) every: Duration,
    /// Repetitions.
    pub(super) times: u32,
    /// Whether it is over at once when nothing says how long it is.
    pub(super) momentary: bool,
}

impl Slot {
    /// End of the last repetition; `None` is the end of the run.
    pub(super) fn last_end(&self) -> Option<Duration> {
        let last = self.start + self.every * (self.times - 1);
        match self.lasting {
            Some(lasting) => Some(last + lasting),
            None => self.momentary.then_some(last),
        }
    }

    pub(super) fn end(&self) -> End {
        self.last_end().map_or(End::Never, End::At)
    }
}

/// Looks where each entry stands in time. `None` for those with a mistake, and for those that hang on one of them.
pub(super) fn find_times(named: &[Named], mistakes: &mut Vec<Diagnostic>) -> Vec<Option<Slot>> {
    let positions: BTreeMap<&str, usize> =
        named.iter().enumerate().map(|(position, entry)| (entry.family.as_str(), position)).collect();
    let mut work =
        Times { named, positions, slots: vec![None; named.len()], states: vec![State::New; named.len()], mistakes };
    for position in 0..named.len() {
        work.visit(position, &mut Vec::new());
    }
    work.slots
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

struct Times<'a> {
    named: &'a [Named],
    positions: BTreeMap<&'a str, usize>,
    slots: Vec<Option<Slot>>,
    states: Vec<State>,
    mistakes: &'a mut Vec<Diagnostic>,
}

impl<'a> Times<'a> {
    /// `path` is how we came here, for cycles.
    fn visit(&mut self, position: usize, path: &mut Vec<usize>) {
        if self.states[position] != State::New {
            return;
        }
        self.states[position] = State::Open;
        path.push(position);
        // The list of entries outlives this call; the borrow does not hang on `self`.
        let named: &'a [Named] = self.named;
        if let Some(document) = &named[position].document {
            let start = self.start(position, document, path);
            self.slots[position] = self.slot(document, start);
        }
        path.pop();
        self.states[position] = State::Done;
    }

    fn start(&mut self, position: usize, document: &Sp<EntryDocument>, path: &mut Vec<usize>) -> Option<Duration> {
        let entry = &document.value;
        match (&entry.at, &entry.after) {
            (Some(at), None) => {
                if let Some(delay) = &entry.delay {
                    self.mistakes.push(
                        Diagnostic::error("`delay` goes with `after`")
                            .at(delay.span, "after what?")
                            .at(at.span, "begins here already")
                            .help("add it to `at`"),
                    );
                    return None;
                }
                Some(at.value.time())
            }
            (None, Some(after)) => {
                let delay = entry.delay.as_ref().map_or(Duration::ZERO, |delay| delay.value.clock());
                self.after(position, after, path).and_then(|end| end.checked_add(delay))
            }
            (Some(at), Some(after)) => {
                self.mistakes.push(
                    Diagnostic::error("an entry begins `at` a moment or `after` another entry, not both")
                        .at(after.span, "after this")
                        .at(at.span, "at this moment"),
                );
                None
            }
            (None, None) => {
                self.mistakes.push(
                    Diagnostic::error("this entry does not say when it begins")
                        .at(document.span, "when?")
                        .help("for example `at: 15s`, or `after: NAME` of another entry"),
                );
                None
            }
        }
    }

    /// End of the entry that this one follows.
    fn after(&mut self, position: usize, after: &Sp<String>, path: &mut Vec<usize>) -> Option<Duration> {
        let Some(&other) = self.positions.get(after.value.as_str()) else {
            let known: Vec<&str> =
                self.positions.iter().filter(|(_, known)| **known != position).map(|(name, _)| *name).collect();
            self.mistakes.push(unknown_entry(after, known.into_iter()));
            return None;
        };
        if self.states[other] == State::Open {
            let first = path.iter().position(|&step| step == other).unwrap_or(0);
            let mut names: Vec<String> =
                path[first..].iter().map(|&step| format!("`{}`", self.named[step].family)).collect();
            names.push(format!("`{}`", after.value));
            let message = if names.len() == 2 {
                format!("{} cannot come after itself", names[0])
            } else {
                format!("these entries wait for each other: {}", names.join(" after "))
            };
            self.mistakes
                .push(Diagnostic::error(message).at(after.span, "closes the circle").help("give one of them `at`"));
            return None;
        }
        self.visit(other, path);
        let slot = self.slots[other].as_ref()?;
        let end = slot.last_end();
        if end.is_none() {
            let mut mistake = Diagnostic::error(format!("`{}` lasts to the end of the run", after.value))
                .at(after.span, "nothing comes after it")
                .help(format!("give `{}` a `for` or `until`", after.value));
            if self.named[other].place != Span::default() {
                mistake = mistake.at(self.named[other].place, "has no end");
            }
            self.mistakes.push(mistake);
        }
        end
    }

    fn slot(&mut self, document: &Sp<EntryDocument>, start: Option<Duration>) -> Option<Slot> {
        let entry = &document.value;
        let before = self.mistakes.len();
        let sends = entry.send.is_some() && entry.inject.is_none();
        let momentary = sends || entry.inject.as_ref().is_some_and(|fault| matches!(fault.value, Inject::Restart(_)));
        if let Some(send) = entry.send.as_ref().filter(|_| sends) {
            let ends = [
                entry.lasting.as_ref().map(|lasting| ("for", lasting.span)),
                entry.until.as_ref().map(|until| ("until", until.span)),
            ];
            for (word, span) in ends.into_iter().flatten() {
                self.mistakes.push(
                    Diagnostic::error(format!("`{word}` has no meaning with `send`"))
                        .at(span, "nothing lasts here")
                        .at(send.span, "is sent at one instant")
                        .help("leave it out; `every` and `times` send again and again"),
                );
            }
        }
        let lasting = match (&entry.lasting, &entry.until) {
            _ if sends => None,
            (Some(lasting), Some(until)) => {
                self.mistakes.push(
                    Diagnostic::error("an entry ends after `for` or at `until`, not both")
                        .at(until.span, "ends here")
                        .at(lasting.span, "and after this"),
                );
                None
            }
            (Some(lasting), None) => {
                if lasting.value.clock().is_zero() {
                    self.mistakes
                        .push(Diagnostic::error("a fault of no length does nothing").at(lasting.span, "too short"));
                }
                Some(lasting.value.clock())
            }
            (None, Some(until)) => match start {
                Some(start) if until.value.time() <= start => {
                    let mut mistake = Diagnostic::error("this entry ends before it begins").at(until.span, "ends here");
                    if let Some(at) = &entry.at {
                        mistake = mistake.at(at.span, "begins here");
                    }
                    self.mistakes.push(
                        mistake
                            .help("`until` counts from the start of the timeline; `for` from the start of the entry"),
                    );
                    None
                }
                start => start.map(|start| until.value.time().saturating_sub(start)),
            },
            (None, None) => None,
        };
        let (every, times) = self.repetitions(document, lasting, momentary);
        // A start that is not known has been reported, or hangs on a mistake that was.
        let slot = Slot { start: start?, lasting, every, times, momentary };
        (self.mistakes.len() == before).then_some(slot)
    }

    fn repetitions(
        &mut self,
        document: &Sp<EntryDocument>,
        lasting: Option<Duration>,
        momentary: bool,
    ) -> (Duration, u32) {
        let entry = &document.value;
        match (&entry.every, &entry.times) {
            (Some(every), Some(times)) => {
                if every.value.clock().is_zero() {
                    self.mistakes
                        .push(Diagnostic::error("repetitions need some time between them").at(every.span, "too short"));
                } else if let Some(length) = lasting.filter(|length| *length > every.value.clock() && times.value > 1) {
                    let mut mistake = Diagnostic::error("each repetition lasts longer than the time to the next one")
                        .at(every.span, "after this the next one begins");
                    let place = entry
                        .lasting
                        .as_ref()
                        .map(|lasting| lasting.span)
                        .or(entry.until.as_ref().map(|until| until.span));
                    if let Some(place) = place {
                        mistake = mistake.at(place, format!("lasts {}", crate::text::units::Time(length)));
                    }
                    self.mistakes.push(mistake);
                } else if lasting.is_none() && !momentary && times.value > 1 {
                    self.mistakes.push(
                        Diagnostic::error("a fault that is repeated needs an end")
                            .at(every.span, "repeated")
                            .help("say how long each repetition is, for example `for: 2s`"),
                    );
                }
                (every.value.clock(), times.value.max(1))
            }
            (Some(every), None) => {
                self.mistakes.push(
                    Diagnostic::error("`every` needs `times`")
                        .at(every.span, "how often?")
                        .help("for example `times: 6`"),
                );
                (Duration::ZERO, 1)
            }
            (None, Some(times)) => {
                self.mistakes.push(
                    Diagnostic::error("`times` needs `every`")
                        .at(times.span, "with how much time between them?")
                        .help("for example `every: 10s`"),
                );
                (Duration::ZERO, 1)
            }
            (None, None) => (Duration::ZERO, 1),
        }
    }
}
