//! All blocks that a run has shown, as a forest: who is whose ancestor, in logarithmic time.
//!
//! Ancestry does not change, so what was learnt later in a run also answers questions about an earlier moment.

use std::collections::HashMap;

/// A block of the forest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BlockId(u32);

impl BlockId {
    /// Its position in lists of all blocks.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// How two blocks stand to each other. Distances are in blocks, not in slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// They are the same block.
    Same,
    /// The first is an ancestor of the second, so many blocks below it.
    Below(u64),
    /// The first is a descendant of the second, so many blocks above it.
    Above(u64),
    /// Neither is an ancestor of the other.
    Apart,
    /// The blocks between them were never seen.
    Untold,
}

/// What is known of one block.
#[derive(Clone, Copy, Debug)]
struct Block<'a> {
    hash: &'a str,
    /// Height or slot; none if only the hash was named (as a parent).
    height: Option<u64>,
    parent: Option<BlockId>,
    producer: Option<&'a str>,
    /// Blocks since the root of its tree.
    level: u64,
    root: BlockId,
    /// An ancestor further away, so that climbing takes logarithmic time (jump pointers after Myers, "An applicative
    /// random-access stack", 1983).
    jump: BlockId,
}

/// The forest. Fill it with [`Chain::add`], then call [`Chain::link`] once.
#[derive(Debug, Default)]
pub(crate) struct Chain<'a> {
    ids: HashMap<&'a str, BlockId>,
    blocks: Vec<Block<'a>>,
}

impl<'a> Chain<'a> {
    /// The block with this hash, made if it is new.
    pub(crate) fn id(&mut self, hash: &'a str) -> BlockId {
        let next = BlockId(self.blocks.len() as u32);
        let id = *self.ids.entry(hash).or_insert(next);
        if id == next {
            self.blocks.push(Block { hash, height: None, parent: None, producer: None, level: 0, root: id, jump: id });
        }
        id
    }

    /// Notes what a node said about a block; what was known before stays.
    pub(crate) fn add(
        &mut self,
        hash: &'a str,
        height: u64,
        parent: Option<&'a str>,
        producer: Option<&'a str>,
    ) -> BlockId {
        let id = self.id(hash);
        let parent = match self.blocks[id.0 as usize].parent {
            Some(parent) => Some(parent),
            None => parent.filter(|parent| !parent.is_empty() && *parent != hash).map(|parent| self.id(parent)),
        };
        let block = &mut self.blocks[id.0 as usize];
        block.height = block.height.or(Some(height));
        block.parent = parent;
        block.producer = block.producer.or(producer);
        id
    }

    /// Builds the trees. A parent that was never seen itself, or does not lie lower than its child, makes the child a
    /// root.
    pub(crate) fn link(&mut self) {
        let mut order: Vec<u32> = (0..self.blocks.len() as u32).collect();
        order.sort_by_key(|&id| self.blocks[id as usize].height);
        for id in order {
            let block = self.blocks[id as usize];
            let parent = block.parent.map(|parent| (parent, self.blocks[parent.0 as usize]));
            let me = BlockId(id);
            let (parent_id, level, root, jump) = match parent {
                Some((parent_id, parent)) if parent.height.is_some() && parent.height < block.height => {
                    let near = self.blocks[parent.jump.0 as usize];
                    let far = self.blocks[near.jump.0 as usize];
                    let jump = if parent.level - near.level == near.level - far.level { near.jump } else { parent_id };
                    (Some(parent_id), parent.level + 1, parent.root, jump)
                }
                _ => (None, 0, me, me),
            };
            let block = &mut self.blocks[id as usize];
            // The parent's hash stays readable through `parent_hash`; only climbing ends here.
            if let Some(parent_id) = parent_id {
                block.parent = Some(parent_id);
            }
            (block.level, block.root, block.jump) = (level, root, jump);
        }
    }

