//! Gossip: topic names, payload compression and message ids.
//!
//! Payloads are SSZ in the snappy *block* format (requests use the frame format). Ids follow
//! `specs/altair/p2p-interface.md`, "The gossip domain: gossipsub"; the older rule of phase 0 is here for probes.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::protocol::MAX_PAYLOAD_SIZE;

const DOMAIN_INVALID: [u8; 4] = [0, 0, 0, 0];
const DOMAIN_VALID: [u8; 4] = [1, 0, 0, 0];

/// Why a gossip payload or a topic's name cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GossipError {
    /// No snappy block.
    #[error("the payload is not a snappy block")]
    NotSnappy,
    /// Larger than allowed.
    #[error("the payload unpacks to {length} bytes; {MAX_PAYLOAD_SIZE} are allowed")]
    TooLarge {
        /// The length it declares.
        length: usize,
    },
    /// No topic of the consensus layer.
    #[error("{0:?} is no topic of the form /eth2/<8 hex digits>/<name>/ssz_snappy")]
    UnknownTopic(String),
}

/// What a topic carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicKind {
    /// Blocks.
    BeaconBlock,
    /// Single attestations of one subnet.
    BeaconAttestation(u64),
}

/// A topic: what it carries, and on which network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic {
    /// The network and fork.
    pub fork_digest: [u8; 4],
    /// What it carries.
    pub kind: TopicKind,
}

impl fmt::Display for TopicKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeaconBlock => f.write_str("beacon_block"),
            Self::BeaconAttestation(subnet) => write!(f, "beacon_attestation_{subnet}"),
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/eth2/{}/{}/ssz_snappy", hex::encode(self.fork_digest), self.kind)
    }
}

impl FromStr for Topic {
    type Err = GossipError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || GossipError::UnknownTopic(text.to_owned());
        let parts: Vec<&str> = text.split('/').collect();
        let ["", "eth2", digest, name, "ssz_snappy"] = parts.as_slice() else { return Err(unknown()) };
        let fork_digest = hex::decode(digest).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(unknown)?;
        let kind = match name.strip_prefix("beacon_attestation_") {
            Some(subnet) => TopicKind::BeaconAttestation(subnet.parse().map_err(|_| unknown())?),
            None if *name == "beacon_block" => TopicKind::BeaconBlock,
            None => return Err(unknown()),
        };
        Ok(Self { fork_digest, kind })
    }
}

/// Packs SSZ for gossip.
pub fn compress_block(ssz: &[u8]) -> Vec<u8> {
    // The encoder fails only for inputs of 4 GiB and more.
    snap::raw::Encoder::new().compress_vec(ssz).unwrap_or_default()
}

/// Unpacks a gossip payload; the declared length is checked before anything is allocated.
pub fn decompress_block(payload: &[u8]) -> Result<Vec<u8>, GossipError> {
    let length = snap::raw::decompress_len(payload).map_err(|_| GossipError::NotSnappy)?;
    if length > MAX_PAYLOAD_SIZE {
        return Err(GossipError::TooLarge { length });
    }
    snap::raw::Decoder::new().decompress_vec(payload).map_err(|_| GossipError::NotSnappy)
}

/// The id of a message since altair, from the *unpacked* payload.
pub fn message_id(topic: &str, unpacked: &[u8]) -> [u8; 20] {
    altair_id(DOMAIN_VALID, topic, unpacked)
}

/// The id since altair of a message whose payload does not unpack, from the raw payload.
pub fn message_id_undecodable(topic: &str, raw: &[u8]) -> [u8; 20] {
    altair_id(DOMAIN_INVALID, topic, raw)
}

/// The id of a message on a topic of phase 0, from its raw payload.
pub fn message_id_phase0(raw: &[u8]) -> [u8; 20] {
    match decompress_block(raw) {
        Ok(unpacked) => digest(&[&DOMAIN_VALID, &unpacked]),
        Err(_) => digest(&[&DOMAIN_INVALID, raw]),
    }
}

fn altair_id(domain: [u8; 4], topic: &str, data: &[u8]) -> [u8; 20] {
    digest(&[&domain, &(topic.len() as u64).to_le_bytes(), topic.as_bytes(), data])
}

fn digest(parts: &[&[u8]]) -> [u8; 20] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let whole: [u8; 32] = hash.finalize().into();
    let mut id = [0; 20];
    id.copy_from_slice(&whole[..20]);
    id
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOPIC: &str = "/eth2/46324489/beacon_block/ssz_snappy";

    /// Values of `gossip_message_id` in `tests/vectors/wire/derived-examples.yaml`.
    #[test]
    fn ids_are_those_of_the_examples() {
        let raw = hex::decode("302c68656c6c6f20776f726c64208e0c00").unwrap();
        let unpacked = decompress_block(&raw).unwrap();
        assert_eq!(unpacked, b"hello world hello world hello world hello world ");
        assert_eq!(hex::encode(message_id(TOPIC, &unpacked)), "6925d19c82f52ee1d147267e7038f57fabab0f22");
        assert_eq!(hex::encode(message_id_phase0(&raw)), "77e9af96404dafcdfa560db6363eb5f46d1d30a9");
        let bad = hex::decode("ffffffffffffff").unwrap();
        assert_eq!(hex::encode(message_id_undecodable(TOPIC, &bad)), "b2059c8bbfc8a013939c4935c07d6963bc450365");
        assert_eq!(hex::encode(message_id_phase0(&bad)), "7a0d4a4247189f5603fbd2ea8f660b5cfe041dc1");
    }

    #[test]
    fn topics_read_back_as_they_are_written() {
        for kind in [TopicKind::BeaconBlock, TopicKind::BeaconAttestation(63)] {
            let topic = Topic { fork_digest: [0x46, 0x32, 0x44, 0x89], kind };
            assert_eq!(topic.to_string().parse(), Ok(topic));
        }
        assert_eq!(TOPIC.parse::<Topic>().unwrap().kind, TopicKind::BeaconBlock);
        for bad in [
            "",
            "/eth2/4632448/beacon_block/ssz_snappy",
            "/eth2/46324489/beacon_block/ssz",
            "/eth2/46324489/x/ssz_snappy",
        ] {
            assert!(bad.parse::<Topic>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_payload_that_claims_to_be_huge_is_refused_before_it_is_unpacked() {
        // The varint of 100 MiB, and nothing behind it.
        assert_eq!(
            decompress_block(&[0x80, 0x80, 0x80, 0x32, 0x00]),
            Err(GossipError::TooLarge { length: 100 * 1024 * 1024 })
        );
    }

    proptest! {
        #[test]
        fn packing_is_undone(data in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert_eq!(decompress_block(&compress_block(&data)).unwrap(), data);
        }

        #[test]
        fn arbitrary_bytes_never_panic(data in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,60}") {
            let _ = decompress_block(&data);
            let _ = text.parse::<Topic>();
        }
    }
}
