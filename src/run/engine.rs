//! The event loop of a run: what can happen stands in one `select!`, what is done about it in one method each.

mod ending;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::answers::Answers;
use super::asks::Asks;
use super::calls::Calls;
use super::clock::RunClock;
use super::dialer::{BackendDialer, Shortage};
use super::genesis_time::{GenesisWork, Settled, genesis_seconds, instant_of, timeline_zero};
use super::inspector::Inspector;
use super::link_timer::{LinkTimer, Swapped};
use super::lives::Lives;
use super::logs::LogWatch;
use super::nodes::{Order, Report, Workers, describe};
use super::pressure::PressureMeter;
use super::pulse::Pulse;
use super::recent::RecentBlocks;
use super::record::run_record;
use super::scribe::Scribe;
use super::timeline::Timeline;
use super::{End, HeadCount, JournalFailed, Outcome, Progress, Request};
use crate::action::{BackendKind, NodeName, NodeProcess, Seeds};
use crate::backend::docker::{self, DockerBackend};
use crate::backend::native::NativeBackend;
use crate::backend::{Backend, BackendError, BackendEvent, LogSink, RunSetup, WireSetup, ended_by_signal};
use crate::genesis::Prepared;
use crate::journal::{LinkCounterRecord, NodePhase, What};
use crate::observe::{Dial, Observation, Prober, ProberSetup};

/// How often link counters are journalled while the timeline runs.
const COUNTER_INTERVAL: Duration = Duration::from_secs(5);
/// Bound of each channel into the loop; senders wait when it is full.
const CHANNEL: usize = 4096;

/// A run in progress.
pub(super) struct Engine {
    request: Request,
    clock: RunClock,
    scribe: Scribe,
    logs: LogWatch,
    /// Where nodes' logs are written, once the backend has been told.
    log_files: Option<LogSink>,
    marks: mpsc::Receiver<What>,
    mark_sender: mpsc::Sender<What>,
    phases: BTreeMap<NodeName, NodePhase>,
    /// Starts and ends of each node's process, to tell an exit that the timeline asked for from one that it did not.
    lives: BTreeMap<NodeName, Lives>,
    /// When each node's process was started last, and how often; its prober knows the number.
    starts: BTreeMap<NodeName, (Option<Instant>, Arc<AtomicU64>)>,
    pulse: Option<Pulse>,
    /// When the whole tool stood still.
    standstills: mpsc::Receiver<What>,
    heads: BTreeMap<NodeName, (u64, String)>,
    recent: RecentBlocks,
    answers: Answers,
    inspector: Inspector,
    asks: Asks,
    /// Rounds of asking that are under way.
    asking: usize,
    counters: BTreeMap<(u16, u16), LinkCounterRecord>,
    zero: Option<Instant>,
    /// When the chain begins, for chains whose genesis lies ahead; the timeline does not start before.
    genesis: Option<Instant>,
    /// All nodes are ready; the timeline starts then.
    zero_due: Option<Instant>,
    first_start: Option<Instant>,
    last_start: Option<Instant>,
    pressure: PressureMeter,
    worst_fault_error: Option<Duration>,
    worst_poll_gap: Option<Duration>,
    trouble: Option<BackendError>,
    record_failed: bool,
    /// Told by whoever opens connections to nodes.
    shortage: Shortage,
}

/// The parts that exist once the backend does.
struct Running {
    backend: Arc<Backend>,
    workers: Workers,
    calls: Calls,
    dial: Arc<dyn Dial>,
    probes: Vec<Prober>,
    observations: mpsc::Receiver<Observation>,
    observation_sender: mpsc::Sender<Observation>,
    reports: mpsc::Receiver<Report>,
    events: mpsc::Receiver<BackendEvent>,
    timeline: Timeline,
    link_timer: Option<LinkTimer>,
    /// The swap of the next step, if it changes links.
    next_links: Option<oneshot::Receiver<Swapped>>,
    cancel: CancellationToken,
}

