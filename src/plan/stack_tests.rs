//! Plans with participants: what mates are told of each other, who dials whom, and how it is shown.

use std::collections::BTreeSet;

use super::render;
use super::sample::Parts;
use super::{Plan, PlannedNode};

const STACKS: &str = "
groups:
  west: {count: 2, stack: {execution: exec, consensus: cons, validator: keys}, zone: eu}
  east: {count: 1, stack: {execution: exec, consensus: cons}, zone: us}
nodes:
  boot: {client: gamma, role: follower}
graph: mesh
bootnodes: [west-0]
";

fn parts() -> Parts {
    Parts {
        topology: STACKS.to_owned(),
        chain: "",
        timeline: vec![("alone", 5, Some(10), "isolate: {targets: west-0}")],
        ..Parts::default()
    }
}

fn node<'a>(plan: &'a Plan, name: &str) -> &'a PlannedNode {
    plan.nodes.iter().find(|node| node.process.name.as_str() == name).unwrap()
}

#[test]
fn mates_are_told_of_each_other() {
    let plan = parts().plan();
    let (execution, consensus) = (node(&plan, "west-1.execution"), node(&plan, "west-1.consensus"));
    let address = execution.process.address();
    let words = consensus.process.command.join(" ");
    assert!(words.starts_with(&format!("cons --engine=http://{address}:8551 --rpc {address}:8545 8551")), "{words}");
    assert!(words.contains(" --of west-1 --beside west-1.execution"), "{words}");
    // Groups of words for a mate that is not there are left out.
    assert!(words.contains("--signer=west-1.validator"), "{words}");
    let east = node(&plan, "east-0.consensus").process.command.join(" ");
    assert!(!east.contains("--signer"), "{east}");
    // The members of one participant share a secret, and no two participants do.
    let secret = |name: &str| {
        let command = &node(&plan, name).process.command;
        command.iter().find_map(|word| word.strip_prefix("--secret=").map(str::to_owned)).unwrap()
    };
    assert_eq!(secret("west-1.execution"), secret("west-1.consensus"));
    assert_ne!(secret("west-1.execution"), secret("west-0.execution"));
    assert_eq!((consensus.participant.as_deref(), consensus.member.as_deref()), (Some("west-1"), Some("consensus")));
}

#[test]
fn only_members_that_can_speak_to_each_other_dial() {
    let plan = parts().plan();
    let edges: BTreeSet<String> = plan.edges.iter().map(|(from, to)| format!("{from} {to}")).collect();
    let expected = [
        "west-1.execution west-0.execution",
        "west-1.consensus west-0.consensus",
        "east-0.execution west-0.execution",
        "east-0.consensus west-0.consensus",
        "east-0.execution west-1.execution",
        "east-0.consensus west-1.consensus",
        // A single beacon node meets the beacon members alone.
        "boot west-0.consensus",
        "boot west-1.consensus",
        "boot east-0.consensus",
    ];
    assert_eq!(edges, expected.map(str::to_owned).into());
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
    // Bootnodes of another layer are not told, and a participant's bootnode is told to members of its kind.
    let words = node(&plan, "west-1.execution").process.command.join(" ");
    assert!(words.contains(&format!("--boot={}", node(&plan, "west-0.execution").identity["enode"])), "{words}");
    assert!(!node(&plan, "west-0.execution").process.command.join(" ").contains("--boot="));
    let words = node(&plan, "west-1.consensus").process.command.join(" ");
    assert!(words.contains(&node(&plan, "west-0.consensus").identity["multiaddr"]), "{words}");
}

