//! Targets as written: reading, writing, schema.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};

use super::Targets;
use crate::text::Sp;

impl<'de> serde::Deserialize<'de> for Targets {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TargetsVisitor;

        impl<'de> Visitor<'de> for TargetsVisitor {
            type Value = Targets;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("targets: a name, a word such as `one`, a share such as `40%`, `{random: 3}`, `{label: value}`, or a list of those")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Targets, E> {
                Ok(Targets::Word(word.to_owned()))
            }
            fn visit_u64<E: de::Error>(self, word: u64) -> Result<Targets, E> {
                Ok(Targets::Word(word.to_string()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Targets, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Targets::List(items))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Targets, A::Error> {
                let mut labels = BTreeMap::new();
                let mut random = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key == "random" {
                        random = Some(map.next_value::<Sp<u32>>()?);
                    } else {
                        labels.insert(key, map.next_value::<String>()?);
                    }
                }
                match random {
                    Some(count) if labels.is_empty() => Ok(Targets::Random(count)),
                    Some(_) => Err(de::Error::custom("`random` stands alone, without labels beside it")),
                    None if labels.is_empty() => {
                        Err(de::Error::custom("expected `{random: 3}` or `{label: value}`, found an empty mapping"))
                    }
                    None => Ok(Targets::Labels(labels)),
                }
            }
        }
        deserializer.deserialize_any(TargetsVisitor)
    }
}

impl JsonSchema for Targets {
    fn schema_name() -> Cow<'static, str> {
        "Targets".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let itself = generator.subschema_for::<Targets>();
        json_schema!({
            "description": "Which nodes: a name, a glob `west-*`, a group, a client, a member of a participant `west-0.execution` or `*.execution`, a share `40%`, one of the words `one minority minority_third majority supermajority all bootnodes`, `{random: 3}`, `{label: value}`, or a list of those.",
            "anyOf": [
                {"type": "string"},
                {"type": "object", "required": ["random"], "properties": {"random": {"type": "integer", "format": "uint32", "minimum": 1, "description": "So many nodes, drawn from the seed."}}, "additionalProperties": false},
                {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}},
                {"type": "array", "minItems": 1, "items": itself},
            ],
            "examples": ["west", "west-*", "minority", "40%", {"random": 2}],
        })
    }
}

impl serde::Serialize for Targets {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        match self {
            Self::Word(word) => serializer.serialize_str(word),
            Self::Random(count) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("random", &count.value)?;
                map.end()
            }
            Self::Labels(labels) => labels.serialize(serializer),
            Self::List(items) => items.serialize(serializer),
        }
    }
}

/// As it may be written: `west`, `{random: 3}`, `{side: a}`, `[a, b]`.
impl fmt::Display for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Random(count) => write!(f, "{{random: {}}}", count.value),
            Self::Labels(labels) => {
                let parts: Vec<String> = labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                write!(f, "{{{}}}", parts.join(", "))
            }
            Self::List(items) => {
                let parts: Vec<String> = items.iter().map(|item| item.value.to_string()).collect();
                write!(f, "[{}]", parts.join(", "))
            }
        }
    }
}
