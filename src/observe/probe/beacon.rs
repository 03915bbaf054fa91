//! The standard Beacon API (ethereum/beacon-APIs): headers, finality checkpoints, node status.

use std::time::Duration;

use super::super::chain::{Block, Roots};
use super::super::http::{Http, HttpError};
use super::super::value::{hash, number, text};
use super::{ProbeError, Slow, get_json, optional};

pub(super) async fn head(http: &mut Http, deadline: Duration) -> Result<Option<Block>, ProbeError> {
    header(http, "/eth/v1/beacon/headers/head", deadline).await
}

pub(super) async fn parent(http: &mut Http, block: &Block, deadline: Duration) -> Result<Option<Block>, ProbeError> {
    let Some(parent) = &block.parent else { return Ok(None) };
    optional(header(http, &format!("/eth/v1/beacon/headers/{parent}"), deadline).await)
}

/// A header, or `None` for 404 ("no such block" or, before genesis, "no head").
async fn header(http: &mut Http, path: &str, deadline: Duration) -> Result<Option<Block>, ProbeError> {
    let answer = match get_json(http, path, deadline).await {
        Err(ProbeError::Http(HttpError::Status { status: 404, .. })) => return Ok(None),
        other => other?,
    };
    let message = &answer["data"]["header"]["message"];
    let (Some(height), Some(root)) = (number(&message["slot"]), hash(&answer["data"]["root"])) else {
        return Err(ProbeError::garbage(path, "header with slot and root", &answer));
    };
    let parent = hash(&message["parent_root"]);
    let roots = Roots { state: hash(&message["state_root"]), ..Roots::default() };
    Ok(Some(Block { height, hash: root, parent, producer: text(&message["proposer_index"]), roots }))
}

/// Whether the node tells the execution blocks inside its blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Payloads {
    /// It was not asked yet.
    #[default]
    Unknown,
    /// It did.
    Told,
    /// It did not at the first question: its API or its chain has none, and it is not asked again.
    None,
}

/// Fills in the execution block inside a block. The whole block must be fetched for it: once for each.
pub(super) async fn complete(
    http: &mut Http,
    payloads: &mut Payloads,
    block: &mut Block,
    deadline: Duration,
) -> Result<(), ProbeError> {
    // The first block of a chain is made by nobody; its payload is empty, and some clients do not even have it.
    if *payloads == Payloads::None || block.height == 0 {
        return Ok(());
    }
    let path = format!("/eth/v2/beacon/blocks/{}", block.hash);
    let answer = optional(get_json(http, &path, deadline).await.map(Some))?.unwrap_or_default();
    let payload = &answer["data"]["message"]["body"]["execution_payload"];
    let found = hash(&payload["block_hash"]);
    match (&found, *payloads) {
        (Some(_), _) => *payloads = Payloads::Told,
        (None, Payloads::Unknown) => *payloads = Payloads::None,
        (None, _) => {}
    }
    // Zeros: the chain has not merged yet.
    block.roots.execution = found.filter(|hash| hash.bytes().skip(2).any(|digit| digit != b'0'));
    Ok(())
}

pub(super) async fn slow(http: &mut Http, deadline: Duration) -> Result<Slow, ProbeError> {
    let path = "/eth/v1/beacon/states/head/finality_checkpoints";
    let checkpoints = optional(get_json(http, path, deadline).await.map(Some))?.unwrap_or_default();
    let checkpoint = |name: &str| {
        let checkpoint = &checkpoints["data"][name];
        Some((number(&checkpoint["epoch"])?, hash(&checkpoint["root"])?))
    };
    let peers = optional(get_json(http, "/eth/v1/node/peer_count", deadline).await.map(Some))?.unwrap_or_default();
    let syncing = optional(get_json(http, "/eth/v1/node/syncing", deadline).await.map(Some))?.unwrap_or_default();
    Ok(Slow {
        finalized: checkpoint("finalized"),
        justified: checkpoint("current_justified"),
        peers: number(&peers["data"]["connected"]),
        syncing: syncing["data"]["is_syncing"].as_bool(),
        ..Slow::default()
    })
}

pub(super) async fn version(http: &mut Http, deadline: Duration) -> Result<Option<String>, ProbeError> {
    Ok(text(&get_json(http, "/eth/v1/node/version", deadline).await?["data"]["version"]))
}
