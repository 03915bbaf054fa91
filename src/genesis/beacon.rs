//! The bundled client's chain: slots, a proposer for each slot, finality by epoch. It needs no genesis file: slot time,
//! epoch length, number of validators and a seed on the command line say everything.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Checker;
use super::document::ChainDocument;
use crate::text::Span;

/// The bundled client's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// Length of a slot; whole milliseconds.
    pub slot: Duration,
    /// Slots an epoch has.
    pub slots_per_epoch: u64,
    /// Number of validators; `None` is one for each node that makes blocks.
    pub validators: Option<u32>,
    /// From the start of the first node to genesis; `None` lets the plan choose.
    pub genesis_delay: Option<Duration>,
    /// Where the scenario says so.
    pub place: Span,
}

impl Beacon {
    pub(super) fn from_document(document: &ChainDocument, checker: &mut Checker) -> Self {
        let slot = document.slot.as_ref().map_or(Duration::from_secs(2), |slot| {
            let length = slot.value.0;
            if length < Duration::from_millis(100) || length.subsec_nanos() % 1_000_000 != 0 {
                checker.refuse(
                    slot.span,
                    "a slot takes whole milliseconds, at least 100 of them",
                    "write for example `slot: 2s`",
                );
            }
            length
        });
        let slots_per_epoch = document.slots_per_epoch.as_ref().map_or(8, |slots| {
            if !(1..=1024).contains(&slots.value) {
                checker.refuse(slots.span, "an epoch has 1 to 1024 slots", "the default is 8");
            }
            slots.value
        });
        if let Some(validators) = &document.validators
            && !(1..=4096).contains(&validators.value)
        {
            checker.refuse(validators.span, "a beacon chain has 1 to 4096 validators", "leave it out for one a node");
        }
        Self {
            slot,
            slots_per_epoch,
            validators: document.validators.as_ref().map(|validators| validators.value),
            genesis_delay: document.genesis_delay.as_ref().map(|delay| delay.value.0),
            place: document.genesis.span,
        }
    }

    /// Values of `{chain.KEY}`. `validators` is how many there are, `seed` comes from the seed tree.
    pub fn template_values(&self, validators: u32, seed: u64) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("slot_ms", self.slot.as_millis().to_string()),
            ("slots_per_epoch", self.slots_per_epoch.to_string()),
            ("validators", validators.to_string()),
            ("seed", seed.to_string()),
        ])
    }
}
