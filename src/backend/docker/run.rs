//! What a run on an engine consists of: shared by the backend's methods and the tasks that follow the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as PlainMutex};

use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinHandle;

use super::super::fabric::Namespace;
use super::super::{BackendError, RunSetup};
use super::client::Engine;
use super::labels::Marks;
use super::wire::RunWire;
use crate::action::{NetworkName, NetworkSpec, NodeName, NodeProcess};

/// One run on one engine.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) engine: Engine,
    pub(super) marks: Marks,
    pub(super) setup: RunSetup,
    /// Image of each node.
    pub(super) images: BTreeMap<NodeName, String>,
    pub(super) networks: BTreeMap<NetworkName, NetworkSpec>,
    pub(super) nodes: BTreeMap<NodeName, Node>,
    pub(super) wire: Option<RunWire>,
    /// Whether containers' network namespaces can be entered from here.
    pub(super) namespaces: bool,
    /// Bounds how many containers the engine is asked to make and start at the same time.
    pub(super) gate: Semaphore,
    /// Tasks that follow the engine; ended at teardown.
    pub(super) followers: PlainMutex<Vec<JoinHandle<()>>>,
    /// Whether somebody stopped waiting in the middle of making something: see [`Making`].
    pub(super) interrupted: AtomicBool,
}

/// Held while something is made on the engine. Dropped before [`Making::done`], it means that nobody waits for the
/// answer any more, and that the engine may still be at it when everything is removed.
#[derive(Debug)]
pub(super) struct Making<'run>(Option<&'run Run>);

impl Making<'_> {
    /// The engine has answered.
    pub(super) fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        if let Some(run) = self.0 {
            run.interrupted.store(true, Ordering::Relaxed);
        }
    }
}

/// A node of the run.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) process: Arc<NodeProcess>,
    /// Held while something is done to the node, so that two actions on one node come one after the other.
    pub(super) state: Mutex<NodeState>,
    /// Of the running container; apart from `state`, so that a probe never waits for an action.
    pub(super) namespace: PlainMutex<Option<Namespace>>,
}

/// What is known of a node's container.
#[derive(Debug, Default)]
pub(super) struct NodeState {
    /// Id of the container, once it is made.
    pub(super) container: Option<String>,
    /// Whether the init commands were run on the data folder as it is.
    pub(super) initialised: bool,
    /// Networks that the node was taken off.
    pub(super) detached: BTreeSet<NetworkName>,
    pub(super) paused: bool,
    /// Carries the output of the latest start.
    pub(super) log: Option<JoinHandle<()>>,
}

impl NodeState {
    /// The container's id.
    pub(super) fn container(&self, node: &NodeName) -> Result<&str, BackendError> {
        let id = self.container.as_deref();
        id.ok_or_else(|| BackendError::plain(format!("node {node} has no container: it was not made, or could not be")))
    }
}

impl Run {
    /// Something is being made from now on.
    pub(super) fn making(&self) -> Making<'_> {
        Making(Some(self))
    }

    /// The node with this name.
    pub(super) fn node(&self, name: &NodeName) -> Result<&Node, BackendError> {
        self.nodes.get(name).ok_or_else(|| BackendError::plain(format!("the run has no node {name}")))
    }

    /// The network with this name.
    pub(super) fn network(&self, name: &NetworkName) -> Result<&NetworkSpec, BackendError> {
        self.networks.get(name).ok_or_else(|| BackendError::plain(format!("the run has no network {name}")))
    }

    /// A node's process ended: lets go of its namespace, which would otherwise outlive it. By the time the node's turn
    /// comes it may run again, so the engine is asked.
    pub(super) fn ended(self: &Arc<Self>, name: &NodeName) {
        if !self.namespaces {
            return;
        }
        let (run, name) = (Arc::clone(self), name.clone());
        let task = tokio::spawn(async move {
            let Ok(node) = run.node(&name) else { return };
            let state = node.state.lock().await;
            let Ok(container) = state.container(&name) else { return };
            if !super::containers::is_running(&run, container).await.unwrap_or(true) {
                run.leave(node).await;
            }
        });
        self.follow(task);
    }

    /// Takes a node that does not run off the wire and forgets its namespace.
    pub(super) async fn leave(&self, node: &Node) {
        node.set_namespace(None);
        if let Some(wire) = &self.wire {
            wire.detach(&node.process).await;
        }
    }

    /// Remembers a task, to end it at teardown.
    pub(super) fn follow(&self, task: JoinHandle<()>) {
        let mut followers = self.followers.lock().expect("never poisoned: nothing under it panics");
        followers.retain(|task| !task.is_finished());
        followers.push(task);
    }
}

impl Node {
    /// The namespace of the node's running container, if it can be entered.
    pub(super) fn namespace(&self) -> Option<Namespace> {
        self.namespace.lock().expect("never poisoned: nothing under it panics").clone()
    }

    pub(super) fn set_namespace(&self, namespace: Option<Namespace>) {
        *self.namespace.lock().expect("never poisoned: nothing under it panics") = namespace;
    }
}
