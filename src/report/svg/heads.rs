//! Heads over time: how high each node's chain is, and which chain it is on.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::branches::{Branches, Class, NAMED};
use super::frame::{Frame, LEFT, RIGHT, WIDTH, n, push};
use super::rows::{Row, rows};
use crate::check::Verdict;
use crate::check::history::{Fact, Reorganisation, State};
use crate::check::layers::{Layer, layer_word};
use crate::check::short_hash;

/// What a node is at a moment, as far as pictures tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    Chain(Class),
    Quiet,
    Away,
    Unseen,
    Dead,
}

impl Shown {
    fn of(state: State, branches: &Branches) -> Self {
        match state {
            State::Seen(Some(head)) => Self::Chain(branches.of(head)),
            State::Seen(None) | State::Coming => Self::Quiet,
            State::Away => Self::Away,
            State::Unseen => Self::Unseen,
            State::Dead => Self::Dead,
        }
    }

    fn class(self) -> String {
        match self {
            Self::Chain(class) => format!("c{class}"),
            Self::Quiet => "quiet".to_owned(),
            Self::Away => "away".to_owned(),
            Self::Unseen => "unseen".to_owned(),
            Self::Dead => "dead".to_owned(),
        }
    }

    fn words(self) -> String {
        match self {
            Self::Chain(0) => "on chain A".to_owned(),
            Self::Chain(NAMED) => "on a small branch".to_owned(),
            Self::Chain(class) => format!("on chain {}", Branches::letter(class)),
            Self::Quiet => "starting: not seen yet".to_owned(),
            Self::Away => "taken away by the timeline".to_owned(),
            Self::Unseen => "could not be seen".to_owned(),
            Self::Dead => "exited by itself".to_owned(),
        }
    }
}

/// A stretch of a lane, in columns.
#[derive(Debug)]
struct Stretch {
    from: usize,
    to: usize,
    shown: Shown,
    since: u64,
    until: u64,
    heights: Option<(u64, u64)>,
}

/// What a node shows over time. Stretches thinner than a column give way to the one that is most unusual there.
fn stretches(frame: &Frame<'_, '_>, branches: &Branches, node: usize) -> Vec<Stretch> {
    let history = frame.history;
    let mut all: Vec<Stretch> = Vec::new();
    let mut push = |from: u64, to: u64, state: State| {
        let shown = Shown::of(state, branches);
        let height = if let State::Seen(Some(head)) = state { Some(history.chain.height(head)) } else { None };
        let (a, b) = (frame.column(from), frame.column(to).max(frame.column(from) + 1));
        if let Some(last) = all.last_mut() {
            let join = last.shown == shown;
            // Within one column the more unusual wins.
            if join || (a < last.to && b <= last.to && shown <= last.shown) {
                last.to = last.to.max(b);
                last.until = to;
                if let (true, Some(height)) = (join, height) {
                    last.heights = Some(last.heights.map_or((height, height), |(first, _)| (first, height)));
                }
                return;
            }
            if a < last.to {
                last.to = a.max(last.from);
            }
        }
        all.push(Stretch {
            from: a,
            to: b,
            shown,
            since: from,
            until: to,
            heights: height.map(|height| (height, height)),
        });
    };
    let (mut since, mut state) = (frame.from, history.state_at(node, frame.from).1);
    for &change in &history.nodes[node].changes {
        let change = history.changes[change as usize];
        let Fact::State(new) = change.fact else { continue };
        if change.at <= frame.from {
            continue;
        }
        if change.at > frame.to {
            break;
        }
        push(since, change.at, state);
        (since, state) = (change.at, new);
    }
    push(since, frame.to, state);
    all.retain(|stretch| stretch.to > stretch.from);
    all
}

/// Height of a lane for so many nodes.
pub(crate) fn lane_height(nodes: usize) -> f64 {
    match nodes {
        0..=12 => 22.0,
        13..=24 => 17.0,
        _ => 13.0,
    }
}

