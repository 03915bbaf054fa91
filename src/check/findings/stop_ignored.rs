//! A node that was asked to end and went on: its `stop` was a kill, and came as much later.

use super::{Finding, FindingKind};
use crate::check::history::History;
use crate::journal::What;

pub(super) fn find(history: &History<'_>) -> Vec<Finding> {
    let one = |event: &&crate::journal::Event| {
        let What::StopIgnored { node, waited } = &event.what else { return None };
        let seconds = (*waited as f64 / 1e6).round();
        Some(Finding {
            kind: FindingKind::StopIgnored,
            who: vec![node.to_string()],
            from: event.at.saturating_sub(*waited),
            to: Some(event.at),
            text: format!(
                "{node} did not end within {seconds} s of SIGTERM and was killed; it was up until then ({})",
                history.moment(event.at),
            ),
            evidence: vec![event.seq],
        })
    };
    history.told_of_processes.iter().filter_map(one).collect()
}
