//! Somebody is behind on the same chain: it syncs, or it is slow.

use super::one_side::says_syncing;
use super::view::Line;
use super::{Diagnosis, Kind, View};

/// A node that is so many blocks behind, or fewer, was only asked a moment earlier.
const NEAR: u64 = 2;

/// Sees nodes that are behind and come nearer, or say that they are syncing.
pub(super) fn see(view: &View<'_, '_>) -> Option<Diagnosis> {
    let top = view.top()?;
    let behind: Vec<&Line> = view.present().filter(|line| line.height + NEAR < top.height).collect();
    let last = behind.iter().min_by_key(|line| line.height)?;
    let nodes: Vec<usize> = behind.iter().map(|line| line.node).collect();
    let be = if nodes.len() == 1 { "is" } else { "are" };
    let syncing = nodes.iter().filter(|&&node| says_syncing(view, node)).count();
    let how = match syncing {
        0 => "and still rising",
        count if count == nodes.len() => "and by its own word syncing",
        _ => "and in part syncing",
    };
    let text = format!(
        "{}lagging: {} {be} {} {} behind at {}, {how}",
        view.history.layer_prefix(view.layer.name),
        view.list(&nodes),
        top.height - last.height,
        view.history.count_word(view.layer.name),
        last.height,
    );
    let mut diagnosis = view.diagnosis(Kind::Lagging, &nodes, last.rose.map(|rose| rose.0), text);
    diagnosis.height = Some(last.height + 1);
    diagnosis.evidence = behind.iter().filter_map(|line| line.rose).map(|rose| rose.1).collect();
    Some(diagnosis)
}