/// One lane for each node: which chain it is on, when it could not be seen, and its reorganisations.
pub(crate) fn lanes(frame: &Frame<'_, '_>, branches: &Branches, verdict: &Verdict) -> Markup {
    let history = frame.history;
    let (rows, all) = rows(history);
    let top = 22.0 + 15.0 * frame.row_count() as f64;
    let bottom = top + all;
    let label = "Which chain each node was on over time, one lane for each node";
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", n(bottom + 22.0))) role="img" aria-label=(label) {
            (hatches())
            (frame.axis(top, bottom))
            (frame.bands(top, bottom))
            (apart(frame, verdict))
            @for Row { node, label, thin, y, high } in &rows {
                @let (node, high, y) = (*node, *high, top + y);
                @let record = history.nodes[node].record;
                @let middle = y + high / 2.0 + 4.0;
                text class=(if *thin { "tick member" } else { "name" }) x=(n(LEFT - 8.0)) y=(n(middle)) text-anchor="end" {
                    title { (record.name) ": " (record.client) " " (record.extra_args.join(" ")) }
                    (clipped(label, 20))
                }
                @for stretch in stretches(frame, branches, node) {
                    (one_stretch(frame, &stretch, y, high))
                }
                (reorgs(frame, node, y, high))
            }
            (frame.band_names(top, bottom))
            (agreements(frame, verdict, top, bottom))
        }
    }
}

fn one_stretch(frame: &Frame<'_, '_>, stretch: &Stretch, y: f64, high: f64) -> Markup {
    let (x, width) = (LEFT + stretch.from as f64, (stretch.to - stretch.from) as f64);
    let letter = match stretch.shown {
        _ if high < 12.0 => None,
        Shown::Chain(class) if class > 0 && width >= 12.0 => Some(Branches::letter(class)),
        Shown::Dead if width >= 12.0 => Some("✗"),
        Shown::Unseen if width >= 12.0 => Some("?"),
        _ => None,
    };
    html! {
        rect class=(format!("lane {}", stretch.shown.class())) x=(n(x)) y=(n(y + 1.5)) width=(n(width)) height=(n(high - 3.0)) {
            title {
                (stretch.shown.words()) ", " (frame.seconds(stretch.since)) " to " (frame.seconds(stretch.until))
                @if let Some((low, top)) = stretch.heights { ", head " (low) " to " (top) }
            }
        }
        @if let Shown::Chain(class) = stretch.shown {
            @if class > 0 {
                rect.hatch fill=(format!("url(#hatch{})", class % 3)) x=(n(x)) y=(n(y + 1.5)) width=(n(width)) height=(n(high - 3.0)) {}
            }
        }
        @if let Some(letter) = letter {
            text.letter x=(n(x + 5.0)) y=(n(y + high / 2.0 + 4.0)) { (letter) }
        }
    }
}

fn reorgs(frame: &Frame<'_, '_>, node: usize, y: f64, high: f64) -> Markup {
    // At most one mark in each three columns: the deepest.
    let mut marks: BTreeMap<usize, (u64, u64, bool)> = BTreeMap::new();
    for &Reorganisation { at, depth, exact, .. } in &frame.history.nodes[node].reorgs {
        if at >= frame.from && at <= frame.to {
            let mark = marks.entry(frame.column(at) / 3).or_insert((at, depth, exact));
            if depth > mark.1 {
                *mark = (at, depth, exact);
            }
        }
    }
    let bottom = y + high - 2.0;
    html! {
        @for (at, depth, exact) in marks.values() {
            @let x = frame.x(*at);
            path.reorg d=(format!("M{0} {1}l-4 -7h8z", n(x), n(bottom))) {
                title { "reorganisation: " @if !exact { "at least " } (depth) " blocks left, " (frame.seconds(*at)) }
            }
            @if high > 16.0 && *depth > 1 { text.depth x=(n(x + 5.0)) y=(n(bottom - 1.0)) { (depth) } }
        }
    }
}

