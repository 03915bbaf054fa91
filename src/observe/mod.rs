//! Probes: turn a node's API into the journal's observations.
//!
//! Everything here works over sockets that the caller opens ([`Dial`]): the engine opens them inside the node's own
//! network namespace, so that a node that is cut off from the others is still seen. The room knows no backend.
//!
//! * [`http`] – a small HTTP/1 client over such a socket; [`json_rpc`] on top of it.
//! * [`probe`] – one file for each API: execution JSON-RPC, Beacon API, any JSON API by pointers.
//! * [`chain`] – the pure part: which blocks of a node are known, and what a new head means (extension or reorg).
//! * [`Prober`] – one task for each node that polls and tells changes only.
//! * [`ready`], [`call`], [`call_once`] – the things that the engine asks of a node outside of polling.

pub mod chain;
pub mod http;
pub mod json_rpc;
pub mod probe;
mod prober;
mod ready;
#[cfg(test)]
pub(crate) mod stub;
#[cfg(test)]
mod tests;
mod value;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::action::{NodeName, RpcSpec};
use crate::journal::What;

pub use prober::{PollStatistics, Prober, ProberSetup, poll_gap};
pub use ready::{NotReady, ready};

/// Opens TCP connections to nodes. The engine implements it over its backend, which dials from inside the node's own
/// network namespace.
pub trait Dial: Send + Sync {
    /// Connects to a port of a node. May hang as long as it likes: whoever calls has a deadline.
    fn dial<'a>(&'a self, node: &'a NodeName, port: u16) -> BoxFuture<'a, io::Result<TcpStream>>;
}

/// One thing that was seen at one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// At which node.
    pub node: NodeName,
    /// When the node's answer arrived.
    pub at: Instant,
    /// What.
    pub what: What,
}

/// Longest time that one attempt of [`call`] may take.
const CALL_ATTEMPT: Duration = Duration::from_secs(5);
/// Time between two attempts of [`call`] and of [`ready`].
const RETRY_EVERY: Duration = Duration::from_millis(50);

/// Makes one JSON-RPC call to a node, for the calls that a plan asks for after a start (`admin_addPeer`) or in its
/// timeline.
///
/// Tries again until the deadline while no connection can be opened, because a node that has just been started may not
/// listen yet. Once a request was sent it is never sent again: the call may have been carried out.
pub async fn call(
    dial: &Arc<dyn Dial>,
    node: &NodeName,
    rpc: &RpcSpec,
    method: &str,
    params: &[Value],
    deadline: Instant,
) -> Result<Value, json_rpc::RpcError> {
    let mut pace = tokio::time::interval(RETRY_EVERY);
    loop {
        pace.tick().await;
        let left = deadline.saturating_duration_since(Instant::now());
        let error = match call_once(dial, node, rpc, method, params, left.min(CALL_ATTEMPT)).await {
            Err(error) if error.nothing_was_sent() => error,
            settled => return settled,
        };
        if Instant::now() + RETRY_EVERY >= deadline {
            return Err(error);
        }
    }
}

/// Makes exactly one attempt at a JSON-RPC call, over a connection of its own, within this time.
pub async fn call_once(
    dial: &Arc<dyn Dial>,
    node: &NodeName,
    rpc: &RpcSpec,
    method: &str,
    params: &(impl Serialize + ?Sized),
    within: Duration,
) -> Result<Value, json_rpc::RpcError> {
    let mut http = http::Http::new(Arc::clone(dial), node.clone(), rpc.port).login(rpc.login.as_ref());
    json_rpc::call_at(&mut http, &rpc.path, method, params, within).await
}

impl fmt::Debug for dyn Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dial")
    }
}
