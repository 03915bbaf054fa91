//! Several sides build: each has blocks that the others do not have, and all but one will throw theirs away.

use std::collections::BTreeMap;

use super::{Diagnosis, Kind, View};
use crate::check::questions::name_list;

/// Reorganisations that come so shortly after a time of divergence ended it. In microseconds.
const HEALED_WITHIN: u64 = 2_000_000;

/// Sees chains that parted.
pub(super) fn see(view: &View<'_, '_>) -> Option<Diagnosis> {
    let history = view.history;
    let explanation = view.explanation.as_ref()?;
    let (height, [most, rest @ ..]) = (explanation.height?, explanation.sides.as_slice()) else { return None };
    let side_of = |side: &crate::check::Side| {
        let blocks = if side.length == 1 { "block" } else { "blocks" };
        let mut names: Vec<String> = Vec::new();
        for holder in &side.nodes {
            if !names.iter().any(|name| name == holder.name()) {
                names.push(holder.name().to_owned());
            }
        }
        format!("{} ({} {blocks})", name_list(&names), side.length)
    };
    let sides: Vec<String> = explanation.sides.iter().map(side_of).collect();
    let (prefix, word) = (history.layer_prefix(view.layer.name), view.word());
    let mut text = format!("{prefix}fork from {word} {height} on: {}", sides.join(" against "));
    let building: Vec<bool> = explanation.sides.iter().map(|side| builds(view, side)).collect();
    text.push_str(match (building.iter().filter(|builds| **builds).count(), building.len()) {
        (0, _) => "; by then nobody built any more",
        (1, _) => "; one side still built",
        (some, all) if some == all => "; all sides built",
        _ => "; some sides still built",
    });
    if let Some(left) = left_behind(view) {
        text.push_str("; ");
        text.push_str(&left);
    }
    // Of two equal halves nobody is alone.
    let alone: Vec<usize> = rest
        .iter()
        .filter(|side| side.nodes.len() < most.nodes.len())
        .flat_map(|side| history.indices_of(&side.nodes.iter().map(|holder| holder.node.clone()).collect::<Vec<_>>()))
        .collect();
    let everybody: Vec<usize> = explanation
        .sides
        .iter()
        .flat_map(|side| side.nodes.iter())
        .filter_map(|holder| history.index.get(holder.node.as_str()).copied())
        .collect();
    let mut births: Vec<u64> = explanation.sides.iter().filter_map(|side| side.first_seen).collect();
    births.sort_unstable();
    let who = if alone.is_empty() { &everybody } else { &alone };
    let mut diagnosis = view.diagnosis(Kind::Fork, who, births.get(1).copied(), text);
    diagnosis.height = Some(height);
    diagnosis.evidence = explanation.evidence();
    Some(diagnosis)
}

/// Whether a side still got blocks when the time was over.
fn builds(view: &View<'_, '_>, side: &crate::check::Side) -> bool {
    let rose = side.nodes.iter().filter_map(|holder| {
        let line = view.lines.iter().find(|line| view.history.name(line.node) == &holder.node)?;
        line.rose.map(|rose| rose.0)
    });
    rose.max().is_some_and(|rose| rose + view.standing() > view.to)
}

/// Who threw blocks away, and how many at most.
fn left_behind(view: &View<'_, '_>) -> Option<String> {
    let mut deepest: BTreeMap<usize, u64> = BTreeMap::new();
    for &node in &view.layer.nodes {
        let reorgs = view.history.nodes[node].reorgs.iter();
        let within = reorgs.filter(|reorg| (view.from..=view.to + HEALED_WITHIN).contains(&reorg.at));
        if let Some(depth) = within.map(|reorg| reorg.depth).max().filter(|&depth| depth > 1) {
            deepest.insert(node, depth);
        }
    }
    let most = deepest.values().max().copied()?;
    let nodes: Vec<usize> = deepest.into_iter().filter(|entry| entry.1 == most).map(|entry| entry.0).collect();
    let unit = view.history.count_word(view.layer.name);
    Some(format!("{} left {most} {unit} of it", name_list(&view.names(&nodes))))
}
