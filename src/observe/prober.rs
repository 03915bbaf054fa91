//! One task for each node: polls its API at a steady pace and tells what changed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::chain::{Block, Chain};
use super::probe::{Branch, ErrorKind, Probe, ProbeError, Round, Slow};
use super::{Dial, Observation};
use crate::action::{AdapterSpec, NodeName};
use crate::journal::{BlockRecord, SIGHT_PROMISE, What};

/// Most blocks that are fetched for one new head. A node that adopts more at once leaves a gap in the journal.
const BACK_FILL: usize = 512;
/// Longest time that one request may take. Longer than a busy node needs, short enough to notice one that hangs.
const REQUEST_DEADLINE: Duration = Duration::from_secs(3);
/// Peers, finality and syncing are asked at most so often.
const SLOW_EVERY: Duration = Duration::from_secs(1);

/// What a prober must know.
#[derive(Clone, Debug)]
pub struct ProberSetup {
    /// Which node.
    pub node: NodeName,
    /// Its API.
    pub adapter: AdapterSpec,
    /// Time between two polls; 250 to 500 ms is a good choice.
    pub interval: Duration,
    /// When the run started: times in observations count from here.
    pub origin: Instant,
    /// How often the node's process was started, counted by whoever starts it. After each start the prober forgets what it
    /// told, so that everything is told of the new process too, however quickly it came.
    pub starts: Arc<AtomicU64>,
    /// Where observations go. When it is full the prober waits.
    pub sender: mpsc::Sender<Observation>,
    /// Ends the prober.
    pub cancel: CancellationToken,
}

/// How well a node was watched: the error bars of everything that was observed at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PollStatistics {
    /// Polls that were answered.
    pub answered: u64,
    /// Polls that were not.
    pub failed: u64,
    /// Longest time between two answers in a row, while the node was in sight.
    pub largest_gap: Duration,
    /// Longest time that an answer took.
    pub slowest_answer: Duration,
    /// When the node was last known to answer: its last answer, or the beginning of the watch if there was none. What
    /// [`What::PollGap`] says of the time before has been sent by then.
    pub last_answer: Option<Instant>,
}

/// A running prober.
#[derive(Debug)]
pub struct Prober {
    node: NodeName,
    statistics: Arc<Mutex<PollStatistics>>,
    task: JoinHandle<()>,
}

impl Prober {
    /// Starts probing. The task ends when it is cancelled or nobody listens any more.
    pub fn spawn(setup: ProberSetup, dial: Arc<dyn Dial>) -> Self {
        Self::spawn_with_deadline(setup, dial, REQUEST_DEADLINE)
    }

    /// Like [`Prober::spawn`], with another deadline for each request.
    pub(super) fn spawn_with_deadline(setup: ProberSetup, dial: Arc<dyn Dial>, deadline: Duration) -> Self {
        let statistics = PollStatistics { last_answer: Some(Instant::now()), ..PollStatistics::default() };
        let statistics = Arc::new(Mutex::new(statistics));
        let node = setup.node.clone();
        let watcher = Watcher {
            probe: Probe::new(dial, setup.node.clone(), &setup.adapter, deadline),
            node: setup.node,
            sender: setup.sender,
            statistics: Arc::clone(&statistics),
            origin: setup.origin,
            seen_starts: setup.starts.load(Ordering::Acquire),
            starts: setup.starts,
            chain: Chain::default(),
            had_head: false,
            in_sight: None,
            told_errors: BTreeSet::new(),
            told: Slow::default(),
            version: None,
            ask_version: true,
            slow_due: None,
        };
        let task = tokio::spawn(run(watcher, setup.interval, setup.cancel));
        Self { node, statistics, task }
    }

