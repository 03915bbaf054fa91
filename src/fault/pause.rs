//! `pause`: all processes of a node are frozen.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Effects;
use super::compile::{Compiled, FaultContext};
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// Freezes all processes of the nodes and thaws them when the fault ends. Their connections stay open and silent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// The nodes.
    pub targets: Sp<Targets>,
}

impl Pause {
    pub(super) fn compile(&self, context: &FaultContext<'_>) -> Result<Compiled, Vec<Diagnostic>> {
        let targets = context.resolve("targets", &self.targets).map_err(|mistake| vec![mistake])?;
        Ok(Compiled {
            effects: Effects { paused: targets.clone(), ..Effects::default() },
            summary: format!("pause {}", context.say(&targets)),
            targets,
        })
    }
}