impl Engine {
    /// Opens the journal and writes its first line.
    pub(super) fn begin(request: Request) -> Result<Self, JournalFailed> {
        let clock = RunClock::start();
        let failed = |source| JournalFailed { path: request.journal.clone(), source };
        let mut scribe = Scribe::begin(&request.journal, request.ballast.clone()).map_err(failed)?;
        let mut record = run_record(&request);
        let (pulse, standstills) = match Pulse::start(clock) {
            Ok((pulse, standstills)) => (Some(pulse), standstills),
            Err(error) => {
                tracing::warn!("no thread can be started that would see this tool stand still: {error}");
                record.promises = 0;
                (None, mpsc::channel(1).1)
            }
        };
        scribe.append(0, What::Run(record));
        let (mark_sender, marks) = mpsc::channel(CHANNEL);
        let asks = Asks::new(&request.plan.questions);
        let answers = Answers::new(&request.plan);
        let inspector = Inspector::new(&request.plan);
        Ok(Self {
            logs: LogWatch::new(&request.plan, &request.log_patterns),
            log_files: None,
            request,
            clock,
            scribe,
            marks,
            mark_sender,
            phases: BTreeMap::new(),
            lives: BTreeMap::new(),
            starts: BTreeMap::new(),
            pulse,
            standstills,
            heads: BTreeMap::new(),
            recent: RecentBlocks::default(),
            asks,
            answers,
            inspector,
            asking: 0,
            counters: BTreeMap::new(),
            pressure: PressureMeter::start(),
            zero: None,
            genesis: None,
            zero_due: None,
            first_start: None,
            last_start: None,
            worst_fault_error: None,
            worst_poll_gap: None,
            trouble: None,
            record_failed: false,
            shortage: Shortage::default(),
        })
    }

    /// Runs everything and takes it down again.
    pub(super) async fn drive(mut self) -> Outcome {
        let (event_sender, mut events) = mpsc::channel(CHANNEL);
        let prepared = self.prepare(event_sender).await;
        let mut how_to_look = BTreeMap::new();
        let mut teardown_errors = Vec::new();
        let mut kept = None;
        let end = match prepared {
            Err(_) if *self.request.interrupts.borrow() > 0 => {
                self.write(What::Interrupted);
                self.write(What::TimelineEnded { reason: End::Interrupted.word().to_owned() });
                End::Interrupted
            }
            Err(error) => {
                self.note_trouble(error);
                self.write(What::TimelineEnded { reason: End::Trouble.word().to_owned() });
                End::Trouble
            }
            Ok(backend) => {
                let mut running = self.set_going(Arc::new(backend), events);
                let end = self.watch(&mut running).await;
                self.wind_down(&mut running, end).await;
                let Running { backend, workers, calls, mut observations, reports, events: later_events, .. } = running;
                drop((workers, calls, reports));
                events = later_events;
                observations.close();
                if self.request.keep {
                    how_to_look = backend.how_to_look();
                    kept = Some(backend);
                } else {
                    teardown_errors = self.tear_down(&backend, &mut events).await;
                }
                end
            }
        };
        if let Some(Err(error)) = self.log_files.as_ref().filter(|_| !self.request.keep).map(LogSink::finish) {
            tracing::warn!("the ends of nodes' logs are left in files of their own: {error}");
        }
        // What failed after the timeline's end ends nothing any more, and is told all the same.
        self.note_lost_record();
        let starts = self.phases.values().filter(|phase| **phase >= NodePhase::Started).count();
        let starting = self.first_start.zip(self.last_start).map(|(first, last)| (last - first).as_secs_f64());
        Outcome {
            end,
            trouble: self.trouble,
            start_up: self.zero.map(|zero| Duration::from_micros(self.clock.micros(zero))),
            starts_per_second: starting.filter(|seconds| *seconds > 0.0).map(|seconds| starts as f64 / seconds),
            total: self.clock.elapsed(),
            worst_fault_error: self.worst_fault_error,
            worst_poll_gap: self.worst_poll_gap,
            record_failed: self.record_failed,
            teardown_errors,
            how_to_look,
            kept,
        }
    }

    /// Images first, which may take minutes; only then genesis time is settled and the rest is made.
    async fn prepare(&mut self, events: mpsc::Sender<BackendEvent>) -> Result<Backend, BackendError> {
        let genesis = GenesisWork::begin(&self.request.plan);
        if self.request.plan.backend == BackendKind::Native {
            let setup = self.setup(events, genesis.done().await?);
            return NativeBackend::prepare(setup).await.map(Backend::Native);
        }
        let processes = self.request.plan.nodes.iter().map(|node| &node.process);
        let images: BTreeMap<_, _> =
            processes.filter_map(|process| Some((process.client.clone(), process.image.clone()?))).collect();
        let images: Vec<_> = images.into_iter().collect();
        let progress = self.backend_progress();
        let mut interrupts = self.request.interrupts.clone();
        let built = tokio::select! {
            built = docker::build_images(&images, &progress) => built?,
            // Nothing of the run exists yet; whether an image is ready or not is no harm to the next run.
            () = interrupted(&mut interrupts) => return Err(BackendError::plain("interrupted while images were made")),
        };
        for image in built {
            image?;
        }
        let setup = self.setup(events, genesis.done().await?);
        DockerBackend::prepare(setup).await.map(Backend::Docker)
    }

