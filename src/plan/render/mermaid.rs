//! A plan's network for Mermaid, which many forges draw inside Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::{Plan, PlannedNode};
use super::picture::client_colours;

/// The network as a Mermaid flowchart: a subgraph for each group, clients by colour, an arrow for each node that dials
/// another.
pub fn mermaid(plan: &Plan) -> String {
    let colours = client_colours(plan.nodes.iter().map(|node| node.process.client.to_string()));
    let class: BTreeMap<&String, usize> =
        colours.keys().enumerate().map(|(position, client)| (client, position)).collect();
    let id: BTreeMap<&str, usize> =
        plan.nodes.iter().enumerate().map(|(position, node)| (node.process.name.as_str(), position)).collect();
    let mut text = String::from("flowchart LR\n");
    for (client, colour) in &colours {
        let _ =
            writeln!(text, "  %% {client}\n  classDef client{} fill:{colour},color:#fff,stroke:#fff", class[client]);
    }
    let mut groups: BTreeMap<&str, Vec<&PlannedNode>> = BTreeMap::new();
    let mut single = Vec::new();
    for node in &plan.nodes {
        match &node.group {
            Some(group) => groups.entry(group).or_default().push(node),
            None => single.push(node),
        }
    }
    write_nodes(&mut text, plan, &single, &id, &class, "  ");
    for (position, (group, members)) in groups.iter().enumerate() {
        let _ = writeln!(text, "  subgraph g{position}[\"{}\"]", escaped(group));
        write_nodes(&mut text, plan, members, &id, &class, "    ");
        text.push_str("  end\n");
    }
    for (from, to) in &plan.edges {
        if let (Some(from), Some(to)) = (id.get(from.as_str()), id.get(to.as_str())) {
            let _ = writeln!(text, "  n{from} --> n{to}");
        }
    }
    text
}

/// Nodes, with a subgraph around those of each participant.
fn write_nodes(
    text: &mut String,
    plan: &Plan,
    nodes: &[&PlannedNode],
    id: &BTreeMap<&str, usize>,
    class: &BTreeMap<&String, usize>,
    indent: &str,
) {
    for together in nodes.chunk_by(|one, other| one.participant.is_some() && one.participant == other.participant) {
        let first = together[0];
        let Some(participant) = &first.participant else {
            write_node(text, plan, first, id, class, indent);
            continue;
        };
        let _ = writeln!(text, "{indent}subgraph p{}[\"{}\"]", id[first.process.name.as_str()], escaped(participant));
        for node in together {
            write_node(text, plan, node, id, class, &format!("{indent}  "));
        }
        let _ = writeln!(text, "{indent}end");
    }
}

fn write_node(
    text: &mut String,
    plan: &Plan,
    node: &PlannedNode,
    id: &BTreeMap<&str, usize>,
    class: &BTreeMap<&String, usize>,
    indent: &str,
) {
    let name = node.process.name.as_str();
    let client = node.process.client.to_string();
    let (open, close) = match (plan.bootnodes.contains(&node.process.name), node.producer) {
        (true, _) => ("[", "]"),
        (false, true) => ("(((", ")))"),
        (false, false) => ("((", "))"),
    };
    let class = class.get(&client).copied().unwrap_or(0);
    let _ = writeln!(
        text,
        "{indent}n{}{open}\"{}<br/>{}\"{close}:::client{class}",
        id[name],
        escaped(name),
        escaped(&client)
    );
}

fn escaped(text: &str) -> String {
    text.replace('"', "#quot;").replace('<', "&lt;")
}
