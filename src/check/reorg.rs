//! `reorg`: how much of its chain a node threw away.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Outcome;
use super::chain::{BlockId, Relation};
use super::history::{Fact, History, State};
use super::intervals::Interval;
use super::judge::{Case, Judgement};
use super::questions::short_hash;
use super::verdict::per_node;
use crate::text::Sp;
use crate::topology::Targets;

/// No node left more than so many blocks of its chain at once. The deepest reorganisation of each node is recorded.
///
/// Blocks are counted, also on a chain of slots. A node that was out of sight, or whose heads are not joined by what was
/// seen (an API that tells no parents), may have changed its chain unnoticed: the answer is unknown then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReorgDocument {
    /// The deepest that is allowed; 0 allows none at all.
    pub max_depth: Sp<u64>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `reorg`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reorg {
    /// The deepest that is allowed.
    pub max_depth: u64,
}

impl Reorg {
    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        case.count(case.history.zero.unwrap_or(0), |span| self.judge_span(case, span))
    }

    fn judge_span(&self, case: &Case<'_, '_>, span: &Interval) -> Judgement {
        let history = case.history;
        let (mut deepest, mut deep, mut open, mut unseen, mut evidence) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), span.evidence.clone());
        let (mut count, mut decided) = (0_u64, u64::MAX);
        for &node in &case.nodes {
            let name = history.name(node);
            let mut worst = 0;
            for (at, seq, left) in lefts(history, node, span) {
                count += 1;
                let (least, most) = left.bounds();
                worst = worst.max(least);
                let blocks = if least == 1 { "block" } else { "blocks" };
                let text = if most.is_some() { String::new() } else { "at least ".to_owned() };
                let text = format!("{name} left {text}{least} {blocks} {}", history.moment(at));
                if least > self.max_depth {
                    decided = decided.min(at);
                    deep.push((least, text));
                    evidence.push(seq);
                } else if most.is_none() {
                    open.push(format!("{text}: how many was not seen"));
                    evidence.push(seq);
                }
            }
            deepest.push((name.clone(), worst));
            open.extend(not_joined(history, node, span));
            if let Some(why) = history.why_blind(node, span.from, span.to) {
                unseen.push(why);
            } else if case.attendance().stood(node, span.from, span.to, State::Away) {
                // The timeline had it away all the while.
            } else if history.last_head(node, span.to).is_none() {
                unseen.push(format!("no head of {name} was ever seen"));
            } else if !case.attendance().named_a_head(node, span.from, span.to) {
                unseen.push(format!("{name} named no head{}", case.span_name(span)));
            } else if history.state_at(node, span.to).1 == State::Coming {
                unseen.extend(history.why_missing(node, span.to));
            }
        }
        deep.sort_by_key(|entry| std::cmp::Reverse(entry.0));
        let most = deepest.iter().map(|entry| entry.1).max().unwrap_or(0);
        let when = case.span_name(span);
        let (outcome, summary) = if let Some((depth, _)) = deep.first() {
            (Outcome::Fail, format!("a reorganisation was {depth} deep, {} was allowed", self.max_depth))
        } else if let Some(reason) = &span.cut_short {
            (Outcome::Unknown, format!("none deeper than {most} so far, but {reason}"))
        } else if !open.is_empty() {
            (Outcome::Unknown, format!("cannot be told: {}", open[0]))
        } else if !unseen.is_empty() {
            (Outcome::Unknown, format!("cannot be told: {}", unseen[0]))
        } else if case.attendance().took_part(span.from, span.to).is_empty() {
            (Outcome::Unknown, "cannot be told: no node was there".to_owned())
        } else if count == 0 {
            (Outcome::Pass, format!("no reorganisation{when}"))
        } else {
            (
                Outcome::Pass,
                format!("{count} reorganisations{when}, the deepest {most}")
                    .replace("1 reorganisations", "1 reorganisation"),
            )
        };
        let lost = lost_branches(case, span);
        let mut judgement = Judgement::new(outcome, summary)
            .figure("max_depth", most)
            .figure("max_depth_by_node", per_node(deepest))
            .figure("reorgs", count);
        judgement.facts = deep.into_iter().map(|entry| entry.1).chain(open).chain(unseen).collect();
        judgement.evidence = evidence;
        judgement.moment = (decided < u64::MAX).then_some(decided);
        if !lost.is_empty() {
            judgement.figures.insert("lost_branches".to_owned(), lost.len().into());
        }
        for branch in lost {
            judgement.facts.push(branch.0);
            judgement.evidence.push(branch.1);
        }
        judgement
    }
}

/// A reorganisation and the head that it led to are told within this time. In microseconds.
const NEAR: u64 = 1_000_000;

/// How many blocks a node left at once.
#[derive(Clone, Copy, Debug)]
enum Left {
    Exactly(u64),
    AtLeast(u64),
}

