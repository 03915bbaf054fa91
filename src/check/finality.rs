//! `finality`: what is final is not far behind the head.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::Sp;
use crate::topology::Targets;

/// What is final is at most so far behind the head, on every node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FinalityDocument {
    /// How far: `3 epochs`, `24 slots`, `10 blocks`. A plain number counts epochs where the chain has them, else blocks.
    /// A healthy beacon chain is 2 to 3 epochs behind.
    pub lag: Sp<Lag>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `finality`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finality {
    /// How far behind at most.
    pub lag: Lag,
}

/// A distance on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// How many.
    pub amount: u64,
    /// Of what.
    pub unit: LagUnit,
}

/// What a distance is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LagUnit {
    /// Epochs where the chain has them, else blocks.
    Natural,
    /// Epochs.
    Epochs,
    /// Slots; the same as blocks on a chain without slots.
    Slots,
    /// Blocks; the same as slots on a chain that counts by slot.
    Blocks,
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            LagUnit::Natural => "",
            LagUnit::Epochs => " epochs",
            LagUnit::Slots => " slots",
            LagUnit::Blocks => " blocks",
        };
        write!(f, "{}{}", self.amount, if self.amount == 1 { unit.trim_end_matches('s') } else { unit })
    }
}

impl FromStr for Lag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim() {
            "" => LagUnit::Natural,
            "epoch" | "epochs" => LagUnit::Epochs,
            "slot" | "slots" => LagUnit::Slots,
            "block" | "blocks" => LagUnit::Blocks,
            _ => {
                return Err(format!("`{text}` is no distance on a chain: write `3 epochs`, `24 slots` or `10 blocks`"));
            }
        };
        let amount = number.parse().map_err(|_| {
            format!("`{text}` is no distance on a chain: it must begin with a number, as in `3 epochs` or `10 blocks`")
        })?;
        Ok(Self { amount, unit })
    }
}

impl<'de> Deserialize<'de> for Lag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Lag;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a distance on a chain such as `3 epochs` or `10 blocks`")
            }
            fn visit_u64<E: serde::de::Error>(self, amount: u64) -> Result<Lag, E> {
                Ok(Lag { amount, unit: LagUnit::Natural })
            }
            fn visit_i64<E: serde::de::Error>(self, amount: i64) -> Result<Lag, E> {
                u64::try_from(amount)
                    .map(|amount| Lag { amount, unit: LagUnit::Natural })
                    .map_err(|_| E::custom("a distance on a chain cannot be negative"))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Lag, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for Lag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Lag {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Lag".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": "^[0-9]+ *(epochs?|slots?|blocks?)?$"}
        ]})
    }
}
