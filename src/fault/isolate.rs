//! `isolate`: a node loses everybody.

use schemars::JsonSchema;
use serde::Deserialize;

use super::inject::NotBuilt;
use crate::text::Sp;
use crate::topology::Targets;

/// Each of these nodes loses everybody else, each other included.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Isolate {
    /// The nodes that are cut off.
    pub targets: Sp<Targets>,
    #[doc(hidden)]
    #[schemars(skip)]
    #[serde(default)]
    pub ports: Option<NotBuilt>,
}