#[test]
fn a_member_that_nobody_can_know_beforehand_meets_those_that_have_an_identity() {
    let topology = "{nodes: {first: {stack: {consensus: gamma}}, two: {stack: {consensus: silent}}, \
                    three: {stack: {consensus: silent}}}, graph: mesh}";
    let plan = Parts { topology: topology.to_owned(), ..parts() };
    let plan = Parts { timeline: Vec::new(), ..plan }.plan();
    let edges: Vec<String> = plan.edges.iter().map(|(from, to)| format!("{from} {to}")).collect();
    assert_eq!(edges, ["two.consensus first.consensus", "three.consensus first.consensus"]);
    let words = node(&plan, "two.consensus").process.command.join(" ");
    assert_eq!(words, format!("silent --near={}", node(&plan, "first.consensus").identity["multiaddr"]));
}

#[test]
fn a_mate_or_port_that_is_missing_is_told_with_a_remedy() {
    let told = |topology: &str| {
        let result = Parts { topology: topology.to_owned(), timeline: Vec::new(), ..parts() }
            .plan_on(crate::action::BackendKind::Docker);
        result
            .unwrap_err()
            .into_iter()
            .map(|mistake| format!("{} / {}", mistake.message, mistake.help.join(" / ")))
            .collect::<Vec<_>>()
    };
    let messages = told("nodes: {a: {stack: {consensus: cons, validator: keys}}}");
    assert!(
        messages[0].contains("works with a mate `execution`, and a has only `consensus` and `validator`"),
        "{messages:?}"
    );
    assert!(messages[0].contains("add `execution: CLIENT` to the `stack`"), "{messages:?}");
    let messages = told("nodes: {a: {client: cons}}");
    assert!(messages[0].contains("and a stands alone"), "{messages:?}");
    let messages = told("nodes: {a: {stack: {consensus: cons, execution: gamma}}}");
    assert!(
        messages[0].contains("asks for the port `engine` of its mate `execution`, and client `gamma` has none"),
        "{messages:?}"
    );
}

#[test]
fn pictures_show_participants_as_one_with_their_members() {
    let plan = parts().plan();
    let text = render::text(&plan);
    assert!(text.contains("3 participants of 8 nodes and 1 single node"), "{text}");
    assert!(text.contains("\n  west-0 ") && text.contains("\n    west-0.execution "), "{text}");
    assert!(text.contains("bootnodes: west-0\n"), "{text}");
    assert!(text.contains("isolate west-0\n") || text.contains("isolate west-0 "), "{text}");
    let dot = render::dot(&plan);
    assert!(dot.contains("subgraph \"cluster_participant_west-0\" {"), "{dot}");
    assert!(dot.contains("\"west-1.execution\" -> \"west-0.execution\";"), "{dot}");
    assert_eq!(dot.matches('{').count(), dot.matches('}').count());
    let mermaid = render::mermaid(&plan);
    // Bootnodes are squares.
    for line in
        ["subgraph p0[\"west-0\"]", "n0[\"west-0.execution<br/>exec\"]", "n3(((\"west-1.execution<br/>exec\")))"]
    {
        assert!(mermaid.contains(line), "{line} in {mermaid}");
    }
    assert_eq!(mermaid.matches("subgraph").count(), mermaid.matches("end\n").count());
    let svg = render::svg(&plan);
    for name in ["data-node=\"west-0.execution\"", ">west-0</text>", ">exe</text>"] {
        assert!(svg.contains(name), "{name}");
    }
}

#[test]
fn members_stand_apart_and_beside_each_other() {
    let plan = parts().plan();
    let drawing = render::draw(&render::picture_of(&plan));
    let distance = |one: &str, other: &str| {
        let (a, b) = (drawing.positions[one], drawing.positions[other]);
        (a.0 - b.0).hypot(a.1 - b.1)
    };
    let names: Vec<&String> = drawing.positions.keys().collect();
    for (position, one) in names.iter().enumerate() {
        for other in &names[position + 1..] {
            assert!(distance(one, other) > 30.0, "{one} {other}");
            let mates = one.split_once('.').zip(other.split_once('.')).is_some_and(|(a, b)| a.0 == b.0);
            assert_eq!(distance(one, other) < 50.0, mates, "{one} {other}: {}", distance(one, other));
        }
    }
}
