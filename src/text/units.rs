//! Quantities with units, parsed once: `250ms`, `10mbit`, `64kib`, `1%`.
//!
//! Each reads from text ([`FromStr`]), from documents (serde) and describes itself to editors (JSON schema). The
//! `format` of their schemas is known to the structural checker, which calls the same [`FromStr`].

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use super::chain_time::ChainUnit;
use super::{Diagnostic, Span};

/// A duration: `250us`, `250ms`, `10s`, `5m`, `2h`, and sums such as `1m30s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Duration);

/// A data rate in bits per second: `512kbit`, `10mbit`, `1gbit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u64);

/// A size in bytes: `64kib`, `512mib`, `2gib`, `1500b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

/// A share from 0 to 1, written as `1%` or `0.01`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Share(pub f64);

/// Why a quantity was not understood. Further lines are help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", std::iter::once(message).chain(help).map(String::as_str).collect::<Vec<_>>().join("\n"))]
pub struct UnitError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Vec<String>,
}

impl UnitError {
    pub(super) fn new(message: String) -> Self {
        Self { message, help: Vec::new() }
    }

    /// The message for the place where the quantity is written.
    pub fn at(self, span: Span) -> Diagnostic {
        self.help.into_iter().fold(Diagnostic::error(self.message).at(span, ""), Diagnostic::help)
    }

    pub(super) fn help(mut self, text: String) -> Self {
        self.help.push(text);
        self
    }
}

/// Longest duration that is taken: a typing mistake should not make a run of years.
pub(super) const LONGEST_TIME: Duration = Duration::from_secs(366 * 24 * 3600);

const TIME_UNITS: [(&str, u128); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

const RATE_UNITS: [(&str, u128); 4] = [("bit", 1), ("kbit", 1_000), ("mbit", 1_000_000), ("gbit", 1_000_000_000)];

const SIZE_UNITS: [(&str, u128); 7] = [
    ("b", 1),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
];

/// A number with up to nine decimals, in units of 10⁻⁹, and what follows it.
pub(super) fn split_number(text: &str) -> Option<(u128, &str)> {
    const SCALE: u32 = 9;
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || whole.len() > 20 || fraction.len() > SCALE as usize || number.ends_with('.') {
        return None;
    }
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let whole: u128 = whole.parse().ok()?;
    let parsed: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let fraction = parsed * 10u128.pow(SCALE - fraction.len() as u32);
    Some((whole * 10u128.pow(SCALE) + fraction, rest))
}

/// Billionths of the unit `one`, rounded to the nearest.
pub(super) fn scaled(billionths: u128, one: u128) -> u128 {
    (billionths * one + 500_000_000) / 1_000_000_000
}

fn unit_names(units: &[(&str, u128)]) -> Vec<String> {
    units.iter().filter(|(name, _)| *name != "µs").map(|(name, _)| (*name).to_owned()).collect()
}

impl FromStr for Time {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let expected = || UnitError::new(format!("expected a duration such as `10s`, found `{}`", short(text)));
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        if text.starts_with('-') {
            return Err(UnitError::new(format!("a duration cannot be negative, found `{}`", short(text))));
        }
        let mut rest = text.trim();
        let mut total: u128 = 0;
        let mut smallest = u128::MAX;
        if rest.is_empty() {
            return Err(expected());
        }
        while !rest.is_empty() {
            let (number, after) = split_number(rest).ok_or_else(expected)?;
            let after = after.trim_start();
            let end = after.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(after.len());
            let (word, after) = after.split_at(end);
            if word.is_empty() {
                return Err(
                    expected().help(format!("say the unit: `{0}s` is seconds, `{0}ms` milliseconds", short(text)))
                );
            }
            if ChainUnit::named(word).is_some() {
                return Err(UnitError::new(format!("time of the chain (`{}`) is not taken here", short(text)))
                    .help("write it in seconds; the timeline and expectations take it".to_owned()));
            }
            let Some((_, one)) = TIME_UNITS.iter().find(|(name, _)| *name == word) else {
                return Err(expected().help(unknown_unit(word, &TIME_UNITS)));
            };
            if *one >= smallest {
                return Err(expected().help("larger units come first, each once, as in `1m30s`".to_owned()));
            }
            smallest = *one;
            total += scaled(number, *one);
            rest = after.trim_start();
        }
        match u64::try_from(total).map(Duration::from_nanos) {
            Ok(duration) if duration <= LONGEST_TIME => Ok(Self(duration)),
            _ => Err(UnitError::new(format!("`{}` is longer than a year", short(text)))),
        }
    }
}

