//! Peers that nodes count although no packet reaches them: most clients notice a cut after 35 to 100 s only, so heads
//! judge, not peer counts.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, FindingKind};
use crate::check::diagnosis::cuts_links;
use crate::check::history::{Fact, History, State};
use crate::check::questions::{name_list, seconds};
use crate::check::windows::Window;

/// After so long a client could have noticed, in microseconds.
const PATIENCE: u64 = 10_000_000;

pub(super) fn find(history: &History<'_>) -> Vec<Finding> {
    history.windows.iter().filter(|window| cuts_links(window)).filter_map(|window| in_window(history, window)).collect()
}

fn in_window(history: &History<'_>, window: &Window<'_>) -> Option<Finding> {
    let begin = window.begin?;
    let end = window.end.unwrap_or(history.end).min(history.end);
    let asked = begin + PATIENCE;
    if end < asked {
        return None;
    }
    let lost = lost_neighbours(history, window, begin, end);
    let (mut who, mut evidence, mut longest) = (Vec::new(), Vec::new(), 0);
    for node in 0..history.nodes.len() {
        let missing = lost.get(&node).copied().unwrap_or(0);
        let before = history.peers_at(node, begin).map(|(_, _, count)| count).filter(|&count| count > 0);
        let (Some(before), true) = (before, missing > 0) else { continue };
        let Some((_, seq, now)) = history.peers_at(node, asked) else { continue };
        if now < before || !matches!(history.state_at(node, asked).1, State::Seen(_)) {
            continue;
        }
        let fewer = history.nodes[node]
            .changes
            .iter()
            .map(|&change| history.changes[change as usize])
            .find(|change| change.at > asked && matches!(change.fact, Fact::Peers(count) if count < before));
        longest = longest.max(fewer.map_or(end, |change| change.at).min(end) - begin);
        who.push(format!("{} ({now})", history.name(node)));
        evidence.push(seq);
    }
    if who.is_empty() {
        return None;
    }
    let text = format!(
        "during {}, peer counts did not tell: {} went on counting as many peers as before, for up to {}, while links of theirs \
         were cut; heads judge",
        window.record.name,
        name_list(&who),
        seconds(longest),
    );
    let who = who.iter().filter_map(|name| name.split(' ').next()).map(str::to_owned).collect();
    Some(Finding { kind: FindingKind::ClaimedPeers, who, from: begin, to: window.end, text, evidence })
}

/// How many neighbours each node lost, by the links' own counters: packets to or from them were dropped by a cut. Where
/// nothing was counted, each target of the fault counts as having lost one.
fn lost_neighbours(history: &History<'_>, window: &Window<'_>, begin: u64, end: u64) -> BTreeMap<usize, usize> {
    if history.links.is_empty() {
        // Of a fault that was not applied as planned nobody knows whom it cut off.
        if !window.errors.is_empty() {
            return BTreeMap::new();
        }
        return history.indices_of(&window.record.targets).into_iter().map(|node| (node, 1)).collect();
    }
    let mut before: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut lost: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    // Counters are written now and then: the first line after the end still speaks of the time before it.
    let mut last = false;
    for (at, _, links) in &history.links {
        if last {
            break;
        }
        last = *at > end;
        for link in *links {
            let key = (link.from.as_str(), link.to.as_str());
            if *at <= begin {
                before.insert(key, link.cut);
            } else if link.cut > before.get(&key).copied().unwrap_or(0)
                && let (Some(&from), Some(&to)) = (history.index.get(key.0), history.index.get(key.1))
            {
                lost.entry(from).or_default().insert(to);
                lost.entry(to).or_default().insert(from);
            }
        }
    }
    lost.into_iter().map(|(node, others)| (node, others.len())).collect()
}
