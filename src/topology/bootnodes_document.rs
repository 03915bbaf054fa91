//! `bootnodes:` as written: names, a number, or `none`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Targets;
use crate::text::Sp;

/// Which nodes are bootnodes.
#[derive(Clone, Debug, PartialEq)]
pub enum BootnodesDocument {
    /// `none`.
    None,
    /// `{count: 2}`: the first node of each group in turn, then the second, and so on.
    Count(Sp<u32>),
    /// Targets, or a list of them.
    Nodes(Vec<Sp<Targets>>),
    /// One word that is not `none`: a name.
    Word(String),
}

impl<'de> Deserialize<'de> for BootnodesDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BootnodesVisitor;
        impl<'de> Visitor<'de> for BootnodesVisitor {
            type Value = BootnodesDocument;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of nodes, `{count: 2}` or `none`")
            }
            fn visit_str<E>(self, word: &str) -> Result<BootnodesDocument, E> {
                Ok(if word == "none" { BootnodesDocument::None } else { BootnodesDocument::Word(word.to_owned()) })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<BootnodesDocument, A::Error> {
                let mut nodes = Vec::new();
                while let Some(node) = list.next_element()? {
                    nodes.push(node);
                }
                Ok(BootnodesDocument::Nodes(nodes))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<BootnodesDocument, A::Error> {
                let mut count = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key != "count" {
                        return Err(de::Error::unknown_field(&key, &["count"]));
                    }
                    count = Some(map.next_value()?);
                }
                count.map(BootnodesDocument::Count).ok_or_else(|| de::Error::missing_field("count"))
            }
        }
        deserializer.deserialize_any(BootnodesVisitor)
    }
}

impl JsonSchema for BootnodesDocument {
    fn schema_name() -> Cow<'static, str> {
        "Bootnodes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let targets = generator.subschema_for::<Targets>();
        json_schema!({
            "description": "Which nodes are bootnodes: names, `{count: 2}`, or `none`.",
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"count": {"type": "integer", "format": "uint32", "minimum": 1, "description": "How many."}},
                    "required": ["count"],
                    "additionalProperties": false,
                },
                {"type": "array", "items": targets},
            ],
            "examples": [["boot"], {"count": 2}, "none"],
        })
    }
}