fn unknown_unit(word: &str, units: &[(&str, u128)]) -> String {
    let names = unit_names(units);
    let lower = word.to_lowercase();
    let long = match lower.as_str() {
        "sec" | "secs" | "second" | "seconds" => Some("s"),
        "min" | "mins" | "minute" | "minutes" => Some("m"),
        "hour" | "hours" | "hr" | "hrs" => Some("h"),
        "millis" | "msec" | "millisecond" | "milliseconds" => Some("ms"),
        "kbps" | "kbit/s" => Some("kbit"),
        "mbps" | "mbit/s" => Some("mbit"),
        "gbps" | "gbit/s" => Some("gbit"),
        "bps" | "bits" => Some("bit"),
        "k" => Some("kib"),
        "bytes" | "byte" => Some("b"),
        "g" => Some("gib"),
        _ => None,
    };
    if let Some(unit) = long.filter(|unit| names.iter().any(|name| name == unit)) {
        return format!("the unit is written `{unit}`");
    }
    if let Some(unit) = names.iter().find(|name| **name == lower) {
        return format!("the unit is written `{unit}`");
    }
    format!("the units are {}", super::suggest::list(&names))
}

/// One number with one unit.
fn parse_amount(text: &str, what: &str, example: &str, units: &[(&str, u128)]) -> Result<u64, UnitError> {
    let expected = || UnitError::new(format!("expected {what} such as `{example}`, found `{}`", short(text)));
    let (number, word) = split_number(text.trim()).ok_or_else(expected)?;
    let word = word.trim();
    if word.is_empty() {
        return Err(expected().help(format!("say the unit: {}", super::suggest::list(&unit_names(units)))));
    }
    let Some((_, one)) = units.iter().find(|(name, _)| *name == word) else {
        return Err(expected().help(unknown_unit(word, units)));
    };
    u64::try_from(scaled(number, *one))
        .map_err(|_| UnitError::new(format!("`{}` is larger than anything that exists", short(text))))
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let rate = parse_amount(text, "a data rate", "10mbit", &RATE_UNITS)?;
        if rate == 0 {
            return Err(UnitError::new("a rate of nothing lets no packet pass".to_owned())
                .help("use a `cut` for a link that is down".to_owned()));
        }
        Ok(Self(rate))
    }
}

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        parse_amount(text, "a size", "64kib", &SIZE_UNITS).map(Self)
    }
}

impl FromStr for Share {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let expected = || UnitError::new(format!("expected a share such as `1%`, found `{}`", short(text)));
        let trimmed = text.trim();
        let (number, percent) = match trimmed.strip_suffix('%') {
            Some(number) => (number.trim_end(), true),
            None => (trimmed, false),
        };
        if number.strip_prefix('-').is_some_and(|rest| split_number(rest).is_some_and(|(_, rest)| rest.is_empty())) {
            return Err(UnitError::new(format!("a share cannot be negative, found `{}`", short(text))));
        }
        let (billionths, rest) = split_number(number).ok_or_else(expected)?;
        if !rest.is_empty() {
            return Err(expected());
        }
        if trimmed == "1" {
            // Half of the people mean one percent, and the other half would not notice.
            return Err(UnitError::new("`1` may be one percent or all of it".to_owned())
                .help("write `1%` or `100%`".to_owned()));
        }
        let whole = if percent { 100_000_000_000 } else { 1_000_000_000 };
        if billionths > whole {
            let mistake = UnitError::new(format!("a share is at most 100%, found `{}`", short(text)));
            return Err(if percent { mistake } else { mistake.help(format!("did you mean `{number}%`?")) });
        }
        Ok(Self(billionths as f64 / whole as f64))
    }
}

pub(super) fn short(text: &str) -> String {
    let mut short: String = text.chars().take(30).collect();
    if text.chars().count() > 30 {
        short.push('…');
    }
    short
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_nanos();
        if rest == 0 {
            return f.pad("0s");
        }
        let mut text = String::new();
        for (name, one) in TIME_UNITS.iter().rev().filter(|(name, _)| *name != "µs") {
            if rest >= *one {
                text.push_str(&(rest / one).to_string());
                text.push_str(name);
                rest %= one;
            }
        }
        f.pad(&text)
    }
}

/// The largest unit that divides the amount.
fn write_amount(f: &mut fmt::Formatter<'_>, amount: u64, units: &[(&str, u128)]) -> fmt::Result {
    let amount = u128::from(amount);
    let (name, one) = units
        .iter()
        .filter(|(_, one)| amount > 0 && amount % one == 0)
        .max_by_key(|(_, one)| *one)
        .copied()
        .unwrap_or(units[0]);
    f.pad(&format!("{}{name}", amount / one))
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_amount(f, self.0, &RATE_UNITS)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_amount(f, self.0, &SIZE_UNITS[..4])
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nine digits are what the reader takes, so that a share survives being written and read.
        let percent = format!("{:.7}", self.0 * 100.0);
        f.pad(&format!("{}%", percent.trim_end_matches('0').trim_end_matches('.')))
    }
}

