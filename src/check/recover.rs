//! `recover`: whoever was hit by a fault comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::agree::DEFAULT_DEPTH;
use super::attendance::Attendance;
use super::chain::{BlockId, Relation};
use super::history::{Fact, History, State};
use super::judge::{Case, Judgement};
use super::questions::short_hash;
use super::windows::Window;
use super::{Outcome, When};
use crate::action::NodeName;
use crate::text::Sp;
use crate::text::units::Time;
use crate::topology::Targets;

/// Each node that a fault hit is back with the others in time; the seconds of each node are recorded.
///
/// A node is back at the first moment after the fault's end at which its head agrees (within `depth` blocks on one chain)
/// with the heads of more than half of the other nodes that were there at any moment since the fault began. Counts for the entry that `after` names, or for
/// all faults of the timeline with `always` and `at_end`. A node that is hit again before its time is over is judged
/// after the later fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoverDocument {
    /// How long each node may take, for example `30s`.
    pub within: Sp<Time>,
    /// How many blocks apart on one chain still count as being together; 2, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Sp<u64>>,
    /// The nodes that are meant; all that were hit, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `recover`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recover {
    /// How long each node may take.
    pub within: Duration,
    /// Blocks apart on one chain that still count as being together.
    pub depth: u64,
}

impl RecoverDocument {
    pub(super) fn resolve(&self) -> Recover {
        Recover { within: self.within.value.0, depth: self.depth.as_ref().map_or(DEFAULT_DEPTH, |depth| depth.value) }
    }
}

/// What became of one node after one fault.
struct Return {
    node: usize,
    /// Microseconds after the fault's end.
    took: Option<u64>,
    outcome: Outcome,
    fact: Option<String>,
    seq: Option<u64>,
    /// When its time was over.
    bound: u64,
}

