//! When the nodes' chains parted and met, whether or not anybody asked.

use super::Subject;
use super::agree::DEFAULT_DEPTH;
use super::agreement::{Question, over_time};
use super::diagnosis::diagnose;
use super::explain::{Pointer, explain};
use super::history::History;
use super::moments::Answer;
use super::verdict::{Convergence, Episode, Healing};

/// How many episodes are explained. More than this nobody reads; the longest are kept.
const KEPT: usize = 60;

/// Finds all times of divergence among all nodes, and how long agreement took after each fault.
pub(crate) fn convergence(history: &History<'_>) -> Convergence {
    let Some(zero) = history.zero else { return Convergence::default() };
    let nodes = history.showing(&(0..history.nodes.len()).collect::<Vec<_>>());
    if history.layers(&nodes).iter().all(|layer| layer.nodes.len() < 2) {
        return Convergence::default();
    }
    let mut times = times(history, &nodes, zero, history.end);
    let length = |&(from, to): &(u64, Option<u64>)| to.unwrap_or(history.end) - from;
    let (episode_count, total) = (times.len() as u64, times.iter().map(length).sum());
    times.sort_by_key(|time| std::cmp::Reverse(length(time)));
    times.truncate(KEPT);
    times.sort_unstable();
    let episodes = times
        .into_iter()
        .map(|(from, to)| {
            // The last moment at which they were still apart.
            let last = to.map_or(history.end, |to| to.saturating_sub(1).max(from));
            let explanation = explain(history, &nodes, last, Pointer::Head);
            Episode { from, to, explanation, diagnosis: diagnose(history, &nodes, from, last) }
        })
        .collect();
    Convergence { episodes, episode_count, apart: total, healing: healing(history, &nodes) }
}

/// When these nodes were apart within a time: from when, and to when if that was seen.
pub(crate) fn times(history: &History<'_>, nodes: &[usize], from: u64, to: u64) -> Vec<(u64, Option<u64>)> {
    let apart = over_time(history, nodes, Subject::Head, Question::Diverge);
    let mut times: Vec<(u64, Option<u64>)> = Vec::new();
    let mut open = None;
    for moment in apart.within(from, to) {
        match (moment.answer, open) {
            (Answer::Yes, None) => open = Some(moment.at),
            (Answer::No, Some(from)) => {
                times.push((from, Some(moment.at)));
                open = None;
            }
            // A node that is out of sight does not end a disagreement that was seen.
            _ => {}
        }
    }
    times.extend(open.map(|from| (from, None)));
    times
}

fn healing(history: &History<'_>, nodes: &[usize]) -> Vec<Healing> {
    let agreed = over_time(history, nodes, Subject::Head, Question::Agree(Some(DEFAULT_DEPTH)));
    let ended = history.windows.iter().filter_map(|window| window.end.map(|end| (window, end)));
    ended
        .map(|(window, end)| {
            let next = history.windows.iter().filter_map(|other| other.begin).filter(|&begin| begin > end).min();
            let until = next.unwrap_or(history.end).min(history.end);
            let agreed = agreed.within(end, until).find(|moment| moment.answer == Answer::Yes).map(|moment| moment.at);
            Healing { entry: window.record.name.clone(), ended: end, agreed }
        })
        .collect()
}
