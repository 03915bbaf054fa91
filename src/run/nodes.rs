//! One worker for each node: carries out the node's actions in order, while other nodes' workers go on beside it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::action::{Action, NodeName, RpcSpec, Signal};
use crate::backend::{Backend, BackendError};
use crate::journal::{NodePhase, What};
use crate::observe::{self, Dial};
use crate::plan::PlannedNode;

/// Orders that may wait for one node. A timeline gives a node far fewer at once.
const WAITING_ORDERS: usize = 64;

/// Something for a node to do.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// Make it.
    Create,
    /// Start it, wait until it is ready, make its API calls.
    BringUp,
    /// An action of the timeline, as part of a step.
    Act {
        /// Which step, to tell when all its parts are done.
        step: usize,
        /// Which part of it.
        part: usize,
        /// What.
        action: Action,
    },
}

/// What a worker tells the engine.
#[derive(Debug)]
pub(super) enum Report {
    /// A stage of the start is complete.
    Phase { node: NodeName, phase: NodePhase, at: Instant },
    /// The node did not become ready; what was seen last.
    NotReady { node: NodeName, last: String },
    /// An action of a step is done (or could not be done).
    Acted { step: usize, part: usize, at: Instant, error: Option<String> },
    /// A call of a step was answered or was not; `at` is when it was made.
    Called { step: usize, part: usize, at: Instant, answer: What },
    /// All nodes of a question have answered or have not.
    Answers { answers: Vec<What> },
    /// What nodes said of blocks in which their chains parted.
    Inspected { told: Vec<What> },
    /// A node could not be made or started.
    Failed { error: BackendError },
}

/// The workers of a run.
#[derive(Debug, Default)]
pub(super) struct Workers {
    orders: BTreeMap<NodeName, mpsc::Sender<Order>>,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts a worker for each node. `starts` bounds how many nodes are made or started at the same moment.
    pub(super) fn spawn(
        nodes: &[PlannedNode],
        backend: &Arc<Backend>,
        dial: &Arc<dyn Dial>,
        starts: usize,
        reports: &mpsc::Sender<Report>,
        cancel: &CancellationToken,
    ) -> Self {
        let mut workers = Self { orders: BTreeMap::new(), tasks: JoinSet::new() };
        let starts = Arc::new(Semaphore::new(starts));
        for node in nodes {
            let (sender, orders) = mpsc::channel(WAITING_ORDERS);
            workers.orders.insert(node.process.name.clone(), sender);
            let worker = Worker {
                name: node.process.name.clone(),
                node: node.clone(),
                backend: Arc::clone(backend),
                dial: Arc::clone(dial),
                starts: Arc::clone(&starts),
                reports: reports.clone(),
            };
            let cancel = cancel.clone();
            workers.tasks.spawn(async move {
                // The run's end drops a worker at an await point; teardown comes after that and knows what was made.
                let _ = cancel.run_until_cancelled(worker.work(orders)).await;
            });
        }
        workers
    }

    /// Hands an order to a node. Orders of one node are carried out in the order they were given.
    pub(super) async fn order(&self, node: &NodeName, order: Order) {
        if let Some(orders) = self.orders.get(node) {
            // A closed channel means that the run is ending; nothing is left to be done then.
            let _ = orders.send(order).await;
        }
    }

    /// Waits until all workers have ended, after their token was cancelled.
    pub(super) async fn join(mut self) {
        self.orders.clear();
        while self.tasks.join_next().await.is_some() {}
    }
}

struct Worker {
    name: NodeName,
    node: PlannedNode,
    backend: Arc<Backend>,
    dial: Arc<dyn Dial>,
    starts: Arc<Semaphore>,
    reports: mpsc::Sender<Report>,
}