/// Documents, schemas: the same for all of them.
macro_rules! unit_in_documents {
    ($type:ident, $format:literal, $types:expr, $pattern:literal, $description:literal, $examples:expr) => {
        impl $type {
            /// The `format` of its JSON schema.
            pub const FORMAT: &'static str = $format;
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct UnitVisitor;
                impl Visitor<'_> for UnitVisitor {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($description)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$type, E> {
                        number.to_string().parse().map_err(E::custom)
                    }
                    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<$type, E> {
                        number.to_string().parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(UnitVisitor)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": $types,
                    "format": $format,
                    "pattern": $pattern,
                    "description": $description,
                    "examples": $examples,
                })
            }
        }
    };
}

pub(super) use unit_in_documents;

unit_in_documents!(
    Time,
    "splitbrain-time",
    "string",
    r"^(0|(\d+(\.\d+)?(h|m|s|ms|us|ns))+)$",
    "a duration such as `10s`, `250ms`, `5m` or `1m30s`",
    ["10s", "250ms", "1m30s"]
);
unit_in_documents!(
    Rate,
    "splitbrain-rate",
    "string",
    r"^\d+(\.\d+)?(bit|kbit|mbit|gbit)$",
    "a data rate such as `10mbit` or `512kbit`",
    ["512kbit", "10mbit"]
);
unit_in_documents!(
    Size,
    "splitbrain-size",
    "string",
    r"^\d+(\.\d+)?(b|kib|mib|gib|kb|mb|gb)$",
    "a size such as `64kib` or `2gib`",
    ["64kib", "512mib"]
);
unit_in_documents!(
    Share,
    "splitbrain-share",
    ["string", "number"],
    r"^(\d+(\.\d+)?%|0(\.\d+)?|1\.0+)$",
    "a share such as `1%` or `0.01`",
    ["1%", "0.01"]
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> Result<u128, String> {
        text.parse::<Time>().map(|time| time.0.as_nanos()).map_err(|mistake| mistake.to_string())
    }

    #[test]
    fn durations_read_as_people_mean_them() {
        assert_eq!(time("10s"), Ok(10_000_000_000));
        assert_eq!(time("1m30s"), Ok(90_000_000_000));
        assert_eq!(time("1.5s"), Ok(1_500_000_000));
        assert_eq!(time("250us"), Ok(250_000));
        assert_eq!(time("2h"), Ok(7_200_000_000_000));
        assert_eq!(time("0"), Ok(0));
        assert_eq!(time("5 ms"), Ok(5_000_000));
        for wrong in
            ["", "10", "s", "10 parsecs", "-5s", "5s1m", "1s1s", "1.s", "1..5s", "99999h", "3 slots", "1e3s", "∞"]
        {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        assert!(time("10 sec").unwrap_err().contains("the unit is written `s`"));
        assert!(time("3 slots").unwrap_err().contains("the timeline and expectations take it"));
    }

    #[test]
    fn rates_sizes_and_shares_read_as_people_mean_them() {
        assert_eq!("10mbit".parse(), Ok(Rate(10_000_000)));
        assert_eq!("1.5gbit".parse(), Ok(Rate(1_500_000_000)));
        assert_eq!("64kib".parse(), Ok(Size(65_536)));
        assert_eq!("1500b".parse(), Ok(Size(1_500)));
        assert_eq!("1%".parse(), Ok(Share(0.01)));
        assert_eq!("0.01".parse(), Ok(Share(0.01)));
        assert_eq!("100%".parse(), Ok(Share(1.0)));
        for wrong in ["0mbit", "10", "10mbps", "ten mbit"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
        for wrong in ["1", "5", "101%", "-1%", "a%", "%", "1.5"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
        assert!("99999999999999999gib".parse::<Size>().is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(nanos in 0_u64..400 * 24 * 3600 * 1_000_000_000, bits in 1_u64.., share in 0_u32..=1_000_000) {
            let time = Time(Duration::from_nanos(nanos));
            if time.0 <= LONGEST_TIME {
                prop_assert_eq!(time.to_string().parse(), Ok(time));
            }
            prop_assert_eq!(Rate(bits).to_string().parse(), Ok(Rate(bits)));
            prop_assert_eq!(Size(bits).to_string().parse(), Ok(Size(bits)));
            let share = Share(f64::from(share) / 1_000_000.0);
            let read: Share = share.to_string().parse().unwrap();
            prop_assert!((read.0 - share.0).abs() < 1e-9);
        }

        #[test]
        fn no_text_makes_them_panic(text in ".{0,40}") {
            let _ = text.parse::<Time>();
            let _ = text.parse::<Rate>();
            let _ = text.parse::<Size>();
            let _ = text.parse::<Share>();
        }
    }
}
