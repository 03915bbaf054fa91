//! Any JSON API, read by JSON pointers (RFC 6901), so that a client outside Ethereum is added without Rust.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::super::chain::{Block, Chain, Roots};
use super::super::http::{Http, HttpError};
use super::super::value::{excerpt, hash, number, text};
use super::{ProbeError, Slow, optional};
use crate::action::{HttpJsonAdapter, HttpJsonField};

/// What the holes of a field's path and body are filled with.
#[derive(Clone, Copy, Default)]
struct Holes<'a> {
    height: u64,
    hash: &'a str,
}

impl Holes<'_> {
    fn height(height: u64) -> Self {
        Self { height, hash: "" }
    }

    fn filled(self, text: &str) -> String {
        // Answers' hashes were given their `0x` when they were read; a client that wants it has it in its manifest.
        let digits = self.hash.strip_prefix("0x").unwrap_or(self.hash);
        text.replace("{height}", &self.height.to_string()).replace("{hash}", digits)
    }
}

/// Whether a field is asked by hash. Then it is about one block; by height it is about whichever block the client holds
/// there at that moment.
fn by_hash(field: &HttpJsonField) -> bool {
    field.path.contains("{hash}") || field.body.as_ref().is_some_and(|body| body.contains("{hash}"))
}

pub(super) async fn head(
    http: &mut Http,
    adapter: &HttpJsonAdapter,
    deadline: Duration,
) -> Result<Option<Block>, ProbeError> {
    let answer = fetch(http, &adapter.height, Holes::default(), deadline).await?;
    let height_value = at(&adapter.height, &answer);
    let height = height_value.and_then(number).ok_or_else(|| {
        ProbeError::garbage(&adapter.height.path, &format!("number at {}", adapter.height.pointer), &answer)
    })?;
    // Height and hash mostly stand in one answer: asking twice would cost a request and could mix two heads.
    let same = adapter.hash.path == adapter.height.path && adapter.hash.body == adapter.height.body;
    let answer = if same { answer } else { fetch(http, &adapter.hash, Holes::height(height), deadline).await? };
    let Some(hash) = at(&adapter.hash, &answer).and_then(hash) else {
        // A chain without a first block has height 0 and no hash.
        return if height == 0 {
            Ok(None)
        } else {
            Err(ProbeError::garbage(&adapter.hash.path, &format!("hash at {}", adapter.hash.pointer), &answer))
        };
    };
    let parent = parent_hash(http, adapter, Holes { height, hash: &hash }, deadline).await?;
    Ok(Some(Block { height, hash, parent, producer: None, roots: Roots::default() }))
}

pub(super) async fn parent(
    http: &mut Http,
    adapter: &HttpJsonAdapter,
    child: &Block,
    deadline: Duration,
) -> Result<Option<Block>, ProbeError> {
    let Some(height) = child.height.checked_sub(1) else { return Ok(None) };
    let known = child.parent.clone().filter(|_| adapter.parent_at.as_ref().is_some_and(by_hash));
    let hash = match (known, &adapter.hash_at) {
        (Some(known), _) => Some(known),
        (None, Some(field)) => optional(value(http, field, Holes::height(height), hash, deadline).await)?,
        (None, None) => None,
    };
    let Some(hash) = hash else { return Ok(None) };
    let parent = parent_hash(http, adapter, Holes { height, hash: &hash }, deadline).await?;
    Ok(Some(Block { height, hash, parent, producer: None, roots: Roots::default() }))
}

/// The parent of the block at a height: told, or else the block below it.
async fn parent_hash(
    http: &mut Http,
    adapter: &HttpJsonAdapter,
    holes: Holes<'_>,
    deadline: Duration,
) -> Result<Option<String>, ProbeError> {
    if let Some(field) = &adapter.parent_at {
        return optional(value(http, field, holes, hash, deadline).await);
    }
    match (&adapter.hash_at, holes.height.checked_sub(1)) {
        (Some(field), Some(below)) => optional(value(http, field, Holes::height(below), hash, deadline).await),
        _ => Ok(None),
    }
}

pub(super) async fn slow(
    http: &mut Http,
    adapter: &HttpJsonAdapter,
    chain: &Chain,
    deadline: Duration,
) -> Result<Slow, ProbeError> {
    let mut slow = Slow::default();
    if let Some(field) = &adapter.peers {
        slow.peers = optional(value(http, field, Holes::default(), count, deadline).await)?;
    }
    if let Some(field) = &adapter.finalized
        && let Some(height) = optional(value(http, field, Holes::default(), number, deadline).await)?
    {
        // A height without a hash could not be compared between nodes: then nothing is told.
        let hash = match (chain.ancestor_at(height), &adapter.hash_at) {
            (Some(known), _) => Some(known.to_owned()),
            (None, Some(field)) => optional(value(http, field, Holes::height(height), hash, deadline).await)?,
            (None, None) => None,
        };
        slow.finalized = hash.map(|hash| (height, hash));
    }
    Ok(slow)
}

pub(super) async fn version(
    http: &mut Http,
    adapter: &HttpJsonAdapter,
    deadline: Duration,
) -> Result<Option<String>, ProbeError> {
    match &adapter.version {
        Some(field) => value(http, field, Holes::default(), text, deadline).await,
        None => Ok(None),
    }
}

/// One field's value, read by `read`; a missing value or one of another kind is an error that says where it was sought.
async fn value<T>(
    http: &mut Http,
    field: &HttpJsonField,
    holes: Holes<'_>,
    read: fn(&Value) -> Option<T>,
    deadline: Duration,
) -> Result<Option<T>, ProbeError> {
    let answer = fetch(http, field, holes, deadline).await?;
    match at(field, &answer).and_then(read) {
        Some(found) => Ok(Some(found)),
        None => Err(ProbeError::garbage(&field.path, &format!("usable value at {}", field.pointer), &answer)),
    }
}

fn at<'a>(field: &HttpJsonField, answer: &'a Value) -> Option<&'a Value> {
    answer.pointer(&field.pointer).filter(|value| !value.is_null())
}

/// How many: a number, or the things themselves.
fn count(value: &Value) -> Option<u64> {
    value.as_array().map(|things| things.len() as u64).or_else(|| number(value))
}

async fn fetch(
    http: &mut Http,
    field: &HttpJsonField,
    holes: Holes<'_>,
    deadline: Duration,
) -> Result<Value, ProbeError> {
    let path = holes.filled(&field.path);
    let body = match &field.body {
        None => http.get_ok(&path, deadline).await?,
        Some(body) => {
            let answer = http.post(&path, Bytes::from(holes.filled(body)), deadline).await?;
            if answer.status != 200 {
                let excerpt = excerpt(&answer.body);
                return Err(
                    HttpError::Status { request: format!("POST {path}"), status: answer.status, excerpt }.into()
                );
            }
            answer.body
        }
    };
    serde_json::from_slice(&body).map_err(|_| ProbeError::Garbage {
        request: path,
        wanted: "JSON".to_owned(),
        excerpt: excerpt(&body),
    })
}
