//! One file for each kind of API. A probe asks and translates; it remembers only what the API forces it to.
//!
//! To add an API: a file here, a variant of [`AdapterSpec`], and a line in [`Probe::new`] and in the macro `each`.

mod beacon;
mod execution;
mod http_json;
mod seal;

use std::sync::Arc;
use std::time::Duration;

use super::chain::{Block, Chain};
use super::http::{Http, HttpError};
use super::json_rpc::RpcError;
use super::{Dial, value};
use crate::action::{AdapterSpec, NodeName};

/// Why a node could not be seen.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// No JSON-RPC answer, or a refusal.
    #[error(transparent)]
    Rpc(RpcError),
    /// An answer that does not hold what it should.
    #[error("the answer to {request} holds no {wanted}: {excerpt}")]
    Garbage {
        /// Path or method.
        request: String,
        /// What was looked for.
        wanted: String,
        /// The beginning of the answer.
        excerpt: String,
    },
}

impl From<RpcError> for ProbeError {
    fn from(error: RpcError) -> Self {
        match error {
            RpcError::Http(error) => Self::Http(error),
            error => Self::Rpc(error),
        }
    }
}

impl ProbeError {
    fn garbage(request: &str, wanted: &str, answer: &serde_json::Value) -> Self {
        let excerpt = value::excerpt(answer.to_string().as_bytes());
        Self::Garbage { request: request.to_owned(), wanted: wanted.to_owned(), excerpt }
    }

    /// Whether the node was there and answered, but not to this question: the API lacks it.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Http(HttpError::Status { .. }) | Self::Rpc(_) | Self::Garbage { .. } => true,
            Self::Http(_) => false,
        }
    }
}

/// What is asked less often than the head. `None`: the API does not tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slow {
    /// Height (block number or epoch) and hash of what is final.
    pub finalized: Option<(u64, String)>,
    /// Epoch and root of what is justified.
    pub justified: Option<(u64, String)>,
    /// Number of peers.
    pub peers: Option<u64>,
    /// Whether it says that it is syncing.
    pub syncing: Option<bool>,
}

/// A probe of one node.
#[derive(Debug)]
pub struct Probe {
    http: Http,
    /// Time that one request may take.
    deadline: Duration,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Execution,
    Beacon,
    HttpJson(Box<crate::action::HttpJsonAdapter>),
    /// Shows nothing.
    Nothing,
}

impl Probe {
    /// A probe for this API. Nothing is sent yet.
    pub fn new(dial: Arc<dyn Dial>, node: NodeName, adapter: &AdapterSpec, deadline: Duration) -> Self {
        let (port, kind) = match adapter {
            AdapterSpec::Execution { port } => (*port, Kind::Execution),
            AdapterSpec::Beacon { port } => (*port, Kind::Beacon),
            AdapterSpec::HttpJson(adapter) => (adapter.port, Kind::HttpJson(Box::new(adapter.clone()))),
            AdapterSpec::Cometbft { port } | AdapterSpec::Bitcoin { port, .. } => (*port, Kind::Nothing),
            AdapterSpec::Process => (0, Kind::Nothing),
        };
        Self { http: Http::new(dial, node, port), deadline, kind }
    }

    /// The node's head. `None` if it is there but has none yet.
    pub async fn head(&mut self) -> Result<Option<Block>, ProbeError> {
        match &self.kind {
            Kind::Execution => execution::head(&mut self.http, self.deadline).await,
            Kind::Beacon => beacon::head(&mut self.http, self.deadline).await,
            Kind::HttpJson(adapter) => http_json::head(&mut self.http, adapter, self.deadline).await,
            Kind::Nothing => Ok(None),
        }
    }

    /// The parent of a block. `None` if the node does not have it or the API cannot tell.
    pub async fn parent(&mut self, block: &Block) -> Result<Option<Block>, ProbeError> {
        let parent = match &self.kind {
            Kind::Execution => execution::parent(&mut self.http, block, self.deadline).await,
            Kind::Beacon => beacon::parent(&mut self.http, block, self.deadline).await,
            Kind::HttpJson(adapter) => http_json::parent(&mut self.http, adapter, block, self.deadline).await,
            Kind::Nothing => Ok(None),
        }?;
        // A node that answers with another block than the one asked for must not be followed, least of all in a circle.
        Ok(parent.filter(|parent| Some(&parent.hash) == block.parent.as_ref() && parent.height < block.height))
    }

    /// What is asked less often.
    pub async fn slow(&mut self, chain: &Chain) -> Result<Slow, ProbeError> {
        match &self.kind {
            Kind::Execution => execution::slow(&mut self.http, self.deadline).await,
            Kind::Beacon => beacon::slow(&mut self.http, self.deadline).await,
            Kind::HttpJson(adapter) => http_json::slow(&mut self.http, adapter, chain, self.deadline).await,
            Kind::Nothing => Ok(Slow::default()),
        }
    }

    /// The version string. `None` if the API does not tell it.
    pub async fn version(&mut self) -> Result<Option<String>, ProbeError> {
        let version = match &self.kind {
            Kind::Execution => execution::version(&mut self.http, self.deadline).await,
            Kind::Beacon => beacon::version(&mut self.http, self.deadline).await,
            Kind::HttpJson(adapter) => http_json::version(&mut self.http, adapter, self.deadline).await,
            Kind::Nothing => Ok(None),
        };
        optional(version)
    }
}

/// A refusal means "this API does not tell it"; a node that does not answer at all is out of sight.
fn optional<T>(result: Result<Option<T>, ProbeError>) -> Result<Option<T>, ProbeError> {
    match result {
        Err(error) if error.is_refusal() => Ok(None),
        other => other,
    }
}
