//! The times that `always`, `during`, `after` … speak of (`docs/verdicts.md`, "Times that are asked for").

use super::When;
use super::history::History;
use super::windows::Window;

/// A time that an expectation speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    /// From, in microseconds since the run started.
    pub(crate) from: u64,
    /// To.
    pub(crate) to: u64,
    /// Why it was not seen to its end, if it was not.
    pub(crate) cut_short: Option<String>,
    /// Why nothing can be said of it at all: the entry that it leans on was not carried out as planned.
    pub(crate) spoilt: Option<String>,
    /// The entry that it belongs to, for people: `split#1`, or empty.
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
    /// When each interval is over.
    AtLast,
}

/// Faults are applied a little late, and the timeline does not wait for them: so much of a time may be missing at its end,
/// in microseconds, if it is no more than a twentieth of it.
const APPLIED_LATE: u64 = 250_000;

/// Whether a time from `from` on of such a length was seen to its end.
pub(crate) fn reached(from: u64, length: u64, end: u64) -> bool {
    end.saturating_sub(from) + APPLIED_LATE.min(length / 20) >= length
}

impl When {
    /// `lasts`: what is asked is a state that has to last (agreement), and not an event (divergence). After something was
    /// sent, a state that was there anyway says nothing: it counts when the time is over.
    pub(crate) fn mode(&self, history: &History<'_>, lasts: bool) -> Mode {
        match self {
            Self::Always | Self::At(_) | Self::AtEnd => Mode::Everywhere,
            Self::Never => Mode::Nowhere,
            Self::After(entry, _) if lasts && history.family(entry.as_str()).any(Window::is_send) => Mode::AtLast,
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
            let to = to.min(end).max(from);
            Ok(vec![Interval { from, to, cut_short, spoilt: None, name: String::new(), evidence: Vec::new() }])
        };
        match self {
            Self::Always | Self::Never | Self::Sometimes => one(zero, end, history.complete()),
            Self::AtEnd => one(end, end, history.complete()),
            Self::Within(within) => {
                let within = within.as_micros() as u64;
                one(zero, zero + within, reached(zero, within, end))
            }
            Self::At(at) => {
                let at = zero + at.as_micros() as u64;
                if at > end {
                    return Err(format!("the timeline did not come so far: {}", history.how_it_ended()));
                }
                one(at, at, true)
            }
            Self::During(entry) => each(history, entry.as_str(), |window| {
                // Nobody asks about the instant at which it was healed.
                let until = |end: u64| end.min(history.end).saturating_sub(1);
                let (to, reached) = match (window.end, window.record.end) {
                    (Some(to), _) => (until(to), to <= end),
                    // An entry without an end lasts to the end of the timeline.
                    (None, None) => (end, history.complete()),
                    (None, Some(_)) => (end, false),
                };
                // An entry that should have ended and did not was in force for a time that nobody knows.
                let stuck = window.end.is_none() && window.planned_end.is_some_and(|planned| planned <= end);
                let what = if stuck { "ended" } else { "began" };
                (window.begin.filter(|&begin| !stuck && begin <= end), to, reached, what)
            }),
            Self::After(entry, within) => each(history, entry.as_str(), |window| {
                let within = within.as_micros() as u64;
                let from = window.end.filter(|&from| from <= end);
                (from, from.unwrap_or(0) + within, from.is_some_and(|from| reached(from, within, end)), "ended")
            }),
        }
    }
}

/// A time for each repetition of an entry: from, to, whether it was seen to its end, and what the entry has not done where
/// there is no `from`.
fn each(
    history: &History<'_>,
    entry: &str,
    bounds: impl Fn(&Window<'_>) -> (Option<u64>, u64, bool, &'static str),
) -> Result<Vec<Interval>, String> {
    let intervals: Vec<Interval> = history
        .family(entry)
        .map(|window| {
            let name = window.record.name.to_string();
            let (from, to, reached, what) = bounds(window);
            let cut_short = match from {
                None => Some(format!("{name} never {what}: {}", history.how_it_ended())),
                Some(_) => (!reached).then(|| history.how_it_ended()),
            };
            let from = from.unwrap_or(history.end);
            let to = if cut_short.is_some() && from == history.end { from } else { to.min(history.end).max(from) };
            let evidence = window.evidence.clone();
            Interval { from, to, cut_short, spoilt: window.spoilt.clone(), name, evidence }
        })
        .collect();
    if intervals.is_empty() { Err("the timeline has no such entry".to_owned()) } else { Ok(intervals) }
}
