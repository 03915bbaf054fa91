//! What the answer to a question is at a moment.

use std::collections::BTreeSet;

use serde_json::Value;
use splitbrain::journal::What;

use super::facts::{Facts, Stand};
use super::sight::{Sight, Sights, State, lines_of};

/// The answer to a question at a moment, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    Yes,
    NotYet,
    Unseen,
    No,
}

/// The question whether nodes agree, or whether they are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Agree { depth: Option<u64> },
    Diverge,
}

impl Asked {
    fn apart(self) -> Answer {
        if self == Self::Diverge { Answer::Yes } else { Answer::No }
    }

    fn together(self, blocks: u64) -> Answer {
        match self {
            Self::Agree { depth: Some(depth) } if blocks > depth => Answer::No,
            Self::Agree { .. } => Answer::Yes,
            Self::Diverge => Answer::No,
        }
    }
}

/// An expectation, in the world of a journal.
pub(crate) struct Scene<'a> {
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) sights: &'a Sights,
    pub(crate) nodes: Vec<String>,
}

impl Scene<'_> {
    pub(crate) fn see(&self, node: &str, moment: usize) -> &Sight {
        self.sights.at(node, moment)
    }

    pub(crate) fn is_away(&self, node: &str, moment: usize) -> bool {
        self.see(node, moment).state == State::Away
    }

    pub(crate) fn is_seen(&self, node: &str, moment: usize) -> bool {
        self.see(node, moment).state == State::Seen
    }

    /// The nodes that are meant, by layer; those that show no chain are in none.
    pub(crate) fn layers(&self) -> Vec<Vec<&str>> {
        let words: BTreeSet<&str> = self.nodes.iter().map(|node| self.facts.layer(node)).collect();
        let shown = words.into_iter().filter(|&word| word != "process");
        let members = |word: &str| {
            let all = self.nodes.iter().map(String::as_str);
            all.filter(|node| self.facts.layer(node) == word).collect::<Vec<_>>()
        };
        shown.map(members).collect()
    }

    /// Beside others, a node that is alone in its layer has nothing to say while it is away but what it cannot take back.
    fn worst_layer(&self, asked: Asked, moment: usize, answer: impl Fn(&[&str]) -> Answer) -> Answer {
        let layers = self.layers();
        let there = |layer: &Vec<&str>| layers.len() == 1 || layer.len() > 1 || !self.is_away(layer[0], moment);
        let for_good = asked.apart();
        let answers: Vec<Answer> = layers
            .iter()
            .map(|layer| (there(layer), answer(layer)))
            .filter(|(there, answer)| *there || *answer == for_good)
            .map(|(_, answer)| answer)
            .collect();
        let order = match asked {
            Asked::Agree { .. } => [Answer::No, Answer::Unseen, Answer::NotYet, Answer::Yes],
            Asked::Diverge => [Answer::Yes, Answer::Unseen, Answer::NotYet, Answer::No],
        };
        let nobody = if asked == Asked::Diverge { Answer::NotYet } else { Answer::Unseen };
        order.into_iter().find(|wanted| answers.contains(wanted)).unwrap_or(nobody)
    }

    /// What holds one question about heads back: who is unseen, who is coming, and whether there is anybody to compare.
    fn held_back(
        &self,
        asked: Asked,
        layer: &[&str],
        moment: usize,
        has_said: impl Fn(&str) -> bool,
    ) -> Option<Answer> {
        let there: Vec<&str> = layer.iter().copied().filter(|node| !self.is_away(node, moment)).collect();
        let state = |node: &str| self.see(node, moment).state;
        if there.iter().any(|node| matches!(state(node), State::Unseen | State::Dead)) {
            return Some(Answer::Unseen);
        }
        if there.iter().any(|node| state(node) == State::Coming || !has_said(node)) {
            return Some(Answer::NotYet);
        }
        let alone = there.is_empty() || there.len() == 1 && layer.len() > 1;
        match asked {
            Asked::Agree { .. } => alone.then_some(Answer::Unseen),
            // Where nobody is there, nobody is on one chain.
            Asked::Diverge => there.is_empty().then_some(Answer::NotYet),
        }
    }

    /// The heads that are in force, of the nodes that can be seen.
    pub(crate) fn heads<'s>(&'s self, nodes: &[&str], moment: usize) -> Vec<&'s str> {
        let seen = nodes.iter().filter(|node| self.is_seen(node, moment));
        seen.filter_map(|node| self.see(node, moment).head.as_deref()).collect()
    }

    pub(crate) fn on_head(&self, asked: Asked, moment: usize) -> Answer {
        self.worst_layer(asked, moment, |layer| {
            let heads = self.heads(layer, moment);
            let stands = pairs(&heads).map(|(one, other)| self.facts.stand(one, other)).collect();
            let held_back = self.held_back(asked, layer, moment, |node| self.see(node, moment).head.is_some());
            decide(asked, stands, held_back, Answer::Unseen)
        })
    }

    pub(crate) fn on_height(&self, asked: Asked, height: u64, moment: usize) -> Answer {
        self.worst_layer(asked, moment, |layer| {
            let heads = self.heads(layer, moment);
            let high: Vec<&str> = heads.into_iter().filter(|head| self.facts.height(head) >= height).collect();
            let found: Vec<Option<&str>> = high.iter().map(|head| self.block_at(head, height)).collect();
            let known: Vec<&str> = found.iter().flatten().copied().collect();
            let stand = |(one, other)| if one == other { Stand::OneChain(0) } else { Stand::Apart };
            let far_enough =
                |node: &str| self.see(node, moment).head.as_ref().is_some_and(|head| self.facts.height(head) >= height);
            let held_back = self.held_back(asked, layer, moment, far_enough);
            let compared = found.len() > 1 || held_back.is_none();
            let untold = (compared && found.contains(&None)).then_some(Stand::Untold);
            let stands = pairs(&known).map(stand).chain(untold).collect();
            decide(asked, stands, held_back, Answer::Unseen)
        })
    }

    /// The block at a height, or the last one below it, on the chain of a head that is at least so high.
    fn block_at<'s>(&'s self, head: &'s str, height: u64) -> Option<&'s str> {
        let mut at = head;
        while self.facts.height(at) > height {
            at = self.facts.parent(at)?;
        }
        Some(at)
    }

    pub(crate) fn on_finalized(&self, asked: Asked, moment: usize) -> Answer {
        let beacon = self.facts.journal.run.nodes.iter().any(|node| node.layer == "beacon");
        let until = self.sights.instants[moment];
        self.worst_layer(asked, moment, |layer| {
            let said = self.ever_final(layer, until);
            let clash = pairs(&said).any(|((_, low, left), (_, high, right))| {
                let apart = || self.facts.stand(left, right) == Stand::Apart;
                left != right && (low == high || apart())
            });
            if clash {
                return asked.apart();
            }
            let silent_is_genesis = |node: &str| beacon && self.facts.layer(node) == "execution";
            // What a node called final stays final, whether it is there or not.
            let said: Vec<(&str, Option<(u64, String)>)> =
                layer.iter().map(|&node| (node, self.last_final(node, until))).collect();
            let meant: Vec<&(&str, Option<(u64, String)>)> =
                said.iter().filter(|(node, word)| word.is_some() || !self.is_away(node, moment)).collect();
            let words = meant.iter().filter_map(|(_, word)| word.as_ref());
            let in_force: Vec<&str> = words.map(|word| word.1.as_str()).filter(|hash| tells(hash)).collect();
            let stands = pairs(&in_force).map(|(one, other)| self.facts.stand(one, other)).collect();
            let hidden = |node: &str| matches!(self.see(node, moment).state, State::Unseen | State::Dead);
            let open = meant.iter().any(|(node, word)| hidden(node) || word.is_none() && !silent_is_genesis(node));
            let alone = meant.len() == 1 && layer.len() > 1 && asked != Asked::Diverge;
            let held_back = (open || alone || meant.is_empty()).then_some(Answer::NotYet);
            decide(asked, stands, held_back, Answer::NotYet)
        })
    }

    fn last_final(&self, node: &str, until: u64) -> Option<(u64, String)> {
        lines_of(self.facts, node).into_iter().rev().find_map(|(at, what)| match what {
            What::Finalized { height, hash, .. } if at <= until => Some((*height, hash.clone())),
            _ => None,
        })
    }

    /// Everything that any of the nodes has called final by now.
    fn ever_final(&self, layer: &[&str], until: u64) -> Vec<(String, u64, String)> {
        let mut said = BTreeSet::new();
        for (at, what) in self.facts.lines() {
            if let What::Finalized { node, height, hash } = what
                && at <= until
                && layer.contains(&node.as_str())
                && tells(hash)
            {
                said.insert((node.to_string(), *height, hash.clone()));
            }
        }
        said.into_iter().collect()
    }

    /// The same for questions in which every node answers for itself.
    fn each(&self, nodes: &[String], moment: usize, of_one: impl Fn(&Sight) -> Answer) -> Answer {
        let there: Vec<&Sight> =
            nodes.iter().map(|node| self.see(node, moment)).filter(|sight| sight.state != State::Away).collect();
        let answers = there.iter().map(|sight| match sight.state {
            State::Seen => of_one(sight),
            State::Coming => Answer::NotYet,
            _ => Answer::Unseen,
        });
        answers.max().unwrap_or(Answer::Unseen)
    }

    pub(crate) fn peers(&self, bounds: &Value, moment: usize) -> Answer {
        self.each(&self.nodes, moment, |sight| match sight.peers {
            None => Answer::NotYet,
            Some(count) if outside(bounds, count) => Answer::No,
            Some(_) => Answer::Yes,
        })
    }

    /// The nodes that can say something about a checkpoint.
    pub(crate) fn lookers(&self, on: &str) -> Vec<String> {
        let looks = |node: &&String| on != "justified" || self.facts.layer(node) == "beacon";
        self.nodes.iter().filter(looks).cloned().collect()
    }

    pub(crate) fn finality(&self, that: &Value, moment: usize) -> Answer {
        let justified = that["on"] == "justified";
        let nodes = self.lookers(if justified { "justified" } else { "finalized" });
        let answers = nodes.iter().map(|node| {
            self.each(std::slice::from_ref(node), moment, |sight| {
                let checkpoint = if justified { sight.justified } else { sight.finalized.as_ref().map(|said| said.0) };
                match (&sight.head, checkpoint) {
                    (Some(head), Some(checkpoint)) if self.lags(that, node, head, checkpoint) => Answer::No,
                    (Some(_), Some(_)) => Answer::Yes,
                    _ => Answer::NotYet,
                }
            })
        });
        let there: Vec<Answer> = nodes
            .iter()
            .zip(answers)
            .filter(|(node, _)| !self.is_away(node, moment))
            .map(|(_, answer)| answer)
            .collect();
        there.into_iter().max().unwrap_or(Answer::Unseen)
    }

    /// Whether a head is further from a checkpoint than the bound.
    pub(crate) fn lags(&self, that: &Value, node: &str, head: &str, checkpoint: u64) -> bool {
        let head = self.facts.height(head);
        let (amount, unit) = lag(that);
        let slots = self.facts.journal.run.slots_per_epoch;
        match (slots.filter(|_| self.facts.layer(node) == "beacon"), unit.as_str()) {
            (Some(slots), "" | "epochs") => (head / slots).saturating_sub(checkpoint) > amount,
            (Some(slots), _) => head.saturating_sub(checkpoint * slots) > amount,
            (None, _) => head.saturating_sub(checkpoint) > amount,
        }
    }
}

