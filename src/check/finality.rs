//! `finality`: what is final is not far behind the head.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::history::{Fact, History, State};
use super::judge::{Case, How, Judgement};
use super::moments::{Answer, Moments, Roll};
use super::verdict::per_node;
use crate::text::Sp;
use crate::text::chain_time::ChainUnit;
use crate::topology::Targets;

/// What is final is at most so far behind the head, on every node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FinalityDocument {
    /// How far: `3 epochs`, `24 slots`, `10 blocks`. A plain number counts epochs where the chain has them, else blocks.
    /// A healthy beacon chain is 2 to 3 epochs behind.
    pub lag: Sp<Lag>,
    /// What is looked at: `finalized` (the default) or `justified`, which comes an epoch earlier and only where a chain
    /// has epochs (nodes of other layers are left out).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Sp<Checkpoint>>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `finality`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finality {
    /// How far behind at most.
    pub lag: Lag,
    /// What is looked at.
    #[serde(default)]
    pub on: Checkpoint,
}

/// The two kinds of checkpoint of a beacon chain (consensus specification, phase0, "Justification and finalization").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Checkpoint {
    /// What is final.
    #[default]
    Finalized,
    /// What two thirds of the stake voted for in one epoch.
    Justified,
}

impl Checkpoint {
    fn word(self) -> &'static str {
        match self {
            Self::Finalized => "final",
            Self::Justified => "justified",
        }
    }
}

/// A distance on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// How many.
    pub amount: u64,
    /// Of what. Slots and blocks are the same here: a chain counts by one of them. `None` is epochs where the chain has them,
    /// else blocks.
    pub unit: Option<ChainUnit>,
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Some(unit) => write!(f, "{} {}", self.amount, unit.word(self.amount == 1)),
            None => write!(f, "{}", self.amount),
        }
    }
}

