//! Quirks: deliberate deviations that a node can be started with, so that there is something to find.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

macro_rules! quirks {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+) => {
        /// One deviation from the rules.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Quirk {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Quirk {
            /// All there are, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word on the command line.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// What it does, in one line.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

quirks! {
    /// Breaks ties of fork choice towards the higher root instead of the lower; with half of the validators the tie lasts.
    TieBreakHigh = "tie-break-high",
    /// Imports what it hears but never passes it on, so that nodes behind it hear nothing by gossip.
    NoRegossip = "no-regossip",
    /// Sends its attestations one epoch late: they count for finality, one epoch later, and hardly for fork choice.
    LateAttester = "late-attester",
    /// Takes the proposers of the next epoch from epoch 2 on: rejects the others' blocks and makes its own at wrong slots.
    OffByOneEpoch = "off-by-one-epoch",
    /// Gives attestations no weight in fork choice, so that forks are decided by their roots alone.
    IgnoreAttestations = "ignore-attestations",
    /// Never leaves a head for another branch.
    StubbornHead = "stubborn-head",
    /// Makes two different blocks whenever it is its turn.
    DoubleProposer = "double-proposer",
    /// Imports blocks one and a half slots after it hears them.
    SlowImport = "slow-import",
    /// Never asks for missing blocks: after a gap it stays behind for good.
    NoRangeSync = "no-range-sync",
    /// Rejects all blocks of odd slots from epoch 2 on.
    RejectOddSlots = "reject-odd-slots",
    /// Never makes a block.
    SilentProposer = "silent-proposer",
}

/// The deviations of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuirkSet(BTreeSet<Quirk>);

impl QuirkSet {
    /// Whether the node has it.
    pub fn has(&self, quirk: Quirk) -> bool {
        self.0.contains(&quirk)
    }

    /// The deviations in the order of the documentation.
    pub fn iter(&self) -> impl Iterator<Item = Quirk> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<Quirk> for QuirkSet {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        Self(quirks.into_iter().collect())
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Quirk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|quirk| quirk.word() == text).ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.iter().map(|quirk| quirk.word()).collect();
            format!("there is no quirk {text:?}; there are {}", words.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_are_described() {
        for &quirk in Quirk::ALL {
            assert_eq!(quirk.word().parse(), Ok(quirk));
            assert!(quirk.description().ends_with('.'), "{quirk}");
        }
        assert!("tie-brake".parse::<Quirk>().unwrap_err().contains("tie-break-high"));
    }
}