impl Recover {
    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        let history = case.history;
        let windows: Vec<&Window<'_>> = match case.when {
            When::After(entry, _) => history.family(entry.as_str()).collect(),
            _ => history.windows.iter().filter(|window| window.record.end.is_some()).collect(),
        };
        let mut judgement = Judgement::new(Outcome::Pass, "");
        let (mut slowest, mut count) = (None::<(u64, usize, String)>, 0);
        for &window in &windows {
            let name = window.record.name.as_str();
            let hit = history.indices_of(&window.record.targets);
            if !hit.iter().any(|node| case.nodes.contains(node)) {
                continue;
            }
            if let Some(reason) = &window.spoilt {
                judgement.outcome = judgement.outcome.and(Outcome::Unknown);
                judgement.facts.push(reason.clone());
                judgement.evidence.extend(&window.evidence);
                continue;
            }
            let Some(end) = window.end.filter(|&end| end <= history.end) else {
                judgement.outcome = judgement.outcome.and(Outcome::Unknown);
                judgement.facts.push(format!("{name} never ended: {}", history.how_it_ended()));
                continue;
            };
            judgement.evidence.extend(&window.evidence);
            let hit: Vec<usize> = history
                .indices_of(&window.record.targets)
                .into_iter()
                .filter(|node| case.nodes.contains(node))
                .collect();
            let returns = self.after(history, window, end, &hit, &windows);
            let mut seconds: Vec<(NodeName, f64)> = Vec::new();
            for back in returns {
                count += 1;
                if back.outcome == Outcome::Fail {
                    judgement.moment = Some(judgement.moment.map_or(back.bound, |first: u64| first.min(back.bound)));
                }
                judgement.outcome = judgement.outcome.and(back.outcome);
                judgement.facts.extend(back.fact);
                judgement.evidence.extend(back.seq);
                if let Some(took) = back.took {
                    seconds.push((history.name(back.node).clone(), took as f64 / 1e6));
                    if slowest.as_ref().is_none_or(|slowest| took > slowest.0) {
                        slowest = Some((took, back.node, name.to_owned()));
                    }
                }
            }
            judgement.figures.insert(format!("{name}.seconds"), super::verdict::per_node(seconds));
        }
        judgement.summary = match (judgement.outcome, &slowest) {
            _ if count == 0 && judgement.outcome == Outcome::Pass => {
                judgement.outcome = Outcome::Unknown;
                "cannot be told: no fault hit any of these nodes".to_owned()
            }
            (Outcome::Pass, Some((took, node, name))) => format!(
                "all were back, the slowest, {}, {} after {name}",
                history.name(*node),
                super::questions::seconds(*took)
            ),
            (Outcome::Pass, None) => "all were hit again before they had to be back".to_owned(),
            (Outcome::Fail, _) => format!("not all were back within {}", super::duration(self.within)),
            (Outcome::Unknown, _) => "cannot be told of all nodes".to_owned(),
        };
        if let Some((took, ..)) = slowest {
            judgement.figures.insert("slowest_s".to_owned(), (took as f64 / 1e6).into());
        }
        judgement
    }

    /// Follows the nodes that a window hit from its end to their return, or to the next fault that hits them.
    fn after(
        &self,
        history: &History<'_>,
        window: &Window<'_>,
        end: u64,
        hit: &[usize],
        judged: &[&Window<'_>],
    ) -> Vec<Return> {
        let bound = end + self.within.as_micros() as u64;
        // Who was there at any moment counts: nobody is back among those who are left because the others were taken away.
        let all: Vec<usize> = (0..history.nodes.len()).collect();
        let everybody = Attendance { history, nodes: &all };
        let there = everybody.took_part(window.begin.unwrap_or(end), bound.min(history.end));
        let (mut waiting, mut returns) = (Vec::new(), Vec::new());
        let mut again: BTreeMap<usize, &Window<'_>> = BTreeMap::new();
        for &node in hit {
            let next = next_hit(history, window, end, bound, node);
            again.extend(next.map(|next| (node, next)));
            waiting.push(node);
        }
        let hit_again = |node: usize, at: u64| again.get(&node).is_some_and(|next| next.begin <= Some(at));
        let mut heads: Vec<Option<BlockId>> =
            (0..history.nodes.len()).map(|node| history.head_at(node, end).map(|head| head.2)).collect();
        let mut given_up: Vec<usize> = waiting.extract_if(.., |node| hit_again(*node, end)).collect();
        self.settle(history, &there, &heads, &mut waiting, |node| {
            returns.push(Return { node, took: Some(0), outcome: Outcome::Pass, fact: None, seq: None, bound });
        });
        let first = history.changes.partition_point(|change| change.at <= end);
        let within = &history.changes[first..];
        for (place, change) in within.iter().enumerate().take_while(|(_, change)| change.at <= bound.min(history.end)) {
            if waiting.is_empty() {
                break;
            }
            if let Fact::State(state) = change.fact {
                heads[change.node] = if let State::Seen(head) = state { head } else { None };
            }
            // What stands at one instant is one change: a node that comes back into sight names its head then.
            if within.get(place + 1).is_some_and(|next| next.at == change.at) {
                continue;
            }
            given_up.extend(waiting.extract_if(.., |node| hit_again(*node, change.at)));
            self.settle(history, &there, &heads, &mut waiting, |node| {
                let took = Some(change.at - end);
                returns.push(Return { node, took, outcome: Outcome::Pass, fact: None, seq: Some(change.seq), bound });
            });
        }
        for node in waiting.into_iter().chain(given_up) {
            returns.push(match again.get(&node) {
                Some(next) => Return { bound, ..superseded(history, window, next, node, judged) },
                None => self.absent(history, window, (end, bound), node, &there),
            });
        }
        returns
    }

    /// Takes those off the list who are with more than half of the others that were there at any moment.
    fn settle(
        &self,
        history: &History<'_>,
        there: &[usize],
        heads: &[Option<BlockId>],
        waiting: &mut Vec<usize>,
        mut back: impl FnMut(usize),
    ) {
        let mut held: BTreeMap<(&str, BlockId), usize> = BTreeMap::new();
        for (node, head) in heads.iter().enumerate() {
            if let Some(head) = head {
                *held.entry((history.layer(node), *head)).or_insert(0) += 1;
            }
        }
        let mut with: BTreeMap<BlockId, bool> = BTreeMap::new();
        waiting.retain(|&node| {
            let Some(head) = heads[node] else { return true };
            let is_back = *with.entry(head).or_insert_with(|| {
                // Whoever shows another chain is nobody to be with.
                let layer = history.layer(node);
                let same = held.iter().filter(|((other, _), _)| *other == layer);
                let others = there.iter().filter(|&&other| other != node && history.layer(other) == layer).count();
                let near = same.filter(|((_, other), _)| self.near(history, head, *other));
                let together: usize = near.map(|(_, count)| count).sum();
                // The only node of a layer has nobody to be with: that it shows a head is all there is. Where others
                // were not seen, nobody knows whether it is with them.
                history.layer_size(node) == 1 || (others > 0 && (together - 1) * 2 > others)
            });
            if is_back {
                back(node);
            }
            !is_back
        });
    }

    /// What is to be said of a node that was not seen to come back.
    fn absent(
        &self,
        history: &History<'_>,
        window: &Window<'_>,
        (end, bound): (u64, u64),
        node: usize,
        there: &[usize],
    ) -> Return {
        let (name, entry) = (history.name(node), &window.record.name);
        let reached = super::intervals::reached(end, bound - end, history.end);
        let at = bound.min(history.end);
        let why = history.why_missing(node, at);
        let last = history.last_head(node, at).map(|(_, _, head)| {
            format!("its last head was {} at {}", short_hash(history.chain.hash(head)), history.chain.height(head))
        });
        let last = last.unwrap_or_else(|| "no head of it was ever seen".to_owned());
        let after = super::questions::seconds(at - end);
        let layer = history.layer(node);
        let others: Vec<usize> =
            there.iter().copied().filter(|&other| other != node && history.layer(other) == layer).collect();
        let nobody = history.layer_size(node) > 1 && others.is_empty();
        // Who is out of sight may be with it.
        let may_be_near = |&&other: &&usize| match history.state_at(other, at).1 {
            State::Unseen | State::Coming => true,
            State::Seen(Some(theirs)) => {
                history.head_at(node, at).is_some_and(|(.., own)| self.near(history, own, theirs))
            }
            _ => false,
        };
        let is_out_of_sight = |&other: &usize| matches!(history.state_at(other, at).1, State::Unseen | State::Coming);
        let unseen = others.iter().any(is_out_of_sight) && 2 * others.iter().filter(may_be_near).count() > others.len();
        let (outcome, text) = match (reached, &why, history.state_at(node, at).1) {
            _ if nobody => {
                (Outcome::Unknown, format!("none of those that {name} should be with was seen after {entry}"))
            }
            (false, ..) => (
                Outcome::Unknown,
                format!("{name} was not back {after} after {entry}, when {}", history.how_it_ended()),
            ),
            // An entry that takes it away again has its own time; so it was never started.
            (true, Some(why), State::Unseen | State::Away) => {
                (Outcome::Unknown, format!("{why}; it was not seen to be back within {after} of the end of {entry}"))
            }
            (true, Some(why), _) => (Outcome::Fail, format!("{why}, {after} after {entry}")),
            (true, None, _) if unseen => {
                (Outcome::Unknown, format!("whether {name} was with the others {after} after {entry} was not seen"))
            }
            (true, None, _) => (Outcome::Fail, format!("{name} was not with the others {after} after {entry}")),
        };
        let seq = history.last_head(node, at).map(|head| head.1);
        Return { node, took: None, outcome, fact: Some(format!("{text}; {last}")), seq, bound }
    }

    fn near(&self, history: &History<'_>, a: BlockId, b: BlockId) -> bool {
        match history.chain.relation(a, b) {
            Relation::Same => true,
            Relation::Below(distance) | Relation::Above(distance) => distance <= self.depth,
            Relation::Apart | Relation::Untold => false,
        }
    }
}

/// The first other fault that hits the node again before its time to come back is over.
fn next_hit<'h, 'a>(
    history: &'h History<'a>,
    window: &Window<'_>,
    end: u64,
    bound: u64,
    node: usize,
) -> Option<&'h Window<'a>> {
    let name = history.name(node);
    history
        .windows
        .iter()
        .filter(|other| other.record.name != window.record.name && other.record.targets.contains(name))
        .filter(|other| other.begin.is_some_and(|begin| begin < bound) && other.end.is_none_or(|other| other > end))
        .min_by_key(|other| other.begin)
}

/// The later fault has its own time to recover from, if it is of those that are judged.
fn superseded(
    history: &History<'_>,
    window: &Window<'_>,
    next: &Window<'_>,
    node: usize,
    judged: &[&Window<'_>],
) -> Return {
    let later = judged.iter().any(|judged| judged.record.name == next.record.name);
    let (name, entry, next) = (history.name(node), &window.record.name, &next.record.name);
    let fact = Some(format!("{name} was hit by {next} before it was back from {entry}"));
    Return {
        node,
        took: None,
        outcome: if later { Outcome::Pass } else { Outcome::Unknown },
        fact,
        seq: None,
        bound: 0,
    }
}
