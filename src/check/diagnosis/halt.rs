//! Nobody makes blocks, and nobody disagrees: a chain that needs more votes than any side has (CometBFT), or sealers that
//! wait for each other.

use super::{Diagnosis, Kind, View};
use crate::check::questions::seconds;

/// Sees a chain that stands still everywhere.
pub(super) fn see(view: &View<'_, '_>) -> Option<Diagnosis> {
    let history = view.history;
    if view.explanation.as_ref().is_some_and(|explanation| explanation.sides.len() > 1) {
        return None;
    }
    let top = view.top().filter(|top| top.height > 0)?;
    let (since, seq) = view.lines.iter().filter_map(|line| line.rose).max()?;
    let stands = view.to.saturating_sub(since);
    if stands < view.standing() {
        return None;
    }
    let round = view.highest_round(since).filter(|round| round.1 >= top.height);
    // A chain on which blocks are made on demand only does not stand still; it was not asked.
    if round.is_none() && (history.run.block_time.is_none() || view.layer.name == "bitcoin") {
        return None;
    }
    let rounds = match round {
        Some((node, height, round, step, _)) => format!(
            "; rounds rise to {round} at height {height} ({}: {step}), so votes are missing and nobody forks",
            history.name(node)
        ),
        None => "; no side has what it takes to make one".to_owned(),
    };
    let faults: Vec<String> = history.faults_at(view.to).map(|window| window.record.name.to_string()).collect();
    let faults = if faults.is_empty() { String::new() } else { format!(" ({})", faults.join(", ")) };
    let text = format!(
        "{}halt without a fork: nobody made a block after {} {} for {}, from {} on{faults}{rounds}",
        history.layer_prefix(view.layer.name),
        view.word(),
        top.height,
        seconds(stands),
        view.since(since),
    );
    let mut diagnosis = view.diagnosis(Kind::Halt, &view.layer.nodes, Some(since), text);
    diagnosis.height = Some(top.height + 1);
    diagnosis.evidence = std::iter::once(seq).chain(round.map(|round| round.4)).collect();
    Some(diagnosis)
}
