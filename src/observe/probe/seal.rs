//! Who sealed a block of a clique chain (EIP-225). The header's `miner` is empty there: the sealer's signature stands in
//! the last 65 bytes of `extraData`, over the Keccak-256 of the header's RLP without those bytes.

use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use serde_json::Value;
use sha3::{Digest, Keccak256};

/// Bytes of a seal: r, s, and the recovery id.
const SEAL: usize = 65;
/// Bytes before the signers and the seal, free for anything.
const VANITY: usize = 32;

/// The header's fields in RLP order, by their JSON names, and whether a number (no leading zeros) or bytes as they are.
/// The second half came with later forks and is left out where the JSON lacks it.
const FIELDS: [(&str, bool, bool); 20] = [
    ("parentHash", false, true),
    ("sha3Uncles", false, true),
    ("miner", false, true),
    ("stateRoot", false, true),
    ("transactionsRoot", false, true),
    ("receiptsRoot", false, true),
    ("logsBloom", false, true),
    ("difficulty", true, true),
    ("number", true, true),
    ("gasLimit", true, true),
    ("gasUsed", true, true),
    ("timestamp", true, true),
    ("extraData", false, true),
    ("mixHash", false, true),
    ("nonce", false, true),
    ("baseFeePerGas", true, false),
    ("withdrawalsRoot", false, false),
    ("blobGasUsed", true, false),
    ("excessBlobGas", true, false),
    ("parentBeaconBlockRoot", false, false),
];

/// The address of the sealer, `0x` hex in lower case, out of a block as JSON-RPC gives it.
///
/// `None` if the block is not sealed in this way, or if the header cannot be put together again: its hash is computed
/// and must be the block's own, so a wrong address cannot come out.
pub(super) fn clique_sealer(block: &Value, hash: &str) -> Option<String> {
    let difficulty = block["difficulty"].as_str()?;
    let extra = bytes(&block["extraData"])?;
    // Clique has difficulty 1 or 2; this spares all other chains the work.
    if !matches!(difficulty, "0x1" | "0x2") || extra.len() < VANITY + SEAL {
        return None;
    }
    let (unsealed, seal) = extra.split_at(extra.len() - SEAL);
    if format!("0x{}", hex::encode(Keccak256::digest(header(block, &extra)?))) != hash {
        return None;
    }
    let digest = Keccak256::digest(header(block, unsealed)?);
    let signature = Signature::from_slice(&seal[..64]).ok()?;
    let recovery = RecoveryId::from_byte(seal[64])?;
    let key = VerifyingKey::recover_from_prehash(digest.as_slice(), &signature, recovery).ok()?;
    let point = key.to_sec1_point(false);
    // An address is the last 20 bytes of the hash of the public key without the leading 0x04.
    let address = Keccak256::digest(&point.as_bytes()[1..]);
    Some(format!("0x{}", hex::encode(&address[12..])))
}

/// The header in RLP, with this `extraData`.
fn header(block: &Value, extra: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::with_capacity(640);
    for (name, number, required) in FIELDS {
        let value = &block[name];
        if value.is_null() && !required {
            continue;
        }
        let bytes = bytes(value)?;
        match name {
            "extraData" => rlp_bytes(&mut content, extra),
            _ if number => rlp_bytes(&mut content, &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]),
            _ => rlp_bytes(&mut content, &bytes),
        }
    }
    let mut list = Vec::with_capacity(content.len() + 4);
    rlp_length(&mut list, 0xc0, content.len());
    list.extend(content);
    Some(list)
}

/// One RLP string.
fn rlp_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    if !matches!(bytes, [byte] if *byte < 0x80) {
        rlp_length(out, 0x80, bytes.len());
    }
    out.extend_from_slice(bytes);
}

/// The prefix of an RLP string (`offset` 0x80) or list (0xc0).
fn rlp_length(out: &mut Vec<u8>, offset: u8, length: usize) {
    if length < 56 {
        out.push(offset + length as u8);
        return;
    }
    let digits = length.to_be_bytes();
    let digits = &digits[digits.iter().take_while(|byte| **byte == 0).count()..];
    out.push(offset + 55 + digits.len() as u8);
    out.extend_from_slice(digits);
}

/// Bytes of a `0x` hex string, an odd number of digits included (`0x1`).
fn bytes(value: &Value) -> Option<Vec<u8>> {
    let digits = value.as_str()?.strip_prefix("0x")?;
    if digits.len() % 2 == 1 { hex::decode(format!("0{digits}")).ok() } else { hex::decode(digits).ok() }
}
