//! The execution layer's genesis: the file in go-ethereum's form, and the hash of the block that clients make of it.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use alloy_rlp::{Encodable, Header};
use alloy_trie::root::{state_root_unhashed, storage_root_unhashed};
use alloy_trie::{EMPTY_ROOT_HASH, KECCAK_EMPTY, TrieAccount};
use serde_json::{Value, json};

use super::execution_forks::FORKS_UP_TO_LONDON;
use super::{Account, DEPOSIT_CONTRACT};

/// Price of a unit of gas in block 0, in wei; the London rules (EIP-1559) go on from it.
pub(super) const BASE_FEE: u64 = 1_000_000_000;
/// Keccak-256 of an empty RLP list: the uncles of every block after the merge (EIP-3675).
const EMPTY_OMMERS: B256 = alloy_primitives::b256!("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
/// SHA-256 of nothing: the requests of a block without any (EIP-7685).
const EMPTY_REQUESTS: B256 =
    alloy_primitives::b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

/// What the execution genesis is made of, besides its time.
#[derive(Clone, Debug)]
pub(super) struct Execution<'a> {
    pub(super) chain_id: u64,
    pub(super) gas_limit: u64,
    pub(super) alloc: &'a BTreeMap<String, Account>,
    /// Seconds from genesis to prague, if it comes.
    pub(super) prague_after: Option<u64>,
}

impl Execution<'_> {
    /// The genesis file. Every header field is written out, because some clients insist on them. Shanghai and cancun have
    /// the genesis time and not 0: that is what all clients were seen to take.
    pub(super) fn json(&self, time: u64) -> String {
        let alloc: BTreeMap<&String, Value> =
            self.alloc.iter().map(|(address, account)| (address, account_json(account))).collect();
        let mut config = json!({
            "chainId": self.chain_id,
            "terminalTotalDifficulty": 0,
            // go-ethereum 1.13 takes a chain without it for one before the merge and does not start.
            "terminalTotalDifficultyPassed": true,
            "shanghaiTime": time,
            "cancunTime": time,
            // go-ethereum 1.15 and later insist on it (EIP-7840).
            "blobSchedule": {"cancun": {"target": 3, "max": 6, "baseFeeUpdateFraction": 3_338_477}},
            "depositContractAddress": DEPOSIT_CONTRACT,
        });
        for fork in FORKS_UP_TO_LONDON.iter().chain(&["arrowGlacier", "grayGlacier"]) {
            config[format!("{fork}Block")] = json!(0);
        }
        if let Some(after) = self.prague_after {
            config["pragueTime"] = json!(time + after);
            config["blobSchedule"]["prague"] = json!({"target": 6, "max": 9, "baseFeeUpdateFraction": 5_007_716});
        }
        let zeros = |bytes: usize| format!("0x{}", "00".repeat(bytes));
        let rest = json!({
            "alloc": alloc,
            "nonce": zeros(8),
            "timestamp": format!("{time:#x}"),
            "extraData": "0x",
            "gasLimit": format!("{:#x}", self.gas_limit),
            "difficulty": "0x0",
            "mixHash": zeros(32),
            "coinbase": zeros(20),
            "number": "0x0",
            "gasUsed": "0x0",
            "parentHash": zeros(32),
            "baseFeePerGas": format!("{BASE_FEE:#x}"),
            "excessBlobGas": "0x0",
            "blobGasUsed": "0x0",
        });
        // `config` comes first: by its first key one client tells this form from that of its own chain specifications.
        let rest = format!("{rest:#}");
        let rest = rest.trim_start_matches('{');
        let config = format!("{config:#}").replace('\n', "\n  ");
        format!("{{\n  \"config\": {config},{rest}\n")
    }

    /// Root of the accounts.
    pub(super) fn state_root(&self) -> B256 {
        let accounts = self.alloc.iter().map(|(address, account)| {
            (Address::from_str(address).expect("addresses were checked"), trie_account(account))
        });
        state_root_unhashed(accounts)
    }

    /// Hash of block 0 (Yellow Paper, section 4.4, with the fields of EIP-1559, 4895, 4844, 4788 and 7685).
    pub(super) fn block_hash(&self, time: u64, state_root: B256) -> B256 {
        let mut fields = Vec::with_capacity(600);
        B256::ZERO.encode(&mut fields);
        EMPTY_OMMERS.encode(&mut fields);
        Address::ZERO.encode(&mut fields);
        state_root.encode(&mut fields);
        EMPTY_ROOT_HASH.encode(&mut fields);
        EMPTY_ROOT_HASH.encode(&mut fields);
        [0_u8; 256].as_slice().encode(&mut fields);
        // Difficulty and number.
        0_u64.encode(&mut fields);
        0_u64.encode(&mut fields);
        self.gas_limit.encode(&mut fields);
        0_u64.encode(&mut fields);
        time.encode(&mut fields);
        Bytes::new().encode(&mut fields);
        B256::ZERO.encode(&mut fields);
        [0_u8; 8].as_slice().encode(&mut fields);
        BASE_FEE.encode(&mut fields);
        EMPTY_ROOT_HASH.encode(&mut fields);
        // Blob gas used and in excess.
        0_u64.encode(&mut fields);
        0_u64.encode(&mut fields);
        B256::ZERO.encode(&mut fields);
        if self.prague_after == Some(0) {
            EMPTY_REQUESTS.encode(&mut fields);
        }
        let mut header = Vec::with_capacity(fields.len() + 4);
        Header { list: true, payload_length: fields.len() }.encode(&mut header);
        header.extend(fields);
        keccak256(header)
    }
}

fn balance(account: &Account) -> U256 {
    U256::from_str(&account.balance).unwrap_or_default()
}

fn account_json(account: &Account) -> Value {
    let mut value = account.json();
    value["balance"] = json!(format!("{:#x}", balance(account)));
    value
}

fn trie_account(account: &Account) -> TrieAccount {
    let code = hex::decode(&account.code).expect("code was checked");
    // A word of zeros is the same as no word.
    let words = account.storage.iter().map(|(slot, value)| (word(slot), U256::from_be_bytes(word(value).0)));
    let words: Vec<(B256, U256)> = words.filter(|(_, value)| !value.is_zero()).collect();
    TrieAccount {
        nonce: account.nonce,
        balance: balance(account),
        storage_root: if words.is_empty() { EMPTY_ROOT_HASH } else { storage_root_unhashed(words) },
        code_hash: if code.is_empty() { KECCAK_EMPTY } else { keccak256(code) },
    }
}

fn word(text: &str) -> B256 {
    B256::from_str(text).expect("words were checked and padded")
}
