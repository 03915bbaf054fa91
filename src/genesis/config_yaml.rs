//! The config file that consensus clients read (`configs/mainnet.yaml` of the consensus specification names its keys).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::pos::{DEPOSIT_CONTRACT, Pos};

/// "Never", as an epoch.
const FAR_FUTURE: &str = "18446744073709551615";

/// Versions of the forks from phase 0 to fulu, which no public network uses.
const VERSIONS: [(&str, u32); 7] = [
    ("GENESIS", 0x2000_0089),
    ("ALTAIR", 0x2000_0090),
    ("BELLATRIX", 0x2000_0091),
    ("CAPELLA", 0x2000_0092),
    ("DENEB", 0x2000_0093),
    ("ELECTRA", 0x2000_0094),
    ("FULU", 0x2000_0095),
];

/// Version of a fork, as a state holds it.
pub(super) fn fork_version(fork: &str) -> [u8; 4] {
    VERSIONS.iter().find(|(name, _)| *name == fork).expect("a fork of the table").1.to_be_bytes()
}

/// What a scenario writes instead of a config key that other keys of the chain decide.
pub(super) fn owner_of(key: &str) -> Option<&'static str> {
    Some(match key {
        "SECONDS_PER_SLOT" => "write `slot:`",
        "SLOTS_PER_EPOCH" => "write `slots_per_epoch:`",
        "PRESET_BASE" | "CONFIG_NAME" => "write `preset:`",
        "DEPOSIT_CHAIN_ID" | "DEPOSIT_NETWORK_ID" => "write `chain_id:`",
        "ELECTRA_FORK_EPOCH" => "write `forks: {electra: EPOCH}`",
        "GENESIS_DELAY" | "MIN_GENESIS_TIME" => "write `genesis_delay:`",
        "MIN_GENESIS_ACTIVE_VALIDATOR_COUNT" => "write `validators:`",
        "SLOTS_PER_HISTORICAL_ROOT"
        | "EPOCHS_PER_HISTORICAL_VECTOR"
        | "EPOCHS_PER_SLASHINGS_VECTOR"
        | "SYNC_COMMITTEE_SIZE"
        | "SHUFFLE_ROUND_COUNT"
        | "MAX_EFFECTIVE_BALANCE" => "the preset fixes it",
        key if key.ends_with("_FORK_VERSION") || key.ends_with("_FORK_EPOCH") => "the genesis state depends on it",
        key if key.starts_with("TERMINAL_") => "the chain begins after the merge",
        "DEPOSIT_CONTRACT_ADDRESS" => "the execution genesis names the same address",
        _ => return None,
    })
}

/// The config file. Only what differs from the public network must be told, but some clients want more keys to be there.
pub(super) fn config_yaml(pos: &Pos) -> String {
    let slot = pos.slot.as_secs().to_string();
    let slots_per_epoch = pos.slots_per_epoch.to_string();
    let validators = pos.validators.to_string();
    let chain_id = pos.chain_id.to_string();
    let electra = pos.electra.map_or_else(|| FAR_FUTURE.to_owned(), |epoch| epoch.to_string());
    let versions: BTreeMap<&str, String> =
        VERSIONS.iter().map(|(name, version)| (*name, format!("{version:#010x}"))).collect();
    let zero_hash = format!("0x{}", "00".repeat(32));
    let lines: [(&str, &str); 41] = [
        ("CONFIG_NAME", "interop"),
        ("PRESET_BASE", pos.preset.base()),
        ("MIN_GENESIS_ACTIVE_VALIDATOR_COUNT", &validators),
        ("MIN_GENESIS_TIME", "0"),
        ("GENESIS_DELAY", "0"),
        ("GENESIS_FORK_VERSION", &versions["GENESIS"]),
        ("ALTAIR_FORK_VERSION", &versions["ALTAIR"]),
        ("ALTAIR_FORK_EPOCH", "0"),
        ("BELLATRIX_FORK_VERSION", &versions["BELLATRIX"]),
        ("BELLATRIX_FORK_EPOCH", "0"),
        ("CAPELLA_FORK_VERSION", &versions["CAPELLA"]),
        ("CAPELLA_FORK_EPOCH", "0"),
        ("DENEB_FORK_VERSION", &versions["DENEB"]),
        ("DENEB_FORK_EPOCH", "0"),
        ("ELECTRA_FORK_VERSION", &versions["ELECTRA"]),
        ("ELECTRA_FORK_EPOCH", &electra),
        ("FULU_FORK_VERSION", &versions["FULU"]),
        ("FULU_FORK_EPOCH", FAR_FUTURE),
        ("TERMINAL_TOTAL_DIFFICULTY", "0"),
        ("TERMINAL_BLOCK_HASH", &zero_hash),
        ("TERMINAL_BLOCK_HASH_ACTIVATION_EPOCH", FAR_FUTURE),
        ("SECONDS_PER_SLOT", &slot),
        ("SLOTS_PER_EPOCH", &slots_per_epoch),
        ("SECONDS_PER_ETH1_BLOCK", "14"),
        ("ETH1_FOLLOW_DISTANCE", "2048"),
        ("MIN_VALIDATOR_WITHDRAWABILITY_DELAY", "1"),
        ("SHARD_COMMITTEE_PERIOD", "1"),
        ("MAX_SEED_LOOKAHEAD", "1"),
        ("INACTIVITY_SCORE_BIAS", "4"),
        ("INACTIVITY_SCORE_RECOVERY_RATE", "16"),
        ("EJECTION_BALANCE", "16000000000"),
        ("MIN_PER_EPOCH_CHURN_LIMIT", "4"),
        ("MAX_PER_EPOCH_ACTIVATION_CHURN_LIMIT", "8"),
        ("CHURN_LIMIT_QUOTIENT", "65536"),
        ("MIN_PER_EPOCH_CHURN_LIMIT_ELECTRA", "128000000000"),
        ("MAX_PER_EPOCH_ACTIVATION_EXIT_CHURN_LIMIT", "256000000000"),
        ("PROPOSER_SCORE_BOOST", "40"),
        ("DEPOSIT_CHAIN_ID", &chain_id),
        ("DEPOSIT_NETWORK_ID", &chain_id),
        ("DEPOSIT_CONTRACT_ADDRESS", DEPOSIT_CONTRACT),
        ("MAX_BLOBS_PER_BLOCK_ELECTRA", "9"),
    ];
    let mut text = String::new();
    for (key, value) in &lines {
        let value = pos.config.get(*key).map_or(*value, String::as_str);
        let _ = writeln!(text, "{key}: {value}");
    }
    for (key, value) in pos.config.iter().filter(|(key, _)| !lines.iter().any(|(own, _)| own == key)) {
        let _ = writeln!(text, "{key}: {value}");
    }
    text
}
