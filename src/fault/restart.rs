//! `restart`: a node's process is killed and started again.

use schemars::JsonSchema;
use serde::Deserialize;

use super::compile::{Compiled, FaultContext, down};
use crate::action::Signal;
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// Kills the nodes' processes with SIGKILL and starts them again: at the end of `for`, or at once if there is none.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// The nodes.
    pub targets: Sp<Targets>,
    /// Whether their data is gone when they come back. The default is no.
    #[serde(default)]
    pub wipe: bool,
}

impl Restart {
    pub(super) fn compile(&self, context: &FaultContext<'_>) -> Result<Compiled, Vec<Diagnostic>> {
        let word = if self.wipe { "restart and wipe" } else { "restart" };
        let mut compiled = down(context, word, &self.targets, Signal::Kill, self.wipe)?;
        compiled.effects.momentary = true;
        Ok(compiled)
    }
}
