//! What the swarm reports: connections, gossip, requests.

use std::time::Instant;

use libp2p::core::ConnectedPoint;
use libp2p::swarm::SwarmEvent;
use libp2p::{PeerId, gossipsub, identify};
use ssz::Decode as _;

use super::behaviour::BehaviourEvent;
use super::log::{Level, line};
use super::node::{Node, now_ms};
use crate::consensus::{BlockSource, Verdict};
use crate::eth2::{Attestation, GoodbyeReason, SignedBeaconBlock};

impl Node {
    pub(super) fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, num_established, .. } => {
                if let Some(address) = self.dials.remove(&connection_id) {
                    self.dialer.ended(&address, Some(peer_id), Instant::now());
                }
                if num_established.get() == 1 {
                    self.on_connected(peer_id, &endpoint);
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, cause, .. } => {
                let reason = cause.map_or_else(|| "closed".to_owned(), |cause| cause.to_string());
                self.on_disconnected(&peer_id, &reason);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, .. } => {
                if let Some(address) = self.dials.remove(&connection_id) {
                    self.dialer.ended(&address, None, Instant::now());
                }
            }
            SwarmEvent::ListenerError { error, .. } => line(Level::Warn, "listener", &[("reason", &error)]),
            SwarmEvent::ListenerClosed { reason: Err(error), .. } => {
                line(Level::Error, "listener_closed", &[("reason", &error)]);
            }
            _ => {}
        }
    }

    fn on_connected(&mut self, peer: PeerId, endpoint: &ConnectedPoint) {
        let outbound = endpoint.is_dialer();
        let full = self.peers.len() >= self.settings.arguments.max_peers;
        let address = endpoint.get_remote_address().clone();
        let key = self.peers.add(peer, address.clone(), outbound, Instant::now());
        line(
            Level::Info,
            "peer_connected",
            &[("peer", &peer), ("address", &address), ("outbound", &outbound), ("peers", &self.peers.len())],
        );
        if full && !outbound {
            self.leave(peer, GoodbyeReason::TooManyPeers);
            return;
        }
        self.core.on_peer(now_ms(), key);
        if outbound {
            self.send_status(&peer);
        }
    }

    fn on_disconnected(&mut self, peer: &PeerId, reason: &str) {
        self.closing.remove(peer);
        let Some(entry) = self.peers.remove(peer) else { return };
        self.core.on_peer_gone(now_ms(), entry.key);
        self.dialer.lost(peer, entry.unwelcome, Instant::now());
        if let Some(discovery) = &mut self.discovery {
            discovery.lost_one(Instant::now());
        }
        line(Level::Info, "peer_gone", &[("peer", peer), ("reason", &reason), ("peers", &self.peers.len())]);
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Gossip(gossipsub::Event::Message { propagation_source, message_id, message }) => {
                self.peers.heard(&propagation_source, Instant::now());
                let acceptance = match self.on_gossip(&propagation_source, &message) {
                    Verdict::Accept => gossipsub::MessageAcceptance::Accept,
                    Verdict::Ignore => gossipsub::MessageAcceptance::Ignore,
                    Verdict::Reject => gossipsub::MessageAcceptance::Reject,
                };
                let gossip = &mut self.swarm.behaviour_mut().gossip;
                gossip.report_message_validation_result(&message_id, &propagation_source, acceptance);
            }
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                line(Level::Info, "identified", &[("peer", &peer_id), ("agent", &info.agent_version)]);
            }
            BehaviourEvent::Gossip(_) | BehaviourEvent::Identify(_) => {}
            BehaviourEvent::Goodbye(event) => {
                self.note_goodbye(&event);
                self.on_exchange(event);
            }
            BehaviourEvent::Status(event) | BehaviourEvent::Ping(event) | BehaviourEvent::Metadata(event) => {
                self.on_exchange(event);
            }
            BehaviourEvent::Range(event) => self.on_blocks_exchange(true, event),
            BehaviourEvent::Root(event) => self.on_blocks_exchange(false, event),
        }
    }

    fn on_gossip(&mut self, from: &PeerId, message: &gossipsub::Message) -> Verdict {
        // A message may still lie in the queue when its sender has gone.
        let Some(key) = self.peers.key(from) else { return Verdict::Ignore };
        if message.topic == self.block_topic.hash() {
            match SignedBeaconBlock::from_ssz_bytes(&message.data) {
                Ok(block) => self.core.on_block(now_ms(), block, BlockSource::Gossip(key)),
                Err(_) => Verdict::Reject,
            }
        } else if message.topic == self.attestation_topic.hash() {
            match Attestation::from_ssz_bytes(&message.data) {
                Ok(attestation) => self.core.on_attestation(now_ms(), &attestation, key),
                Err(_) => Verdict::Reject,
            }
        } else {
            Verdict::Ignore
        }
    }
}
