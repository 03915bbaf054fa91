//! Participants: several processes that people think of as one member of the network.

use std::collections::{BTreeMap, BTreeSet};

use super::history::History;
use super::questions::name_list;
use crate::action::ClientRef;

impl<'a> History<'a> {
    /// The members of each participant, in the order of the plan.
    pub(crate) fn participants(&self) -> Vec<(&'a str, Vec<usize>)> {
        let mut order: Vec<&str> = Vec::new();
        let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (node, history) in self.nodes.iter().enumerate() {
            let Some(participant) = history.record.participant.as_deref() else { continue };
            members
                .entry(participant)
                .or_insert_with(|| {
                    order.push(participant);
                    Vec::new()
                })
                .push(node);
        }
        order.into_iter().map(|name| (name, members.remove(name).unwrap_or_default())).collect()
    }

    /// The members of a node's participant, itself included; the node alone if it is in none.
    pub(crate) fn mates(&self, node: usize) -> Vec<usize> {
        match &self.nodes[node].record.participant {
            None => vec![node],
            participant => {
                (0..self.nodes.len()).filter(|&other| self.nodes[other].record.participant == *participant).collect()
            }
        }
    }

    /// How a node is called where so many are meant: by its participant, if all members of that are.
    pub(crate) fn say(&self, node: usize, meant: &BTreeSet<usize>) -> String {
        let record = self.nodes[node].record;
        match &record.participant {
            Some(participant) if self.mates(node).iter().all(|mate| meant.contains(mate)) => participant.clone(),
            _ => record.name.to_string(),
        }
    }

    /// Names of these nodes, each participant once.
    pub(crate) fn say_all(&self, nodes: impl IntoIterator<Item = usize>, meant: &BTreeSet<usize>) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for node in nodes {
            let name = self.say(node, meant);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The names of these nodes as one text; participants of which all members show up are said by their name.
    pub(crate) fn say_list(&self, nodes: impl IntoIterator<Item = usize>) -> String {
        let everybody: BTreeSet<usize> = (0..self.nodes.len()).collect();
        name_list(&self.say_all(nodes, &everybody))
    }

    /// The clients of a node's participant as people write them: `prysm@v6.0.4 / go-ethereum@v1.16.9`.
    pub(crate) fn clients_of(&self, node: usize) -> String {
        let mut clients: Vec<&ClientRef> = Vec::new();
        let mut mates = self.mates(node);
        // Consensus first, as teams write their pairs.
        mates.sort_by_key(|&mate| (self.layer(mate) != super::layers::BEACON, mate));
        for mate in mates {
            let client = &self.nodes[mate].record.client;
            if !clients.contains(&client) {
                clients.push(client);
            }
        }
        clients.iter().map(ToString::to_string).collect::<Vec<_>>().join(" / ")
    }

    /// The member of a node's participant that shows a layer; the node itself if there is none.
    pub(crate) fn mate_on(&self, node: usize, layer: &str) -> usize {
        self.mates(node).into_iter().find(|&mate| self.layer(mate) == layer).unwrap_or(node)
    }
}
