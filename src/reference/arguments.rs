//! The flags of `splitbrain node`, and what they mean together.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use libp2p::identity::{Keypair, secp256k1};
use libp2p::{Multiaddr, PeerId};
use sha2::{Digest, Sha256};

use super::subnet::Subnet;
use crate::consensus::{ChainParameters, ParameterError, Quirk, QuirkSet};
use crate::eth2::{NodeRecord, RecordError, read_record};

/// A node of the bundled client: a small beacon chain over real libp2p, discv5 and the standard Beacon API.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Folder for the node's blocks; made if it does not exist.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Name of the node, for its log and as graffiti in its blocks.
    #[arg(long, default_value = "node")]
    pub name: String,
    /// Node key: a secp256k1 private key as 64 hex digits.
    #[arg(long, value_name = "HEX", conflicts_with = "key_file", required_unless_present = "key_file")]
    pub key: Option<String>,
    /// File with the node key as 64 hex digits.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Address that peers reach this node at; p2p and discovery listen on it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub listen_address: Ipv4Addr,
    /// libp2p port (TCP; QUIC, where built in, one higher on UDP).
    #[arg(long, value_name = "PORT", default_value_t = 9000)]
    pub p2p_port: u16,
    /// discv5 port (UDP); 0 switches discovery off.
    #[arg(long, value_name = "PORT", default_value_t = 9000)]
    pub discovery_port: u16,
    /// Address that the Beacon API listens on.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    pub http_address: Ipv4Addr,
    /// Port of the Beacon API.
    #[arg(long, value_name = "PORT", default_value_t = 5052)]
    pub http_port: u16,
    /// Start of slot 0, in seconds since 1970; the same for all nodes.
    #[arg(long, value_name = "SECONDS")]
    pub genesis_time: u64,
    /// Length of a slot in milliseconds.
    #[arg(long, default_value_t = 2000)]
    pub slot_ms: u64,
    /// Slots in an epoch.
    #[arg(long, default_value_t = 8)]
    pub slots_per_epoch: u64,
    /// Validators of the whole chain.
    #[arg(long)]
    pub validators: u64,
    /// Validators of this node, for example `0,4,8` or `0-3`; none for a node that only follows.
    #[arg(long, value_name = "LIST", default_value = "")]
    pub validator_indices: String,
    /// Seed of the chain's duties: a number, or any text.
    #[arg(long, value_name = "SEED", default_value = "0")]
    pub chain_seed: String,
    /// Node records (`enr:…`) to begin discovery at, separated by commas.
    #[arg(long, value_name = "ENR,…", default_value = "")]
    pub bootnodes: String,
    /// Peers that are dialled for ever, as multiaddresses separated by commas; `/p2p/…` at the end is optional.
    #[arg(long, value_name = "MULTIADDR,…", default_value = "")]
    pub peers: String,
    /// A deliberate deviation from the rules; may be given several times. See docs/reference-client.md.
    #[arg(long = "quirk", value_name = "NAME")]
    pub quirks: Vec<String>,
    /// Peers at most.
    #[arg(long, default_value_t = 32)]
    pub max_peers: usize,
    /// Discovered peers outside of this range are never dialled; the /16 of the listen address (/8 on loopback) if not given.
    #[arg(long, value_name = "CIDR")]
    pub subnet: Option<String>,
}

/// Flags that make no node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// The key cannot be read.
    #[error("the key file {file} cannot be read: {reason}")]
    KeyFile {
        /// The file.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// The key is no key.
    #[error("the node key must be 64 hex digits of a secp256k1 private key")]
    Key,
    /// A chain that cannot be.
    #[error(transparent)]
    Chain(#[from] ParameterError),
    /// A list of validators that is none.
    #[error("--validator-indices: {0:?} is neither a number nor a range such as 0-3")]
    Indices(String),
    /// A record that is none.
    #[error("--bootnodes: {0}")]
    Bootnode(#[from] RecordError),
    /// A multiaddress that is none.
    #[error("--peers: {text:?} is no multiaddress such as /ip4/10.77.0.10/tcp/9000: {reason}")]
    Peer {
        /// What was given.
        text: String,
        /// What the reader says.
        reason: String,
    },
    /// A quirk that does not exist.
    #[error("--quirk: {0}")]
    Quirk(String),
    /// A range that is none.
    #[error("--subnet: {0}")]
    Subnet(String),
}

/// A peer that was given by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StaticPeer {
    pub(super) address: Multiaddr,
    pub(super) peer: Option<PeerId>,
}

/// What the flags mean.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) arguments: Arguments,
    pub(super) key: [u8; 32],
    pub(super) keypair: Keypair,
    pub(super) chain: ChainParameters,
    pub(super) validators: Vec<u64>,
    pub(super) bootnodes: Vec<NodeRecord>,
    pub(super) peers: Vec<StaticPeer>,
    pub(super) quirks: QuirkSet,
    pub(super) subnet: Subnet,
}

