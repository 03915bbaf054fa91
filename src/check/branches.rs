//! How the blocks that nodes hold stand to each other: the branches that were seen to be apart, who is lower on the same
//! chain, and of whom nobody can tell. Nothing is called a branch whose difference the journal does not show.

use std::collections::BTreeMap;

use super::chain::{BlockId, Chain, Relation};

/// What a node holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) node: usize,
    /// Since when, in microseconds since the run started.
    pub(super) since: u64,
    /// Line of the journal that says so.
    pub(super) seq: u64,
    pub(super) block: BlockId,
    /// The block's height; the number (epoch) under which the node calls it final, if the block itself was not seen.
    pub(super) height: u64,
}

/// How they stand to each other. Members are positions in the list that was given.
#[derive(Clone, Debug, Default)]
pub(super) struct Branches {
    /// The last block that all branches share.
    pub(super) common: Option<BlockId>,
    /// The branches: the first block of each that no other has, and who is on it.
    pub(super) groups: Vec<(BlockId, Vec<usize>)>,
    /// Who is lower on the same chain, or on the part that all branches share.
    pub(super) below: Vec<usize>,
    /// Whose ancestors were not seen, so that nobody can tell.
    pub(super) unplaced: Vec<usize>,
    /// The lowest height at which branches were seen to differ, and whether they may have parted below it.
    pub(super) height: Option<u64>,
    pub(super) parted_below: bool,
}

/// The branches among these.
pub(super) fn branches(chain: &Chain<'_>, held: &[Held]) -> Branches {
    let found = around_the_highest(chain, held);
    let unplaced = found.unplaced.len();
    if unplaced == 0 || unplaced == held.len() || !found.groups.is_empty() {
        return found;
    }
    // The highest may be the stranger: what is known of all the others is not to be hidden by it.
    let rest: Vec<Held> = found.unplaced.iter().map(|&index| held[index]).collect();
    let among = branches(chain, &rest);
    if among.groups.is_empty() && unplaced * 2 <= held.len() {
        return found;
    }
    let back = |members: Vec<usize>| members.into_iter().map(|index| found.unplaced[index]).collect::<Vec<_>>();
    let mut unplaced: Vec<usize> = (0..held.len()).filter(|index| !found.unplaced.contains(index)).collect();
    unplaced.extend(back(among.unplaced));
    Branches {
        groups: among.groups.into_iter().map(|(block, members)| (block, back(members))).collect(),
        below: back(among.below),
        unplaced,
        ..among
    }
}

/// The branches, as far as blocks were seen to stand to the highest of them.
fn around_the_highest(chain: &Chain<'_>, held: &[Held]) -> Branches {
    if held.iter().any(|one| !chain.is_known(one.block))
        && let Some(found) = named_only(held)
    {
        return found;
    }
    let known = held.iter().filter(|one| chain.is_known(one.block));
    let Some(top) = known.map(|one| one.block).max_by_key(|&block| (chain.height(block), block)) else {
        return nobody_knows(held);
    };
    let mut found = Branches::default();
    // Two heads that are apart meet lowest where all that are apart meet: heads that only lag do not pull it down.
    let mut fork: Option<BlockId> = None;
    let mut strangers: Vec<BlockId> = Vec::new();
    for one in held {
        if chain.relation(one.block, top) != Relation::Apart {
            continue;
        }
        match chain.common(one.block, top) {
            Some(common) if fork.is_none_or(|fork| chain.level(common) < chain.level(fork)) => fork = Some(common),
            Some(_) => {}
            None => strangers.push(one.block),
        }
    }
    // Chains that do not meet in what was seen are told apart at the lowest height that was seen of all of them.
    let floor = strangers.iter().chain([&top]).map(|&block| chain.height(chain.root(block))).max().unwrap_or(0);
    let mut groups: BTreeMap<BlockId, Vec<usize>> = BTreeMap::new();
    for (index, one) in held.iter().enumerate() {
        let relation = chain.relation(one.block, top);
        let first = match (relation, fork) {
            (Relation::Untold, _) => {
                found.unplaced.push(index);
                continue;
            }
            _ if !strangers.is_empty() && chain.height(one.block) < floor && relation != Relation::Apart => None,
            _ if !strangers.is_empty() => chain.at_or_below(one.block, floor),
            (_, Some(fork)) => chain.next_above(fork, one.block),
            (_, None) => None,
        };
        match first {
            Some(first) => groups.entry(first).or_default().push(index),
            None if one.block != top => found.below.push(index),
            None => {}
        }
    }
    keep_those_apart(chain, held, groups, top, &mut found);
    if found.groups.len() < 2 {
        found.groups.clear();
        return found;
    }
    let lowest = found.groups.iter().map(|(block, _)| chain.height(*block)).min();
    if strangers.is_empty() {
        (found.common, found.height) = (fork, lowest);
    } else {
        let earlier = differ_below(chain, &found.groups, held, floor);
        (found.height, found.parted_below) = (if earlier { floor.checked_sub(1) } else { lowest }, true);
    }
    found
}

