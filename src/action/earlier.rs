//! Answers of earlier entries in later calls: `{pay.hash}`, `{pay.answer}`, `{pay.answer/blockHash}`.
//!
//! `hash` is the hash of the transaction that an entry sent, `answer` is what the first node answered that did, and what
//! comes after it is a JSON pointer (RFC 6901) into that. A text that is such a name alone becomes the value itself, of
//! whatever kind; within a longer text a value stands as text.

use serde_json::Value;

/// A name in braces that means something of an entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Earlier {
    /// The entry, with its number if it repeats: `pay`, `pay#2`.
    pub entry: String,
    /// What of it.
    pub part: EarlierPart,
}

/// What of an entry is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EarlierPart {
    /// Hash of the transaction that it sent.
    Hash,
    /// Its answer, at a JSON pointer; empty is the whole of it.
    Answer(String),
    /// A word that means nothing.
    Unknown(String),
}

/// Words that mean something after the name of an entry.
pub const EARLIER_WORDS: [&str; 2] = ["hash", "answer"];

impl std::fmt::Display for Earlier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (entry, rest) = match &self.part {
            EarlierPart::Hash => (&self.entry, "hash"),
            EarlierPart::Answer(pointer) => return write!(f, "{{{}.answer{pointer}}}", self.entry),
            EarlierPart::Unknown(word) => (&self.entry, word.as_str()),
        };
        write!(f, "{{{entry}.{rest}}}")
    }
}

impl Earlier {
    /// What stands between braces. Not everything that does is such a name: `{block}`, `{2,3}`, `{"a": 1.5}`.
    fn parse(text: &str) -> Option<Self> {
        let (name, pointer) = text.find('/').map_or((text, ""), |slash| text.split_at(slash));
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '#');
        let (entry, word) = name.rsplit_once('.')?;
        let is_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
        if entry.is_empty() || !is_word || !entry.chars().all(good) {
            return None;
        }
        let part = match (word, pointer) {
            ("hash", "") => EarlierPart::Hash,
            ("answer", pointer) => EarlierPart::Answer(pointer.to_owned()),
            (word, pointer) => EarlierPart::Unknown(format!("{word}{pointer}")),
        };
        Some(Self { entry: entry.to_owned(), part })
    }

    /// What it means in the answer of a call.
    pub fn of_answer(&self, answer: &Value) -> Result<Value, String> {
        match &self.part {
            EarlierPart::Answer(pointer) => answer.pointer(pointer).cloned().ok_or_else(|| {
                format!("nothing is at {pointer} of the answer to {}, so {self} has no value", self.entry)
            }),
            EarlierPart::Hash => transaction_hash(answer).map(Value::from).ok_or_else(|| {
                format!("the answer to {} is no hash of a transaction, so {self} has no value", self.entry)
            }),
            EarlierPart::Unknown(_) => Err(format!("{self} means nothing")),
        }
    }
}

/// The hash that a node gives for a transaction that it took: a text of 32 bytes.
fn transaction_hash(answer: &Value) -> Option<&str> {
    let text = answer.as_str()?;
    let digits = text.strip_prefix("0x").unwrap_or(text);
    (digits.len() == 64 && digits.chars().all(|digit| digit.is_ascii_hexdigit())).then_some(text)
}

/// A text cut at the names in it.
enum Piece<'a> {
    Plain(&'a str),
    Named(Earlier, &'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut plain, mut from) = (0, 0);
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        // The innermost braces are meant: what lies before is plain.
        let Some(close) = text[open..].find('}').map(|at| open + at) else { break };
        if let Some(inner) = text[open + 1..close].find('{') {
            from = open + 1 + inner;
            continue;
        }
        if let Some(earlier) = Earlier::parse(&text[open + 1..close]) {
            pieces.push(Piece::Plain(&text[plain..open]));
            pieces.push(Piece::Named(earlier, &text[open..=close]));
            plain = close + 1;
        }
        from = close + 1;
    }
    pieces.push(Piece::Plain(&text[plain..]));
    pieces.retain(|piece| !matches!(piece, Piece::Plain("")));
    pieces
}

/// All names of earlier answers in a text.
pub fn earlier_in_text(text: &str) -> Vec<Earlier> {
    let named = pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Named(earlier, _) => Some(earlier),
        Piece::Plain(_) => None,
    });
    named.collect()
}

