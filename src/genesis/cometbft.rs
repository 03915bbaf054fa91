//! CometBFT chains: one genesis file for all, and for each node the keys that make it who it is. The forms are those of
//! version 0.38, which 0.37 to 1.0 were seen to take.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Checker;
use super::document::ChainDocument;
use crate::text::Span;

/// A CometBFT chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cometbft {
    /// The application behind every node.
    pub app: String,
    /// How long a node waits after a block before the next one.
    pub block_time: Duration,
    /// The number in the chain's name.
    pub chain_id: u64,
    /// From the start of the nodes to genesis.
    pub genesis_delay: Option<Duration>,
    /// Where the scenario says so.
    pub place: Span,
}

/// Applications that every version has built in.
const APPS: [&str; 2] = ["kvstore", "noop"];

impl Cometbft {
    pub(super) fn from_document(document: &ChainDocument, checker: &mut Checker) -> Self {
        let app = document.app.as_ref().map_or("kvstore", |app| {
            if !APPS.contains(&app.value.as_str()) {
                checker.refuse(
                    app.span,
                    format!("there is no application `{}`", app.value),
                    format!("the built-in ones are {}", crate::text::suggest::list(&APPS)),
                );
            }
            app.value.as_str()
        });
        let block_time = document.block_time.as_ref().map_or(Duration::from_millis(500), |time| {
            let length = time.value.0;
            if length < Duration::from_millis(10) || length.subsec_nanos() % 1_000_000 != 0 {
                checker.refuse(
                    time.span,
                    "a block time is in whole milliseconds, at least 10 of them",
                    "the default is `500ms`",
                );
            }
            length
        });
        Self {
            app: app.to_owned(),
            block_time,
            chain_id: super::accounts::chain_id(document, checker),
            genesis_delay: document.genesis_delay.as_ref().map(|delay| delay.value.0),
            place: document.genesis.span,
        }
    }

    /// The chain's name.
    pub fn name(&self) -> String {
        format!("splitbrain-{}", self.chain_id)
    }

    /// Values of `{chain.KEY}`.
    pub fn template_values(&self, genesis_json: String) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("app", self.app.clone()),
            ("block_time", format!("{}ms", self.block_time.as_millis())),
            ("chain_id", self.name()),
            ("genesis_json", genesis_json),
        ])
    }

    /// The genesis file, with the template `{genesis.time_iso}` for its time. Validators have one vote each.
    ///
    /// The app hash is empty: an application says its own when the chain begins.
    pub fn genesis_json(&self, validators: &[(String, Ed25519Key)]) -> String {
        let validators: Vec<_> = validators
            .iter()
            .map(|(name, key)| {
                json!({"address": key.address(), "pub_key": key.public_json(), "power": "1", "name": name})
            })
            .collect();
        let genesis = json!({
            "genesis_time": "{genesis.time_iso}",
            "chain_id": self.name(),
            "initial_height": "1",
            "consensus_params": {
                "block": {"max_bytes": "22020096", "max_gas": "-1"},
                "evidence": {
                    "max_age_num_blocks": "100000",
                    "max_age_duration": "172800000000000",
                    "max_bytes": "1048576",
                },
                "validator": {"pub_key_types": ["ed25519"]},
                "version": {"app": "0"},
                "abci": {"vote_extensions_enable_height": "0"},
            },
            "validators": validators,
            "app_hash": "",
        });
        format!("{genesis:#}\n")
    }
}

/// An ed25519 key, as nodes and validators of CometBFT have them.
#[derive(Clone, Debug)]
pub struct Ed25519Key(SigningKey);

impl Ed25519Key {
    /// The key of a seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    fn address_bytes(&self) -> [u8; 20] {
        let hash: [u8; 32] = Sha256::digest(self.0.verifying_key().as_bytes()).into();
        hash[..20].try_into().expect("twenty of thirty-two bytes")
    }

    /// What names a validator: the first twenty bytes of the hash of its public key, in capitals.
    pub fn address(&self) -> String {
        hex::encode_upper(self.address_bytes())
    }

    /// What names a node: the same in small letters.
    pub fn node_id(&self) -> String {
        hex::encode(self.address_bytes())
    }

    fn public_json(&self) -> serde_json::Value {
        json!({"type": "tendermint/PubKeyEd25519", "value": STANDARD.encode(self.0.verifying_key().as_bytes())})
    }

    fn private_json(&self) -> serde_json::Value {
        json!({"type": "tendermint/PrivKeyEd25519", "value": STANDARD.encode(self.0.to_keypair_bytes())})
    }

    /// `node_key.json`.
    pub fn node_key_json(&self) -> String {
        format!("{:#}\n", json!({"priv_key": self.private_json()}))
    }

    /// `priv_validator_key.json`.
    pub fn validator_key_json(&self) -> String {
        let key = json!({"address": self.address(), "pub_key": self.public_json(), "priv_key": self.private_json()});
        format!("{key:#}\n")
    }
}

/// `priv_validator_state.json` of a validator that has signed nothing.
pub fn validator_state_json() -> String {
    format!("{:#}\n", json!({"height": "0", "round": 0, "step": 0}))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn chain() -> Cometbft {
        Cometbft {
            app: "kvstore".to_owned(),
            block_time: Duration::from_millis(500),
            chain_id: 7117,
            genesis_delay: None,
            place: Span::default(),
        }
    }

    #[test]
    fn known_answers() {
        // RFC 8032, section 7.1, test 1.
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").expect("hex");
        let key = Ed25519Key::from_seed(&seed.try_into().expect("32 bytes"));
        let public = hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").expect("hex");
        let written: Value = serde_json::from_str(&key.validator_key_json()).expect("JSON");
        assert_eq!(written["pub_key"]["value"], STANDARD.encode(&public));
        assert_eq!(key.node_id(), hex::encode(&Sha256::digest(&public)[..20]));
        assert_eq!(key.address(), key.node_id().to_uppercase());
        let private = STANDARD.decode(written["priv_key"]["value"].as_str().expect("text")).expect("base64");
        assert_eq!(private[32..], public, "seed and public key, one after the other");
        assert_eq!(chain().template_values(String::new())["block_time"], "500ms");
    }

    #[test]
    fn the_genesis_names_its_validators() {
        let keys =
            [("a".to_owned(), Ed25519Key::from_seed(&[1; 32])), ("b".to_owned(), Ed25519Key::from_seed(&[2; 32]))];
        let genesis: Value = serde_json::from_str(&chain().genesis_json(&keys)).expect("JSON");
        assert_eq!(genesis["validators"].as_array().expect("list").len(), 2);
        assert_eq!(genesis["validators"][1]["address"], keys[1].1.address());
        assert_eq!(genesis["genesis_time"], "{genesis.time_iso}");
        assert_eq!(genesis["app_hash"], "");
        assert_eq!(genesis["chain_id"], "splitbrain-7117");
    }
}
