//! `stop`: a node's process is asked to end.

use schemars::JsonSchema;
use serde::Deserialize;

use super::compile::{Compiled, FaultContext, down};
use crate::action::Signal;
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// Asks the nodes' processes to end (SIGTERM, and SIGKILL ten seconds later). They are started again, with their data, whenn/// the fault ends.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// The nodes.
    pub targets: Sp<Targets>,
}

impl Stop {
    pub(super) fn compile(&self, context: &FaultContext<'_>) -> Result<Compiled, Vec<Diagnostic>> {
        down(context, "stop", &self.targets, Signal::Stop, false)
    }
}