/// `3 epochs` or a number.
fn lag(that: &Value) -> (u64, String) {
    let text = that["lag"].as_str().map_or_else(|| that["lag"].to_string(), str::to_owned);
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let unit = if unit.is_empty() || unit.ends_with('s') { unit.to_owned() } else { format!("{unit}s") };
    (number.parse().expect("a number"), unit)
}

pub(crate) fn outside(bounds: &Value, count: u64) -> bool {
    count < bounds["min"].as_u64().unwrap_or(0) || bounds["max"].as_u64().is_some_and(|max| count > max)
}

/// A hash of zeros says nothing.
fn tells(hash: &str) -> bool {
    hash.trim_start_matches("0x").bytes().any(|digit| digit != b'0')
}

fn pairs<T>(all: &[T]) -> impl Iterator<Item = (&T, &T)> {
    all.iter().enumerate().flat_map(move |(index, one)| all[index + 1..].iter().map(move |other| (one, other)))
}

fn decide(asked: Asked, stands: Vec<Stand>, held_back: Option<Answer>, untold: Answer) -> Answer {
    let answers: Vec<Answer> = stands
        .into_iter()
        .map(|stand| match stand {
            Stand::Apart => asked.apart(),
            Stand::OneChain(blocks) => asked.together(blocks),
            Stand::Untold => untold,
        })
        .chain(held_back)
        .collect();
    let (found, rest) = match asked {
        Asked::Agree { .. } => (Answer::No, Answer::Yes),
        Asked::Diverge => (Answer::Yes, Answer::No),
    };
    let order = [found, Answer::Unseen, Answer::NotYet];
    order.into_iter().find(|wanted| answers.contains(wanted)).unwrap_or(rest)
}
