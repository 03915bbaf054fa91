//! Tests of the timeline: how overlapping faults become steps.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::timeline::{Window, steps};
use super::{Step, timeline};
use crate::action::{Action, EntryName, NodeName, Signal};
use crate::fault::{Down, Effects};
use crate::link::{LinkParameters, LinkRule, NodeSet};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn kill(node: &str) -> Effects {
    Effects { down: vec![Down { node: node.into(), signal: Signal::Kill, wipe: false }], ..Effects::default() }
}

fn pause(node: &str) -> Effects {
    Effects { paused: vec![node.into()], ..Effects::default() }
}

fn detach(node: &str) -> Effects {
    Effects { detached: vec![(node.into(), "main".into())], ..Effects::default() }
}

fn cut() -> Effects {
    let rule = LinkRule { from: NodeSet::from([0]), to: NodeSet::from([1]), parameters: LinkParameters::CUT };
    Effects { links: vec![rule], ..Effects::default() }
}

/// Plans entries `(name, start, end, effects)` over 100 s and writes the steps as text: `5 kill a; 9 start a`.
fn plan(entries: &[(&str, u64, Option<u64>, Effects)]) -> String {
    plan_late(entries, &[])
}

fn plan_late(entries: &[(&str, u64, Option<u64>, Effects)], late: &[(&str, u64)]) -> String {
    let names: Vec<EntryName> = entries.iter().map(|(name, ..)| EntryName::new(*name)).collect();
    let windows: Vec<Window<'_>> = entries
        .iter()
        .zip(&names)
        .map(|((_, start, end, effects), name)| Window { name, start: seconds(*start), end: end.map(seconds), effects })
        .collect();
    let late = late.iter().map(|(node, at)| (NodeName::from(*node), seconds(*at))).collect();
    let steps = timeline::steps(&windows, &late, seconds(100));
    steps.iter().map(say).collect::<Vec<_>>().join("; ")
}

fn say(step: &Step) -> String {
    let actions = step.actions.iter().map(|action| match action {
        Action::SetLinks { active } => {
            let names: Vec<&str> = active.iter().map(EntryName::as_str).collect();
            format!("links[{}]", names.join(" "))
        }
        Action::Signal { node, signal } => format!("{} {node}", format!("{signal:?}").to_lowercase()),
        Action::Start { node } => format!("start {node}"),
        Action::Wipe { node } => format!("wipe {node}"),
        Action::Detach { node, .. } => format!("detach {node}"),
        Action::Attach { node, .. } => format!("attach {node}"),
        Action::Call { node, .. } => format!("call {node}"),
    });
    let words: Vec<String> = std::iter::once(step.at.as_secs().to_string()).chain(actions).collect();
    words.join(" ")
}

#[test]
fn one_fault_begins_and_ends() {
    assert_eq!(plan(&[("k", 5, Some(9), kill("a"))]), "5 kill a; 9 start a");
    assert_eq!(plan(&[("p", 5, Some(9), pause("a"))]), "5 pause a; 9 resume a");
    assert_eq!(plan(&[("d", 5, Some(9), detach("a"))]), "5 detach a; 9 attach a");
    assert_eq!(plan(&[("s", 5, Some(9), cut())]), "5 links[s]; 9 links[]");
}

#[test]
fn the_end_of_one_fault_does_not_undo_another() {
    assert_eq!(plan(&[("k", 5, Some(9), kill("a")), ("l", 7, Some(12), kill("a"))]), "5 kill a; 7; 9; 12 start a");
    assert_eq!(
        plan(&[("s", 5, Some(9), cut()), ("t", 7, Some(12), cut())]),
        "5 links[s]; 7 links[s t]; 9 links[t]; 12 links[]"
    );
    assert_eq!(
        plan(&[("d", 5, Some(9), detach("a")), ("e", 7, Some(12), detach("a"))]),
        "5 detach a; 7; 9; 12 attach a"
    );
    // Back to back is one fault.
    assert_eq!(plan(&[("k", 5, Some(9), kill("a")), ("l", 9, Some(12), kill("a"))]), "5 kill a; 9; 12 start a");
}

