//! The network as a picture: nodes in circles by group, colours and letters by client, a line for each edge.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::TAU;

use maud::{Markup, html};

use super::client_colours;
use super::frame::n;
use crate::check::history::History;
use crate::check::layers::BEACON;

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
            @for (from, to) in edges(history) {
                @if let (Some(a), Some(b)) = (places.get(&from), places.get(&to)) {
                    path.edge d=(format!("M{} {}L{} {}", n(a.x), n(a.y), n(b.x), n(b.y))) { title { (called(history, from)) " dials " (called(history, to)) } }
                }
            }
            @for (&node, place) in &places {
                (unit(history, &colours, node, place, dot))
            }
        }
    }
}

/// A node, or a participant: the member that decides as the large dot, the others as small ones at its side.
fn unit(history: &History<'_>, colours: &BTreeMap<String, usize>, node: usize, place: &Place, dot: f64) -> Markup {
    let colour_of = |node: usize| colours.get(&history.nodes[node].record.client.to_string()).copied().unwrap_or(0);
    let mates = history.mates(node);
    let main = history.mate_on(node, BEACON);
    let record = history.nodes[main].record;
    let colour = colour_of(main);
    let odd = mates.iter().any(|&mate| !history.nodes[mate].record.extra_args.is_empty());
    let produces = mates.iter().any(|&mate| history.nodes[mate].record.producer);
    let small = dot * 0.5;
    html! {
        g {
            title {
                @for (index, &mate) in mates.iter().enumerate() {
                    @let record = history.nodes[mate].record;
                    @if index > 0 { "; " }
                    (record.name) ": " (record.client) ", " (record.role)
                    @for (network, address) in &record.addresses { ", " (address) " in " (network) }
                    @if !record.extra_args.is_empty() { ", " (record.extra_args.join(" ")) }
                }
            }
            @if produces {
                circle class=(format!("node f{colour}")) cx=(n(place.x)) cy=(n(place.y)) r=(n(dot)) {}
            } @else {
                rect class=(format!("node f{colour}")) x=(n(place.x - dot * 0.85)) y=(n(place.y - dot * 0.85)) width=(n(dot * 1.7)) height=(n(dot * 1.7)) rx="3" {}
            }
            text.client x=(n(place.x)) y=(n(place.y + 4.0)) text-anchor="middle" { (client_letter(colour)) }
            @for (index, &mate) in mates.iter().filter(|&&mate| mate != main).enumerate() {
                // Along the lower right of the large dot.
                @let angle = TAU * (0.02 + 0.11 * index as f64);
                @let (x, y) = (place.x + (dot + small * 0.6) * angle.cos(), place.y + (dot + small * 0.6) * angle.sin());
                circle class=(format!("node within f{}", colour_of(mate))) cx=(n(x)) cy=(n(y)) r=(n(small)) {}
                @if dot > 10.0 { text.client.tiny x=(n(x)) y=(n(y + 2.6)) text-anchor="middle" { (client_letter(colour_of(mate))) } }
            }
            @if odd {
                text.odd x=(n(place.x + dot)) y=(n(place.y - dot + 4.0)) { "★" }
            }
            text.nodename x=(n(place.x)) y=(n(place.y + dot + 12.0)) text-anchor="middle" { (record.participant.as_deref().unwrap_or(record.name.as_str())) }
        }
    }
}

/// How a unit is called.
fn called<'a>(history: &History<'a>, node: usize) -> &'a str {
    let record = history.nodes[node].record;
    record.participant.as_deref().unwrap_or(record.name.as_str())
}

/// The node that stands for its participant in the picture: its first member.
fn stands_for(history: &History<'_>, node: usize) -> usize {
    history.mates(node).into_iter().min().unwrap_or(node)
}

/// Who dials whom, each pair once; what members of one participant do among themselves is not shown.
fn edges(history: &History<'_>) -> BTreeSet<(usize, usize)> {
    let place = |name: &str| history.index.get(name).map(|&node| stands_for(history, node));
    let edges = history.run.edges.iter();
    let pairs = edges.filter_map(|edge| place(edge.from.as_str()).zip(place(edge.to.as_str())));
    pairs.filter(|(from, to)| from != to).collect()
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
        if stands_for(history, node) != node {
            continue;
        }
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
