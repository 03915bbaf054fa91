//! `chain: {genesis: pos, …}` to [`Pos`].

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::document::ChainDocument;
use super::{Checker, Fork, Pos, Preset, accounts, config_yaml};

/// Most validators: the benchmark's number, ten times. More would be a slip of the finger.
const MOST_VALIDATORS: u32 = 1_000_000;

impl Pos {
    pub(super) fn from_document(document: &ChainDocument, checker: &mut Checker) -> Self {
        let slot = document.slot.as_ref().map_or(Duration::from_secs(4), |slot| {
            let length = slot.value.0;
            if length.is_zero() || length.subsec_nanos() != 0 {
                checker.refuse(
                    slot.span,
                    "consensus clients count their slots in whole seconds, at least one",
                    "write for example `slot: 4s`",
                );
            }
            length
        });
        let preset = document.preset.as_ref().map_or(Preset::Custom, |preset| preset.value);
        let validators = document.validators.as_ref().map_or(64, |validators| {
            if !(1..=MOST_VALIDATORS).contains(&validators.value) {
                checker.refuse(
                    validators.span,
                    format!("a pos chain has 1 to {MOST_VALIDATORS} validators"),
                    "the default is 64",
                );
            }
            validators.value
        });
        let fork = document.fork.as_ref().map_or(Fork::Deneb, |fork| fork.value);
        Self {
            fork,
            electra: electra(document, fork, checker),
            slot,
            slots_per_epoch: slots_per_epoch(document, preset, checker),
            validators,
            preset,
            chain_id: accounts::chain_id(document, checker),
            gas_limit: accounts::gas_limit(document, checker),
            accounts: accounts::number(document, checker),
            alloc: accounts::alloc(document, checker),
            genesis_delay: document.genesis_delay.as_ref().map(|delay| delay.value.0),
            config: config(document, checker),
            place: document.genesis.span,
        }
    }
}

fn slots_per_epoch(document: &ChainDocument, preset: Preset, checker: &mut Checker) -> u64 {
    let fixed = preset.slots_per_epoch();
    let Some(slots) = &document.slots_per_epoch else { return fixed.unwrap_or(6) };
    match fixed {
        Some(fixed) if fixed != slots.value => checker.refuse(
            slots.span,
            format!("the preset `{}` has {fixed} slots an epoch", preset.base()),
            "leave it out, or write `preset: custom`",
        ),
        None if !(2..=64).contains(&slots.value) => {
            checker.refuse(slots.span, "an epoch has 2 to 64 slots", "the default is 6");
        }
        _ => {}
    }
    slots.value
}

/// Epoch of electra.
fn electra(document: &ChainDocument, fork: Fork, checker: &mut Checker) -> Option<u64> {
    let later = document.forks.as_ref().and_then(|forks| forks.electra.as_ref());
    match (fork, later) {
        (Fork::Electra, None) => Some(0),
        (Fork::Electra, Some(later)) => {
            if later.value > 0 {
                checker.refuse(
                    later.span,
                    "the chain begins with electra",
                    "write `fork: deneb` for a chain that gets there later, or leave this out",
                );
            }
            Some(0)
        }
        (Fork::Deneb, Some(later)) => {
            if later.value == 0 {
                checker.refuse(later.span, "a chain that begins with deneb has it at epoch 0", "write `fork: electra`");
            }
            Some(later.value)
        }
        (Fork::Deneb, None) => None,
    }
}

fn config(document: &ChainDocument, checker: &mut Checker) -> BTreeMap<String, String> {
    let mut config = BTreeMap::new();
    for (key, value) in document.config.iter().flatten() {
        let plain = !key.is_empty()
            && key.starts_with(|first: char| first.is_ascii_uppercase())
            && key.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
        if !plain {
            checker.refuse(
                key.span,
                format!("`{}` is no key of a consensus client's config", key.value),
                "such keys are in capitals, for example `SHARD_COMMITTEE_PERIOD`",
            );
            continue;
        }
        if let Some(remedy) = config_yaml::owner_of(key) {
            checker.refuse(key.span, format!("`{}` follows from other keys of the chain", key.value), remedy);
            continue;
        }
        let text = match value {
            Value::String(text) if !text.contains(['\n', '\'']) => format!("'{text}'"),
            Value::Number(number) => number.to_string(),
            Value::Bool(yes) => yes.to_string(),
            _ => {
                checker.refuse(key.span, "a config value is one number or one line of text", "write `KEY: VALUE`");
                continue;
            }
        };
        config.insert(key.value.clone(), text);
    }
    config
}
