//! Proof of authority on go-ethereum (EIP-225): the genesis file.

use std::collections::BTreeMap;
use std::time::Duration;

/// A clique chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clique {
    /// Time between blocks; whole seconds.
    pub period: Duration,
    /// How many validators seal; `None` is all of them.
    pub sealers: Option<u32>,
    /// Number of accounts with money.
    pub accounts: u32,
    /// Gas limit of a block.
    pub gas_limit: u64,
    /// Chain and network id.
    pub chain_id: u64,
    /// Further accounts in the genesis state: address (`0x` and 40 lower-case hex digits) → account.
    pub alloc: BTreeMap<String, Account>,
}

/// An account in the genesis state, values as text that was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// The genesis file.
pub fn genesis_json(clique: &Clique, sealers: &[[u8; 20]], funded: &[[u8; 20]]) -> String {
    let _ = (clique, sealers, funded);
    String::new()
}