/// A bar along the top for the times in which chains were apart.
fn apart(frame: &Frame<'_, '_>, verdict: &Verdict) -> Markup {
    html! {
        text.name x=(n(LEFT - 8.0)) y="13" text-anchor="end" { "chains apart" }
        path.axis d=(format!("M{LEFT} 9H{RIGHT}")) {}
        @for episode in &verdict.convergence.episodes {
            @let (x, end) = (frame.x(episode.from), frame.x(episode.to.unwrap_or(frame.to)));
            rect.apart x=(n(x)) y="5" width=(n((end - x).max(1.5))) height="8" rx="1" {
                title {
                    "chains apart from " (frame.seconds(episode.from)) " to "
                    @if let Some(to) = episode.to { (frame.seconds(to)) } @else { "the end" }
                    @for side in &episode.explanation.sides {
                        "; " (side.nodes.len()) " on " (short_hash(&side.block.hash)) " at " (side.block.height)
                    }
                }
            }
        }
    }
}

/// The moments at which expectations about agreement were met.
fn agreements(frame: &Frame<'_, '_>, verdict: &Verdict, top: f64, bottom: f64) -> Markup {
    let mut moments: Vec<(u64, bool, &str)> = Vec::new();
    for result in &verdict.results {
        let Some(at) = result.moment.filter(|at| (frame.from..=frame.to).contains(at)) else { continue };
        match (result.keyword.as_str(), result.outcome) {
            ("agree", crate::check::Outcome::Pass) if result.figures.contains_key("after_s") => {
                moments.push((at, true, &result.label));
            }
            ("agree" | "diverge", crate::check::Outcome::Fail) => moments.push((at, false, &result.label)),
            _ => {}
        }
    }
    html! {
        @for (at, good, label) in moments {
            @let x = frame.x(at);
            g class=(if good { "agreed" } else { "disagreed" }) {
                title { (label) ": " (if good { "met" } else { "failed" }) ", " (frame.seconds(at)) }
                path d=(format!("M{0} {top}V{bottom}", n(x))) {}
                circle cx=(n(x)) cy=(n(bottom)) r="6.5" {}
                text x=(n(x)) y=(n(bottom + 3.7)) text-anchor="middle" { (if good { "✓" } else { "✗" }) }
            }
        }
    }
}

/// How high each node's chain is, coloured by chain: one picture for each layer.
pub(crate) fn chains(frame: &Frame<'_, '_>, branches: &Branches) -> Markup {
    let all: Vec<usize> = (0..frame.history.nodes.len()).collect();
    html! { @for layer in frame.history.layers(&all) { (layer_chains(frame, branches, &layer)) } }
}

fn layer_chains(frame: &Frame<'_, '_>, branches: &Branches, layer: &Layer<'_>) -> Markup {
    const TOP: f64 = 8.0;
    let history = frame.history;
    let tall = if history.is_layered() { 130.0 } else { 200.0 };
    let mut heads: Vec<(usize, u64, u64, Class)> = Vec::new();
    for &node in &layer.nodes {
        let line = &history.nodes[node];
        let before = history.head_at(node, frame.from).map(|(_, _, head)| (frame.from, State::Seen(Some(head))));
        let states = line.changes.iter().filter_map(|&change| match history.changes[change as usize] {
            change if change.at > frame.from && change.at <= frame.to => match change.fact {
                Fact::State(state) => Some((change.at, state)),
                _ => None,
            },
            _ => None,
        });
        for (at, state) in before.into_iter().chain(states) {
            match state {
                State::Seen(Some(head)) => heads.push((node, at, history.chain.height(head), branches.of(head))),
                // A break in the line.
                _ => heads.push((node, at, u64::MAX, 0)),
            }
        }
    }
    let seen = || heads.iter().map(|head| head.2).filter(|&height| height != u64::MAX);
    let (low, top) = (seen().min().unwrap_or(0), seen().max().unwrap_or(1));
    let span = (top - low).max(1) as f64;
    let bottom = TOP + tall;
    let y = |height: u64| bottom - 4.0 - (height - low) as f64 / span * (tall - 12.0);
    // The more nodes, the coarser: the picture stays small.
    let grain = (history.nodes.len() as f64 / 16.0).clamp(1.0, 4.0);
    let mut paths: BTreeMap<(Class, String), Vec<usize>> = BTreeMap::new();
    let mut start = 0;
    while start < heads.len() {
        let node = heads[start].0;
        let end = start + heads[start..].iter().take_while(|head| head.0 == node).count();
        for (class, path) in polylines(frame, &heads[start..end], &y, grain) {
            paths.entry((class, path)).or_default().push(node);
        }
        start = end;
    }
    let word = history.height_word(layer.name);
    let which = if history.is_layered() { layer_word(layer.name) } else { "" };
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", bottom + 20.0)) role="img" aria-label="Heights of the nodes' heads over time" {
            (frame.axis(TOP, bottom))
            (frame.bands(TOP, bottom))
            text.tick x=(n(LEFT - 8.0)) y=(n(TOP + 14.0)) text-anchor="end" { (word) " " (top) }
            text.name x=(n(LEFT - 8.0)) y=(n(TOP + tall / 2.0 + 4.0)) text-anchor="end" { (which) }
            text.tick x=(n(LEFT - 8.0)) y=(n(bottom - 2.0)) text-anchor="end" { (word) " " (low) }
            // The main chain last, so that it is on top of nothing that is not drawn beside it.
            @for ((class, path), nodes) in paths.iter().rev() {
                path class=(format!("line s{class}")) d=(path) {
                    title {
                        @for (index, node) in nodes.iter().enumerate() { @if index > 0 { ", " } (history.name(*node)) }
                        " on chain " (Branches::letter(*class))
                    }
                }
            }
        }
    }
}