    fn backend_progress(&self) -> crate::backend::Progress {
        let progress = Arc::clone(&self.request.progress);
        crate::backend::Progress(Arc::new(move |line| progress(Progress::Note(line))))
    }

    /// What the backend is told; genesis time is settled here.
    fn setup(&mut self, events: mpsc::Sender<BackendEvent>, prepared: Option<Prepared>) -> RunSetup {
        let plan = &self.request.plan;
        let genesis = plan.genesis_delay.map(genesis_seconds);
        self.genesis = genesis.map(instant_of);
        let settled = genesis.map(|seconds| Settled::new(seconds, prepared.as_ref()));
        if let Some(Err(error)) =
            settled.as_ref().map(|settled| settled.keep(&self.request.journal.with_file_name("genesis")))
        {
            (self.request.progress)(Progress::Note(format!("the genesis files are not among the results: {error}")));
        }
        let filled = |process: &NodeProcess| match &settled {
            Some(settled) => settled.fill(process.clone()),
            None => process.clone(),
        };
        let nodes = plan.nodes.iter().map(|node| Arc::new(filled(&node.process))).collect();
        let table = Timeline::new(plan).base_table();
        let watcher = self.logs.watcher(self.mark_sender.clone());
        let logs = LogSink::limited(&self.request.logs, watcher, self.request.log_limit);
        self.scribe.give_way(logs.clone());
        self.log_files = Some(logs.clone());
        RunSetup {
            run: self.request.run.clone(),
            scenario: plan.scenario.clone(),
            networks: plan.networks.clone(),
            nodes,
            wire: plan.wire.then(|| WireSetup { seeds: Seeds::root(plan.seed).child("wire"), table }),
            logs,
            events,
            state: self.request.state.clone(),
            progress: self.backend_progress(),
        }
    }

    fn set_going(&mut self, backend: Arc<Backend>, events: mpsc::Receiver<BackendEvent>) -> Running {
        let (report_sender, reports) = mpsc::channel(CHANNEL);
        let (observation_sender, observations) = mpsc::channel(CHANNEL);
        let cancel = CancellationToken::new();
        let dial: Arc<dyn Dial> =
            Arc::new(BackendDialer { backend: Arc::clone(&backend), shortage: self.shortage.clone() });
        let plan = &self.request.plan;
        let starts = backend.concurrent_starts();
        let workers = Workers::spawn(&plan.nodes, &backend, &dial, starts, &report_sender, &cancel);
        let calls = Calls::new(&dial, &report_sender, &cancel);
        Running {
            backend,
            workers,
            calls,
            dial,
            probes: Vec::new(),
            observations,
            observation_sender,
            reports,
            events,
            timeline: Timeline::new(plan),
            link_timer: None,
            next_links: None,
            cancel,
        }
    }

    /// The event loop, from the first order to the timeline's end.
    async fn watch(&mut self, running: &mut Running) -> End {
        let nodes: Vec<_> =
            self.request.plan.nodes.iter().map(|node| (node.process.name.clone(), node.start_at)).collect();
        for (name, start_at) in &nodes {
            running.workers.order(name, Order::Create).await;
            // Nodes that start later are started by a step of the timeline.
            if start_at.is_none() {
                running.workers.order(name, Order::BringUp).await;
            }
        }
        let mut interrupts = self.request.interrupts.clone();
        let timeout_at = tokio::time::Instant::now() + self.request.plan.timeout;
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut last_counters = Instant::now();
        loop {
            if *interrupts.borrow() > 0 {
                self.write(What::Interrupted);
                return End::Interrupted;
            }
            self.note_lost_record();
            if let Some(shortage) = self.shortage.take() {
                self.note_trouble(shortage);
            }
            if self.trouble.is_some() {
                return End::Trouble;
            }
            let step_due = self.zero.zip(running.timeline.next_at()).map(|(zero, at)| zero + at);
            let ask_due = self.zero.and_then(|zero| self.asks.due(zero));
            // What is asked at the end belongs to the timeline: it ends with the answers.
            let answered = self.asks.is_empty() && self.asking == 0;
            let end_due = self.end_due(&running.timeline, timeout_at.into()).filter(|_| answered);
            let zero_due = self.zero_due.filter(|_| self.zero.is_none());
            tokio::select! {
                biased;
                () = until(zero_due), if zero_due.is_some() => self.start_timeline(running),
                () = until(step_due), if step_due.is_some() => self.take_step(running).await,
                () = until(ask_due), if ask_due.is_some() => self.ask(running),
                () = until(end_due), if end_due.is_some() => return End::Complete,
                // Seen at the top of the loop.
                () = interrupted(&mut interrupts) => {}
                Some(report) = running.reports.recv() => self.on_report(running, report),
                Some(event) = running.events.recv() => self.on_backend_event(event),
                Some(observation) = running.observations.recv() => self.on_observation(observation),
                Some(mark) = self.marks.recv() => self.write(mark),
                Some(standstill) = self.standstills.recv() => self.note_standstill(standstill),
                _ = second.tick() => {
                    self.tick(running);
                    for count in self.logs.counts_ahead_of_marks() {
                        self.write(count);
                    }
                    self.inspect(running, false);
                    if last_counters.elapsed() >= COUNTER_INTERVAL {
                        last_counters = Instant::now();
                        self.write_pressure();
                        if self.zero.is_some() {
                            self.write_counters(&running.backend);
                        }
                    }
                }
                () = sleep_until(timeout_at) => return End::Timeout,
            }
        }
    }

