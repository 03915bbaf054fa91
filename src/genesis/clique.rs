//! Proof of authority on go-ethereum (EIP-225): the genesis file.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::accounts::{Account, FUNDS};
use super::execution_forks::FORKS_UP_TO_LONDON;

/// Bytes of `extraData` before the sealers, free for anything (EIP-225).
const VANITY: usize = 32;
/// Bytes of `extraData` after them, where later blocks carry their seal.
const SEAL: usize = 65;
/// Time of block 0, filled in when the run starts, in seconds since 1970: the start of the run and some seconds more.
///
/// Block 1 cannot be sealed before that. With a genesis in the past every sealer that starts seals a block 1 of its own
/// before it has met the others, and four sealers that fall into two pairs in this way stand still for good: both chains
/// weigh the same, and on each of them those who may seal the next block are the ones who follow the other chain.
const TIMESTAMP: &str = "{genesis.time}";
/// Price of a unit of gas in block 0, in wei; the London rules (EIP-1559) go on from it.
const BASE_FEE: u64 = 1_000_000_000;
/// Blocks between two checkpoints at which votes are reset; the number that EIP-225 suggests.
const EPOCH: u64 = 30_000;

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
    /// From the start of the nodes to the time of block 0; `None` lets the plan choose.
    pub genesis_delay: Option<Duration>,
    /// Further accounts in the genesis state: address (`0x` and 40 lower-case hex digits) → account.
    pub alloc: BTreeMap<String, Account>,
}

/// The genesis file in go-ethereum's form, the same text for the same arguments. Its time is the template
/// `{genesis.time}`, which the engine fills in.
///
/// All forks up to London are in force from block 0. There is no terminal total difficulty: the versions that can seal
/// clique take its absence for "no merge". All header fields are written out, because some clients are stricter than
/// go-ethereum about missing ones.
pub fn genesis_json(clique: &Clique, sealers: &[[u8; 20]], funded: &[[u8; 20]]) -> String {
    let mut alloc: BTreeMap<String, Value> =
        funded.iter().map(|address| (hex::encode(address), json!({"balance": FUNDS}))).collect();
    for (address, account) in &clique.alloc {
        alloc.insert(address.trim_start_matches("0x").to_ascii_lowercase(), account.json());
    }
    let mut config = json!({
        "chainId": clique.chain_id,
        "clique": {"period": clique.period.as_secs(), "epoch": EPOCH},
    });
    for fork in FORKS_UP_TO_LONDON {
        config[format!("{fork}Block")] = json!(0);
    }
    let genesis = json!({
        "config": config,
        "alloc": alloc,
        "extraData": extra_data(sealers),
        "timestamp": TIMESTAMP,
        "gasLimit": format!("{:#x}", clique.gas_limit),
        "baseFeePerGas": format!("{BASE_FEE:#x}"),
        "difficulty": "0x1",
        "nonce": format!("0x{}", "00".repeat(8)),
        "mixHash": format!("0x{}", "00".repeat(32)),
        "parentHash": format!("0x{}", "00".repeat(32)),
        "coinbase": format!("0x{}", "00".repeat(20)),
        "number": "0x0",
        "gasUsed": "0x0",
    });
    format!("{genesis:#}\n")
}

/// Vanity, sealers in rising order, room for a seal. Clients refuse sealers out of order (EIP-225).
fn extra_data(sealers: &[[u8; 20]]) -> String {
    let mut sealers = sealers.to_vec();
    sealers.sort_unstable();
    sealers.dedup();
    format!("0x{}{}{}", "00".repeat(VANITY), hex::encode(sealers.concat()), "00".repeat(SEAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clique() -> Clique {
        Clique {
            period: Duration::from_secs(2),
            sealers: None,
            accounts: 1,
            gas_limit: 30_000_000,
            chain_id: 7117,
            genesis_delay: None,
            alloc: BTreeMap::new(),
        }
    }

    fn parsed(clique: &Clique, sealers: &[[u8; 20]], funded: &[[u8; 20]]) -> Value {
        serde_json::from_str(&genesis_json(clique, sealers, funded)).expect("JSON")
    }

    #[test]
    fn sealers_stand_in_rising_order_between_vanity_and_seal() {
        let genesis = parsed(&clique(), &[[9; 20], [3; 20]], &[]);
        let extra = genesis["extraData"].as_str().expect("text");
        assert_eq!(extra.len(), 2 + 2 * (32 + 40 + 65));
        assert_eq!(&extra[2 + 64..2 + 64 + 80], format!("{}{}", "03".repeat(20), "09".repeat(20)));
        assert!(extra[2..66].bytes().all(|digit| digit == b'0') && extra.ends_with(&"00".repeat(65)));
    }

    #[test]
    fn the_order_of_the_arguments_does_not_matter() {
        let one = genesis_json(&clique(), &[[1; 20], [2; 20]], &[[7; 20], [5; 20]]);
        assert_eq!(one, genesis_json(&clique(), &[[2; 20], [1; 20]], &[[5; 20], [7; 20]]));
        assert_ne!(one, genesis_json(&clique(), &[[1; 20]], &[[7; 20], [5; 20]]));
    }

    #[test]
    fn london_is_in_force_and_the_merge_is_not() {
        let genesis = parsed(&clique(), &[[1; 20]], &[]);
        assert_eq!(genesis["config"]["londonBlock"], 0);
        assert_eq!(genesis["config"]["chainId"], 7117);
        assert_eq!(genesis["config"]["clique"], json!({"period": 2, "epoch": 30_000}));
        assert!(genesis["config"].get("terminalTotalDifficulty").is_none());
        assert_eq!(genesis["timestamp"], "{genesis.time}", "nobody seals before the nodes have met");
    }

    #[test]
    fn accounts_of_the_scenario_join_the_funded_ones_and_win() {
        let mut chain = clique();
        let contract = Account {
            balance: "5".to_owned(),
            nonce: 1,
            code: "0x00".to_owned(),
            storage: BTreeMap::from([(format!("0x{:064x}", 1), format!("0x{:064x}", 2))]),
        };
        chain.alloc.insert(format!("0x{}", "aa".repeat(20)), contract);
        chain.alloc.insert(format!("0x{}", "bb".repeat(20)), Account { balance: "7".to_owned(), ..Account::default() });
        let genesis = parsed(&chain, &[[1; 20]], &[[0xbb; 20], [0xcc; 20]]);
        assert_eq!(genesis["alloc"]["cc".repeat(20)]["balance"], FUNDS);
        assert_eq!(genesis["alloc"]["bb".repeat(20)], json!({"balance": "7"}));
        assert_eq!(genesis["alloc"]["aa".repeat(20)]["nonce"], "0x1");
        assert_eq!(genesis["alloc"].as_object().expect("object").len(), 3);
    }
}
