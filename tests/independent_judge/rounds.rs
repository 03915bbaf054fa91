//! Rounds of calls that were asked of all nodes at once.

use serde_json::Value;
use splitbrain::journal::What;

use super::facts::{SECOND, Stand};
use super::questions::{Answer, Scene};

/// One round, or what counts of it.
#[derive(Clone, Debug)]
pub(crate) struct Round {
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
            Some(last) if at < last.at + SECOND && last.said.iter().all(|(name, ..)| *name != said.0) => {
                last.said.push(said);
            }
            _ => rounds.push(Round { at, height: *height, said: vec![said] }),
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
    /// The answer. `younger_than` is the beginning of the entry that it is asked about; `nothing` is what answers come to
    /// that are alike and say nothing.
    pub(crate) fn answer(&self, scene: &Scene<'_>, younger_than: Option<u64>, nothing: Answer) -> Answer {
        let moment = scene.sights.moment(self.at);
        let says_something = self.height.is_none_or(|height| {
            let heads: Vec<&str> =
                self.said.iter().filter_map(|(node, ..)| scene.see(node, moment).head.as_deref()).collect();
            let apart = heads.iter().any(|one| heads.iter().any(|other| scene.facts.stand(one, other) == Stand::Apart));
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
        } else if answers.len() < 2 || silent {
            Answer::Unseen
        } else if says_something {
            Answer::Yes
        } else {
            nothing
        }
    }

    /// Whether the block of the chain at this height was first shown after that moment.
    fn is_younger(scene: &Scene<'_>, heads: &[&str], height: u64, begin: u64) -> bool {
        let Some(highest) = heads.iter().max_by_key(|head| scene.facts.height(head)) else { return false };
        let chain = scene.facts.chain(highest);
        let Some(block) = chain.iter().find(|block| scene.facts.height(block) <= height) else {
            // Nobody showed it: it is younger if nobody was so high.
            let before = scene.sights.moment(begin);
            let all = scene.nodes.iter().filter_map(|node| scene.see(node, before).last_head.as_deref());
            return all.map(|head| scene.facts.height(head)).max().is_some_and(|highest| height > highest);
        };
        let first = scene.facts.lines().find(|(_, what)| match what {
            What::Head { hash, .. } => hash == block,
            What::Block(shown) => shown.hash == *block,
            _ => false,
        });
        first.is_some_and(|(at, _)| at > begin)
    }
}
