//! Participants in pictures: one place in the layout for all their members, which stand close together in a ring of their
//! own.

use std::collections::BTreeSet;
use std::f64::consts::{PI, TAU};
use std::fmt::Write as _;

use super::layout::{Layout, NODE, Point, layout};
use super::picture::{Picture, PictureNode, escape};

/// Distance of members from the middle of their participant.
const SEAT: f64 = 22.0;
/// Radius of a participant's outline.
const OUTLINE: f64 = SEAT + NODE + 6.0;

/// A participant or a node that is in none.
struct Unit<'a> {
    participant: Option<&'a str>,
    nodes: Vec<usize>,
}

/// Where everything stands.
pub(super) struct Placed<'a> {
    pub(super) layout: Layout,
    /// One point for each node.
    pub(super) points: Vec<Point>,
    /// Name and middle of each participant.
    pub(super) participants: Vec<(&'a str, Point)>,
}

/// Places the nodes of a picture.
pub(super) fn place(picture: &Picture) -> Placed<'_> {
    let units = units(&picture.nodes);
    let group = |unit: &Unit<'_>| unit.nodes.first().and_then(|node| picture.nodes[*node].group.clone());
    let groups: Vec<Option<String>> = units.iter().map(group).collect();
    let mut unit_of = vec![0; picture.nodes.len()];
    for (position, unit) in units.iter().enumerate() {
        for node in &unit.nodes {
            unit_of[*node] = position;
        }
    }
    let known = |(from, to): &(usize, usize)| Some((*unit_of.get(*from)?, *unit_of.get(*to)?));
    let edges: BTreeSet<(usize, usize)> = picture.edges.iter().filter_map(known).filter(|(a, b)| a != b).collect();
    let edges: Vec<(usize, usize)> = edges.into_iter().collect();
    let reach = if units.iter().any(|unit| unit.participant.is_some()) { OUTLINE } else { NODE };
    // Without participants the layout gets the edges as they are, repetitions included.
    let layout = layout(&groups, if reach > NODE { &edges } else { &picture.edges }, reach);
    let mut points = vec![(0.0, 0.0); picture.nodes.len()];
    let mut participants = Vec::new();
    for (unit, middle) in units.iter().zip(&layout.points) {
        participants.extend(unit.participant.map(|name| (name, *middle)));
        for (seat, node) in unit.nodes.iter().enumerate() {
            points[*node] = seated(*middle, seat, unit.nodes.len());
        }
    }
    Placed { layout, points, participants }
}

fn units(nodes: &[PictureNode]) -> Vec<Unit<'_>> {
    let mut units: Vec<Unit<'_>> = Vec::new();
    for (position, node) in nodes.iter().enumerate() {
        match (node.participant.as_deref(), units.last_mut()) {
            (Some(name), Some(last)) if last.participant == Some(name) => last.nodes.push(position),
            (participant, _) => units.push(Unit { participant, nodes: vec![position] }),
        }
    }
    units
}

fn seated(middle: Point, seat: usize, of: usize) -> Point {
    if of == 1 {
        return middle;
    }
    // More members than have room side by side move outwards; nobody runs so many.
    let ring = SEAT.max(of as f64 * 2.2 * NODE / TAU);
    let angle = -PI / 2.0 + TAU * seat as f64 / of as f64;
    (middle.0 + ring * angle.cos(), middle.1 + ring * angle.sin())
}

/// Outlines of participants, which lie under nodes and edges.
pub(super) fn outlines(placed: &Placed<'_>, shift: Point) -> String {
    let mut elements = String::new();
    for (_, (x, y)) in &placed.participants {
        let _ = writeln!(
            elements,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{OUTLINE:.1}\" fill=\"#ffffff\" fill-opacity=\"0.75\" stroke=\"#9aa8b8\" stroke-width=\"1.2\"/>",
            x + shift.0,
            y + shift.1
        );
    }
    elements
}

/// Names of participants, which lie over everything.
pub(super) fn names(placed: &Placed<'_>, shift: Point) -> String {
    let mut elements = String::new();
    for (name, (x, y)) in &placed.participants {
        let _ = writeln!(
            elements,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\" font-weight=\"600\" fill=\"#1f2933\" stroke=\"#ffffff\" \
             stroke-width=\"3\" stroke-opacity=\"0.85\" paint-order=\"stroke\">{}</text>",
            x + shift.0,
            y + shift.1 + OUTLINE + 13.0,
            escape(name)
        );
    }
    elements
}

/// What a participant's name needs below its middle.
pub(super) const BELOW: f64 = OUTLINE + 16.0;
