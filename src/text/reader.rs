//! Reads a tree into a type through serde, and keeps places: [`Sp`](super::Sp) fields learn theirs, and a mistake
//! points at the innermost value that it is about.

use std::fmt;

use serde::de::value::{StrDeserializer, U32Deserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::schema::DocumentSchema;
use super::tree::{Content, Key, Node, Plain};
use super::{Diagnostic, Span};

/// The name by which [`Sp`](super::Sp) asks this reader for a place.
pub(super) const PLACE_WANTED: &str = "splitbrain::text::Sp";

/// Checks the tree against the type's schema, then reads it. Every structural mistake is reported.
pub fn read_checked<T: de::DeserializeOwned + schemars::JsonSchema>(tree: &Node) -> Result<T, Vec<Diagnostic>> {
    let mistakes = super::checker::check(tree, &DocumentSchema::of::<T>());
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    read_node(tree).map_err(|mistake| vec![mistake])
}

/// Reads a tree that was checked before.
pub fn read_node<T: de::DeserializeOwned>(tree: &Node) -> Result<T, Diagnostic> {
    T::deserialize(NodeReader { node: tree }).map_err(|mistake| {
        let span = mistake.span.unwrap_or(tree.span);
        let mut diagnostic = Diagnostic::error(mistake.message).at(span, mistake.label);
        diagnostic.help = mistake.help;
        diagnostic
    })
}

/// A mistake on its way up: gets the place of the innermost value that it passes.
#[derive(Debug)]
struct ReadError {
    message: String,
    label: String,
    help: Vec<String>,
    span: Option<Span>,
}

impl ReadError {
    fn at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        // Help lines may follow the message, one a line: serde gives errors no other room.
        let text = message.to_string();
        let mut lines = text.lines();
        let message = lines.next().unwrap_or_default().to_owned();
        let help = lines.map(|line| line.trim_start_matches("help: ").to_owned()).collect();
        Self { message, label: String::new(), help, span: None }
    }
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let mut mistake = Self::custom(format_args!("unknown key `{field}`"));
        mistake.help = super::suggest::help(field, expected.iter().copied(), "keys");
        mistake
    }
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let mut mistake = Self::custom(format_args!("unknown word `{variant}`"));
        mistake.help = super::suggest::help(variant, expected.iter().copied(), "words");
        mistake
    }
    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("the key `{field}` is missing"))
    }
    fn duplicate_field(field: &'static str) -> Self {
        Self::custom(format_args!("the key `{field}` stands here twice"))
    }
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}, found {}", found(&unexpected)))
    }
    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}, found {}", found(&unexpected)))
    }
}

fn found(unexpected: &Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("`{value}`"),
        Unexpected::Signed(value) => format!("`{value}`"),
        Unexpected::Float(value) => format!("`{value}`"),
        Unexpected::Str(value) => format!("`{value}`"),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

/// Hands one value of the tree to serde.
#[derive(Clone, Copy)]
struct NodeReader<'a> {
    node: &'a Node,
}

impl NodeReader<'_> {
    /// Calls the visitor with what the value is by its own looks.
    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.content {
            Content::Null => visitor.visit_unit(),
            Content::Scalar { text, quoted: true } => visitor.visit_str(text),
            Content::Scalar { text, quoted: false } => match Plain::of(text) {
                Plain::Bool(value) => visitor.visit_bool(value),
                Plain::Unsigned(value) => visitor.visit_u64(value),
                Plain::Signed(value) => visitor.visit_i64(value),
                Plain::Float(value) => visitor.visit_f64(value),
                Plain::Text => visitor.visit_str(text),
            },
            Content::List(items) => visitor.visit_seq(ListReader { items: items.iter() }),
            Content::Map(entries) => visitor.visit_map(MapReader { entries: entries.iter(), value: None }),
        }
        .map_err(|mistake| mistake.at(self.node.span))
    }

    /// Text is wanted: plain numbers are text too, so that a version `1.10` stays `1.10`.
    fn words<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.content {
            Content::Scalar { text, .. } => {
                visitor.visit_str(text).map_err(|mistake: ReadError| mistake.at(self.node.span))
            }
            _ => self.any(visitor),
        }
    }
}

