//! The picture of a network as SVG. A pure function of names, groups, clients and edges, so that reports draw with it too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::layout::{Layout, NODE, Point};
use super::participants::{self, Placed, place};
use super::strip::{Strip, strip_elements};

/// What a picture shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Heading; may be empty.
    pub title: String,
    /// A line under it; may be empty.
    pub subtitle: String,
    /// All nodes.
    pub nodes: Vec<PictureNode>,
    /// Who dials whom, by position in `nodes`.
    pub edges: Vec<(usize, usize)>,
}

/// A node of a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PictureNode {
    /// Its name.
    pub name: String,
    /// Its group, drawn as a coloured area.
    pub group: Option<String>,
    /// The participant that it is a member of: members stand together. They follow each other in the list.
    pub participant: Option<String>,
    /// Which member it is.
    pub member: Option<String>,
    /// Its client, which gives it its colour.
    pub client: String,
    /// Whether it makes blocks: a ring around it.
    pub producer: bool,
    /// Whether others find each other through it: a square.
    pub bootnode: bool,
    /// What is shown when the pointer rests on it.
    pub hint: String,
}

/// A finished picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// A whole `<svg>` element, to be written to a file or put into a page.
    pub svg: String,
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
    /// Middle of each node, by name, in the picture's own coordinates. Each node is a `<g class="sb-node"
    /// data-node="NAME">`, so that a page can do more with it.
    pub positions: BTreeMap<String, (f64, f64)>,
}

/// Border and area of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tint {
    pub(super) line: &'static str,
    pub(super) fill: &'static str,
    ink: &'static str,
}

const TINTS: [Tint; 6] = [
    Tint { line: "#c9d8ee", fill: "#eff4fb", ink: "#3d5a80" },
    Tint { line: "#f0d9b5", fill: "#fdf6ea", ink: "#8a5a14" },
    Tint { line: "#c4e3d0", fill: "#eef8f2", ink: "#2f6b4a" },
    Tint { line: "#e3cdea", fill: "#f8f1fa", ink: "#6d3f7f" },
    Tint { line: "#f1cccc", fill: "#fdf1f1", ink: "#8c3b3b" },
    Tint { line: "#cfd8dc", fill: "#f3f6f7", ink: "#45545c" },
];

/// Colours of clients: far apart from each other also for people who see red and green alike (after Okabe and Ito), dark
/// enough for white text.
const CLIENT_COLOURS: [&str; 10] =
    ["#0b6aa8", "#c4560a", "#00805d", "#a8487f", "#7a5c00", "#5a4fb5", "#b3261e", "#3f6b1f", "#00758f", "#5f5f6b"];

const INK: &str = "#1f2933";
const SOFT: &str = "#637083";
const MARGIN: f64 = 28.0;
const LEAST_WIDTH: f64 = 620.0;

/// A colour for each client, by name.
pub(super) fn client_colours(clients: impl IntoIterator<Item = String>) -> BTreeMap<String, &'static str> {
    let clients: BTreeSet<String> = clients.into_iter().collect();
    clients.into_iter().zip(CLIENT_COLOURS.into_iter().cycle()).collect()
}

/// The tint of the group at a position.
pub(super) fn group_tint(position: usize) -> Tint {
    TINTS[position % TINTS.len()]
}

/// Draws a picture.
pub fn draw(picture: &Picture) -> Drawing {
    let body = body(picture);
    let svg = wrap(&body.elements, body.width, body.height, &picture.title);
    Drawing { svg, width: body.width, height: body.height, positions: body.positions }
}

/// A picture with a timeline under it, as a file of its own.
pub(super) fn document(picture: &Picture, strip: Option<&Strip>) -> String {
    let body = body(picture);
    let mut elements = body.elements;
    let mut height = body.height;
    if let Some(strip) = strip {
        let (strip, strip_height) = strip_elements(strip, body.width - 2.0 * MARGIN);
        let _ = write!(elements, "<g transform=\"translate({MARGIN:.0} {height:.1})\">{strip}</g>");
        height += strip_height + MARGIN;
    }
    wrap(&elements, body.width, height, &picture.title) + "\n"
}

