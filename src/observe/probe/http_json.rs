//! Any JSON API, read by JSON pointers (RFC 6901), so that a client outside Ethereum is added without Rust.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::super::chain::{Block, Chain, Roots};
use super::super::http::{Http, HttpError};
use super::super::value::{excerpt, hash, number, text};
use super::{ProbeError, Slow, optional};
use crate::action::{HttpJsonAdapter, HttpJsonField};

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
        let answer = fetch(http, &adapter.height, 0, deadline).await?;
        let height = number_at(&adapter.height, &answer).ok_or_else(|| {
            ProbeError::garbage(&adapter.height.path, &format!("number at {}", adapter.height.pointer), &answer)
        })?;
        // Height and hash mostly stand in one answer: asking twice would cost a request and could mix two heads.
        let same = adapter.hash.path == adapter.height.path && adapter.hash.body == adapter.height.body;
        let answer = if same { answer } else { fetch(http, &adapter.hash, height, deadline).await? };
        let Some(hash) = at(&adapter.hash, &answer).and_then(hash) else {
            // A chain without a first block has height 0 and no hash.
            return if height == 0 {
                Ok(None)
            } else {
                Err(ProbeError::garbage(&adapter.hash.path, &format!("hash at {}", adapter.hash.pointer), &answer))
            };
        };
        if self.head.as_ref().is_none_or(|head| head.hash != hash) {
            let parent = parent_hash(http, adapter, height, deadline).await?;
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
        let (Some(height), Some(field)) = (child.height.checked_sub(1), &self.adapter.hash_at) else { return Ok(None) };
        let Some(hash) = optional(hash_of(http, field, height, deadline).await)? else { return Ok(None) };
        let parent = parent_hash(http, &self.adapter, height, deadline).await?;
        Ok(Some(Block { height, hash, parent, producer: None, roots: Roots::default() }))
    }

    pub(super) async fn slow(&self, http: &mut Http, chain: &Chain, deadline: Duration) -> Result<Slow, ProbeError> {
        let mut slow = Slow::default();
        if let Some(field) = &self.adapter.peers {
            slow.peers = optional(value(http, field, 0, number_at, deadline).await)?;
        }
        if let Some(field) = &self.adapter.finalized
            && let Some(height) = optional(value(http, field, 0, number_at, deadline).await)?
        {
            // A height without a hash could not be compared between nodes: then nothing is told.
            let hash = match (chain.ancestor_at(height), &self.adapter.hash_at) {
                (Some(known), _) => Some(known.to_owned()),
                (None, Some(field)) => optional(hash_of(http, field, height, deadline).await)?,
                (None, None) => None,
            };
            slow.finalized = hash.map(|hash| (height, hash));
        }
        Ok(slow)
    }

    pub(super) async fn version(&self, http: &mut Http, deadline: Duration) -> Result<Option<String>, ProbeError> {
        match &self.adapter.version {
            Some(field) => value(http, field, 0, |field, answer| at(field, answer).and_then(text), deadline).await,
            None => Ok(None),
        }
    }
}

/// The parent of the block at a height: told, or else the block below it.
async fn parent_hash(
    http: &mut Http,
    adapter: &HttpJsonAdapter,
    height: u64,
    deadline: Duration,
) -> Result<Option<String>, ProbeError> {
    if let Some(field) = &adapter.parent_at {
        return optional(hash_of(http, field, height, deadline).await);
    }
    match (&adapter.hash_at, height.checked_sub(1)) {
        (Some(field), Some(below)) => optional(hash_of(http, field, below, deadline).await),
        _ => Ok(None),
    }
}

/// One field's value, read by `read`; a missing value or one of another kind is an error that says where it was sought.
async fn value<T>(
    http: &mut Http,
    field: &HttpJsonField,
    height: u64,
    read: fn(&HttpJsonField, &Value) -> Option<T>,
    deadline: Duration,
) -> Result<Option<T>, ProbeError> {
    let answer = fetch(http, field, height, deadline).await?;
    match read(field, &answer) {
        Some(found) => Ok(Some(found)),
        None => Err(ProbeError::garbage(&field.path, &format!("usable value at {}", field.pointer), &answer)),
    }
}

/// The hash of the block at a height.
async fn hash_of(
    http: &mut Http,
    field: &HttpJsonField,
    height: u64,
    deadline: Duration,
) -> Result<Option<String>, ProbeError> {
    value(http, field, height, |field, answer| at(field, answer).and_then(hash), deadline).await
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

async fn fetch(http: &mut Http, field: &HttpJsonField, height: u64, deadline: Duration) -> Result<Value, ProbeError> {
    let filled = |text: &str| text.replace("{height}", &height.to_string());
    let path = filled(&field.path);
    let body = match &field.body {
        None => http.get_ok(&path, deadline).await?,
        Some(body) => {
            let answer = http.post(&path, Bytes::from(filled(body)), deadline).await?;
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
