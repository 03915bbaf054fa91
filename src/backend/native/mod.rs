//! Child processes of a run: every node in a network namespace, a mount namespace and, where this user may make one, a
//! control group of its own.
//!
//! Needs no container engine and, where the kernel lets ordinary users make user namespaces, no root either.

mod before_exec;
mod capabilities;
mod clean;
mod folder;
mod group;
mod launch;
mod limits;
mod marks;
mod names;
mod node;
mod prepare;
mod processes;
mod state;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};

use super::fabric::{DeviceSetup, Privilege, Wire, privilege};
use super::{BackendError, BackendEvent, LinkCounters, LogSink, Owner, RunSetup};
use crate::action::{Capabilities, NetworkName, NetworkSpec, NodeName, NodeProcess, RunId, Signal};
use crate::link::LinkTable;
use limits::GroupHome;
use node::Node;

pub use super::fabric::{enter_user_namespace, user_namespace_remedy};
pub use clean::clean;
pub use marks::{NODE as NODE_VARIABLE, OWNER as OWNER_VARIABLE, RUN as RUN_VARIABLE};
pub use state::{state_folder, state_root};

/// The interface of every node.
const INTERFACE: &str = "eth0";

/// How long a connection inside a node's own namespace may take.
const DIAL: Duration = Duration::from_secs(2);

/// Nodes that are made at the same time. The kernel makes namespaces one after another anyhow; more would only wait.
const MADE_AT_ONCE: usize = 8;

/// The native backend of one run. See [`super::Backend`] for what the methods do.
#[derive(Debug)]
pub struct NativeBackend {
    common: Arc<Common>,
    nodes: BTreeMap<NodeName, Arc<Node>>,
    making: Semaphore,
    /// Networks that each node is detached from at present.
    detached: tokio::sync::Mutex<BTreeMap<NodeName, Vec<NetworkName>>>,
}

/// What all nodes of the run share.
#[derive(Debug)]
struct Common {
    run: RunId,
    scenario: String,
    owner: Owner,
    networks: Vec<NetworkSpec>,
    logs: LogSink,
    events: mpsc::Sender<BackendEvent>,
    /// Nobody takes events any more.
    closing: AtomicBool,
    /// `None` once it is taken down.
    wire: Mutex<Option<Arc<Wire>>>,
    /// Whether the run asked for a wire; its counters are shown only then.
    counted: bool,
    groups: GroupHome,
    /// Whether nodes have a view of the machine's files of their own.
    views: bool,
    /// All nodes, for their names.
    processes: Vec<Arc<NodeProcess>>,
}

impl NativeBackend {
    /// What this machine and user can do. Where an ordinary user calls it outside of a user namespace, the answer is that
    /// no node can be started: see [`enter_user_namespace`].
    pub async fn capabilities() -> Capabilities {
        tokio::task::spawn_blocking(capabilities::ask).await.expect("asking does not panic")
    }

    /// Checks what can be checked before anything is made, and starts the wire.
    pub async fn prepare(setup: RunSetup) -> Result<Self, BackendError> {
        prepare::prepare(setup).await
    }

    fn node(&self, node: &NodeName) -> Result<&Arc<Node>, BackendError> {
        self.nodes.get(node).ok_or_else(|| BackendError::plain(format!("there is no node {node} in this run")))
    }

    /// Makes a node's folder, namespace and device.
    pub async fn create(&self, node: &NodeName) -> Result<(), BackendError> {
        let (node, common) = (Arc::clone(self.node(node)?), Arc::clone(&self.common));
        let _place = self.making.acquire().await.expect("the semaphore is never closed");
        let step = format!("cannot make node {}", node.process.name);
        tokio::task::spawn_blocking(move || node.make(&common)).await.map_err(|error| BackendError::new(step, error))?
    }

    /// Runs init commands that are due and starts the process.
    pub async fn start(&self, node: &NodeName) -> Result<(), BackendError> {
        self.node(node)?.start(&self.common).await
    }

    /// Sends a signal to all processes of the node.
    pub async fn signal(&self, node: &NodeName, signal: Signal) -> Result<(), BackendError> {
        self.node(node)?.signal(signal, &self.common).await
    }

    /// Empties the data folder of a stopped node; everything else that it wrote goes as well.
    pub async fn wipe(&self, node: &NodeName) -> Result<(), BackendError> {
        self.node(node)?.wipe().await
    }

    /// Takes the node's interface down; where the node is in other networks too, only its address in this one.
    pub async fn detach(&self, node: &NodeName, network: &NetworkName) -> Result<(), BackendError> {
        self.connect(node, network, false).await
    }

    /// Undoes `detach`.
    pub async fn attach(&self, node: &NodeName, network: &NetworkName) -> Result<(), BackendError> {
        self.connect(node, network, true).await
    }

    async fn connect(&self, name: &NodeName, network: &NetworkName, present: bool) -> Result<(), BackendError> {
        let node = self.node(name)?;
        let verb = if present { "attach" } else { "detach" };
        let step = format!("cannot {verb} node {name} and network {network}");
        let Some(attachment) = node.process.attachments.iter().find(|place| &place.network == network) else {
            return Err(BackendError::plain(format!("{step}: the node is not in it")));
        };
        let (address, index) = (attachment.address, node.process.index);
        let only_one = node.process.attachments.len() == 1;
        let wire = self.common.wire()?;
        // Held over the change, so that two changes of one node cannot end in a state that neither asked for.
        let mut detached = self.detached.lock().await;
        let done = tokio::task::spawn_blocking(move || {
            if only_one { wire.set_interface_up(index, present) } else { wire.set_address(index, address, present) }
        });
        let done = done.await.map_err(io::Error::other).and_then(|done| done);
        done.map_err(|error| BackendError::new(step, error))?;
        let networks = detached.entry(name.clone()).or_default();
        networks.retain(|other| other != network);
        if !present {
            networks.push(network.clone());
        }
        Ok(())
    }

