//! What stands under `inject:` of a timeline entry: one word, and what it needs to know.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::cut::Cut;
use super::disconnect::Disconnect;
use super::isolate::Isolate;
use super::kill::Kill;
use super::partition::Partition;
use super::pause::Pause;
use super::restart::Restart;
use super::shape::Shape;
use super::stop::Stop;
use crate::text::{Diagnostic, Sp};

/// A fault. Every fault is healed at the end of its entry's `for` or `until`, and always at the end of the run.
/// Faults that overlap compose: the end of one never undoes another.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Inject {
    /// Packets between groups of nodes vanish.
    Partition(Partition),
    /// A node loses everybody.
    Isolate(Isolate),
    /// Single links are cut, one way or both ways.
    Cut(Cut),
    /// Links get slow, lossy or narrow for a while.
    Shape(Shape),
    /// A node's interface is taken away and given back with the same address (on docker: the real network disconnect).
    Disconnect(Disconnect),
    /// A node's process is killed with SIGKILL and started again, with its data, when the fault ends.
    Kill(Kill),
    /// A node's process is asked to end (SIGTERM) and started again when the fault ends.
    Stop(Stop),
    /// All processes of a node are frozen, and thawed when the fault ends.
    Pause(Pause),
    /// A node's process is killed and started again: at the end of `for`, or at once if there is none.
    Restart(Restart),
    /// Known word, not built yet.
    Flap(NotBuilt),
    /// Known word, not built yet.
    Upgrade(NotBuilt),
    /// Known word, not built yet.
    Join(NotBuilt),
    /// Known word, not built yet.
    Leave(NotBuilt),
    /// Known word, not built yet.
    Stress(NotBuilt),
    /// Known word, not built yet.
    Skew(NotBuilt),
    /// Known word, not built yet.
    ResetConnections(NotBuilt),
    /// Known word, not built yet.
    Exec(NotBuilt),
}

/// The place of a word that the language knows and this version cannot do yet. What stands under it is not looked at.
#[derive(Clone, Debug)]
pub struct NotBuilt(Sp<()>);

impl NotBuilt {
    /// The message for a person who used the word.
    pub fn refusal(&self, word: &str, instead: &str) -> Diagnostic {
        Diagnostic::error(format!("`{word}` is a word of the scenario language that this version cannot do yet"))
            .at(self.0.span, "known word, not built yet")
            .help(instead)
    }
}

impl JsonSchema for NotBuilt {
    fn schema_name() -> Cow<'static, str> {
        "NotBuilt".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "Known word, not built yet.", "deprecated": true})
    }
}

impl<'de> Deserialize<'de> for NotBuilt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Sp::<IgnoredAny>::deserialize(deserializer).map(|ignored| Self(ignored.with(())))
    }
}