/// All names of earlier answers in the texts of a value, in order.
pub fn earlier_in(value: &Value) -> Vec<Earlier> {
    match value {
        Value::String(text) => earlier_in_text(text),
        Value::Array(items) => items.iter().flat_map(earlier_in).collect(),
        Value::Object(entries) => entries.values().flat_map(earlier_in).collect(),
        _ => Vec::new(),
    }
}

/// Puts values in the place of names. `find` gives `None` for a name that is to stay; an error ends it.
pub fn fill_earlier(
    value: &Value,
    find: &mut dyn FnMut(&Earlier) -> Result<Option<Value>, String>,
) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => match pieces(text).as_slice() {
            [Piece::Named(earlier, _)] => find(earlier)?.unwrap_or_else(|| value.clone()),
            _ => Value::String(fill_earlier_text(text, find, &as_text)?),
        },
        Value::Array(items) => items.iter().map(|item| fill_earlier(item, find)).collect::<Result<_, _>>()?,
        Value::Object(entries) => {
            let filled = entries.iter().map(|(key, item)| Ok((key.clone(), fill_earlier(item, find)?)));
            Value::Object(filled.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

/// The same for one text; `write` says how a value stands in it.
pub fn fill_earlier_text(
    text: &str,
    find: &mut dyn FnMut(&Earlier) -> Result<Option<Value>, String>,
    write: &dyn Fn(&Value) -> String,
) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Plain(plain) => filled.push_str(plain),
            Piece::Named(earlier, written) => match find(&earlier)? {
                Some(value) => filled.push_str(&write(&value)),
                None => filled.push_str(written),
            },
        }
    }
    Ok(filled)
}

/// A value within a text: texts as they are, anything else as JSON.
pub fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(text: &str) -> Vec<String> {
        earlier_in_text(text).iter().map(|earlier| format!("{earlier:?}")).collect()
    }

    #[test]
    fn names_are_told_from_other_braces() {
        assert_eq!(named("{pay.hash}"), [r#"Earlier { entry: "pay", part: Hash }"#]);
        assert_eq!(
            named("a {pay-2.x.answer/0/block~1Hash} b {p#3.answer}"),
            [
                r#"Earlier { entry: "pay-2.x", part: Answer("/0/block~1Hash") }"#,
                r#"Earlier { entry: "p#3", part: Answer("") }"#
            ]
        );
        assert_eq!(named("{pay.hsh} {pay.hash/0}").len(), 2, "mistakes are seen, not sent");
        assert_eq!(named("{{pay.hash}}"), [r#"Earlier { entry: "pay", part: Hash }"#]);
        for text in
            ["{block}", "x{2,3}", "{1.5}", r#"{"a": "b.hash"}"#, "{.hash}", "{a.hash", "{}", "a.hash}", "{a b.hash}"]
        {
            assert!(named(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_name_alone_becomes_the_value_and_one_in_a_text_its_text() {
        let mut find = |earlier: &Earlier| match earlier.entry.as_str() {
            "keep" => Ok(None),
            "gone" => Err("no answer".to_owned()),
            _ => Ok(Some(json!({"n": 7}))),
        };
        let value = json!(["{pay.answer}", {"a": "at {pay.answer}!", "b": "{keep.hash}"}, 3, "{block}"]);
        assert_eq!(
            fill_earlier(&value, &mut find),
            Ok(json!([{"n": 7}, {"a": "at {\"n\":7}!", "b": "{keep.hash}"}, 3, "{block}"]))
        );
        assert_eq!(fill_earlier(&json!(["{gone.hash}"]), &mut find), Err("no answer".to_owned()));
    }

    #[test]
    fn pointers_go_into_the_answer_and_a_hash_is_32_bytes() {
        let of = |text: &str, answer: &Value| earlier_in_text(text)[0].of_answer(answer);
        let hash = format!("0x{}", "ab".repeat(32));
        assert_eq!(of("{p.answer/0/hash}", &json!([{"hash": "0x1"}])), Ok(json!("0x1")));
        assert_eq!(of("{p.answer}", &Value::Null), Ok(Value::Null));
        assert_eq!(of("{p.hash}", &json!(hash)), Ok(json!(hash)));
        assert!(of("{p.answer/1}", &json!([1])).unwrap_err().contains("nothing is at /1 of the answer to p"));
        assert!(of("{p.hash}", &json!(true)).unwrap_err().contains("no hash of a transaction"));
    }
}
