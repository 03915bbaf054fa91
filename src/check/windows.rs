//! Fault windows as they really were: applied instants where there are any, and what was wrong with them.

use std::collections::BTreeMap;

use super::questions::seconds;
use crate::journal::{FaultPhase, Journal, What, WindowRecord};

/// An entry that begins so much later than planned is no ground for a verdict, if that is more than half of its planned
/// length too. In microseconds.
const LATE: u64 = 3_000_000;
/// An entry that is in force for so much less than planned is no ground for a verdict, if that is more than a tenth of its
/// planned length too. In microseconds.
const SHORT: u64 = 1_000_000;

/// An entry of the timeline. Instants are in microseconds since the run started.
#[derive(Clone, Debug)]
pub(crate) struct Window<'a> {
    /// What the plan says.
    pub(crate) record: &'a WindowRecord,
    /// When it came into force; none if it did not, or could not be carried out.
    pub(crate) begin: Option<u64>,
    /// When it was healed; none if it was not, or could not be.
    pub(crate) end: Option<u64>,
    /// When it should have been healed.
    pub(crate) planned_end: Option<u64>,
    /// Lines of the journal that say so.
    pub(crate) evidence: Vec<u64>,
    /// What could not be done.
    pub(crate) errors: Vec<&'a str>,
    /// Why nothing may lean on this entry: it was not carried out, not healed, or not for the time that was planned.
    pub(crate) spoilt: Option<String>,
    /// Whether that is so because the backend could not do it: a doubt about the whole run.
    pub(crate) failed: bool,
}

impl Window<'_> {
    /// Whether it is in force at a moment.
    pub(crate) fn covers(&self, at: u64) -> bool {
        self.begin.is_some_and(|begin| begin <= at) && self.end.is_none_or(|end| at < end)
    }

    /// Whether it sent something, instead of being a fault.
    pub(crate) fn is_send(&self) -> bool {
        self.record.fault == super::SEND
    }

    /// Whether it takes processes away, so that its targets are not expected to answer.
    pub(crate) fn takes_processes(&self) -> bool {
        matches!(self.record.fault.as_str(), "kill" | "stop" | "pause" | "restart" | "upgrade" | "join" | "leave")
    }

    /// Until when nobody may expect its targets to answer: its end, or the end it should have had if it was not healed.
    pub(crate) fn excuses_until(&self) -> Option<u64> {
        self.end.or(self.planned_end)
    }
}

/// All windows, in the order of the plan.
pub(crate) fn windows(journal: &Journal, zero: Option<u64>, end: u64) -> Vec<Window<'_>> {
    let mut windows: Vec<Window<'_>> = journal
        .run
        .windows
        .iter()
        .map(|record| Window {
            record,
            begin: None,
            end: None,
            planned_end: zero.and_then(|zero| record.end.map(|end| zero + end)),
            evidence: Vec::new(),
            errors: Vec::new(),
            spoilt: None,
            failed: false,
        })
        .collect();
    let by_name: BTreeMap<&str, usize> =
        windows.iter().enumerate().map(|(index, window)| (window.record.name.as_str(), index)).collect();
    let mut broken: BTreeMap<(usize, FaultPhase), &str> = BTreeMap::new();
    for event in &journal.events {
        let What::Fault { entry, phase, applied, error, .. } = &event.what else { continue };
        let Some(&index) = by_name.get(entry.as_str()) else { continue };
        let window = &mut windows[index];
        window.evidence.push(event.seq);
        window.errors.extend(error.as_deref());
        if let Some(error) = error.as_deref().filter(|_| !window.is_send()) {
            broken.entry((index, *phase)).or_insert(error);
            continue;
        }
        match phase {
            FaultPhase::Begin => window.begin = window.begin.or(Some(*applied)),
            FaultPhase::End => window.end = Some(*applied),
        }
    }
    for (index, window) in windows.iter_mut().enumerate() {
        let error = |phase| broken.get(&(index, phase)).copied();
        (window.spoilt, window.failed) = if window.is_send() {
            (unsent(journal, window), false)
        } else {
            match (error(FaultPhase::Begin), error(FaultPhase::End)) {
                (Some(error), _) => (Some(format!("{} was not carried out: {error}", window.record.name)), true),
                (None, Some(error)) => (Some(format!("{} was not healed: {error}", window.record.name)), true),
                (None, None) => (not_as_planned(window, zero, end), false),
            }
        };
        if error(FaultPhase::Begin).is_some() {
            (window.begin, window.end) = (None, None);
        }
    }
    windows
}

/// Why a send that was made reached nobody: none of its calls was answered or refused.
fn unsent(journal: &Journal, window: &Window<'_>) -> Option<String> {
    let name = window.record.name.as_str();
    let mut first = None;
    for event in &journal.events {
        let What::Called { asked_by, error, refused, .. } = &event.what else { continue };
        if asked_by == name {
            match error {
                Some(error) if !refused => first = first.or(Some(error)),
                _ => return None,
            }
        }
    }
    let reached_nobody =
        || format!("{name} reached nobody: {}", first.map_or("no call of it was told", String::as_str));
    (first.is_some() || window.begin.is_some()).then(reached_nobody)
}

/// Why an entry that was carried out and healed was not what was planned all the same.
fn not_as_planned(window: &Window<'_>, zero: Option<u64>, end: u64) -> Option<String> {
    let (record, begin) = (window.record, window.begin?);
    let late = begin.saturating_sub(zero? + record.start);
    let planned = record.end.map(|end| end.saturating_sub(record.start));
    if let (Some(planned), Some(end)) = (planned, window.end) {
        let lasted = end.saturating_sub(begin);
        if planned.saturating_sub(lasted) > SHORT.max(planned / 10) {
            let (lasted, planned) = (seconds(lasted), seconds(planned));
            return Some(format!("{} was in force for {lasted} instead of {planned}", record.name));
        }
    }
    // An entry without an end is planned to stay to the run's.
    let planned = planned.unwrap_or_else(|| end.saturating_sub(zero.unwrap_or(0) + record.start));
    (late > LATE.max(planned / 2)).then(|| format!("{} began {} late", record.name, seconds(late)))
}
