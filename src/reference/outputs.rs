//! Doing what the core wants: store, send, tell.

use libp2p::gossipsub::PublishError;
use serde_json::json;
use ssz::Encode as _;

use super::api_server::ApiEvent;
use super::codec::Request;
use super::log::{Level, line};
use super::node::{Node, now_ms};
use super::requests::BlocksAsked;
use crate::consensus::{HeadView, Output};
use crate::eth2::{BlocksByRangeRequest, Root, SignedBeaconBlock, root_to_hex};

impl Node {
    /// Carries out all that the core has put up, in order.
    pub(super) fn carry_out(&mut self) {
        for output in self.core.take_outputs() {
            self.carry_out_one(output);
        }
    }

    fn carry_out_one(&mut self, output: Output) {
        match output {
            Output::Duty(record) => {
                let result = self.storage.put_duty(record);
                Self::note_storage(result);
            }
            Output::Imported { root, block } => self.on_imported(root, &block),
            Output::PublishBlock(block) => self.publish(true, block.as_ssz_bytes()),
            Output::PublishAttestation(attestation) => self.publish(false, attestation.as_ssz_bytes()),
            Output::HeadChanged { head, previous, reorg_depth, epoch_transition } => {
                self.on_head(head, previous, reorg_depth, epoch_transition);
            }
            Output::Finalized { checkpoint, state_root } => {
                line(
                    Level::Info,
                    "finalized",
                    &[("epoch", &checkpoint.epoch), ("root", &root_to_hex(&checkpoint.root))],
                );
                let data = json!({
                    "block": root_to_hex(&checkpoint.root), "state": root_to_hex(&state_root),
                    "epoch": checkpoint.epoch.to_string(), "execution_optimistic": false,
                });
                self.tell("finalized_checkpoint", data);
                self.storage.sync_in_background();
            }
            Output::BlockRejected { root, slot, proposer, parent, reason } => line(
                Level::Warn,
                "block_rejected",
                &[
                    ("slot", &slot),
                    ("root", &root_to_hex(&root)),
                    ("proposer", &proposer),
                    ("parent", &root_to_hex(&parent)),
                    ("reason", &reason),
                ],
            ),
            Output::Equivocation { slot, proposer, root } => {
                let fields: &[(&str, &dyn std::fmt::Display)] =
                    &[("slot", &slot), ("proposer", &proposer), ("root", &root_to_hex(&root))];
                line(Level::Warn, "second_block", fields);
            }
            Output::FinalityConflict { claimed, ours } => line(
                Level::Error,
                "finality_conflict",
                &[
                    ("claimed_epoch", &claimed.epoch),
                    ("claimed_root", &root_to_hex(&claimed.root)),
                    ("our_epoch", &ours.epoch),
                    ("our_root", &root_to_hex(&ours.root)),
                ],
            ),
            Output::RequestRange { request, peer, start, count } => {
                let Some(id) = self.peers.id(peer) else {
                    self.core.on_blocks(now_ms(), request, None);
                    return;
                };
                line(Level::Info, "sync", &[("peer", &id), ("start", &start), ("count", &count)]);
                let range = BlocksByRangeRequest { start_slot: start, count, step: 1 };
                let sent = self.swarm.behaviour_mut().range.send_request(&id, Request::BlocksByRange(range));
                let slots = Some((start, start.saturating_add(count)));
                self.asked.insert((true, sent), BlocksAsked { request, slots });
            }
            Output::RequestRoots { request, peer, roots } => {
                let Some(id) = self.peers.id(peer) else {
                    self.core.on_blocks(now_ms(), request, None);
                    return;
                };
                let sent = self.swarm.behaviour_mut().root.send_request(&id, Request::BlocksByRoot(roots));
                self.asked.insert((false, sent), BlocksAsked { request, slots: None });
            }
            Output::SendStatus { peer } => {
                if let Some(id) = self.peers.id(peer) {
                    self.send_status(&id);
                }
            }
            Output::Goodbye { peer, reason } => {
                if let Some(id) = self.peers.id(peer) {
                    self.leave(id, reason);
                }
            }
        }
    }

    fn on_imported(&mut self, root: Root, block: &SignedBeaconBlock) {
        let result = self.storage.put_block(root, block);
        Self::note_storage(result);
        let slot = block.message.slot;
        let after_ms = now_ms().saturating_sub(self.settings.chain.slot_start(slot));
        line(
            Level::Info,
            "block",
            &[
                ("slot", &slot),
                ("root", &root_to_hex(&root)),
                ("parent", &root_to_hex(&block.message.parent_root)),
                ("proposer", &block.message.proposer_index),
                ("attestations", &block.message.body.attestations.len()),
                ("after_ms", &after_ms),
            ],
        );
        let data = json!({"slot": slot.to_string(), "block": root_to_hex(&root), "execution_optimistic": false});
        self.tell("block", data);
    }

    fn on_head(&mut self, head: HeadView, previous: Root, reorg_depth: u64, epoch_transition: bool) {
        let (slot, root) = (head.header.slot, root_to_hex(&head.root));
        line(Level::Info, "head", &[("slot", &slot), ("root", &root), ("reorg_depth", &reorg_depth)]);
        let state = root_to_hex(&head.header.state_root);
        // Duties depend on the chain's seed alone, so their dependent root is always genesis.
        let dependent = root_to_hex(&self.genesis.0);
        let data = json!({
            "slot": slot.to_string(), "block": root, "state": state, "epoch_transition": epoch_transition,
            "previous_duty_dependent_root": dependent, "current_duty_dependent_root": dependent,
            "execution_optimistic": false,
        });
        self.tell("head", data);
        if reorg_depth > 0 {
            let old_state = self.core.block(&previous).map_or(Root::ZERO, |(old, _)| old.header.state_root);
            let data = json!({
                "slot": slot.to_string(), "depth": reorg_depth.to_string(), "old_head_block": root_to_hex(&previous),
                "new_head_block": root, "old_head_state": root_to_hex(&old_state), "new_head_state": state,
                "epoch": self.settings.chain.epoch_of(slot).to_string(), "execution_optimistic": false,
            });
            self.tell("chain_reorg", data);
        }
    }

    fn tell(&self, topic: &'static str, data: serde_json::Value) {
        // Nobody may be listening.
        let _ = self.events.send(ApiEvent { topic, data });
    }

    fn publish(&mut self, block: bool, ssz: Vec<u8>) {
        let topic = if block { self.block_topic.clone() } else { self.attestation_topic.clone() };
        match self.swarm.behaviour_mut().gossip.publish(topic, ssz) {
            // Alone, or a second time: both happen and are no fault.
            Ok(_) | Err(PublishError::NoPeersSubscribedToTopic | PublishError::Duplicate) => {}
            Err(error) => line(Level::Warn, "publish_failed", &[("reason", &error)]),
        }
    }

    fn note_storage(result: std::io::Result<()>) {
        if let Err(error) = result {
            line(Level::Error, "storage_failed", &[("reason", &error)]);
        }
    }
}
