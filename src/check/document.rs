//! What a scenario writes under `that:`, the table of checks, and the way from the one to the other.

use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};

use super::agree::{Agree, AgreeDocument};
use super::answered::{Answered, AnsweredDocument};
use super::diagnosed::{Diagnosed, DiagnosedDocument};
use super::diverge::{Diverge, DivergeDocument};
use super::exit::{Exit, ExitDocument};
use super::finality::{Finality, FinalityDocument};
use super::log::{Log, LogDocument};
use super::peers::{Peers, PeersDocument};
use super::progress::{Progress, ProgressDocument};
use super::ready::{Ready, ReadyDocument};
use super::recover::{Recover, RecoverDocument};
use super::reorg::{Reorg, ReorgDocument};
use super::rpc_equal::{RpcEqual, RpcEqualDocument};
use super::stall::{Stall, StallDocument};
use crate::text::{Diagnostic, Sp, Span};
use crate::topology::Targets;

/// A word that the language knows and this version does not build. Takes any parameters, so that the message is about
/// the word and not about them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unbuilt;

impl PartialEq for Unbuilt {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<'de> Deserialize<'de> for Unbuilt {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl Serialize for Unbuilt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

/// One line of the table of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableEntry {
    /// The word under `that:`.
    pub keyword: &'static str,
    /// What it asks, in one sentence.
    pub about: &'static str,
    /// A whole expectation.
    pub example: &'static str,
}

/// One variant of each enum, one line of the table and one line of each match, per check.
macro_rules! checks {
    ($($variant:ident($document:ident, $resolved:ident) $keyword:literal, $doc:literal, $example:literal;)*) => {
        /// What must hold, as written: the word is the key, its parameters are the value.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[schemars(extend("x-later" = ["mesh", "dissemination", "metric", "http", "run"]))]
        pub enum ThatDocument {
            $(#[doc = $doc] $variant($document),)*
            /// Reserved.
            #[schemars(skip)]
            Mesh(Unbuilt),
            /// Reserved.
            #[schemars(skip)]
            Dissemination(Unbuilt),
            /// Reserved.
            #[schemars(skip)]
            Metric(Unbuilt),
            /// Reserved.
            #[schemars(skip)]
            Http(Unbuilt),
            /// Reserved.
            #[schemars(skip)]
            Run(Unbuilt),
        }

        /// What must hold, resolved: this form stands in journals.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum That {
            $(#[doc = $doc] $variant($resolved),)*
        }

        /// All checks that are built, in the order of the manual.
        pub const TABLE: &[TableEntry] = &[
            $(TableEntry { keyword: $keyword, about: $doc, example: $example },)*
        ];

        impl ThatDocument {
            /// The word.
            pub fn keyword(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $keyword,)*
                    Self::Mesh(_) => "mesh",
                    Self::Dissemination(_) => "dissemination",
                    Self::Metric(_) => "metric",
                    Self::Http(_) => "http",
                    Self::Run(_) => "run",
                }
            }

            /// The nodes that are meant, if the expectation names any.
            pub fn nodes(&self) -> Option<&Sp<Targets>> {
                match self {
                    $(Self::$variant(document) => document.nodes.as_ref(),)*
                    _ => None,
                }
            }
        }

        impl That {
            /// The word.
            pub fn keyword(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $keyword,)*
                }
            }
        }
    };
}

checks! {
    Ready(ReadyDocument, Ready) "ready", "Every node came up in time.",
        "{ready: {within: 60s}}";
    Agree(AgreeDocument, Agree) "agree", "The nodes have the same block.",
        "{after: split, within: 45s, that: {agree: {on: head}}}";
    Diverge(DivergeDocument, Diverge) "diverge", "At least two nodes are on different chains.",
        "{during: split, that: {diverge: {on: head}}}";
    Progress(ProgressDocument, Progress) "progress", "Every node's chain grows by so many blocks.",
        "{at_end: true, that: {progress: {blocks: 30}}}";
    Stall(StallDocument, Stall) "stall", "No node's chain grows.",
        "{during: split, that: {stall: {on: finalized, settle: 10s}}}";
    Finality(FinalityDocument, Finality) "finality", "What is final is at most so far behind the head.",
        "{at_end: true, that: {finality: {lag: 4 epochs}}}";
    Recover(RecoverDocument, Recover) "recover", "Each node that was hit is back with the others in time.",
        "{after: crash, within: 30s, that: {recover: {within: 30s}}}";
    Peers(PeersDocument, Peers) "peers", "Every node has so many peers.",
        "{at_end: true, that: {peers: {min: 1}}}";
    Reorg(ReorgDocument, Reorg) "reorg", "No node left more than so many blocks of its chain at once.",
        "{always: true, that: {reorg: {max_depth: 10}}}";
    Log(LogDocument, Log) "log", "So many lines of the logs match a pattern.",
        "{always: true, that: {log: {none: panic}}}";
    Exit(ExitDocument, Exit) "exit", "No process died on its own.",
        "{always: true, that: {exit: {none: true}}}";
    RpcEqual(RpcEqualDocument, RpcEqual) "rpc_equal", "All clients answer the same JSON-RPC call alike.",
        "{at_end: true, that: {rpc_equal: {method: eth_getBlockByNumber, params: [\"{block}\", false]}}}";
    Answered(AnsweredDocument, Answered) "answered", "The calls of a timeline entry were answered, and how.",
        "{at_end: true, that: {answered: {entry: pay, matches: \"^0x\"}}}";
    Diagnosis(DiagnosedDocument, Diagnosed) "diagnosis", "What was the matter is what was expected.",
        "{at_end: true, that: {diagnosis: {kind: bad_block, sides: [[west], [east]]}}}";
}

impl ThatDocument {
    /// Checks the parameters and fills in defaults. `place` is where the expectation's `that` stands.
    pub fn resolve(&self, place: Span) -> Result<That, Vec<Diagnostic>> {
        Ok(match self {
            Self::Ready(document) => {
                That::Ready(Ready { within: document.within.as_ref().map(|within| within.value.0) })
            }
            Self::Agree(document) => That::Agree(document.resolve()),
            Self::Diverge(document) => That::Diverge(Diverge { on: document.on }),
            Self::Progress(document) => That::Progress(document.resolve()?),
            Self::Stall(document) => {
                That::Stall(Stall { on: document.on, settle: document.settle.as_ref().map(|settle| settle.value.0) })
            }
            Self::Finality(document) => That::Finality(Finality {
                lag: document.lag.value,
                on: document.on.as_ref().map(|on| on.value).unwrap_or_default(),
            }),
            Self::Recover(document) => That::Recover(document.resolve()),
            Self::Peers(document) => That::Peers(document.resolve(place)?),
            Self::Reorg(document) => That::Reorg(Reorg { max_depth: document.max_depth.value }),
            Self::Log(document) => That::Log(document.resolve(place)?),
            Self::Exit(document) => That::Exit(document.resolve()?),
            Self::RpcEqual(document) => That::RpcEqual(document.resolve()?),
            Self::Answered(document) => That::Answered(document.resolve()?),
            Self::Diagnosis(document) => That::Diagnosis(document.resolve()?),
            Self::Mesh(_) | Self::Dissemination(_) | Self::Metric(_) | Self::Http(_) | Self::Run(_) => {
                let words: Vec<_> = TABLE.iter().map(|entry| entry.keyword).collect();
                return Err(vec![
                    Diagnostic::error(format!(
                        "`{}` is a known word, but this version does not build it yet",
                        self.keyword()
                    ))
                    .at(place, "")
                    .help(format!("checks that are built: {}", words.join(", "))),
                ]);
            }
        })
    }
}
