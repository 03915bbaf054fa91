//! Fault windows as they really were: applied instants where there are any, planned ones otherwise.

use std::collections::BTreeMap;

use crate::journal::{FaultPhase, Journal, What, WindowRecord};

/// An entry of the timeline. Instants are in microseconds since the run started.
#[derive(Clone, Debug)]
pub(crate) struct Window<'a> {
    /// What the plan says.
    pub(crate) record: &'a WindowRecord,
    /// When it came into force; none if it did not.
    pub(crate) begin: Option<u64>,
    /// When it was healed; none if it was not.
    pub(crate) end: Option<u64>,
    /// When it should have been healed.
    pub(crate) planned_end: Option<u64>,
    /// Lines of the journal that say so.
    pub(crate) evidence: Vec<u64>,
    /// What could not be done.
    pub(crate) errors: Vec<&'a str>,
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
}

/// All windows, in the order of the plan.
pub(crate) fn windows(journal: &Journal, zero: Option<u64>) -> Vec<Window<'_>> {
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
        })
        .collect();
    let by_name: BTreeMap<&str, usize> =
        windows.iter().enumerate().map(|(index, window)| (window.record.name.as_str(), index)).collect();
    for event in &journal.events {
        let What::Fault { entry, phase, applied, error, .. } = &event.what else { continue };
        let Some(&index) = by_name.get(entry.as_str()) else { continue };
        let window = &mut windows[index];
        match phase {
            FaultPhase::Begin => window.begin = window.begin.or(Some(*applied)),
            FaultPhase::End => window.end = Some(*applied),
        }
        window.evidence.push(event.seq);
        window.errors.extend(error.as_deref());
    }
    windows
}
