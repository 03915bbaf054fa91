//! The last blocks of each node, to find one that several of them hold.

use std::collections::BTreeMap;

use super::splits::KnownChain;
use crate::action::NodeName;
use crate::journal::What;

/// How far below a node's head blocks are remembered.
const REMEMBERED: u64 = 256;
/// How many blocks of a node are kept before old ones are thrown away.
const KEPT: usize = 1024;
/// How far below the lowest head a block must lie to be asked about: what is at the very tip may be gone a moment later.
const DEPTH: u64 = 2;

/// Blocks by node.
#[derive(Debug, Default)]
pub(super) struct RecentBlocks {
    nodes: BTreeMap<NodeName, Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    head: Option<(u64, String)>,
    /// Hash → height and parent.
    blocks: BTreeMap<String, (u64, String)>,
}

impl RecentBlocks {
    /// Takes up what a probe saw.
    pub(super) fn note(&mut self, what: &What) {
        match what {
            What::Head { node, height, hash, parent } => {
                let recent = self.nodes.entry(node.clone()).or_default();
                recent.head = Some((*height, hash.clone()));
                if let Some(parent) = parent {
                    recent.blocks.insert(hash.clone(), (*height, parent.clone()));
                }
                if recent.blocks.len() > KEPT {
                    recent.blocks.retain(|_, (known, _)| *known + REMEMBERED >= *height);
                }
            }
            What::Block(record) => {
                let recent = self.nodes.entry(record.node.clone()).or_default();
                recent.blocks.insert(record.hash.clone(), (record.height, record.parent.clone()));
            }
            What::ProbeLost { node, .. } => {
                self.nodes.entry(node.clone()).or_default().head = None;
            }
            _ => {}
        }
    }

    /// The chains of those of these nodes that can be seen, as far as they are known.
    pub(super) fn chains<'a>(&self, nodes: impl Iterator<Item = &'a NodeName>) -> BTreeMap<NodeName, KnownChain> {
        let seen = nodes.filter_map(|node| Some((node, self.nodes.get(node)?)));
        let owned = |recent: &Recent| {
            recent.chain(u64::MAX).into_iter().map(|(height, hash)| (height, hash.to_owned())).collect()
        };
        seen.map(|(node, recent)| (node.clone(), owned(recent))).collect()
    }

    /// Whether all of these nodes that can be seen have the same head.
    pub(super) fn all_same<'a>(&self, nodes: impl Iterator<Item = &'a NodeName>) -> bool {
        let mut heads = nodes.filter_map(|node| self.nodes.get(node)?.head.as_ref());
        let first = heads.next();
        heads.all(|head| Some(head) == first)
    }

    /// The highest block, a little below the lowest head, that is on the chain of each of the nodes that can be seen.
    pub(super) fn common<'a>(&self, nodes: impl Iterator<Item = &'a NodeName>) -> Option<(u64, String)> {
        let seen: Vec<&Recent> =
            nodes.filter_map(|node| self.nodes.get(node)).filter(|recent| recent.head.is_some()).collect();
        let lowest = seen.iter().filter_map(|recent| recent.head.as_ref()).map(|(height, _)| *height).min()?;
        let limit = lowest.saturating_sub(DEPTH);
        let chains: Vec<BTreeMap<u64, &str>> = seen.iter().map(|recent| recent.chain(limit)).collect();
        let (first, others) = chains.split_first()?;
        let shared =
            first.iter().rev().find(|(height, hash)| others.iter().all(|chain| chain.get(*height) == Some(*hash)));
        shared.map(|(height, hash)| (*height, (*hash).to_owned()))
    }
}

impl Recent {
    /// The blocks of its chain up to a height, as far as they are known: found from the head by parents, because the block
    /// that was seen last at a height may be of a branch that was left.
    fn chain(&self, limit: u64) -> BTreeMap<u64, &str> {
        let mut chain = BTreeMap::new();
        let mut here = self.head.as_ref().map(|(_, hash)| hash.as_str());
        while let Some((hash, (height, parent))) = here.and_then(|hash| self.blocks.get_key_value(hash)) {
            if *height <= limit {
                chain.insert(*height, hash.as_str());
            }
            here = (chain.len() < REMEMBERED as usize && *height > 0).then_some(parent.as_str());
        }
        chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(blocks: &mut RecentBlocks, node: &str, height: u64, hash: &str, parent: &str) {
        let parent = Some(parent.to_owned());
        blocks.note(&What::Head { node: node.into(), height, hash: hash.to_owned(), parent });
    }

    #[test]
    fn the_highest_block_of_all_chains_is_found_through_branches() {
        let names: Vec<NodeName> = vec!["a".into(), "b".into()];
        let mut blocks = RecentBlocks::default();
        assert_eq!(blocks.common(names.iter()), None);
        for (height, hash, parent) in [(1, "1", "0"), (2, "2", "1"), (3, "3", "2"), (4, "4", "3"), (5, "5", "4")] {
            head(&mut blocks, "a", height, hash, parent);
            if height < 5 {
                head(&mut blocks, "b", height, hash, parent);
            }
        }
        assert_eq!(blocks.common(names.iter()), Some((2, "2".to_owned())), "two below the lower head");
        // b left for another branch and came back, without showing again what it had shown.
        head(&mut blocks, "b", 3, "3x", "2");
        head(&mut blocks, "b", 4, "4x", "3x");
        head(&mut blocks, "b", 5, "5x", "4x");
        assert_eq!(blocks.common(names.iter()), Some((2, "2".to_owned())), "where the branches part");
        head(&mut blocks, "b", 5, "5", "4");
        assert_eq!(blocks.common(names.iter()), Some((3, "3".to_owned())));
        blocks.note(&What::ProbeLost { node: "b".into(), error: String::new() });
        assert_eq!(blocks.common(names.iter()), Some((3, "3".to_owned())), "of those that can be seen");
    }
}