impl FromStr for Lag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim() {
            "" => None,
            word => Some(ChainUnit::named(word).ok_or_else(|| {
                format!("`{text}` is no distance on a chain: write `3 epochs`, `24 slots` or `10 blocks`")
            })?),
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
                Ok(Lag { amount, unit: None })
            }
            fn visit_i64<E: serde::de::Error>(self, amount: i64) -> Result<Lag, E> {
                u64::try_from(amount)
                    .map(|amount| Lag { amount, unit: None })
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

impl Lag {
    /// The distance in this chain's own units from a head down to what is final, and the bound in the same units.
    fn measure(self, history: &History<'_>, layer: &str, head: u64, finalized: u64) -> (u64, u64) {
        match (history.slots_per_epoch(layer), self.unit) {
            (Some(slots), None | Some(ChainUnit::Epochs)) => {
                ((head / slots.max(1)).saturating_sub(finalized), self.amount)
            }
            (Some(slots), _) => (head.saturating_sub(finalized * slots), self.amount),
            (None, _) => (head.saturating_sub(finalized), self.in_blocks(history)),
        }
    }

    /// The bound for a chain that counts blocks. Beside a beacon chain, a block of it fills at most a slot: so many epochs
    /// are over at the latest when the next one is full.
    fn in_blocks(self, history: &History<'_>) -> u64 {
        match (history.run.slots_per_epoch, self.unit) {
            (Some(slots), None | Some(ChainUnit::Epochs)) => (self.amount + 1) * slots - 1,
            _ => self.amount,
        }
    }

    fn unit_name(self, history: &History<'_>, layer: &str) -> &'static str {
        match (history.slots_per_epoch(layer), self.unit) {
            (Some(_), None | Some(ChainUnit::Epochs)) => "epochs",
            (Some(_), _) => "slots",
            (None, _) => "blocks",
        }
    }
}

impl Finality {
    /// Whether a node can say anything about it.
    fn looks_at(&self, history: &History<'_>, node: usize) -> bool {
        self.on == Checkpoint::Finalized || history.slots_per_epoch(history.layer(node)).is_some()
    }

    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        let history = case.history;
        if self.lag.unit == Some(ChainUnit::Epochs) && history.run.slots_per_epoch.is_none() {
            return Judgement::new(super::Outcome::Unknown, "this chain has no epochs: ask for blocks");
        }
        let nodes: Vec<usize> = case.nodes.iter().copied().filter(|&node| self.looks_at(history, node)).collect();
        if nodes.is_empty() && !case.nodes.is_empty() {
            return Judgement::new(super::Outcome::Unknown, "none of these nodes knows what is justified");
        }
        let mut roll = Roll::new(history, &nodes);
        let count = history.nodes.len();
        let (mut heads, mut finals) = (vec![None; count], vec![None; count]);
        let mut worst = vec![0_u64; count];
        let mut seen = vec![false; count];
        let (mut behind, mut silent) = (0_usize, 0_usize);
        let moments = Moments::over(history, Answer::Unseen, |change| {
            let node = change.node;
            if !roll.meant[node] {
                return None;
            }
            let layer = history.layer(node);
            let status = |seen: bool, head: Option<u64>, fin: Option<u64>| match (head, fin) {
                _ if !seen => (0, 0, 0),
                (None, _) | (_, None) => (0, 1, 0),
                (Some(head), Some(fin)) => {
                    let (lag, bound) = self.lag.measure(history, layer, head, fin);
                    (usize::from(lag > bound), 0, lag)
                }
            };
            let before = status(seen[node], heads[node], finals[node]);
            match change.fact {
                Fact::Finalized(height, _) if self.on == Checkpoint::Finalized => finals[node] = Some(height),
                Fact::Justified(epoch) if self.on == Checkpoint::Justified => finals[node] = Some(epoch),
                Fact::State(state) => {
                    roll.take(change);
                    seen[node] = matches!(state, State::Seen(_));
                    heads[node] = match state {
                        State::Seen(Some(head)) => Some(history.chain.height(head)),
                        _ => None,
                    };
                }
                Fact::Void => finals[node] = None,
                Fact::Finalized(..) | Fact::Justified(_) | Fact::Peers(_) => return None,
            }
            let after = status(seen[node], heads[node], finals[node]);
            worst[node] = worst[node].max(after.2);
            behind = behind + after.0 - before.0;
            silent = silent + after.1 - before.1;
            Some(match roll.unless_somebody_is_missing() {
                _ if behind > 0 => Answer::No,
                Answer::Yes if silent > 0 => Answer::NotYet,
                Answer::Yes if roll.seen == 0 => Answer::Unseen,
                answer => answer,
            })
        });
        let layers = history.layers(&nodes);
        // The first layer's unit speaks for all; facts about a node are in its own.
        let unit = self.lag.unit_name(history, layers.first().map_or("", |layer| layer.name));
        let what = self.on.word();
        let words = (
            format!("what is {what} was at most {} {unit} behind", self.lag.amount),
            format!("what is {what} was more than {} {unit} behind", self.lag.amount),
        );
        let mut worsts: std::collections::BTreeMap<&str, Vec<_>> = std::collections::BTreeMap::new();
        for &node in &nodes {
            let unit = self.lag.unit_name(history, history.layer(node));
            worsts.entry(unit).or_default().push((history.name(node).clone(), worst[node]));
        }
        let last_said = |node: usize, at: u64| match self.on {
            Checkpoint::Finalized => history.finalized_at(node, at).map(|(_, seq, (height, _))| (seq, height)),
            Checkpoint::Justified => history.justified_at(node, at).map(|(_, seq, epoch)| (seq, epoch)),
        };
        let dissents = |node: usize, last: u64, _: u64| {
            let (Some(head), Some((_, fin))) = (history.head_at(node, last), last_said(node, last)) else {
                return false;
            };
            let (lag, bound) = self.lag.measure(history, history.layer(node), history.chain.height(head.2), fin);
            lag > bound
        };
        let open = |_: u64| format!("not every node had said what its head is and what is {what}");
        let how = How {
            lasts: true,
            last_alone: false,
            absence_counts: true,
            names_absent: true,
            patient: false,
            dissents: Some(&dissents),
            open: &open,
        };
        let judgement = case.judge_moments(&moments, (&words.0, &words.1), &how, |judgement, at| {
            for &node in &nodes {
                let (Some(head), Some((seq, fin))) = (history.head_at(node, at), last_said(node, at)) else { continue };
                let height = history.chain.height(head.2);
                let layer = history.layer(node);
                let (lag, bound) = self.lag.measure(history, layer, height, fin);
                if lag > bound {
                    judgement.facts.push(format!(
                        "{} was {lag} {} behind: head at {height}, {what} {} {fin}",
                        history.name(node),
                        self.lag.unit_name(history, layer),
                        history.final_word(layer)
                    ));
                    judgement.evidence.extend([head.1, seq]);
                }
            }
            if self.on == Checkpoint::Finalized {
                judgement.facts.extend(case.never_final(at));
            }
            judgement.facts.extend(case.missing(at));
        });
        worsts
            .into_iter()
            .fold(judgement, |judgement, (unit, worst)| judgement.figure(&format!("worst_lag_{unit}"), per_node(worst)))
    }
}
