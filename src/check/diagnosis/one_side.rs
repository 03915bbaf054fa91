//! Some go on, the others stand still on the same chain: the majority has votes enough, the minority has not.

use super::view::Line;
use super::{Diagnosis, Kind, View};
use crate::check::questions::name_list;

/// So many blocks behind is no standing still.
const NEAR: u64 = 2;

/// Sees nodes that stand still while others go on.
pub(super) fn see(view: &View<'_, '_>) -> Option<Diagnosis> {
    let history = view.history;
    let top = view.top()?;
    let moves = |line: &Line| line.rose.is_some_and(|rose| rose.0 + view.standing() > view.to);
    if !moves(top) {
        return None;
    }
    let still: Vec<&Line> = view
        .present()
        .filter(|line| !moves(line) && line.height + NEAR < top.height && !says_syncing(view, line.node))
        .collect();
    let first = still.iter().min_by_key(|line| line.rose)?;
    let nodes: Vec<usize> = still.iter().map(|line| line.node).collect();
    let going: Vec<usize> = view.present().filter(|line| moves(line)).map(|line| line.node).collect();
    let since = first.rose.map(|rose| rose.0);
    let word = view.word();
    let verb = if nodes.len() == 1 { "stands" } else { "stand" };
    let from = since.map_or_else(String::new, |since| format!(" since {}", view.since(since)));
    let rounds = view.highest_round(since.unwrap_or(view.from)).filter(|round| nodes.contains(&round.0));
    let rounds = rounds.map_or_else(String::new, |(_, height, round, step, _)| {
        format!("; its rounds rise to {round} at height {height} ({step})")
    });
    let text = format!(
        "{}one side goes on: {} at {word} {}, while {} {verb} still at {}{from}{rounds}",
        history.layer_prefix(view.layer.name),
        name_list(&view.names(&going)),
        top.height,
        view.list(&nodes),
        first.height,
    );
    let mut diagnosis = view.diagnosis(Kind::OneSideGoesOn, &nodes, since, text);
    diagnosis.height = Some(first.height + 1);
    diagnosis.evidence = still.iter().filter_map(|line| line.rose).map(|rose| rose.1).collect();
    Some(diagnosis)
}

/// Whether a node last said that it is syncing.
pub(super) fn says_syncing(view: &View<'_, '_>, node: usize) -> bool {
    let said = view.history.nodes[node].syncing.iter().rev().find(|said| said.0 <= view.to);
    said.is_some_and(|said| said.1)
}
