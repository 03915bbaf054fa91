//! What makes no pass of a run count: entries that were not carried out, things that were left behind, lines that are missing.

use super::history::History;
use super::questions::seconds;
use crate::journal::{Journal, What};

/// How many damaged places of a journal are told.
const PLACES: usize = 3;

/// Why no pass of this run counts, most important first.
pub(super) fn doubts(history: &History<'_>, journal: &Journal) -> Vec<String> {
    let mut doubts: Vec<String> = damage(journal).into_iter().collect();
    // A run that ended early says so itself; what it gave up then is no failure of its own.
    let failed =
        history.windows.iter().filter(|window| window.failed && (history.complete() || window.begin.is_none()));
    doubts.extend(failed.filter(|window| !was_given_up(history, &window.errors)).filter_map(|window| {
        let reason = window.spoilt.as_ref()?;
        Some(format!("{reason} ({})", window.record.summary))
    }));
    for event in &journal.events {
        if let What::TornDown { errors } = &event.what {
            doubts.extend(errors.iter().map(|error| format!("not taken down: {error}")));
        }
    }
    doubts
}

/// Whether entries were only cut off by the end of a run that says itself why it ended.
fn was_given_up(history: &History<'_>, errors: &[&str]) -> bool {
    !history.complete() && errors.iter().all(|error| *error == crate::journal::NOT_COMPLETE)
}

/// Where the lines of a journal are not those that were written: they are numbered without gaps, in the order of time.
pub(super) fn damage(journal: &Journal) -> Option<String> {
    let mut places: Vec<String> = Vec::new();
    let mut last_at = 0;
    for (expected, event) in journal.events.iter().enumerate() {
        let before = expected.checked_sub(1).map(|before| journal.events[before].seq);
        match before {
            None if event.seq == 0 => {}
            None => places.push(format!("line 0 is missing before line {}", event.seq)),
            Some(before) if event.seq == before + 1 => {}
            Some(before) if event.seq > before + 1 => {
                let (from, to) = (before + 1, event.seq - 1);
                places.push(if from == to {
                    format!("line {from} is missing")
                } else {
                    format!("lines {from} to {to} are missing")
                });
            }
            Some(before) => places.push(format!("line {} stands after line {before}", event.seq)),
        }
        if event.at < last_at {
            places.push(format!("line {} goes back in time by {}", event.seq, seconds(last_at - event.at)));
        }
        last_at = last_at.max(event.at);
    }
    let more = places.len().saturating_sub(PLACES);
    places.truncate(PLACES);
    let more = if more > 0 { format!(", and {more} more places") } else { String::new() };
    (!places.is_empty()).then(|| format!("the journal is not as it was written: {}{more}", places.join(", ")))
}
