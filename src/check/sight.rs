//! When nobody could see a node although somebody should have: the one notion of "not seen" that all checks share.

use std::collections::BTreeMap;

use super::windows::Window;
use crate::journal::{Event, Journal, NodePhase, SIGHT_PROMISE, What};

/// A node that cannot be seen for less than this is taken to hold what it held: probes sample, and one lost sample is no
/// blindness. In microseconds.
pub const TOLERATED_GAP: u64 = 3_000_000;

/// A head that is told within this time after a gap is the one that the gap's last answer named. In microseconds.
const HEAD_NAMED: u64 = 500_000;

/// How long a node may take to come back on top of twice the time that its first start took, in microseconds.
const GRACE: u64 = 5_000_000;

/// A time in which a node could not be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Blind {
    pub(super) from: u64,
    pub(super) to: u64,
    /// When it gave its first answer again: its head is named a moment later.
    pub(super) answered: u64,
    /// It begins where the timeline gave the node back: it is still coming, not lost.
    pub(super) comes_back: bool,
}

/// The blind times of each node, in order.
pub(super) fn blind_times(
    journal: &Journal,
    events: &[Event],
    index: &BTreeMap<&str, usize>,
    windows: &[Window<'_>],
    (zero, end): (Option<u64>, u64),
) -> Vec<Vec<Blind>> {
    let count = index.len();
    let mut gaps = gaps(journal, events, index, (zero, end));
    let mut excuses: Vec<Vec<(u64, u64)>> = vec![Vec::new(); count];
    for window in windows.iter().filter(|window| window.takes_processes()) {
        let Some(begin) = window.begin else { continue };
        for target in &window.record.targets {
            if let Some(&node) = index.get(target.as_str()) {
                excuses[node].push((begin, window.excuses_until().unwrap_or(end).max(begin)));
            }
        }
    }
    let mut exits: Vec<Vec<u64>> = vec![Vec::new(); count];
    let mut heads: Vec<Vec<u64>> = vec![Vec::new(); count];
    for event in events {
        if let What::Head { node, .. } = &event.what
            && let Some(&node) = index.get(node.as_str())
        {
            heads[node].push(event.at);
        }
        if let What::Exit { node, .. } = &event.what
            && let Some(&node) = index.get(node.as_str())
        {
            exits[node].push(event.at);
        }
    }
    (0..count)
        .map(|node| {
            excuses[node].sort_unstable();
            let all = union(std::mem::take(&mut gaps[node]));
            let mut pieces = Vec::new();
            for gap in all {
                without_excuses(gap, &excuses[node], &exits[node], &mut pieces);
            }
            let mut blind: Vec<Blind> = pieces.iter().copied().filter(|piece| piece.comes_back).collect();
            pieces.retain(|piece: &Blind| !piece.comes_back && piece.to - piece.from >= SIGHT_PROMISE);
            blind.extend(long_bouts(&pieces));
            for gap in &mut blind {
                // Its first answer names its head, a moment later than the gap ends: until then the one that it had may
                // be meant, which nobody saw.
                let first = heads[node].partition_point(|&at| at < gap.to);
                gap.to = heads[node].get(first).copied().filter(|&at| at <= gap.to + HEAD_NAMED).unwrap_or(gap.to);
            }
            blind.sort_unstable();
            blind
        })
        .collect()
}

/// Times without an answer, as the journal tells them.
fn gaps(
    journal: &Journal,
    events: &[Event],
    index: &BTreeMap<&str, usize>,
    (zero, end): (Option<u64>, u64),
) -> Vec<Vec<(u64, u64)>> {
    let mut open: Vec<Option<u64>> = vec![None; index.len()];
    let mut gaps: Vec<Vec<(u64, u64)>> = vec![Vec::new(); index.len()];
    for event in events {
        if let What::StoodStill { from, to, suspended } = event.what {
            // While a machine was suspended the run's own clock stood: what is missing does not show in its length.
            let to = if suspended >= SIGHT_PROMISE { to.max(from + TOLERATED_GAP) } else { to };
            for gaps in gaps.iter_mut().filter(|_| from < to) {
                gaps.push((from, to));
            }
        }
        let (What::ProbeLost { node, .. }
        | What::ProbeBack { node }
        | What::Head { node, .. }
        | What::Peers { node, .. }
        | What::PollGap { node, .. }) = &event.what
        else {
            continue;
        };
        let Some(&node) = index.get(node.as_str()) else { continue };
        match &event.what {
            What::ProbeLost { .. } => open[node] = open[node].or(Some(event.at)),
            What::PollGap { from, to, .. } if from < to => gaps[node].push((*from, *to)),
            What::PollGap { .. } => {}
            _ => gaps[node].extend(open[node].take().filter(|&from| from < event.at).map(|from| (from, event.at))),
        }
    }
    for (node, from) in open.into_iter().enumerate() {
        gaps[node].extend(from.filter(|&from| from < end).map(|from| (from, end)));
    }
    if journal.run.promises == 0
        && let Some(zero) = zero
    {
        unwritten_gaps(journal, events, index, (zero, end), &mut gaps);
    }
    gaps
}

/// Journals that promise nothing only say how long the longest gap was, at their end. It may lie in any time in which they
/// are silent about the node for so long.
fn unwritten_gaps(
    journal: &Journal,
    events: &[Event],
    index: &BTreeMap<&str, usize>,
    (zero, end): (u64, u64),
    gaps: &mut [Vec<(u64, u64)>],
) {
    for event in &journal.events {
        let What::Watched { node, largest_gap, .. } = &event.what else { continue };
        let Some(&number) = index.get(node.as_str()) else { continue };
        // Ends of gaps are instants of answers: a poll and a little more lies between the two ways of measuring.
        let length = largest_gap.saturating_sub(SIGHT_PROMISE / 2);
        if length < TOLERATED_GAP || gaps[number].iter().any(|gap| gap.1 - gap.0 >= length) {
            continue;
        }
        let mut last = zero;
        let lines = events.iter().filter(|event| super::history_reading::node_of(&event.what) == Some(node.as_str()));
        for at in lines.map(|event| event.at).filter(|&at| at > zero).chain([end]) {
            if at.saturating_sub(last) >= length {
                gaps[number].push((last, at));
            }
            last = last.max(at);
        }
    }
}

/// Journals that promise nothing do not say that the tool stood still, but then nobody at all was seen.
pub(super) fn unwritten_standstills(journal: &Journal, blind: &[Vec<Blind>]) -> Vec<(u64, u64, u64)> {
    let told = |event: &Event| matches!(event.what, What::ProbeLost { .. } | What::StoodStill { .. });
    if journal.run.promises > 0 || blind.len() < 2 {
        return Vec::new();
    }
    let (first, others) = (&blind[0], &blind[1..]);
    let common = first.iter().filter_map(|gap| {
        others.iter().try_fold((gap.from, gap.to), |(from, to), node| {
            let other = node.iter().find(|other| other.from < to && from < other.to)?;
            Some((from.max(other.from), to.min(other.to)))
        })
    });
    let silent = common.filter(|&(from, to)| {
        to - from >= TOLERATED_GAP && !journal.events.iter().any(|event| told(event) && (from..to).contains(&event.at))
    });
    silent.map(|(from, to)| (from, to, 0)).collect()
}

/// Overlapping gaps as one.
fn union(mut gaps: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    gaps.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (from, to) in gaps {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// What is left of a gap when the times are taken out in which the timeline had taken the node away. The last answer lies
/// up to a poll before a process ends: a gap begins there, not before.
fn without_excuses((from, to): (u64, u64), excuses: &[(u64, u64)], exits: &[u64], pieces: &mut Vec<Blind>) {
    let ends = exits.iter().copied().chain(excuses.iter().map(|excuse| excuse.0));
    let taken = ends.filter(|&at| at >= from && at <= (from + SIGHT_PROMISE).min(to)).min();
    let (mut from, mut comes_back) = (taken.unwrap_or(from), false);
    for &(begin, end) in excuses {
        if end < from || begin > to {
            continue;
        }
        if begin > from {
            pieces.push(Blind { from, to: begin, answered: begin, comes_back });
        }
        (from, comes_back) = (from.max(end), true);
    }
    if from < to {
        pieces.push(Blind { from, to, answered: to, comes_back });
    }
}

/// The gaps that are part of a long one. A gap goes on through a sighting that is shorter than the gap before it: a node
/// that is seen for a moment now and then is not watched.
fn long_bouts(gaps: &[Blind]) -> Vec<Blind> {
    let mut blind = Vec::new();
    let mut first = 0;
    for next in 1..=gaps.len() {
        let goes_on = gaps.get(next).is_some_and(|gap| {
            let before = gaps[next - 1];
            gap.from.saturating_sub(before.to) < before.to - before.from
        });
        if !goes_on {
            let bout = &gaps[first..next];
            if bout[bout.len() - 1].to - bout[0].from >= TOLERATED_GAP {
                blind.extend_from_slice(bout);
            }
            first = next;
        }
    }
    blind
}

/// How long each node may take to come: by what its first start took.
pub(super) fn graces(journal: &Journal, index: &BTreeMap<&str, usize>) -> Vec<u64> {
    let mut started: Vec<Option<u64>> = vec![None; index.len()];
    let mut graces: Vec<Option<u64>> = vec![None; index.len()];
    for event in &journal.events {
        let What::Node { node, phase } = &event.what else { continue };
        let Some(&node) = index.get(node.as_str()) else { continue };
        match (phase, started[node]) {
            (NodePhase::Started, None) => started[node] = Some(event.at),
            (NodePhase::Ready, Some(from)) if graces[node].is_none() => {
                graces[node] = Some(GRACE + 2 * (event.at - from));
            }
            _ => {}
        }
    }
    let own = journal.run.nodes.iter().map(|node| node.ready_within);
    graces.into_iter().zip(own).map(|(grace, own)| grace.unwrap_or(own)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(from: u64, to: u64) -> Blind {
        Blind { from: from * 100_000, to: to * 100_000, answered: to * 100_000, comes_back: false }
    }

    #[test]
    fn gaps_go_on_through_short_sightings() {
        assert_eq!(long_bouts(&[gap(0, 29)]), []);
        assert_eq!(long_bouts(&[gap(0, 30)]), [gap(0, 30)]);
        assert_eq!(long_bouts(&[gap(0, 20), gap(22, 40)]), [gap(0, 20), gap(22, 40)], "seen for 0.2 s in between");
        assert_eq!(long_bouts(&[gap(0, 20), gap(40, 60)]), [], "seen for as long as it was not");
    }

    #[test]
    fn what_the_timeline_took_away_is_no_gap() {
        let mut pieces = Vec::new();
        without_excuses((9_800_000, 20_000_000), &[(10_000_000, 14_000_000)], &[], &mut pieces);
        assert_eq!(pieces, [Blind { from: 14_000_000, to: 20_000_000, answered: 20_000_000, comes_back: true }]);
        pieces.clear();
        without_excuses((5_000_000, 20_000_000), &[(10_000_000, 30_000_000)], &[], &mut pieces);
        assert_eq!(
            pieces,
            [Blind { from: 5_000_000, to: 10_000_000, answered: 10_000_000, comes_back: false }],
            "it was gone before"
        );
    }
}
