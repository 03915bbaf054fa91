//! JSON-RPC over HTTP POST, single calls and batches. Calls are written as 2.0; answers may be those of a 1.0 server, which
//! gives `"error": null` beside a result and status 500 beside an error.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::http::{Http, HttpError};
use super::value::excerpt;
use crate::journal::shown::shortened;

/// Longest message of a refusal that is kept, in characters: some clients put a stack trace into it.
const LONGEST_MESSAGE: usize = 4096;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer that is no JSON-RPC.
    #[error("the answer to {method} is no JSON-RPC answer (status {status}): {excerpt}")]
    Garbage {
        /// The method that was called.
        method: String,
        /// HTTP status.
        status: u16,
        /// The beginning of the body.
        excerpt: String,
    },
    /// The node answered with an error.
    #[error("{method} was refused: {message} (code {code})")]
    Refused {
        /// The method that was called.
        method: String,
        /// The error's code; -32601 is "method not found".
        code: i64,
        /// The error's message.
        message: String,
    },
}

impl RpcError {
    /// Whether the node cannot have seen the call.
    pub fn nothing_was_sent(&self) -> bool {
        matches!(self, Self::Http(error) if error.nothing_was_sent())
    }
}

/// Makes one call to `/`.
pub async fn call(http: &mut Http, method: &str, params: &[Value], deadline: Duration) -> Result<Value, RpcError> {
    call_at(http, "/", method, params, deadline).await
}

/// Makes one call to a path. Parameters are a list or a mapping.
pub async fn call_at(
    http: &mut Http,
    path: &str,
    method: &str,
    params: &(impl Serialize + ?Sized),
    deadline: Duration,
) -> Result<Value, RpcError> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let answer = http.post(path, Bytes::from(body.to_string()), deadline).await?;
    let garbage =
        || RpcError::Garbage { method: method.to_owned(), status: answer.status, excerpt: excerpt(&answer.body) };
    let mut parsed: Value = serde_json::from_slice(&answer.body).map_err(|_| garbage())?;
    if parsed.get("id") != Some(&json!(1)) && parsed.get("error").is_none() {
        return Err(garbage());
    }
    result(method, &mut parsed).unwrap_or_else(|| Err(garbage()))
}

/// Makes several calls in one request. The results are in the order of the calls, whatever order the node chose.
pub async fn batch(
    http: &mut Http,
    calls: &[(&str, Vec<Value>)],
    deadline: Duration,
) -> Result<Vec<Result<Value, RpcError>>, RpcError> {
    let body: Vec<Value> = calls
        .iter()
        .enumerate()
        .map(|(id, (method, params))| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
        .collect();
    let answer = http.post("/", Bytes::from(Value::Array(body).to_string()), deadline).await?;
    let garbage = |method: &str| RpcError::Garbage {
        method: method.to_owned(),
        status: answer.status,
        excerpt: excerpt(&answer.body),
    };
    let Ok(Value::Array(mut answers)) = serde_json::from_slice::<Value>(&answer.body) else {
        return Err(garbage("a batch"));
    };
    Ok(calls
        .iter()
        .enumerate()
        .map(|(id, (method, _))| {
            let answer = answers.iter_mut().find(|answer| answer.get("id") == Some(&json!(id)));
            answer.and_then(|answer| result(method, answer)).unwrap_or_else(|| Err(garbage(method)))
        })
        .collect())
}

/// Makes several calls, in one request if the server takes that, else one after the other.
pub async fn several(
    http: &mut Http,
    calls: &[(&str, Vec<Value>)],
    deadline: Duration,
) -> Result<Vec<Result<Value, RpcError>>, HttpError> {
    match batch(http, calls, deadline).await {
        Ok(answers) => return Ok(answers),
        Err(RpcError::Http(error)) => return Err(error),
        Err(_) => {}
    }
    let mut answers = Vec::with_capacity(calls.len());
    for (method, params) in calls {
        match call(http, method, params, deadline).await {
            Err(RpcError::Http(error)) => return Err(error),
            settled => answers.push(settled),
        }
    }
    Ok(answers)
}

/// Result or error out of one answer object; `None` if it holds neither.
fn result(method: &str, answer: &mut Value) -> Option<Result<Value, RpcError>> {
    // Some servers write `"error": null` beside a result.
    if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
        let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
        let message = error.get("message").and_then(Value::as_str).unwrap_or("no message");
        let message = shortened(message, LONGEST_MESSAGE);
        return Some(Err(RpcError::Refused { method: method.to_owned(), code, message }));
    }
    answer.get_mut("result").map(|result| Ok(result.take()))
}
