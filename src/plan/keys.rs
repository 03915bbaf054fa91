//! Keys from the seed tree, and the identities that follow from them: enode URLs, node records, peer ids, accounts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use k256::ecdsa::signature::hazmat::PrehashSigner;
use k256::ecdsa::{Signature, SigningKey};
use sha3::{Digest, Keccak256};

use super::record;
use crate::action::Seeds;
use crate::client::EnrPorts;

/// A secp256k1 key. Signs node records without randomness (RFC 6979), so that a plan's bytes depend on its seed alone.
#[derive(Clone)]
pub struct NodeKey(SigningKey);

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeKey({})", hex::encode(self.compressed()))
    }
}

impl NodeKey {
    /// The key of a place in the seed tree.
    pub fn from_seeds(seeds: &Seeds) -> Self {
        let mut place = seeds.clone();
        loop {
            // One in 2^128 draws is no valid key; then the next place is taken.
            if let Some(key) = Self::from_bytes(&place.bytes()) {
                return key;
            }
            place = place.child("next");
        }
    }

    /// A key from its 32 bytes, unless they are zero or not below the group's order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        SigningKey::from_slice(bytes).ok().map(Self)
    }

    /// The private key, 64 hex digits.
    pub fn secret_hex(&self) -> String {
        hex::encode(self.0.to_bytes())
    }

    fn compressed(&self) -> Vec<u8> {
        self.0.verifying_key().to_sec1_point(true).as_bytes().to_vec()
    }

    /// The public key's two coordinates, 64 bytes.
    fn coordinates(&self) -> Vec<u8> {
        self.0.verifying_key().to_sec1_point(false).as_bytes()[1..].to_vec()
    }

    /// The Ethereum account of this key: the last twenty bytes of the Keccak-256 hash of its coordinates (Yellow Paper,
    /// appendix F).
    pub fn account(&self) -> [u8; 20] {
        let hash: [u8; 32] = Keccak256::digest(self.coordinates()).into();
        hash[12..].try_into().expect("twenty of thirty-two bytes")
    }

    /// `enode://PUBLIC-KEY@ADDRESS:TCP`, with `?discport=` when the UDP port is another one (devp2p, enode.md).
    pub fn enode(&self, address: Ipv4Addr, tcp: u16, udp: u16) -> String {
        let mut url = format!("enode://{}@{address}:{tcp}", hex::encode(self.coordinates()));
        if udp != tcp {
            let _ = write!(url, "?discport={udp}");
        }
        url
    }

    /// The libp2p peer id: base58 of the identity multihash of the protobuf-encoded public key (libp2p specs, peer-ids).
    pub fn peer_id(&self) -> String {
        let mut bytes = vec![0x00, 0x25, 0x08, 0x02, 0x12, 0x21];
        bytes.extend(self.compressed());
        bs58::encode(bytes).into_string()
    }

    /// `/ip4/ADDRESS/tcp/PORT/p2p/PEER-ID`.
    pub fn multiaddr(&self, address: Ipv4Addr, tcp: u16) -> String {
        format!("/ip4/{address}/tcp/{tcp}/p2p/{}", self.peer_id())
    }

    /// Signs a hash without randomness (RFC 6979): r and s, s in the lower half of the group (EIP-2), and whether the point's
    /// y is odd.
    pub(super) fn sign_recoverable(&self, hash: &[u8; 32]) -> ([u8; 64], bool) {
        let (signature, recovery) = self.0.sign_prehash_recoverable(hash);
        (signature.to_bytes().into(), recovery.is_y_odd())
    }

    /// The node record (EIP-778), identity scheme v4, sequence number 1.
    pub fn enr(&self, address: Ipv4Addr, ports: &EnrPorts) -> String {
        let mut entries = BTreeMap::from([
            ("id", b"v4".to_vec()),
            ("ip", address.octets().to_vec()),
            ("secp256k1", self.compressed()),
            ("tcp", number(ports.tcp)),
        ]);
        entries.extend(ports.udp.map(|udp| ("udp", number(udp))));
        entries.extend(ports.eth2.map(|eth2| ("eth2", eth2.to_vec())));
        record::sign(1, &entries, |hash| {
            let signature: Signature = self.0.sign_prehash(hash).expect("32 bytes can be signed");
            signature.to_bytes().into()
        })
    }
}

/// The account that a participant's blocks pay their fees to, which also names the maker of an execution block.
pub(super) fn fee_recipient(seeds: &Seeds, participant: &str) -> String {
    address_text(&NodeKey::from_seeds(&seeds.child(&format!("participant/{participant}/fees"))).account())
}

/// The secret that the members of a participant share, 64 hex digits (execution-apis, engine authentication).
pub(super) fn jwt_secret(seeds: &Seeds, participant: &str) -> String {
    hex::encode(seeds.child(&format!("participant/{participant}/jwt")).bytes())
}

/// `0x` and 40 lower-case hex digits.
pub fn address_text(account: &[u8; 20]) -> String {
    format!("0x{}", hex::encode(account))
}

/// A number without leading zeros, as RLP wants it.
fn number(number: u16) -> Vec<u8> {
    number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> NodeKey {
        NodeKey::from_bytes(&[byte; 32]).unwrap()
    }

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 10);

    #[test]
    fn known_answers() {
        // Seen from a running Prysm node with this key.
        assert_eq!(key(0x11).peer_id(), "16Uiu2HAmHzBkRq62mG95vsjKMuYQBezZCtjPXYWUoyVxMxi71aB3");
        // The key 1 has the generator as its public key and the best-known account of all.
        let mut one = [0; 32];
        one[31] = 1;
        let one = NodeKey::from_bytes(&one).unwrap();
        assert_eq!(address_text(&one.account()), "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf");
        assert!(one.enode(ADDRESS, 30303, 30303).starts_with(
            "enode://79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8@10.77.0.10:30303"
        ));
        assert!(one.enode(ADDRESS, 30303, 9000).ends_with("@10.77.0.10:30303?discport=9000"));
    }

    #[test]
    fn zero_is_no_key() {
        assert!(NodeKey::from_bytes(&[0; 32]).is_none());
        assert!(NodeKey::from_bytes(&[0xff; 32]).is_none());
    }

    #[test]
    fn node_records_are_signed_and_always_the_same() {
        let ports = EnrPorts { tcp: 9000, udp: Some(200), eth2: Some([7; 16]) };
        let text = key(0x11).enr(ADDRESS, &ports);
        assert_eq!(text, key(0x11).enr(ADDRESS, &ports));
        // Decoding checks the signature.
        let read: enr::Enr<enr::k256::ecdsa::SigningKey> = text.parse().unwrap();
        assert!(read.verify());
        assert_eq!((read.ip4(), read.tcp4(), read.udp4(), read.seq()), (Some(ADDRESS), Some(9000), Some(200), 1));
        assert!(read.get_raw_rlp("eth2").is_some());
        let plain = key(0x12).enr(ADDRESS, &EnrPorts { tcp: 30303, udp: None, eth2: None });
        let read: enr::Enr<enr::k256::ecdsa::SigningKey> = plain.parse().unwrap();
        assert_eq!((read.tcp4(), read.udp4()), (Some(30303), None));
    }
}
