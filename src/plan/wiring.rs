//! Who is told about whom: bootnodes and dialled peers, under the addresses at which each can reach the other.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::keys::NodeKey;
use crate::action::{AdapterSpec, Attachment, NodeName};
use crate::client::{Client, Identity, IdentityKind, Others};
use crate::topology::{Node, Topology};

/// What is known of every node before any of them runs.
#[derive(Clone, Debug)]
pub(super) struct Known<'a> {
    /// As the topology says it.
    pub(super) node: &'a Node,
    /// Its position in the plan.
    pub(super) index: u16,
    /// Its client.
    pub(super) client: &'a Client,
    /// Its key.
    pub(super) key: NodeKey,
    /// Its CometBFT node id, if its client has one.
    pub(super) cometbft_id: Option<String>,
    /// Its addresses.
    pub(super) attachments: Vec<Attachment>,
}

impl Known<'_> {
    /// The node's identity at one of its addresses; `None` if its client has none of this kind.
    pub(super) fn identity(&self, kind: IdentityKind, address: Ipv4Addr) -> Option<String> {
        let identity = &self.client.identity;
        match kind {
            IdentityKind::Enode => identity.enode.map(|(tcp, udp)| self.key.enode(address, tcp, udp)),
            IdentityKind::Enr => identity.enr.as_ref().map(|ports| self.key.enr(address, ports)),
            IdentityKind::PeerId => identity.multiaddr.map(|_| self.key.peer_id()),
            IdentityKind::Multiaddr => identity.multiaddr.map(|tcp| self.key.multiaddr(address, tcp)),
            IdentityKind::Cometbft => {
                let (id, tcp) = self.cometbft_id.as_ref().zip(identity.cometbft)?;
                Some(format!("{id}@{address}:{tcp}"))
            }
            IdentityKind::Host => identity.host.map(|tcp| format!("{address}:{tcp}")),
        }
    }

    /// Name of the participant that it is a member of; its own if it is in none.
    pub(super) fn participant(&self) -> &str {
        self.node.participant.as_deref().unwrap_or(self.node.name.as_str())
    }

    /// Its main address.
    pub(super) fn address(&self) -> Ipv4Addr {
        self.attachments.first().map_or(Ipv4Addr::UNSPECIFIED, |attachment| attachment.address)
    }

    /// Under which address another node reaches it: the one in the first network that they share.
    fn seen_from(&self, other: &Self) -> Option<Ipv4Addr> {
        let shared = other
            .attachments
            .iter()
            .find_map(|theirs| self.attachments.iter().find(|own| own.network == theirs.network));
        shared.map(|attachment| attachment.address)
    }
}

/// The wiring of all nodes.
#[derive(Clone, Debug)]
pub(super) struct Wires<'a> {
    known: &'a [Known<'a>],
    position: BTreeMap<&'a NodeName, usize>,
    bootnodes: Vec<&'a NodeName>,
    dials: BTreeMap<&'a NodeName, Vec<&'a NodeName>>,
    neighbors: BTreeMap<&'a NodeName, Vec<&'a NodeName>>,
    /// Members of participants by participant and member.
    members: BTreeMap<(&'a str, &'a str), usize>,
}

