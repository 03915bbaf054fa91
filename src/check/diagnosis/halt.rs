//! No node shows a new block, and all are on one chain: a chain that needs more votes than any side has (CometBFT), or
//! sealers that wait for each other. Which of these it is the journal does not say, so neither do we.

use super::{Diagnosis, Kind, View};
use crate::check::questions::{name_list, seconds};

/// Sees a chain that stands still everywhere.
pub(super) fn see(view: &View<'_, '_>) -> Option<Diagnosis> {
    let history = view.history;
    let explanation = view.explanation.as_ref()?;
    // Nodes of which nobody can tell may be on a chain of their own that grows.
    if explanation.sides.len() > 1 || !explanation.unplaced.is_empty() {
        return None;
    }
    let top = view.present().max_by_key(|line| line.height).filter(|top| top.height > 0)?;
    let (since, seq) = view.lines.iter().filter_map(|line| line.rose).max()?;
    let highest = view.lines.iter().map(|line| line.highest).max()?;
    let stands = view.to.saturating_sub(since);
    if stands < view.standing() {
        return None;
    }
    let round = view.highest_round(since).filter(|round| round.1 >= top.height);
    // A chain on which blocks are made on demand only does not stand still; it was not asked.
    if round.is_none() && (history.run.block_time.is_none() || view.layer.name == "bitcoin") {
        return None;
    }
    let rounds = round.map_or_else(String::new, |(node, height, round, step, _)| {
        format!("; rounds rise to {round} at height {height} ({}: {step})", history.name(node))
    });
    let faults: Vec<String> = history.faults_at(view.to).map(|window| window.record.name.to_string()).collect();
    let faults = if faults.is_empty() { String::new() } else { format!("; faults in force: {}", name_list(&faults)) };
    // That nobody forked is known only if everybody was seen.
    let kind = if view.sees_all() { "halt without a fork" } else { "halt" };
    let who = if view.is_whole_layer() { "no node" } else { "none of these nodes" };
    let text = format!(
        "{}{kind}: {who} has shown a block above {} {highest} for {}, from {} on{faults}{rounds}",
        history.layer_prefix(view.layer.name),
        view.word(),
        seconds(stands),
        view.since(since),
    );
    let mut diagnosis = view.diagnosis(Kind::Halt, &view.layer.nodes, Some(since), text);
    diagnosis.height = Some(highest + 1);
    diagnosis.evidence = std::iter::once(seq).chain(round.map(|round| round.4)).collect();
    Some(diagnosis)
}
