//! Who made a block, as far as the chain or the journal says so.

use serde::{Deserialize, Serialize};

use super::chain::BlockId;
use super::history::History;
use super::layers::{BEACON, EXECUTION};
use super::questions::{name_list, short_hash};
use crate::action::{ClientRef, EntryName, NodeName};

/// Who made a block, by what the block itself says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Producer {
    /// In the chain's own terms.
    pub signed_as: String,
    /// The node that signs so, if the plan knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// The participant that it is a member of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<String>,
    /// The client that made it: of a participant the member that shows the block's layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientRef>,
    /// The execution client of the same participant, where the block is a beacon block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ClientRef>,
    /// Arguments that it has and its siblings have not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<String>,
    /// Others that sign so too; then nobody can tell which of them made it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_sign: Vec<String>,
    /// Whether this is the name that the block pays its fees to, and not the key that signed it (execution blocks of a
    /// post-merge chain).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_fee_recipient: bool,
}

/// The one answer of a timeline's call that holds a block's hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnsweredWith {
    /// Who answered.
    pub node: NodeName,
    /// The entry of the timeline that called.
    pub entry: EntryName,
    /// What was called.
    pub method: String,
    /// Line of the journal.
    pub seq: u64,
}

/// Who made a block of a layer, by what it says itself. Keys that sign may lie with another member of the participant
/// than the one that shows the block.
pub(super) fn producer(history: &History<'_>, layer: &str, block: BlockId) -> Option<Producer> {
    let signed_as = history.chain.producer(block)?;
    let is_fee_recipient = layer == EXECUTION && history.run.slots_per_epoch.is_some();
    let same = |name: &String| name.eq_ignore_ascii_case(signed_as);
    let signs = |&node: &usize| history.run.nodes[node].signs_as.iter().any(same);
    let signers: Vec<usize> = (0..history.nodes.len()).filter(signs).collect();
    // Members of one participant are one signer.
    let mut families: Vec<(String, usize)> = Vec::new();
    for &node in &signers {
        let record = history.nodes[node].record;
        let name = record.participant.clone().unwrap_or_else(|| record.name.to_string());
        if !families.iter().any(|(other, _)| *other == name) {
            families.push((name, node));
        }
    }
    let mut found = Producer {
        signed_as: signed_as.to_owned(),
        node: None,
        participant: None,
        client: None,
        execution: None,
        extra_args: Vec::new(),
        also_sign: Vec::new(),
        is_fee_recipient,
    };
    match families.as_slice() {
        [] => {}
        &[(_, node)] => {
            let (record, shows) = (history.nodes[node].record, history.nodes[history.mate_on(node, layer)].record);
            found.extra_args.clone_from(&shows.extra_args);
            if record.name != shows.name {
                found.extra_args.extend(record.extra_args.iter().cloned());
            }
            found.node = Some(record.name.clone());
            found.participant.clone_from(&record.participant);
            found.client = Some(shows.client.clone());
            let mate = history.mates(node).into_iter().find(|&mate| history.layer(mate) == EXECUTION);
            found.execution = mate.filter(|_| layer == BEACON).map(|mate| history.nodes[mate].record.client.clone());
        }
        several => found.also_sign = several.iter().map(|(name, _)| name.clone()).collect(),
    }
    Some(found)
}

/// The one call of the timeline whose answer holds a block's hash; none if several do, because then some only looked at it.
pub(super) fn answered_with(history: &History<'_>, block: BlockId) -> Option<AnsweredWith> {
    let hash = bare(history.chain.hash(block));
    let of_timeline = |asked_by: &str| history.sends.iter().find(|window| window.record.name.as_str() == asked_by);
    let mut found = history.calls.iter().filter_map(|call| {
        let window = of_timeline(call.asked_by)?;
        holds(call.result?, &hash).then_some((call, window))
    });
    let (call, window) = found.next()?;
    if found.next().is_some() {
        return None;
    }
    Some(AnsweredWith {
        node: history.name(call.node).clone(),
        entry: window.record.name.clone(),
        method: call.method.to_owned(),
        seq: call.seq,
    })
}

/// Hashes are compared without `0x` and case.
fn bare(hash: &str) -> String {
    hash.strip_prefix("0x").unwrap_or(hash).to_ascii_lowercase()
}

fn holds(value: &serde_json::Value, hash: &str) -> bool {
    match value {
        serde_json::Value::String(text) => bare(text) == hash,
        serde_json::Value::Array(values) => values.iter().any(|value| holds(value, hash)),
        serde_json::Value::Object(values) => values.values().any(|value| holds(value, hash)),
        _ => false,
    }
}

impl AnsweredWith {
    /// `is in the answer of old to generate (mine)`: whether that call made it the answer does not say.
    pub(crate) fn sentence(&self) -> String {
        format!("is in the answer of {} to {} ({})", self.node, self.method, self.entry)
    }
}

impl Producer {
    /// `was made by west-0 (prysm@v6.0.4 over go-ethereum@v1.16.9)`: said only where exactly one member of the network
    /// signs so.
    pub(crate) fn sentence(&self) -> String {
        let signed = short_hash(&self.signed_as);
        match (&self.node, self.also_sign.as_slice(), self.is_fee_recipient) {
            (Some(_), _, false) => format!("was made by {}", self.name()),
            (Some(_), _, true) => format!("pays its fees to {}", self.name()),
            (None, [], false) => format!("is signed as {signed}, as which no node of the run signs"),
            (None, [], true) => format!("pays its fees to {signed}, which is no node's address"),
            (None, several, false) => format!("is signed as {signed}, as which {} sign", name_list(several)),
            (None, several, true) => format!("pays its fees to {signed}, the address of {}", name_list(several)),
        }
    }

    /// Who it is and what it runs: `west-0 (prysm@v6.0.4 over go-ethereum@v1.16.9)`; the name under which it signs if not
    /// exactly one node signs so.
    pub(crate) fn name(&self) -> String {
        let Some(node) = &self.node else { return short_hash(&self.signed_as) };
        let name = self.participant.as_deref().unwrap_or(node.as_str());
        let Some(client) = &self.client else { return name.to_owned() };
        let over = self.execution.as_ref().map(|execution| format!(" over {execution}")).unwrap_or_default();
        let arguments =
            if self.extra_args.is_empty() { String::new() } else { format!(" {}", self.extra_args.join(" ")) };
        format!("{name} ({client}{over}{arguments})")
    }
}