pub(super) fn wrap(elements: &str, width: f64, height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"sb-picture\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{}\" font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\">\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" rx=\"10\" fill=\"#ffffff\"/>\n{elements}</svg>",
        escape(title)
    )
}

struct Body {
    elements: String,
    width: f64,
    height: f64,
    positions: BTreeMap<String, Point>,
}

fn body(picture: &Picture) -> Body {
    let placed = place(picture);
    let (left, top, right, bottom) = bounds(picture, &placed);
    let legend = legend_rows(picture, (right - left).max(LEAST_WIDTH));
    let width = (right - left).max(LEAST_WIDTH) + 2.0 * MARGIN;
    let heading = if picture.title.is_empty() { 0.0 } else { 54.0 };
    let shift = (width / 2.0 - f64::midpoint(left, right), MARGIN + heading - top);
    let points: Vec<Point> = placed.points.iter().map(|(x, y)| (x + shift.0, y + shift.1)).collect();
    let legend_top = MARGIN + heading + (bottom - top) + 22.0;

    let mut elements = String::new();
    if !picture.title.is_empty() {
        let _ = writeln!(
            elements,
            "<text x=\"{MARGIN:.0}\" y=\"{:.0}\" font-size=\"19\" font-weight=\"650\" fill=\"{INK}\">{}</text>\
             <text x=\"{MARGIN:.0}\" y=\"{:.0}\" font-size=\"12.5\" fill=\"{SOFT}\">{}</text>",
            MARGIN + 13.0,
            escape(&picture.title),
            MARGIN + 33.0,
            escape(&shortened(&picture.subtitle, ((width - 2.0 * MARGIN) / (12.5 * 0.52)) as usize))
        );
    }
    let (areas, titles) = group_elements(&placed.layout, shift);
    elements.push_str(&areas);
    elements.push_str(&participants::outlines(&placed, shift));
    write_edges(&mut elements, picture, &points, shift);
    elements.push_str(&titles);
    write_nodes(&mut elements, picture, &points);
    elements.push_str(&participants::names(&placed, shift));
    elements.push_str(&legend.elements(legend_top));
    let positions = picture.nodes.iter().map(|node| node.name.clone()).zip(points).collect();
    Body { elements, width, height: legend_top + legend.height() + MARGIN - 8.0, positions }
}

