//! Members of a participant as written: `execution: go-ethereum`, a mix, or the long form with settings of its own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};

use super::document::{ArgumentsDocument, ResourcesDocument};
use crate::text::{Ordered, Sp};

/// What runs as one member of each participant.
#[derive(Clone, Debug)]
pub enum MemberDocument {
    /// A client.
    Client(String),
    /// A weighted mix of clients, dealt out in this order.
    Mix(Ordered<Sp<u32>>),
    /// With settings of its own.
    Long(Box<LongMemberDocument>),
}

/// A member with settings of its own.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LongMemberDocument {
    /// The client: a folder below `clients/`, and the variant if it has several.
    #[serde(default)]
    pub client: Option<Sp<String>>,
    /// A weighted mix of clients instead of one, dealt out in this order.
    #[serde(default)]
    pub clients: Option<Sp<Ordered<Sp<u32>>>>,
    /// Environment variables, added to the manifest's.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Changes to the client's command line.
    #[serde(default)]
    pub args: Option<ArgumentsDocument>,
    /// Extra files that it finds when it starts: name and content. Templates as in manifests.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Limits.
    #[serde(default)]
    pub resources: Option<ResourcesDocument>,
}

/// Keys that tell the long form from a mix: no client can be called like one of them in a mix.
const LONG_KEYS: [&str; 6] = ["client", "clients", "env", "args", "files", "resources"];

impl<'de> Deserialize<'de> for MemberDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MemberVisitor;
        impl<'de> Visitor<'de> for MemberVisitor {
            type Value = MemberDocument;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a client, a mix of clients with weights, or `{client: NAME, args: …}`")
            }
            fn visit_str<E>(self, client: &str) -> Result<MemberDocument, E> {
                Ok(MemberDocument::Client(client.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MemberDocument, A::Error> {
                let Some(first) = map.next_key::<Sp<String>>()? else {
                    return Ok(MemberDocument::Mix(Ordered::default()));
                };
                if LONG_KEYS.contains(&first.value.as_str()) {
                    let again = Again { first: Some(first.value), rest: map };
                    return LongMemberDocument::deserialize(MapAccessDeserializer::new(again))
                        .map(|long| MemberDocument::Long(Box::new(long)));
                }
                let mut mix = vec![(first, map.next_value()?)];
                while let Some(entry) = map.next_entry()? {
                    mix.push(entry);
                }
                Ok(MemberDocument::Mix(Ordered(mix)))
            }
        }
        deserializer.deserialize_any(MemberVisitor)
    }
}

/// A mapping whose first key has been read already, and is read again.
struct Again<A> {
    first: Option<String>,
    rest: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Again<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(first) => seed.deserialize(first.into_deserializer()).map(Some),
            None => self.rest.next_key_seed(seed),
        }
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.rest.next_value_seed(seed)
    }
}

impl JsonSchema for MemberDocument {
    fn schema_name() -> Cow<'static, str> {
        "Member".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mix = generator.subschema_for::<Ordered<Sp<u32>>>();
        let long = generator.subschema_for::<LongMemberDocument>();
        json_schema!({
            "description": "A member of a participant: a client, a weighted mix of clients `{one: 2, other: 1}`, or `{client: NAME, args: …}` with settings of its own.",
            "anyOf": [{"type": "string"}, mix, long],
            "examples": ["reference", {"one": 2, "other": 1}, {"client": "reference", "args": {"add": ["--verbosity=4"]}}],
        })
    }
}
