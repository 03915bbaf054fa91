//! A small HTTP/1 client over a socket that somebody else opened.
//!
//! One connection for each client, kept alive and re-used, one request at a time; every request has a deadline and
//! every answer a size limit, because the other side is a node under test and may do anything.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio_util::task::AbortOnDropHandle;

use super::Dial;
use super::value::excerpt;
use crate::action::{Login, NodeName};

/// Longest body that is read, in bytes. A block without its transactions is a few kilobytes.
pub const BODY_LIMIT: usize = 16 << 20;

/// Why a request got no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No connection could be opened.
    #[error("cannot connect to port {port}: {source}")]
    Dial {
        /// The node's port.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The answer was not there in time.
    #[error("no answer to {request} within {}", shown(*.after))]
    Deadline {
        /// Method and path.
        request: String,
        /// The time that was given.
        after: Duration,
        /// Whether the connection was open and the request on its way.
        sent: bool,
    },
    /// The connection broke, or what came back is no HTTP.
    #[error("{request} failed: {}", causes(.source))]
    Broken {
        /// Method and path.
        request: String,
        /// What hyper says.
        source: hyper::Error,
    },
    /// The body is longer than the limit.
    #[error("the answer to {request} is longer than {limit} bytes")]
    TooLong {
        /// Method and path.
        request: String,
        /// The limit.
        limit: usize,
    },
    /// A path that cannot stand in a request.
    #[error("`{path}` cannot be the path of a request")]
    Path {
        /// The path as it was given.
        path: String,
    },
    /// The answer has another status than 200.
    #[error("{request} was answered with status {status} and {excerpt}")]
    Status {
        /// Method and path.
        request: String,
        /// The status.
        status: u16,
        /// The beginning of the body.
        excerpt: String,
    },
}

impl HttpError {
    /// Whether the node cannot have seen the request.
    pub fn nothing_was_sent(&self) -> bool {
        matches!(self, Self::Dial { .. } | Self::Path { .. } | Self::Deadline { sent: false, .. })
    }
}

