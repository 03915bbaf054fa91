//! Tests of the plan's pictures and texts.

use std::path::Path;

use super::*;
use crate::action::Seeds;
use crate::plan::sample::Parts;
use crate::text::{Sources, Span, yaml};
use crate::topology::{TopologyDocument, Wishes, resolve};

fn picture_of_file(path: &Path) -> Picture {
    let text = std::fs::read_to_string(path).unwrap();
    let mut sources = Sources::new();
    let document: TopologyDocument = yaml::read(&mut sources, &path.to_string_lossy(), &text)
        .unwrap_or_else(|mistakes| panic!("{}", sources.render_all(&mistakes, false)));
    let seeds = Seeds::root(42);
    let wishes = Wishes { name: "t", place: Span::default(), clients: &[], seeds: &seeds };
    let resolved = resolve(&document, &wishes);
    let topology = resolved.topology.unwrap_or_else(|| panic!("{}", sources.render_all(&resolved.mistakes, false)));
    let index = |name: &crate::action::NodeName| topology.nodes.iter().position(|node| node.name == *name).unwrap();
    Picture {
        title: topology.name.clone(),
        subtitle: topology.description.clone(),
        edges: topology.edges.iter().map(|(from, to)| (index(from), index(to))).collect(),
        nodes: topology
            .nodes
            .iter()
            .map(|node| PictureNode {
                name: node.name.to_string(),
                group: node.group.clone(),
                participant: node.participant.clone(),
                member: node.member.clone(),
                client: node.client.to_string(),
                producer: node.role == "validator",
                bootnode: topology.bootnodes.contains(&node.name),
                hint: node.role.clone(),
            })
            .collect(),
    }
}

#[test]
fn shipped_topologies_can_be_drawn() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 6);
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# For "), "{}: the first comment says what it is for", path.display());
        let picture = picture_of_file(&path);
        let drawing = draw(&picture);
        assert_eq!(drawing, draw(&picture));
        assert_eq!(drawing.positions.len(), picture.nodes.len());
        for (x, y) in drawing.positions.values() {
            assert!(*x > 0.0 && *x < drawing.width && *y > 0.0 && *y < drawing.height);
        }
    }
}

/// The room's example with overlapping faults, expectations, and a node that starts late.
fn example() -> crate::plan::Plan {
    use std::time::Duration;

    use crate::check::agree::Agree;
    use crate::check::{Subject, That, When};

    let parts = Parts::default();
    let topology = format!("{}zones: {{eu-eu: 2ms, us-us: 2ms, eu-us: 40ms}}\n", parts.topology)
        .replace("role: bootnode", "role: bootnode, start_at: 3s, args: {add: [--quirk]}");
    let agree = || That::Agree(Agree { on: Subject::Head, depth: None });
    let parts = Parts {
        topology,
        timeline: vec![
            ("split", 15, Some(35), "partition: {groups: [west, east]}"),
            ("crash", 20, Some(25), "kill: {targets: west-1}"),
            ("slow", 20, Some(50), "shape: {targets: east, latency: 100ms, loss: 1%}"),
            ("again", 40, None, "restart: {targets: west-0, wipe: true}"),
            ("frozen", 45, None, "pause: {targets: east-1}"),
        ],
        expectations: vec![
            (When::Always, agree(), "always: agree on head"),
            (When::After("split".into(), Duration::from_secs(45)), agree(), "after split, within 45s: agree on head"),
        ],
        ..parts
    };
    parts.plan()
}

#[test]
fn a_plan_as_text() {
    insta::assert_snapshot!(text(&example()));
}

#[test]
fn a_plan_as_graphs() {
    insta::assert_snapshot!("dot", dot(&example()));
    insta::assert_snapshot!("mermaid", mermaid(&example()));
}

#[test]
fn a_plan_as_a_picture() {
    let svg = svg(&example());
    for word in ["sample", "west", "east", "boot", "alpha@v2", "makes blocks", "bootnode", "split", "frozen"] {
        assert!(svg.contains(word), "{word}");
    }
    assert_eq!(svg.matches("data-node=").count(), 5);
    assert_eq!(svg, super::svg(&example()));
}

#[test]
fn a_plan_as_json_can_be_read_and_compared() {
    let plan: serde_json::Value = serde_json::from_str(&json(&example())).unwrap();
    assert_eq!(plan["scenario"], "sample");
    assert_eq!(plan["schema"], 1);
    assert_eq!(plan["nodes"].as_array().unwrap().len(), 5);
}
