//! Which key of `chain:` belongs to which chain families.

use super::document::{ChainDocument, Family};
use crate::text::{Sp, Span};

/// A key of `chain:`.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) families: &'static [Family],
    /// Where it is written, if it is.
    pub(super) place: Option<Span>,
}

/// All keys besides `genesis`. Taking the document apart makes the compiler ask for each new one.
pub(super) fn keys(document: &ChainDocument) -> Vec<Key> {
    use Family::{Beacon, Clique, Cometbft, Pos};
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
        fork,
        forks,
        preset,
        config,
        app,
        block_time,
    } = document;
    let first_address = alloc.as_ref().map(|alloc| alloc.keys().next().map_or(genesis.span, |first| first.span));
    let first_setting = config.as_ref().map(|config| config.keys().next().map_or(genesis.span, |first| first.span));
    let key = |name, families, place| Key { name, families, place };
    vec![
        key("period", &[Clique], place(period)),
        key("sealers", &[Clique], place(sealers)),
        key("fork", &[Pos], place(fork)),
        key("forks", &[Pos], place(forks)),
        key("preset", &[Pos], place(preset)),
        key("slot", &[Beacon, Pos], place(slot)),
        key("slots_per_epoch", &[Beacon, Pos], place(slots_per_epoch)),
        key("validators", &[Beacon, Pos], place(validators)),
        key("app", &[Cometbft], place(app)),
        key("block_time", &[Cometbft], place(block_time)),
        key("accounts", &[Clique, Pos], place(accounts)),
        key("gas_limit", &[Clique, Pos], place(gas_limit)),
        key("chain_id", &[Clique, Pos, Cometbft], place(chain_id)),
        key("alloc", &[Clique, Pos], first_address),
        key("config", &[Pos], first_setting),
        key("genesis_delay", &[Beacon, Clique, Pos, Cometbft], place(genesis_delay)),
    ]
}

fn place<T>(value: &Option<Sp<T>>) -> Option<Span> {
    value.as_ref().map(|value| value.span)
}
