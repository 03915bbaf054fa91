//! Somebody is behind on the same chain: it syncs, it is slow, or it stands still.

use super::one_side::{is_below, says_syncing};
use super::view::Line;
use super::{Diagnosis, Kind, View};

/// A node that is so many blocks behind, or fewer, was only asked a moment earlier.
const NEAR: u64 = 2;
/// How many nodes are told of one by one.
const TOLD: usize = 3;

/// Sees nodes that are behind on the chain of the highest head.
pub(super) fn see(view: &View<'_, '_>) -> Option<Diagnosis> {
    let top = view.top()?;
    let mut behind: Vec<&Line> =
        view.present().filter(|line| line.height + NEAR < top.height && is_below(view, line, top)).collect();
    behind.sort_by_key(|line| line.height);
    let last = *behind.first()?;
    let unit = view.history.count_word(view.layer.name);
    let mut each: Vec<String> = behind
        .iter()
        .take(TOLD)
        .map(|line| {
            format!(
                "{} is {} {unit} behind at {}, {}",
                view.list(&[line.node]),
                top.height - line.height,
                line.height,
                how(view, line)
            )
        })
        .collect();
    if behind.len() > TOLD {
        each.push(format!("{} more are behind", behind.len() - TOLD));
    }
    let text = format!("{}lagging: {}", view.history.layer_prefix(view.layer.name), each.join("; "));
    let nodes: Vec<usize> = behind.iter().map(|line| line.node).collect();
    let mut diagnosis = view.diagnosis(Kind::Lagging, &nodes, last.rose.map(|rose| rose.0), text);
    diagnosis.height = Some(last.height + 1);
    diagnosis.evidence = behind.iter().filter_map(|line| line.rose).map(|rose| rose.1).collect();
    Some(diagnosis)
}

/// What is known of how it goes on.
fn how(view: &View<'_, '_>, line: &Line) -> String {
    if says_syncing(view, line.node) {
        return "and by its own word syncing".to_owned();
    }
    match line.rose {
        Some(_) if view.rises(line) => "and still rising".to_owned(),
        Some((since, _)) => format!("and has shown no higher head since {}", view.since(since)),
        None => "and no head of it was seen before".to_owned(),
    }
}
