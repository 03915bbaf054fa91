//! Who is told of what could not be done.

use super::*;
use crate::action::NodeName;
use crate::link::{LinkParameters, NodeSet};

fn entry(name: &str, fault: &str) -> PlannedEntry {
    PlannedEntry {
        transaction: None,
        name: name.into(),
        family: name.to_owned(),
        fault: fault.to_owned(),
        summary: format!("{fault} somebody"),
        start: Duration::ZERO,
        end: None,
        targets: Vec::new(),
        links: Vec::new(),
        down: Vec::new(),
        wipes: false,
        paused: Vec::new(),
        detached: Vec::new(),
    }
}

fn kills(name: &str, node: &str) -> PlannedEntry {
    PlannedEntry { down: vec![NodeName::new(node)], ..entry(name, "kill") }
}

fn pauses(name: &str, node: &str) -> PlannedEntry {
    PlannedEntry { paused: vec![NodeName::new(node)], ..entry(name, "pause") }
}

fn cuts(name: &str) -> PlannedEntry {
    let cut = LinkRule { from: NodeSet::from([0]), to: NodeSet::from([1]), parameters: LinkParameters::CUT };
    PlannedEntry { links: vec![cut], ..entry(name, "partition") }
}

fn signal(node: &str, signal: Signal) -> Action {
    Action::Signal { node: node.into(), signal }
}

fn start(node: &str) -> Action {
    Action::Start { node: node.into() }
}

fn swap() -> Action {
    Action::SetLinks { active: Vec::new() }
}

/// A timeline of one step, begun at `now`.
fn step(
    now: Instant,
    entries: &[PlannedEntry],
    (begins, ends): (&[&str], &[&str]),
    actions: Vec<Action>,
    links: Option<Swapped>,
) -> (Timeline, Vec<(usize, Action)>) {
    let names = |names: &[&str]| names.iter().map(|name| EntryName::new(*name)).collect();
    let step = Step { at: Duration::from_secs(5), begins: names(begins), ends: names(ends), actions };
    let mut timeline = Timeline::with(vec![step], Vec::new(), entries, 2);
    let (number, orders) = timeline.begin_step(now, links);
    assert_eq!(number, 0);
    (timeline, orders)
}

/// Entry, phase, milliseconds after `now`, error.
fn told(now: Instant, progressed: &Progressed) -> Vec<(String, FaultPhase, u128, Option<String>)> {
    let one = |completed: &Completed| {
        let late = completed.applied.duration_since(now).as_millis();
        (completed.entry.to_string(), completed.phase, late, completed.error.clone())
    };
    progressed.completed.iter().map(one).collect()
}

fn after(now: Instant, millis: u64) -> Instant {
    now + Duration::from_millis(millis)
}

fn row(name: &str, phase: FaultPhase, millis: u128, error: Option<&str>) -> (String, FaultPhase, u128, Option<String>) {
    (name.to_owned(), phase, millis, error.map(ToOwned::to_owned))
}

const BEGIN: FaultPhase = FaultPhase::Begin;
const END: FaultPhase = FaultPhase::End;

#[test]
fn a_swap_that_failed_is_the_error_of_the_entries_with_links_alone() {
    let now = Instant::now();
    let entries = [cuts("split"), kills("k", "a")];
    let actions = vec![swap(), signal("a", Signal::Kill)];
    for (links, error) in [
        (Some(Err("gone".to_owned())), "the links were not swapped: gone"),
        (None, "the links were not swapped: nobody was told to"),
    ] {
        let (mut timeline, orders) = step(now, &entries, (&["split", "k"], &[]), actions.clone(), links);
        assert_eq!(orders, [(1, signal("a", Signal::Kill))], "the swap is nobody's order");
        assert_eq!(told(now, &timeline.progressed()), [row("split", BEGIN, 0, Some(error))], "at once");
        timeline.acted(0, 1, after(now, 30), None);
        assert_eq!(told(now, &timeline.progressed()), [row("k", BEGIN, 30, None)]);
        assert!(timeline.is_idle());
    }
}

#[test]
fn an_entry_is_applied_when_its_own_parts_are_and_not_when_those_of_others_are() {
    let now = Instant::now();
    let entries = [cuts("split"), kills("slow", "a"), kills("fails", "b")];
    let actions = vec![swap(), signal("a", Signal::Stop), signal("b", Signal::Kill)];
    let links = Some(Ok(after(now, 1)));
    let (mut timeline, _) = step(now, &entries, (&["split", "slow", "fails"], &[]), actions, links);
    assert_eq!(told(now, &timeline.progressed()), [row("split", BEGIN, 1, None)]);
    timeline.acted(0, 2, after(now, 7), Some("cannot kill node b".to_owned()));
    assert_eq!(told(now, &timeline.progressed()), [row("fails", BEGIN, 7, Some("cannot kill node b"))]);
    assert!(!timeline.is_idle());
    timeline.acted(0, 1, after(now, 9000), None);
    assert_eq!(told(now, &timeline.progressed()), [row("slow", BEGIN, 9000, None)]);
    assert!(timeline.is_idle());
}

