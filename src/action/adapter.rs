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
    /// Any JSON API, by pointers.
    HttpJson(HttpJsonAdapter),
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
    /// Parent hash of the block at `{height}`.
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
    /// The port.
    pub port: u16,
    /// A path that must answer.
    pub path: Option<String>,
    /// How long to wait.
    pub within: Duration,
}
