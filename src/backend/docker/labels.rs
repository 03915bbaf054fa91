//! Names and labels of everything that a run makes on an engine; `clean` works from these alone.

use std::collections::HashMap;

use super::super::{BackendError, Owner};
use crate::action::{NetworkName, NodeName, RunId};

/// Which run made it.
pub(super) const RUN: &str = "splitbrain.run";
/// Which node it is for.
pub(super) const NODE: &str = "splitbrain.node";
/// The scenario's name.
pub(super) const SCENARIO: &str = "splitbrain.scenario";
/// The process that made it, as [`Owner`] writes it.
pub(super) const OWNER: &str = "splitbrain.owner";
/// What a container is for: [`PART_NODE`] or [`PART_INIT`].
pub(super) const PART: &str = "splitbrain.part";
/// The node's own container.
pub(super) const PART_NODE: &str = "node";
/// A container that runs an init command to its end.
pub(super) const PART_INIT: &str = "init";
/// On images that we made: for which client.
pub(super) const IMAGE: &str = "splitbrain.image";

/// Marks the things of one run.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    pub(super) run: RunId,
    scenario: String,
    pub(super) owner: Owner,
}

impl Marks {
    /// Marks for a run of this very process.
    pub(super) fn new(run: &RunId, scenario: &str) -> Result<Self, BackendError> {
        let owner = Owner::current().map_err(|error| BackendError::new("cannot tell who this process is", error))?;
        Ok(Self { run: run.clone(), scenario: scenario.to_owned(), owner })
    }

    /// Labels that everything has.
    pub(super) fn common(&self) -> HashMap<String, String> {
        HashMap::from([
            (RUN.to_owned(), self.run.to_string()),
            (SCENARIO.to_owned(), self.scenario.clone()),
            (OWNER.to_owned(), self.owner.to_string()),
        ])
    }

    /// Labels of a node's container or volume.
    pub(super) fn of_node(&self, node: &NodeName, part: &str) -> HashMap<String, String> {
        let mut labels = self.common();
        labels.insert(NODE.to_owned(), node.to_string());
        labels.insert(PART.to_owned(), part.to_owned());
        labels
    }

    /// Name of a node's container and of its data volume.
    pub(super) fn node_name(&self, node: &NodeName) -> String {
        format!("splitbrain-{}-{node}", self.run)
    }

    /// Name of a Docker network.
    pub(super) fn network_name(&self, network: &NetworkName) -> String {
        format!("splitbrain-{}-{network}", self.run)
    }
}

/// Filters a list of the engine's things by one label.
pub(super) fn with_label(label: &str, value: Option<&str>) -> HashMap<String, Vec<String>> {
    let wanted = value.map_or_else(|| label.to_owned(), |value| format!("{label}={value}"));
    HashMap::from([("label".to_owned(), vec![wanted])])
}
