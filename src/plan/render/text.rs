//! A plan as text for a terminal.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::{Plan, PlannedNode, Step};
use super::table::aligned;
use super::{count, how_many};
use crate::action::{Action, NodeName, Signal};
use crate::check::duration;
use crate::link::{LinkParameters, LinkRule, NodeSet};

/// The plan as text: networks, nodes, wiring, links, timeline, expectations, notes.
pub fn text(plan: &Plan) -> String {
    let mut text = plan.scenario.clone();
    if !plan.description.is_empty() {
        let _ = write!(text, ": {}", plan.description.trim());
    }
    let _ = writeln!(
        text,
        "\nseed {} · {} · {} · timeline of {} · {}",
        plan.seed,
        plan.backend,
        how_many(plan),
        duration(plan.duration),
        if plan.wire { "packets pass the wire" } else { "no wire" },
    );
    section(&mut text, "Networks", &networks(plan));
    section(&mut text, "Nodes", &nodes(plan));
    section(&mut text, "Wiring", &wiring(plan));
    section(&mut text, "Links", &links(plan));
    section(&mut text, "Timeline", &timeline(plan));
    section(&mut text, "Expectations", &expectations(plan));
    section(&mut text, "Notes", &plan.notes.iter().fold(String::new(), |notes, note| notes + "  " + note + "\n"));
    text
}

fn section(text: &mut String, heading: &str, body: &str) {
    if !body.is_empty() {
        let _ = write!(text, "\n{heading}\n{body}");
    }
}

