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
        // Hashes were given their `0x` when they were read; where a client wants it, its manifest has it.
        let digits = self.hash.strip_prefix("0x").unwrap_or(self.hash);
        text.replace("{height}", &self.height.to_string()).replace("{hash}", digits)
    }
}

/// Whether a field is asked by hash. Then it is about one block; by height it is about whichever block the client holds
/// there at that moment.
fn by_hash(field: &HttpJsonField) -> bool {
    field.path.contains("{hash}") || field.body.as_ref().is_some_and(|body| body.contains("{hash}"))
}

/// The API, and the head that it told last.
#[derive(Debug)]
pub(super) struct HttpJson {
    adapter: HttpJsonAdapter,
    head: Option<Block>,
}

impl HttpJson {
    pub(super) fn new(adapter: HttpJsonAdapter) -> Self {
        Self { adapter, head: None }
    }

    pub(super) async fn head(&mut self, http: &mut Http, deadline: Duration) -> Result<Option<Block>, ProbeError> {
        let adapter = &self.adapter;
        let answer = fetch(http, &adapter.height, Holes::default(), deadline).await?;
        let height = number_at(&adapter.height, &answer).ok_or_else(|| {
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
        if self.head.as_ref().is_none_or(|head| head.hash != hash) {
            let parent = parent_hash(http, adapter, Holes { height, hash: &hash }, deadline).await?;
            self.head = Some(Block { height, hash, parent, producer: None, roots: Roots::default() });
        }
        Ok(self.head.clone())
    }

    pub(super) async fn parent(
        &self,
        http: &mut Http,
        child: &Block,
        deadline: Duration,
    ) -> Result<Option<Block>, ProbeError> {
        let adapter = &self.adapter;
        let Some(height) = child.height.checked_sub(1) else { return Ok(None) };
        let known = child.parent.clone().filter(|_| adapter.parent_at.as_ref().is_some_and(by_hash));
        let hash = match (known, &adapter.hash_at) {
            (Some(known), _) => Some(known),
            (None, Some(field)) => optional(hash_of(http, field, Holes::height(height), deadline).await)?,
            (None, None) => None,
        };
        let Some(hash) = hash else { return Ok(None) };
        let parent = parent_hash(http, adapter, Holes { height, hash: &hash }, deadline).await?;
        Ok(Some(Block { height, hash, parent, producer: None, roots: Roots::default() }))
    }

    pub(super) async fn slow(&self, http: &mut Http, chain: &Chain, deadline: Duration) -> Result<Slow, ProbeError> {
        let mut slow = Slow::default();
        if let Some(field) = &self.adapter.peers {
            slow.peers = optional(value(http, field, Holes::default(), number_at, deadline).await)?;
        }
        if let Some(field) = &self.adapter.finalized
            && let Some(height) = optional(value(http, field, Holes::default(), number_at, deadline).await)?
        {
            // A height without a hash could not be compared between nodes: then nothing is told.
            let hash = match (chain.ancestor_at(height), &self.adapter.hash_at) {
                (Some(known), _) => Some(known.to_owned()),
                (None, Some(field)) => optional(hash_of(http, field, Holes::height(height), deadline).await)?,
                (None, None) => None,
            };
            slow.finalized = hash.map(|hash| (height, hash));
        }
        Ok(slow)
    }

    pub(super) async fn version(&self, http: &mut Http, deadline: Duration) -> Result<Option<String>, ProbeError> {
        match &self.adapter.version {
            Some(field) => {
                value(http, field, Holes::default(), |field, answer| at(field, answer).and_then(text), deadline).await
            }
            None => Ok(None),
        }
    }
}

/// The parent of the block at a height: told, or else the block below it.
async fn parent_hash(
    http: &mut Http,
    adapter: &HttpJsonAdapter,
    holes: Holes<'_>,
    deadline: Duration,
) -> Result<Option<String>, ProbeError> {
    if let Some(field) = &adapter.parent_at {
        return optional(hash_of(http, field, holes, deadline).await);
    }
    match (&adapter.hash_at, holes.height.checked_sub(1)) {
        (Some(field), Some(below)) => optional(hash_of(http, field, Holes::height(below), deadline).await),
        _ => Ok(None),
    }
}

/// One field's value, read by `read`; a missing value or one of another kind is an error that says where it was sought.
async fn value<T>(
    http: &mut Http,
    field: &HttpJsonField,
    holes: Holes<'_>,
    read: fn(&HttpJsonField, &Value) -> Option<T>,
    deadline: Duration,
) -> Result<Option<T>, ProbeError> {
    let answer = fetch(http, field, holes, deadline).await?;
    match read(field, &answer) {
        Some(found) => Ok(Some(found)),
        None => Err(ProbeError::garbage(&field.path, &format!("usable value at {}", field.pointer), &answer)),
    }
}

/// The hash that a field tells.
async fn hash_of(
    http: &mut Http,
    field: &HttpJsonField,
    holes: Holes<'_>,
    deadline: Duration,
) -> Result<Option<String>, ProbeError> {
    value(http, field, holes, |field, answer| at(field, answer).and_then(hash), deadline).await
}

/// The number of a field: what stands at its pointer and at its further ones, added up, and its offset.
fn number_at(field: &HttpJsonField, answer: &Value) -> Option<u64> {
    let first = at(field, answer).and_then(number)?;
    let further = |sum: u64, pointer: &String| sum.checked_add(answer.pointer(pointer).and_then(number)?);
    field.plus.iter().try_fold(first, further)?.checked_add_signed(field.offset)
}

fn at<'a>(field: &HttpJsonField, answer: &'a Value) -> Option<&'a Value> {
    answer.pointer(&field.pointer).filter(|value| !value.is_null())
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
