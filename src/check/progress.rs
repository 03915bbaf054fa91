//! `progress`: chains grow.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::units::Time;
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// Every node's chain grows by at least so many blocks.
///
/// Counted over the time that the expectation speaks of: from the timeline's zero (`at`, `at_end`, `always`), while a
/// fault is in force (`during`), or after it (`after`, `within`). Blocks are counted, not slots: an empty slot is no
/// progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgressDocument {
    /// How many blocks at least.
    pub blocks: Sp<u64>,
    /// If given, so many blocks in every span of this length, for example `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<Sp<Time>>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `progress`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How many blocks at least.
    pub blocks: u64,
    /// In every span of this length; `None` is over the whole time.
    pub per: Option<Duration>,
}

impl ProgressDocument {
    pub(super) fn resolve(&self) -> Result<Progress, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        if self.blocks.value == 0 {
            mistakes.push(
                Diagnostic::error("`progress` by 0 blocks always holds")
                    .at(self.blocks.span, "at least 1")
                    .help("use `stall` to ask for no growth"),
            );
        }
        if let Some(per) = self.per.as_ref().filter(|per| per.value.0.is_zero()) {
            mistakes.push(Diagnostic::error("`per` must be longer than nothing").at(per.span, "for example `30s`"));
        }
        if mistakes.is_empty() {
            Ok(Progress { blocks: self.blocks.value, per: self.per.as_ref().map(|per| per.value.0) })
        } else {
            Err(mistakes)
        }
    }
}
