//! The subset of the standard Beacon API that the node answers (github.com/ethereum/beacon-APIs): paths in, JSON out.
//!
//! Numbers are strings, answers stand under `data`, errors are `{code, message}`, as the standard wants it.

use serde_json::{Value, json};

use super::api_server::Query;
use super::node::{Node, now_ms};
use crate::consensus::{FORK_VERSION, HeadView};
use crate::eth2::{Checkpoint, Root, root_from_hex, root_to_hex};

/// An answer. A body of `null` is an empty one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// The name and version that the node gives itself.
pub(super) fn agent() -> String {
    format!("splitbrain-reference/{}", env!("CARGO_PKG_VERSION"))
}

/// The body of an error.
pub(super) fn error_body(code: u16, message: &str) -> Value {
    json!({"code": code, "message": message})
}

fn data(value: Value) -> Reply {
    let mut body = serde_json::Map::new();
    body.insert("data".to_owned(), value);
    Reply { status: 200, body: Value::Object(body) }
}

fn error(code: u16, message: &str) -> Reply {
    Reply { status: code, body: error_body(code, message) }
}

fn checkpoint(checkpoint: Checkpoint) -> Value {
    json!({"epoch": checkpoint.epoch.to_string(), "root": root_to_hex(&checkpoint.root)})
}

/// The value of a parameter in a query string; percent signs are never needed for the values used here.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

impl Node {
    pub(super) fn on_query(&self, query: Query) {
        let reply = self.answer(&query.path, &query.parameters);
        // The asker may have hung up.
        let _ = query.answer.send(reply);
    }

    fn answer(&self, path: &str, query: &str) -> Reply {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let Some(rest) = parts.strip_prefix(&["eth", "v1"]) else { return error(404, "no such path") };
        match rest {
            ["node", "identity"] => self.identity(),
            ["node", "peers"] => self.peer_list(query),
            ["node", "peers", id] => self.one_peer(id),
            ["node", "peer_count"] => data(json!({
                "connected": self.peers.len().to_string(), "connecting": self.dials.len().to_string(),
                "disconnected": "0", "disconnecting": self.closing.len().to_string(),
            })),
            ["node", "syncing"] => self.syncing(),
            ["node", "version"] => data(json!({ "version": agent() })),
            ["node", "health"] => self.health(query),
            ["beacon", "genesis"] => data(json!({
                "genesis_time": self.settings.chain.genesis_time.to_string(),
                "genesis_validators_root": root_to_hex(&self.settings.chain.genesis_validators_root()),
                "genesis_fork_version": format!("0x{}", hex::encode(FORK_VERSION)),
            })),
            ["beacon", "headers"] => self.headers(query),
            ["beacon", "headers", id] => match self.find_block(id) {
                Ok(found) => self.wrap(&self.header(&found), &found),
                Err(reply) => reply,
            },
            ["beacon", "blocks", id, "root"] => match self.find_block(id) {
                Ok(found) => self.wrap(&json!({ "root": root_to_hex(&found.root) }), &found),
                Err(reply) => reply,
            },
            ["beacon", "states", "head", "finality_checkpoints"] => self.finality(),
            ["beacon", "states", _, "finality_checkpoints"] => error(400, "only the state `head` is served"),
            ["config", "spec"] => self.spec(),
            _ => error(404, "no such path in the served subset of the Beacon API"),
        }
    }

    fn identity(&self) -> Reply {
        let arguments = &self.settings.arguments;
        let (peer, address) = (self.swarm.local_peer_id(), arguments.listen_address);
        let discovery = (arguments.discovery_port != 0)
            .then(|| format!("/ip4/{address}/udp/{}/p2p/{peer}", arguments.discovery_port));
        data(json!({
            "peer_id": peer.to_string(),
            "enr": self.record.to_base64(),
            "p2p_addresses": [format!("/ip4/{address}/tcp/{}/p2p/{peer}", arguments.p2p_port)],
            "discovery_addresses": discovery.into_iter().collect::<Vec<_>>(),
            "metadata": {"seq_number": "1", "attnets": "0x0100000000000000", "syncnets": "0x00"},
        }))
    }

