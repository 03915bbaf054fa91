//! `chain: {genesis: clique, …}` to [`Clique`].

use std::collections::BTreeMap;
use std::time::Duration;

use super::document::{AccountDocument, ChainDocument};
use super::{Account, Checker, Clique};
use crate::text::{Sp, Span};

/// Chain id that no public network uses.
const DEFAULT_CHAIN_ID: u64 = 7117;

impl Clique {
    pub(super) fn from_document(document: &ChainDocument, checker: &mut Checker) -> Self {
        let period = document.period.as_ref().map_or(Duration::from_secs(2), |period| {
            let time = period.value.0;
            if time.is_zero() || time.subsec_nanos() != 0 {
                checker.refuse(
                    period.span,
                    "clique counts its period in whole seconds, at least one",
                    "write for example `period: 2s`",
                );
            }
            time
        });
        if let Some(sealers) = document.sealers.as_ref().filter(|sealers| sealers.value == 0) {
            checker.refuse(
                sealers.span,
                "a clique chain without sealers makes no block",
                "leave it out for all validators",
            );
        }
        let accounts = document.accounts.as_ref().map_or(8, |accounts| {
            if accounts.value > 10_000 {
                checker.refuse(accounts.span, "at most 10000 accounts", "the default is 8");
            }
            accounts.value
        });
        let gas_limit = document.gas_limit.as_ref().map_or(30_000_000, |limit| {
            if limit.value < 5_000 {
                checker.refuse(limit.span, "a block's gas limit is at least 5000", "the default is 30000000");
            }
            limit.value
        });
        let chain_id = document.chain_id.as_ref().map_or(DEFAULT_CHAIN_ID, |id| {
            if id.value == 0 {
                checker.refuse(id.span, "a chain id is at least 1", "leave it out for 7117");
            }
            id.value
        });
        let mut alloc = BTreeMap::new();
        for (address, account) in document.alloc.iter().flatten() {
            if let Some(plain) = hex_text(address, 20) {
                alloc.insert(plain, account_of(address.span, account, checker));
            } else {
                checker.refuse(
                    address.span,
                    format!("`{}` is no account address", address.value),
                    "write `0x` and 40 hex digits, in quotes",
                );
            }
        }
        let sealers = document.sealers.as_ref().map(|sealers| sealers.value);
        let genesis_delay = document.genesis_delay.as_ref().map(|delay| delay.value.0);
        Self { period, sealers, accounts, gas_limit, chain_id, genesis_delay, alloc }
    }

    /// Values of `{chain.KEY}` that are known without keys.
    pub fn template_values(&self, genesis_json: String) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("chain_id", self.chain_id.to_string()),
            ("period", self.period.as_secs().to_string()),
            ("gas_limit", self.gas_limit.to_string()),
            ("genesis_json", genesis_json),
        ])
    }
}

fn account_of(place: Span, document: &AccountDocument, checker: &mut Checker) -> Account {
    let mut account = Account { balance: "0".to_owned(), ..Account::default() };
    if let Some(balance) = &document.balance {
        let is_number = match balance.strip_prefix("0x") {
            Some(digits) => {
                !digits.is_empty() && digits.len() <= 64 && digits.chars().all(|digit| digit.is_ascii_hexdigit())
            }
            None => balance.parse::<u128>().is_ok(),
        };
        if !is_number {
            checker.refuse(
                balance.span,
                format!("`{}` is no amount of wei", balance.value),
                "write a whole number, or `0x` and hex digits in quotes",
            );
        }
        account.balance.clone_from(&balance.value);
    }
    account.nonce = document.nonce.as_ref().map_or(0, |nonce| nonce.value);
    if let Some(code) = &document.code {
        match even_hex(code) {
            Some(code) => account.code = code,
            None => checker.refuse(code.span, "code is `0x` and an even number of hex digits", "put it in quotes"),
        }
    }
    for (slot, value) in &document.storage {
        match (word(slot), word(value)) {
            (Some(slot), Some(value)) => {
                account.storage.insert(slot, value);
            }
            _ => checker.refuse(
                place,
                format!("storage `{slot}: {value}` is not made of 32-byte words"),
                "write `0x` and up to 64 hex digits for slot and value",
            ),
        }
    }
    account
}

/// `0x` and exactly so many bytes, in lower case.
fn hex_text(text: &Sp<String>, bytes: usize) -> Option<String> {
    even_hex(text).filter(|hex| hex.len() == 2 + 2 * bytes)
}

fn even_hex(text: &str) -> Option<String> {
    let digits = text.strip_prefix("0x")?;
    let fine = digits.len() % 2 == 0 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
    fine.then(|| text.to_ascii_lowercase())
}

/// A 32-byte word, padded on the left.
fn word(text: &str) -> Option<String> {
    let digits = text.strip_prefix("0x")?;
    let fine = (1..=64).contains(&digits.len()) && digits.chars().all(|digit| digit.is_ascii_hexdigit());
    fine.then(|| format!("0x{:0>64}", digits.to_ascii_lowercase()))
}