/// A branch whose difference from every other one was not seen is none.
fn keep_those_apart(
    chain: &Chain<'_>,
    held: &[Held],
    groups: BTreeMap<BlockId, Vec<usize>>,
    top: BlockId,
    found: &mut Branches,
) {
    let mut groups: Vec<(BlockId, Vec<usize>)> = groups.into_iter().collect();
    let is_main = |block: BlockId| matches!(chain.relation(block, top), Relation::Same | Relation::Below(_));
    groups.sort_by_key(|(block, members)| (!is_main(*block), std::cmp::Reverse(members.len()), *block));
    for (block, members) in groups {
        // Heads are compared: of the first blocks of two branches that do not meet, one may lie below what was seen of the other.
        let head = |members: &[usize]| members.first().map_or(block, |&index| held[index].block);
        let mut others = found.groups.iter();
        let apart = others.all(|(_, others)| chain.relation(head(&members), head(others)) == Relation::Apart);
        if apart {
            found.groups.push((block, members));
        } else {
            found.unplaced.extend(members);
        }
    }
}

/// Whether branches that do not meet in what was seen differ below the height at which they are told apart: the lowest
/// block of one names a parent that is not the other's block there.
fn differ_below(chain: &Chain<'_>, groups: &[(BlockId, Vec<usize>)], held: &[Held], floor: u64) -> bool {
    let Some(below) = floor.checked_sub(1) else { return false };
    let roots = groups.iter().filter(|(block, _)| chain.root(*block) == *block && chain.height(*block) == floor);
    let mut parents = roots.filter_map(|(block, _)| chain.parent_hash(*block));
    let Some(parent) = parents.next() else { return false };
    let mut others = groups.iter().filter_map(|(_, members)| chain.at_or_below(held[*members.first()?].block, below));
    others.any(|other| chain.hash(other) != parent)
}

/// Blocks that were only called final: different ones of the same height (epoch) are apart, whatever lies below them.
fn named_only(held: &[Held]) -> Option<Branches> {
    let mut heights: BTreeMap<u64, BTreeMap<BlockId, Vec<usize>>> = BTreeMap::new();
    for (index, one) in held.iter().enumerate() {
        heights.entry(one.height).or_default().entry(one.block).or_default().push(index);
    }
    let (height, groups) = heights.into_iter().find(|(_, blocks)| blocks.len() > 1)?;
    let placed: Vec<usize> = groups.values().flatten().copied().collect();
    Some(Branches {
        groups: groups.into_iter().collect(),
        unplaced: (0..held.len()).filter(|index| !placed.contains(index)).collect(),
        height: Some(height),
        parted_below: true,
        ..Branches::default()
    })
}

/// No block was seen itself: only those who hold the same are known to be of one mind.
fn nobody_knows(held: &[Held]) -> Branches {
    let top = held.iter().max_by_key(|one| (one.height, one.block)).map(|one| one.block);
    let unplaced = (0..held.len()).filter(|&index| Some(held[index].block) != top).collect();
    Branches { unplaced, ..Branches::default() }
}