impl<'a> Wires<'a> {
    pub(super) fn new(topology: &'a Topology, known: &'a [Known<'a>]) -> Self {
        let mut dials: BTreeMap<&NodeName, Vec<&NodeName>> = BTreeMap::new();
        let mut neighbors: BTreeMap<&NodeName, Vec<&NodeName>> = BTreeMap::new();
        for (from, to) in &topology.edges {
            dials.entry(from).or_default().push(to);
            for (one, other) in [(from, to), (to, from)] {
                let known: &mut Vec<&NodeName> = neighbors.entry(one).or_default();
                if !known.contains(&other) {
                    known.push(other);
                }
            }
        }
        let position = known.iter().enumerate().map(|(position, known)| (&known.node.name, position)).collect();
        let members = known.iter().enumerate().filter_map(|(position, known)| {
            Some(((known.node.participant.as_deref()?, known.node.member.as_deref()?), position))
        });
        let members = members.collect();
        Self { known, position, bootnodes: topology.bootnodes.iter().collect(), dials, neighbors, members }
    }

    /// Another member of a node's participant, with the address at which the node reaches it.
    pub(super) fn mate(&self, of: &Known<'_>, member: &str) -> Option<(&'a Known<'a>, Ipv4Addr)> {
        let mate = &self.known[*self.members.get(&(of.node.participant.as_deref()?, member))?];
        Some((mate, mate.seen_from(of)?))
    }

    /// The members of a node's participant; none for a node that is in none.
    pub(super) fn members_beside(&self, of: &Known<'_>) -> Vec<&'a str> {
        let Some(participant) = of.node.participant.as_deref() else { return Vec::new() };
        self.members.keys().filter(|(name, _)| *name == participant).map(|(_, member)| *member).collect()
    }

    /// The others that a node is told about, with the address at which it reaches them. Nodes that share no network with
    /// it are left out, and members of participants that it cannot speak to.
    pub(super) fn others(&self, of: &Known<'_>, which: Others) -> Vec<(&'a Known<'a>, Ipv4Addr)> {
        let names: &[&NodeName] = match which {
            Others::Bootnodes => &self.bootnodes,
            Others::Peers => self.dials.get(&of.node.name).map_or(&[], Vec::as_slice),
            Others::Neighbors => self.neighbors.get(&of.node.name).map_or(&[], Vec::as_slice),
        };
        let others = names.iter().filter(|name| **name != &of.node.name).filter_map(|name| {
            let other = &self.known[*self.position.get(name)?];
            speak(of, other).then_some((other, other.seen_from(of)?))
        });
        others.collect()
    }

    /// Identities of the others that have one of this kind.
    pub(super) fn identities(&self, of: &Known<'_>, which: Others, kind: IdentityKind) -> Vec<String> {
        self.others(of, which).into_iter().filter_map(|(other, address)| other.identity(kind, address)).collect()
    }

    /// The edges of the graph whose ends share a network, and a remark about the others: nobody can dial those. Edges to
    /// members that the other end cannot speak to (an execution client to a beacon node, anybody to a validator client) are
    /// left out without a word: nobody asked for them, they come from writing out those between participants.
    pub(super) fn edges(&self, topology: &Topology) -> (Vec<(NodeName, NodeName)>, Option<String>) {
        let known = |name: &NodeName| self.position.get(name).map(|position| &self.known[*position]);
        let speak = |(from, to): &&(NodeName, NodeName)| known(from).zip(known(to)).is_some_and(|(a, b)| speak(a, b));
        let (kept, apart): (Vec<_>, Vec<_>) =
            topology.edges.iter().filter(speak).cloned().partition(|(from, to)| {
                known(from).zip(known(to)).is_some_and(|(from, to)| to.seen_from(from).is_some())
            });
        let note = match apart.as_slice() {
            [] => None,
            [(from, to)] => {
                Some(format!("1 edge of the graph was left out, because its ends share no network: {from} → {to}"))
            }
            [(from, to), ..] => Some(format!(
                "{} edges of the graph were left out, because their ends share no network: {from} → {to}, …",
                apart.len()
            )),
        };
        (kept, note)
    }
}

/// Whether two nodes can be peers, as far as a member of a participant is one of them: they show the same chain, and there
/// is a kind of identity that both have, or one has none and dials by whatever kind it can read. Nodes that are single
/// processes are taken at the topology's word.
fn speak(one: &Known<'_>, other: &Known<'_>) -> bool {
    if one.node.member.is_none() && other.node.member.is_none() {
        return true;
    }
    let (layer, other_layer) = (one.client.adapter.layer(), other.client.adapter.layer());
    // A process that shows no chain may still be one that others find each other through.
    let same = layer == other_layer || [layer, other_layer].contains(&AdapterSpec::Process.layer());
    let kinds = || IdentityKind::all().filter_map(IdentityKind::parse);
    let (own, theirs) = (&one.client.identity, &other.client.identity);
    let shared = kinds().any(|kind| own.has(kind) && theirs.has(kind));
    let unknown = |identity: &Identity| kinds().all(|kind| !identity.has(kind));
    let shows_chain = layer == other_layer && layer != AdapterSpec::Process.layer();
    same && (shared || (shows_chain && unknown(own) != unknown(theirs)))
}
