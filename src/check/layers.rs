//! Nodes that show different chains: blocks of an execution chain are never compared with slots of a beacon chain, so
//! what is asked of many nodes is judged layer by layer.

use std::collections::BTreeMap;

use super::history::History;

/// The layer of nodes that show no chain.
pub(crate) const PROCESS: &str = "process";
/// The layer that counts slots and epochs.
pub(crate) const BEACON: &str = "beacon";
/// The layer of execution clients.
pub(crate) const EXECUTION: &str = "execution";

/// The nodes of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer<'a> {
    /// Its word in the journal; empty in journals that are older than layers.
    pub(crate) name: &'a str,
    /// The nodes of it that are meant, as indices.
    pub(crate) nodes: Vec<usize>,
}

impl<'a> History<'a> {
    /// The layers of these nodes, consensus first, because it decides what the others follow. Nodes that show no chain
    /// are left out.
    pub(crate) fn layers(&self, nodes: &[usize]) -> Vec<Layer<'a>> {
        let mut layers: BTreeMap<(bool, &str), Vec<usize>> = BTreeMap::new();
        for &node in nodes {
            let layer = self.layer(node);
            if layer != PROCESS {
                layers.entry((layer != BEACON, layer)).or_default().push(node);
            }
        }
        layers.into_iter().map(|((_, name), nodes)| Layer { name, nodes }).collect()
    }

    /// Whether a node's chain is one without epochs beside one that has them.
    pub(crate) fn beside_beacon(&self, node: usize) -> bool {
        self.run.slots_per_epoch.is_some() && self.slots_per_epoch(self.layer(node)).is_none()
    }

    /// The layer of a node.
    pub(crate) fn layer(&self, node: usize) -> &'a str {
        self.nodes[node].record.layer.as_str()
    }

    /// Those of the nodes that show a chain.
    pub(crate) fn showing(&self, nodes: &[usize]) -> Vec<usize> {
        nodes.iter().copied().filter(|&node| self.layer(node) != PROCESS).collect()
    }

    /// How many nodes of the run are on a node's layer.
    pub(crate) fn layer_size(&self, node: usize) -> usize {
        self.nodes.iter().filter(|other| other.record.layer == self.nodes[node].record.layer).count()
    }

    /// Whether the run's nodes show more than one chain.
    pub(crate) fn is_layered(&self) -> bool {
        let mut layers = self.nodes.iter().map(|node| node.record.layer.as_str()).filter(|&layer| layer != PROCESS);
        let first = layers.next();
        layers.any(|layer| Some(layer) != first)
    }

    /// Slots of an epoch on this layer, if it counts by slots and epochs.
    pub(crate) fn slots_per_epoch(&self, layer: &str) -> Option<u64> {
        self.run.slots_per_epoch.filter(|_| matches!(layer, BEACON | ""))
    }

    /// What a layer's heads count by.
    pub(crate) fn height_word(&self, layer: &str) -> &'static str {
        match layer {
            BEACON | "" if self.run.slots_per_epoch.is_some() => "slot",
            BEACON | "" => "height",
            _ => "block",
        }
    }

    /// What depths and distances on a layer's heights count.
    pub(crate) fn count_word(&self, layer: &str) -> &'static str {
        if self.slots_per_epoch(layer).is_some() && layer == BEACON { "slots" } else { "blocks" }
    }

    /// What the final blocks of a layer count by.
    pub(crate) fn final_word(&self, layer: &str) -> &'static str {
        if self.slots_per_epoch(layer).is_some() { "epoch" } else { "block" }
    }

    /// `consensus ` where it must be said which chain is meant, else nothing.
    pub(crate) fn layer_prefix(&self, layer: &str) -> String {
        if self.is_layered() { format!("{} ", layer_word(layer)) } else { String::new() }
    }
}

/// A layer for people.
pub(crate) fn layer_word(layer: &str) -> &str {
    match layer {
        BEACON => "consensus",
        "http_json" | "" => "other",
        layer => layer,
    }
}