    /// Swaps the links' state.
    pub fn set_links(&self, table: Arc<LinkTable>) -> Result<Instant, BackendError> {
        let wire = self.common.wire()?;
        wire.set_links(table).map_err(|error| BackendError::new("cannot change links", error))
    }

    /// Counters of all links that ever saw a packet. Empty if the run asked for no wire.
    pub fn link_counters(&self) -> Vec<LinkCounters> {
        match self.common.wire() {
            Ok(wire) if self.common.counted => wire.counters(),
            _ => Vec::new(),
        }
    }

    /// Connects to a port of the node from inside its namespace.
    pub async fn dial(&self, node: &NodeName, port: u16) -> io::Result<TcpStream> {
        let node = self.node(node).map_err(io::Error::other)?;
        let namespace = node.namespace()?;
        let address = node.process.address();
        let dialled = tokio::task::spawn_blocking(move || {
            namespace
                .dial(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), DIAL)
                .or_else(|_| namespace.dial(SocketAddr::from((address, port)), DIAL))
        });
        TcpStream::from_std(dialled.await.map_err(io::Error::other)??)
    }

    /// One command line for each node.
    pub fn how_to_look(&self) -> BTreeMap<NodeName, String> {
        let user = match privilege() {
            Privilege::UserNamespace => " -U --preserve-credentials",
            Privilege::Root | Privilege::None => "",
        };
        let enter = format!("nsenter{user}{} -n", if self.common.views { " -m" } else { "" });
        let look = |node: &Node| {
            let log = self.common.logs.path(&node.process.name);
            match node.pid() {
                Some(pid) => format!("{enter} -t {pid}    # a shell in the node; its log: {}", log.display()),
                None => format!("less {}    # its process does not run", log.display()),
            }
        };
        self.nodes.iter().map(|(name, node)| (name.clone(), look(node))).collect()
    }

    /// Ends all processes, then takes the network down. Never stops at an error.
    pub async fn teardown(&self) -> Vec<BackendError> {
        self.common.closing.store(true, Ordering::Release);
        // Held until the end: while a namespace is there nobody else's gets its number.
        let held: Vec<_> = self.nodes.values().filter_map(|node| node.namespace().ok()).collect();
        let networks: BTreeSet<u64> = held.iter().filter_map(|namespace| namespace.inode().ok()).collect();
        let ends = self.nodes.values().rev().map(|node| node.close());
        let mut errors: Vec<BackendError> = futures::future::join_all(ends).await.into_iter().flatten().collect();
        let (common, wire) = (Arc::clone(&self.common), self.common.take_wire());
        let nodes: Vec<_> = self.nodes.values().cloned().collect();
        let swept = tokio::task::spawn_blocking(move || {
            drop(wire);
            let mut errors: Vec<_> = common.kill_strays(&networks).into_iter().collect();
            errors.extend(nodes.iter().rev().filter_map(|node| node.remove_group()));
            drop(held);
            errors
        });
        match swept.await {
            Ok(more) => errors.extend(more),
            Err(error) => errors.push(BackendError::new("cannot take the wire down", error)),
        }
        errors
    }
}

impl Common {
    fn wire(&self) -> Result<Arc<Wire>, BackendError> {
        let wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner).clone();
        wire.ok_or_else(|| BackendError::plain("the run's network is taken down already"))
    }

    fn take_wire(&self) -> Option<Arc<Wire>> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The device of a node: it has the node's addresses, with their networks as on-link routes.
    fn device_of(&self, node: &NodeProcess) -> Result<DeviceSetup, BackendError> {
        let mut networks = Vec::new();
        for place in &node.attachments {
            let Some(network) = self.networks.iter().find(|network| network.name == place.network) else {
                let step = format!("node {} is in network {}, which this run does not have", node.name, place.network);
                return Err(BackendError::plain(step));
            };
            networks.push((place.address, network.prefix));
        }
        Ok(DeviceSetup::own(INTERFACE, &networks))
    }

    /// Tells the engine something, and waits while it has no time; not during teardown, when it may not listen any more.
    async fn tell(&self, event: BackendEvent) {
        loop {
            if self.closing.load(Ordering::Acquire) {
                let _ = self.events.try_send(event);
                return;
            }
            match self.events.send_timeout(event.clone(), Duration::from_millis(100)).await {
                Ok(()) | Err(mpsc::error::SendTimeoutError::Closed(_)) => return,
                Err(mpsc::error::SendTimeoutError::Timeout(_)) => {}
            }
        }
    }

    /// Tells the engine something if there is room at once; gives it back if not.
    fn try_tell(&self, event: BackendEvent) -> Option<BackendEvent> {
        match self.events.try_send(event) {
            Err(mpsc::error::TrySendError::Full(event)) => Some(event),
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => None,
        }
    }

    /// Ends whatever is left in the nodes' networks, and what left them but carries the run's marks.
    fn kill_strays(&self, networks: &BTreeSet<u64>) -> Option<BackendError> {
        let owner = self.owner.to_string();
        let ours = |marks: &marks::Marks| marks.run == self.run.as_str() && marks.owner == owner;
        let left = processes::sweep(networks, ours, node::DYING).err()?;
        Some(BackendError::new("cannot end everything that the nodes started", left))
    }
}
