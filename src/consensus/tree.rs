//! The blocks that are not final yet, as a tree, and the final chain below it as a list of roots.

use std::collections::{BTreeMap, BTreeSet};

use super::chain_state::ChainState;
use super::parameters::ChainParameters;
use crate::eth2::{BeaconBlockHeader, Checkpoint, Epoch, Root, Slot};

/// A block in the tree.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) root: Root,
    pub(super) header: BeaconBlockHeader,
    /// Place of the parent; always lower than the node's own place. `None` for the tree's bottom.
    pub(super) parent: Option<usize>,
    pub(super) state: ChainState,
    /// What the branch would have justified and finalised if its epoch ended with this block.
    pub(super) unrealized: (Checkpoint, Checkpoint),
}

/// All blocks from the last final one on.
#[derive(Clone, Debug)]
pub(super) struct BlockTree {
    /// Parents before children; place 0 is the last final block.
    nodes: Vec<Node>,
    places: BTreeMap<Root, usize>,
    /// Roots of the final chain by slot, the last final block included.
    finalized: BTreeMap<Slot, Root>,
}

impl BlockTree {
    pub(super) fn new(chain: &ChainParameters) -> Self {
        let header = chain.genesis_block().message.header();
        let root = header.root();
        let state = ChainState::genesis(chain);
        let unrealized = (state.current_justified, state.finalized);
        Self {
            nodes: vec![Node { root, header, parent: None, state, unrealized }],
            places: BTreeMap::from([(root, 0)]),
            finalized: BTreeMap::from([(0, root)]),
        }
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn place(&self, root: &Root) -> Option<usize> {
        self.places.get(root).copied()
    }

    pub(super) fn get(&self, root: &Root) -> Option<&Node> {
        self.place(root).map(|place| &self.nodes[place])
    }

    /// The last final block.
    pub(super) fn bottom(&self) -> &Node {
        &self.nodes[0]
    }

    /// Adds a block whose parent is in the tree; the caller has checked that.
    pub(super) fn insert(&mut self, root: Root, header: BeaconBlockHeader, state: ChainState, chain: &ChainParameters) {
        let parent = self.place(&header.parent_root);
        let unrealized = state.if_the_epoch_ended(chain, root);
        self.places.insert(root, self.nodes.len());
        self.nodes.push(Node { root, header, parent, state, unrealized });
    }

    /// The block of the branch of `root` at or before a slot; `None` if that lies below the tree.
    pub(super) fn ancestor_at(&self, root: &Root, slot: Slot) -> Option<&Node> {
        let mut node = self.get(root)?;
        while node.header.slot > slot {
            node = &self.nodes[node.parent?];
        }
        Some(node)
    }

    /// Whether `descendant` is `ancestor` or stands on it.
    pub(super) fn descends(&self, descendant: &Root, ancestor: &Root) -> bool {
        self.get(ancestor).is_some_and(|ancestor| {
            self.ancestor_at(descendant, ancestor.header.slot).is_some_and(|node| node.root == ancestor.root)
        })
    }

    /// The root of the chain of `head` at or before a slot, final blocks included.
    pub(super) fn canonical_at_or_before(&self, head: &Root, slot: Slot) -> Option<(Slot, Root)> {
        match self.ancestor_at(head, slot) {
            Some(node) => Some((node.header.slot, node.root)),
            None => self.finalized.range(..=slot).next_back().map(|(&slot, &root)| (slot, root)),
        }
    }

    /// The roots of the chain of `head` in a range of slots, in ascending order, final blocks included.
    pub(super) fn canonical_range(&self, head: &Root, start: Slot, end: Slot) -> Vec<Root> {
        let mut above = Vec::new();
        let mut at = self.get(head);
        while let Some(node) = at.filter(|node| node.header.slot >= start) {
            if node.header.slot < end && node.parent.is_some() {
                above.push(node.root);
            }
            at = node.parent.map(|place| &self.nodes[place]);
        }
        let below =
            if start < end { self.finalized.range(start..end).map(|(_, &root)| root).collect() } else { Vec::new() };
        [below, above.into_iter().rev().collect()].concat()
    }

    /// Whether this root is a block of the final chain.
    pub(super) fn is_final(&self, slot: Slot, root: &Root) -> bool {
        self.finalized.get(&slot) == Some(root)
    }

    /// Whether a checkpoint that somebody calls final agrees with the final chain; `None` if it lies above it.
    pub(super) fn agrees_with_final(&self, chain: &ChainParameters, epoch: Epoch, root: &Root) -> Option<bool> {
        let slot = chain.epoch_start(epoch);
        // The last final block answers only for slots up to the checkpoint it is the block of.
        if slot > self.bottom().header.slot && Some(&self.bottom().root) != Some(root) {
            return None;
        }
        self.finalized.range(..=slot).next_back().map(|(_, known)| known == root)
    }

    /// Makes `root` the last final block: everything that does not stand on it goes. Returns how many blocks went that
    /// are not part of the final chain.
    pub(super) fn finalize(&mut self, root: &Root) -> usize {
        let Some(bottom) = self.place(root) else { return 0 };
        if bottom == 0 {
            return 0;
        }
        let mut path = BTreeSet::new();
        let mut at = Some(bottom);
        while let Some(place) = at {
            path.insert(place);
            self.finalized.insert(self.nodes[place].header.slot, self.nodes[place].root);
            at = self.nodes[place].parent;
        }
        let mut new_places: Vec<Option<usize>> = vec![None; self.nodes.len()];
        let mut kept = Vec::new();
        let mut dropped = 0;
        for (place, mut node) in std::mem::take(&mut self.nodes).into_iter().enumerate() {
            let new_parent = node.parent.and_then(|parent| new_places[parent]);
            if place == bottom || new_parent.is_some() {
                node.parent = new_parent;
                new_places[place] = Some(kept.len());
                kept.push(node);
            } else if !path.contains(&place) {
                dropped += 1;
            }
        }
        self.places = kept.iter().enumerate().map(|(place, node)| (node.root, place)).collect();
        self.nodes = kept;
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameters::sample;
    use super::*;

    /// Grows a tree; each entry is `(slot, place of the parent in the list so far)`, place 0 being genesis.
    fn grow(blocks: &[(Slot, usize)]) -> (BlockTree, Vec<Root>) {
        let chain = sample();
        let mut tree = BlockTree::new(&chain);
        let mut roots = vec![tree.bottom().root];
        for &(slot, parent) in blocks {
            let header = BeaconBlockHeader { slot, parent_root: roots[parent], ..BeaconBlockHeader::default() };
            tree.insert(header.root(), header, ChainState::genesis(&chain), &chain);
            roots.push(header.root());
        }
        (tree, roots)
    }

    #[test]
    fn ancestors_are_found_by_slot() {
        let (tree, roots) = grow(&[(1, 0), (3, 1), (4, 2), (5, 1)]);
        assert_eq!(tree.ancestor_at(&roots[3], 3).unwrap().root, roots[2]);
        assert_eq!(tree.ancestor_at(&roots[3], 2).unwrap().root, roots[1]);
        assert!(tree.descends(&roots[3], &roots[1]) && !tree.descends(&roots[4], &roots[2]));
    }

    #[test]
    fn finality_drops_other_branches_and_keeps_the_chain_below() {
        let (mut tree, roots) = grow(&[(1, 0), (2, 1), (3, 2), (4, 1), (5, 3)]);
        assert_eq!(tree.finalize(&roots[2]), 1);
        assert_eq!(tree.nodes().len(), 3);
        assert_eq!(tree.bottom().root, roots[2]);
        assert!(tree.get(&roots[4]).is_none());
        assert_eq!(tree.canonical_range(&roots[5], 0, 10), [roots[0], roots[1], roots[2], roots[3], roots[5]]);
        assert_eq!(tree.canonical_range(&roots[5], 2, 5), [roots[2], roots[3]]);
        assert!(tree.canonical_range(&roots[5], 9, 3).is_empty());
        assert_eq!(tree.canonical_at_or_before(&roots[5], 1), Some((1, roots[1])));
        assert!(tree.is_final(1, &roots[1]) && !tree.is_final(4, &roots[4]));
    }
}
