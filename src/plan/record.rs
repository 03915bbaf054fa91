//! Node records (EIP-778) as bytes and text. The `enr` crate signs with randomness, so two plans of one seed would differ;
//! this signs without, and the crate checks the result in a test.

use std::collections::BTreeMap;

use sha3::{Digest, Keccak256};

/// Longest record, in bytes.
const LONGEST: usize = 300;

/// A signed record as `enr:` text. Values are plain bytes; keys stand in order. `sign` gets the Keccak-256 hash of the
/// content and gives the signature's r and s.
pub(super) fn sign(
    sequence: u8,
    entries: &BTreeMap<&'static str, Vec<u8>>,
    sign: impl FnOnce(&[u8; 32]) -> [u8; 64],
) -> String {
    let mut content = bytes(&[sequence]);
    for (key, value) in entries {
        content.extend(bytes(key.as_bytes()));
        content.extend(bytes(value));
    }
    let hash: [u8; 32] = Keccak256::digest(list(&content)).into();
    let mut signed = bytes(&sign(&hash));
    signed.extend(content);
    let record = list(&signed);
    debug_assert!(record.len() <= LONGEST, "a handful of small entries");
    format!("enr:{}", base64_url(&record))
}

/// RLP of a string.
pub(super) fn bytes(value: &[u8]) -> Vec<u8> {
    match value {
        [byte] if *byte < 0x80 => vec![*byte],
        value => prefixed(0x80, value),
    }
}

/// RLP of a list whose items are encoded already.
pub(super) fn list(items: &[u8]) -> Vec<u8> {
    prefixed(0xc0, items)
}

fn prefixed(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length: Vec<u8> = payload.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let mut encoded = match payload.len() {
        short @ 0..=55 => vec![kind + short as u8],
        _ => vec![kind + 55 + length.len() as u8],
    };
    if payload.len() > 55 {
        encoded.extend(length);
    }
    encoded.extend_from_slice(payload);
    encoded
}

/// Base64 with the alphabet for URLs, without padding (RFC 4648, section 5).
fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..=chunk.len() {
            let sextet = (group >> (18 - 6 * position)) & 0x3f;
            text.push(char::from(ALPHABET[sextet as usize]));
        }
    }
    text
}
