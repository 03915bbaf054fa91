//! LMD-GHOST: which of several branches is the head (`specs/phase0/fork-choice.md`, `get_head`).

use super::parameters::ChainParameters;
use super::quirk::{Quirk, QuirkSet};
use super::tree::BlockTree;
use crate::eth2::{Checkpoint, Epoch, Root, ValidatorIndex};

/// The newest vote of each validator.
#[derive(Clone, Debug)]
pub(super) struct LatestVotes(Vec<Option<(Epoch, Root)>>);

impl LatestVotes {
    pub(super) fn new(validators: u64) -> Self {
        Self(vec![None; validators as usize])
    }

    /// Takes a vote if it is newer than the validator's last one.
    pub(super) fn take(&mut self, validator: ValidatorIndex, target_epoch: Epoch, head: Root) {
        if let Some(latest) = self.0.get_mut(validator as usize)
            && latest.is_none_or(|(epoch, _)| target_epoch > epoch)
        {
            *latest = Some((target_epoch, head));
        }
    }

    fn roots(&self) -> impl Iterator<Item = &Root> {
        self.0.iter().flatten().map(|(_, root)| root)
    }
}

/// The head: from the justified block on, always to the child with the most votes behind it.
///
/// Only branches count whose own justified checkpoint is the newest that the node has seen; a block of an earlier epoch
/// is taken as if its epoch had ended. So the source of a validator's votes never goes back, which is what keeps honest
/// validators from contradicting themselves. Equal votes go to the lower root (or the higher with the quirk).
pub(super) fn find_head(
    chain: &ChainParameters,
    tree: &BlockTree,
    votes: &LatestVotes,
    justified: Checkpoint,
    current_epoch: Epoch,
    quirks: &QuirkSet,
) -> Root {
    let nodes = tree.nodes();
    let mut weights = vec![0u64; nodes.len()];
    if !quirks.has(Quirk::IgnoreAttestations) {
        for place in votes.roots().filter_map(|root| tree.place(root)) {
            weights[place] += 1;
        }
    }
    let mut has_children = vec![false; nodes.len()];
    let mut viable = vec![false; nodes.len()];
    let mut best_child: Vec<Option<usize>> = vec![None; nodes.len()];
    // Children stand behind their parents, so one pass from the end sees every child complete.
    for place in (0..nodes.len()).rev() {
        let node = &nodes[place];
        if !has_children[place] {
            let earlier = chain.epoch_of(node.header.slot) < current_epoch;
            let source = if earlier { node.unrealized.0 } else { node.state.current_justified };
            viable[place] = source.epoch >= justified.epoch;
        }
        let Some(parent) = node.parent else { continue };
        has_children[parent] = true;
        weights[parent] += weights[place];
        if !viable[place] {
            continue;
        }
        viable[parent] = true;
        let better = best_child[parent].is_none_or(|rival| {
            let higher = node.root > nodes[rival].root;
            weights[place] > weights[rival]
                || weights[place] == weights[rival] && higher == quirks.has(Quirk::TieBreakHigh)
        });
        if better {
            best_child[parent] = Some(place);
        }
    }
    // A justified checkpoint of genesis is the zero root; one below the tree is the tree's bottom.
    let mut place = tree.place(&justified.root).unwrap_or(0);
    while let Some(child) = best_child[place] {
        place = child;
    }
    nodes[place].root
}

#[cfg(test)]
mod tests {
    use super::super::chain_state::ChainState;
    use super::super::parameters::sample;
    use super::*;
    use crate::eth2::BeaconBlockHeader;

    struct Fork {
        chain: ChainParameters,
        tree: BlockTree,
        votes: LatestVotes,
        low: Root,
        high: Root,
    }

    /// Genesis with two children; `low` has the lower root.
    fn fork() -> Fork {
        let chain = sample();
        let mut tree = BlockTree::new(&chain);
        let genesis = tree.bottom().root;
        let mut roots = Vec::new();
        for slot in [1, 2] {
            let header = BeaconBlockHeader { slot, parent_root: genesis, ..BeaconBlockHeader::default() };
            tree.insert(header.root(), header, ChainState::genesis(&chain), &chain);
            roots.push(header.root());
        }
        roots.sort();
        Fork { votes: LatestVotes::new(chain.validators), chain, tree, low: roots[0], high: roots[1] }
    }

    fn head(fork: &Fork, quirks: &[Quirk]) -> Root {
        let quirks = quirks.iter().copied().collect();
        find_head(&fork.chain, &fork.tree, &fork.votes, Checkpoint::default(), 0, &quirks)
    }

    #[test]
    fn votes_decide_and_a_later_vote_replaces_the_earlier() {
        let mut fork = fork();
        fork.votes.take(0, 1, fork.high);
        assert_eq!(head(&fork, &[]), fork.high);
        fork.votes.take(1, 1, fork.low);
        fork.votes.take(2, 1, fork.low);
        assert_eq!(head(&fork, &[]), fork.low);
        fork.votes.take(2, 1, fork.high);
        assert_eq!(head(&fork, &[]), fork.low, "a vote for the same epoch does not replace");
        fork.votes.take(2, 2, fork.high);
        assert_eq!(head(&fork, &[]), fork.high);
        fork.votes.take(99, 2, fork.low);
    }

    #[test]
    fn ties_go_to_the_lower_root_and_with_the_quirk_to_the_higher() {
        let fork = fork();
        assert_eq!(head(&fork, &[]), fork.low);
        assert_eq!(head(&fork, &[Quirk::TieBreakHigh]), fork.high);
    }

    #[test]
    fn with_the_quirk_votes_do_not_count() {
        let mut fork = fork();
        fork.votes.take(0, 1, fork.high);
        assert_eq!(head(&fork, &[Quirk::IgnoreAttestations]), fork.low);
    }

    #[test]
    fn a_branch_that_has_not_justified_what_we_know_is_no_candidate() {
        let mut fork = fork();
        let genesis = fork.tree.bottom().root;
        let header = BeaconBlockHeader { slot: 3, parent_root: fork.low, ..BeaconBlockHeader::default() };
        let mut state = ChainState::genesis(&fork.chain);
        state.current_justified = Checkpoint { epoch: 1, root: genesis };
        fork.tree.insert(header.root(), header, state, &fork.chain);
        (0..5).for_each(|validator| fork.votes.take(validator, 1, fork.high));
        assert_eq!(head(&fork, &[]), fork.high);
        let justified = Checkpoint { epoch: 1, root: genesis };
        let found = find_head(&fork.chain, &fork.tree, &fork.votes, justified, 0, &QuirkSet::default());
        assert_eq!(found, header.root());
    }
}
