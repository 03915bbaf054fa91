//! Where the run is in its timeline: which step comes next, and which steps are still being carried out.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::link_timer::Swapped;
use super::nodes::node_of;
use crate::action::{Action, EntryName, Signal};
use crate::journal::{FaultPhase, NOT_COMPLETE};
use crate::link::{LinkRule, LinkTable};
use crate::plan::{Plan, PlannedEntry, Step};

/// So many reasons of one entry are told.
const MOST_ERRORS: usize = 3;

/// The steps of a plan, with the next one's link table made ahead of its instant.
#[derive(Debug)]
pub(super) struct Timeline {
    steps: Vec<Step>,
    base: Vec<LinkRule>,
    entries: BTreeMap<EntryName, PlannedEntry>,
    nodes: u16,
    next: usize,
    prepared: Option<Arc<LinkTable>>,
    /// Steps whose actions are not all done, by number.
    under_way: BTreeMap<usize, UnderWay>,
}

/// A step that is being carried out.
#[derive(Debug)]
struct UnderWay {
    begun: Instant,
    parts: Vec<Part>,
    /// Beginnings and ends of entries that are still to be told, and the parts that each of them is made of.
    edges: Vec<(EntryName, FaultPhase, Vec<usize>)>,
}

/// An action of a step.
#[derive(Debug)]
struct Part {
    action: Action,
    /// When it was done, and why it could not be, if so.
    done: Option<(Instant, Option<String>)>,
}

/// The beginning or the end of an entry, carried out or not: a fault line of the journal.
#[derive(Debug, PartialEq)]
pub(super) struct Completed {
    pub(super) entry: EntryName,
    pub(super) phase: FaultPhase,
    pub(super) planned: Duration,
    pub(super) applied: Instant,
    pub(super) error: Option<String>,
    /// For people: name and summary.
    pub(super) line: String,
    /// Whether it sent something, and was no fault.
    pub(super) sends: bool,
}

/// What has come of the steps under way since it was last asked.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Progressed {
    pub(super) completed: Vec<Completed>,
    /// What could not be done that no entry of its step asked for: the late start of a node.
    pub(super) troubles: Vec<String>,
}

impl Timeline {
    pub(super) fn new(plan: &Plan) -> Self {
        let nodes = u16::try_from(plan.nodes.len()).expect("a plan has fewer than 65,536 nodes");
        Self::with(plan.timeline.clone(), plan.base_links.clone(), &plan.entries, nodes)
    }