impl Arguments {
    /// Reads and checks everything that flags alone can be wrong in.
    pub(super) fn settings(&self) -> Result<Settings, ArgumentError> {
        let key = self.read_key()?;
        let secret = secp256k1::SecretKey::try_from_bytes(key).map_err(|_| ArgumentError::Key)?;
        let chain = ChainParameters {
            genesis_time: self.genesis_time,
            slot_ms: self.slot_ms,
            slots_per_epoch: self.slots_per_epoch,
            validators: self.validators,
            seed: seed_number(&self.chain_seed),
        };
        chain.check()?;
        let bits = if self.listen_address.is_loopback() { 8 } else { 16 };
        let subnet = match &self.subnet {
            Some(text) => text.parse().map_err(ArgumentError::Subnet)?,
            None => Subnet::around(self.listen_address, bits),
        };
        let quirks: Result<Vec<Quirk>, String> =
            self.quirks.iter().flat_map(|text| words(text)).map(str::parse).collect();
        Ok(Settings {
            key,
            keypair: Keypair::from(secp256k1::Keypair::from(secret)),
            chain,
            validators: read_indices(&self.validator_indices)?,
            bootnodes: words(&self.bootnodes).map(read_record).collect::<Result<_, _>>()?,
            peers: words(&self.peers).map(read_peer).collect::<Result<_, _>>()?,
            quirks: quirks.map_err(ArgumentError::Quirk)?.into_iter().collect(),
            subnet,
            arguments: self.clone(),
        })
    }

    fn read_key(&self) -> Result<[u8; 32], ArgumentError> {
        let text = match (&self.key, &self.key_file) {
            (Some(key), _) => key.clone(),
            (None, Some(file)) => std::fs::read_to_string(file).map_err(|error| ArgumentError::KeyFile {
                file: file.display().to_string(),
                reason: error.to_string(),
            })?,
            (None, None) => return Err(ArgumentError::Key),
        };
        let text = text.trim();
        let bytes = hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|_| ArgumentError::Key)?;
        bytes.try_into().map_err(|_| ArgumentError::Key)
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

fn read_indices(text: &str) -> Result<Vec<u64>, ArgumentError> {
    let mut indices = Vec::new();
    for word in words(text) {
        let wrong = || ArgumentError::Indices(word.to_owned());
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (first, last): (u64, u64) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
        if last < first || last - first > 4096 {
            return Err(wrong());
        }
        indices.extend(first..=last);
    }
    Ok(indices)
}

fn read_peer(text: &str) -> Result<StaticPeer, ArgumentError> {
    let address: Multiaddr =
        text.parse().map_err(|error| ArgumentError::Peer { text: text.to_owned(), reason: format!("{error}") })?;
    let peer = address.iter().find_map(|part| match part {
        libp2p::multiaddr::Protocol::P2p(peer) => Some(peer),
        _ => None,
    });
    Ok(StaticPeer { address, peer })
}

fn seed_number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| {
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let mut low = [0; 8];
        low.copy_from_slice(&hash[..8]);
        u64::from_le_bytes(low)
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn settings(more: &[&str]) -> Result<Settings, ArgumentError> {
        let key = "11".repeat(32);
        let line = ["node", "--data", "d", "--genesis-time", "1", "--validators", "8", "--key", &key];
        Line::parse_from(line.iter().copied().chain(more.iter().copied())).arguments.settings()
    }

    #[test]
    fn empty_lists_are_empty() {
        let settings = settings(&["--bootnodes", "", "--peers=", "--validator-indices", ""]).unwrap();
        assert!(settings.bootnodes.is_empty() && settings.peers.is_empty() && settings.validators.is_empty());
    }

    #[test]
    fn lists_are_read() {
        let peers =
            "/ip4/10.0.0.1/tcp/9000,/ip4/10.0.0.2/tcp/9000/p2p/16Uiu2HAmGpp5SWVnDtsW5Wyb7WGUMCojKXPSo6RSeAByjs7Rf1ud";
        let settings = settings(&["--validator-indices", "0,4-6", "--peers", peers, "--quirk", "no-regossip"]).unwrap();
        assert_eq!(settings.validators, [0, 4, 5, 6]);
        assert_eq!((settings.peers.len(), settings.peers[1].peer.is_some()), (2, true));
        assert!(settings.quirks.has(Quirk::NoRegossip));
        assert_eq!(settings.subnet.to_string(), "127.0.0.0/8");
    }

    #[test]
    fn mistakes_are_named() {
        let message = |more: &[&str]| settings(more).unwrap_err().to_string();
        assert!(message(&["--validator-indices", "a"]).contains("\"a\""));
        assert!(message(&["--quirk", "nonsense"]).contains("off-by-one-epoch"));
        assert!(message(&["--peers", "10.0.0.1:9000"]).contains("multiaddress"));
        assert!(message(&["--bootnodes", "enr:-xx"]).contains("enr:-xx"));
        assert!(message(&["--slot-ms", "1"]).contains("50 ms"));
        assert!(message(&["--subnet", "10.0.0.0"]).contains("10.77.0.0/16"));
    }

    #[test]
    fn a_seed_may_be_a_number_or_a_text() {
        assert_eq!(seed_number("42"), 42);
        assert_eq!(seed_number("abc"), seed_number("abc"));
        assert_ne!(seed_number("abc"), seed_number("abd"));
    }
}
