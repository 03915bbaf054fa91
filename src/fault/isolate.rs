//! `isolate`: a node loses everybody.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Effects;
use super::compile::{Compiled, FaultContext, cut_rule};
use super::inject::NotBuilt;
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// Each of these nodes loses everybody else, each other included.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Isolate {
    /// The nodes that are cut off.
    pub targets: Sp<Targets>,
    /// Known word, not built yet.
    #[serde(default)]
    pub ports: Option<NotBuilt>,
}

impl Isolate {
    pub(super) fn compile(&self, context: &FaultContext<'_>) -> Result<Compiled, Vec<Diagnostic>> {
        if let Some(ports) = &self.ports {
            return Err(vec![ports.refusal("ports", "without `ports` the fault hits all packets")]);
        }
        let targets = context.resolve("targets", &self.targets).map_err(|mistake| vec![mistake])?;
        let everyone = context.everyone();
        if everyone.len() < 2 {
            return Err(vec![
                Diagnostic::error("a single node has nobody to lose").at(self.targets.span, "the only node there is"),
            ]);
        }
        let nodes = context.indices(&targets);
        let links = vec![cut_rule(nodes.clone(), everyone.clone()), cut_rule(everyone, nodes)];
        Ok(Compiled {
            effects: Effects { links, ..Effects::default() },
            summary: format!("isolate {}", context.say(&targets)),
            targets,
        })
    }
}
