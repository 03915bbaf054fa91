//! Some go on, the others stand still on the same chain: the majority has votes enough, the minority has not.

use std::collections::BTreeMap;

use super::view::Line;
use super::{DiagnosedSide, Diagnosis, Kind, View};
use crate::check::chain::Relation;
use crate::check::questions::name_list;

/// So many blocks behind is no standing still.
const NEAR: u64 = 2;
/// At how many heights nodes that stand still are told of.
const TOLD: usize = 3;

/// Sees nodes that stand still while others go on.
pub(super) fn see(view: &View<'_, '_>) -> Option<Diagnosis> {
    let history = view.history;
    let top = view.top()?;
    if !view.rises(top) {
        return None;
    }
    let still: Vec<&Line> = view
        .present()
        .filter(|line| !view.rises(line) && line.height + NEAR < top.height && is_below(view, line, top))
        .filter(|line| !says_syncing(view, line.node))
        .collect();
    let first = still.iter().min_by_key(|line| line.rose)?;
    let nodes: Vec<usize> = still.iter().map(|line| line.node).collect();
    let going: Vec<usize> = view.present().filter(|line| view.rises(line)).map(|line| line.node).collect();
    let since = first.rose.map(|rose| rose.0);
    let word = view.word();
    // Each with its own height: nodes stand still where each of them was.
    let mut places: BTreeMap<u64, Vec<&Line>> = BTreeMap::new();
    for line in &still {
        places.entry(line.highest).or_default().push(line);
    }
    let told: Vec<String> = places
        .iter()
        .take(TOLD)
        .map(|(height, lines)| {
            let nodes: Vec<usize> = lines.iter().map(|line| line.node).collect();
            let verb = if view.names(&nodes).len() == 1 { "has" } else { "have" };
            let since = lines.iter().filter_map(|line| line.rose).map(|rose| rose.0).max();
            let since = since.map_or_else(String::new, |since| format!(" since {}", view.since(since)));
            format!("{} {verb} shown no block above {height}{since}", view.list(&nodes))
        })
        .collect();
    let more = if places.len() > TOLD { " and more stand still" } else { "" };
    let rounds = view.highest_round(since.unwrap_or(view.from)).filter(|round| nodes.contains(&round.0));
    let rounds = rounds.map_or_else(String::new, |(node, height, round, step, _)| {
        format!("; rounds rise to {round} at height {height} ({}: {step})", history.name(node))
    });
    let verb = if view.names(&going).len() == 1 { "goes" } else { "go" };
    let text = format!(
        "{}one side goes on: {} {verb} on, up to {word} {}, while {}{more}{rounds}",
        history.layer_prefix(view.layer.name),
        name_list(&view.names(&going)),
        top.height,
        told.join(", "),
    );
    let mut diagnosis = view.diagnosis(Kind::OneSideGoesOn, &nodes, since, text);
    diagnosis.height = Some(first.height + 1);
    diagnosis.evidence = still.iter().filter_map(|line| line.rose).map(|rose| rose.1).collect();
    let side = |nodes: &[usize]| DiagnosedSide {
        block: None,
        nodes: nodes.iter().map(|&node| history.name(node).clone()).collect(),
    };
    diagnosis.sides = vec![side(&going), side(&nodes)];
    Some(diagnosis)
}

/// Whether a node's head was seen to lie below another's on one chain: heights alone do not say so.
pub(super) fn is_below(view: &View<'_, '_>, line: &Line, top: &Line) -> bool {
    let heads = line.head.zip(top.head);
    heads.is_some_and(|(low, high)| matches!(view.history.chain.relation(low, high), Relation::Below(_)))
}

/// Whether a node last said that it is syncing.
pub(super) fn says_syncing(view: &View<'_, '_>, node: usize) -> bool {
    let said = view.history.nodes[node].syncing.iter().rev().find(|said| said.0 <= view.to);
    said.is_some_and(|said| said.1)
}
