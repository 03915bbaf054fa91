//! The timeline of a run: what is done at its instants, what is asked, and when it is over.

use std::time::{Duration, Instant};

use super::{Engine, Running};
use crate::action::Action;
use crate::journal::{FaultPhase, What};
use crate::run::Progress;
use crate::run::calls::unasked;
use crate::run::nodes::{Order, ends_process, node_of};
use crate::run::timeline::{Completed, Progressed, Timeline};

/// How long the timeline waits at its end for what is still being carried out: longer than a node has to stop by itself.
const FINISHING: Duration = Duration::from_secs(15);
/// What is left of the scenario's timeout when a timeline that is behind its plan ends at the latest.
const BEFORE_TIMEOUT: Duration = Duration::from_millis(500);

impl Engine {
    /// When the timeline is over: when it was planned to, later by as much as an entry ended late (so that what comes after
    /// it is seen for its whole time), and not before all that was begun is carried out. Never so late that the
    /// scenario's timeout would end it instead.
    pub(super) fn end_due(&self, timeline: &Timeline, timeout_at: Instant) -> Option<Instant> {
        let planned = self.zero? + self.request.plan.duration;
        let waits = if timeline.is_idle() { Duration::ZERO } else { FINISHING };
        let latest = timeout_at.checked_sub(BEFORE_TIMEOUT).unwrap_or(planned);
        Some((planned + self.asks.longer() + waits).min(planned.max(latest)))
    }

    /// Hands the next step's link table to the thread that swaps it at its instant.
    pub(super) fn schedule_links(&self, running: &mut Running) {
        let due = self.zero.zip(running.timeline.next_at()).map(|(zero, at)| zero + at);
        let (Some(due), Some(timer)) = (due, &running.link_timer) else { return };
        running.next_links = running.timeline.take_table().map(|table| timer.schedule(due, table));
    }

    pub(super) async fn take_step(&mut self, running: &mut Running) {
        let links = match running.next_links.take() {
            Some(swapped) => {
                Some(swapped.await.unwrap_or_else(|_| Err("the thread that swaps links has ended".to_owned())))
            }
            None => None,
        };
        let (step, actions) = running.timeline.begin_step(Instant::now(), links);
        let mut calls_alone = !actions.is_empty();
        for (part, action) in actions {
            if matches!(action, Action::Call { .. }) {
                running.calls.send(step, part, action, &self.answers);
                continue;
            }
            calls_alone = false;
            let Some(node) = node_of(&action).cloned() else { continue };
            if ends_process(&action) {
                self.lives.entry(node.clone()).or_default().end_is_ordered();
            }
            running.workers.order(&node, Order::Act { step, part, action }).await;
        }
        self.schedule_links(running);
        let progressed = running.timeline.progressed();
        self.write_faults(progressed);
        if calls_alone {
            return;
        }
        // The counters of a link change most around a cut: write them at each edge of a fault.
        self.write_counters(&running.backend);
    }

    /// Asks the question that is due, about a block that all who are asked hold, if it is about a block.
    pub(super) fn ask(&mut self, running: &mut Running) {
        let Some(index) = self.asks.take() else { return };
        let question = &self.request.plan.questions[index];
        let block = self.recent.common(question.nodes.iter().map(|(node, _)| node)).filter(|_| question.about_block);
        let params = match &block {
            Some((height, hash)) => Ok(question.fill(*height, hash)),
            None if question.about_block => Err("no block is known that all of these nodes hold".to_owned()),
            None => Ok(question.params.clone()),
        };
        match params.and_then(|params| self.answers.fill(&params.into())) {
            Ok(params) => {
                self.asking += 1;
                running.calls.ask(question, block.map(|(height, _)| height), &params);
            }
            Err(why) => unasked(question, &why).into_iter().for_each(|answer| self.write(answer)),
        }
    }

    pub(super) fn write_faults(&mut self, progressed: Progressed) {
        let zero = self.zero.unwrap_or_else(Instant::now);
        for message in progressed.troubles {
            (self.request.progress)(Progress::Trouble(message.clone()));
            self.write(What::Trouble { message });
        }
        for Completed { entry, phase, planned, applied, error, line, sends } in progressed.completed {
            let planned = zero + planned;
            let late = applied.saturating_duration_since(planned);
            let begins = phase == FaultPhase::Begin;
            // What was sent and not answered is the error of its sending.
            let error = error.filter(|_| begins || !sends);
            if !begins {
                // What was not carried out was not late.
                self.asks.ended(&entry, if error.is_some() { Duration::ZERO } else { late });
            }
            if !sends && error.is_none() {
                self.worst_fault_error = self.worst_fault_error.max(Some(late));
            }
            // Of what is sent again and again the first time is enough, and once it is over at once.
            let first = begins && entry.as_str().rsplit_once('#').is_none_or(|(_, number)| number == "1");
            match &error {
                Some(error) if !sends => {
                    let word = if begins { "begin" } else { "end" };
                    (self.request.progress)(Progress::Trouble(format!("{line} did not {word} as planned: {error}")));
                }
                _ if sends && !first => {}
                _ => {
                    let word = match (sends, begins) {
                        (true, _) => "was sent",
                        (false, true) => "begins",
                        (false, false) => "ends",
                    };
                    (self.request.progress)(Progress::Fault { line: format!("{line} {word}"), late });
                }
            }
            let (planned, applied) = (self.clock.micros(planned), self.clock.micros(applied));
            self.write(What::Fault { entry, phase, planned, applied, error });
        }
    }
}
