//! Where the run is in its timeline: which step comes next, and which steps are still being carried out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::action::{Action, EntryName};
use crate::journal::{FaultPhase, NOT_COMPLETE};
use crate::link::{LinkRule, LinkTable};
use crate::plan::{Plan, PlannedEntry, Step};

/// The steps of a plan, with the next one's link table made ahead of its instant.
#[derive(Debug)]
pub(super) struct Timeline {
    steps: Vec<Step>,
    base: Vec<LinkRule>,
    entries: BTreeMap<EntryName, PlannedEntry>,
    nodes: u16,
    next: usize,
    prepared: Option<Arc<LinkTable>>,
    /// Steps whose actions are not all done: step → parts still to come, first error, last instant.
    under_way: BTreeMap<usize, UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    parts: usize,
    applied: Instant,
    error: Option<String>,
}

/// A step that is complete: a fault line of the journal for each entry that began or ended with it.
#[derive(Debug, PartialEq)]
pub(super) struct Completed {
    pub(super) planned: Duration,
    pub(super) applied: Instant,
    pub(super) error: Option<String>,
    pub(super) entries: Vec<(EntryName, FaultPhase, String)>,
    /// Whether it sent something, and was no fault.
    pub(super) sends: bool,
}

impl Timeline {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut timeline = Self {
            steps: plan.timeline.clone(),
            base: plan.base_links.clone(),
            entries: plan.entries.iter().map(|entry| (entry.name.clone(), entry.clone())).collect(),
            nodes: u16::try_from(plan.nodes.len()).expect("a plan has fewer than 65,536 nodes"),
            next: 0,
            prepared: None,
            under_way: BTreeMap::new(),
        };
        timeline.prepare();
        timeline
    }

    /// The links before any fault.
    pub(super) fn base_table(&self) -> Arc<LinkTable> {
        Arc::new(LinkTable::compile(self.nodes, &self.base))
    }

    /// When the next step is due, after the timeline's zero.
    pub(super) fn next_at(&self) -> Option<Duration> {
        self.steps.get(self.next).map(|step| step.at)
    }

    /// The next step for people: what and when.
    pub(super) fn next_event(&self) -> Option<(String, Duration)> {
        let step = self.steps.get(self.next)?;
        if is_send(step) {
            return Some((step.begins.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "), step.at));
        }
        let begins = step.begins.iter().map(|name| format!("{name} begins"));
        let ends = step.ends.iter().map(|name| format!("{name} ends"));
        Some((begins.chain(ends).collect::<Vec<_>>().join(", "), step.at))
    }

    /// Makes the next step's link table, so that at its instant only a pointer is swapped.
    fn prepare(&mut self) {
        self.prepared = self.steps.get(self.next).and_then(|step| {
            step.actions.iter().find_map(|action| match action {
                Action::SetLinks { active } => {
                    let rules = active.iter().filter_map(|name| self.entries.get(name)).flat_map(|entry| &entry.links);
                    Some(Arc::new(LinkTable::compile(self.nodes, self.base.iter().chain(rules))))
                }
                _ => None,
            })
        });
    }

    /// The prepared table of the step that is due now.
    pub(super) fn take_table(&mut self) -> Option<Arc<LinkTable>> {
        self.prepared.take()
    }

    /// Moves on: returns the due step's number and its actions on nodes. `links_at` is the instant after the swap (or
    /// now, if the step changes no links).
    pub(super) fn begin_step(&mut self, links_at: Instant) -> (usize, Vec<Action>) {
        let number = self.next;
        let actions: Vec<Action> = self.steps[number]
            .actions
            .iter()
            .filter(|action| !matches!(action, Action::SetLinks { .. }))
            .cloned()
            .collect();
        self.under_way.insert(number, UnderWay { parts: actions.len(), applied: links_at, error: None });
        self.next += 1;
        self.prepare();
        (number, actions)
    }

    /// One action of a step is done.
    pub(super) fn acted(&mut self, step: usize, at: Instant, error: Option<String>) {
        if let Some(under_way) = self.under_way.get_mut(&step) {
            under_way.parts = under_way.parts.saturating_sub(1);
            under_way.applied = under_way.applied.max(at);
            under_way.error = under_way.error.take().or(error);
        }
    }

    /// Takes the steps that are complete now.
    pub(super) fn completed(&mut self) -> Vec<Completed> {
        let done: Vec<usize> =
            self.under_way.iter().filter(|(_, under_way)| under_way.parts == 0).map(|(&number, _)| number).collect();
        let with_error = done.into_iter().map(|number| (number, self.under_way[&number].error.clone()));
        let with_error: Vec<_> = with_error.collect();
        with_error.into_iter().map(|(number, error)| self.complete(number, error)).collect()
    }

    /// Gives up on steps that are still being carried out when the timeline ends, so that none goes unrecorded.
    pub(super) fn abandon(&mut self) -> Vec<Completed> {
        let open: Vec<usize> = self.under_way.keys().copied().collect();
        let error = Some(NOT_COMPLETE.to_owned());
        open.into_iter().map(|number| self.complete(number, error.clone())).collect()
    }

    fn complete(&mut self, number: usize, error: Option<String>) -> Completed {
        let applied = self.under_way.remove(&number).map_or_else(Instant::now, |under_way| under_way.applied);
        let step = &self.steps[number];
        let line = |name: &EntryName| {
            self.entries.get(name).map_or_else(|| name.to_string(), |entry| format!("{name}: {}", entry.summary))
        };
        let begins = step.begins.iter().map(|name| (name.clone(), FaultPhase::Begin, line(name)));
        let ends = step.ends.iter().map(|name| (name.clone(), FaultPhase::End, line(name)));
        let sends = is_send(step);
        Completed { planned: step.at, applied, error, entries: ends.chain(begins).collect(), sends }
    }
}

/// Whether a step sends something: such steps hold nothing else.
fn is_send(step: &Step) -> bool {
    !step.actions.is_empty() && step.actions.iter().all(|action| matches!(action, Action::Call { .. }))
}
