//! What is known of one node's chain, and what a new head means. Pure: no sockets, no clock.

use std::collections::{BTreeMap, BTreeSet};

/// Most blocks that are remembered for one node. The oldest are forgotten first, so that memory does not grow with the
/// length of a run; a reorganisation deeper than this is reported with a lower bound.
pub const BLOCKS_KEPT: usize = 2048;

/// A block as a node's API tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Height (execution) or slot (beacon).
    pub height: u64,
    /// Hash or root.
    pub hash: String,
    /// Hash of the parent, where the API tells it.
    pub parent: Option<String>,
    /// Who made it, in the chain's own terms.
    pub producer: Option<String>,
    /// What else the API tells of it.
    pub roots: Roots,
}

/// What a block says about the state after it, as far as the API tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    /// State root.
    pub state: Option<String>,
    /// Receipts root (execution).
    pub receipts: Option<String>,
    /// Gas used (execution).
    pub gas_used: Option<u64>,
    /// Hash of the execution block inside it (beacon).
    pub execution: Option<String>,
}

/// A node went backwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reorganisation {
    /// Height of the old head minus height of the common ancestor, or the least that it can be.
    pub depth: u64,
    /// How many blocks of the old chain were left, if the common ancestor was found. Fewer than the depth where heights
    /// are slots and some of them are empty.
    pub blocks: Option<u64>,
    /// Whether the common ancestor was found.
    pub exact: bool,
}

/// The blocks that one node has been seen to hold, and its head.
#[derive(Debug, Default)]
pub struct Chain {
    /// Height and parent of each known block.
    blocks: BTreeMap<String, (u64, Option<String>)>,
    /// The same blocks by height, to forget the lowest first.
    by_height: BTreeSet<(u64, String)>,
    /// Blocks up to this height may have been forgotten: nobody should fetch them again.
    forgotten: Option<u64>,
    /// The head, and whether the node was out of sight since.
    head: Option<(String, u64)>,
    stale: bool,
}

impl Chain {
    /// Whether the block is known.
    pub fn knows(&self, hash: &str) -> bool {
        self.blocks.contains_key(hash)
    }

    /// Whether blocks of this height were forgotten to save memory, so that looking for them is in vain.
    pub fn has_forgotten(&self, height: u64) -> bool {
        self.forgotten.is_some_and(|forgotten| height <= forgotten)
    }

    /// The head's hash, unless the node was out of sight since it was seen.
    pub fn current_head(&self) -> Option<&str> {
        self.head.as_ref().filter(|_| !self.stale).map(|(hash, _)| hash.as_str())
    }

    /// The hash of the head that was seen last, in or out of sight.
    pub fn head(&self) -> Option<&str> {
        self.head.as_ref().map(|(hash, _)| hash.as_str())
    }

    /// The node is out of sight: its next head is told even if it is the old one.
    pub fn out_of_sight(&mut self) {
        self.stale = true;
    }

    /// Remembers a block. Returns whether it is new.
    pub fn learn(&mut self, block: &Block) -> bool {
        if self.knows(&block.hash) || self.has_forgotten(block.height) {
            return false;
        }
        self.blocks.insert(block.hash.clone(), (block.height, block.parent.clone()));
        self.by_height.insert((block.height, block.hash.clone()));
        while self.by_height.len() > BLOCKS_KEPT {
            let Some((height, hash)) = self.by_height.pop_first() else { break };
            self.blocks.remove(&hash);
            self.forgotten = self.forgotten.max(Some(height));
        }
        true
    }

    /// Makes a block the head and says whether that was a step backwards: the old head is no ancestor of the new one.
    ///
    /// A node that was out of sight and comes back on an *earlier block of its own chain* has not changed its mind: it
    /// was restarted from an older state (or from nothing). That is no reorganisation.
    pub fn set_head(&mut self, hash: &str, height: u64) -> Option<Reorganisation> {
        let was_away = std::mem::take(&mut self.stale);
        let (old, old_height) = self.head.replace((hash.to_owned(), height))?;
        if old == hash {
            return None;
        }
        let found = self.reorganisation(&old, old_height, hash, height)?;
        (!(was_away && found.exact && found.depth == old_height.saturating_sub(height))).then_some(found)
    }

    /// The hash of the head's ancestor at this height, if the way down to it is known.
    pub fn ancestor_at(&self, height: u64) -> Option<&str> {
        let (mut hash, mut at) = self.head.as_ref().map(|(hash, height)| (hash.as_str(), *height))?;
        while at > height {
            let parent = self.blocks.get(hash)?.1.as_deref()?;
            (hash, at) = (parent, self.blocks.get(parent)?.0);
        }
        (at == height).then_some(hash)
    }

