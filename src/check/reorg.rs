//! `reorg`: how much of its chain a node threw away.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Outcome;
use super::judge::{Case, Judgement};
use super::questions::name_list;
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
            let reorgs = history.nodes[node].reorgs.iter().filter(|reorg| (span.from..=span.to).contains(&reorg.0));
            let mut worst = 0;
            for &(at, seq, depth, exact) in reorgs {
                count += 1;
                worst = worst.max(depth);
                let at_least = if exact { "" } else { "at least " };
                if depth > self.max_depth {
                    deep.push((depth, format!("{name} left {at_least}{depth} blocks {}", history.moment(at))));
                    evidence.push(seq);
                } else if !exact {
                    open.push(format!(
                        "{name} left at least {depth} blocks {}: how many was not seen",
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
        let mut judgement = Judgement::new(outcome, summary)
            .figure("max_depth", most)
            .figure("max_depth_by_node", per_node(deepest))
            .figure("reorgs", count);
        judgement.facts = deep.into_iter().map(|entry| entry.1).chain(open).collect();
        judgement.evidence = evidence;
        judgement
    }
}
