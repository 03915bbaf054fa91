//! How a node is asked what it sees: data from the client's manifest, read by `observe`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which API a node speaks, with the port number already looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterSpec {
    /// Ethereum execution JSON-RPC (`eth_getBlockByNumber`, `net_peerCount`, …).
    Execution {
        /// The JSON-RPC port.
        port: u16,
    },
    /// The standard Beacon API.
    Beacon {
        /// The HTTP port.
        port: u16,
    },
    /// CometBFT's RPC (`/status`, `/block`, `/net_info`, `/consensus_state`).
    Cometbft {
        /// The RPC port.
        port: u16,
    },
    /// JSON-RPC as Bitcoin Core speaks it (`getblockchaininfo`, `getchaintips`, …).
    Bitcoin {
        /// The JSON-RPC port.
        port: u16,
        /// User and password, where the server wants them.
        login: Option<Login>,
    },
    /// Any JSON API, by pointers.
    HttpJson(HttpJsonAdapter),
    /// Nothing to ask: the process runs or it does not (a validator client, a bootnode).
    Process,
}

impl AdapterSpec {
    /// Which chain a node of this kind shows: blocks of two nodes can be compared only where the word is the same.
    pub fn layer(&self) -> &'static str {
        match self {
            Self::Execution { .. } => "execution",
            Self::Beacon { .. } => "beacon",
            Self::Cometbft { .. } => "cometbft",
            Self::Bitcoin { .. } => "bitcoin",
            Self::HttpJson(_) => "http_json",
            Self::Process => "process",
        }
    }

    /// The port that is asked; `None` for a node that shows nothing.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Execution { port } | Self::Beacon { port } | Self::Cometbft { port } | Self::Bitcoin { port, .. } => {
                Some(*port)
            }
            Self::HttpJson(http) => Some(http.port),
            Self::Process => None,
        }
    }
}

/// User and password of HTTP basic authentication (RFC 7617).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// User.
    pub user: String,
    /// Password.
    pub password: String,
}

/// Where a client takes JSON-RPC calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcSpec {
    /// The port.
    pub port: u16,
    /// Path of the POST request, `/` for most.
    pub path: String,
    /// User and password, where the server wants them.
    pub login: Option<Login>,
}

impl RpcSpec {
    /// The usual: POST to `/` of a port, without a login.
    pub fn at(port: u16) -> Self {
        Self { port, path: "/".to_owned(), login: None }
    }
}

/// One value in a JSON API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpJsonField {
    /// Path of a GET request, for example `/status`.
    pub path: String,
    /// Body of a POST request instead of a GET, for JSON-RPC style APIs.
    #[serde(default)]
    pub body: Option<String>,
    /// JSON pointer (RFC 6901) to the value, for example `/result/sync_info/latest_block_height`.
    pub pointer: String,
    /// Further pointers into the same answer, to numbers that are added, for example connections in and out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plus: Vec<String>,
    /// Added to a number, for example -1 where the API tells how many blocks there are and not how high the last one is.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub offset: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_nothing(offset: &i64) -> bool {
    *offset == 0
}

/// A JSON API read by pointers, so that a client outside Ethereum is added without Rust.
/// Numbers may be JSON numbers, decimal strings or `0x` hex strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpJsonAdapter {
    /// The HTTP port.
    pub port: u16,
    /// Height of the head.
    pub height: HttpJsonField,
    /// Hash of the head.
    pub hash: HttpJsonField,
    /// Hash of a block by height; `{height}` in path and body is replaced. Without it blocks between heads stay unknown.
    pub hash_at: Option<HttpJsonField>,
    /// Parent hash of the block at `{height}`, or better of the block `{hash}` (its digits without `0x`): then blocks are
    /// walked back by hash, and a reorganisation between two questions mixes nothing up.
    pub parent_at: Option<HttpJsonField>,
    /// Height of the last final block.
    pub finalized: Option<HttpJsonField>,
    /// Number of peers.
    pub peers: Option<HttpJsonField>,
    /// Client version.
    pub version: Option<HttpJsonField>,
}

/// When a node counts as ready: the port takes a connection and, if a path is given, answers it with status 200.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadySpec {
    /// The port; `None`: as soon as its process runs.
    pub port: Option<u16>,
    /// A path that must answer.
    pub path: Option<String>,
    /// How long to wait.
    pub within: Duration,
}
