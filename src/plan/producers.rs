//! Who makes blocks: validators dealt to nodes, sealers' accounts, and what templates may say of the chain.

use std::collections::BTreeMap;
use std::time::Duration;

use super::keys::{NodeKey, address_text};
use super::{Surroundings, producers_cometbft, producers_pos};
use crate::action::{BackendKind, NodeName, Seeds};
use crate::genesis::{Beacon, Chain, Clique, Family, PostMerge, genesis_json};
use crate::spec::Scenario;
use crate::text::Diagnostic;
use crate::topology::Node;

/// The role of nodes that make blocks.
pub(super) const PRODUCER_ROLE: &str = "validator";

/// The role of nodes that only follow the chain.
pub(super) const FOLLOWER_ROLE: &str = "follower";

/// What the chain means for the nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Production {
    /// The nodes that make blocks.
    pub(super) producers: BTreeMap<NodeName, Producer>,
    /// Values of `{chain.KEY}`.
    pub(super) values: BTreeMap<&'static str, String>,
    /// The chain family's word, if the scenario has a chain.
    pub(super) family: Option<&'static str>,
    /// Time from the start of the nodes to genesis.
    pub(super) genesis_delay: Option<Duration>,
    /// Slot or block time.
    pub(super) block_time: Option<Duration>,
    /// Slots of an epoch.
    pub(super) slots_per_epoch: Option<u64>,
    /// What the genesis files are made of that depend on the genesis time.
    pub(super) genesis: Option<PostMerge>,
    /// Contents that the chain makes for each node: `{node.KEY}`.
    pub(super) node_values: BTreeMap<NodeName, BTreeMap<&'static str, String>>,
    /// Remarks for people.
    pub(super) notes: Vec<String>,
}

/// A node that makes blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct Producer {
    /// Names under which its blocks are signed.
    pub(super) signs_as: Vec<String>,
    /// Numbers of its validators.
    pub(super) validators: Vec<u32>,
    /// The account that it seals with.
    pub(super) account: Option<SealerAccount>,
}

/// A sealer's account.
#[derive(Clone, Debug)]
pub(super) struct SealerAccount {
    /// `0x` and 40 lower-case hex digits.
    pub(super) address: String,
    /// 64 hex digits.
    pub(super) private_key: String,
    /// Password for the client's key store.
    pub(super) password: String,
}

/// Decides who makes blocks.
pub(super) fn decide(
    scenario: &Scenario,
    backend: BackendKind,
    seeds: &Seeds,
    surroundings: &Surroundings,
) -> Result<Production, Diagnostic> {
    let candidates: Vec<&Node> = scenario.topology.nodes.iter().filter(|node| node.role == PRODUCER_ROLE).collect();
    match &scenario.chain {
        None => {
            let producers = candidates.iter().map(|node| (node.name.clone(), Producer::default())).collect();
            Ok(Production { producers, ..Production::default() })
        }
        Some(chain) if candidates.is_empty() => {
            let mistake = Diagnostic::error(format!("nobody makes blocks: no node has the role `{PRODUCER_ROLE}`"));
            let mistake = match chain.place() {
                Some(place) => mistake.at(place, "this chain needs validators"),
                None => mistake,
            };
            Err(mistake.help(format!("give some groups or nodes of the topology `role: {PRODUCER_ROLE}`")))
        }
        Some(Chain::Beacon(beacon)) => beacon_production(beacon, scenario, backend, &candidates, seeds),
        Some(Chain::Clique(clique)) => clique_production(clique, scenario, backend, &candidates, seeds),
        Some(Chain::Pos(pos)) => {
            producers_pos::production(pos, scenario, backend, &candidates, seeds, &surroundings.start_times)
        }
        Some(Chain::Cometbft(cometbft)) => {
            Ok(producers_cometbft::production(cometbft, &scenario.topology, &candidates, seeds))
        }
    }
}

