//! One file for each kind of API. A probe asks and translates; it remembers only what the API forces it to.
//!
//! To add an API: a file here, a variant of [`AdapterSpec`], and a line in each function of [`Probe`].

mod beacon;
mod bitcoin;
mod cometbft;
mod execution;
mod http_json;
mod seal;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

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
    /// It answers, and has no head, though it had one.
    #[error("it answers, but has no head any more")]
    HeadGone,
}

/// Kinds of reasons why a node cannot be seen: what two errors that differ in numbers or excerpts have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// No connection.
    Dial,
    /// No answer in time.
    Deadline,
    /// The connection broke, or what came is no HTTP.
    Broken,
    /// A request or an answer that cannot be.
    Unusable,
    /// Another status than 200.
    Status(u16),
    /// The node refused the call.
    Refused,
    /// An answer that does not hold what it should.
    Garbage,
    /// No head any more.
    HeadGone,
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
    fn garbage(request: &str, wanted: &str, answer: &Value) -> Self {
        let excerpt = value::excerpt(answer.to_string().as_bytes());
        Self::Garbage { request: request.to_owned(), wanted: wanted.to_owned(), excerpt }
    }

    /// What kind of reason it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Http(HttpError::Dial { .. }) => ErrorKind::Dial,
            Self::Http(HttpError::Deadline { .. }) => ErrorKind::Deadline,
            Self::Http(HttpError::Broken { .. }) => ErrorKind::Broken,
            Self::Http(HttpError::TooLong { .. } | HttpError::Path { .. }) => ErrorKind::Unusable,
            Self::Http(HttpError::Status { status, .. }) => ErrorKind::Status(*status),
            Self::Rpc(RpcError::Garbage { status, .. }) if *status != 200 => ErrorKind::Status(*status),
            Self::Rpc(RpcError::Refused { .. }) => ErrorKind::Refused,
            Self::Rpc(_) => ErrorKind::Garbage,
            Self::Garbage { .. } => ErrorKind::Garbage,
            Self::HeadGone => ErrorKind::HeadGone,
        }
    }

    /// Whether the node was there and answered, but not to this question: the API lacks it.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Http(HttpError::Status { .. }) | Self::Rpc(_) | Self::Garbage { .. } => true,
            Self::Http(_) | Self::HeadGone => false,
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
    /// Number and hash of the block that an execution client calls safe.
    pub safe: Option<(u64, String)>,
    /// Number of peers.
    pub peers: Option<u64>,
    /// Whether it says that it is syncing.
    pub syncing: Option<bool>,
    /// Branches that it keeps beside its chain.
    pub branches: Option<Vec<Branch>>,
    /// Height and round that it works on.
    pub round: Option<Round>,
}

/// A branch beside a node's chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Branch {
    /// Height of its tip.
    pub height: u64,
    /// Hash of its tip.
    pub hash: String,
    /// Blocks from the chain to the tip.
    pub length: u64,
    /// The node's own word for it.
    pub status: String,
}

/// Where a node is in making the next block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// The height that it works on.
    pub height: u64,
    /// The round, from 0.
    pub round: u64,
    /// The step of the round.
    pub step: String,
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
    Execution(execution::Execution),
    Beacon(beacon::Payloads),
    Cometbft(cometbft::Cometbft),
    Bitcoin(bitcoin::Bitcoin),
    HttpJson(http_json::HttpJson),
    /// Shows nothing.
    Nothing,
}

impl Probe {
    /// A probe for this API. Nothing is sent yet.
    pub fn new(dial: Arc<dyn Dial>, node: NodeName, adapter: &AdapterSpec, deadline: Duration) -> Self {
        let (kind, login) = match adapter {
            AdapterSpec::Execution { .. } => (Kind::Execution(execution::Execution::default()), None),
            AdapterSpec::Beacon { .. } => (Kind::Beacon(beacon::Payloads::default()), None),
            AdapterSpec::Cometbft { .. } => (Kind::Cometbft(cometbft::Cometbft::default()), None),
            AdapterSpec::Bitcoin { login, .. } => (Kind::Bitcoin(bitcoin::Bitcoin::default()), login.as_ref()),
            AdapterSpec::HttpJson(adapter) => (Kind::HttpJson(http_json::HttpJson::new(adapter.clone())), None),
            AdapterSpec::Process => (Kind::Nothing, None),
        };
        let http = Http::new(dial, node, adapter.port().unwrap_or_default()).login(login);
        Self { http, deadline, kind }
    }