    fn on_report(&mut self, running: &mut Running, report: Report) {
        match report {
            Report::Phase { node, phase, at } => {
                if phase == NodePhase::Started {
                    let (last, count) = self.starts.entry(node.clone()).or_default();
                    *last = Some(at);
                    count.fetch_add(1, Ordering::AcqRel);
                    self.lives.entry(node.clone()).or_default().starts += 1;
                    self.first_start.get_or_insert(at);
                    if self.zero.is_none() {
                        self.last_start = Some(at);
                    }
                }
                let first_time = self.phases.get(&node).is_none_or(|before| *before < NodePhase::Ready);
                if phase == NodePhase::Ready && first_time {
                    self.start_probe(running, &node);
                }
                self.write_at(at, What::Node { node: node.clone(), phase });
                let highest = self.phases.get(&node).copied().map_or(phase, |before| before.max(phase));
                self.phases.insert(node, highest);
                self.perhaps_start_timeline();
            }
            Report::NotReady { node, last } => {
                self.write(What::Node { node: node.clone(), phase: NodePhase::NotReady });
                if self.zero.is_some() {
                    let message = format!("{node} did not become ready again: {last}");
                    (self.request.progress)(Progress::Trouble(message.clone()));
                    return self.write(What::Trouble { message });
                }
                let mut step = format!("{node} did not become ready: {last}");
                for line in self.logs.last_lines(&node) {
                    step.push_str("\n    ");
                    step.push_str(&line);
                }
                let log = self.request.logs.join(format!("{node}.log"));
                self.note_trouble(BackendError::plain(step).remedy(format!("its whole log is {}", log.display())));
            }
            Report::Acted { step, part, at, error } => {
                if let Some(error) = &error {
                    (self.request.progress)(Progress::Trouble(error.clone()));
                }
                running.timeline.acted(step, part, at, error);
                let progressed = running.timeline.progressed();
                self.write_faults(progressed);
            }
            Report::Called { step, part, at, answer } => {
                let error = match &answer {
                    What::Called { node, error: Some(error), .. } => Some(format!("{node}: {error}")),
                    _ => None,
                };
                if let Some(error) = &error {
                    (self.request.progress)(Progress::Trouble(error.clone()));
                }
                self.answers.note(&answer);
                self.write(answer);
                running.timeline.acted(step, part, at, error);
                let progressed = running.timeline.progressed();
                self.write_faults(progressed);
            }
            Report::Answers { answers } => {
                self.asking = self.asking.saturating_sub(1);
                for answer in answers {
                    self.write(answer);
                }
            }
            Report::Inspected { told } => {
                self.inspector.under_way = self.inspector.under_way.saturating_sub(1);
                for what in told {
                    self.write(what);
                }
            }
            Report::Failed { error } => self.note_trouble(error),
        }
    }

    /// Has nodes asked about blocks in which their chains parted.
    fn inspect(&mut self, running: &mut Running, at_the_end: bool) {
        for job in self.inspector.due(&self.recent, Instant::now(), at_the_end) {
            running.calls.inspect(job);
        }
    }

