//! `reorg`: how much of its chain a node threw away.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Outcome;
use super::judge::{Case, Judgement};
use super::questions::{name_list, short_hash};
use super::verdict::per_node;
use crate::text::Sp;
use crate::topology::Targets;

/// No node left more than so many blocks of its chain at once. The deepest reorganisation of each node is recorded.
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
        let spans = match case.spans(case.history.zero.unwrap_or(0)) {
            Ok(spans) => spans,
            Err(judgement) => return judgement,
        };
        Case::together(spans.iter().map(|span| self.judge_span(case, span)).collect())
    }

    fn judge_span(&self, case: &Case<'_, '_>, span: &super::moments::Interval) -> Judgement {
        let history = case.history;
        let (mut deepest, mut deep, mut open, mut unseen, mut evidence) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), span.evidence.clone());
        let mut count = 0_u64;
        for &node in &case.nodes {
            let name = history.name(node);
            let unit = history.count_word(history.layer(node));
            let reorgs = history.nodes[node].reorgs.iter().filter(|reorg| (span.from..=span.to).contains(&reorg.0));
            let mut worst = 0;
            for &(at, seq, depth, exact) in reorgs {
                count += 1;
                worst = worst.max(depth);
                let at_least = if exact { "" } else { "at least " };
                if depth > self.max_depth {
                    deep.push((depth, format!("{name} left {at_least}{depth} {unit} {}", history.moment(at))));
                    evidence.push(seq);
                } else if !exact {
                    open.push(format!(
                        "{name} left at least {depth} {unit} {}: how many was not seen",
                        history.moment(at)
                    ));
                    evidence.push(seq);
                }
            }
            deepest.push((name.clone(), worst));
            if history.last_head(node, span.to).is_none() {
                unseen.push(name.to_string());
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
            (Outcome::Unknown, "how deep a reorganisation was could not be seen".to_owned())
        } else if !unseen.is_empty() {
            (Outcome::Unknown, format!("cannot be told: no head was ever seen of {}", name_list(&unseen)))
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
        judgement.facts = deep.into_iter().map(|entry| entry.1).chain(open).collect();
        judgement.evidence = evidence;
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

/// Branches that nodes say they keep beside their chain (`getchaintips` and its like), each once: the facts behind a
/// reorganisation, also where no head was sampled on them.
fn lost_branches(case: &Case<'_, '_>, span: &super::moments::Interval) -> Vec<(String, u64)> {
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
