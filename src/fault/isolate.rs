//! `isolate`: a node loses everybody.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Effects;
use super::compile::{Compiled, FaultContext, cut_rule};
use super::inject::NotBuilt;
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// Each of these nodes loses everybody else, each other included. The members of a participant (`west-0`) keep each other;
/// a node that is named as a member (`west-0.execution`, `*.execution`) loses its mates too.
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
        let chosen = context.choose("targets", &self.targets).map_err(|mistake| vec![mistake])?;
        let everyone = context.everyone();
        let nodes = chosen.nodes;
        let links = vec![cut_rule(nodes.clone(), everyone.clone()), cut_rule(everyone.clone(), nodes.clone())];
        let links = context.topology.sparing_mates(links, &chosen.as_members);
        if everyone.len() < 2 || links.is_empty() {
            return Err(vec![
                Diagnostic::error("a single node or participant has nobody to lose")
                    .at(self.targets.span, "the only one there is"),
            ]);
        }
        Ok(Compiled {
            effects: Effects { links, ..Effects::default() },
            summary: format!("isolate {}", context.say_set(&nodes)),
            targets: context.names(&nodes),
        })
    }
}
