//! Who validates on a CometBFT chain, and the keys of every node.

use std::time::Duration;

use super::producers::{Producer, Production};
use crate::action::{NodeName, Seeds};
use crate::genesis::{Cometbft, Ed25519Key, Family, validator_state_json};
use crate::topology::{Node, Topology};

/// The key that a node's id follows from.
pub(super) fn node_key(name: &NodeName, seeds: &Seeds) -> Ed25519Key {
    Ed25519Key::from_seed(&seeds.child(&format!("node/{name}/cometbft/node")).bytes())
}

/// The key that a node signs with. Followers have one too, because the program wants the file; it is in no genesis.
fn validator_key(name: &NodeName, seeds: &Seeds) -> Ed25519Key {
    Ed25519Key::from_seed(&seeds.child(&format!("node/{name}/cometbft/validator")).bytes())
}

pub(super) fn production(cometbft: &Cometbft, topology: &Topology, candidates: &[&Node], seeds: &Seeds) -> Production {
    let validators: Vec<(String, Ed25519Key)> =
        candidates.iter().map(|node| (node.name.to_string(), validator_key(&node.name, seeds))).collect();
    let producers = candidates
        .iter()
        .zip(&validators)
        .map(|(node, (_, key))| (node.name.clone(), Producer { signs_as: vec![key.address()], ..Producer::default() }));
    let node_values = topology.nodes.iter().map(|node| {
        let values = [
            ("node_key_json", node_key(&node.name, seeds).node_key_json()),
            ("priv_validator_key_json", validator_key(&node.name, seeds).validator_key_json()),
            ("priv_validator_state_json", validator_state_json()),
        ];
        (node.name.clone(), values.into())
    });
    Production {
        producers: producers.collect(),
        values: cometbft.template_values(cometbft.genesis_json(&validators)),
        family: Some(Family::Cometbft.word()),
        // Nobody decides anything before two thirds of the validators have met, so nobody has to wait for the others.
        genesis_delay: Some(cometbft.genesis_delay.unwrap_or(Duration::ZERO)),
        block_time: Some(cometbft.block_time),
        node_values: node_values.collect(),
        ..Production::default()
    }
}