    /// Which node it watches.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// How well it was watched so far.
    pub fn statistics(&self) -> PollStatistics {
        *self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end of a prober that was cancelled.
    pub async fn finished(self) -> PollStatistics {
        // A panic in the task would be a bug that has been printed already; what was counted stays true.
        let _ = self.task.await;
        *self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run(mut watcher: Watcher, interval: Duration, cancel: CancellationToken) {
    // Probers of a run start together: without an offset all requests of all nodes would fall on the same instant.
    let offset = interval.mul_f64(share(&watcher.node));
    let mut pace = tokio::time::interval_at(tokio::time::Instant::now() + offset, interval);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let work = async {
        loop {
            pace.tick().await;
            if watcher.poll().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => {}
        () = work => {}
    }
}

/// A number from 0 to 1 out of the name, the same in every run.
fn share(node: &NodeName) -> f64 {
    let hash = node.as_str().bytes().fold(5381u32, |hash, byte| hash.wrapping_mul(33) ^ u32::from(byte));
    f64::from(hash % 1000) / 1000.0
}

/// Nobody listens any more.
struct Deaf;

struct Watcher {
    node: NodeName,
    probe: Probe,
    sender: mpsc::Sender<Observation>,
    statistics: Arc<Mutex<PollStatistics>>,
    origin: Instant,
    starts: Arc<AtomicU64>,
    /// The start that what was told is about.
    seen_starts: u64,
    chain: Chain,
    /// Whether it has named a head since it was last started.
    had_head: bool,
    /// When the last answer came; `None` while the node is out of sight.
    in_sight: Option<Instant>,
    /// Why it is out of sight, as far as that was told since it was last started or in sight.
    told_errors: BTreeSet<ErrorKind>,
    /// What was told last, to tell changes only.
    told: Slow,
    version: Option<String>,
    ask_version: bool,
    slow_due: Option<Instant>,
}

impl Watcher {
    /// One poll: the head, the blocks that came with it, and from time to time the rest.
    async fn poll(&mut self) -> Result<(), Deaf> {
        // Read before the question: an answer can only come from a later start than this, never from an earlier one.
        let starts = self.starts.load(Ordering::Acquire);
        if starts != self.seen_starts {
            self.seen_starts = starts;
            self.forget();
            self.told_errors.clear();
            self.had_head = false;
        }
        let asked = Instant::now();
        let head = self.probe.head().await;
        let at = Instant::now();
        let head = match head {
            Ok(None) if self.had_head => return self.failed(at, &ProbeError::HeadGone).await,
            Ok(head) => head,
            Err(error) => return self.failed(at, &error).await,
        };
        self.answered(asked, at).await?;
        if self.in_sight.replace(at).is_none() {
            self.tell(at, What::ProbeBack { node: self.node.clone() }).await?;
            self.forget();
            self.told_errors.clear();
        }
        if let Some(head) = head
            && self.chain.current_head() != Some(&head.hash)
            && let Err(error) = self.adopt(at, head).await?
        {
            return self.failed(Instant::now(), &error).await;
        }
        if self.slow_due.is_none_or(|due| at >= due) {
            self.slow_due = Some(at + SLOW_EVERY);
            if let Err(error) = self.slow().await? {
                return self.failed(Instant::now(), &error).await;
            }
        }
        Ok(())
    }

    /// A new head: fetches what is not known of its ancestors, then tells blocks (oldest first), reorganisation, head.
    async fn adopt(&mut self, at: Instant, head: Block) -> Result<Result<(), ProbeError>, Deaf> {
        let mut fresh = vec![head];
        let mut failure = None;
        while let Some(lowest) = fresh.last().filter(|_| fresh.len() < BACK_FILL) {
            let known = |hash: &String| self.chain.knows(hash);
            if lowest.height == 0 || self.chain.knows(&lowest.hash) || lowest.parent.as_ref().is_none_or(known) {
                break;
            }
            if lowest.height.checked_sub(1).is_some_and(|height| self.chain.has_forgotten(height)) {
                break;
            }
            match self.probe.parent(lowest).await {
                Ok(Some(parent)) => fresh.push(parent),
                Ok(None) => break,
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        self.had_head = true;
        // Half a way down is told all the same: it was seen. What is missing below stays a gap.
        let head = fresh[0].clone();
        for mut block in fresh.into_iter().rev() {
            if self.chain.learn(&block) {
                if failure.is_none() {
                    failure = self.probe.complete(&mut block).await.err();
                }
                self.tell(at, What::Block(record(&self.node, block))).await?;
            }
        }
        let old = self.chain.head().map(str::to_owned);
        if let (Some(from), Some(reorganisation)) = (old, self.chain.set_head(&head.hash, head.height)) {
            let what = What::Reorg {
                node: self.node.clone(),
                from,
                to: head.hash.clone(),
                depth: reorganisation.depth,
                blocks: reorganisation.blocks,
                exact: reorganisation.exact,
            };
            self.tell(at, what).await?;
        }
        let Block { height, hash, parent, .. } = head;
        self.tell(at, What::Head { node: self.node.clone(), height, hash, parent }).await?;
        Ok(failure.map_or(Ok(()), Err))
    }

    /// Version, finality, peers, syncing.
    async fn slow(&mut self) -> Result<Result<(), ProbeError>, Deaf> {
        let node = || self.node.clone();
        if self.ask_version {
            match self.probe.version().await {
                Ok(version) => {
                    self.ask_version = false;
                    if let Some(version) = version.filter(|version| self.version.as_ref() != Some(version)) {
                        self.version = Some(version.clone());
                        self.tell(Instant::now(), What::Version { node: node(), version }).await?;
                    }
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        let slow = match self.probe.slow(&self.chain).await {
            Ok(slow) => slow,
            Err(error) => return Ok(Err(error)),
        };
        let at = Instant::now();
        let told = std::mem::take(&mut self.told);
        if let Some((height, hash)) = slow.justified.clone().filter(|_| slow.justified != told.justified) {
            self.tell(at, What::Justified { node: node(), height, hash }).await?;
        }
        if let Some((height, hash)) = slow.finalized.clone().filter(|_| slow.finalized != told.finalized) {
            self.tell(at, What::Finalized { node: node(), height, hash }).await?;
        }
        if let Some((height, hash)) = slow.safe.clone().filter(|_| slow.safe != told.safe) {
            self.tell(at, What::Safe { node: node(), height, hash }).await?;
        }
        for branch in
            slow.branches.iter().flatten().filter(|branch| !told.branches.iter().flatten().any(|old| &old == branch))
        {
            let Branch { height, hash, length, status } = branch.clone();
            self.tell(at, What::Branch { node: node(), height, hash, length, status }).await?;
        }
        // Only rounds are told, not each step of one: a node that makes blocks would fill the journal.
        let place = |slow: &Slow| slow.round.as_ref().map(|round| (round.height, round.round));
        if let Some(Round { height, round, step }) = slow.round.clone().filter(|_| place(&slow) != place(&told)) {
            self.tell(at, What::Round { node: node(), height, round, step }).await?;
        }
        if let Some(count) = slow.peers.filter(|_| slow.peers != told.peers) {
            self.tell(at, What::Peers { node: node(), count }).await?;
        }
        if let Some(syncing) = slow.syncing.filter(|_| slow.syncing != told.syncing) {
            self.tell(at, What::Syncing { node: node(), syncing }).await?;
        }
        // What the API did not give this time is told again when it does.
        self.told = slow;
        Ok(Ok(()))
    }

    /// Nothing that was told holds for what answers from now on: all of it is told again.
    fn forget(&mut self) {
        self.chain.out_of_sight();
        self.told = Slow::default();
        (self.version, self.ask_version, self.slow_due) = (None, true, None);
    }

    async fn answered(&self, asked: Instant, at: Instant) -> Result<(), Deaf> {
        let before = self.statistics.lock().unwrap_or_else(PoisonError::into_inner).last_answer.unwrap_or(asked);
        if let Some(gap) = poll_gap(&self.node, self.origin, before, at) {
            self.tell(at, gap).await?;
        }
        let mut statistics = self.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        statistics.answered += 1;
        statistics.slowest_answer = statistics.slowest_answer.max(at - asked);
        if let Some(last) = self.in_sight {
            statistics.largest_gap = statistics.largest_gap.max(at - last);
        }
        statistics.last_answer = Some(at);
        Ok(())
    }

    /// The node could not be seen. That is told at the first failure after a success or a start, and again whenever there is
    /// another kind of reason for it.
    async fn failed(&mut self, at: Instant, error: &ProbeError) -> Result<(), Deaf> {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner).failed += 1;
        self.chain.out_of_sight();
        self.in_sight = None;
        if self.told_errors.insert(error.kind()) {
            self.tell(at, What::ProbeLost { node: self.node.clone(), error: error.to_string() }).await?;
        }
        Ok(())
    }

    async fn tell(&self, at: Instant, what: What) -> Result<(), Deaf> {
        let observation = Observation { node: self.node.clone(), at, what };
        self.sender.send(observation).await.map_err(|_| Deaf)
    }
}

/// What is said of the time between two answers, if it is longer than is promised. Times count from `origin`.
pub fn poll_gap(node: &NodeName, origin: Instant, from: Instant, to: Instant) -> Option<What> {
    if to.saturating_duration_since(from) <= Duration::from_micros(SIGHT_PROMISE) {
        return None;
    }
    let micros = |instant: Instant| instant.saturating_duration_since(origin).as_micros() as u64;
    Some(What::PollGap { node: node.clone(), from: micros(from), to: micros(to) })
}

fn record(node: &NodeName, block: Block) -> BlockRecord {
    BlockRecord {
        node: node.clone(),
        height: block.height,
        hash: block.hash,
        parent: block.parent.unwrap_or_default(),
        producer: block.producer,
        state_root: block.roots.state,
        receipts_root: block.roots.receipts,
        gas_used: block.roots.gas_used,
        execution: block.roots.execution,
    }
}
