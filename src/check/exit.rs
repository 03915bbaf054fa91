//! `exit`: no process died on its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// No node's process ended unless the timeline asked for it. Write `exit: {none: true}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExitDocument {
    /// Must be `true`.
    pub none: Sp<bool>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `exit`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {}

impl ExitDocument {
    pub(super) fn resolve(&self) -> Result<Exit, Vec<Diagnostic>> {
        if self.none.value {
            Ok(Exit {})
        } else {
            Err(vec![
                Diagnostic::error("`exit` can only ask that no process died")
                    .at(self.none.span, "must be `true`")
                    .help("leave the expectation out if nodes may die"),
            ])
        }
    }
}
