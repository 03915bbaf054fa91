//! Rounds of calls that were asked of all nodes at once.

use serde_json::Value;
use splitbrain::journal::What;

use super::facts::{SECOND, Stand};
use super::questions::{Answer, Scene};

/// One round, or what counts of it.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    began: u64,
    /// When the last answer came.
    pub(crate) at: u64,
    height: Option<u64>,
    /// Who was asked: the answer, or whether it was refused.
    said: Vec<(String, Option<Value>, bool)>,
}

/// All rounds of a question.
pub(crate) fn rounds(scene: &Scene<'_>, that: &Value) -> Vec<Round> {
    let mut rounds: Vec<Round> = Vec::new();
    for (at, what) in scene.facts.lines() {
        let What::Called { asked_by, node, height, result, refused, .. } = what else { continue };
        if that["asked_by"] != asked_by.as_str() {
            continue;
        }
        let said = (node.to_string(), result.as_ref().map(|result| without(result, &that["ignore"])), *refused);
        match rounds.last_mut() {
            Some(last)
                if at <= last.began + 9 * SECOND / 2
                    && last.height == *height
                    && last.said.iter().all(|(name, ..)| *name != said.0) =>
            {
                last.at = at;
                last.said.push(said);
            }
            _ => rounds.push(Round { began: at, at, height: *height, said: vec![said] }),
        }
    }
    rounds
}

/// An answer without what is not compared.
fn without(result: &Value, ignore: &Value) -> Value {
    let mut rest = result.clone();
    for pointer in ignore.as_array().into_iter().flatten().filter_map(Value::as_str) {
        if let Some(object) = rest.as_object_mut() {
            object.remove(pointer.trim_start_matches('/'));
        }
    }
    rest
}

impl Round {
    /// The answer. `younger_than` is the beginning of the entry that it is asked about; `nothing` is what a round comes to
    /// that compares nothing; `part` are the nodes without which it compares nothing.
    pub(crate) fn answer(
        &self,
        scene: &Scene<'_>,
        younger_than: Option<u64>,
        nothing: Answer,
        part: &[&String],
    ) -> Answer {
        let moment = scene.sights.moment(self.at);
        let says_something = self.height.is_none_or(|height| {
            let nodes: Vec<&str> = self.said.iter().map(|(node, ..)| node.as_str()).collect();
            let heads = scene.heads(&nodes, moment);
            let apart = heads.iter().any(|one| heads.iter().any(|other| parted_long_ago(scene, one, other)));
            !apart && younger_than.is_none_or(|begin| Self::is_younger(scene, &heads, height, begin))
        });
        let there: Vec<&String> = scene.nodes.iter().filter(|node| !scene.is_away(node, moment)).collect();
        let said = |node: &String| self.said.iter().find(|(name, ..)| name == node);
        let answers: Vec<&Value> = self.said.iter().filter_map(|(_, result, _)| result.as_ref()).collect();
        let refused = self.said.iter().any(|(_, result, refused)| result.is_none() && *refused);
        let silent =
            there.iter().any(|node| said(node).is_none_or(|(_, result, refused)| result.is_none() && !*refused));
        if answers.iter().any(|answer| *answer != answers[0]) || refused && !answers.is_empty() {
            Answer::No
        } else if !says_something {
            nothing
        } else if refused || silent {
            Answer::Unseen
        } else if answers.len() < 2 || part.iter().any(|name| said(name).is_none_or(|(_, result, _)| result.is_none()))
        {
            nothing
        } else {
            Answer::Yes
        }
    }

    /// Whether the block of the chain at this height was shown, and first not before that moment.
    fn is_younger(scene: &Scene<'_>, heads: &[&str], height: u64, begin: u64) -> bool {
        let below = |head: &&str| {
            let chain = scene.facts.chain(head);
            chain.into_iter().find(|block| scene.facts.height(block) <= height).map(str::to_owned)
        };
        let Some(block) = heads.iter().find_map(below) else { return false };
        let first = scene.facts.lines().find(|(_, what)| match what {
            What::Head { hash, .. } => *hash == block,
            What::Block(shown) => shown.hash == block,
            _ => false,
        });
        first.is_some_and(|(at, _)| at >= begin)
    }
}

/// Whether two heads are on chains that parted more than two blocks below one of them.
fn parted_long_ago(scene: &Scene<'_>, one: &str, other: &str) -> bool {
    if scene.facts.stand(one, other) != Stand::Apart {
        return false;
    }
    let (left, right) = (scene.facts.chain(one), scene.facts.chain(other));
    let common = left.iter().position(|block| right.contains(block));
    let depth = common.map(|depth| depth.max(right.iter().position(|block| *block == left[depth]).unwrap_or(0)));
    depth.is_none_or(|depth| depth > 2)
}
