//! Topologies with participants.

use super::tests::read;
use super::*;
use crate::action::Seeds;
use crate::link::{LinkTable, NodeSet};
use crate::text::Sources;

const STACKS: &str = "
groups:
  west: {count: 3, stack: {execution: {go-ethereum: 2, ethereumjs: 1}, consensus: prysm, validator: keys}, validators: 16, zone: eu, quality: home, labels: {side: a}}
  east:
    count: 1
    stack:
      execution: {client: go-ethereum@v2, args: {add: [--v]}, env: {A: b}, files: {f: g}, resources: {cpus: 0.5}}
      consensus: {clients: {lodestar: 1}}
    zone: us
nodes:
  boot: {client: reference, zone: eu}
zones: {eu-us: 40ms, eu-eu: 2ms, us-us: 2ms}
graph: mesh
bootnodes: [west-1]
";

fn names(nodes: impl IntoIterator<Item = NodeName>) -> Vec<String> {
    nodes.into_iter().map(|node| node.to_string()).collect()
}

fn choose(topology: &Topology, text: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let mut sources = Sources::new();
    let targets: crate::text::Sp<Targets> =
        crate::text::yaml::read(&mut sources, "t", text).map_err(|mistakes| sources.render_all(&mistakes, false))?;
    let seeds = Seeds::root(1);
    let chosen = Targets::choose(&targets, TargetContext { topology, seeds: &seeds })
        .map_err(|mistake| sources.render_all(&[mistake], false))?;
    let named = |set: &NodeSet| set.iter().map(|node| topology.nodes[usize::from(*node)].name.to_string()).collect();
    Ok((named(&chosen.nodes), named(&chosen.as_members)))
}

#[test]
fn members_are_nodes_in_the_files_order_with_what_they_inherit() {
    let topology = read(STACKS).unwrap();
    let said: Vec<String> = topology.nodes.iter().map(|node| format!("{} {}", node.name, node.client)).collect();
    assert_eq!(
        said,
        [
            "west-0.execution go-ethereum",
            "west-0.consensus prysm",
            "west-0.validator keys",
            "west-1.execution go-ethereum",
            "west-1.consensus prysm",
            "west-1.validator keys",
            "west-2.execution ethereumjs",
            "west-2.consensus prysm",
            "west-2.validator keys",
            "east-0.execution go-ethereum@v2",
            "east-0.consensus lodestar",
            "boot reference",
        ]
    );
    assert_eq!(topology.groups["west"].len(), 9);
    let west = &topology.nodes[4];
    assert_eq!((west.participant.as_deref(), west.member.as_deref()), (Some("west-1"), Some("consensus")));
    assert_eq!((west.validators, west.zone.as_deref(), west.labels["side"].as_str()), (Some(16), Some("eu"), "a"));
    let (long, short) = (&topology.nodes[9], &topology.nodes[10]);
    assert_eq!((long.args.add.len(), long.env.len(), long.files.len(), long.resources.cpus), (1, 1, 1, Some(0.5)));
    assert_eq!((short.args.add.len(), short.env.len(), short.files.len(), short.resources.cpus), (0, 0, 0, None));
    assert_eq!((topology.nodes[11].participant.as_ref(), topology.nodes[11].validators), (None, None));
}

#[test]
fn participants_meet_member_by_member() {
    let topology = read(STACKS).unwrap();
    let edges: Vec<String> = topology.edges.iter().map(|(from, to)| format!("{from} {to}")).collect();
    for expected in
        ["west-1.execution west-0.execution", "east-0.consensus west-0.consensus", "west-2.validator west-0.validator"]
    {
        assert!(edges.iter().any(|edge| edge == expected), "{expected} in {edges:?}");
    }
    assert!(!edges.iter().any(|edge| edge.contains("west-0.") && edge.split(' ').all(|end| end.starts_with("west-0"))));
    // Three participants of three, one of two, and a single node that meets every member.
    assert_eq!(edges.len(), 3 * 3 + 3 * 2 + 11);
    assert_eq!(names(topology.bootnodes), ["west-1.execution", "west-1.consensus", "west-1.validator"]);
    let counted = read(&STACKS.replace("[west-1]", "{count: 2}")).unwrap();
    assert_eq!(names(counted.bootnodes).len(), 3 + 2, "the first of each group, whole");
}

#[test]
fn participants_without_a_member_in_common_are_told_of() {
    let topology = read("nodes: {a: {stack: {execution: geth}}, b: {stack: {consensus: prysm}}}\ngraph: mesh").unwrap();
    assert!(topology.edges.is_empty());
    assert_eq!(
        topology.notes,
        ["graph: 1 edge was left out, because its participants have no member in common: b → a"]
    );
}

