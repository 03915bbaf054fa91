//! `cut`: single links, one way (`from`, `to`) or both ways (`between`).

use schemars::JsonSchema;
use serde::Deserialize;

use super::inject::NotBuilt;
use crate::text::Sp;
use crate::topology::Targets;

/// Links are cut: with `from` and `to` in that direction alone, with `between` both ways.
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
    #[doc(hidden)]
    #[schemars(skip)]
    #[serde(default)]
    pub ports: Option<NotBuilt>,
}