#[test]
fn faults_of_different_kinds_on_one_node_compose() {
    // Killed while it is paused: thawed to die, and paused again when it is back before the pause is over.
    assert_eq!(
        plan(&[("p", 5, Some(20), pause("a")), ("k", 7, Some(12), kill("a"))]),
        "5 pause a; 7 resume a kill a; 12 start a pause a; 20 resume a"
    );
    // The pause ends while it is down.
    assert_eq!(
        plan(&[("p", 5, Some(9), pause("a")), ("k", 7, Some(12), kill("a"))]),
        "5 pause a; 7 resume a kill a; 9; 12 start a"
    );
    // Paused while it is down: it comes back frozen.
    assert_eq!(
        plan(&[("k", 5, Some(9), kill("a")), ("p", 7, Some(12), pause("a"))]),
        "5 kill a; 7; 9 start a pause a; 12 resume a"
    );
    // Its interface is given back before it starts.
    assert_eq!(
        plan(&[("k", 5, Some(9), kill("a")), ("d", 7, Some(9), detach("a"))]),
        "5 kill a; 7 detach a; 9 attach a start a"
    );
}

#[test]
fn a_blow_is_over_at_once() {
    assert_eq!(plan(&[("r", 5, Some(5), kill("a"))]), "5 kill a start a");
    let wipe =
        Effects { down: vec![Down { node: "a".into(), signal: Signal::Kill, wipe: true }], ..Effects::default() };
    assert_eq!(plan(&[("r", 5, Some(5), wipe.clone())]), "5 kill a wipe a start a");
    // While the node is down for another reason a blow does nothing, but its data is gone all the same.
    assert_eq!(plan(&[("k", 3, Some(9), kill("a")), ("r", 5, Some(5), wipe)]), "3 kill a; 5; 9 wipe a start a");
    assert_eq!(
        plan(&[("p", 3, Some(9), pause("a")), ("r", 5, Some(5), kill("a"))]),
        "3 pause a; 5 resume a kill a start a pause a; 9 resume a"
    );
}

#[test]
fn the_harder_of_two_signals_counts() {
    let stop =
        Effects { down: vec![Down { node: "a".into(), signal: Signal::Stop, wipe: false }], ..Effects::default() };
    assert_eq!(plan(&[("s", 5, Some(9), stop.clone())]), "5 stop a; 9 start a");
    assert_eq!(plan(&[("s", 5, Some(9), stop), ("k", 5, Some(7), kill("a"))]), "5 kill a; 7; 9 start a");
}

#[test]
fn what_is_still_in_force_is_healed_at_the_end_and_nobody_is_started_any_more() {
    assert_eq!(
        plan(&[
            ("s", 5, None, cut()),
            ("p", 5, None, pause("a")),
            ("k", 5, None, kill("b")),
            ("d", 5, None, detach("c"))
        ]),
        "5 links[s] detach c pause a kill b; 100 links[] attach c resume a"
    );
}

#[test]
fn late_nodes_are_started_by_the_timeline() {
    assert_eq!(plan_late(&[], &[("a", 7)]), "7 start a");
    assert_eq!(plan_late(&[("k", 5, Some(9), kill("a"))], &[("a", 7)]), "5; 9 start a");
    assert_eq!(plan_late(&[("p", 5, Some(9), pause("a"))], &[("a", 7)]), "5; 7 start a pause a; 9 resume a");
}

fn effects() -> impl Strategy<Value = Effects> {
    let node = prop::sample::select(vec!["a", "b", "c"]);
    (0..4, node, any::<bool>()).prop_map(|(kind, node, flag)| match kind {
        0 => Effects {
            down: vec![Down { node: node.into(), signal: if flag { Signal::Kill } else { Signal::Stop }, wipe: flag }],
            ..Effects::default()
        },
        1 => pause(node),
        2 => detach(node),
        _ => cut(),
    })
}

/// What a backend would make of the steps.
#[derive(Debug, Default, PartialEq)]
struct World {
    down: BTreeSet<NodeName>,
    paused: BTreeSet<NodeName>,
    detached: BTreeSet<NodeName>,
    links: Vec<EntryName>,
}