impl<'de> Deserializer<'de> for NodeReader<'_> {
    type Error = ReadError;

    /// Whoever takes anything (parameters of JSON-RPC) gets `0x1a` as the text that a JSON-RPC quantity is; numbers in hex
    /// are for those who ask for a number.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.content {
            Content::Scalar { text, quoted: false } if text.starts_with("0x") => self.words(visitor),
            _ => self.any(visitor),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.any(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.any(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.any(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.any(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.any(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.any(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.words(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.words(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.words(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node.content {
            Content::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == PLACE_WANTED {
            visitor.visit_seq(PlaceReader { node: self.node, step: 0 }).map_err(|mistake| mistake.at(self.node.span))
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let result = match &self.node.content {
            Content::Scalar { text, .. } => {
                visitor.visit_enum(WordReader { word: text, span: self.node.span, parameters: None })
            }
            Content::Map(entries) if entries.len() == 1 => {
                let (key, value) = &entries[0];
                let parameters = Some(value).filter(|value| value.content != Content::Null);
                visitor.visit_enum(WordReader { word: &key.text, span: key.span, parameters })
            }
            Content::Map(entries) => {
                let keys: Vec<&str> = entries.iter().map(|(key, _)| key.text.as_str()).collect();
                let found = if keys.is_empty() { "an empty one".to_owned() } else { super::suggest::list(&keys) };
                Err(de::Error::custom(format_args!("expected a mapping with one key, found {found}")))
            }
            _ => Err(de::Error::custom(format_args!(
                "expected a word or a mapping with one key, found {}",
                self.node.describe()
            ))),
        };
        result.map_err(|mistake| mistake.at(self.node.span))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i128 u128 f32 char bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct
    }
}

/// A variant of an enum: a word, or a word with parameters. A word alone stands for the word with all its parameters
/// left out, and a word with an empty mapping for the word alone.
struct WordReader<'a> {
    word: &'a str,
    span: Span,
    parameters: Option<&'a Node>,
}

impl<'de> EnumAccess<'de> for WordReader<'_> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ReadError> {
        let word = seed
            .deserialize(StrDeserializer::<ReadError>::new(self.word))
            .map_err(|mistake: ReadError| mistake.at(self.span))?;
        Ok((word, self))
    }
}

impl WordReader<'_> {
    fn with_parameters<T>(self, read: impl FnOnce(NodeReader<'_>) -> Result<T, ReadError>) -> Result<T, ReadError> {
        match self.parameters {
            Some(node) => read(NodeReader { node }),
            None => read(NodeReader { node: &Node { span: self.span, content: Content::Map(Vec::new()) } }),
        }
    }
}

impl<'de> VariantAccess<'de> for WordReader<'_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.parameters {
            None => Ok(()),
            Some(Node { content: Content::Map(entries), .. }) if entries.is_empty() => Ok(()),
            Some(node) => {
                let mistake: ReadError = de::Error::custom(format_args!("`{}` takes no parameters", self.word));
                Err(mistake.at(node.span))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        self.with_parameters(|reader| seed.deserialize(reader))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.with_parameters(|reader| reader.any(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.with_parameters(|reader| reader.any(visitor))
    }
}

/// The items of a list.
struct ListReader<'a> {
    items: std::slice::Iter<'a, Node>,
}

impl<'de> SeqAccess<'de> for ListReader<'_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.items.next().map(|node| seed.deserialize(NodeReader { node })).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of a mapping.
struct MapReader<'a> {
    entries: std::slice::Iter<'a, (Key, Node)>,
    value: Option<(&'a Key, &'a Node)>,
}

impl<'de> MapAccess<'de> for MapReader<'_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let Some((key, node)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key, node));
        // A key is a scalar like any other, so that `Sp<String>` keys learn their place.
        let scalar = Node { span: key.span, content: Content::Scalar { text: key.text.clone(), quoted: false } };
        seed.deserialize(NodeReader { node: &scalar }).map(Some).map_err(|mistake| mistake.at(key.span))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let (_, node) = self.value.take().expect("serde asks for a value after its key");
        seed.deserialize(NodeReader { node })
    }
}

/// What [`Sp`](super::Sp) is read from: source, start, end, value.
struct PlaceReader<'a> {
    node: &'a Node,
    step: u8,
}

impl<'de> SeqAccess<'de> for PlaceReader<'_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let step = self.step;
        self.step += 1;
        let number = |value: u32| U32Deserializer::<ReadError>::new(value);
        match step {
            0 => seed.deserialize(number(self.node.span.source)),
            1 => seed.deserialize(number(self.node.span.start)),
            2 => seed.deserialize(number(self.node.span.end)),
            3 => seed.deserialize(NodeReader { node: self.node }),
            _ => return Ok(None),
        }
        .map(Some)
    }
}