    /// Walks both chains down to the block where they meet. `None` if the old head is an ancestor of the new one, or
    /// if that cannot be told because the new chain is not known far enough down.
    fn reorganisation(&self, old: &str, old_height: u64, new: &str, new_height: u64) -> Option<Reorganisation> {
        let (mut left, mut left_height) = (old, old_height);
        let (mut right, mut right_height) = (new, new_height);
        // The lowest block that is certainly on the old chain alone.
        let mut lowest_left = None;
        let mut blocks = 0;
        while left != right {
            let go_left = left_height >= right_height;
            let from = if go_left { left } else { right };
            if go_left {
                lowest_left = Some(left_height);
                blocks += 1;
            }
            let parent = self.blocks.get(from).and_then(|(_, parent)| parent.as_deref());
            let next = parent.and_then(|parent| self.blocks.get(parent).map(|(height, _)| (parent, *height)));
            match next {
                Some((parent, height)) if go_left => (left, left_height) = (parent, height),
                Some((parent, height)) => (right, right_height) = (parent, height),
                // The way ends. Whatever was seen on the old chain at or over the heights of the new one is left.
                None => {
                    let depth = old_height.saturating_sub(lowest_left?).saturating_add(1);
                    return Some(Reorganisation { depth, blocks: None, exact: false });
                }
            }
        }
        let depth = old_height.saturating_sub(left_height);
        lowest_left.map(|_| Reorganisation { depth, blocks: Some(blocks), exact: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(hash: &str, height: u64, parent: &str) -> Block {
        Block {
            height,
            hash: hash.to_owned(),
            parent: Some(parent.to_owned()),
            producer: None,
            roots: Roots::default(),
        }
    }

    fn exact(depth: u64, blocks: u64) -> Reorganisation {
        Reorganisation { depth, blocks: Some(blocks), exact: true }
    }

    /// a0 ← a1 ← a2 ← a3 and a1 ← b2 ← b3 ← b4.
    fn forked() -> Chain {
        let mut chain = Chain::default();
        for (hash, height, parent) in
            [("a0", 0, ""), ("a1", 1, "a0"), ("a2", 2, "a1"), ("a3", 3, "a2"), ("b2", 2, "a1"), ("b3", 3, "b2")]
        {
            assert!(chain.learn(&block(hash, height, parent)));
        }
        chain.learn(&block("b4", 4, "b3"));
        chain
    }

    #[test]
    fn growing_is_no_reorganisation() {
        let mut chain = forked();
        assert_eq!(chain.set_head("a1", 1), None);
        assert_eq!(chain.set_head("b4", 4), None);
        assert_eq!(chain.set_head("b4", 4), None);
        assert_eq!(chain.current_head(), Some("b4"));
    }

    #[test]
    fn depth_counts_from_the_old_head_to_the_common_ancestor() {
        let mut chain = forked();
        chain.set_head("a3", 3);
        assert_eq!(chain.set_head("b4", 4), Some(exact(2, 2)));
        assert_eq!(chain.set_head("a2", 2), Some(exact(3, 3)));
    }

    #[test]
    fn a_sibling_of_the_same_height_is_a_reorganisation_of_one() {
        let mut chain = forked();
        chain.set_head("a2", 2);
        assert_eq!(chain.set_head("b2", 2), Some(exact(1, 1)));
    }

    #[test]
    fn going_back_on_the_own_chain_counts_only_for_a_node_that_was_in_sight() {
        let mut chain = forked();
        chain.set_head("a3", 3);
        assert_eq!(chain.set_head("a1", 1), Some(exact(2, 2)));
        chain.set_head("a3", 3);
        chain.out_of_sight();
        assert_eq!(chain.current_head(), None);
        assert_eq!(chain.set_head("a1", 1), None, "restarted from an older state");
        chain.set_head("a3", 3);
        chain.out_of_sight();
        assert_eq!(chain.set_head("b3", 3), Some(exact(2, 2)), "another branch");
    }

    #[test]
    fn skipped_heights_count_as_heights() {
        let mut chain = Chain::default();
        for (hash, height, parent) in [("g", 0, ""), ("x", 8, "g"), ("y", 5, "g"), ("z", 9, "y")] {
            chain.learn(&block(hash, height, parent));
        }
        chain.set_head("x", 8);
        assert_eq!(chain.set_head("z", 9), Some(exact(8, 1)));
    }

    #[test]
    fn a_gap_gives_a_lower_bound_or_nothing_but_never_a_guess() {
        let mut chain = forked();
        chain.learn(&block("c4", 4, "unknown"));
        chain.learn(&block("c2", 2, "unknown too"));
        chain.set_head("a3", 3);
        // All that is known of the new chain lies above the old head, which may well be its ancestor.
        assert_eq!(chain.set_head("c4", 4), None);
        chain.set_head("a3", 3);
        // a3 and a2 are certainly left: at height 2 the new chain has another block.
        chain.stale = false;
        assert_eq!(chain.set_head("c2", 2), Some(Reorganisation { depth: 2, blocks: None, exact: false }));
    }

    #[test]
    fn ancestors_are_found_on_the_heads_own_branch() {
        let mut chain = forked();
        chain.set_head("b4", 4);
        assert_eq!(chain.ancestor_at(2), Some("b2"));
        assert_eq!(chain.ancestor_at(0), Some("a0"));
        assert_eq!(chain.ancestor_at(5), None);
    }

    #[test]
    fn memory_is_bounded_and_forgotten_blocks_are_not_learnt_again() {
        let mut chain = Chain::default();
        for height in 0..BLOCKS_KEPT as u64 + 100 {
            let parent = format!("h{}", height.wrapping_sub(1));
            assert!(chain.learn(&block(&format!("h{height}"), height, &parent)));
        }
        assert_eq!(chain.blocks.len(), BLOCKS_KEPT);
        assert_eq!(chain.by_height.len(), BLOCKS_KEPT);
        assert!(chain.has_forgotten(99) && !chain.has_forgotten(100));
        assert!(!chain.learn(&block("h50", 50, "h49")));
    }
}