/// Around all clusters with their titles and the names under single nodes.
fn bounds(picture: &Picture, placed: &Placed<'_>) -> (f64, f64, f64, f64) {
    let mut bounds = (f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    let mut include = |x: f64, y: f64| {
        bounds = (bounds.0.min(x), bounds.1.min(y), bounds.2.max(x), bounds.3.max(y));
    };
    for cluster in &placed.layout.clusters {
        let (x, y) = cluster.centre;
        let above = if cluster.group.is_some() { 20.0 } else { 0.0 };
        include(x - cluster.radius, y - cluster.radius - above);
        include(x + cluster.radius, y + cluster.radius);
    }
    for (name, (x, y)) in &placed.participants {
        let half = text_width(name, 11.0) / 2.0;
        include(x - half, *y);
        include(x + half, y + participants::BELOW);
    }
    for (node, (x, y)) in picture.nodes.iter().zip(&placed.points) {
        if let Label::Under(text) = label(node) {
            let half = text_width(&text, 11.0) / 2.0;
            include(x - half, *y);
            include(x + half, y + NODE + 16.0);
        }
    }
    if bounds.0.is_finite() { bounds } else { (0.0, 0.0, 0.0, 0.0) }
}

/// Areas of groups, which lie under everything, and their titles, which lie over the edges.
fn group_elements(layout: &Layout, shift: Point) -> (String, String) {
    let mut named: Vec<_> =
        layout.clusters.iter().filter_map(|cluster| Some((cluster.group.as_ref()?, cluster))).collect();
    named.sort_by_key(|(group, _)| (*group).clone());
    let (mut areas, mut titles) = (String::new(), String::new());
    for (position, (group, cluster)) in named.into_iter().enumerate() {
        let tint = group_tint(position);
        let (x, y) = (cluster.centre.0 + shift.0, cluster.centre.1 + shift.1);
        let _ = writeln!(
            areas,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"1.5\"/>",
            cluster.radius, tint.fill, tint.line,
        );
        let _ = writeln!(
            titles,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"13\" font-weight=\"600\" fill=\"{}\" \
             stroke=\"#ffffff\" stroke-width=\"4\" stroke-opacity=\"0.9\" paint-order=\"stroke\">{}</text>",
            y - cluster.radius - 8.0,
            tint.ink,
            escape(group)
        );
    }
    (areas, titles)
}

fn write_edges(elements: &mut String, picture: &Picture, points: &[Point], centre: Point) {
    // Many edges are drawn fainter, so that a mesh stays a web and does not become a blot.
    let opacity = (14.0 / (picture.edges.len() as f64).max(1.0)).sqrt().clamp(0.16, 0.9);
    let _ =
        writeln!(elements, "<g fill=\"none\" stroke=\"#52657d\" stroke-width=\"1.3\" stroke-opacity=\"{opacity:.2}\">");
    for (from, to) in &picture.edges {
        let (Some(from_node), Some(to_node)) = (picture.nodes.get(*from), picture.nodes.get(*to)) else { continue };
        let ((x1, y1), (x2, y2)) = (points[*from], points[*to]);
        if from_node.group == to_node.group {
            let _ = write!(elements, "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/>");
        } else {
            // Links between groups bend a little towards the middle, which bundles them.
            let (mx, my) = (f64::midpoint(x1, x2), f64::midpoint(y1, y2));
            let (cx, cy) = (mx + (centre.0 - mx) * 0.18, my + (centre.1 - my) * 0.18);
            let _ = write!(elements, "<path d=\"M{x1:.1} {y1:.1}Q{cx:.1} {cy:.1} {x2:.1} {y2:.1}\"/>");
        }
    }
    elements.push_str("\n</g>\n");
}

enum Label {
    Inside(String),
    Under(String),
}

/// Short names stand inside: `west-3` in group `west` is `3`, the member `execution` of a participant is `exe`.
fn label(node: &PictureNode) -> Label {
    if let Some(member) = node.member.as_ref().filter(|_| node.participant.is_some()) {
        return Label::Inside(member.chars().take(3).collect());
    }
    let rest = node.group.as_ref().and_then(|group| node.name.strip_prefix(group.as_str())?.strip_prefix('-'));
    match rest {
        Some(rest) if (1..=3).contains(&rest.len()) => Label::Inside(rest.to_owned()),
        _ if node.name.len() <= 3 => Label::Inside(node.name.clone()),
        _ => Label::Under(node.name.clone()),
    }
}

fn write_nodes(elements: &mut String, picture: &Picture, points: &[Point]) {
    let colours = client_colours(picture.nodes.iter().map(|node| node.client.clone()));
    for (node, point) in picture.nodes.iter().zip(points) {
        let colour = colours.get(&node.client).copied().unwrap_or(SOFT);
        let hint = if node.hint.is_empty() { String::new() } else { format!(" · {}", node.hint) };
        let _ = write!(
            elements,
            "<g class=\"sb-node\" data-node=\"{}\"><title>{}{}</title>",
            escape(&node.name),
            escape(&node.name),
            escape(&hint)
        );
        elements.push_str(&mark(*point, colour, node.producer, node.bootnode));
        let (x, y) = *point;
        let _ = match label(node) {
            Label::Inside(text) => write!(
                elements,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\" font-weight=\"600\" fill=\"#ffffff\">{}</text>",
                y + 4.0,
                escape(&text)
            ),
            Label::Under(text) => write!(
                elements,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\" fill=\"{INK}\" stroke=\"#ffffff\" \
                 stroke-width=\"3\" stroke-opacity=\"0.85\" paint-order=\"stroke\">{}</text>",
                y + NODE + 14.0,
                escape(&text)
            ),
        };
        elements.push_str("</g>\n");
    }
}

fn mark(point: Point, colour: &str, producer: bool, bootnode: bool) -> String {
    let (x, y) = point;
    let size = if producer { NODE - 3.5 } else { NODE - 1.5 };
    let shape = |size: f64, style: &str| {
        if bootnode {
            format!(
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"4\" {style}/>",
                x - size,
                y - size,
                2.0 * size,
                2.0 * size
            )
        } else {
            format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{size:.1}\" {style}/>")
        }
    };
    let mut mark = shape(NODE + 1.0, "fill=\"#ffffff\"");
    if producer {
        mark += &shape(NODE, &format!("fill=\"#ffffff\" stroke=\"{colour}\" stroke-width=\"1.8\""));
    }
    mark + &shape(size, &format!("fill=\"{colour}\""))
}

