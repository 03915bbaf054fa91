//! Signed transactions: the form of before EIP-2718 with replay protection (EIP-155), which every chain takes.

use sha3::{Digest, Keccak256};

use super::keys::NodeKey;
use super::record::{bytes, list};

/// A transaction before it is signed.
#[derive(Clone, Debug)]
pub(super) struct Unsigned<'a> {
    pub(super) nonce: u64,
    pub(super) gas_price: u128,
    pub(super) gas: u64,
    /// `None` makes a contract.
    pub(super) to: Option<[u8; 20]>,
    pub(super) value: u128,
    pub(super) data: &'a [u8],
}

impl Unsigned<'_> {
    /// The bytes that go to `eth_sendRawTransaction`. Signed without randomness (RFC 6979): the same input, the same bytes.
    pub(super) fn signed(&self, key: &NodeKey, chain_id: u64) -> Vec<u8> {
        let mut content: Vec<u8> = [
            number(self.nonce.into()),
            number(self.gas_price),
            number(self.gas.into()),
            bytes(self.to.as_ref().map_or(&[][..], |to| to)),
            number(self.value),
            bytes(self.data),
        ]
        .concat();
        // EIP-155: chain id and two zeros stand for the signature in what is hashed.
        let hashed = [content.clone(), number(chain_id.into()), number(0), number(0)].concat();
        let hash: [u8; 32] = Keccak256::digest(list(&hashed)).into();
        let (signature, odd) = key.sign_recoverable(&hash);
        content.extend(number(u128::from(chain_id) * 2 + 35 + u128::from(odd)));
        // r and s are numbers: leading zeros are no part of them.
        for half in [&signature[..32], &signature[32..]] {
            let digits: Vec<u8> = half.iter().copied().skip_while(|byte| *byte == 0).collect();
            content.extend(bytes(&digits));
        }
        list(&content)
    }
}

/// RLP of a number: big-endian without leading zeros.
fn number(number: u128) -> Vec<u8> {
    let digits: Vec<u8> = number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    bytes(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_eip_155() {
        let key = NodeKey::from_bytes(&[0x46; 32]).unwrap();
        let transaction = Unsigned {
            nonce: 9,
            gas_price: 20_000_000_000,
            gas: 21_000,
            to: Some([0x35; 20]),
            value: 1_000_000_000_000_000_000,
            data: &[],
        };
        assert_eq!(
            hex::encode(transaction.signed(&key, 1)),
            "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc\
             2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb196\
             6a3b6d83"
        );
    }

    #[test]
    fn a_contract_has_no_receiver_and_large_chain_ids_fit() {
        let key = NodeKey::from_bytes(&[0x11; 32]).unwrap();
        let transaction = Unsigned { nonce: 0, gas_price: 1, gas: 1_000_000, to: None, value: 0, data: &[0x60, 0x00] };
        let raw = transaction.signed(&key, u64::MAX);
        // List, nonce 0, price 1, gas 1,000,000, nobody, value 0, two bytes of code.
        assert_eq!(hex::encode(&raw[2..13]), "8001830f42408080826000");
        assert_eq!(raw, transaction.signed(&key, u64::MAX), "no randomness");
    }
}
