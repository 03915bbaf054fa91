//! The end of a run: last words of probes, logs and counters after the timeline, then teardown.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

use super::{Engine, Running, interrupted};
use crate::action::NodeName;
use crate::backend::{Backend, BackendEvent, LogSink, Missing};
use crate::journal::What;
use crate::observe::{PollStatistics, poll_gap};
use crate::run::calls::Calls;
use crate::run::nodes::{Report, describe};
use crate::run::pulse::Pulse;
use crate::run::{End, Progress};

/// Longest wait for probes and workers to end.
const WIND_DOWN: Duration = Duration::from_secs(3);
/// Longest wait, after the timeline, for what nodes say of the blocks in which their chains parted.
const INSPECT_WITHIN: Duration = Duration::from_secs(15);

impl Engine {
    /// The same for what is apart when the timeline ends, and the answers to all that was asked: blocks do not change any
    /// more, so that it does no harm that the timeline has ended.
    async fn inspect_at_the_end(&mut self, running: &mut Running) {
        self.inspect(running, true);
        let deadline = tokio::time::Instant::now() + INSPECT_WITHIN;
        let mut interrupts = self.request.interrupts.clone();
        while self.inspector.under_way > 0 {
            tokio::select! {
                Some(report) = running.reports.recv() => if matches!(report, Report::Inspected { .. }) {
                    self.on_report(running, report);
                },
                // Whoever waits for room in a channel must find somebody who empties it.
                _ = running.observations.recv() => {}
                () = sleep_until(deadline) => break,
                () = interrupted(&mut interrupts) => break,
            }
        }
    }

    /// From the timeline's end to the moment before teardown: last words of probes and counters.
    pub(super) async fn wind_down(&mut self, running: &mut Running, end: End) {
        while let Ok(report) = running.reports.try_recv() {
            if matches!(
                report,
                Report::Acted { .. } | Report::Called { .. } | Report::Answers { .. } | Report::Inspected { .. }
            ) {
                self.on_report(running, report);
            }
        }
        let abandoned = running.timeline.abandon();
        self.write_faults(abandoned);
        let standstill = self.pulse.as_ref().and_then(Pulse::feel);
        while let Ok(standstill) = self.standstills.try_recv() {
            self.note_standstill(standstill);
        }
        if let Some(standstill) = standstill {
            self.note_standstill(standstill);
        }
        self.write_counters(&running.backend);
        self.write_pressure();
        // Read before what was observed is taken in: a gap that ends in between is told twice, and never not at all.
        let over = Instant::now();
        let watched: Vec<(NodeName, PollStatistics)> =
            running.probes.iter().map(|probe| (probe.node().clone(), probe.statistics())).collect();
        while let Ok(observation) = running.observations.try_recv() {
            self.on_observation(observation);
        }
        while let Ok(event) = running.events.try_recv() {
            self.on_backend_event(event);
        }
        // Marks of all lines that are counted have been sent by then.
        let counts = self.logs.close();
        while let Ok(mark) = self.marks.try_recv() {
            self.write(mark);
        }
        for count in counts {
            self.write(count);
        }
        for (node, missing) in self.log_files.as_ref().map(LogSink::missing).unwrap_or_default() {
            let Missing { bytes, error } = missing;
            self.write(What::LogCut { node, bytes, limit: self.request.log_limit, error });
        }
        for (node, statistics) in watched {
            let last = statistics.last_answer;
            if let Some(gap) = last.and_then(|last| poll_gap(&node, self.clock.origin(), last, over)) {
                self.write(gap);
            }
            self.worst_poll_gap = self.worst_poll_gap.max(Some(statistics.largest_gap));
            let largest_gap = statistics.largest_gap.as_micros() as u64;
            let PollStatistics { answered, failed, .. } = statistics;
            self.write(What::Watched { node, answered, failed, largest_gap });
        }
        self.write(What::TimelineEnded { reason: end.word().to_owned() });
        if matches!(end, End::Complete | End::Timeout) {
            self.inspect_at_the_end(running).await;
        }
        running.link_timer = None;
        running.cancel.cancel();
        let workers = std::mem::take(&mut running.workers);
        let calls =
            std::mem::replace(&mut running.calls, Calls::new(&running.dial, &mpsc::channel(1).0, &running.cancel));
        let probes = std::mem::take(&mut running.probes);
        let (observations, reports) = (&mut running.observations, &mut running.reports);
        let ended = async {
            let all = async {
                workers.join().await;
                calls.join().await;
                for probe in probes {
                    probe.finished().await;
                }
            };
            tokio::pin!(all);
            loop {
                // Whoever waits for room in a channel must find somebody who empties it.
                tokio::select! {
                    () = &mut all => break,
                    _ = observations.recv() => {}
                    _ = reports.recv() => {}
                }
            }
        };
        // What has not ended by then is dropped with the runtime; the teardown takes its sockets away.
        drop(timeout(WIND_DOWN, ended).await);
    }

    pub(super) async fn tear_down(
        &mut self,
        backend: &Backend,
        events: &mut mpsc::Receiver<BackendEvent>,
    ) -> Vec<String> {
        (self.request.progress)(Progress::TearingDown);
        let teardown = backend.teardown();
        tokio::pin!(teardown);
        let errors = loop {
            tokio::select! {
                errors = &mut teardown => break errors,
                Some(event) = events.recv() => if let BackendEvent::Exited { node, code, signal } = event {
                    self.write(What::Exit { node, code, signal, expected: true, last_lines: Vec::new() });
                },
            }
        };
        let errors: Vec<String> = errors.iter().map(describe).collect();
        self.write(What::TornDown { errors: errors.clone() });
        errors
    }
}
