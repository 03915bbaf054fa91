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
        key("period", &[Clique], place(period.as_ref())),
        key("sealers", &[Clique], place(sealers.as_ref())),
        key("fork", &[Pos], place(fork.as_ref())),
        key("forks", &[Pos], place(forks.as_ref())),
        key("preset", &[Pos], place(preset.as_ref())),
        key("slot", &[Beacon, Pos], place(slot.as_ref())),
        key("slots_per_epoch", &[Beacon, Pos], place(slots_per_epoch.as_ref())),
        key("validators", &[Beacon, Pos], place(validators.as_ref())),
        key("app", &[Cometbft], place(app.as_ref())),
        key("block_time", &[Cometbft], place(block_time.as_ref())),
        key("accounts", &[Clique, Pos], place(accounts.as_ref())),
        key("gas_limit", &[Clique, Pos], place(gas_limit.as_ref())),
        key("chain_id", &[Clique, Pos, Cometbft], place(chain_id.as_ref())),
        key("alloc", &[Clique, Pos], first_address),
        key("config", &[Pos], first_setting),
        key("genesis_delay", &[Beacon, Clique, Pos, Cometbft], place(genesis_delay.as_ref())),
    ]
}

fn place<T>(value: Option<&Sp<T>>) -> Option<Span> {
    value.map(|value| value.span)
}