    /// The timeline's zero comes when all nodes that start at once are ready and the chain has begun ([`timeline_zero`]).
    fn perhaps_start_timeline(&mut self) {
        if self.zero.is_some() {
            return;
        }
        let at_once: Vec<_> = self.request.plan.nodes.iter().filter(|node| node.start_at.is_none()).collect();
        let reached = |phase: NodePhase| {
            at_once.iter().filter(|node| self.phases.get(&node.process.name).is_some_and(|now| *now >= phase)).count()
        };
        let (started, ready, total) = (reached(NodePhase::Started), reached(NodePhase::Ready), at_once.len());
        (self.request.progress)(Progress::Starting { started, ready, total });
        if ready == total && self.zero_due.is_none() {
            let now = Instant::now();
            let plan = &self.request.plan;
            let epoch = plan.block_time.zip(plan.slots_per_epoch).map(|(slot, slots)| slot * slots as u32);
            self.zero_due = Some(timeline_zero(self.genesis, epoch, now));
        }
    }

    fn start_timeline(&mut self, running: &mut Running) {
        // One instant for the engine and for the journal. With a second look at the clock, a start that was held up (a
        // thread is made below) made the written timeline shorter than the one that was kept, and its last instant missing.
        let zero = Instant::now();
        self.zero = Some(zero);
        self.write_at(zero, What::TimelineStarted);
        match LinkTimer::start(&running.backend) {
            Ok(timer) => running.link_timer = Some(timer),
            Err(error) => self.note_trouble(BackendError::new("cannot start the thread that swaps links", error)),
        }
        self.schedule_links(running);
        (self.request.progress)(Progress::TimelineStarted { duration: self.request.plan.duration });
    }

    fn start_probe(&mut self, running: &mut Running, node: &NodeName) {
        let Some(planned) = self.request.plan.nodes.iter().find(|planned| &planned.process.name == node) else {
            return;
        };
        if planned.adapter.port().is_none() {
            return;
        }
        let setup = ProberSetup {
            node: node.clone(),
            adapter: planned.adapter.clone(),
            interval: self.request.poll_interval,
            origin: self.clock.origin(),
            starts: Arc::clone(&self.starts.entry(node.clone()).or_default().1),
            sender: running.observation_sender.clone(),
            cancel: running.cancel.clone(),
        };
        running.probes.push(Prober::spawn(setup, Arc::clone(&running.dial)));
    }

    fn on_backend_event(&mut self, event: BackendEvent) {
        match event {
            BackendEvent::Initialised { node } => self.write(What::Node { node, phase: NodePhase::Initialised }),
            BackendEvent::EngineLost { message } => {
                self.note_trouble(BackendError::plain(format!("the engine went away: {message}")));
            }
            BackendEvent::WireLost { message } => {
                let step = format!(
                    "no packet passes between the nodes any more: the thread that carries them ended: {message}"
                );
                self.note_trouble(BackendError::plain(step));
            }
            BackendEvent::StopIgnored { node, waited } => {
                let line = format!("{node} did not end within {} s of SIGTERM and is killed", waited.as_secs());
                (self.request.progress)(Progress::Trouble(line));
                self.write(What::StopIgnored { node, waited: waited.as_micros() as u64 });
            }
            BackendEvent::OutOfMemory { node, kills } => {
                let limit = self.memory_limit(&node);
                let line = format!("{node}: the kernel killed a process for its memory limit");
                (self.request.progress)(Progress::Trouble(line));
                self.write(What::OutOfMemory { node, limit, kills });
            }
            BackendEvent::Exited { node, code, signal } => {
                let expected = self.lives.entry(node.clone()).or_default().ended();
                let last_lines = if expected { Vec::new() } else { self.logs.last_lines(&node) };
                if !expected {
                    let how = match (code, signal) {
                        (_, Some(signal)) => ended_by_signal(signal, self.memory_limit(&node)),
                        (Some(code), None) => format!("exited with code {code}"),
                        (None, None) => "ended".to_owned(),
                    };
                    let message = format!("{node} {how}");
                    (self.request.progress)(Progress::Trouble(message.clone()));
                    let was_ready = self.phases.get(&node).is_some_and(|phase| *phase >= NodePhase::Ready);
                    if !was_ready {
                        let log = self.request.logs.join(format!("{node}.log"));
                        let lines = last_lines.iter().fold(String::new(), |text, line| text + "\n    " + line);
                        let error = BackendError::plain(format!("{message} before it was ready{lines}"))
                            .remedy(format!("its whole log is {}", log.display()));
                        self.write(What::Exit { node, code, signal, expected, last_lines });
                        return self.note_trouble(error);
                    }
                }
                self.write(What::Exit { node, code, signal, expected, last_lines });
            }
        }
    }

