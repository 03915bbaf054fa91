//! A plan for people and programs: text, JSON, DOT, Mermaid and SVG. The same plan gives the same bytes.

mod dot;
mod layout;
mod mermaid;
mod participants;
mod picture;
mod strip;
mod table;
#[cfg(test)]
mod tests;
mod text;

use super::Plan;

pub use dot::dot;
pub use mermaid::mermaid;
pub use picture::{Drawing, Picture, PictureNode, draw};
pub use strip::{Band, Strip, draw_strip};
pub use text::text;

/// The plan as JSON, indented, with a line break at the end.
pub fn json(plan: &Plan) -> String {
    serde_json::to_string_pretty(plan).expect("plain data always becomes JSON") + "\n"
}

/// The plan as a picture: the network above, the timeline below.
pub fn svg(plan: &Plan) -> String {
    let picture = picture_of(plan);
    let bands = plan.entries.iter().map(|entry| Band {
        row: entry.family.clone(),
        label: entry.summary.clone(),
        start: entry.start.as_secs_f64(),
        end: entry.end.unwrap_or(plan.duration).as_secs_f64(),
    });
    let strip = Strip { length: plan.duration.as_secs_f64(), bands: bands.collect() };
    picture::document(&picture, (!strip.bands.is_empty()).then_some(&strip))
}

/// What a picture of the plan's network shows.
pub fn picture_of(plan: &Plan) -> Picture {
    let nodes = plan.nodes.iter().map(|node| PictureNode {
        name: node.process.name.to_string(),
        group: node.group.clone(),
        participant: node.participant.clone(),
        member: node.member.clone(),
        client: node.process.client.to_string(),
        producer: node.producer,
        bootnode: plan.bootnodes.contains(&node.process.name),
        hint: format!("{} · {} · {}", node.role, node.process.client, node.process.address()),
    });
    let index = |name: &crate::action::NodeName| plan.nodes.iter().position(|node| node.process.name == *name);
    let edges = plan.edges.iter().filter_map(|(from, to)| Some((index(from)?, index(to)?)));
    let clients: std::collections::BTreeSet<_> = plan.nodes.iter().map(|node| &node.process.client).collect();
    Picture {
        title: plan.scenario.clone(),
        subtitle: format!(
            "{}, {}, {}, seed {}",
            how_many(plan),
            count(clients.len(), "client"),
            count(plan.edges.len(), "edge"),
            plan.seed
        ),
        edges: edges.collect(),
        nodes: nodes.collect(),
    }
}

/// `9 nodes`, or `3 participants of 9 nodes`.
fn how_many(plan: &Plan) -> String {
    let participants: std::collections::BTreeSet<_> =
        plan.nodes.iter().filter_map(|node| node.participant.as_ref()).collect();
    let single = plan.nodes.iter().filter(|node| node.participant.is_none()).count();
    let members = count(plan.nodes.len() - single, "node");
    match (participants.len(), single) {
        (0, single) => count(single, "node"),
        (several, 0) => format!("{} of {members}", count(several, "participant")),
        (several, single) => {
            format!("{} of {members} and {}", count(several, "participant"), count(single, "single node"))
        }
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
