//! Nobody ever made a block: a genesis that clients read differently, too few validators, an application hash that does
//! not match.

use super::{Diagnosis, Kind, View};
use crate::check::history::State;

/// Sees a chain that never got a block above its genesis although its nodes answer.
pub(super) fn see(view: &View<'_, '_>) -> Option<Diagnosis> {
    let history = view.history;
    let zero = history.zero?;
    if view.to < zero + view.standing() || view.lines.iter().any(|line| line.rose.is_some() && highest(view, line) > 0)
    {
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
        "{}never started: no node has shown block 1 by {}{rounds}",
        history.layer_prefix(view.layer.name),
        view.since(view.to)
    );
    // Refusals may have come at any time since the start.
    let mut diagnosis = view.diagnosis(Kind::NeverStarted, &view.layer.nodes, Some(zero), text);
    diagnosis.quotes = super::quotes::of(history, &view.layer.nodes, 0, view.to);
    diagnosis.height = Some(1);
    diagnosis.evidence = round.into_iter().map(|round| round.4).collect();
    Some(diagnosis)
}

/// The highest head that a node showed up to the end of the time.
fn highest(view: &View<'_, '_>, line: &super::view::Line) -> u64 {
    let rose = line.rose.map_or(0, |rose| rose.0);
    view.history.head_at(line.node, rose).map_or(0, |(_, _, head)| view.history.chain.height(head))
}
