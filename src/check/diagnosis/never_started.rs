//! No node ever showed a block above its genesis: a genesis that clients read differently, too few validators, an application hash that does
//! not match.

use super::{Diagnosis, Kind, View};
use crate::check::history::State;

/// Sees a chain that never got a block above its genesis although its nodes answer.
pub(super) fn see(view: &View<'_, '_>) -> Option<Diagnosis> {
    let history = view.history;
    let zero = history.zero?;
    if view.to < zero + view.standing() || view.lines.iter().any(|line| line.highest > 0) || others_have_blocks(view) {
        return None;
    }
    let answers = |&node: &usize| matches!(history.state_at(node, view.to).1, State::Seen(_));
    if !view.layer.nodes.iter().any(answers) {
        return None;
    }
    let round = view.highest_round(0);
    // Without rounds, only a chain of which the pace is known is known to be late.
    if round.is_none() && history.run.block_time.is_none() {
        return None;
    }
    let rounds = round.map_or_else(String::new, |(_, height, round, step, _)| {
        format!("; rounds rise to {round} at height {height} ({step})")
    });
    let text = format!(
        "{}never started: {} has shown a block above genesis by {}{rounds}",
        history.layer_prefix(view.layer.name),
        if view.is_whole_layer() { "no node" } else { "none of these nodes, nor any other," },
        view.since(view.to)
    );
    // Refusals may have come at any time since the start.
    let mut diagnosis = view.diagnosis(Kind::NeverStarted, &view.layer.nodes, Some(zero), text);
    diagnosis.quotes = super::quotes::of(history, &view.layer.nodes, 0, view.to);
    diagnosis.height = Some(1);
    diagnosis.evidence = round.into_iter().map(|round| round.4).collect();
    Some(diagnosis)
}

/// Whether a node of the layer that was not asked about has shown a block: then the chain did start.
fn others_have_blocks(view: &View<'_, '_>) -> bool {
    let history = view.history;
    let others = (0..history.nodes.len()).filter(|&node| history.layer(node) == view.layer.name);
    let mut others = others.filter(|node| !view.layer.nodes.contains(node));
    others.any(|node| history.last_head(node, view.to).is_some_and(|(.., head)| history.chain.height(head) > 0))
}
