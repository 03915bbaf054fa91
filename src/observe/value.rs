//! Values out of foreign JSON: numbers come as numbers, decimal strings or `0x` hex strings, depending on the API.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::journal::shown::{acts, printable, shortened};

/// Longest text of a node (a version, a producer, a status) that is kept, in characters; of a longer one its beginning and
/// its length.
const LONGEST_TEXT: usize = 256;

/// Longest name of a block that is kept as it is, in bytes; twice what the longest known ones need.
const LONGEST_HASH: usize = 128;

/// A number that may be a JSON number, a decimal string or a `0x` hex string. `None` for anything else, also for
/// fractions, negative numbers and numbers over 64 bits.
pub(crate) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            // from_str_radix also takes a sign, which no API means.
            Some(digits) if digits.starts_with(['+', '-']) => None,
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None if text.starts_with('+') => None,
            None => text.parse().ok(),
        },
        _ => None,
    }
}

/// A text: a JSON string, a number as its digits (some APIs give indices as numbers). What a node says goes into a journal
/// and on to people, so it is bounded and harmless from here on.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(shortened(text, LONGEST_TEXT)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A block hash or root: a text that is not empty, `0x` hex in lower case, so that two clients that write the same
/// hash with different letters are not taken for two blocks.
pub(crate) fn hash(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !text.is_empty())?;
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && digits.len() >= 32 {
        Some(bounded(format!("0x{}", digits.to_ascii_lowercase())))
    } else {
        Some(bounded(text.to_owned()))
    }
}

/// A name that is too long for a block's, or would act on a terminal, by its digest: names that differ must stay different,
/// whatever is left out of them.
fn bounded(name: String) -> String {
    if name.len() <= LONGEST_HASH && !name.contains(acts) && !name.contains(['\n', '\t']) {
        return name;
    }
    format!("sha256:{}", hex::encode(Sha256::digest(&name)))
}

/// Hex digits of any number, with or without `0x`, as `0x` and lower-case digits. `None` for an empty text, too.
pub(crate) fn hex(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let fine = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    fine.then(|| bounded(format!("0x{}", digits.to_ascii_lowercase())))
}

/// The beginning of an answer for an error message, on one line.
pub(crate) fn excerpt(body: &[u8]) -> String {
    const LONGEST: usize = 120;
    let text = String::from_utf8_lossy(&body[..body.len().min(LONGEST * 4)]);
    let mut shown: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect();
    shown = printable(&shown).into_owned();
    if text.chars().count() > LONGEST || body.len() > LONGEST * 4 {
        shown.push('…');
    }
    if shown.is_empty() { "an empty body".to_owned() } else { format!("`{shown}`") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_come_in_three_forms() {
        for (value, expected) in [
            (json!(7), Some(7)),
            (json!("7"), Some(7)),
            (json!("0x10"), Some(16)),
            (json!("0X1f"), Some(31)),
            (json!("18446744073709551615"), Some(u64::MAX)),
            (json!("18446744073709551616"), None),
            (json!(-1), None),
            (json!("-1"), None),
            (json!("+1"), None),
            (json!("0x-1"), None),
            (json!(1.5), None),
            (json!("0x"), None),
            (json!(""), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(number(&value), expected, "{value}");
        }
    }

    #[test]
    fn the_same_hash_in_other_letters_is_the_same_hash() {
        let upper = "AB".repeat(32);
        assert_eq!(hash(&json!(upper)), Some(format!("0x{}", "ab".repeat(32))));
        assert_eq!(hash(&json!(format!("0x{upper}"))), Some(format!("0x{}", "ab".repeat(32))));
        assert_eq!(hash(&json!("QmNotHex")), Some("QmNotHex".to_owned()));
        assert_eq!(hash(&json!("")), None);
        assert_eq!(hash(&json!(1)), None);
    }

    #[test]
    fn what_a_node_says_is_bounded_and_stays_different() {
        let long = |end: &str| hash(&json!(format!("h{}{end}", "z".repeat(3_000_000)))).expect("a name");
        assert!(long("1").len() <= LONGEST_HASH);
        assert_ne!(long("1"), long("2"), "two blocks stay two blocks");
        assert_eq!(long("1"), long("1"));
        let hex_of = |digit: &str| hash(&json!(digit.repeat(1_000_000))).expect("a name");
        assert!(hex_of("a").len() <= LONGEST_HASH && hex_of("a") != hex_of("b"));
        let acting = hash(&json!("Qm\u{1b}[2J")).expect("a name");
        assert!(acting.starts_with("sha256:"), "{acting}");
        let version = text(&json!(format!("v1\u{1b}]0;x\u{7}\n{}", "w".repeat(3_000_000)))).expect("a text");
        assert!(
            version.chars().count() < LONGEST_TEXT + 40 && version.starts_with("v1\u{fffd}]0;x\u{fffd} www"),
            "{version}"
        );
        assert_eq!(text(&json!("geth/v1.16.9")).as_deref(), Some("geth/v1.16.9"));
    }

    #[test]
    fn short_hex_is_hex_too() {
        assert_eq!(hex(&json!("04AB")), Some("0x04ab".to_owned()));
        assert_eq!(hex(&json!("0x04aB")), Some("0x04ab".to_owned()));
        for not in [json!(""), json!("0x"), json!("xyz"), json!(null), json!(4)] {
            assert_eq!(hex(&not), None, "{not}");
        }
    }

    #[test]
    fn excerpts_are_short_and_on_one_line() {
        assert_eq!(excerpt(b""), "an empty body");
        assert_eq!(excerpt(b"<html>\n  no</html>"), "`<html> no</html>`");
        assert!(excerpt(&vec![b'x'; 100_000]).chars().count() < 130);
        assert!(excerpt(&[0xff; 1000]).contains('…'));
    }
}
