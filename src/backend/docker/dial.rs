//! Connections to a node's ports for probes: from inside its namespace, so that a node that is cut off is still seen.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::run::Run;
use crate::action::NodeName;

/// Longest time for one connection.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Loopback first: a program that listens on it alone is common, and it cannot be cut. Then the main address.
pub(super) async fn dial(run: &Run, name: &NodeName, port: u16) -> io::Result<TcpStream> {
    let node = run.nodes.get(name).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no node {name}")))?;
    let address = node.process.address();
    if let Some(namespace) = node.namespace() {
        let dialled = tokio::task::spawn_blocking(move || {
            let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
            match namespace.dial(loopback, DIAL_TIMEOUT) {
                Ok(stream) => Ok(stream),
                Err(_) => namespace.dial(SocketAddr::new(IpAddr::V4(address), port), DIAL_TIMEOUT),
            }
        });
        return TcpStream::from_std(dialled.await.map_err(io::Error::other)??);
    }
    if run.namespaces {
        return Err(io::Error::new(io::ErrorKind::NotConnected, format!("node {name} does not run")));
    }
    match timeout(DIAL_TIMEOUT, TcpStream::connect((address, port))).await {
        Ok(stream) => stream,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("no connection to {address}:{port}"))),
    }
}
