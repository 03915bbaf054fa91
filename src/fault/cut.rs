//! `cut`: single links, one way (`from`, `to`) or both ways (`between`).

use schemars::JsonSchema;
use serde::Deserialize;

use super::Effects;
use super::compile::{Compiled, FaultContext};
use super::inject::NotBuilt;
use super::pairs::WrittenPairs;
use crate::link::LinkParameters;
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// Links are cut: with `from` and `to` in that direction alone, with `between` both ways. Links among the members of one
/// participant stay whole unless a member is named (`west-0.execution`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Senders whose packets vanish.
    #[serde(default)]
    pub from: Option<Sp<Targets>>,
    /// Receivers that those packets do not reach.
    #[serde(default)]
    pub to: Option<Sp<Targets>>,
    /// Two ends (or more): every link from a node of one end to a node of another is cut both ways.
    #[serde(default)]
    pub between: Option<Sp<Vec<Sp<Targets>>>>,
    /// Known word, not built yet.
    #[serde(default)]
    pub ports: Option<NotBuilt>,
}

impl Cut {
    pub(super) fn compile(&self, context: &FaultContext<'_>) -> Result<Compiled, Vec<Diagnostic>> {
        if let Some(ports) = &self.ports {
            return Err(vec![ports.refusal("ports", "without `ports` the fault hits all packets")]);
        }
        let written = WrittenPairs {
            from: self.from.as_ref(),
            to: self.to.as_ref(),
            between: self.between.as_ref(),
            place: None,
        };
        let (pairs, said) = written.resolve(context, "cut")?;
        Ok(Compiled {
            effects: Effects { links: pairs.rules(LinkParameters::CUT), ..Effects::default() },
            summary: format!("cut {said}"),
            targets: context.names(&pairs.ends()),
        })
    }
}
