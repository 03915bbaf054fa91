//! Lengths of time that a chain counts: `3 slots`, `2 epochs`, `10 blocks`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use super::units::{LONGEST_TIME, Time, UnitError, scaled, short, split_number, unit_in_documents};

/// A length of time on the timeline: of the clock, or of the scenario's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// `10s`.
    Clock(Time),
    /// `3 slots`.
    Chain(ChainTime),
}

/// So many units of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainTime {
    billionths: u64,
    unit: ChainUnit,
}

/// What a chain counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainUnit {
    /// Turns of proposers.
    Slots,
    /// Slots between two checkpoints.
    Epochs,
    /// Blocks, where they come by the clock.
    Blocks,
}

/// How long the units of a chain are. A unit that it does not count, or not by the clock, has no length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainClock {
    /// Of a slot.
    pub slot: Option<Duration>,
    /// Of an epoch.
    pub epoch: Option<Duration>,
    /// From block to block.
    pub block: Option<Duration>,
}

/// Each with its word for several, then its word for one.
const UNITS: [(&str, ChainUnit); 6] = [
    ("slots", ChainUnit::Slots),
    ("slot", ChainUnit::Slots),
    ("epochs", ChainUnit::Epochs),
    ("epoch", ChainUnit::Epochs),
    ("blocks", ChainUnit::Blocks),
    ("block", ChainUnit::Blocks),
];

/// The unit that was meant by a word that is none: long enough to be no unit of the clock.
fn near_unit(text: &str) -> Option<&'static str> {
    let (_, word) = split_number(text.trim())?;
    let word = word.trim();
    (word.len() > 3).then(|| super::did_you_mean(word, UNITS.iter().map(|(name, _)| *name))).flatten()
}

impl ChainUnit {
    /// The unit that a word names, if it names one.
    pub fn named(word: &str) -> Option<Self> {
        UNITS.iter().find(|(name, _)| *name == word).map(|(_, unit)| *unit)
    }

    /// Its word, for one or for several.
    pub fn word(self, one: bool) -> &'static str {
        let mut words = UNITS.iter().filter(|(_, unit)| *unit == self).map(|(word, _)| *word);
        let (several, single) = (words.next(), words.next());
        if one { single } else { several }.expect("all units stand in the table, in both forms")
    }
}

impl Lapse {
    /// Of the clock. Chain time is settled before anybody asks; left as it is, it would have no length.
    pub fn clock(self) -> Duration {
        match self {
            Self::Clock(time) => time.0,
            Self::Chain(_) => Duration::ZERO,
        }
    }
}

impl ChainTime {
    /// How long it is on a chain.
    pub fn on(self, clock: &ChainClock) -> Result<Duration, UnitError> {
        let one = clock.of(self.unit).ok_or_else(|| {
            let counted: Vec<String> =
                clock.units().map(|(unit, length)| format!("{} of {length}", unit.word(false))).collect();
            let help = if counted.is_empty() {
                "write it in seconds".to_owned()
            } else {
                format!("it counts {}; or write it in seconds", counted.join(" and "))
            };
            UnitError::new(format!("this chain does not count {} by the clock", self.unit.word(false))).help(help)
        })?;
        let nanoseconds = scaled(u128::from(self.billionths), one.as_nanos());
        match u64::try_from(nanoseconds).map(Duration::from_nanos) {
            Ok(length) if length <= LONGEST_TIME => Ok(length),
            _ => Err(UnitError::new(format!("`{self}` of this chain are longer than a year"))),
        }
    }
}

impl ChainClock {
    fn of(&self, unit: ChainUnit) -> Option<Duration> {
        match unit {
            ChainUnit::Slots => self.slot,
            ChainUnit::Epochs => self.epoch,
            ChainUnit::Blocks => self.block,
        }
    }

    fn units(&self) -> impl Iterator<Item = (ChainUnit, Time)> + '_ {
        let all = [ChainUnit::Slots, ChainUnit::Epochs, ChainUnit::Blocks];
        all.into_iter().filter_map(|unit| Some((unit, Time(self.of(unit)?))))
    }
}

