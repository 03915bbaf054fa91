//! Where the chains of nodes part, found from the blocks that their probes told.

use std::collections::BTreeMap;

use crate::action::NodeName;

/// Height → hash, as far as a chain is known.
pub(super) type KnownChain = BTreeMap<u64, String>;

/// Nodes that are on different chains from a height on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Split {
    /// The first height at which they differ.
    pub(super) height: u64,
    /// Each branch: its first block, and who is on it.
    pub(super) sides: Vec<(String, Vec<NodeName>)>,
}

/// A node that does not take the next block of the others' chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Behind {
    pub(super) node: NodeName,
    /// The block that comes after its head on the others' chain.
    pub(super) next: String,
    pub(super) height: u64,
    /// Who holds that.
    pub(super) holders: Vec<NodeName>,
}

/// All splits among these chains, the lowest first. What is not known to differ is no split.
pub(super) fn splits(chains: &BTreeMap<NodeName, KnownChain>) -> Vec<Split> {
    let mut found = Vec::new();
    part(&chains.iter().collect::<Vec<_>>(), &mut found);
    found.sort();
    found
}

fn part(nodes: &[(&NodeName, &KnownChain)], found: &mut Vec<Split>) {
    let Some((_, highest)) = nodes.iter().max_by_key(|(_, chain)| top(chain)) else { return };
    let Some(height) = nodes.iter().filter_map(|(_, chain)| first_difference(highest, chain)).min() else { return };
    let mut sides: BTreeMap<&String, Vec<(&NodeName, &KnownChain)>> = BTreeMap::new();
    for (node, chain) in nodes {
        if let Some(hash) = chain.get(&height) {
            sides.entry(hash).or_default().push((node, chain));
        }
    }
    let told = sides.iter().map(|(hash, side)| {
        let names = side.iter().map(|(node, _)| (*node).clone()).collect();
        ((*hash).clone(), names)
    });
    found.push(Split { height, sides: told.collect() });
    // Those who agree there may part later.
    for side in sides.values() {
        part(side, found);
    }
}

fn top(chain: &KnownChain) -> Option<u64> {
    chain.last_key_value().map(|(height, _)| *height)
}

/// The lowest height at which two chains hold different blocks, if it is known that they hold the same below.
fn first_difference(one: &KnownChain, other: &KnownChain) -> Option<u64> {
    let mut height = top(one)?.min(top(other)?);
    if one.get(&height)? == other.get(&height)? {
        return None;
    }
    while height > 0 {
        match (one.get(&(height - 1)), other.get(&(height - 1))) {
            (Some(a), Some(b)) if a == b => return Some(height),
            (Some(_), Some(_)) => height -= 1,
            // Where they parted is not known.
            _ => return None,
        }
    }
    None
}

/// Nodes that are so many blocks or more behind the highest head, on its chain.
pub(super) fn behind(chains: &BTreeMap<NodeName, KnownChain>, at_least: u64) -> Vec<Behind> {
    let Some(highest) = chains.values().max_by_key(|chain| top(chain)) else { return Vec::new() };
    let Some(best) = top(highest) else { return Vec::new() };
    let mut found = Vec::new();
    for (node, chain) in chains {
        let Some((head, hash)) = chain.last_key_value() else { continue };
        let height = head + 1;
        let Some(next) = highest.get(&height).filter(|_| highest.get(head) == Some(hash) && head + at_least <= best)
        else {
            continue;
        };
        let holders = chains.iter().filter(|(_, chain)| chain.get(&height) == Some(next));
        found.push(Behind {
            node: node.clone(),
            next: next.clone(),
            height,
            holders: holders.map(|(node, _)| node.clone()).collect(),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chains(written: &[(&str, u64, &str)]) -> BTreeMap<NodeName, KnownChain> {
        // A chain as one letter a block, from a height on.
        let chain = |from: u64, text: &str| (from..).zip(text.chars().map(String::from)).collect();
        written.iter().map(|(node, from, text)| (NodeName::new(*node), chain(*from, text))).collect()
    }

    fn told(splits: &[Split]) -> Vec<String> {
        let side = |(hash, nodes): &(String, Vec<NodeName>)| {
            format!("{hash}:{}", nodes.iter().map(NodeName::as_str).collect::<String>())
        };
        splits
            .iter()
            .map(|split| format!("{} {}", split.height, split.sides.iter().map(side).collect::<Vec<_>>().join(" ")))
            .collect()
    }

    #[test]
    fn chains_part_at_the_first_block_that_differs() {
        let found = splits(&chains(&[("a", 0, "gabcd"), ("b", 0, "gabxyz"), ("c", 0, "gabxy"), ("d", 0, "gab")]));
        assert_eq!(told(&found), ["3 c:a x:bc"], "whoever is below is on no side");
        assert!(splits(&chains(&[("a", 0, "gabc"), ("b", 0, "ga")])).is_empty(), "behind is not apart");
    }

    #[test]
    fn those_who_agree_at_first_may_part_later() {
        let found = splits(&chains(&[("a", 0, "gabc"), ("b", 0, "gxyz"), ("c", 0, "gxyw")]));
        assert_eq!(told(&found), ["1 a:a x:bc", "3 w:c z:b"]);
    }

    #[test]
    fn what_is_not_known_is_no_split() {
        assert!(splits(&chains(&[("a", 5, "abc"), ("b", 5, "xyz")])).is_empty(), "no common block is known");
        assert!(splits(&chains(&[("a", 0, "gabc"), ("b", 0, "")])).is_empty());
    }

    #[test]
    fn a_node_that_stays_below_the_others_is_behind() {
        let chains = chains(&[("a", 0, "gabcde"), ("b", 0, "gab"), ("c", 0, "gabcd"), ("d", 0, "gax")]);
        let found = behind(&chains, 3);
        assert_eq!(found.len(), 1, "c is near and d is apart: {found:?}");
        assert_eq!((found[0].node.as_str(), found[0].next.as_str(), found[0].height), ("b", "c", 3));
        assert_eq!(found[0].holders, ["a".into(), "c".into()]);
    }
}
