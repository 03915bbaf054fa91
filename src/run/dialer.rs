//! Gives probes their sockets: opened by the backend inside the node's own namespace.

use std::io;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::net::TcpStream;

use crate::action::NodeName;
use crate::backend::Backend;
use crate::observe::Dial;

/// Dials through a backend.
#[derive(Clone, Debug)]
pub(super) struct BackendDialer(pub(super) Arc<Backend>);

impl Dial for BackendDialer {
    fn dial<'a>(&'a self, node: &'a NodeName, port: u16) -> BoxFuture<'a, io::Result<TcpStream>> {
        Box::pin(self.0.dial(node, port))
    }
}