    fn memory_limit(&self, node: &NodeName) -> Option<u64> {
        let planned = self.request.plan.nodes.iter().find(|planned| &planned.process.name == node)?;
        planned.process.resources.memory
    }

    fn on_observation(&mut self, observation: Observation) {
        if self.is_of_an_earlier_process(&observation) {
            return;
        }
        self.recent.note(&observation.what);
        match &observation.what {
            What::Head { node, height, hash, .. } => {
                self.heads.insert(node.clone(), (*height, hash.clone()));
            }
            What::ProbeLost { node, .. } => {
                self.heads.remove(node);
            }
            _ => {}
        }
        self.write_at(observation.at, observation.what);
    }

    /// Whether it says how a node stood before its process was started, though the journal has told of the start already.
    /// Its prober knows of the start too and tells everything again.
    fn is_of_an_earlier_process(&self, observation: &Observation) -> bool {
        let started = self.starts.get(&observation.node).and_then(|(last, _)| *last);
        let lasts = matches!(
            observation.what,
            // Blocks that were seen were seen, and what was out of sight was out of sight.
            What::Block(_) | What::ProbeLost { .. } | What::PollGap { .. }
        );
        !lasts && started.is_some_and(|started| observation.at < started)
    }

    fn note_standstill(&mut self, what: What) {
        if let What::StoodStill { from, to, suspended } = what {
            let seconds = (to.saturating_sub(from) + suspended) as f64 / 1e6;
            let line = format!("splitbrain itself, or this machine, stood still for {seconds:.1} s");
            (self.request.progress)(Progress::Trouble(line));
        }
        self.write(what);
    }

    fn tick(&self, running: &Running) {
        let Some(zero) = self.zero else { return };
        let different: BTreeSet<_> = self.heads.values().map(|(_, hash)| hash).collect();
        let heads = HeadCount {
            nodes: self.heads.len(),
            different: different.len(),
            highest: self.heads.values().map(|(height, _)| *height).max().unwrap_or(0),
        };
        (self.request.progress)(Progress::Tick { at: zero.elapsed(), next: running.timeline.next_event(), heads });
    }

    fn write_pressure(&mut self) {
        if let Some(what) = self.pressure.since_last() {
            self.write(what);
        }
    }

    fn write_counters(&mut self, backend: &Backend) {
        let name = |index: u16| self.request.plan.nodes[usize::from(index)].process.name.clone();
        let mut changed = Vec::new();
        for link in backend.link_counters() {
            let record = LinkCounterRecord {
                from: name(link.from),
                to: name(link.to),
                packets: link.packets,
                bytes: link.bytes,
                cut: link.cut,
                lost: link.lost,
                overflow: link.overflow,
            };
            if self.counters.get(&(link.from, link.to)) != Some(&record) {
                changed.push(record.clone());
                self.counters.insert((link.from, link.to), record);
            }
        }
        if !changed.is_empty() {
            self.write(What::Links { links: changed });
        }
    }

    /// Makes a trouble of a journal that could not be written.
    fn note_lost_record(&mut self) {
        let Some(error) = self.scribe.take_failure() else { return };
        self.record_failed = true;
        let step = format!("cannot write the journal {}", self.request.journal.display());
        let remedy = "is the disk full? `--results DIR` writes elsewhere, `--log-limit` bounds nodes' logs";
        self.note_trouble(BackendError::new(step, error).remedy(remedy));
    }

    fn note_trouble(&mut self, error: BackendError) {
        let message = describe(&error);
        self.write(What::Trouble { message });
        // The first trouble is the cause, later ones are its consequences.
        self.trouble.get_or_insert(error);
    }

    fn write(&mut self, what: What) {
        let at = self.clock.now_micros();
        self.append(at, what);
    }

    fn write_at(&mut self, at: Instant, what: What) {
        let at = self.clock.micros(at);
        self.append(at, what);
    }

    fn append(&mut self, at: u64, what: What) {
        self.scribe.append(at, what);
    }
}

/// Waits for an instant; never ends for `None`.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}

/// The first interrupt; never ends if nobody can interrupt.
async fn interrupted(interrupts: &mut tokio::sync::watch::Receiver<u8>) {
    if interrupts.wait_for(|count| *count > 0).await.is_err() {
        std::future::pending::<()>().await;
    }
}