impl World {
    /// Does one action, which must make sense in the state that it finds.
    fn act(&mut self, action: &Action) {
        match action {
            Action::SetLinks { active } => assert_ne!(std::mem::replace(&mut self.links, active.clone()), *active),
            Action::Signal { node, signal: Signal::Kill | Signal::Stop } => {
                assert!(!self.paused.contains(node) && self.down.insert(node.clone()));
            }
            Action::Signal { node, signal: Signal::Pause } => {
                assert!(!self.down.contains(node) && self.paused.insert(node.clone()));
            }
            Action::Signal { node, signal: Signal::Resume } => {
                assert!(!self.down.contains(node) && self.paused.remove(node));
            }
            Action::Start { node } => assert!(self.down.remove(node)),
            Action::Wipe { node } => assert!(self.down.contains(node)),
            Action::Detach { node, .. } => assert!(self.detached.insert(node.clone())),
            Action::Attach { node, .. } => assert!(self.detached.remove(node)),
            Action::Call { .. } => panic!("calls are no business of faults"),
        }
    }
}

proptest! {
    /// Whatever overlaps: every action makes sense where it stands, after each step the world is exactly the union of
    /// the effects in force, and in the end everything is healed.
    #[test]
    fn steps_lead_to_the_union_of_what_is_in_force(
        entries in prop::collection::vec((0_u64..20, prop::option::of(0_u64..20), effects()), 0..8)
    ) {
        let names: Vec<EntryName> = (0..entries.len()).map(|number| EntryName::new(format!("e{number}"))).collect();
        let windows: Vec<Window<'_>> = entries
            .iter()
            .zip(&names)
            .map(|((start, length, effects), name)| Window {
                name,
                start: seconds(*start),
                end: length.map(|length| seconds(start + length)),
                effects,
            })
            .collect();
        let mut world = World::default();
        for step in steps(&windows, &BTreeMap::new(), seconds(50)) {
            for action in &step.actions {
                world.act(action);
            }
            let last = step.at == seconds(50);
            let active: Vec<&Window<'_>> =
                windows.iter().filter(|w| w.start <= step.at && !last && w.end.is_none_or(|end| end > step.at)).collect();
            let down: BTreeSet<NodeName> = active.iter().flat_map(|w| w.effects.down.iter().map(|d| d.node.clone())).collect();
            let paused: BTreeSet<NodeName> = active.iter().flat_map(|w| w.effects.paused.iter().cloned()).collect();
            let detached: BTreeSet<NodeName> = active.iter().flat_map(|w| w.effects.detached.iter().map(|(n, _)| n.clone())).collect();
            if !last {
                prop_assert_eq!(&world.down, &down);
            }
            prop_assert_eq!(&world.paused, &paused.difference(&down).cloned().collect::<BTreeSet<_>>());
            prop_assert_eq!(&world.detached, &detached);
        }
        prop_assert!(world.paused.is_empty() && world.detached.is_empty() && world.links.is_empty());
        let forever = entries.iter().any(|(_, length, effects)| length.is_none() && !effects.down.is_empty());
        prop_assert!(forever || world.down.is_empty());
    }

    /// The order in which entries stand in the file does not matter.
    #[test]
    fn the_order_of_entries_does_not_matter(
        entries in prop::collection::vec((0_u64..20, prop::option::of(0_u64..20), effects()), 0..6)
    ) {
        let names: Vec<EntryName> = (0..entries.len()).map(|number| EntryName::new(format!("e{number}"))).collect();
        let windows: Vec<Window<'_>> = entries.iter().zip(&names).map(|((start, length, effects), name)| Window {
            name, start: seconds(*start), end: length.map(|length| seconds(start + length)), effects,
        }).collect();
        let sorted = |windows: &[Window<'_>]| -> Vec<(Duration, Vec<String>)> {
            steps(windows, &BTreeMap::new(), seconds(50)).iter().map(|step| {
                let actions = step.actions.iter().map(|action| match action {
                    Action::SetLinks { active } => format!("{:?}", active.iter().collect::<BTreeSet<_>>()),
                    other => format!("{other:?}"),
                });
                (step.at, actions.collect())
            }).collect()
        };
        let backwards: Vec<Window<'_>> = windows.iter().rev().cloned().collect();
        prop_assert_eq!(sorted(&windows), sorted(&backwards));
    }
}
