//! A number of each node over time, as step lines: peers, final blocks.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::frame::{Frame, LEFT, RIGHT, WIDTH, n, push};

/// A node's line.
#[derive(Debug)]
pub(crate) struct Line {
    /// Its name.
    pub(crate) name: String,
    /// The colour number of its client.
    pub(crate) colour: usize,
    /// Instants and values; `None` from where nothing is known.
    pub(crate) points: Vec<(u64, Option<u64>)>,
}

/// Lines over time; equal lines are drawn once.
pub(crate) fn steps(frame: &Frame<'_, '_>, lines: &[Line], label: &str) -> Markup {
    const HIGH: f64 = 110.0;
    const TOP: f64 = 8.0;
    let bottom = TOP + HIGH;
    let values = || lines.iter().flat_map(|line| line.points.iter().filter_map(|point| point.1));
    let top = values().max().unwrap_or(1).max(1);
    let y = |value: u64| bottom - 3.0 - value as f64 / top as f64 * (HIGH - 10.0);
    let mut paths: BTreeMap<String, (usize, Vec<&str>, Option<u64>)> = BTreeMap::new();
    for line in lines {
        let last = line.points.last().and_then(|point| point.1);
        let entry = paths.entry(path(frame, line, &y)).or_insert((line.colour, Vec::new(), last));
        entry.1.push(&line.name);
    }
    let step = (top / 4).max(1);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", bottom + 20.0)) role="img" aria-label=(label) {
            (frame.axis(TOP, bottom))
            @for value in (0..=top).step_by(step as usize) {
                path.grid d=(format!("M{LEFT} {0}H{RIGHT}", n(y(value)))) {}
                text.tick x=(n(LEFT - 8.0)) y=(n(y(value) + 4.0)) text-anchor="end" { (value) }
            }
            (frame.bands(TOP, bottom))
            @for (path, (colour, names, last)) in &paths {
                @if !path.is_empty() {
                    path class=(format!("line k{colour}")) d=(path) {
                        title { (names.join(", ")) @if let Some(last) = last { ": " (last) " at the end" } }
                    }
                }
            }
        }
    }
}

fn path(frame: &Frame<'_, '_>, line: &Line, y: &impl Fn(u64) -> f64) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for &(at, value) in line.points.iter().filter(|point| point.0 <= frame.to) {
        let x = n(frame.x(at));
        match (value, drawing) {
            (Some(value), false) => push(&mut path, format_args!("M{x} {}", n(y(value)))),
            (Some(value), true) => push(&mut path, format_args!("H{x}V{}", n(y(value)))),
            (None, true) => push(&mut path, format_args!("H{x}")),
            (None, false) => {}
        }
        drawing = value.is_some();
    }
    if drawing {
        push(&mut path, format_args!("H{}", n(frame.x(frame.to))));
    }
    path
}