#[test]
fn a_blow_begins_with_the_end_of_the_process_and_ends_with_its_start() {
    let now = Instant::now();
    let actions = vec![signal("a", Signal::Kill), Action::Wipe { node: "a".into() }, start("a")];
    let (mut timeline, _) = step(now, &[kills("r", "a")], (&["r"], &["r"]), actions, None);
    timeline.acted(0, 0, after(now, 5), None);
    assert_eq!(told(now, &timeline.progressed()), [row("r", BEGIN, 5, None)]);
    timeline.acted(0, 1, after(now, 8), None);
    assert_eq!(timeline.progressed(), Progressed::default());
    timeline.acted(0, 2, after(now, 50), Some("cannot start node a".to_owned()));
    assert_eq!(told(now, &timeline.progressed()), [row("r", END, 50, Some("cannot start node a"))]);
}

#[test]
fn thawing_belongs_to_the_end_of_a_pause_and_to_the_kill_of_a_frozen_node() {
    let now = Instant::now();
    let entries = [pauses("p", "a"), kills("k", "a")];
    let actions = vec![signal("a", Signal::Resume), signal("a", Signal::Kill)];
    let (mut timeline, _) = step(now, &entries, (&["k"], &["p"]), actions, None);
    timeline.acted(0, 0, after(now, 1), Some("cannot resume node a".to_owned()));
    let error = Some("cannot resume node a");
    assert_eq!(told(now, &timeline.progressed()), [row("p", END, 1, error)]);
    timeline.acted(0, 1, after(now, 2), None);
    assert_eq!(told(now, &timeline.progressed()), [row("k", BEGIN, 2, error)]);
}

#[test]
fn what_no_entry_asked_for_is_a_trouble() {
    let now = Instant::now();
    // A late start, at the instant at which something else begins.
    let (mut timeline, _) =
        step(now, &[kills("k", "b")], (&["k"], &[]), vec![start("a"), signal("b", Signal::Kill)], None);
    timeline.acted(0, 0, after(now, 1), Some("cannot start node a".to_owned()));
    timeline.acted(0, 1, after(now, 2), None);
    let progressed = timeline.progressed();
    assert_eq!(told(now, &progressed), [row("k", BEGIN, 2, None)]);
    assert_eq!(progressed.troubles, ["cannot start node a"]);
}

#[test]
fn an_entry_that_has_nothing_to_do_is_in_force_at_once() {
    let now = Instant::now();
    // Its node is down for another reason.
    let (mut timeline, _) = step(now, &[kills("k", "a")], (&["k"], &[]), Vec::new(), None);
    assert_eq!(told(now, &timeline.progressed()), [row("k", BEGIN, 0, None)]);
}

#[test]
fn what_is_not_complete_at_the_end_is_told_as_not_carried_out() {
    let now = Instant::now();
    let entries = [kills("k", "a"), kills("l", "b")];
    let actions = vec![signal("a", Signal::Kill), signal("b", Signal::Kill), start("c")];
    let (mut timeline, _) = step(now, &entries, (&["k", "l"], &[]), actions, None);
    timeline.acted(0, 0, after(now, 4), None);
    let progressed = timeline.abandon();
    let error = "node b: not complete when the timeline ended";
    assert_eq!(told(now, &progressed), [row("k", BEGIN, 4, None), row("l", BEGIN, 0, Some(error))]);
    assert_eq!(progressed.troubles, ["node c: not complete when the timeline ended"]);
    assert!(timeline.is_idle());
}

#[test]
fn of_many_reasons_a_few_are_told() {
    let now = Instant::now();
    let nodes = ["a", "b", "c", "d", "e"];
    let all = PlannedEntry { down: nodes.map(NodeName::new).to_vec(), ..entry("all", "kill") };
    let actions = nodes.map(|node| signal(node, Signal::Kill)).to_vec();
    let (mut timeline, _) = step(now, &[all], (&["all"], &[]), actions, None);
    for (part, node) in nodes.iter().enumerate() {
        timeline.acted(0, part, now, Some(format!("cannot kill {node}")));
    }
    let error = "cannot kill a; cannot kill b; cannot kill c; and 2 more";
    assert_eq!(told(now, &timeline.progressed()), [row("all", BEGIN, 0, Some(error))]);
}
