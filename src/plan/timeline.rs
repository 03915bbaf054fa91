//! The timeline as steps. At each instant the wanted state of the network is the union of the effects of all entries in
//! force; a step holds the actions that lead from the state before to the state after.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Step;
use crate::action::{Action, EntryName, NetworkName, NodeName, Signal};
use crate::fault::Effects;

/// An entry with its end decided.
#[derive(Clone, Debug)]
pub(super) struct Window<'a> {
    /// Its name.
    pub(super) name: &'a EntryName,
    /// First instant.
    pub(super) start: Duration,
    /// Instant at which it is over; `None` is the end of the timeline. May equal `start`: then it is a single blow.
    pub(super) end: Option<Duration>,
    /// What it does.
    pub(super) effects: &'a Effects,
}

/// All steps, in order of time. `late` are nodes that start after the timeline's zero. The last step, at `duration`,
/// heals whatever is still in force; processes that are down then stay down, because nobody would see them come back.
pub(super) fn steps(windows: &[Window<'_>], late: &BTreeMap<NodeName, Duration>, duration: Duration) -> Vec<Step> {
    let mut instants: BTreeSet<Duration> =
        windows.iter().flat_map(|window| [Some(window.start), window.end]).flatten().collect();
    instants.extend(late.values().copied());
    if windows.iter().any(|window| window.end.is_none()) {
        instants.insert(duration);
    }
    let mut state = State::before(late);
    let mut steps = Vec::new();
    for at in instants {
        let step = state.advance(windows, late, at, at >= duration);
        if !(step.actions.is_empty() && step.begins.is_empty() && step.ends.is_empty()) {
            steps.push(step);
        }
    }
    steps
}

/// What a node's process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Process {
    Runs,
    Paused,
    Down,
}

/// The network between two instants.
#[derive(Debug)]
struct State {
    /// Processes that do anything but run.
    processes: BTreeMap<NodeName, Process>,
    /// Nodes that are down and whose data must be gone when they come back.
    to_wipe: BTreeSet<NodeName>,
    detached: BTreeSet<(NodeName, NetworkName)>,
    /// Entries with link rules.
    links: Vec<EntryName>,
}

impl State {
    fn before(late: &BTreeMap<NodeName, Duration>) -> Self {
        Self {
            processes: late.keys().map(|node| (node.clone(), Process::Down)).collect(),
            to_wipe: BTreeSet::new(),
            detached: BTreeSet::new(),
            links: Vec::new(),
        }
    }

    fn advance(
        &mut self,
        windows: &[Window<'_>],
        late: &BTreeMap<NodeName, Duration>,
        at: Duration,
        last: bool,
    ) -> Step {
        let ends_now = |window: &&Window<'_>| window.end.map_or(last, |end| end == at);
        let active: Vec<&Window<'_>> = windows
            .iter()
            .filter(|window| window.start <= at && !last && window.end.is_none_or(|end| end > at))
            .collect();
        let begins = windows.iter().filter(|window| window.start == at).map(|window| window.name.clone()).collect();
        let ends = windows.iter().filter(ends_now).map(|window| window.name.clone()).collect();
        let blows: Vec<&Window<'_>> =
            windows.iter().filter(|window| window.start == at && window.end == Some(at)).collect();

        let mut actions = self.links(&active);
        actions.extend(self.interfaces(&active));
        actions.extend(self.processes(&active, &blows, late, at, last));
        Step { at, begins, ends, actions }
    }

    fn links(&mut self, active: &[&Window<'_>]) -> Vec<Action> {
        let links: Vec<EntryName> =
            active.iter().filter(|window| !window.effects.links.is_empty()).map(|window| window.name.clone()).collect();
        if links == self.links {
            return Vec::new();
        }
        self.links.clone_from(&links);
        vec![Action::SetLinks { active: links }]
    }

    /// Interfaces come before processes, so that a node that starts finds its network.
    fn interfaces(&mut self, active: &[&Window<'_>]) -> Vec<Action> {
        let wanted: BTreeSet<(NodeName, NetworkName)> =
            active.iter().flat_map(|window| window.effects.detached.iter().cloned()).collect();
        let gone = wanted.difference(&self.detached).cloned();
        let back = self.detached.difference(&wanted).cloned();
        let actions = gone
            .map(|(node, network)| Action::Detach { node, network })
            .chain(back.map(|(node, network)| Action::Attach { node, network }))
            .collect();
        self.detached = wanted;
        actions
    }

    fn processes(
        &mut self,
        active: &[&Window<'_>],
        blows: &[&Window<'_>],
        late: &BTreeMap<NodeName, Duration>,
        at: Duration,
        last: bool,
    ) -> Vec<Action> {
        let in_force = || active.iter().chain(blows);
        let mut touched: BTreeSet<&NodeName> = self.processes.keys().collect();
        touched.extend(in_force().flat_map(|window| window.effects.down.iter().map(|down| &down.node)));
        touched.extend(active.iter().flat_map(|window| &window.effects.paused));
        let touched: Vec<NodeName> = touched.into_iter().cloned().collect();

        let mut actions = Vec::new();
        for node in touched {
            let down = |windows: &[&Window<'_>]| {
                let all = windows.iter().flat_map(|window| window.effects.down.iter());
                all.filter(|down| down.node == node).cloned().collect::<Vec<_>>()
            };
            let (held, blow) = (down(active), down(blows));
            let unborn = late.get(&node).is_some_and(|start| *start > at);
            let before = self.processes.get(&node).copied().unwrap_or(Process::Runs);
            // At the end of the timeline nobody is started any more, but everybody is thawed.
            let stays_down = last && before == Process::Down;
            let after = if unborn || !held.is_empty() || stays_down {
                Process::Down
            } else if active.iter().any(|window| window.effects.paused.contains(&node)) {
                Process::Paused
            } else {
                Process::Runs
            };
            if !unborn && held.iter().chain(&blow).any(|down| down.wipe) {
                self.to_wipe.insert(node.clone());
            }
            let falls = before != Process::Down && (after == Process::Down || !blow.is_empty());
            if falls {
                // A frozen process does not see SIGTERM, and not every engine kills one: thaw it first.
                if before == Process::Paused {
                    actions.push(Action::Signal { node: node.clone(), signal: Signal::Resume });
                }
                // Two entries that take a node down at one instant: the harder blow counts.
                let harder = held.iter().chain(&blow).any(|down| down.signal == Signal::Kill);
                let signal = if harder { Signal::Kill } else { Signal::Stop };
                actions.push(Action::Signal { node: node.clone(), signal });
            }
            let rises = after != Process::Down && (falls || before == Process::Down);
            if rises {
                if self.to_wipe.remove(&node) {
                    actions.push(Action::Wipe { node: node.clone() });
                }
                actions.push(Action::Start { node: node.clone() });
            }
            match (before, after) {
                (Process::Paused, Process::Runs) if !falls => {
                    actions.push(Action::Signal { node: node.clone(), signal: Signal::Resume });
                }
                (Process::Runs | Process::Down, Process::Paused) => {
                    actions.push(Action::Signal { node: node.clone(), signal: Signal::Pause });
                }
                (Process::Paused, Process::Paused) if falls => {
                    actions.push(Action::Signal { node: node.clone(), signal: Signal::Pause });
                }
                _ => {}
            }
            if after == Process::Runs {
                self.processes.remove(&node);
            } else {
                self.processes.insert(node, after);
            }
        }
        actions
    }
}
