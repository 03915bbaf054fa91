//! Containers of a run, on a Docker engine from 20.10 (API 1.41) on.
//!
//! Everything that is made carries labels (`splitbrain.run`, `splitbrain.owner`, …), and names that begin with
//! `splitbrain-<run>-`, so that runs side by side on one engine do not meet and `clean` finds what a killed run left.

mod archive;
mod build;
mod build_lock;
mod builtin_image;
mod capabilities;
mod choice;
mod clean;
mod client;
mod containers;
mod context_folder;
mod dial;
mod events;
mod ignore;
mod images;
mod init;
mod labels;
mod logs;
mod networks;
mod prepare;
mod remove;
mod restart;
mod run;
mod seal;
mod seal_helper;
mod subnets;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{BackendError, LinkCounters, RunSetup};
use crate::action::{Capabilities, NetworkName, NodeName, Signal};
use crate::link::LinkTable;

pub use choice::{EngineChoice, engine_choice};
pub use clean::{clean, clean_images};
pub use images::{ReadyImage, build_images};
pub use networks::{NetworkRequest, Reservation, free_subnets, reserve};

/// Longest time for a whole teardown.
const TEARDOWN_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How long the last output of removed containers may take to arrive.
const LOG_DRAIN: Duration = Duration::from_secs(10);

/// The docker backend of one run. See [`super::Backend`] for what the methods do.
#[derive(Debug)]
pub struct DockerBackend {
    run: Arc<run::Run>,
}

impl DockerBackend {
    /// What the engine (the one that `DOCKER_HOST` names, or the usual one) and this machine can do.
    pub async fn capabilities() -> Capabilities {
        capabilities::capabilities().await
    }

    /// Makes sure that all images are there, and makes the run's networks (adopting reserved ones), seal and wire. What
    /// was made is removed again if something fails. Dropped in the middle, it leaves what [`clean`] finds by the run's id.
    pub async fn prepare(setup: RunSetup) -> Result<Self, BackendError> {
        Ok(Self { run: prepare::prepare(setup).await? })
    }

    /// Makes the node's container, with its addresses and files.
    pub async fn create(&self, node: &NodeName) -> Result<(), BackendError> {
        let making = self.run.making();
        let result = containers::create(&self.run, node).await;
        making.done();
        result
    }

    /// Runs init commands that are due, starts the container, attaches the wire. A node that runs already stays as it is.
    pub async fn start(&self, node: &NodeName) -> Result<(), BackendError> {
        let making = self.run.making();
        let result = containers::start(&self.run, node).await;
        making.done();
        result
    }

    /// Sends a signal. A node that has ended already needs no `Kill` or `Stop`.
    pub async fn signal(&self, node: &NodeName, signal: Signal) -> Result<(), BackendError> {
        containers::signal(&self.run, node, signal).await
    }

    /// Empties the data folder of a stopped node; everything else that it wrote in its container goes as well.
    pub async fn wipe(&self, node: &NodeName) -> Result<(), BackendError> {
        let making = self.run.making();
        let result = containers::wipe(&self.run, node).await;
        making.done();
        result
    }

    /// The engine's network disconnect.
    pub async fn detach(&self, node: &NodeName, network: &NetworkName) -> Result<(), BackendError> {
        containers::detach(&self.run, node, network).await
    }

    /// The engine's network connect, with the node's own address.
    pub async fn attach(&self, node: &NodeName, network: &NetworkName) -> Result<(), BackendError> {
        containers::attach(&self.run, node, network).await
    }

    /// Swaps the links' state; an error without a wire.
    pub fn set_links(&self, table: Arc<LinkTable>) -> Result<Instant, BackendError> {
        match &self.run.wire {
            Some(wire) => wire.set_links(table),
            None => Err(BackendError::plain("this run has no wire whose links could be changed")),
        }
    }

    /// Counters of all links.
    pub fn link_counters(&self) -> Vec<LinkCounters> {
        self.run.wire.as_ref().map(wire::RunWire::counters).unwrap_or_default()
    }

    /// Connects from inside the container's namespace where that can be entered, else to the container's address.
    pub async fn dial(&self, node: &NodeName, port: u16) -> std::io::Result<TcpStream> {
        dial::dial(&self.run, node, port).await
    }

    /// A command line for each node that opens a shell in its container.
    pub fn how_to_look(&self) -> BTreeMap<NodeName, String> {
        containers::how_to_look(&self.run)
    }

    /// Removes everything with the run's label: containers, volumes, networks, seal.
    pub async fn teardown(&self) -> Vec<BackendError> {
        match timeout(TEARDOWN_TIMEOUT, self.tear_down()).await {
            Ok(errors) => errors,
            Err(_) => vec![
                BackendError::plain(format!("the teardown took more than {} minutes", TEARDOWN_TIMEOUT.as_secs() / 60))
                    .remedy(format!("run `splitbrain clean --run {}`", self.run.marks.run)),
            ],
        }
    }

    async fn tear_down(&self) -> Vec<BackendError> {
        let run = &self.run;
        // From here on ends of nodes are our own doing, and nobody may listen any more.
        for task in run.followers.lock().expect("never poisoned: nothing under it panics").drain(..) {
            task.abort();
        }
        if let Some(wire) = &run.wire {
            wire.stop().await;
        }
        for node in run.nodes.values() {
            node.set_namespace(None);
        }
        let interrupted = run.interrupted.load(Ordering::Relaxed);
        let errors = prepare::undo(&run.engine, &run.marks.run, interrupted).await;
        for node in run.nodes.values() {
            let log = node.state.lock().await.log.take();
            if let Some(mut log) = log
                && timeout(LOG_DRAIN, &mut log).await.is_err()
            {
                log.abort();
            }
        }
        errors
    }
}
