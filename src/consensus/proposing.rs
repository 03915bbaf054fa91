//! Making blocks.

use super::core::{BlockSource, Core, DutyRecord, Output};
use super::marks::block_mark;
use super::quirk::Quirk;
use crate::eth2::{BeaconBlock, BeaconBlockBody, SignedBeaconBlock, Slot, ValidatorIndex};

impl Core {
    /// Makes the block of a slot if one of this node's validators is its proposer.
    pub(super) fn propose(&mut self, slot: Slot) {
        let proposer = self.proposer(slot);
        let idle = slot == 0
            || !self.validators.contains(&proposer)
            || self.proposed.get(&proposer).is_some_and(|&last| last >= slot)
            || self.quirks.has(Quirk::SilentProposer)
            || self.is_syncing()
            || self.head().header.slot >= slot;
        if idle {
            return;
        }
        self.proposed.insert(proposer, slot);
        self.outputs.push(Output::Duty(DutyRecord::Proposed { validator: proposer, slot }));
        let mut blocks = vec![self.build_block(slot, proposer, self.graffiti)];
        if self.quirks.has(Quirk::DoubleProposer) {
            let mut other = self.graffiti;
            other[31] ^= 0xff;
            blocks.push(self.build_block(slot, proposer, other));
        }
        for block in blocks {
            self.take_block(block.message.root(), block.clone(), BlockSource::Own, false);
            self.outputs.push(Output::PublishBlock(Box::new(block)));
        }
    }

    fn build_block(&mut self, slot: Slot, proposer: ValidatorIndex, graffiti: [u8; 32]) -> SignedBeaconBlock {
        let mut state = self.head_state_at(slot);
        let epoch = self.chain.epoch_of(slot);
        let (before, now) = (self.duties(epoch.saturating_sub(1)), self.duties(epoch));
        let chain = &self.chain;
        let committee =
            |of: Slot| if chain.epoch_of(of) == epoch { now.committee(of) } else { before.committee(of) }.to_vec();
        let attestations = self.pool.select(chain, &state, committee);
        for attestation in &attestations {
            // The pool has tried each on the same state.
            let _ = state.apply(chain, attestation, &committee(attestation.data.slot));
        }
        let message = BeaconBlock {
            slot,
            proposer_index: proposer,
            parent_root: self.head,
            state_root: state.root(),
            body: BeaconBlockBody {
                graffiti,
                attestations: attestations.try_into().expect("the pool selects no more than a block can carry"),
            },
        };
        SignedBeaconBlock { signature: block_mark(message.root(), proposer), message }
    }
}