    fn peer(&self, id: &libp2p::PeerId) -> Option<Value> {
        let peer = self.peers.get(id)?;
        Some(json!({
            "peer_id": id.to_string(),
            "enr": Value::Null,
            "last_seen_p2p_address": peer.address.to_string(),
            "state": if self.closing.contains_key(id) { "disconnecting" } else { "connected" },
            "direction": if peer.outbound { "outbound" } else { "inbound" },
        }))
    }

    fn peer_list(&self, query: &str) -> Reply {
        let wanted = |field: &str, value: &Value| {
            parameter(query, field).is_none_or(|list| list.split(',').any(|word| value[field] == word))
        };
        let peers: Vec<Value> = self
            .peers
            .iter()
            .filter_map(|(id, _)| self.peer(id))
            .filter(|peer| wanted("state", peer) && wanted("direction", peer))
            .collect();
        let count = peers.len();
        Reply { status: 200, body: json!({"data": peers, "meta": {"count": count}}) }
    }

    fn one_peer(&self, id: &str) -> Reply {
        match id.parse() {
            Ok(id) => self.peer(&id).map_or_else(|| error(404, "this peer is not connected"), data),
            Err(_) => error(400, "this is no peer id"),
        }
    }

    fn is_behind(&self) -> bool {
        self.core.is_syncing()
    }

    fn syncing(&self) -> Reply {
        let head_slot = self.core.head().header.slot;
        let now_slot = self.settings.chain.slot_at(now_ms()).unwrap_or(0);
        data(json!({
            "head_slot": head_slot.to_string(),
            "sync_distance": now_slot.saturating_sub(head_slot).to_string(),
            "is_syncing": self.is_behind(),
            "is_optimistic": false,
            "el_offline": false,
        }))
    }

    fn health(&self, query: &str) -> Reply {
        let while_syncing = parameter(query, "syncing_status").and_then(|code| code.parse().ok()).unwrap_or(206);
        if !(100..600).contains(&while_syncing) {
            return error(400, "syncing_status must be a status code");
        }
        Reply { status: if self.is_behind() { while_syncing } else { 200 }, body: Value::Null }
    }

    /// A block by `head`, `genesis`, `finalized`, `justified`, slot or root.
    fn find_block(&self, id: &str) -> Result<HeadView, Reply> {
        let root = match id {
            "head" => return Ok(self.core.head()),
            "finalized" => return Ok(self.core.finalized_block()),
            "genesis" => self.genesis.0,
            "justified" => {
                let root = self.core.checkpoints().1.root;
                if root.is_zero() { self.genesis.0 } else { root }
            }
            _ if id.starts_with("0x") => {
                root_from_hex(id).ok_or_else(|| error(400, "a root is 0x and 64 hex digits"))?
            }
            _ => {
                let slot = id.parse().map_err(|_| {
                    error(400, "a block is named by head, genesis, finalized, justified, a slot or a root")
                })?;
                self.core.canonical_root(slot).ok_or_else(|| error(404, "no block in this slot"))?
            }
        };
        self.block_by_root(root).ok_or_else(|| error(404, "no such block"))
    }

    fn block_by_root(&self, root: Root) -> Option<HeadView> {
        if let Some((view, _)) = self.core.block(&root) {
            return Some(view);
        }
        if root == self.genesis.0 {
            return Some(HeadView { root, header: self.settings.chain.genesis_block().message.header() });
        }
        self.storage.block(&root).map(|block| HeadView { root, header: block.message.header() })
    }

    fn is_final(&self, view: &HeadView) -> bool {
        view.header.slot <= self.core.finalized_block().header.slot
            && self.core.canonical_root(view.header.slot) == Some(view.root)
    }

    fn wrap(&self, value: &Value, view: &HeadView) -> Reply {
        let body = json!({"execution_optimistic": false, "finalized": self.is_final(view), "data": value});
        Reply { status: 200, body }
    }

