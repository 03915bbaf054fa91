//! Which chain each block is on, for colours and letters: `A` is the chain that most nodes hold at the end.

use std::collections::BTreeMap;

use crate::check::chain::{BlockId, Relation};
use crate::check::history::{Fact, History, State};
use crate::check::layers::Layer;

/// How many branches have a colour and a letter of their own, the main chain included.
pub(crate) const NAMED: usize = 7;

/// The class of a branch: 0 is the main chain, `1..NAMED` are the largest others, [`NAMED`] is all the rest.
pub(crate) type Class = usize;

/// A branch that has a colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    /// The layer that it is on.
    pub(crate) layer: String,
    /// Its class.
    pub(crate) class: Class,
    /// Its first block that the main chain does not have (height and hash).
    pub(crate) first: Option<(u64, String)>,
}

/// Which class each block is in. Each layer has a main chain of its own.
#[derive(Debug)]
pub(crate) struct Branches {
    class: Vec<Class>,
    /// Classes that occur.
    pub(crate) used: Vec<Used>,
}

impl Branches {
    pub(crate) fn new(history: &History<'_>) -> Self {
        let all: Vec<usize> = (0..history.nodes.len()).collect();
        let mut branches = Self { class: Vec::new(), used: Vec::new() };
        for layer in history.layers(&all) {
            branches.add(history, &layer);
        }
        branches
    }

    fn add(&mut self, history: &History<'_>, layer: &Layer<'_>) {
        let chain = &history.chain;
        let Some(tip) = tip(history, &layer.nodes) else { return };
        let branch = chain.branches_off(tip);
        // The longer nodes were on a branch, the earlier its letter.
        let mut weight: BTreeMap<BlockId, u64> = BTreeMap::new();
        for node in layer.nodes.iter().map(|&node| &history.nodes[node]) {
            let mut on: Option<(u64, BlockId)> = None;
            for &change in &node.changes {
                let change = history.changes[change as usize];
                let Fact::State(state) = change.fact else { continue };
                if let Some((since, root)) = on.take() {
                    *weight.entry(root).or_insert(0) += change.at - since;
                }
                if let State::Seen(Some(head)) = state {
                    on = branch[head.index()].map(|root| (change.at, root));
                }
            }
            if let Some((since, root)) = on {
                *weight.entry(root).or_insert(0) += history.end.saturating_sub(since);
            }
        }
        let mut order: Vec<(BlockId, u64)> = weight.into_iter().collect();
        order.sort_by_key(|&(root, weight)| (std::cmp::Reverse(weight), root));
        let classes: BTreeMap<BlockId, Class> =
            order.iter().enumerate().map(|(index, &(root, _))| (root, (index + 1).min(NAMED))).collect();
        self.class.resize(branch.len(), 0);
        for holding in history.holdings.iter().filter(|holding| history.layer(holding.node) == layer.name) {
            let root = branch[holding.block.index()];
            self.class[holding.block.index()] = root.map_or(0, |root| classes.get(&root).copied().unwrap_or(NAMED));
        }
        let mut used = |class, first| self.used.push(Used { layer: layer.name.to_owned(), class, first });
        used(0, None);
        for (index, (root, _)) in order.iter().enumerate().take(NAMED) {
            let first = (index + 1 < NAMED).then(|| (chain.height(*root), chain.hash(*root).to_owned()));
            used(index + 1, first);
        }
    }

    pub(crate) fn of(&self, block: BlockId) -> Class {
        self.class.get(block.index()).copied().unwrap_or(0)
    }

    /// Its letter; the rest share a dot.
    pub(crate) fn letter(class: Class) -> &'static str {
        ["A", "B", "C", "D", "E", "F", "G"].get(class).copied().unwrap_or("·")
    }
}

/// The last head that most nodes have on their chain at the end; of equals the highest.
fn tip(history: &History<'_>, nodes: &[usize]) -> Option<BlockId> {
    let heads: Vec<BlockId> =
        nodes.iter().filter_map(|&node| history.last_head(node, history.end).map(|(_, _, block)| block)).collect();
    heads.iter().copied().max_by_key(|&head| {
        let on = |&other: &BlockId| matches!(history.chain.relation(other, head), Relation::Same | Relation::Below(_));
        let followers = heads.iter().filter(|other| on(other)).count();
        (followers, history.chain.height(head), std::cmp::Reverse(head))
    })
}
