//! A document as a tree in which every scalar, list, mapping and key knows its place.

use super::Span;

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it stands. A list or mapping spans from its first to its last entry.
    pub span: Span,
    /// What stands there.
    pub content: Content,
}

/// What can stand in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing, `~` or `null`.
    Null,
    /// Text as it was written. Whether `10` is a number or a word is for the reader to say, who knows what it wants.
    Scalar {
        /// The text, quotes and escapes resolved.
        text: String,
        /// Whether it was quoted or a block, so that it is text and never a number.
        quoted: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file. May hold a key twice: the checker reports that.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key's text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// What a plain scalar reads as, by the core schema of YAML 1.2 without its traps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain {
    /// `true` or `false`. Not `yes`, `no`, `on`, `off`: those are words.
    Bool(bool),
    /// `12`, `0x1f`, `0o17`.
    Unsigned(u64),
    /// `-12`.
    Signed(i64),
    /// `1.5`, `1e3`.
    Float(f64),
    /// A word.
    Text,
}

impl Plain {
    /// Reads a plain scalar.
    pub fn of(text: &str) -> Self {
        match text {
            "true" | "True" | "TRUE" => return Self::Bool(true),
            "false" | "False" | "FALSE" => return Self::Bool(false),
            _ => {}
        }
        if let Some(digits) = text.strip_prefix("0x") {
            return u64::from_str_radix(digits, 16).map_or(Self::Text, Self::Unsigned);
        }
        if let Some(digits) = text.strip_prefix("0o") {
            return u64::from_str_radix(digits, 8).map_or(Self::Text, Self::Unsigned);
        }
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if !digits.starts_with(|first: char| first.is_ascii_digit()) && !digits.starts_with('.') {
            return Self::Text;
        }
        // YAML 1.1 read a leading zero as octal, YAML 1.2 as decimal: neither is done here, it stays a word.
        if has_leading_zero(digits) {
            return Self::Text;
        }
        if let Ok(number) = text.parse::<u64>() {
            return Self::Unsigned(number);
        }
        if let Ok(number) = text.parse::<i64>() {
            return Self::Signed(number);
        }
        let is_float = digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
        match text.parse::<f64>() {
            Ok(number) if is_float && number.is_finite() => Self::Float(number),
            _ => Self::Text,
        }
    }
}

/// Whether digits begin with a zero that another YAML version would take for octal: `010`, but not `0` or `0.5`.
pub fn has_leading_zero(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0') && digits.chars().all(|c| c.is_ascii_digit())
}

impl Node {
    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The key with its place and its value, if this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<(&Key, &Node)> {
        let Content::Map(entries) = &self.content else { return None };
        entries.iter().find(|(name, _)| name.text == key).map(|(name, value)| (name, value))
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// What a person would call it: "a list", "`12`".
    pub fn describe(&self) -> String {
        match &self.content {
            Content::Null => "nothing".to_owned(),
            Content::Scalar { text, quoted } => {
                let short: String = text.chars().take(40).collect();
                let short = short.replace(['\n', '\r', '\t'], " ");
                let dots = if text.chars().count() > 40 { "…" } else { "" };
                if *quoted { format!("the text `{short}{dots}`") } else { format!("`{short}{dots}`") }
            }
            Content::List(items) if items.is_empty() => "an empty list".to_owned(),
            Content::List(_) => "a list".to_owned(),
            Content::Map(entries) if entries.is_empty() => "an empty mapping".to_owned(),
            Content::Map(_) => "a mapping".to_owned(),
        }
    }
}
