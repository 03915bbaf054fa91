//! Nodes hold different chains: each side has blocks that the others do not have.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{DiagnosedSide, Diagnosis, Kind, View};
use crate::check::questions::{name_list, seconds, short_hash};

/// Reorganisations that come so shortly after a time of divergence ended it. In microseconds.
const HEALED_WITHIN: u64 = 2_000_000;

/// Sees chains that parted.
pub(super) fn see(view: &View<'_, '_>) -> Option<Diagnosis> {
    let history = view.history;
    let explanation = view.explanation.as_ref()?;
    let height = explanation.height.filter(|_| explanation.sides.len() > 1)?;
    let nodes_of = |side: &crate::check::Side| {
        history.indices_of(&side.nodes.iter().map(|holder| holder.node.clone()).collect::<Vec<_>>())
    };
    let side_of = |side: &crate::check::Side| {
        let names = name_list(&view.names(&nodes_of(side)));
        let hash = short_hash(&side.block.hash);
        // How long a side is can be counted only from where it left the others.
        match (explanation.parted_below, side.length) {
            (true, _) => format!("{names} ({hash})"),
            (false, 1) => format!("{names} (1 block, {hash})"),
            (false, blocks) => format!("{names} ({blocks} blocks from {hash} on)"),
        }
    };
    let sides: Vec<String> = explanation.sides.iter().map(side_of).collect();
    let (prefix, word) = (history.layer_prefix(view.layer.name), view.word());
    let place = if explanation.parted_below {
        format!("fork at {word} {height} or below")
    } else {
        format!("fork from {word} {height} on")
    };
    let mut text = format!("{prefix}{place}: {}", sides.join(" against "));
    let grew = explanation.sides.iter().filter(|side| grows(view, side)).count();
    let last = seconds(view.standing());
    let who = match (grew, explanation.sides.len()) {
        (0, _) => "no side".to_owned(),
        (some, all) if some == all => "all sides".to_owned(),
        (1, _) => "one side".to_owned(),
        (some, _) => format!("{some} sides"),
    };
    let _ = write!(text, "; {who} grew in the last {last}");
    if let Some(left) = went_back(view) {
        text.push_str("; ");
        text.push_str(&left);
    }
    let everybody: Vec<usize> = explanation.sides.iter().flat_map(nodes_of).collect();
    let mut diagnosis = view.diagnosis(Kind::Fork, &everybody, explanation.parted, text);
    diagnosis.height = Some(height);
    diagnosis.evidence = explanation.evidence();
    let sides = explanation.sides.iter().map(|side| DiagnosedSide {
        block: Some(side.block.clone()),
        nodes: side.nodes.iter().map(|holder| holder.node.clone()).collect(),
    });
    diagnosis.sides = sides.collect();
    Some(diagnosis)
}

/// Whether a side's head still rose when the time was over.
fn grows(view: &View<'_, '_>, side: &crate::check::Side) -> bool {
    let mut lines = view.lines.iter();
    lines.any(|line| view.rises(line) && side.nodes.iter().any(|holder| view.history.name(line.node) == &holder.node))
}

/// Who went back in that time, and how far at most.
fn went_back(view: &View<'_, '_>) -> Option<String> {
    let mut deepest: BTreeMap<usize, (u64, bool)> = BTreeMap::new();
    for &node in &view.layer.nodes {
        let reorgs = view.history.nodes[node].reorgs.iter();
        let within = reorgs.filter(|reorg| (view.from..=view.to + HEALED_WITHIN).contains(&reorg.at));
        let most = within.map(|reorg| (reorg.depth, reorg.exact)).max_by_key(|&(depth, exact)| (depth, !exact));
        deepest.extend(most.filter(|&(depth, _)| depth > 1).map(|most| (node, most)));
    }
    let most = deepest.values().map(|most| most.0).max()?;
    let nodes: Vec<usize> = deepest.iter().filter(|entry| entry.1.0 == most).map(|entry| *entry.0).collect();
    let least = if nodes.iter().all(|node| deepest[node].1) { "" } else { "at least " };
    let unit = view.history.count_word(view.layer.name);
    Some(format!("{} went back {least}{most} {unit}", name_list(&view.names(&nodes))))
}