fn heading(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn networks(plan: &Plan) -> String {
    let mut rows = vec![heading(&["name", "range", "gateway", "way out"])];
    rows.extend(plan.networks.iter().map(|network| {
        vec![
            network.name.to_string(),
            format!("{}/{}", network.subnet, network.prefix),
            network.gateway.to_string(),
            if network.internet { "internet" } else { "sealed" }.to_owned(),
        ]
    }));
    aligned(&rows)
}

fn nodes(plan: &Plan) -> String {
    let mut rows =
        vec![heading(&["name", "client", "role", "address", "zone", "starts", "signs as", "extra arguments"])];
    let mut participant: Option<&String> = None;
    for node in &plan.nodes {
        // A participant is one row, with its members below.
        if node.participant.is_some() && node.participant.as_ref() != participant {
            rows.push(participant_row(plan, node));
        }
        participant = node.participant.as_ref();
        let addresses: Vec<String> =
            node.process.attachments.iter().map(|attachment| attachment.address.to_string()).collect();
        let said_above = |text: String| if participant.is_some() { String::new() } else { text };
        rows.push(vec![
            format!("{}{}", if participant.is_some() { "  " } else { "" }, node.process.name),
            node.process.client.to_string(),
            said_above(node.role.clone()),
            addresses.join(" "),
            said_above(node.zone.clone().unwrap_or_default()),
            said_above(node.start_at.map(|at| format!("at {}", duration(at))).unwrap_or_default()),
            signers(node),
            node.extra_args.join(" "),
        ]);
    }
    aligned(&rows)
}

/// What the members of a participant share.
fn participant_row(plan: &Plan, first: &PlannedNode) -> Vec<String> {
    let members = plan.nodes.iter().filter(|node| node.participant == first.participant).count();
    vec![
        first.participant.clone().unwrap_or_default(),
        count(members, "member"),
        first.role.clone(),
        String::new(),
        first.zone.clone().unwrap_or_default(),
        first.start_at.map(|at| format!("at {}", duration(at))).unwrap_or_default(),
        String::new(),
        String::new(),
    ]
}

fn signers(node: &PlannedNode) -> String {
    const MOST: usize = 4;
    let mut signers: Vec<&str> = node.signs_as.iter().map(String::as_str).collect();
    if signers.len() > MOST {
        signers.truncate(MOST);
        signers.push("…");
    }
    signers.join(" ")
}

fn wiring(plan: &Plan) -> String {
    let mut rows = vec![heading(&["node", "dials"])];
    for node in &plan.nodes {
        let name = &node.process.name;
        let dials: Vec<&NodeName> = plan.edges.iter().filter(|(from, _)| from == name).map(|(_, to)| to).collect();
        if !dials.is_empty() {
            rows.push(vec![name.to_string(), dials.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")]);
        }
    }
    let mut text = if rows.len() > 1 { aligned(&rows) } else { String::new() };
    if !plan.bootnodes.is_empty() {
        let indices = plan.nodes.iter().filter(|node| plan.bootnodes.contains(&node.process.name));
        let names = words(plan, &indices.map(|node| node.process.index).collect(), false);
        let _ = writeln!(text, "  bootnodes: {}", names.join(" "));
    }
    text
}

fn links(plan: &Plan) -> String {
    const MOST: usize = 24;
    if plan.base_links.is_empty() {
        return String::new();
    }
    let mut rows = vec![heading(&["from", "to", "quality"])];
    rows.extend(plan.base_links.iter().take(MOST).map(|rule| rule_row(plan, rule)));
    let mut text = aligned(&rows);
    if plan.base_links.len() > MOST {
        let _ = writeln!(text, "  … and {} more", plan.base_links.len() - MOST);
    }
    text
}

fn rule_row(plan: &Plan, rule: &LinkRule) -> Vec<String> {
    vec![say_nodes(plan, &rule.from), say_nodes(plan, &rule.to), say_quality(&rule.parameters)]
}

/// Nodes as a person would say them: whole groups by their name, then single ones, at most a handful.
fn say_nodes(plan: &Plan, nodes: &NodeSet) -> String {
    const MOST: usize = 5;
    if nodes.len() == plan.nodes.len() {
        return "all".to_owned();
    }
    let mut words = words(plan, nodes, true);
    if words.len() > MOST {
        let more = words.len() - (MOST - 1);
        words.truncate(MOST - 1);
        words.push(format!("{more} more"));
    }
    words.join(" ")
}

/// Whole groups (if wanted) and participants by their names, then single nodes, in plan order.
fn words(plan: &Plan, nodes: &NodeSet, groups: bool) -> Vec<String> {
    let whole = |same: &dyn Fn(&PlannedNode) -> bool| {
        plan.nodes.iter().filter(|node| same(node)).all(|node| nodes.contains(&node.process.index))
    };
    let mut said: BTreeSet<&String> = BTreeSet::new();
    let mut words = Vec::new();
    for node in plan.nodes.iter().filter(|node| nodes.contains(&node.process.index)) {
        let group = node.group.as_ref().filter(|_| groups);
        let group = group.filter(|group| whole(&|other| other.group.as_ref() == Some(*group)));
        let participant = node.participant.as_ref();
        let participant = participant.filter(|name| whole(&|other| other.participant.as_ref() == Some(*name)));
        match group.or(participant) {
            Some(name) if said.contains(name) => {}
            Some(name) => {
                said.insert(name);
                words.push(name.clone());
            }
            None => words.push(node.process.name.to_string()),
        }
    }
    words
}

fn say_quality(parameters: &LinkParameters) -> String {
    if parameters.cut {
        return "cut".to_owned();
    }
    let mut words = Vec::new();
    if !parameters.latency.is_zero() {
        words.push(format!("latency {}", duration(parameters.latency)));
    }
    if !parameters.jitter.is_zero() {
        words.push(format!("jitter {}", duration(parameters.jitter)));
    }
    if parameters.loss > 0.0 {
        // Shares are written with at most four decimals, which rounding brings back.
        words.push(format!("loss {}%", (parameters.loss * 1_000_000.0).round() / 10_000.0));
    }
    if let Some(rate) = parameters.rate {
        words.push(match rate {
            rate if rate % 1_000_000 == 0 => format!("rate {}mbit", rate / 1_000_000),
            rate if rate % 1_000 == 0 => format!("rate {}kbit", rate / 1_000),
            rate => format!("rate {rate}bit"),
        });
    }
    words.join(", ")
}

fn timeline(plan: &Plan) -> String {
    let mut rows = vec![heading(&["at", "", "entry", "what", "actions"])];
    rows.push(vec![
        "0s".to_owned(),
        "•".to_owned(),
        String::new(),
        "all nodes that start at once are ready".to_owned(),
        String::new(),
    ]);
    for step in &plan.timeline {
        let mut lines = Vec::new();
        for name in &step.begins {
            let summary = plan.entries.iter().find(|entry| entry.name == *name).map_or("", |entry| &entry.summary);
            let mark = if step.ends.contains(name) { "±" } else { "+" };
            lines.push((mark, name.to_string(), summary.to_owned()));
        }
        let ends = step.ends.iter().filter(|name| !step.begins.contains(name));
        lines.extend(ends.map(|name| ("−", name.to_string(), "healed".to_owned())));
        if lines.is_empty() {
            lines.push(("•", String::new(), String::new()));
        }
        for (position, (mark, entry, what)) in lines.into_iter().enumerate() {
            let first = position == 0;
            let at = if first { duration(step.at) } else { String::new() };
            let actions = if first { say_actions(step) } else { String::new() };
            rows.push(vec![at, mark.to_owned(), entry, what, actions]);
        }
    }
    rows.push(vec![
        duration(plan.duration),
        "•".to_owned(),
        String::new(),
        "end of the timeline".to_owned(),
        String::new(),
    ]);
    aligned(&rows)
}

fn say_actions(step: &Step) -> String {
    const MOST: usize = 6;
    let mut words: Vec<String> = step.actions.iter().map(say_action).collect();
    if words.len() > MOST {
        let more = words.len() - (MOST - 1);
        words.truncate(MOST - 1);
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

fn say_action(action: &Action) -> String {
    match action {
        Action::SetLinks { active } if active.is_empty() => "links: base".to_owned(),
        Action::SetLinks { active } => {
            let names: Vec<String> = active.iter().map(ToString::to_string).collect();
            format!("links: {}", names.join(" + "))
        }
        Action::Signal { node, signal } => {
            let word = match signal {
                Signal::Kill => "kill",
                Signal::Stop => "stop",
                Signal::Pause => "pause",
                Signal::Resume => "resume",
            };
            format!("{word} {node}")
        }
        Action::Start { node } => format!("start {node}"),
        Action::Wipe { node } => format!("wipe {node}"),
        Action::Detach { node, network } => format!("detach {node} from {network}"),
        Action::Attach { node, network } => format!("attach {node} to {network}"),
        Action::Call { node, method, .. } => format!("call {method} at {node}"),
    }
}

fn expectations(plan: &Plan) -> String {
    let everybody = plan.nodes.len();
    let mut rows = vec![Vec::new()];
    rows.extend(plan.expectations.iter().map(|expectation| {
        let nodes =
            if expectation.nodes.len() == everybody { String::new() } else { count(expectation.nodes.len(), "node") };
        vec![expectation.label.clone(), nodes, expectation.place.clone()]
    }));
    // No heading: the first row is empty.
    aligned(&rows).trim_start_matches('\n').to_owned()
}