fn beacon_production(
    beacon: &Beacon,
    scenario: &Scenario,
    backend: BackendKind,
    candidates: &[&Node],
    seeds: &Seeds,
) -> Result<Production, Diagnostic> {
    let count = u32::try_from(candidates.len()).unwrap_or(u32::MAX);
    let validators = beacon.validators.unwrap_or(count);
    if validators < count {
        return Err(Diagnostic::error(format!(
            "{validators} validators are too few for {count} nodes with role `{PRODUCER_ROLE}`"
        ))
        .at(beacon.place, "this chain")
        .help(format!("write `validators: {count}` or more, or give some nodes another role (`follower`)")));
    }
    let mut producers: BTreeMap<NodeName, Producer> =
        candidates.iter().map(|node| (node.name.clone(), Producer::default())).collect();
    // Dealt in turn, so that any group of nodes has its fair share of neighbouring slots.
    for (validator, node) in (0..validators).zip(candidates.iter().cycle()) {
        let producer = producers.entry(node.name.clone()).or_default();
        producer.validators.push(validator);
        producer.signs_as.push(validator.to_string());
    }
    let nodes = scenario.topology.nodes.len() as u64;
    // Long enough for all nodes to run before genesis: an engine starts about five containers a second.
    let start_up = match backend {
        BackendKind::Docker => 4 + nodes.div_ceil(4),
        BackendKind::Native => 2 + nodes.div_ceil(50),
    };
    let delay = beacon.genesis_delay.unwrap_or(Duration::from_secs(start_up));
    Ok(Production {
        producers,
        values: beacon.template_values(validators, seeds.child("chain").number()),
        family: Some(Family::Beacon.word()),
        genesis_delay: Some(delay),
        block_time: Some(beacon.slot),
        slots_per_epoch: Some(beacon.slots_per_epoch),
        ..Production::default()
    })
}

fn clique_production(
    clique: &Clique,
    scenario: &Scenario,
    backend: BackendKind,
    candidates: &[&Node],
    seeds: &Seeds,
) -> Result<Production, Diagnostic> {
    let wanted = clique.sealers.map_or(candidates.len(), |sealers| sealers as usize);
    if wanted > candidates.len() {
        return Err(Diagnostic::error(format!(
            "the chain wants {wanted} sealers, and only {} nodes have the role `{PRODUCER_ROLE}`",
            candidates.len()
        ))
        .help(format!("write `sealers: {}`, or leave it out for all of them", candidates.len())));
    }
    let mut producers = BTreeMap::new();
    let mut sealers = Vec::new();
    for node in &candidates[..wanted] {
        let place = seeds.child(&format!("node/{}/account", node.name));
        let key = NodeKey::from_seeds(&place);
        let address = key.account();
        sealers.push(address);
        let account = SealerAccount {
            address: address_text(&address),
            private_key: key.secret_hex(),
            password: hex::encode(&place.child("password").bytes()[..8]),
        };
        let producer =
            Producer { signs_as: vec![account.address.clone()], validators: Vec::new(), account: Some(account) };
        producers.insert(node.name.clone(), producer);
    }
    // EIP-225: the checkpoint block lists its signers in ascending order.
    sealers.sort_unstable();
    let funded = funded(clique.accounts, seeds);
    let nodes = scenario.topology.nodes.len() as u64;
    // Long enough for all nodes to have run their init commands and met before the first block: sealers that start
    // apart may stand still for good. In containers each init command is a container of its own.
    let start_up = match backend {
        BackendKind::Docker => 5 + 2 * nodes,
        BackendKind::Native => 3 + nodes.div_ceil(4),
    };
    let delay = clique.genesis_delay.unwrap_or(Duration::from_secs(start_up));
    Ok(Production {
        producers,
        values: clique.template_values(genesis_json(clique, &sealers, &funded)),
        family: Some(Family::Clique.word()),
        genesis_delay: Some(delay),
        block_time: Some(clique.period),
        ..Production::default()
    })
}

/// Addresses of the accounts with money: `account-0`, `account-1`, ….
pub(super) fn funded(accounts: u32, seeds: &Seeds) -> Vec<[u8; 20]> {
    (0..accounts).map(|number| NodeKey::from_seeds(&seeds.child(&format!("account/{number}"))).account()).collect()
}
