//! Processes that the kernel killed for a node's memory limit: what such a node does afterwards may have come of it.

use std::collections::BTreeMap;

use super::{Finding, FindingKind};
use crate::check::history::History;
use crate::journal::What;

pub(super) fn find(history: &History<'_>) -> Vec<Finding> {
    let mut by_node: BTreeMap<&str, (Finding, Option<u64>, u64)> = BTreeMap::new();
    for event in &history.told_of_processes {
        let What::OutOfMemory { node, limit, kills } = &event.what else { continue };
        let limit = *limit;
        let (finding, _, total) = by_node.entry(node.as_str()).or_insert_with(|| {
            let (who, at) = (vec![node.to_string()], event.at);
            let kind = FindingKind::OutOfMemory;
            (Finding { kind, who, from: at, to: None, text: String::new(), evidence: Vec::new() }, limit, 0)
        });
        finding.to = Some(event.at);
        finding.evidence.push(event.seq);
        *total += kills;
    }
    let told = |(node, (finding, limit, kills)): (&str, (Finding, Option<u64>, u64))| {
        let when = history.moment(finding.from);
        let when = if finding.to == Some(finding.from) { when } else { format!("first {when}") };
        Finding { text: format!("{}, {when}", killed_for_memory(node, limit, kills)), ..finding }
    };
    by_node.into_iter().map(told).collect()
}

/// `a: the kernel killed a process for its memory limit (96 MiB)`
fn killed_for_memory(node: &str, limit: Option<u64>, kills: u64) -> String {
    let limit = limit.map_or_else(String::new, |limit| format!(" ({} MiB)", limit >> 20));
    match kills {
        0 | 1 => format!("{node}: the kernel killed a process for its memory limit{limit}"),
        _ => format!("{node}: the kernel killed {kills} processes for its memory limit{limit}"),
    }
}
