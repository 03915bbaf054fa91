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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Block 3 of a chain that go-ethereum v1.11.6 and v1.13.15 sealed together, as its JSON-RPC gave it.
    fn real_block() -> Value {
        json!({
            "baseFeePerGas": "0x27ee3253", "difficulty": "0x2", "gasLimit": "0x1c9c380", "gasUsed": "0x0",
            "extraData": "0xd883010b06846765746888676f312e32362e38856c696e7578000000000000006fd0766a193d5dc9ff1d320b5e7ca5ef1dcb6a9eef513e680a9902336018083b2bd2269ce6825937096d5d31351d963ca4e9c40269190e1b27456605e713aa3001",
            "hash": "0xd278d1626d4187e9930d0563855063046fb71ac53e809ba02fac2ebac7bc5531",
            "logsBloom": format!("0x{}", "00".repeat(256)),
            "miner": "0x0000000000000000000000000000000000000000",
            "mixHash": "0x0000000000000000000000000000000000000000000000000000000000000000",
            "nonce": "0x0000000000000000", "number": "0x3",
            "parentHash": "0xce8cdebad866cb97487dcbd685d7fcd9356d2691d16b7cdb7ec3ab2503746801",
            "receiptsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
            "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
            "size": "0x264", "totalDifficulty": "0x5", "transactions": [], "uncles": [],
            "stateRoot": "0x1638cfbe171f88a4c83c22546d4ac0f818aa5bc373c614437e6db24910b0ca6c",
            "timestamp": "0x6b036d6c",
            "transactionsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
        })
    }

    fn sealer(block: &Value) -> Option<String> {
        clique_sealer(block, block["hash"].as_str().expect("a hash"))
    }

    #[test]
    fn the_sealer_is_the_one_that_go_ethereum_names() {
        // As clique_getSigner answered.
        assert_eq!(sealer(&real_block()).as_deref(), Some("0xb9344efc81fbfbb025ca6a962bf812741ae9f87d"));
    }

    #[test]
    fn a_header_that_does_not_hash_to_its_block_names_nobody() {
        for (field, value) in [
            ("number", json!("0x4")),
            ("stateRoot", json!("0x00")),
            ("nonce", json!("not hex")),
            ("timestamp", Value::Null),
            ("baseFeePerGas", Value::Null),
            ("withdrawalsRoot", json!("0x00")),
            ("difficulty", json!("0x20000")),
            ("extraData", json!("0x")),
            ("extraData", json!(format!("0x{}", "00".repeat(97)))),
        ] {
            let mut block = real_block();
            block[field] = value;
            assert_eq!(sealer(&block), None, "{field}");
        }
    }

    #[test]
    fn lengths_are_written_as_rlp_writes_them() {
        // The examples of the Ethereum wiki's RLP page.
        let encoded = |bytes: &[u8]| {
            let mut out = Vec::new();
            rlp_bytes(&mut out, bytes);
            out
        };
        assert_eq!(encoded(b"dog"), b"\x83dog");
        assert_eq!(encoded(b""), [0x80]);
        assert_eq!(encoded(&[0x0f]), [0x0f]);
        assert_eq!(encoded(&[0x04, 0x00]), [0x82, 0x04, 0x00]);
        assert_eq!(encoded(&[0x80]), [0x81, 0x80]);
        assert_eq!(encoded(&[7; 56])[..2], [0xb8, 56]);
        assert_eq!(encoded(&[7; 1024])[..3], [0xb9, 4, 0]);
    }
}