impl FromStr for Lapse {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let amount = split_number(text.trim()).and_then(|(billionths, word)| {
            Some(ChainTime { billionths: u64::try_from(billionths).ok()?, unit: ChainUnit::named(word.trim())? })
        });
        let mut words = text.split(|c: char| !c.is_ascii_alphabetic());
        match amount {
            Some(amount) => Ok(Self::Chain(amount)),
            None if words.any(|word| ChainUnit::named(word).is_some()) => {
                Err(UnitError::new(format!("expected a duration such as `3 slots`, found `{}`", short(text)))
                    .help("time of the chain is one number with one unit".to_owned()))
            }
            None => text.parse().map(Self::Clock).map_err(|mistake: UnitError| match near_unit(text) {
                Some(near) => UnitError { help: vec![format!("did you mean `{near}`?")], ..mistake },
                None => mistake,
            }),
        }
    }
}

impl fmt::Display for ChainTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ONE: u64 = 1_000_000_000;
        let (whole, fraction) = (self.billionths / ONE, self.billionths % ONE);
        let digits = format!("{fraction:09}");
        let digits = digits.trim_end_matches('0');
        let dot = if digits.is_empty() { "" } else { "." };
        f.pad(&format!("{whole}{dot}{digits} {}", self.unit.word(self.billionths == ONE)))
    }
}

impl fmt::Display for Lapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(time) => time.fmt(f),
            Self::Chain(time) => time.fmt(f),
        }
    }
}

unit_in_documents!(
    Lapse,
    "splitbrain-lapse",
    "string",
    r"^(0|(\d+(\.\d+)?(h|m|s|ms|us|ns))+|\d+(\.\d+)? (slots?|epochs?|blocks?))$",
    "a duration such as `10s` or `1m30s`, or of the chain's time such as `3 slots`, `2 epochs` or `10 blocks`",
    ["10s", "1m30s", "3 slots"]
);

#[cfg(test)]
mod tests {
    use super::*;

    fn beacon() -> ChainClock {
        ChainClock { slot: Some(Duration::from_secs(3)), epoch: Some(Duration::from_secs(30)), block: None }
    }

    fn on(text: &str, clock: &ChainClock) -> Result<Duration, String> {
        match text.parse::<Lapse>().map_err(|mistake| mistake.to_string())? {
            Lapse::Clock(time) => Ok(time.0),
            Lapse::Chain(time) => time.on(clock).map_err(|mistake| mistake.to_string()),
        }
    }

    #[test]
    fn chain_time_is_as_long_as_its_units() {
        assert_eq!(on("3 slots", &beacon()), Ok(Duration::from_secs(9)));
        assert_eq!(on("1 slot", &beacon()), Ok(Duration::from_secs(3)));
        assert_eq!(on("9.7 slots", &beacon()), Ok(Duration::from_millis(29_100)));
        assert_eq!(on("2epochs", &beacon()), Ok(Duration::from_secs(60)));
        assert_eq!(on("1m30s", &beacon()), Ok(Duration::from_secs(90)));
        let clique = ChainClock { block: Some(Duration::from_millis(1500)), ..ChainClock::default() };
        assert_eq!(on("10 blocks", &clique), Ok(Duration::from_secs(15)));
    }

    #[test]
    fn what_a_chain_does_not_count_is_told_with_what_it_does() {
        assert_eq!(
            on("10 blocks", &beacon()).unwrap_err(),
            "this chain does not count blocks by the clock\nit counts slots of 3s and epochs of 30s; or write it in seconds"
        );
        assert!(on("1 epoch", &ChainClock::default()).unwrap_err().ends_with("write it in seconds"));
        assert!(on("99999999 epochs", &beacon()).unwrap_err().contains("longer than a year"));
        for mixed in ["3 slots 2 epochs", "1s 3 slots", "2 epoch s", "slots"] {
            assert!(on(mixed, &beacon()).unwrap_err().ends_with("one number with one unit"), "{mixed}");
        }
        for wrong in ["slots", "3 slots 2 epochs", "-1 slots", "3 slotz", "1s 3 slots"] {
            assert!(wrong.parse::<Lapse>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn chain_time_reads_as_it_is_written() {
        for text in ["3 slots", "1 epoch", "9.7 slots", "0.5 blocks", "10s"] {
            assert_eq!(text.parse::<Lapse>().unwrap().to_string(), text);
        }
    }
}
