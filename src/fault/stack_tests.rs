//! Faults on participants: packets among mates arrive unless a member was named.

use super::tests::{compile_in, cut_links, table, topology_of};
use super::*;
use crate::topology::Topology;

/// Positions: west-0 is 0 1, west-1 is 2 3, east-0 is 4 5, boot is 6.
fn stacks() -> Topology {
    topology_of(
        "
groups:
  west: {count: 2, stack: {execution: geth, consensus: prysm}}
  east: {count: 1, stack: {execution: ethereumjs, consensus: prysm}}
nodes: {boot: {client: reference}}
graph: mesh
",
    )
}

fn cut(text: &str) -> std::collections::BTreeSet<(u16, u16)> {
    cut_links(7, &compile(text).effects)
}

fn compile(text: &str) -> Compiled {
    compile_in(&stacks(), 1, text).unwrap_or_else(|message| panic!("{message}"))
}

const MATES: [(u16, u16); 6] = [(0, 1), (1, 0), (2, 3), (3, 2), (4, 5), (5, 4)];

#[test]
fn isolated_participants_lose_everybody_but_their_own_members() {
    let lost = cut("isolate: {targets: west-0}");
    assert!(lost.contains(&(0, 2)) && lost.contains(&(1, 6)) && lost.contains(&(5, 1)));
    assert!(!lost.contains(&(0, 1)) && !lost.contains(&(1, 0)) && !lost.contains(&(2, 4)));
    let all = cut("isolate: {targets: all}");
    assert_eq!(all.len(), 7 * 6 - MATES.len());
    assert_eq!(compile("isolate: {targets: west-0}").summary, "isolate west-0");
    assert_eq!(compile("isolate: {targets: [west-1, east-0.execution]}").summary, "isolate east-0.execution west-1");
}

#[test]
fn a_member_that_is_named_loses_its_mates() {
    let lost = cut("isolate: {targets: west-0.execution}");
    assert!(lost.contains(&(0, 1)) && lost.contains(&(1, 0)) && lost.contains(&(0, 6)) && !lost.contains(&(1, 2)));
    let lost = cut("isolate: {targets: '*.execution'}");
    assert!(MATES.iter().all(|link| lost.contains(link)));
    // A client's name chooses nodes, and says nothing about their place in a participant.
    let lost = cut("isolate: {targets: geth}");
    assert!(!lost.contains(&(0, 1)) && lost.contains(&(0, 2)) && lost.contains(&(0, 3)));
}

#[test]
fn partitions_do_not_run_through_participants_unless_a_member_is_named() {
    let lost = cut("partition: {groups: [west-0, east]}");
    assert!(lost.contains(&(0, 4)) && lost.contains(&(0, 2)) && lost.contains(&(4, 6)));
    assert!(MATES.iter().all(|link| !lost.contains(link)));
    assert_eq!(compile("partition: {groups: [west-0, east]}").summary, "partition west-0 | east | boot west-1");
    // The rest is a side of its own, mates of the named member in it included.
    let lost = cut("partition: {groups: [west-0.execution]}");
    assert!(lost.contains(&(0, 1)) && lost.contains(&(1, 0)) && !lost.contains(&(1, 2)));
    let lost = cut("partition: {groups: ['*.execution'], direction: out_of_first}");
    assert!(lost.contains(&(0, 1)) && !lost.contains(&(1, 0)) && !lost.contains(&(0, 2)));
    // Sides by client would run through participants: their own links stay.
    let lost = cut("partition: {groups: [geth, ethereumjs], rest: own}");
    assert!(lost.contains(&(0, 4)) && lost.contains(&(0, 3)) && !lost.contains(&(0, 1)) && !lost.contains(&(4, 5)));
}

#[test]
fn drawn_shapes_keep_participants_whole() {
    for seed in 0..8 {
        for shape in ["halves", "one", "bridge", "majorities_ring"] {
            let compiled = compile_in(&stacks(), seed, &format!("partition: {{shape: {shape}}}")).unwrap();
            let lost = cut_links(7, &compiled.effects);
            assert!(MATES.iter().all(|link| !lost.contains(link)), "{shape}: {lost:?}");
            // Both members of a participant see the same others.
            for (one, other) in [(0, 1), (2, 3), (4, 5)] {
                assert!((0..7).all(|to| lost.contains(&(one, to)) == lost.contains(&(other, to))), "{shape}: {lost:?}");
            }
        }
    }
}

#[test]
fn cuts_and_shapes_leave_mates_alone_and_hit_them_by_name() {
    let lost = cut("cut: {between: [west-0, east-0]}");
    assert_eq!(lost.len(), 2 * 2 * 2);
    assert_eq!(cut("cut: {between: [west-0.execution, west-0.consensus]}").len(), 2);
    assert_eq!(cut("cut: {from: west-0.execution, to: west-0}").into_iter().collect::<Vec<_>>(), [(0, 1)]);
    let message = compile_in(&stacks(), 1, "cut: {from: west-0, to: west-0}").unwrap_err();
    assert!(message.contains("name a member"), "{message}");
    let slow = table(7, &compile("shape: {targets: west, latency: 50ms}").effects);
    assert!(slow.get(0, 1).is_perfect() && slow.get(3, 2).is_perfect());
    assert_eq!((slow.get(0, 2).latency.as_millis(), slow.get(6, 1).latency.as_millis()), (50, 50));
    let slow = table(7, &compile("shape: {targets: west-0.consensus, latency: 50ms}").effects);
    assert_eq!((slow.get(0, 1).latency.as_millis(), slow.get(1, 0).latency.as_millis()), (50, 50));
}

#[test]
fn process_faults_and_disconnects_hit_all_members() {
    let killed = compile("kill: {targets: west-0}");
    let names: Vec<&str> = killed.effects.down.iter().map(|down| down.node.as_str()).collect();
    assert_eq!((names, killed.summary.as_str()), (vec!["west-0.execution", "west-0.consensus"], "kill west-0"));
    assert_eq!(compile("kill: {targets: west-0.execution}").effects.down.len(), 1);
    assert_eq!(compile("disconnect: {targets: east-0}").effects.detached.len(), 2);
}
