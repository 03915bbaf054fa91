//! Whether nodes are of one mind, at every moment: the heart of `agree` and `diverge`.

use std::collections::BTreeMap;

use super::Subject;
use super::chain::{BlockId, Relation};
use super::history::{Fact, History, State};
use super::moments::{Answer, Moments, Roll};

/// Which of the two is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether all have the same, up to so many blocks on one chain (`None`: any number).
    Agree(Option<u64>),
    /// Whether two at least are on different chains.
    Diverge,
}

/// How a set of blocks stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spread {
    /// Two of them are on different chains.
    apart: bool,
    /// How two of them stand to each other was never seen.
    untold: bool,
    /// Blocks from the lowest to the highest, if all are on one chain.
    distance: u64,
}

/// How many blocks are compared each with each, where their ancestry is not known.
const COMPARED: usize = 64;

/// The blocks that nodes point at, with how many point at each.
#[derive(Clone, Debug, Default)]
struct Pointers {
    /// By height, so that the highest is the last.
    counts: BTreeMap<(u64, BlockId), usize>,
    spread: Option<Spread>,
}

impl Pointers {
    fn shift(&mut self, history: &History<'_>, from: Option<BlockId>, to: Option<BlockId>) {
        if from == to {
            return;
        }
        if let Some(block) = from {
            let key = (history.chain.height(block), block);
            if let Some(count) = self.counts.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&key);
                    self.spread = None;
                }
            }
        }
        if let Some(block) = to {
            let count = self.counts.entry((history.chain.height(block), block)).or_insert(0);
            if *count == 0 {
                self.spread = None;
            }
            *count += 1;
        }
    }

    /// Everything is compared with the highest block: if all others are its ancestors, all are on one chain.
    fn spread(&mut self, history: &History<'_>) -> Spread {
        if let Some(spread) = self.spread {
            return spread;
        }
        let mut spread = Spread { apart: false, untold: false, distance: 0 };
        if let Some((&(_, top), _)) = self.counts.last_key_value() {
            for &(_, block) in self.counts.keys().rev().skip(1) {
                match history.chain.relation(block, top) {
                    Relation::Same => {}
                    Relation::Below(distance) | Relation::Above(distance) => {
                        spread.distance = spread.distance.max(distance);
                    }
                    Relation::Apart => spread.apart = true,
                    Relation::Untold => spread.untold = true,
                }
            }
            // The highest block may be the one that nobody knows the ancestors of: others may be apart all the same.
            if spread.untold && !spread.apart {
                let blocks: Vec<BlockId> = self.counts.keys().map(|&(_, block)| block).take(COMPARED).collect();
                spread.apart = blocks.iter().enumerate().any(|(place, &block)| {
                    blocks[..place].iter().any(|&other| history.chain.relation(block, other) == Relation::Apart)
                });
            }
        }
        self.spread = Some(spread);
        spread
    }
}

/// The answer over time for these nodes: of one mind if they are in each layer, of two if they are in any.
pub(crate) fn over_time(history: &History<'_>, nodes: &[usize], on: Subject, question: Question) -> Moments {
    let layers = history.layers(nodes);
    let (first, rest) = match question {
        Question::Agree(_) => (Answer::No, Answer::Yes),
        Question::Diverge => (Answer::Yes, Answer::No),
    };
    // Beside others, a node that is alone in its layer has nothing to say while it is away.
    let is_beside = |layer: &super::layers::Layer<'_>| layers.len() > 1 && layer.nodes.len() == 1;
    let each = layers.iter().map(|layer| {
        let moments = over_time_in_layer(history, &layer.nodes, on, question);
        if !is_beside(layer) {
            return (Answer::NotYet, moments);
        }
        let mut roll = Roll::new(history, &layer.nodes);
        let away = Moments::over(history, Answer::Yes, |change| {
            roll.take(change)?;
            Some(if roll.is_away(layer.nodes[0]) { Answer::Yes } else { Answer::No })
        });
        let spoken = Moments::together(vec![(Answer::Yes, away), (Answer::NotYet, moments)], |answers| match answers {
            [Answer::Yes, answer] if *answer != first => rest,
            answers => answers[answers.len() - 1],
        });
        (rest, spoken)
    });
    Moments::together(each.collect(), |answers| {
        let order = [first, Answer::Unseen, Answer::NotYet];
        order.into_iter().find(|answer| answers.contains(answer)).unwrap_or(rest)
    })
}

