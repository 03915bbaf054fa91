//! Genesis files, one file for each chain family. Pure: accounts, validators and a start time in, files out.

mod accounts;
mod beacon;
mod beacon_state;
mod clique;
mod clique_document;
mod cometbft;
mod config_yaml;
mod document;
mod execution;
mod execution_forks;
mod family_keys;
mod interop_keys;
mod keystore;
mod pos;
mod pos_document;
mod post_merge;
mod sync_committee;
mod system_contracts;
#[cfg(test)]
mod vector_tests;

use std::time::Duration;

use crate::text::chain_time::ChainClock;
use crate::text::{Diagnostic, Span, suggest};

pub use accounts::Account;
pub use beacon::Beacon;
pub use clique::{Clique, genesis_json};
pub use cometbft::{Cometbft, Ed25519Key, validator_state_json};
pub use document::{AccountDocument, ChainDocument, Family, ForksDocument};
pub use interop_keys::{ValidatorKey, validator_key};
pub use keystore::{KEYSTORE_PASSWORD, interop_keystore};
pub use pos::{DEPOSIT_CONTRACT, Fork, Pos, Preset};
pub use post_merge::{GenesisFiles, PostMerge, Prepared};

/// What a network's shared genesis is made of, checked.
#[derive(Clone, Debug)]
pub enum Chain {
    /// The bundled client's chain.
    Beacon(Beacon),
    /// Proof of authority on go-ethereum.
    Clique(Clique),
    /// Post-merge.
    Pos(Pos),
    /// CometBFT.
    Cometbft(Cometbft),
}

impl Chain {
    /// Checks what stands under `chain:`; every mistake is told.
    pub fn from_document(document: &ChainDocument) -> Result<Self, Vec<Diagnostic>> {
        let mut checker = Checker::default();
        checker.refuse_strangers(document);
        let chain = match document.genesis.value {
            Family::Beacon => Self::Beacon(Beacon::from_document(document, &mut checker)),
            Family::Clique => Self::Clique(Clique::from_document(document, &mut checker)),
            Family::Pos => Self::Pos(Pos::from_document(document, &mut checker)),
            Family::Cometbft => Self::Cometbft(Cometbft::from_document(document, &mut checker)),
        };
        if checker.mistakes.is_empty() { Ok(chain) } else { Err(checker.mistakes) }
    }

    /// The family's word under `genesis:`.
    pub fn family(&self) -> &'static str {
        let family = match self {
            Self::Beacon(_) => Family::Beacon,
            Self::Clique(_) => Family::Clique,
            Self::Pos(_) => Family::Pos,
            Self::Cometbft(_) => Family::Cometbft,
        };
        family.word()
    }

    /// How long its units are. CometBFT's blocks come when they are agreed on, and a beacon chain's slots may stay empty:
    /// neither counts blocks by the clock.
    pub fn clock(&self) -> ChainClock {
        let beacon = |slot: Duration, slots_per_epoch: u64| ChainClock {
            slot: Some(slot),
            epoch: u32::try_from(slots_per_epoch).ok().and_then(|slots| slot.checked_mul(slots)),
            block: None,
        };
        match self {
            Self::Beacon(chain) => beacon(chain.slot, chain.slots_per_epoch),
            Self::Pos(chain) => beacon(chain.slot, chain.slots_per_epoch),
            Self::Clique(chain) => ChainClock { block: Some(chain.period), ..ChainClock::default() },
            Self::Cometbft(_) => ChainClock::default(),
        }
    }

    /// Where the scenario says what the chain is, if that is kept.
    pub fn place(&self) -> Option<Span> {
        match self {
            Self::Beacon(beacon) => Some(beacon.place),
            Self::Clique(_) => None,
            Self::Pos(pos) => Some(pos.place),
            Self::Cometbft(cometbft) => Some(cometbft.place),
        }
    }
}

/// Collects mistakes.
#[derive(Debug, Default)]
struct Checker {
    mistakes: Vec<Diagnostic>,
}

impl Checker {
    fn refuse(&mut self, place: Span, message: impl Into<String>, remedy: impl Into<String>) {
        self.mistakes.push(Diagnostic::error(message).at(place, "").help(remedy));
    }

    /// Keys of other families.
    fn refuse_strangers(&mut self, document: &ChainDocument) {
        let own = document.genesis.value;
        let keys = family_keys::keys(document);
        let known: Vec<&str> = keys.iter().filter(|key| key.families.contains(&own)).map(|key| key.name).collect();
        for key in keys.iter().filter(|key| !key.families.contains(&own)) {
            let Some(place) = key.place else { continue };
            let families: Vec<String> =
                key.families.iter().map(|family| format!("genesis: {}", family.word())).collect();
            self.mistakes.push(
                Diagnostic::error(format!("`{}` is a key of {}", key.name, suggest::list(&families)))
                    .at(place, format!("has no meaning for {}", own.word()))
                    .at(document.genesis.span, "the chain family")
                    .help(format!("{} knows {}", own.word(), suggest::list(&known))),
            );
        }
    }
}
