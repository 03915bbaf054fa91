//! Scenario files as written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::send::SendDocument;
use crate::check::ThatDocument;
use crate::check::ready::ReadyDocument;
use crate::fault::Inject;
use crate::genesis::ChainDocument;
use crate::text::chain_time::Lapse;
use crate::text::units::Time;
use crate::text::{Ordered, Sp};
use crate::topology::TopologyDocument;

/// A scenario: a network, what happens to it, and what is expected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "splitbrain scenario", extend("x-later" = ["load", "hunt", "suite", "matrix"]))]
pub struct ScenarioDocument {
    /// Its name.
    pub name: Sp<String>,
    /// What it proves, for people.
    #[serde(default)]
    pub description: String,
    /// Everything that is drawn is drawn from this number. The default is 0; `--seed` on the command line wins.
    #[serde(default)]
    pub seed: Option<Sp<u64>>,
    /// Longest duration of the whole run. The default is `10m`.
    #[serde(default)]
    pub timeout: Option<Sp<Time>>,
    /// The network: the name of a file below `topologies/`, or the topology itself.
    pub topology: Sp<TopologyChoice>,
    /// What the shared genesis is made of.
    #[serde(default)]
    pub chain: Option<Sp<ChainDocument>>,
    /// `true` starts a network although its clients cannot share a chain by what their manifests say (`compatible`), to see
    /// how it fails; the plan says so in its notes.
    #[serde(default)]
    pub allow_impossible_mix: Option<bool>,
    /// Deals the topology's nodes out over these clients instead of its own: a list, or a mix with weights.
    #[serde(default)]
    pub clients: Option<Sp<ClientsChoice>>,
    /// What happens, and when.
    #[serde(default)]
    #[schemars(length(max = 1_000))]
    pub timeline: Vec<Sp<EntryDocument>>,
    /// What must hold.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub expect: Vec<Sp<ExpectationDocument>>,
}

/// An entry of the timeline: a fault and when it is in force (`inject`), or something that is sent at an instant (`send`).
/// Times count from the moment when all nodes are ready; they are of the clock (`10s`) or of the chain (`3 slots`, `2 epochs`;
/// on a clique chain `10 blocks`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["load"]))]
pub struct EntryDocument {
    /// Its name, for `after`, for expectations and reports. The default is the fault's word, or `send`.
    #[serde(default)]
    pub name: Option<Sp<String>>,
    /// When it begins. Either this or `after`.
    #[serde(default)]
    pub at: Option<Sp<Moment>>,
    /// It begins when this entry (its last repetition) has ended.
    #[serde(default)]
    pub after: Option<Sp<String>>,
    /// How long after the end of `after` it begins. The default is at once.
    #[serde(default)]
    pub delay: Option<Sp<Lapse>>,
    /// How long it is in force. Without `for` and `until` it stays to the end of the run. Has no meaning with `send`.
    #[serde(default, rename = "for")]
    pub lasting: Option<Sp<Lapse>>,
    /// When it ends, instead of `for`. Has no meaning with `send`.
    #[serde(default)]
    pub until: Option<Sp<Moment>>,
    /// Begins anew after each such time; needs `times`.
    #[serde(default)]
    pub every: Option<Sp<Lapse>>,
    /// How often, with `every`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub times: Option<Sp<u32>>,
    /// The fault. Either this or `send`.
    #[serde(default)]
    pub inject: Option<Sp<Inject>>,
    /// What is sent.
    #[serde(default)]
    pub send: Option<Sp<SendDocument>>,
}

impl EntryDocument {
    /// What it does: the fault's word, or `send`. `None` if it does not say.
    pub fn word(&self) -> Option<&'static str> {
        match (&self.inject, &self.send) {
            (Some(fault), _) => Some(fault.value.keyword()),
            (None, Some(_)) => Some(super::SEND),
            (None, None) => None,
        }
    }
}

