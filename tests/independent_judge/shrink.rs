//! Makes a journal on which the judges differ as small as it gets.

use serde_json::Value;
use splitbrain::journal::{Journal, What};

use super::sight::node_of;

/// Drops expectations, nodes, entries and lines as long as `differs` holds.
pub(crate) fn shrink(mut journal: Journal, index: usize, differs: impl Fn(&Journal) -> bool) -> Journal {
    let keep = |journal: &mut Journal, mut candidate: Journal| {
        // A journal that lacks lines is another matter.
        for (seq, event) in candidate.events.iter_mut().enumerate() {
            event.seq = seq as u64;
        }
        let better = differs(&candidate);
        if better {
            *journal = candidate;
        }
        better
    };
    let one = journal.run.expectations[index].clone();
    journal = with_run(&journal, |run| run.expectations = Value::Array(vec![one.clone()]));
    for node in journal.run.nodes.clone() {
        let name = node.name.as_str();
        let mut candidate = with_run(&journal, |run| {
            run.nodes.retain(|other| other.name != node.name);
            for window in &mut run.windows {
                window.targets.retain(|target| *target != node.name);
            }
            for expectation in run.expectations.as_array_mut().into_iter().flatten() {
                if let Some(nodes) = expectation["nodes"].as_array_mut() {
                    nodes.retain(|other| other != name);
                }
            }
        });
        candidate.events.retain(|event| node_of(&event.what) != Some(name));
        let asked = candidate.run.expectations[0]["nodes"].as_array().is_some_and(|nodes| !nodes.is_empty());
        if asked && !candidate.run.nodes.is_empty() {
            keep(&mut journal, candidate);
        }
    }
    for window in journal.run.windows.clone() {
        if journal.run.expectations.to_string().contains(&format!("\"{}\"", window.family)) {
            continue;
        }
        let mut candidate = with_run(&journal, |run| run.windows.retain(|other| other.name != window.name));
        candidate.events.retain(|event| !matches!(&event.what, What::Fault { entry, .. } if *entry == window.name));
        keep(&mut journal, candidate);
    }
    let mut size = journal.events.len() / 2;
    while size > 0 {
        let mut at = 1;
        while at < journal.events.len() {
            let mut candidate = journal.clone();
            let until = (at + size).min(candidate.events.len());
            let dropped: Vec<_> = candidate.events.drain(at..until).collect();
            // What would make a run that cannot be.
            let needed = dropped.iter().any(|event| {
                matches!(
                    event.what,
                    What::TimelineStarted | What::TimelineEnded { .. } | What::Node { .. } | What::Fault { .. }
                )
            });
            if needed || !keep(&mut journal, candidate) {
                at += size;
            }
        }
        size /= 2;
    }
    journal
}

fn with_run(journal: &Journal, change: impl FnOnce(&mut splitbrain::journal::RunRecord)) -> Journal {
    let mut journal = journal.clone();
    change(&mut journal.run);
    journal.events[0].what = What::Run(journal.run.clone());
    journal
}
