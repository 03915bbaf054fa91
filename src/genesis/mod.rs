//! Genesis files, one file for each chain family. Pure: accounts, validators and a start time in, files out.

mod beacon;
mod clique;
mod clique_document;
mod document;

use crate::text::{Diagnostic, Span};

pub use beacon::Beacon;
pub use clique::{Account, Clique, genesis_json};
pub use document::{AccountDocument, ChainDocument, Family};

/// What a network's shared genesis is made of, checked.
#[derive(Clone, Debug)]
pub enum Chain {
    /// The bundled client's chain.
    Beacon(Beacon),
    /// Proof of authority on go-ethereum.
    Clique(Clique),
}

impl Chain {
    /// Checks what stands under `chain:`; every mistake is told.
    pub fn from_document(document: &ChainDocument) -> Result<Self, Vec<Diagnostic>> {
        let mut checker = Checker::default();
        checker.refuse_strangers(document);
        let chain = match document.genesis.value {
            Family::Beacon => Self::Beacon(Beacon::from_document(document, &mut checker)),
            Family::Clique => Self::Clique(Clique::from_document(document, &mut checker)),
        };
        if checker.mistakes.is_empty() { Ok(chain) } else { Err(checker.mistakes) }
    }

    /// The family's word under `genesis:`.
    pub fn family(&self) -> &'static str {
        match self {
            Self::Beacon(_) => "beacon",
            Self::Clique(_) => "clique",
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

    /// Keys of the other family.
    fn refuse_strangers(&mut self, document: &ChainDocument) {
        let ChainDocument {
            genesis,
            slot,
            slots_per_epoch,
            validators,
            genesis_delay,
            period,
            sealers,
            accounts,
            gas_limit,
            chain_id,
            alloc,
        } = document;
        let alloc_place = alloc.as_ref().map(|alloc| alloc.keys().next().map_or(genesis.span, |first| first.span));
        let beacon = [
            ("slot", slot.as_ref().map(|value| value.span)),
            ("slots_per_epoch", slots_per_epoch.as_ref().map(|value| value.span)),
            ("validators", validators.as_ref().map(|value| value.span)),
            ("genesis_delay", genesis_delay.as_ref().map(|value| value.span)),
        ];
        let clique = [
            ("period", period.as_ref().map(|value| value.span)),
            ("sealers", sealers.as_ref().map(|value| value.span)),
            ("accounts", accounts.as_ref().map(|value| value.span)),
            ("gas_limit", gas_limit.as_ref().map(|value| value.span)),
            ("chain_id", chain_id.as_ref().map(|value| value.span)),
            ("alloc", alloc_place),
            ("genesis_delay", genesis_delay.as_ref().map(|value| value.span)),
        ];
        let (own, strangers, name, other): (&[_], &[_], _, _) = match genesis.value {
            Family::Beacon => (&beacon, &clique, "beacon", "clique"),
            Family::Clique => (&clique, &beacon, "clique", "beacon"),
        };
        let keys: Vec<&str> = own.iter().map(|(key, _)| *key).collect();
        let strangers = strangers.iter().filter(|(key, _)| !keys.contains(key));
        for (key, place) in strangers.filter_map(|(key, place)| Some((key, (*place)?))) {
            self.mistakes.push(
                Diagnostic::error(format!("`{key}` is a key of `genesis: {other}`"))
                    .at(place, format!("has no meaning for {name}"))
                    .at(genesis.span, "the chain family")
                    .help(format!("{name} knows {}", crate::text::suggest::list(&keys))),
            );
        }
    }
}