struct Legend {
    rows: Vec<Vec<(f64, String, LegendMark)>>,
}

enum LegendMark {
    Client(&'static str),
    Producer,
    Bootnode,
}

const LEGEND_ROW: f64 = 24.0;

/// Clients by colour, then the shapes that occur, broken into rows.
fn legend_rows(picture: &Picture, width: f64) -> Legend {
    let colours = client_colours(picture.nodes.iter().map(|node| node.client.clone()));
    let count = |client: &String| picture.nodes.iter().filter(|node| node.client == *client).count();
    let mut items: Vec<(String, LegendMark)> = colours
        .iter()
        .map(|(client, colour)| (format!("{client} × {}", count(client)), LegendMark::Client(colour)))
        .collect();
    if picture.nodes.iter().any(|node| node.producer) {
        items.push(("makes blocks".to_owned(), LegendMark::Producer));
    }
    if picture.nodes.iter().any(|node| node.bootnode) {
        items.push(("bootnode".to_owned(), LegendMark::Bootnode));
    }
    let mut rows: Vec<Vec<(f64, String, LegendMark)>> = vec![Vec::new()];
    let mut x = 0.0;
    for (text, mark) in items {
        let wide = 24.0 + text_width(&text, 12.0) + 22.0;
        if x + wide > width && x > 0.0 {
            rows.push(Vec::new());
            x = 0.0;
        }
        if let Some(row) = rows.last_mut() {
            row.push((x, text, mark));
        }
        x += wide;
    }
    Legend { rows }
}

impl Legend {
    fn height(&self) -> f64 {
        self.rows.len() as f64 * LEGEND_ROW
    }

    fn elements(&self, top: f64) -> String {
        let mut elements = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            let y = top + number as f64 * LEGEND_ROW + LEGEND_ROW / 2.0;
            for (x, text, mark) in row {
                let middle = MARGIN + x + 8.0;
                let _ = match mark {
                    LegendMark::Client(colour) => {
                        write!(elements, "<circle cx=\"{middle:.1}\" cy=\"{y:.1}\" r=\"7\" fill=\"{colour}\"/>")
                    }
                    LegendMark::Producer => write!(
                        elements,
                        "<circle cx=\"{middle:.1}\" cy=\"{y:.1}\" r=\"7.5\" fill=\"#ffffff\" stroke=\"{SOFT}\" stroke-width=\"1.5\"/>\
                         <circle cx=\"{middle:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{SOFT}\"/>"
                    ),
                    LegendMark::Bootnode => write!(
                        elements,
                        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"14\" height=\"14\" rx=\"2.5\" fill=\"{SOFT}\"/>",
                        middle - 7.0,
                        y - 7.0
                    ),
                };
                let _ = writeln!(
                    elements,
                    "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"12\" fill=\"{INK}\">{}</text>",
                    middle + 14.0,
                    y + 4.0,
                    escape(text)
                );
            }
        }
        elements
    }
}

/// Text of at most so many characters.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A guess at the width of a text in pixels.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.58
}

/// Text that may stand in XML, in and outside of quotes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            control if control < ' ' && !matches!(control, '\n' | '\t') => escaped.push('\u{fffd}'),
            plain => escaped.push(plain),
        }
    }
    escaped
}
