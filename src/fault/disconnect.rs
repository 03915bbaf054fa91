//! `disconnect`: a node's interface goes away and comes back with the same address.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Effects;
use super::compile::{Compiled, FaultContext};
use crate::action::NetworkName;
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// Takes nodes out of a network: on docker the real network disconnect, on native the interface goes down. When the
/// fault ends they are connected again, with the same address. A participant goes with all its members, and unlike with
/// `isolate` these lose each other too: it is their interfaces that are gone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disconnect {
    /// The nodes.
    pub targets: Sp<Targets>,
    /// The network that they leave; without it they leave all networks they are in.
    #[serde(default)]
    pub network: Option<Sp<NetworkName>>,
}

impl Disconnect {
    pub(super) fn compile(&self, context: &FaultContext<'_>) -> Result<Compiled, Vec<Diagnostic>> {
        let targets = context.resolve("targets", &self.targets).map_err(|mistake| vec![mistake])?;
        let mut mistakes = Vec::new();
        if let Some(network) = &self.network
            && !context.topology.networks.contains_key(&network.value)
        {
            let known: Vec<&str> = context.topology.networks.keys().map(NetworkName::as_str).collect();
            return Err(vec![
                Diagnostic::error(format!("there is no network `{}`", network.value))
                    .at(network.span, "unknown network")
                    .help(format!("the topology has: {}", known.join(", "))),
            ]);
        }
        let mut detached = Vec::new();
        for node in context.topology.nodes.iter().filter(|node| targets.contains(&node.name)) {
            match &self.network {
                Some(network) if node.networks.contains(&network.value) => {
                    detached.push((node.name.clone(), network.value.clone()));
                }
                Some(network) => mistakes.push(
                    Diagnostic::error(format!("{} is not in network `{}`", node.name, network.value))
                        .at(self.targets.span, "means this node too")
                        .at(network.span, "which it is not attached to"),
                ),
                None => detached.extend(node.networks.iter().map(|network| (node.name.clone(), network.clone()))),
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let from = self.network.as_ref().map_or(String::new(), |network| format!(" from {}", network.value));
        Ok(Compiled {
            effects: Effects { detached, ..Effects::default() },
            summary: format!("disconnect {}{from}", context.say(&targets)),
            targets,
        })
    }
}