/// Hyper's error with its causes, which its own text leaves out.
fn causes(error: &hyper::Error) -> String {
    let (mut text, mut next) = (error.to_string(), std::error::Error::source(error));
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// `3 s`, `250 ms`.
fn shown(duration: Duration) -> String {
    if duration.subsec_millis() == 0 && duration.as_secs() > 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

/// An answer that was read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// A client of one port of one node.
#[derive(Debug)]
pub struct Http {
    dial: Arc<dyn Dial>,
    node: NodeName,
    port: u16,
    connection: Option<Connection>,
    body_limit: usize,
    /// What stands in `Authorization`, ready to be sent.
    authorization: Option<HeaderValue>,
}

/// An open connection and the task that drives it, which ends with it.
#[derive(Debug)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    _driver: AbortOnDropHandle<()>,
}

impl Http {
    /// A client that has not connected yet.
    pub fn new(dial: Arc<dyn Dial>, node: NodeName, port: u16) -> Self {
        Self { dial, node, port, connection: None, body_limit: BODY_LIMIT, authorization: None }
    }

    /// With another limit for the length of an answer.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// With user and password for every request (RFC 7617).
    #[must_use]
    pub fn login(mut self, login: Option<&Login>) -> Self {
        self.authorization = login.map(|Login { user, password }| {
            let text = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
            let mut value = HeaderValue::try_from(text).expect("base64 can stand in a header");
            value.set_sensitive(true);
            value
        });
        self
    }

    /// GET; any status is an answer.
    pub async fn get(&mut self, path: &str, deadline: Duration) -> Result<Answer, HttpError> {
        self.request(&Method::GET, path, None, deadline).await
    }

    /// POST of a JSON text; any status is an answer.
    pub async fn post(&mut self, path: &str, body: Bytes, deadline: Duration) -> Result<Answer, HttpError> {
        self.request(&Method::POST, path, Some(body), deadline).await
    }

    /// Like [`Http::get`], but every status except 200 is an error.
    pub async fn get_ok(&mut self, path: &str, deadline: Duration) -> Result<Bytes, HttpError> {
        let answer = self.get(path, deadline).await?;
        if answer.status == 200 {
            return Ok(answer.body);
        }
        let excerpt = excerpt(&answer.body);
        Err(HttpError::Status { request: format!("GET {path}"), status: answer.status, excerpt })
    }

    async fn request(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<Bytes>,
        deadline: Duration,
    ) -> Result<Answer, HttpError> {
        let name = format!("{method} {path}");
        let request = || {
            let mut request = Request::builder().method(method.clone()).uri(path);
            request = request.header(HOST, format!("127.0.0.1:{}", self.port)).header(ACCEPT, "application/json");
            request = request.header(USER_AGENT, concat!("splitbrain/", env!("CARGO_PKG_VERSION")));
            if let Some(authorization) = &self.authorization {
                request = request.header(AUTHORIZATION, authorization);
            }
            if body.is_some() {
                request = request.header(CONTENT_TYPE, "application/json");
            }
            request.body(Full::new(body.clone().unwrap_or_default()))
        };
        let (first, second) = match (request(), request()) {
            (Ok(first), Ok(second)) if path.starts_with('/') => (first, second),
            _ => return Err(HttpError::Path { path: path.to_owned() }),
        };
        // Taken out, so that a request that is given up in the middle takes its connection with it: the late answer
        // must not be read as the answer to the next request.
        let kept = self.connection.take();
        let mut sent = false;
        let work = async {
            if let Some(connection) = kept.filter(|connection| !connection.sender.is_closed()) {
                sent = true;
                match exchange(connection, first, &name, self.body_limit).await {
                    // A server may close an idle connection just when we send: then, and only then, once more.
                    Err(HttpError::Broken { source, .. }) if source.is_canceled() || source.is_incomplete_message() => {
                    }
                    settled => return settled,
                }
            }
            sent = false;
            let connection = self.connect().await?;
            sent = true;
            exchange(connection, second, &name, self.body_limit).await
        };
        let result = tokio::time::timeout(deadline, work).await;
        let (answer, connection) =
            result.map_err(|_| HttpError::Deadline { request: name, after: deadline, sent })??;
        self.connection = connection;
        Ok(answer)
    }

    async fn connect(&self) -> Result<Connection, HttpError> {
        let broken = |source| HttpError::Dial { port: self.port, source };
        let stream = self.dial.dial(&self.node, self.port).await.map_err(broken)?;
        // Small requests that wait for each other: Nagle's algorithm would cost 40 ms each.
        stream.set_nodelay(true).map_err(broken)?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|source| HttpError::Broken { request: "the handshake".to_owned(), source })?;
        let driver = AbortOnDropHandle::new(tokio::spawn(async move {
            // Its error reaches the request that is under way, too; without one there is nobody to tell.
            let _ = driver.await;
        }));
        Ok(Connection { sender, _driver: driver })
    }
}

/// Sends one request and reads the whole answer. Gives the connection back if it can be used again.
async fn exchange(
    mut connection: Connection,
    request: Request<Full<Bytes>>,
    name: &str,
    limit: usize,
) -> Result<(Answer, Option<Connection>), HttpError> {
    let broken = |source| HttpError::Broken { request: name.to_owned(), source };
    connection.sender.ready().await.map_err(broken)?;
    let response = connection.sender.send_request(request).await.map_err(broken)?;
    let status = response.status().as_u16();
    let body = match Limited::new(response.into_body(), limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(HttpError::TooLong { request: name.to_owned(), limit });
        }
        Err(error) => {
            return Err(match error.downcast::<hyper::Error>() {
                Ok(source) => broken(*source),
                Err(_) => HttpError::TooLong { request: name.to_owned(), limit },
            });
        }
    };
    let reusable = !connection.sender.is_closed();
    Ok((Answer { status, body }, reusable.then_some(connection)))
}
