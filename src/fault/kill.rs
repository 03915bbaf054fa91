//! `kill`: a node's process is killed with SIGKILL.

use schemars::JsonSchema;
use serde::Deserialize;

use super::compile::{Compiled, FaultContext, down};
use crate::action::Signal;
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// Kills the nodes' processes with SIGKILL, without a chance to tidy up. They are started again, with their data, when the faultn/// ends.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    /// The nodes.
    pub targets: Sp<Targets>,
}

impl Kill {
    pub(super) fn compile(&self, context: &FaultContext<'_>) -> Result<Compiled, Vec<Diagnostic>> {
        down(context, "kill", &self.targets, Signal::Kill, false)
    }
}
