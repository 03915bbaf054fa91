//! Accounts in a genesis state, as chains with an execution layer share them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::Checker;
use super::document::{AccountDocument, ChainDocument};
use crate::text::{Sp, Span};

/// Wei of each funded account: a million ether.
pub(super) const FUNDS: &str = "0xd3c21bcecceda1000000";
/// Chain id that no public network uses.
const DEFAULT_CHAIN_ID: u64 = 7117;

/// An account in the genesis state, values as text that was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Wei, decimal or `0x` hex.
    pub balance: String,
    /// Number of transactions already sent.
    pub nonce: u64,
    /// Code, `0x` hex; empty if none.
    pub code: String,
    /// Storage: `0x` and 64 hex digits each.
    pub storage: BTreeMap<String, String>,
}

impl Account {
    pub(super) fn json(&self) -> Value {
        let mut account = json!({"balance": if self.balance.is_empty() { "0" } else { &self.balance }});
        if self.nonce > 0 {
            account["nonce"] = json!(format!("{:#x}", self.nonce));
        }
        if !self.code.is_empty() {
            account["code"] = json!(self.code);
        }
        if !self.storage.is_empty() {
            account["storage"] = json!(self.storage);
        }
        account
    }
}

/// How many accounts have money.
pub(super) fn number(document: &ChainDocument, checker: &mut Checker) -> u32 {
    document.accounts.as_ref().map_or(8, |accounts| {
        if accounts.value > 10_000 {
            checker.refuse(accounts.span, "at most 10000 accounts", "the default is 8");
        }
        accounts.value
    })
}

/// Gas limit of a block.
pub(super) fn gas_limit(document: &ChainDocument, checker: &mut Checker) -> u64 {
    document.gas_limit.as_ref().map_or(30_000_000, |limit| {
        if limit.value < 5_000 {
            checker.refuse(limit.span, "a block's gas limit is at least 5000", "the default is 30000000");
        }
        limit.value
    })
}

/// Chain and network id.
pub(super) fn chain_id(document: &ChainDocument, checker: &mut Checker) -> u64 {
    document.chain_id.as_ref().map_or(DEFAULT_CHAIN_ID, |id| {
        if id.value == 0 {
            checker.refuse(id.span, "a chain id is at least 1", "leave it out for 7117");
        }
        id.value
    })
}

/// Accounts that the scenario writes out.
pub(super) fn alloc(document: &ChainDocument, checker: &mut Checker) -> BTreeMap<String, Account> {
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
    alloc
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