impl Worker {
    async fn work(&self, mut orders: mpsc::Receiver<Order>) {
        // Waiting for a node to be ready must not hold up a fault that hits it meanwhile, so it goes on beside the
        // orders and is given up only when the process is ended.
        let mut becoming_ready: Option<BoxFuture<'_, ()>> = None;
        loop {
            let order = tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => order,
                    None => return,
                },
                () = async { becoming_ready.as_mut().expect("polled only if there").await }, if becoming_ready.is_some() => {
                    becoming_ready = None;
                    continue;
                }
            };
            match order {
                Order::Create => {
                    let _permit = self.starts.acquire().await;
                    match self.backend.create(&self.name).await {
                        Ok(()) => self.phase(NodePhase::Created).await,
                        Err(error) => self.tell(Report::Failed { error }).await,
                    }
                }
                Order::BringUp => {
                    let started = {
                        let _permit = self.starts.acquire().await;
                        self.backend.start(&self.name).await
                    };
                    match started {
                        Ok(()) => {
                            self.phase(NodePhase::Started).await;
                            becoming_ready = Some(Box::pin(self.become_ready()));
                        }
                        Err(error) => self.tell(Report::Failed { error }).await,
                    }
                }
                Order::Act { step, part, action } => {
                    if ends_process(&action) {
                        becoming_ready = None;
                    }
                    let error = self.act(&action).await.err().map(|error| describe(&error));
                    let failed = error.is_some();
                    self.tell(Report::Acted { step, part, at: Instant::now(), error }).await;
                    if matches!(action, Action::Start { .. }) && !failed {
                        self.phase(NodePhase::Started).await;
                        // Peers that are added by API are lost with the process: add them again.
                        becoming_ready = Some(Box::pin(self.become_ready()));
                    }
                }
            }
        }
    }

    async fn act(&self, action: &Action) -> Result<(), BackendError> {
        match action {
            // Not a worker's: links are swapped by the engine, calls are made beside all orders.
            Action::SetLinks { .. } | Action::Call { .. } => Ok(()),
            Action::Signal { signal, .. } => self.backend.signal(&self.name, *signal).await,
            Action::Start { .. } => self.backend.start(&self.name).await,
            Action::Wipe { .. } => self.backend.wipe(&self.name).await,
            Action::Detach { network, .. } => self.backend.detach(&self.name, network).await,
            Action::Attach { network, .. } => self.backend.attach(&self.name, network).await,
        }
    }

    async fn become_ready(&self) {
        let deadline = Instant::now() + self.node.ready.within;
        let ready = observe::ready(&self.name, &self.node.ready, &self.dial, deadline).await;
        if let Err(not_ready) = ready {
            return self.tell(Report::NotReady { node: self.name.clone(), last: not_ready.last }).await;
        }
        for call in &self.node.after_ready {
            // The port may be another one than that of the node's own calls, and then needs no login.
            let own = self.node.rpc.clone().filter(|rpc| rpc.port == call.port);
            let rpc = own.unwrap_or_else(|| RpcSpec::at(call.port));
            let called = observe::call(&self.dial, &self.name, &rpc, &call.method, &call.params, deadline).await;
            if let Err(error) = called {
                let last = format!("{} failed: {error}", call.method);
                return self.tell(Report::NotReady { node: self.name.clone(), last }).await;
            }
        }
        self.phase(NodePhase::Ready).await;
    }

    async fn phase(&self, phase: NodePhase) {
        self.tell(Report::Phase { node: self.name.clone(), phase, at: Instant::now() }).await;
    }

    async fn tell(&self, report: Report) {
        // A closed channel means that the run is ending.
        let _ = self.reports.send(report).await;
    }
}

/// An error with its causes on one line.
pub(super) fn describe(error: &BackendError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Whether an action makes the exit of its node's process expected.
pub(super) fn ends_process(action: &Action) -> bool {
    matches!(action, Action::Signal { signal: Signal::Kill | Signal::Stop, .. })
}

/// The node that an action is about.
pub(super) fn node_of(action: &Action) -> Option<&NodeName> {
    match action {
        Action::SetLinks { .. } => None,
        Action::Signal { node, .. }
        | Action::Start { node }
        | Action::Wipe { node }
        | Action::Detach { node, .. }
        | Action::Attach { node, .. }
        | Action::Call { node, .. } => Some(node),
    }
}
