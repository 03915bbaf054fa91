//! Key stores of validators (EIP-2335), for clients that take a key in no other form.

use aes::Aes128;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use pbkdf2::pbkdf2_hmac;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::interop_keys::{ValidatorKey, validator_key};

/// The password of all key stores. Interop keys are no secret: everybody can compute them from an index.
pub const KEYSTORE_PASSWORD: &str = "splitbrain";

/// Rounds of the key derivation. The standard's example has 262,144, a tenth of a second of every client's start for each
/// key, to hide what is no secret here.
const ROUNDS: u32 = 2048;

/// The key store of an interop validator, as JSON. The same index gives the same bytes: salt, initialisation vector and
/// name follow from the public key.
pub fn interop_keystore(index: u32) -> String {
    let key = validator_key(index);
    let derived =
        |word: &str| -> [u8; 32] { Sha256::new().chain_update(word).chain_update(key.public).finalize().into() };
    let [salt, vector, name] = ["salt", "vector", "name"].map(derived);
    let (vector, name) = (first_half(&vector), first_half(&name));
    let mut store = encrypted(&key, KEYSTORE_PASSWORD, &salt, &vector, ROUNDS);
    store["description"] = json!(format!("interop validator {index}"));
    store["uuid"] = json!(Builder::from_random_bytes(name).into_uuid().to_string());
    store.to_string()
}

/// The part of a key store that its encryption makes, with the fields that follow from the key.
fn encrypted(key: &ValidatorKey, password: &str, salt: &[u8; 32], vector: &[u8; 16], rounds: u32) -> Value {
    let mut derived = [0; 32];
    pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, rounds, &mut derived);
    let mut message = key.private;
    Ctr128BE::<Aes128>::new(&first_half(&derived).into(), &(*vector).into()).apply_keystream(&mut message);
    let checksum = Sha256::new().chain_update(&derived[16..]).chain_update(message).finalize();
    json!({
        "crypto": {
            "kdf": {
                "function": "pbkdf2",
                "params": {"dklen": 32, "c": rounds, "prf": "hmac-sha256", "salt": hex::encode(salt)},
                "message": "",
            },
            "checksum": {"function": "sha256", "params": {}, "message": hex::encode(checksum)},
            "cipher": {
                "function": "aes-128-ctr",
                "params": {"iv": hex::encode(vector)},
                "message": hex::encode(message),
            },
        },
        "pubkey": hex::encode(key.public),
        "path": "",
        "version": 4,
    })
}

fn first_half(bytes: &[u8; 32]) -> [u8; 16] {
    let (half, _) = bytes.split_first_chunk().expect("32 bytes begin with 16");
    *half
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(digits: &str) -> [u8; N] {
        hex::decode(digits).unwrap().try_into().unwrap()
    }

    /// The test case for PBKDF2 of EIP-2335. Its password is given as the text that the standard's normalisation makes of it.
    #[test]
    fn the_vector_of_the_standard() {
        let key = ValidatorKey {
            private: bytes("000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"),
            public: bytes(
                "9612d7a727c9d0a22e185a1c768478dfe919cada9266988cb32359c11f2b7b27f4ae4040902382ae2910c15e2b420d07",
            ),
        };
        let salt = bytes("d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3");
        let vector = bytes("264daa3f303d7259501c93d997d84fe6");
        let store = encrypted(&key, "testpassword\u{1F511}", &salt, &vector, 262_144);
        assert_eq!(
            store["crypto"]["cipher"]["message"],
            "cee03fde2af33149775b7223e7845e4fb2c8ae1792e5f99fe9ecf474cc8c16ad"
        );
        assert_eq!(
            store["crypto"]["checksum"]["message"],
            "8a9f5d9912ed7e75ea794bc5a89bca5f193721d30868ade6f73043c6ea6febf1"
        );
    }

    #[test]
    fn an_index_has_one_store_with_its_own_salt_and_name() {
        let read = |index| -> Value { serde_json::from_str(&interop_keystore(index)).unwrap() };
        let (first, second) = (read(0), read(1));
        assert_eq!(first, read(0));
        assert_eq!(first["pubkey"], hex::encode(validator_key(0).public));
        for part in ["/crypto/kdf/params/salt", "/crypto/cipher/params/iv", "/crypto/cipher/message", "/uuid"] {
            assert_ne!(first.pointer(part).unwrap(), second.pointer(part).unwrap(), "{part}");
        }
        let name = uuid::Uuid::parse_str(first["uuid"].as_str().unwrap()).unwrap();
        assert_eq!(name.get_version_num(), 4);
    }
}
