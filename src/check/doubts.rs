//! What makes no pass of a run count: entries that were not carried out, things that were left behind, lines that are missing.

use super::history::History;
use super::windows::Window;
use crate::journal::{Journal, NOT_COMPLETE, What};

/// What was due so shortly before the end of the timeline and is not done is on its way, and not stuck. In microseconds.
const AT_THE_END: u64 = 10_000_000;

/// Why no pass of this run counts, most important first.
pub(super) fn doubts(history: &History<'_>, journal: &Journal) -> Vec<String> {
    let mut doubts: Vec<String> = damage(journal).into_iter().collect();
    // A run that ended early says so itself; what it gave up then is no failure of its own.
    let failed = history.windows.iter().filter(|window| window.failed && !was_given_up(history, window));
    doubts.extend(failed.filter_map(|window| {
        let reason = window.spoilt.as_ref()?;
        Some(format!("{reason} ({})", window.record.summary))
    }));
    doubts.extend(history.windows.iter().chain(&history.sends).filter_map(|window| undone(history, window)));
    for event in &journal.events {
        if let What::TornDown { errors } = &event.what {
            doubts.extend(errors.iter().map(|error| format!("not taken down: {error}")));
        }
    }
    doubts
}

/// Why an entry of a complete run was not carried out, or not healed, though nobody says that it failed.
fn undone(history: &History<'_>, window: &Window<'_>) -> Option<String> {
    if window.failed || !history.complete() || was_given_up(history, window) {
        return None;
    }
    let (name, summary) = (&window.record.name, &window.record.summary);
    let is_stuck = || window.end.is_none() && window.planned_end.is_some_and(|planned| planned < history.end);
    match window.begin {
        None => Some(format!("{name} never began ({summary})")),
        // What was sent and nobody answered changes nothing but what leans on it.
        Some(_) => (!window.is_send() && is_stuck()).then(|| format!("{name} never ended ({summary})")),
    }
}

/// Whether an entry was only cut off by the end of the run: one that ended early and says so itself, or one that had just
/// come to the entry's end.
fn was_given_up(history: &History<'_>, window: &Window<'_>) -> bool {
    let start = history.zero.map(|zero| zero + window.record.start);
    let due = if window.begin.is_some() { window.planned_end } else { start };
    let just_now = due.is_some_and(|due| due + AT_THE_END >= history.end);
    let cut_off = window.begin.is_none() || window.end.is_none();
    (!history.complete() || (just_now && cut_off)) && window.errors.iter().all(|error| error.ends_with(NOT_COMPLETE))
}

/// Where the lines of a journal are not those that were written.
pub(super) fn damage(journal: &Journal) -> Option<String> {
    let places = journal.damage.join(", ");
    (!places.is_empty()).then(|| format!("the journal is not as it was written: {places}"))
}
