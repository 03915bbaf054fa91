//! Containers on the wire: a device of ours in each container's namespace, beside the engine's own interface.

use std::io;
use std::sync::{Arc, RwLock};
use std::time::Instant;

use tokio::sync::mpsc;

use super::super::fabric::{DeviceSetup, Namespace, Wire};
use super::super::{BackendError, BackendEvent, LinkCounters, WireSetup};
use super::run::Run;
use crate::action::{Attachment, NodeProcess};
use crate::link::LinkTable;

/// Name of the device inside containers.
const DEVICE: &str = "wire0";

/// The wire of a run; gone after its teardown.
#[derive(Debug)]
pub(super) struct RunWire {
    wire: RwLock<Option<Arc<Wire>>>,
}

impl RunWire {
    /// Starts the forwarder.
    pub(super) fn start(
        nodes: usize,
        setup: &WireSetup,
        events: mpsc::Sender<BackendEvent>,
    ) -> Result<Self, BackendError> {
        let nodes = u16::try_from(nodes).map_err(|_| BackendError::plain("a run has at most 65,535 nodes"))?;
        let wire = Wire::start(nodes, &setup.seeds, Arc::clone(&setup.table), BackendEvent::wire_lost(events))
            .map_err(|error| BackendError::new("cannot start the packet forwarder", error))?;
        Ok(Self { wire: RwLock::new(Some(Arc::new(wire))) })
    }

    fn get(&self) -> Option<Arc<Wire>> {
        self.wire.read().expect("never poisoned: nothing under it panics").clone()
    }

    /// Puts a node's container on the wire: two routes to the halves of each subnet win over the engine's own one, and
    /// the gateway of a network with a way out keeps its own over the bridge.
    pub(super) async fn attach(
        &self,
        run: &Run,
        node: &NodeProcess,
        attachments: &[&Attachment],
        namespace: Namespace,
    ) -> io::Result<()> {
        let Some(wire) = self.get() else { return Ok(()) };
        let mut networks = Vec::new();
        for attachment in attachments {
            let network = run.network(&attachment.network).map_err(io::Error::other)?;
            networks.push((attachment.address, network.prefix, network.gateway));
        }
        let index = node.index;
        if networks.is_empty() {
            return blocking(move || wire.detach(index)).await;
        }
        let mut device = DeviceSetup::beside(DEVICE, &networks);
        // The gateway of a sealed network is nobody: what is sent to it goes the way of everything else, to be dropped.
        let open = |host| run.networks.values().any(|network| network.internet && network.gateway == host);
        device.keep.retain(|kept| open(kept.host));
        blocking(move || wire.attach(index, &namespace, &device)).await
    }

    /// Takes a node off the wire.
    pub(super) async fn detach(&self, node: &NodeProcess) {
        let Some(wire) = self.get() else { return };
        let index = node.index;
        if let Err(error) = blocking(move || wire.detach(index)).await {
            // The device goes with its namespace in any case.
            tracing::debug!(node = %node.name, %error, "a node could not be taken off the wire");
        }
    }

    /// Swaps the links' state and returns the instant after it.
    pub(super) fn set_links(&self, table: Arc<LinkTable>) -> Result<Instant, BackendError> {
        let wire = self.get().ok_or_else(|| BackendError::plain("the run's wire is taken down already"))?;
        wire.set_links(table).map_err(|error| BackendError::new("cannot change links", error))
    }

    /// Counters of all links.
    pub(super) fn counters(&self) -> Vec<LinkCounters> {
        self.get().map(|wire| wire.counters()).unwrap_or_default()
    }

    /// Stops the forwarder and removes all devices.
    pub(super) async fn stop(&self) {
        let wire = self.wire.write().expect("never poisoned: nothing under it panics").take();
        let _ = blocking(move || {
            drop(wire);
            Ok(())
        })
        .await;
    }
}

/// The network namespace of a running container, or nothing if it does not run any more.
pub(super) async fn namespace_of(run: &Run, container: &str) -> io::Result<Option<Namespace>> {
    let about = run.engine.docker.inspect_container(container, None).await.map_err(io::Error::other)?;
    let state = about.state.unwrap_or_default();
    let pid = state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|&pid| pid != 0);
    let Some(pid) = pid.filter(|_| state.running == Some(true)) else { return Ok(None) };
    let control_groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup"));
    match control_groups.and_then(|groups| Ok((groups, Namespace::of_process(pid)?))) {
        // The number is the engine's. A process of the same number here that is in no group of this container is
        // another one: the engine lives in another world after all.
        Ok((groups, _)) if !groups.contains(container) && groups.lines().any(|line| !line.ends_with(":/")) => {
            Err(io::Error::other(format!("process {pid} is not the container's; the engine runs elsewhere")))
        }
        Ok((_, namespace)) => Ok(Some(namespace)),
        // A process that has just ended is gone from here before the engine has heard of it.
        Err(error) => match super::containers::ends_soon(run, container).await {
            true => Ok(None),
            false => Err(error),
        },
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
