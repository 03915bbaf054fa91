//! The network as a picture: nodes in circles by group, colours and letters by client, a line for each edge.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use maud::{Markup, html};

use super::client_colours;
use super::frame::n;
use crate::check::history::History;

struct Place {
    x: f64,
    y: f64,
}

/// A ring of nodes.
struct Ring {
    name: Option<String>,
    members: Vec<usize>,
    radius: f64,
    x: f64,
    y: f64,
}

/// The picture.
pub(crate) fn topology(history: &History<'_>) -> Markup {
    let rings = rings(history);
    let reach = |value: fn(&Ring) -> f64| rings.iter().map(|ring| value(ring) + ring.radius).fold(0.0, f64::max);
    let (width, height) = (reach(|ring| ring.x) + 70.0, reach(|ring| ring.y) + 46.0);
    let mut places: BTreeMap<usize, Place> = BTreeMap::new();
    for ring in &rings {
        let count = ring.members.len() as f64;
        for (position, &node) in ring.members.iter().enumerate() {
            let angle = TAU * (position as f64 / count) - TAU / 4.0;
            let radius = if ring.members.len() == 1 { 0.0 } else { ring.radius };
            places.insert(node, Place { x: ring.x + radius * angle.cos(), y: ring.y + radius * angle.sin() });
        }
    }
    let colours = client_colours(history);
    let dot = if history.nodes.len() > 24 { 8.0 } else { 12.0 };
    html! {
        svg.topology viewBox=(format!("0 0 {} {}", n(width), n(height))) style=(format!("max-width:{}px", n(width * 1.4))) role="img" aria-label="The nodes, their groups, and who dials whom" {
            @for ring in &rings {
                @if let Some(name) = &ring.name {
                    circle.group cx=(n(ring.x)) cy=(n(ring.y)) r=(n(ring.radius + 32.0)) {}
                    text.groupname x=(n(ring.x)) y=(n(ring.y + 4.0)) text-anchor="middle" { (name) }
                }
            }
            @for edge in &history.run.edges {
                @if let (Some(a), Some(b)) = (history.index.get(edge.from.as_str()).and_then(|i| places.get(i)), history.index.get(edge.to.as_str()).and_then(|i| places.get(i))) {
                    path.edge d=(format!("M{} {}L{} {}", n(a.x), n(a.y), n(b.x), n(b.y))) { title { (edge.from) " dials " (edge.to) } }
                }
            }
            @for (&node, place) in &places {
                @let record = history.nodes[node].record;
                @let colour = colours.get(&record.client.to_string()).copied().unwrap_or(0);
                g {
                    title {
                        (record.name) ": " (record.client) ", " (record.role)
                        @for (network, address) in &record.addresses { ", " (address) " in " (network) }
                        @if !record.extra_args.is_empty() { ", " (record.extra_args.join(" ")) }
                    }
                    @if record.producer {
                        circle class=(format!("node f{colour}")) cx=(n(place.x)) cy=(n(place.y)) r=(n(dot)) {}
                    } @else {
                        rect class=(format!("node f{colour}")) x=(n(place.x - dot * 0.85)) y=(n(place.y - dot * 0.85)) width=(n(dot * 1.7)) height=(n(dot * 1.7)) rx="3" {}
                    }
                    text.client x=(n(place.x)) y=(n(place.y + 4.0)) text-anchor="middle" { (client_letter(colour)) }
                    @if !record.extra_args.is_empty() {
                        text.odd x=(n(place.x + dot)) y=(n(place.y - dot + 4.0)) { "★" }
                    }
                    text.nodename x=(n(place.x)) y=(n(place.y + dot + 11.0)) text-anchor="middle" { (record.name) }
                }
            }
        }
    }
}

/// The digit that stands for a client's colour.
pub(crate) fn client_letter(colour: usize) -> String {
    (colour + 1).to_string()
}

/// Groups side by side in rows; nodes without a group are a ring of their own.
fn rings(history: &History<'_>) -> Vec<Ring> {
    let mut members: BTreeMap<Option<&String>, Vec<usize>> = BTreeMap::new();
    let mut order: Vec<Option<&String>> = Vec::new();
    for (node, record) in history.run.nodes.iter().enumerate() {
        let group = record.group.as_ref();
        if !members.contains_key(&group) {
            order.push(group);
        }
        members.entry(group).or_default().push(node);
    }
    let (mut x, mut y, mut row) = (0.0, 0.0, 0.0_f64);
    let mut rings = Vec::new();
    for group in order {
        let members = members.remove(&group).unwrap_or_default();
        // Larger groups stand closer, so that two of them still fit side by side.
        let room = match members.len() {
            0..=12 => 52.0,
            13..=30 => 40.0,
            _ => 32.0,
        };
        let radius = (members.len() as f64 * room / TAU).max(if members.len() > 1 { 44.0 } else { 18.0 });
        let outer = radius + 44.0;
        if x > 0.0 && x + 2.0 * outer > 1100.0 {
            (x, y, row) = (0.0, y + row, 0.0);
        }
        rings.push(Ring { name: group.cloned(), members, radius, x: x + outer + 12.0, y: y + outer });
        x += 2.0 * outer + 16.0;
        row = row.max(2.0 * outer);
    }
    // Groups of one row share a middle.
    let mut start = 0;
    while start < rings.len() {
        let end = start + 1 + rings[start + 1..].iter().take_while(|ring| ring.x > rings[start].x).count();
        let middle = rings[start..end].iter().map(|ring| ring.y).fold(0.0, f64::max);
        for ring in &mut rings[start..end] {
            ring.y = middle;
        }
        start = end;
    }
    rings
}