    fn header(&self, view: &HeadView) -> Value {
        let header = &view.header;
        let signature = self.storage.block(&view.root).map_or([0; 96], |block| block.signature);
        json!({
            "root": root_to_hex(&view.root),
            "canonical": self.core.canonical_root(header.slot) == Some(view.root),
            "header": {
                "message": {
                    "slot": header.slot.to_string(),
                    "proposer_index": header.proposer_index.to_string(),
                    "parent_root": root_to_hex(&header.parent_root),
                    "state_root": root_to_hex(&header.state_root),
                    "body_root": root_to_hex(&header.body_root),
                },
                "signature": format!("0x{}", hex::encode(signature)),
            },
        })
    }

    /// Without parameters the head; else all known blocks of a slot or with a parent, canonical or not.
    fn headers(&self, query: &str) -> Reply {
        let slot = parameter(query, "slot").map(str::parse::<u64>);
        let parent = parameter(query, "parent_root").map(|text| root_from_hex(text).ok_or(()));
        if matches!(slot, Some(Err(_))) || matches!(parent, Some(Err(()))) {
            return error(400, "slot must be a number, parent_root 0x and 64 hex digits");
        }
        let (slot, parent) = (slot.and_then(Result::ok), parent.and_then(Result::ok));
        let mut found: Vec<HeadView> = match (slot, parent) {
            (None, None) => vec![self.core.head()],
            _ => self
                .core
                .blocks()
                .filter(|view| slot.is_none_or(|slot| view.header.slot == slot))
                .filter(|view| parent.is_none_or(|parent| view.header.parent_root == parent))
                .collect(),
        };
        if found.is_empty()
            && let (Some(slot), None) = (slot, parent)
        {
            found.extend(self.core.canonical_root(slot).and_then(|root| self.block_by_root(root)));
        }
        let finalized = !found.is_empty() && found.iter().all(|view| self.is_final(view));
        let headers: Vec<Value> = found.iter().map(|view| self.header(view)).collect();
        Reply { status: 200, body: json!({"execution_optimistic": false, "finalized": finalized, "data": headers}) }
    }

    fn finality(&self) -> Reply {
        let (previous, current, finalized) = self.core.checkpoints();
        let value = json!({
            "previous_justified": checkpoint(previous),
            "current_justified": checkpoint(current),
            "finalized": checkpoint(finalized),
        });
        Reply { status: 200, body: json!({"execution_optimistic": false, "finalized": false, "data": value}) }
    }

    fn spec(&self) -> Reply {
        let chain = &self.settings.chain;
        data(json!({
            "CONFIG_NAME": "splitbrain-reference",
            "PRESET_BASE": "minimal",
            "SECONDS_PER_SLOT": (chain.slot_ms as f64 / 1000.0).to_string(),
            "SLOT_DURATION_MS": chain.slot_ms.to_string(),
            "SLOTS_PER_EPOCH": chain.slots_per_epoch.to_string(),
            "MIN_GENESIS_TIME": chain.genesis_time.to_string(),
            "GENESIS_FORK_VERSION": format!("0x{}", hex::encode(FORK_VERSION)),
            "VALIDATORS": chain.validators.to_string(),
            "ATTESTATION_SUBNET_COUNT": "1",
            "MAX_REQUEST_BLOCKS": crate::eth2::MAX_REQUEST_BLOCKS.to_string(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_by_their_whole_name() {
        assert_eq!(parameter("slot=3&parent_root=0x1", "slot"), Some("3"));
        assert_eq!(parameter("xslot=3", "slot"), None);
        assert_eq!(parameter("", "slot"), None);
    }

    #[test]
    fn checkpoints_are_strings() {
        let value = checkpoint(Checkpoint { epoch: 3, root: Root::repeat_byte(1) });
        assert_eq!(value, json!({"epoch": "3", "root": format!("0x{}", "01".repeat(32))}));
    }
}