    fn block(&self, id: BlockId) -> &Block<'a> {
        &self.blocks[id.0 as usize]
    }

    /// For every block, by [`BlockId::index`]: none if it lies on the chain that ends in `tip`, else the first block of
    /// its branch that does not. Blocks whose way to that chain was never seen are their own tree's branch.
    pub(crate) fn branches_off(&self, tip: BlockId) -> Vec<Option<BlockId>> {
        let mut branch: Vec<Option<BlockId>> = (0..self.blocks.len() as u32).map(|id| Some(BlockId(id))).collect();
        let mut here = Some(tip);
        while let Some(block) = here {
            branch[block.index()] = None;
            here = self.parent(block);
        }
        let mut order: Vec<u32> = (0..self.blocks.len() as u32).collect();
        order.sort_by_key(|&id| self.blocks[id as usize].level);
        for id in order {
            if branch[id as usize].is_some()
                && let Some(parent) = self.parent(BlockId(id))
            {
                branch[id as usize] = branch[parent.index()].or(Some(BlockId(id)));
            }
        }
        branch
    }

    /// Its hash.
    pub(crate) fn hash(&self, id: BlockId) -> &'a str {
        self.block(id).hash
    }

    /// The block with this hash, if any was seen or named.
    pub(crate) fn find(&self, hash: &str) -> Option<BlockId> {
        self.ids.get(hash).copied()
    }

    /// All blocks that were seen or named.
    pub(crate) fn all(&self) -> impl Iterator<Item = BlockId> + '_ {
        (0..self.blocks.len()).map(|number| BlockId(number as u32))
    }

    /// Its height or slot; 0 if it was only named.
    pub(crate) fn height(&self, id: BlockId) -> u64 {
        self.block(id).height.unwrap_or(0)
    }

    /// Whether more than its hash is known.
    pub(crate) fn is_known(&self, id: BlockId) -> bool {
        self.block(id).height.is_some()
    }

    /// Its parent's hash, whether or not the parent itself was seen.
    pub(crate) fn parent_hash(&self, id: BlockId) -> Option<&'a str> {
        self.block(id).parent.map(|parent| self.hash(parent))
    }

    /// Who made it, in the chain's own terms.
    pub(crate) fn producer(&self, id: BlockId) -> Option<&'a str> {
        self.block(id).producer
    }

    /// Blocks since the root of its tree; compare only within one tree.
    pub(crate) fn level(&self, id: BlockId) -> u64 {
        self.block(id).level
    }

    /// The root of its tree.
    pub(crate) fn root(&self, id: BlockId) -> BlockId {
        self.block(id).root
    }

    /// Its parent, if it was seen.
    pub(crate) fn parent(&self, id: BlockId) -> Option<BlockId> {
        let block = self.block(id);
        if block.level == 0 { None } else { block.parent }
    }

    /// The last block at or below a height on the chain that ends in `id`; none if that part was never seen.
    pub(crate) fn at_or_below(&self, id: BlockId, height: u64) -> Option<BlockId> {
        let mut here = id;
        while self.height(here) > height {
            let jump = self.block(here).jump;
            here = if jump != here && self.height(jump) > height { jump } else { self.parent(here)? };
        }
        self.is_known(here).then_some(here)
    }

    /// How two blocks stand to each other.
    pub(crate) fn relation(&self, first: BlockId, second: BlockId) -> Relation {
        if first == second {
            return Relation::Same;
        }
        if !self.is_known(first) || !self.is_known(second) {
            return Relation::Untold;
        }
        let (low, high) = if self.height(first) <= self.height(second) { (first, second) } else { (second, first) };
        match self.at_or_below(high, self.height(low)) {
            None => Relation::Untold,
            Some(found) if found == low => {
                let distance = self.level(high) - self.level(low);
                if low == first { Relation::Below(distance) } else { Relation::Above(distance) }
            }
            Some(_) => Relation::Apart,
        }
    }

    /// The last block that two chains share; none if they do not meet in what was seen.
    pub(crate) fn common(&self, first: BlockId, second: BlockId) -> Option<BlockId> {
        if self.root(first) != self.root(second) {
            return None;
        }
        let (mut a, mut b) = if self.level(first) <= self.level(second) { (first, second) } else { (second, first) };
        while self.level(b) > self.level(a) {
            let jump = self.block(b).jump;
            b = if self.level(jump) >= self.level(a) { jump } else { self.parent(b)? };
        }
        while a != b {
            let (near, far) = (self.block(a).jump, self.block(b).jump);
            (a, b) = if near == far { (self.parent(a)?, self.parent(b)?) } else { (near, far) };
        }
        Some(a)
    }

    /// The block right above `below` on the chain that ends in `id`, where `below` is an ancestor of `id`.
    pub(crate) fn next_above(&self, below: BlockId, id: BlockId) -> Option<BlockId> {
        let level = self.level(below) + 1;
        let mut here = id;
        while self.level(here) > level {
            let jump = self.block(here).jump;
            here = if self.level(jump) >= level { jump } else { self.parent(here)? };
        }
        (self.parent(here) == Some(below)).then_some(here)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `n`'s parent is `parents[n]`, which is smaller; heights leave gaps, as slots do.
    fn forest(hashes: &[String], parents: &[usize]) -> Chain<'static> {
        let mut chain = Chain::default();
        let leak = |text: &String| -> &'static str { Box::leak(text.clone().into_boxed_str()) };
        // From the tips down, to show that the order of learning does not matter.
        for (n, &parent) in parents.iter().enumerate().rev() {
            let above = if n == 0 { None } else { Some(leak(&hashes[parent])) };
            chain.add(leak(&hashes[n]), 3 * n as u64, above, None);
        }
        chain.link();
        chain
    }

    fn ancestors(parents: &[usize], mut n: usize) -> Vec<usize> {
        let mut all = vec![n];
        while n != 0 {
            n = parents[n];
            all.push(n);
        }
        all
    }

    proptest! {
        #[test]
        fn climbing_agrees_with_walking(draws in proptest::collection::vec(any::<u32>(), 2..80)) {
            let parents: Vec<usize> =
                draws.iter().enumerate().map(|(n, draw)| if n == 0 { 0 } else { *draw as usize % n }).collect();
            let hashes: Vec<String> = (0..parents.len()).map(|n| format!("h{n}")).collect();
            let chain = forest(&hashes, &parents);
            let id = |n: usize| chain.find(&hashes[n]).expect("it was added");
            for a in 0..parents.len() {
                for b in 0..parents.len() {
                    let (over_a, over_b) = (ancestors(&parents, a), ancestors(&parents, b));
                    let expected = if a == b {
                        Relation::Same
                    } else if let Some(steps) = over_b.iter().position(|&n| n == a) {
                        Relation::Below(steps as u64)
                    } else if let Some(steps) = over_a.iter().position(|&n| n == b) {
                        Relation::Above(steps as u64)
                    } else {
                        Relation::Apart
                    };
                    prop_assert_eq!(chain.relation(id(a), id(b)), expected);
                    let shared = over_a.iter().find(|n| over_b.contains(n)).copied();
                    prop_assert_eq!(chain.common(id(a), id(b)), shared.map(id));
                    let below = over_a.iter().copied().find(|&n| 3 * n <= 3 * b + 1);
                    prop_assert_eq!(chain.at_or_below(id(a), 3 * b as u64 + 1), below.map(id));
                }
            }
        }
    }

    #[test]
    fn what_was_never_seen_is_untold() {
        let mut chain = Chain::default();
        let low = chain.add("low", 5, Some("p4"), None);
        let high = chain.add("high", 9, Some("p8"), None);
        let twin = chain.add("twin", 5, Some("p4"), None);
        chain.link();
        assert_eq!(chain.relation(low, high), Relation::Untold);
        assert_eq!(chain.relation(low, twin), Relation::Apart, "two blocks at one height");
        assert_eq!(chain.parent_hash(high), Some("p8"));
        assert_eq!(chain.parent(high), None);
        assert_eq!(chain.common(low, high), None);
    }

    #[test]
    fn a_parent_that_is_not_lower_ends_the_climb() {
        let mut chain = Chain::default();
        let a = chain.add("a", 5, Some("b"), None);
        let b = chain.add("b", 5, Some("a"), None);
        let own = chain.add("own", 7, Some("own"), None);
        chain.link();
        assert_eq!(chain.relation(a, b), Relation::Apart);
        assert_eq!(chain.parent(own), None);
    }
}
