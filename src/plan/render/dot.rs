//! A plan's network for Graphviz.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::{Plan, PlannedNode};
use super::picture::{client_colours, group_tint};

/// The network as a DOT graph: a cluster for each group, clients by colour, an arrow for each node that dials another.
pub fn dot(plan: &Plan) -> String {
    let colours = client_colours(plan.nodes.iter().map(|node| node.process.client.to_string()));
    let mut text = format!("digraph {} {{\n", quoted(&plan.scenario));
    text.push_str("  layout=fdp; overlap=false; splines=true;\n");
    text.push_str(
        "  node [shape=circle, style=filled, fontname=\"sans-serif\", fontsize=10, fontcolor=white, color=white];\n",
    );
    text.push_str("  edge [color=\"#8795a8\", arrowsize=0.5];\n");
    let mut groups: BTreeMap<&str, Vec<&PlannedNode>> = BTreeMap::new();
    let mut single = Vec::new();
    for node in &plan.nodes {
        match &node.group {
            Some(group) => groups.entry(group).or_default().push(node),
            None => single.push(node),
        }
    }
    write_nodes(&mut text, plan, &single, &colours, "  ");
    for (position, (group, members)) in groups.iter().enumerate() {
        let _ = writeln!(text, "  subgraph {} {{", quoted(&format!("cluster_{group}")));
        let tint = group_tint(position);
        let _ = writeln!(
            text,
            "    label={}; style=\"rounded,filled\"; color=\"{}\"; fillcolor=\"{}\";",
            quoted(group),
            tint.line,
            tint.fill
        );
        write_nodes(&mut text, plan, members, &colours, "    ");
        text.push_str("  }\n");
    }
    for (from, to) in &plan.edges {
        let _ = writeln!(text, "  {} -> {};", quoted(from.as_str()), quoted(to.as_str()));
    }
    text.push_str("}\n");
    text
}

/// Nodes, with a cluster around those of each participant.
fn write_nodes(
    text: &mut String,
    plan: &Plan,
    nodes: &[&PlannedNode],
    colours: &BTreeMap<String, &'static str>,
    indent: &str,
) {
    for together in nodes.chunk_by(|one, other| one.participant.is_some() && one.participant == other.participant) {
        let Some(participant) = &together[0].participant else {
            write_node(text, plan, together[0], colours, indent);
            continue;
        };
        let cluster = quoted(&format!("cluster_participant_{participant}"));
        let _ = writeln!(text, "{indent}subgraph {cluster} {{");
        let _ =
            writeln!(text, "{indent}  label={}; style=\"rounded,filled\"; fillcolor=\"#ffffff\";", quoted(participant));
        for node in together {
            write_node(text, plan, node, colours, &format!("{indent}  "));
        }
        let _ = writeln!(text, "{indent}}}");
    }
}

fn write_node(
    text: &mut String,
    plan: &Plan,
    node: &PlannedNode,
    colours: &BTreeMap<String, &'static str>,
    indent: &str,
) {
    let client = node.process.client.to_string();
    let colour = colours.get(&client).copied().unwrap_or("#666666");
    let shape = if plan.bootnodes.contains(&node.process.name) { ", shape=box" } else { "" };
    let rings = if node.producer { ", peripheries=2, color=\"#1f2933\"" } else { "" };
    let tooltip = quoted(&format!("{client}, {}, {}", node.role, node.process.address()));
    let _ = writeln!(
        text,
        "{indent}{} [fillcolor=\"{colour}\", tooltip={tooltip}{shape}{rings}];",
        quoted(node.process.name.as_str())
    );
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