/// The answer over time for nodes that show the same chain.
pub(crate) fn over_time_in_layer(history: &History<'_>, nodes: &[usize], on: Subject, question: Question) -> Moments {
    match on {
        Subject::Head => heads(history, nodes, question),
        Subject::Finalized => finalized(history, nodes, question),
        Subject::Height(height) => at_height(history, nodes, height, question),
    }
}

fn heads(history: &History<'_>, nodes: &[usize], question: Question) -> Moments {
    let mut roll = Roll::new(history, nodes);
    let mut pointers = Pointers::default();
    let mut silent = 0_usize;
    Moments::over(history, nobody(question), |change| {
        let (old, new) = roll.take(change)?;
        let head = |state| if let State::Seen(head) = state { head } else { None };
        silent -= usize::from(old == State::Seen(None));
        silent += usize::from(new == State::Seen(None));
        pointers.shift(history, head(old), head(new));
        Some(answer(pointers.spread(history), question, roll.seen - silent, silent, &roll, nodes.len()))
    })
}

/// What follows from how the blocks of `present` nodes stand to each other; `silent` nodes answer and have not said yet.
fn answer(spread: Spread, question: Question, present: usize, silent: usize, roll: &Roll, asked: usize) -> Answer {
    let missing = if silent > 0 { Answer::NotYet } else { Answer::Yes };
    let others = match roll.unless_somebody_is_missing() {
        Answer::Yes => missing,
        answer => answer,
    };
    match question {
        Question::Diverge if spread.apart => Answer::Yes,
        Question::Diverge => match others {
            _ if spread.untold => Answer::Unseen,
            // Nobody was there to be on one chain.
            Answer::Yes if present == 0 => Answer::NotYet,
            Answer::Yes => Answer::No,
            answer => answer,
        },
        Question::Agree(_) if spread.apart => Answer::No,
        Question::Agree(Some(depth)) if spread.distance > depth => Answer::No,
        Question::Agree(_) if spread.untold => Answer::Unseen,
        // One node alone agrees with nobody, unless it was asked alone.
        Question::Agree(_) if present == 0 || (present == 1 && asked > 1) => match others {
            Answer::Yes => Answer::Unseen,
            answer => answer,
        },
        Question::Agree(_) => others,
    }
}

/// The answer while nobody is there.
fn nobody(question: Question) -> Answer {
    if question == Question::Diverge { Answer::NotYet } else { Answer::Unseen }
}