#[test]
fn mates_are_one_machine_whatever_the_links_are_like() {
    let topology = read(STACKS).unwrap();
    let table = LinkTable::compile(12, &topology.links);
    assert!(table.get(0, 1).is_perfect() && table.get(2, 0).is_perfect() && table.get(9, 10).is_perfect());
    assert_eq!(table.get(0, 3).latency.as_millis(), 22);
    assert_eq!(table.get(0, 4).latency.as_millis(), 22, "two participants are apart, whichever members");
    assert_eq!(table.get(9, 11).latency.as_millis(), 40);
    let torn = read(&format!("{STACKS}links: [{{between: [west-0.execution, west-0], latency: 7ms}}]\n"));
    assert!(torn.unwrap_err().contains("stands at both ends"));
    let torn = read(&format!(
        "{STACKS}links: [{{between: [west-0.execution, west-0.consensus], latency: 7ms}}, {{between: [west-0, east-0], latency: 9ms}}]\n"
    ))
    .unwrap();
    let table = LinkTable::compile(12, &torn.links);
    assert_eq!((table.get(0, 1).latency.as_millis(), table.get(1, 0).latency.as_millis()), (7, 7));
    assert!(table.get(0, 2).is_perfect());
    assert_eq!(table.get(0, 10).latency.as_millis(), 10 + 40 + 9);
}

#[test]
fn an_enforced_graph_leaves_mates_together() {
    let topology = read("groups: {n: {count: 4, stack: {a: x, b: y}}}\ngraph: line\nenforce_graph: true\n").unwrap();
    let table = LinkTable::compile(8, &topology.links);
    assert!(!table.get(0, 1).cut && !table.get(7, 6).cut, "mates");
    assert!(!table.get(0, 2).cut && !table.get(3, 1).cut, "an edge, member by member");
    assert!(table.get(0, 3).cut && table.get(0, 4).cut && table.get(1, 7).cut);
}

#[test]
fn targets_name_participants_and_members() {
    let topology = read(STACKS).unwrap();
    let nobody: Vec<String> = Vec::new();
    let west = ["west-0.execution", "west-0.consensus", "west-0.validator"].map(str::to_owned).to_vec();
    assert_eq!(choose(&topology, "west-0").unwrap(), (west, nobody.clone()));
    let one = vec!["west-0.execution".to_owned()];
    assert_eq!(choose(&topology, "west-0.execution").unwrap(), (one.clone(), one));
    assert_eq!(choose(&topology, "'west-*'").unwrap().0.len(), 9);
    assert!(choose(&topology, "'west-*'").unwrap().1.is_empty());
    let (nodes, as_members) = choose(&topology, "'*.execution'").unwrap();
    assert_eq!((nodes.len(), &as_members), (4, &nodes));
    assert_eq!(choose(&topology, "go-ethereum").unwrap().0.len(), 3);
    assert_eq!(choose(&topology, "go-ethereum@v2").unwrap(), (vec!["east-0.execution".to_owned()], nobody.clone()));
    assert_eq!(choose(&topology, "{side: a}").unwrap().0.len(), 9);
    assert!(choose(&topology, "west-0.executon").unwrap_err().contains("the members of `west-0` are `execution`"));
    assert!(choose(&topology, "wst-0").unwrap_err().contains("did you mean `west-0`?"));
    assert!(choose(&topology, "'*.proposer'").is_err());
}

#[test]
fn draws_never_tear_a_participant_apart() {
    let topology = read(STACKS).unwrap();
    let units = topology.units();
    assert_eq!(units.len(), 5);
    for (text, wanted) in
        [("one", 1), ("minority", 2), ("majority", 3), ("40%", 2), ("{random: 4}", 4), ("all", 5), ("supermajority", 4)]
    {
        let (nodes, as_members) = choose(&topology, text).unwrap();
        let whole: Vec<&Unit> =
            units.iter().filter(|unit| nodes.iter().any(|node| unit.holds(&topology, node))).collect();
        let members: usize = whole.iter().map(|unit| unit.nodes.len()).sum();
        assert_eq!((whole.len(), members, as_members.len()), (wanted, nodes.len(), 0), "{text}: {nodes:?}");
    }
    assert!(choose(&topology, "{random: 6}").unwrap_err().contains("cannot draw 6 of 5 participants and nodes"));
}

impl Unit {
    fn holds(&self, topology: &Topology, name: &str) -> bool {
        self.nodes.iter().any(|node| topology.nodes[usize::from(*node)].name.as_str() == name)
    }
}