impl Left {
    fn bounds(self) -> (u64, Option<u64>) {
        match self {
            Self::Exactly(blocks) => (blocks, Some(blocks)),
            Self::AtLeast(blocks) => (blocks, None),
        }
    }
}

/// What a node left in a time: instant, line, how much. By its probe's own lines, and where its heads show a change of
/// branch without one.
fn lefts(history: &History<'_>, node: usize, span: &Interval) -> Vec<(u64, u64, Left)> {
    let slots = history.slots_per_epoch(history.layer(node)).is_some();
    let within = |at: u64| (span.from..=span.to).contains(&at);
    let told = history.nodes[node].reorgs.iter().filter(|reorg| within(reorg.at));
    let mut found: Vec<(u64, u64, Left)> = told
        .map(|reorg| {
            let left = match (reorg.blocks, reorg.exact) {
                (Some(blocks), true) => Left::Exactly(blocks),
                (None, true) if !slots => Left::Exactly(reorg.depth),
                // So many slots may have been empty but for one.
                (_, _) if slots => Left::AtLeast(1),
                (..) => Left::AtLeast(reorg.depth),
            };
            (reorg.at, reorg.seq, left)
        })
        .collect();
    for (at, seq, old, new) in turns(history, node, span) {
        // The line of a reorganisation stands right before the head's; other nodes' lines may come in between.
        let untold = || history.nodes[node].reorgs.iter().all(|reorg| reorg.at.abs_diff(at) > NEAR);
        if history.chain.relation(old, new) == Relation::Apart && untold() {
            let common = history.chain.common(old, new);
            let left = common.map_or(Left::AtLeast(1), |common| {
                Left::Exactly(history.chain.level(old) - history.chain.level(common))
            });
            found.push((at, seq, left));
        }
    }
    found.sort_by_key(|entry| (entry.0, entry.1));
    found
}

/// A change of branch that nobody could see, because two heads in a row are not joined by what was seen.
fn not_joined(history: &History<'_>, node: usize, span: &Interval) -> Option<String> {
    let mut turns = turns(history, node, span).into_iter();
    let (at, _, old, new) = turns.find(|&(_, _, old, new)| history.chain.relation(old, new) == Relation::Untold)?;
    let height = |block| history.chain.height(block);
    Some(format!(
        "how {}'s head at {} is joined to the one at {} before it was not seen, {}",
        history.name(node),
        height(new),
        height(old),
        history.moment(at)
    ))
}

/// Changes of a node's head in a time: instant, line, old head, new head.
fn turns(history: &History<'_>, node: usize, span: &Interval) -> Vec<(u64, u64, BlockId, BlockId)> {
    let mut old = history.last_head(node, span.from).map(|head| head.2);
    let mut found = Vec::new();
    let changes = &history.nodes[node].changes;
    let first = changes.partition_point(|&change| history.changes[change as usize].at <= span.from);
    for &change in &changes[first..] {
        let change = history.changes[change as usize];
        if change.at > span.to {
            break;
        }
        let Fact::State(State::Seen(Some(new))) = change.fact else { continue };
        if let Some(old) = old.filter(|&old| old != new) {
            found.push((change.at, change.seq, old, new));
        }
        old = Some(new);
    }
    found
}

/// Branches that nodes say they keep beside their chain (`getchaintips` and its like), each once: the facts behind a
/// reorganisation, also where no head was sampled on them.
fn lost_branches(case: &Case<'_, '_>, span: &Interval) -> Vec<(String, u64)> {
    let history = case.history;
    let mut known: BTreeMap<&str, (super::history::LostBranch<'_>, Vec<usize>)> = BTreeMap::new();
    for &node in &case.nodes {
        for branch in history.nodes[node].branches.iter().filter(|branch| (span.from..=span.to).contains(&branch.at)) {
            let entry = known.entry(branch.hash).or_insert((*branch, Vec::new()));
            // A branch grows until it loses; what was said of it last is what was lost.
            entry.0 = *branch;
            if !entry.1.contains(&node) {
                entry.1.push(node);
            }
        }
    }
    let mut branches: Vec<_> = known.into_values().collect();
    branches.sort_by_key(|(branch, _)| (std::cmp::Reverse(branch.length), branch.height, branch.hash));
    let tell = |(branch, nodes): &(super::history::LostBranch<'_>, Vec<usize>)| {
        let blocks = if branch.length == 1 { "block" } else { "blocks" };
        let verb = if nodes.len() == 1 { "keeps" } else { "keep" };
        let who = history.say_list(nodes.iter().copied());
        let text = format!(
            "{who} {verb} a lost branch of {} {blocks} up to {} at {} ({}), told {}",
            branch.length,
            short_hash(branch.hash),
            branch.height,
            branch.status,
            history.moment(branch.at)
        );
        (text, branch.seq)
    };
    branches.iter().map(tell).collect()
}
