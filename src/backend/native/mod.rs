//! Child processes of a run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::net::TcpStream;

use super::{BackendError, LinkCounters, RunSetup};
use crate::action::{Capabilities, NetworkName, NodeName, Signal};
use crate::link::LinkTable;

/// The native backend of one run. See [`super::Backend`] for what the methods do.
#[derive(Debug)]
pub struct NativeBackend {}

#[expect(clippy::unused_async, unused_variables, reason = "skeleton")]
#[allow(missing_docs, reason = "skeleton")]
impl NativeBackend {
    pub async fn capabilities() -> Capabilities {
        todo!()
    }
    pub async fn prepare(setup: RunSetup) -> Result<Self, BackendError> {
        todo!()
    }
    pub async fn create(&self, node: &NodeName) -> Result<(), BackendError> {
        todo!()
    }
    pub async fn start(&self, node: &NodeName) -> Result<(), BackendError> {
        todo!()
    }
    pub async fn signal(&self, node: &NodeName, signal: Signal) -> Result<(), BackendError> {
        todo!()
    }
    pub async fn wipe(&self, node: &NodeName) -> Result<(), BackendError> {
        todo!()
    }
    pub async fn detach(&self, node: &NodeName, network: &NetworkName) -> Result<(), BackendError> {
        todo!()
    }
    pub async fn attach(&self, node: &NodeName, network: &NetworkName) -> Result<(), BackendError> {
        todo!()
    }
    pub fn set_links(&self, table: Arc<LinkTable>) -> Instant {
        todo!()
    }
    pub fn link_counters(&self) -> Vec<LinkCounters> {
        todo!()
    }
    pub async fn dial(&self, node: &NodeName, port: u16) -> std::io::Result<TcpStream> {
        todo!()
    }
    pub fn how_to_look(&self) -> BTreeMap<NodeName, String> {
        todo!()
    }
    pub async fn teardown(&self) -> Vec<BackendError> {
        todo!()
    }
}