    fn with(steps: Vec<Step>, base: Vec<LinkRule>, entries: &[PlannedEntry], nodes: u16) -> Self {
        let entries = entries.iter().map(|entry| (entry.name.clone(), entry.clone())).collect();
        let (next, prepared, under_way) = (0, None, BTreeMap::new());
        let mut timeline = Self { steps, base, entries, nodes, next, prepared, under_way };
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

    /// Whether no step is being carried out.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
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

    /// Moves on: returns the due step's number and what is to be done to nodes, each with its number in the step. `links`
    /// is what came of the swap, if somebody was told to swap.
    pub(super) fn begin_step(&mut self, now: Instant, links: Option<Swapped>) -> (usize, Vec<(usize, Action)>) {
        let (number, step) = (self.next, &self.steps[self.next]);
        let swapped = match links {
            Some(Ok(at)) => (at, None),
            Some(Err(why)) => (now, Some(format!("the links were not swapped: {why}"))),
            None => (now, Some("the links were not swapped: nobody was told to".to_owned())),
        };
        let parts: Vec<Part> = step
            .actions
            .iter()
            .map(|action| {
                let done = matches!(action, Action::SetLinks { .. }).then(|| swapped.clone());
                Part { action: action.clone(), done }
            })
            .collect();
        // What begins and ends at one instant begins first.
        let (blows, ends): (Vec<_>, Vec<_>) = step.ends.iter().partition(|name| step.begins.contains(name));
        let ends = ends.into_iter().map(|name| (name, FaultPhase::End));
        let begins = step.begins.iter().map(|name| (name, FaultPhase::Begin));
        let blows = blows.into_iter().map(|name| (name, FaultPhase::End));
        let edges = ends.chain(begins).chain(blows).map(|(name, phase)| {
            let entry = self.entries.get(name);
            let wanted = |part: &Part| entry.is_some_and(|entry| wants(entry, phase, &part.action));
            let mine = (0..parts.len()).filter(|index| wanted(&parts[*index])).collect();
            (name.clone(), phase, mine)
        });
        let under_way = UnderWay { begun: now, edges: edges.collect(), parts };
        let orders = under_way.parts.iter().enumerate().filter(|(_, part)| part.done.is_none());
        let orders = orders.map(|(index, part)| (index, part.action.clone())).collect();
        self.under_way.insert(number, under_way);
        self.next += 1;
        self.prepare();
        (number, orders)
    }

    /// One action of a step is done, or could not be done.
    pub(super) fn acted(&mut self, step: usize, part: usize, at: Instant, error: Option<String>) {
        let part = self.under_way.get_mut(&step).and_then(|under_way| under_way.parts.get_mut(part));
        if let Some(part) = part {
            part.done = Some((at, error));
        }
    }

    /// Takes what is complete now.
    pub(super) fn progressed(&mut self) -> Progressed {
        self.take(false)
    }

    /// Gives up on what is still being carried out when the timeline ends, so that nothing goes unrecorded.
    pub(super) fn abandon(&mut self) -> Progressed {
        self.take(true)
    }

    fn take(&mut self, all: bool) -> Progressed {
        let mut progressed = Progressed::default();
        for (number, under_way) in &mut self.under_way {
            let step = &self.steps[*number];
            let mut open = Vec::new();
            for (entry, phase, mine) in std::mem::take(&mut under_way.edges) {
                let done = mine.iter().all(|part| under_way.parts[*part].done.is_some());
                if !(done || all) {
                    open.push((entry, phase, mine));
                    continue;
                }
                let (applied, error) = under_way.outcome(&mine);
                let planned = self.entries.get(&entry);
                let line = planned.map_or_else(|| entry.to_string(), |planned| format!("{entry}: {}", planned.summary));
                let sends = is_send(step);
                progressed.completed.push(Completed { entry, phase, planned: step.at, applied, error, line, sends });
            }
            under_way.edges = open;
        }
        let over = |under_way: &UnderWay| all || under_way.parts.iter().all(|part| part.done.is_some());
        let ended: Vec<usize> =
            self.under_way.iter().filter(|(_, step)| over(step)).map(|(number, _)| *number).collect();
        for number in ended {
            let Some(under_way) = self.under_way.remove(&number) else { continue };
            let step = &self.steps[number];
            let names: Vec<&PlannedEntry> =
                step.begins.iter().chain(&step.ends).filter_map(|name| self.entries.get(name)).collect();
            let asked_for = |action: &Action| {
                let both = [FaultPhase::Begin, FaultPhase::End];
                names.iter().any(|entry| both.iter().any(|phase| wants(entry, *phase, action)))
            };
            let orphans = (0..under_way.parts.len()).filter(|part| !asked_for(&under_way.parts[*part].action));
            progressed.troubles.extend(orphans.filter_map(|part| under_way.outcome(&[part]).1));
        }
        progressed
    }
}

impl UnderWay {
    /// When these parts of the step were all done, and what could not be done of them.
    fn outcome(&self, parts: &[usize]) -> (Instant, Option<String>) {
        let mut applied: Option<Instant> = None;
        let mut errors: Vec<String> = Vec::new();
        for part in parts {
            let Part { action, done } = &self.parts[*part];
            if let Some((at, error)) = done {
                applied = applied.max(Some(*at));
                errors.extend(error.clone());
            } else {
                let whose = node_of(action).map_or_else(String::new, |node| format!("node {node}: "));
                errors.push(format!("{whose}{NOT_COMPLETE}"));
            }
        }
        errors.dedup();
        let more = errors.len().saturating_sub(MOST_ERRORS);
        errors.truncate(MOST_ERRORS);
        let mut error = (!errors.is_empty()).then(|| errors.join("; "));
        if let Some(error) = error.as_mut().filter(|_| more > 0) {
            // Writing to a string cannot fail.
            let _ = write!(error, "; and {more} more");
        }
        (applied.unwrap_or(self.begun), error)
    }
}

/// Whether the beginning or the end of an entry is what an action of its step is for.
fn wants(entry: &PlannedEntry, phase: FaultPhase, action: &Action) -> bool {
    let begins = phase == FaultPhase::Begin;
    match action {
        Action::SetLinks { .. } => !entry.links.is_empty(),
        Action::Signal { node, signal: Signal::Kill | Signal::Stop } => begins && entry.down.contains(node),
        Action::Signal { node, signal: Signal::Pause } => begins && entry.paused.contains(node),
        // A frozen process is thawed at the end of its pause, and to be taken down.
        Action::Signal { node, signal: Signal::Resume } => {
            if begins {
                entry.down.contains(node)
            } else {
                entry.paused.contains(node)
            }
        }
        Action::Start { node } | Action::Wipe { node } => !begins && entry.down.contains(node),
        Action::Detach { node, network } => {
            begins && entry.detached.iter().any(|(who, from)| (who, from) == (node, network))
        }
        Action::Attach { node, network } => {
            !begins && entry.detached.iter().any(|(who, from)| (who, from) == (node, network))
        }
        Action::Call { asked_by, .. } => *asked_by == entry.name,
    }
}

/// Whether a step sends something: such steps hold nothing else.
fn is_send(step: &Step) -> bool {
    !step.actions.is_empty() && step.actions.iter().all(|action| matches!(action, Action::Call { .. }))
}

#[cfg(test)]
mod tests;