    /// The node's head. `None` if it is there but has none yet.
    pub async fn head(&mut self) -> Result<Option<Block>, ProbeError> {
        let (http, deadline) = (&mut self.http, self.deadline);
        match &mut self.kind {
            Kind::Execution(_) => execution::head(http, deadline).await,
            Kind::Beacon(_) => beacon::head(http, deadline).await,
            Kind::Cometbft(cometbft) => cometbft.head(http, deadline).await,
            Kind::Bitcoin(bitcoin) => bitcoin.head(http, deadline).await,
            Kind::HttpJson(json) => json.head(http, deadline).await,
            Kind::Nothing => Ok(None),
        }
    }

    /// The parent of a block. `None` if the node does not have it or the API cannot tell.
    pub async fn parent(&mut self, block: &Block) -> Result<Option<Block>, ProbeError> {
        let (http, deadline) = (&mut self.http, self.deadline);
        let parent = match &mut self.kind {
            Kind::Execution(_) => execution::parent(http, block, deadline).await,
            Kind::Beacon(_) => beacon::parent(http, block, deadline).await,
            Kind::Cometbft(cometbft) => cometbft.parent(http, block, deadline).await,
            Kind::Bitcoin(_) => bitcoin::Bitcoin::parent(http, block, deadline).await,
            Kind::HttpJson(json) => json.parent(http, block, deadline).await,
            Kind::Nothing => Ok(None),
        }?;
        // A node that answers with another block than the one asked for must not be followed, least of all in a circle.
        Ok(parent.filter(|parent| Some(&parent.hash) == block.parent.as_ref() && parent.height < block.height))
    }

    /// Fills in what it takes a further question to know of a block. Asked once for each new block.
    pub async fn complete(&mut self, block: &mut Block) -> Result<(), ProbeError> {
        match &mut self.kind {
            Kind::Beacon(payloads) => beacon::complete(&mut self.http, payloads, block, self.deadline).await,
            _ => Ok(()),
        }
    }

    /// What is asked less often.
    pub async fn slow(&mut self, chain: &Chain) -> Result<Slow, ProbeError> {
        let (http, deadline) = (&mut self.http, self.deadline);
        match &mut self.kind {
            Kind::Execution(execution) => execution.slow(http, deadline).await,
            Kind::Beacon(_) => beacon::slow(http, deadline).await,
            Kind::Cometbft(cometbft) => cometbft.slow(http, deadline).await,
            Kind::Bitcoin(_) => bitcoin::Bitcoin::slow(http, deadline).await,
            Kind::HttpJson(json) => json.slow(http, chain, deadline).await,
            Kind::Nothing => Ok(Slow::default()),
        }
    }

    /// The version string. `None` if the API does not tell it.
    pub async fn version(&mut self) -> Result<Option<String>, ProbeError> {
        let (http, deadline) = (&mut self.http, self.deadline);
        let version = match &self.kind {
            Kind::Execution(_) => execution::version(http, deadline).await,
            Kind::Beacon(_) => beacon::version(http, deadline).await,
            Kind::Cometbft(cometbft) => Ok(cometbft.version()),
            Kind::Bitcoin(_) => bitcoin::Bitcoin::version(http, deadline).await,
            Kind::HttpJson(json) => json.version(http, deadline).await,
            Kind::Nothing => Ok(None),
        };
        optional(version)
    }
}

/// The JSON that a path is answered with.
async fn get_json(http: &mut Http, path: &str, deadline: Duration) -> Result<Value, ProbeError> {
    let body = http.get_ok(path, deadline).await?;
    serde_json::from_slice(&body).map_err(|_| ProbeError::Garbage {
        request: path.to_owned(),
        wanted: "JSON".to_owned(),
        excerpt: value::excerpt(&body),
    })
}

/// A refusal means "this API does not tell it"; a node that does not answer at all is out of sight.
fn optional<T>(result: Result<Option<T>, ProbeError>) -> Result<Option<T>, ProbeError> {
    match result {
        Err(error) if error.is_refusal() => Ok(None),
        other => other,
    }
}
