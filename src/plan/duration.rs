//! How long the timeline is.

use std::time::Duration;

use crate::action::EntryName;
use crate::check::{Expectation, That, When};
use crate::spec::{Entry, Scenario};

/// Time after the last instant, so that what it did can be seen at all.
pub(super) const SETTLE: Duration = Duration::from_secs(5);

/// How long a fault without an end is in force at least.
pub(super) const OPEN_ENDED: Duration = Duration::from_secs(30);

/// Start and end of each entry after the timeline's zero, in the order of the scenario. Entries without an end stay to
/// the timeline's end, or end at once if their effects say so.
pub(super) fn end_of(entry: &Entry) -> Option<Duration> {
    entry.until.or_else(|| entry.effects.momentary.then_some(entry.at)).map(|until| until.max(entry.at))
}

/// From the timeline's zero to its end: long enough for every entry, every late start of a node, and every wait of an
/// expectation.
pub(super) fn of_timeline(scenario: &Scenario) -> Duration {
    let entries = scenario.timeline.iter().map(|entry| end_of(entry).map_or(entry.at + OPEN_ENDED, |end| end + SETTLE));
    let starts = scenario.topology.nodes.iter().filter_map(|node| Some(node.start_at? + SETTLE));
    let waits = scenario.expectations.iter().filter_map(|expectation| wait(scenario, expectation));
    entries.chain(starts).chain(waits).fold(SETTLE, Duration::max)
}

/// The moment up to which an expectation must be watched; `None` if it adds nothing.
fn wait(scenario: &Scenario, expectation: &Expectation) -> Option<Duration> {
    let when = match &expectation.when {
        When::Always | When::Never | When::Sometimes | When::AtEnd | When::During(_) => None,
        When::After(name, within) => end_of_family(scenario, name).map(|end| end + *within),
        // Readiness is counted from the start of the nodes, and has been decided when the timeline's zero comes.
        When::Within(_) if matches!(expectation.that, That::Ready(_)) => None,
        When::Within(within) => Some(*within),
        When::At(at) => Some(*at),
    };
    let what = match &expectation.that {
        That::Recover(recover) => scenario
            .timeline
            .iter()
            .map(|entry| end_of(entry).unwrap_or(entry.at))
            .max()
            .map(|end| end + recover.within),
        _ => None,
    };
    when.max(what)
}

/// When the last repetition of an entry ends.
fn end_of_family(scenario: &Scenario, name: &EntryName) -> Option<Duration> {
    let family = scenario.timeline.iter().filter(|entry| entry.name == *name || entry.family == name.as_str());
    family.map(|entry| end_of(entry).unwrap_or(entry.at + OPEN_ENDED)).max()
}
