//! Rounds that rise while the height stands (CometBFT): none of the rounds before came to a block.

use std::collections::BTreeMap;

use super::{Finding, FindingKind};
use crate::check::history::History;
use crate::check::questions::seconds;

/// A round or two pass whenever a proposer is away; more are worth a word.
const MANY: u64 = 3;

/// What is known of one height.
struct Spin {
    nodes: Vec<usize>,
    from: u64,
    to: u64,
    round: u64,
    step: String,
    seq: u64,
}

pub(super) fn find(history: &History<'_>) -> Vec<Finding> {
    let mut heights: BTreeMap<u64, Spin> = BTreeMap::new();
    for (node, known) in history.nodes.iter().enumerate() {
        for &(at, seq, height, round, step) in &known.rounds {
            let spin = heights.entry(height).or_insert_with(|| Spin {
                nodes: Vec::new(),
                from: at,
                to: at,
                round,
                step: step.to_owned(),
                seq,
            });
            spin.from = spin.from.min(at);
            spin.to = spin.to.max(at);
            if round > spin.round {
                (spin.round, spin.step, spin.seq) = (round, step.to_owned(), seq);
            }
            if round >= MANY && !spin.nodes.contains(&node) {
                spin.nodes.push(node);
            }
        }
    }
    let many = heights.into_iter().filter(|(_, spin)| spin.round >= MANY);
    many.map(|(height, mut spin)| {
        spin.nodes.sort_unstable();
        let everybody = (0..history.nodes.len()).collect();
        Finding {
            kind: FindingKind::Rounds,
            who: history.say_all(spin.nodes.iter().copied(), &everybody),
            from: spin.from,
            to: Some(spin.to),
            text: format!(
                "rounds rose to {} at height {height} ({}), and to {MANY} or more on {}, for {} from {} on; none of the rounds before \
                 came to a block",
                spin.round,
                spin.step,
                history.say_list(spin.nodes.iter().copied()),
                seconds(spin.to - spin.from),
                history.moment(spin.from).trim_start_matches("at "),
            ),
            evidence: vec![spin.seq],
        }
    })
    .collect()
}