/// Something that must hold: one word that says when (`always`, `never`, `sometimes`, `during`, `after` with `within`,
/// `at`, `at_end`) and `that`; or `ready` alone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectationDocument {
    /// All nodes come up in time: `{ready: {within: 60s}}`. Stands alone.
    #[serde(default)]
    pub ready: Option<Sp<ReadyDocument>>,
    /// `true`: at every moment.
    #[serde(default)]
    pub always: Option<Sp<bool>>,
    /// `true`: at no moment.
    #[serde(default)]
    pub never: Option<Sp<bool>>,
    /// `true`: at one moment at least.
    #[serde(default)]
    pub sometimes: Option<Sp<bool>>,
    /// At one moment at least while this entry of the timeline is in force (in each of its repetitions).
    #[serde(default)]
    pub during: Option<Sp<String>>,
    /// Soon after this entry of the timeline (its last repetition) has ended; needs `within`.
    #[serde(default)]
    pub after: Option<Sp<String>>,
    /// How soon, with `after`.
    #[serde(default)]
    pub within: Option<Sp<Lapse>>,
    /// At this moment.
    #[serde(default)]
    pub at: Option<Sp<Moment>>,
    /// `true`: when the timeline ends.
    #[serde(default)]
    pub at_end: Option<Sp<bool>>,
    /// What must hold.
    #[serde(default)]
    pub that: Option<Sp<ThatDocument>>,
}

/// A named topology, or one that stands in the scenario itself.
#[derive(Clone, Debug)]
pub enum TopologyChoice {
    /// Name of a file below `topologies/`.
    Named(String),
    /// The topology.
    Inline(Box<TopologyDocument>),
}

impl<'de> Deserialize<'de> for TopologyChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChoiceVisitor;
        impl<'de> Visitor<'de> for ChoiceVisitor {
            type Value = TopologyChoice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a topology, or a topology")
            }
            fn visit_str<E>(self, name: &str) -> Result<TopologyChoice, E> {
                Ok(TopologyChoice::Named(name.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TopologyChoice, A::Error> {
                TopologyDocument::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(|document| TopologyChoice::Inline(Box::new(document)))
            }
        }
        deserializer.deserialize_any(ChoiceVisitor)
    }
}

impl JsonSchema for TopologyChoice {
    fn schema_name() -> Cow<'static, str> {
        "TopologyChoice".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inline = generator.subschema_for::<TopologyDocument>();
        json_schema!({
            "description": "The name of a file below `topologies/`, or the topology itself.",
            "anyOf": [{"type": "string", "minLength": 1}, inline],
            "x-expects": "the name of a topology, or a topology",
        })
    }
}

/// Clients to deal nodes over: a list, or a mix with weights.
#[derive(Clone, Debug)]
pub enum ClientsChoice {
    /// Each with the same weight.
    List(Vec<Sp<String>>),
    /// With weights.
    Mix(Ordered<Sp<u32>>),
}

impl<'de> Deserialize<'de> for ClientsChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChoiceVisitor;
        impl<'de> Visitor<'de> for ChoiceVisitor {
            type Value = ClientsChoice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of clients, or a mix such as `{reference: 3, other: 1}`")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ClientsChoice, A::Error> {
                let mut clients = Vec::new();
                while let Some(client) = list.next_element()? {
                    clients.push(client);
                }
                Ok(ClientsChoice::List(clients))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ClientsChoice, A::Error> {
                Ordered::deserialize(de::value::MapAccessDeserializer::new(map)).map(ClientsChoice::Mix)
            }
        }
        deserializer.deserialize_any(ChoiceVisitor)
    }
}

impl JsonSchema for ClientsChoice {
    fn schema_name() -> Cow<'static, str> {
        "ClientsChoice".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A list of clients, or a mix with weights.",
            "anyOf": [
                {"type": "array", "minItems": 1, "items": {"type": "string"}},
                {"type": "object", "minProperties": 1, "additionalProperties": {"type": "integer", "format": "uint32", "minimum": 0}},
            ],
            "examples": [["reference"], {"reference": 3}],
        })
    }
}

/// A moment of the timeline. Moments that hang on the chain (`{height: 40}`) are words for later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After the timeline's zero.
    Time(Lapse),
    /// A known word that is not built yet; the structural checker has refused it.
    Later,
}

impl Moment {
    /// After the timeline's zero.
    pub fn time(self) -> std::time::Duration {
        match self {
            Self::Time(time) => time.clock(),
            Self::Later => std::time::Duration::ZERO,
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MomentVisitor;
        impl<'de> Visitor<'de> for MomentVisitor {
            type Value = Moment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `10s` or `3 slots`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Moment, E> {
                text.parse().map(Moment::Time).map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Moment, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Moment, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Moment, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Moment::Later)
            }
        }
        deserializer.deserialize_any(MomentVisitor)
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let time = generator.subschema_for::<Lapse>();
        json_schema!({
            "anyOf": [
                time,
                {"type": "object", "properties": {}, "additionalProperties": false, "x-later": ["height", "slot", "epoch", "block"], "description": "Reserved: moments of the chain."},
            ],
            "x-expects": "a duration such as `10s` or `3 slots`",
        })
    }
}