/// A node's heads as step lines, a new one wherever the chain changes.
fn polylines(
    frame: &Frame<'_, '_>,
    heads: &[(usize, u64, u64, Class)],
    y: &impl Fn(u64) -> f64,
    grain: f64,
) -> Vec<(Class, String)> {
    let mut lines: Vec<(Class, String)> = Vec::new();
    let mut here: Option<(f64, f64, Class)> = None;
    let mut last_drawn = f64::MIN;
    for &(_, at, height, class) in heads {
        let x = frame.x(at);
        if height == u64::MAX {
            if let (Some(_), Some(line)) = (here.take(), lines.last_mut()) {
                push(&mut line.1, format_args!("H{}", n(x)));
            }
            continue;
        }
        let new_y = y(height);
        match here {
            Some((_, _, old)) if old == class => {
                // Steps that fall into one grain are drawn as one.
                if x - last_drawn >= grain {
                    if let Some(line) = lines.last_mut() {
                        push(&mut line.1, format_args!("H{}V{}", n(x), n(new_y)));
                    }
                    last_drawn = x;
                }
            }
            Some((.., old_y, _)) => {
                if let Some(line) = lines.last_mut() {
                    push(&mut line.1, format_args!("H{}", n(x)));
                }
                lines.push((class, format!("M{} {}V{}", n(x), n(old_y), n(new_y))));
                last_drawn = x;
            }
            None => {
                lines.push((class, format!("M{} {}", n(x), n(new_y))));
                last_drawn = x;
            }
        }
        here = Some((x, new_y, class));
    }
    if let (Some(_), Some(line)) = (here, lines.last_mut()) {
        push(&mut line.1, format_args!("H{}", n(frame.x(frame.to))));
    }
    lines
}

/// Hatches, so that chains are told apart without colours.
fn hatches() -> Markup {
    html! {
        defs {
            pattern #hatch0 width="8" height="8" patternUnits="userSpaceOnUse" { path d="M0 4H8" {} }
            pattern #hatch1 width="7" height="7" patternUnits="userSpaceOnUse" { path d="M-1 8L8 -1M-1 1L1 -1M6 8L8 6" {} }
            pattern #hatch2 width="7" height="7" patternUnits="userSpaceOnUse" { path d="M-1 -1L8 8M-1 6L1 8M6 -1L8 1" {} }
        }
    }
}

/// A name that fits its place.
pub(crate) fn clipped(name: &str, room: usize) -> String {
    if name.chars().count() <= room {
        return name.to_owned();
    }
    // Of a participant's member, the member says more than the end of the participant's name.
    let tail = name.rfind('.').map(|dot| &name[dot..]).filter(|tail| tail.chars().count() + 4 <= room).unwrap_or("");
    let start: String = name.chars().take(room - 1 - tail.chars().count()).collect();
    format!("{start}…{tail}")
}
