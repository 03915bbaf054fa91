//! Topologies as a whole: text in, resolved out.

use super::*;
use crate::action::Seeds;
use crate::text::{Sources, Span};

pub(super) fn read(text: &str) -> Result<Topology, String> {
    let mut sources = Sources::new();
    let document: TopologyDocument = crate::text::yaml::read(&mut sources, "t.yaml", text)
        .map_err(|mistakes| sources.render_all(&mistakes, false))?;
    let seeds = Seeds::root(42).child("topology");
    let wishes = Wishes { name: "t", place: Span { source: 1, start: 0, end: 0 }, clients: &[], seeds: &seeds };
    let resolved = resolve(&document, &wishes);
    resolved.topology.ok_or_else(|| sources.render_all(&resolved.mistakes, false))
}

fn names(nodes: &[NodeName]) -> Vec<&str> {
    nodes.iter().map(NodeName::as_str).collect()
}

const TWO_REGIONS: &str = "
name: two-regions
description: Two regions of four, joined by a thin link.
groups:
  west: {count: 4, clients: {geth: 1, reference: 1}, zone: eu, role: validator, labels: {side: a}}
  east: {count: 4, clients: {ethereumjs: 1, reference: 3}, zone: us}
nodes:
  boot: {client: reference, role: bootnode, zone: eu, networks: [main, private]}
graph: {clusters: {of: groups, inside: mesh, between: 2}}
bootnodes: [boot]
zones: {eu-us: 40ms, eu-eu: 2ms, us-us: 2ms}
networks: {main: {}, private: {}}
links:
  - {between: [west-0, east-0], latency: 80ms, loss: 1%}
  - {from: west-1, to: east-1, latency: 20ms, jitter: 5ms, rate: 10mbit}
enforce_graph: false
";

#[test]
fn the_example_of_the_language_resolves() {
    let topology = read(TWO_REGIONS).unwrap();
    let nodes: Vec<NodeName> = topology.nodes.iter().map(|node| node.name.clone()).collect();
    assert_eq!(names(&nodes), ["west-0", "west-1", "west-2", "west-3", "east-0", "east-1", "east-2", "east-3", "boot"]);
    let clients: Vec<String> = topology.nodes.iter().map(|node| node.client.to_string()).collect();
    assert_eq!(clients[..4], ["geth", "geth", "reference", "reference"]);
    assert_eq!(clients[4..8], ["ethereumjs", "reference", "reference", "reference"]);
    assert_eq!(names(&topology.bootnodes), ["boot"]);
    // 6 + 6 inside, 2 between the groups and 2 to the lone node from each of them.
    assert_eq!(topology.edges.len(), 6 + 6 + 2 + 2 + 2);
    let table = crate::link::LinkTable::compile(9, &topology.links);
    assert_eq!(table.get(0, 4).latency.as_millis(), 120);
    assert_eq!(table.get(4, 0).latency.as_millis(), 120);
    assert_eq!(table.get(1, 5).latency.as_millis(), 60);
    assert_eq!(table.get(5, 1).latency.as_millis(), 40);
    assert_eq!(table.get(5, 1).rate, None);
    assert_eq!(table.get(1, 5).rate, Some(10_000_000));
    assert_eq!(table.get(0, 8).latency.as_millis(), 2);
    assert_eq!(read(TWO_REGIONS).unwrap().edges, topology.edges);
}

#[test]
fn an_enforced_graph_cuts_everything_else() {
    let topology = read("groups: {n: {count: 5, client: reference}}\ngraph: ring\nenforce_graph: true\n").unwrap();
    let table = crate::link::LinkTable::compile(5, &topology.links);
    for from in 0..5_u16 {
        for to in 0..5_u16 {
            let near = from != to && (from.abs_diff(to) == 1 || from.abs_diff(to) == 4);
            assert_eq!(!table.get(from, to).cut, near || from == to, "{from} {to}");
        }
    }
}

#[test]
fn zones_with_one_direction_given_hold_both_ways_and_with_two_each_its_own() {
    let nodes = "nodes: {a: {client: reference, zone: eu}, b: {client: reference, zone: us}}\n";
    let table = |zones: &str| {
        let topology = read(&format!("{nodes}zones: {zones}\n")).unwrap();
        let table = crate::link::LinkTable::compile(2, &topology.links);
        (table.get(0, 1).latency.as_millis(), table.get(1, 0).latency.as_millis())
    };
    assert_eq!(table("{eu-us: 40ms}"), (40, 40));
    assert_eq!(table("{eu-us: 40ms, us-eu: 70ms}"), (40, 70));
}

#[test]
fn a_graph_in_pieces_is_joined_and_says_so() {
    let topology =
        read("groups: {n: {count: 10, client: reference}}\ngraph: {erdos_renyi: {probability: 0%}}\n").unwrap();
    assert_eq!(topology.edges.len(), 9);
    assert_eq!(topology.notes, ["graph: 9 edges added to join 10 parts"]);
}

#[test]
fn presets_add_up_on_a_link() {
    let topology =
        read("nodes: {a: {client: r, quality: home}, b: {client: r, quality: datacenter}, c: {client: r}}\n").unwrap();
    let table = crate::link::LinkTable::compile(3, &topology.links);
    assert_eq!(table.get(0, 1).latency.as_micros(), 10_500);
    assert_eq!(table.get(1, 0).latency.as_micros(), 10_500);
    assert_eq!(table.get(0, 2).latency.as_micros(), 10_000);
    assert_eq!(table.get(0, 2).rate, Some(50_000_000));
    assert_eq!(table.get(1, 2).latency.as_micros(), 500);
}

#[test]
fn targets_mean_what_they_say() {
    let topology = read(TWO_REGIONS).unwrap();
    let seeds = Seeds::root(1);
    let resolve = |text: &str| {
        let mut sources = Sources::new();
        let targets: crate::text::Sp<Targets> = crate::text::yaml::read(&mut sources, "t", text)
            .map_err(|mistakes| sources.render_all(&mistakes, false))?;
        Targets::resolve(&targets, TargetContext { topology: &topology, seeds: &seeds })
            .map_err(|mistake| sources.render_all(&[mistake], false))
    };
    let count = |text: &str| resolve(text).unwrap().len();
    assert_eq!(names(&resolve("west").unwrap()), ["west-0", "west-1", "west-2", "west-3"]);
    assert_eq!(names(&resolve("'*-0'").unwrap()), ["west-0", "east-0"]);
    assert_eq!(names(&resolve("[boot, east-3, west-0]").unwrap()), ["west-0", "east-3", "boot"]);
    assert_eq!(names(&resolve("ethereumjs").unwrap()), ["east-0"]);
    assert_eq!(names(&resolve("{side: a}").unwrap()), ["west-0", "west-1", "west-2", "west-3"]);
    assert_eq!(names(&resolve("bootnodes").unwrap()), ["boot"]);
    assert_eq!((count("one"), count("minority"), count("minority_third")), (1, 4, 2));
    assert_eq!((count("majority"), count("supermajority"), count("all")), (5, 7, 9));
    assert_eq!((count("40%"), count("{random: 3}"), count("100%")), (4, 3, 9));
    assert_eq!(resolve("one").unwrap(), resolve("one").unwrap());
    for wrong in ["wst", "proposer", "{random: 10}", "{random: 0}", "0%", "1%", "north-*", "{side: z}", "120%", "[]"] {
        assert!(resolve(wrong).is_err(), "{wrong}");
    }
    assert!(resolve("wst").unwrap_err().contains("did you mean `west`?"));
}