/// What is final stays final, so what a node said last counts also while it cannot be seen; it only leaves open what
/// else it may have called final since.
fn finalized(history: &History<'_>, nodes: &[usize], question: Question) -> Moments {
    let mut roll = Roll::new(history, nodes);
    // `Some(None)`: it said that nothing but genesis is final, which nobody can disagree with.
    let mut said: Vec<Option<Option<(u64, BlockId)>>> = vec![None; history.nodes.len()];
    // An execution client under a beacon chain starts from genesis like all others, and some refuse the question until
    // there is more (go-ethereum: "finalized block not found").
    nodes.iter().filter(|&&node| history.beside_beacon(node)).for_each(|&node| said[node] = Some(None));
    let mut counts: BTreeMap<(u64, BlockId), usize> = BTreeMap::new();
    let mut by_height: BTreeMap<u64, BlockId> = BTreeMap::new();
    let mut told = said.iter().flatten().count();
    let mut spread = Spread { apart: false, untold: false, distance: 0 };
    let mut clash = false;
    let mut highest: Option<BlockId> = None;
    // Nodes that are there and have not said what is final.
    let (mut silent, mut open) = (vec![false; history.nodes.len()], 0_usize);
    // One alone agrees with nobody: who is away counts only if it said something.
    let mut spoke = vec![false; history.nodes.len()];
    let enough = if question == Question::Diverge { 1 } else { nodes.len().min(2) };
    Moments::over(history, Answer::NotYet, |change| {
        if let Fact::Finalized(height, block) = change.fact {
            if !roll.meant[change.node] {
                return None;
            }
            // Two blocks that were final at one height, no matter when, can never be reconciled; nor can two geneses.
            // Where nothing is final yet, beacon nodes name a hash of zeros.
            let now = (height > 0).then_some((height, block));
            let named = history.chain.hash(block).bytes().any(|byte| !matches!(byte, b'0' | b'x'));
            clash |= named && *by_height.entry(height).or_insert(block) != block;
            spoke[change.node] = true;
            let before = said[change.node].replace(now);
            told += usize::from(before.is_none());
            if let Some(old) = before.flatten()
                && let Some(count) = counts.get_mut(&old)
            {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&old);
                }
            }
            if let Some(now) = now {
                *counts.entry(now).or_insert(0) += 1;
            }
            spread = finalized_spread(history, &counts);
            // Nor can what was final once be taken back: all that was ever called final lies on one chain.
            clash |= spread.apart;
            if let Some(now) = now {
                clash |= highest.is_some_and(|highest| history.chain.relation(highest, now.1) == Relation::Apart);
                if highest.is_none_or(|highest| history.chain.height(highest) < history.chain.height(now.1)) {
                    highest = Some(now.1);
                }
            }
        } else {
            roll.take(change)?;
        }
        let quiet = said[change.node].is_none() && !roll.is_away(change.node);
        match (quiet, std::mem::replace(&mut silent[change.node], quiet)) {
            (true, false) => open += 1,
            (false, true) => open -= 1,
            _ => {}
        }
        let speakers = nodes.iter().filter(|&&node| spoke[node] || !roll.is_away(node)).count();
        let now = Spread { apart: spread.apart || clash, ..spread };
        Some(match (question, now.apart) {
            (Question::Diverge, true) => Answer::Yes,
            (Question::Agree(_), true) => Answer::No,
            (Question::Agree(Some(depth)), false) if now.distance > depth => Answer::No,
            (_, false) if told == 0 || open > 0 || now.untold || speakers < enough => Answer::NotYet,
            (question, false) => match (roll.missing, question) {
                (0, Question::Agree(_)) => Answer::Yes,
                (0, Question::Diverge) => Answer::No,
                _ => Answer::NotYet,
            },
        })
    })
}

fn finalized_spread(history: &History<'_>, counts: &BTreeMap<(u64, BlockId), usize>) -> Spread {
    let mut spread = Spread { apart: false, untold: false, distance: 0 };
    let Some((&(top_height, top), _)) = counts.last_key_value() else { return spread };
    for &(height, block) in counts.keys().rev().skip(1) {
        if block == top {
            continue;
        }
        spread.distance = spread.distance.max(top_height - height);
        match history.chain.relation(block, top) {
            Relation::Apart => spread.apart = true,
            _ if height == top_height => spread.apart = true,
            // A final block above the top by its slot, and below it by its epoch, is no ancestor.
            Relation::Above(_) | Relation::Same | Relation::Below(_) => {}
            Relation::Untold => spread.untold = true,
        }
    }
    spread
}

fn at_height(history: &History<'_>, nodes: &[usize], height: u64, question: Question) -> Moments {
    let mut roll = Roll::new(history, nodes);
    let mut held: BTreeMap<BlockId, usize> = BTreeMap::new();
    let (mut present, mut open) = (0_usize, 0_usize);
    let block_of = |state| match state {
        // `Err` is a node that has not come so far, or whose chain there was never seen.
        State::Seen(Some(head)) if history.chain.height(head) >= height => {
            Some(history.chain.at_or_below(head, height).ok_or(()))
        }
        State::Seen(_) => Some(Err(())),
        _ => None,
    };
    Moments::over(history, nobody(question), |change| {
        let (old, new) = roll.take(change)?;
        match block_of(old) {
            Some(Ok(block)) => {
                present -= 1;
                if let Some(count) = held.get_mut(&block) {
                    *count -= 1;
                    if *count == 0 {
                        held.remove(&block);
                    }
                }
            }
            Some(Err(())) => open -= 1,
            None => {}
        }
        match block_of(new) {
            Some(Ok(block)) => {
                present += 1;
                *held.entry(block).or_insert(0) += 1;
            }
            Some(Err(())) => open += 1,
            None => {}
        }
        let spread = Spread { apart: held.len() > 1, untold: false, distance: 0 };
        Some(answer(spread, question, present, open, &roll, nodes.len()))
    })
}
