//! Node records (EIP-778) as the consensus layer uses them: address, ports, and the `eth2` entry
//! (`specs/phase0/p2p-interface.md`, "ENR structure"). Records and peer ids are pure functions of a key, so others can
//! know them before a node runs.

use std::net::Ipv4Addr;

use enr::{CombinedKey, EnrPublicKey};
use ssz::{Decode as _, Encode as _};

use super::fork::EnrForkId;

/// A record with its text form (`enr:-…`).
pub type NodeRecord = enr::Enr<CombinedKey>;

/// Why a record cannot be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The key is no secp256k1 private key.
    #[error("the node key is no secp256k1 private key: it must be 32 bytes, neither zero nor above the curve's order")]
    BadKey,
    /// The text is no record, or its signature is wrong.
    #[error("{text:?} is no node record: {reason}")]
    BadText {
        /// What was given.
        text: String,
        /// What the reader says.
        reason: String,
    },
    /// The record could not be signed or is too large.
    #[error("the node record cannot be made: {0}")]
    Build(String),
}

/// Makes the record of a node that is reached at `address` with libp2p on `tcp` and discv5 on `udp`.
/// Others prefer the record with the higher `sequence`.
pub fn build_record(
    private_key: &[u8; 32],
    sequence: u64,
    address: Ipv4Addr,
    tcp: u16,
    udp: u16,
    quic: Option<u16>,
    fork: Option<EnrForkId>,
) -> Result<NodeRecord, RecordError> {
    let key = CombinedKey::secp256k1_from_bytes(&mut private_key.clone()).map_err(|_| RecordError::BadKey)?;
    let mut builder = NodeRecord::builder();
    builder.seq(sequence).ip4(address).tcp4(tcp).udp4(udp);
    if let Some(quic) = quic {
        builder.add_value("quic", &quic);
    }
    if let Some(fork) = fork {
        let bytes: [u8; 16] = fork.as_ssz_bytes().try_into().map_err(|_| RecordError::Build("eth2 entry".into()))?;
        builder
            .add_value("eth2", &bytes)
            .add_value("attnets", &[1u8, 0, 0, 0, 0, 0, 0, 0])
            .add_value("syncnets", &[0u8]);
    }
    builder.build(&key).map_err(|error| RecordError::Build(error.to_string()))
}

/// Reads a record's text form and checks its signature.
pub fn read_record(text: &str) -> Result<NodeRecord, RecordError> {
    text.trim().parse().map_err(|reason| RecordError::BadText { text: text.to_owned(), reason })
}

/// The `eth2` entry of a record, if it has a well-formed one.
pub fn fork_of_record(record: &NodeRecord) -> Option<EnrForkId> {
    let bytes: [u8; 16] = record.get_decodable("eth2")?.ok()?;
    EnrForkId::from_ssz_bytes(&bytes).ok()
}

/// The libp2p peer id of a record's owner; `None` for keys of another kind than secp256k1.
pub fn peer_id_of_record(record: &NodeRecord) -> Option<String> {
    peer_id_of_public_key(record.public_key().encode().as_ref())
}

/// The libp2p peer id of a compressed secp256k1 public key of 33 bytes, as text (`16Uiu2H…`).
///
/// The id is the identity multihash of the key's protobuf form (libp2p specs, `peer-ids/peer-ids.md`).
pub fn peer_id_of_public_key(compressed: &[u8]) -> Option<String> {
    if compressed.len() != 33 {
        return None;
    }
    // Multihash: identity, 37 bytes. Protobuf: field 1 = 2 (secp256k1), field 2 = 33 bytes.
    let mut bytes = vec![0x00, 37, 0x08, 0x02, 0x12, 33];
    bytes.extend_from_slice(compressed);
    Some(bs58::encode(bytes).into_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fork::FAR_FUTURE_EPOCH;
    use super::*;

    const EXAMPLE: &str = "enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8";

    fn key() -> [u8; 32] {
        hex::decode("b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291").unwrap().try_into().unwrap()
    }

    /// The example of EIP-778 (`tests/vectors/wire/enr-eip778-example.yaml`).
    #[test]
    fn the_example_of_eip_778_is_read() {
        let record = read_record(EXAMPLE).unwrap();
        assert_eq!(
            hex::encode(record.node_id().raw()),
            "a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7"
        );
        assert_eq!((record.seq(), record.ip4(), record.udp4()), (1, Some(Ipv4Addr::LOCALHOST), Some(30303)));
        assert_eq!(fork_of_record(&record), None);
    }

    #[test]
    fn a_record_carries_address_ports_and_fork() {
        let fork =
            EnrForkId { fork_digest: [1, 2, 3, 4], next_fork_version: [5; 4], next_fork_epoch: FAR_FUTURE_EPOCH };
        let record = build_record(&key(), 7, Ipv4Addr::new(10, 77, 0, 10), 9000, 9001, Some(9002), Some(fork)).unwrap();
        let back = read_record(&record.to_base64()).unwrap();
        assert_eq!(back, record);
        assert_eq!(
            (back.tcp4(), back.udp4(), back.ip4()),
            (Some(9000), Some(9001), Some(Ipv4Addr::new(10, 77, 0, 10)))
        );
        assert_eq!(fork_of_record(&back), Some(fork));
        assert_eq!(back.node_id(), read_record(EXAMPLE).unwrap().node_id());
    }

    #[test]
    fn peer_ids_are_those_of_libp2p() {
        let record = build_record(&key(), 1, Ipv4Addr::LOCALHOST, 1, 1, None, None).unwrap();
        let secret = libp2p::identity::secp256k1::SecretKey::try_from_bytes(key()).unwrap();
        let keypair = libp2p::identity::Keypair::from(libp2p::identity::secp256k1::Keypair::from(secret));
        assert_eq!(peer_id_of_record(&record), Some(keypair.public().to_peer_id().to_string()));
        assert_eq!(peer_id_of_public_key(&[2; 32]), None);
    }

    #[test]
    fn a_bad_key_is_refused() {
        assert_eq!(build_record(&[0; 32], 1, Ipv4Addr::LOCALHOST, 1, 1, None, None), Err(RecordError::BadKey));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in ".{0,200}") {
            let _ = read_record(&text);
        }
    }
}
