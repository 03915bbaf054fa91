//! The standard Beacon API (ethereum/beacon-APIs): headers, finality checkpoints, node status.

use std::time::Duration;

use serde_json::Value;

use super::super::chain::{Block, Roots};
use super::super::http::{Http, HttpError};
use super::super::value::{excerpt, hash, number, text};
use super::{ProbeError, Slow, optional};

pub(super) async fn head(http: &mut Http, deadline: Duration) -> Result<Option<Block>, ProbeError> {
    header(http, "/eth/v1/beacon/headers/head", deadline).await
}

pub(super) async fn parent(http: &mut Http, block: &Block, deadline: Duration) -> Result<Option<Block>, ProbeError> {
    let Some(parent) = &block.parent else { return Ok(None) };
    optional(header(http, &format!("/eth/v1/beacon/headers/{parent}"), deadline).await)
}

/// A header, or `None` for 404 ("no such block" or, before genesis, "no head").
async fn header(http: &mut Http, path: &str, deadline: Duration) -> Result<Option<Block>, ProbeError> {
    let answer = match get(http, path, deadline).await {
        Err(ProbeError::Http(HttpError::Status { status: 404, .. })) => return Ok(None),
        other => other?,
    };
    let message = &answer["data"]["header"]["message"];
    let (Some(height), Some(root)) = (number(&message["slot"]), hash(&answer["data"]["root"])) else {
        return Err(ProbeError::garbage(path, "header with slot and root", &answer));
    };
    let parent = hash(&message["parent_root"]);
    Ok(Some(Block { height, hash: root, parent, producer: text(&message["proposer_index"]), roots: Roots::default() }))
}

pub(super) async fn slow(http: &mut Http, deadline: Duration) -> Result<Slow, ProbeError> {
    let path = "/eth/v1/beacon/states/head/finality_checkpoints";
    let checkpoints = optional(get(http, path, deadline).await.map(Some))?.unwrap_or_default();
    let checkpoint = |name: &str| {
        let checkpoint = &checkpoints["data"][name];
        Some((number(&checkpoint["epoch"])?, hash(&checkpoint["root"])?))
    };
    let peers = optional(get(http, "/eth/v1/node/peer_count", deadline).await.map(Some))?.unwrap_or_default();
    let syncing = optional(get(http, "/eth/v1/node/syncing", deadline).await.map(Some))?.unwrap_or_default();
    Ok(Slow {
        finalized: checkpoint("finalized"),
        justified: checkpoint("current_justified"),
        peers: number(&peers["data"]["connected"]),
        syncing: syncing["data"]["is_syncing"].as_bool(),
    })
}

pub(super) async fn version(http: &mut Http, deadline: Duration) -> Result<Option<String>, ProbeError> {
    Ok(text(&get(http, "/eth/v1/node/version", deadline).await?["data"]["version"]))
}

async fn get(http: &mut Http, path: &str, deadline: Duration) -> Result<Value, ProbeError> {
    let body = http.get_ok(path, deadline).await?;
    serde_json::from_slice(&body).map_err(|_| ProbeError::Garbage {
        request: path.to_owned(),
        wanted: "JSON".to_owned(),
        excerpt: excerpt(&body),
    })
}
