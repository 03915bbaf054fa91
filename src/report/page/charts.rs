//! The pictures of a report, each with its legend.

use maud::{Markup, html};

use super::super::svg::{self, Branches, Frame, Line, Used, client_colours};
use crate::check::history::{Fact, History, State};
use crate::check::layers::layer_word;
use crate::check::{Verdict, short_hash};

/// Heads over time: how high, and on which chain.
pub(super) fn timeline(history: &History<'_>, verdict: &Verdict) -> Markup {
    let frame = Frame::new(history);
    let branches = Branches::new(history);
    let layered = history.is_layered();
    let swatch = |class: &str, hatch: Option<usize>| {
        html! {
            svg viewBox="0 0 26 14" aria-hidden="true" {
                rect class=(format!("lane {class}")) x="1" y="1" width="24" height="12" {}
                @if let Some(hatch) = hatch { rect fill=(format!("url(#hatch{})", hatch % 3)) x="1" y="1" width="24" height="12" {} }
            }
        }
    };
    html! {
        h2 { "Who was on which chain" }
        div.legend {
            @for Used { layer, class, first } in branches.used.iter().filter(|used| used.class > 0 || used.layer == branches.used[0].layer) {
                span {
                    (swatch(&format!("c{class}"), (*class > 0).then_some(*class)))
                    @if layered { span.soft { (layer_word(layer)) } }
                    @match (class, first) {
                        (0, _) => { strong { "A" } " the chain that most hold at the end" }
                        (_, Some((height, hash))) => { strong { (Branches::letter(*class)) } " from " code title=(hash) { (short_hash(hash)) } " at " (height) }
                        (_, None) => "smaller branches",
                    }
                }
            }
            @let shows = |wanted: fn(&State) -> bool| history.changes.iter().any(|change| matches!(&change.fact, Fact::State(state) if wanted(state)));
            @if shows(|state| matches!(state, State::Unseen)) { span { (swatch("unseen", None)) "could not be seen" } }
            @if shows(|state| matches!(state, State::Dead)) { span { (swatch("dead", None)) "exited by itself" } }
            @if shows(|state| matches!(state, State::Away)) { span { (swatch("away", None)) "taken away by the timeline" } }
            @if history.nodes.iter().any(|node| !node.reorgs.is_empty()) { span { "▼ reorganisation, with its depth" } }
            @if history.windows.iter().any(|window| window.begin.is_some()) { span { (swatch("band", None)) "fault in force" } }
            @if !verdict.convergence.episodes.is_empty() { span { svg viewBox="0 0 26 14" aria-hidden="true" { rect.apart x="1" y="4" width="24" height="7" {} } "chains apart" } }
        }
        (svg::lanes(&frame, &branches, verdict))
        (svg::chains(&frame, &branches))
    }
}

/// The network.
pub(super) fn topology(history: &History<'_>) -> Markup {
    html! {
        h2 { "The network" }
        div.legend { (client_legend(history, true)) }
        (svg::topology(history))
    }
}

fn client_legend(history: &History<'_>, digits: bool) -> Markup {
    let count = |client: &str| history.run.nodes.iter().filter(|node| node.client.to_string() == client).count();
    html! {
        @for (client, colour) in client_colours(history) {
            span {
                svg viewBox="0 0 26 14" aria-hidden="true" { rect class=(format!("f{colour}")) x="5" y="0" width="16" height="14" rx="4" {}
                    @if digits { text.client x="13" y="11" text-anchor="middle" { (colour + 1) } } }
                (client) " × " (count(&client))
            }
        }
        @if digits && history.run.nodes.iter().any(|node| node.participant.is_some()) { span { "small dots: further members of a participant" } }
        @if digits && history.run.nodes.iter().any(|node| !node.producer && node.participant.is_none()) { span { "● makes blocks  ■ does not" } }
        @if digits && history.run.nodes.iter().any(|node| !node.extra_args.is_empty()) { span { "★ has arguments of its own" } }
    }
}

/// What is final, and peers, over time.
pub(super) fn others(history: &History<'_>) -> Markup {
    let frame = Frame::new(history);
    let all: Vec<usize> = (0..history.nodes.len()).collect();
    let layers = history.layers(&all);
    let finals: Vec<(&str, Vec<Line>)> = layers
        .iter()
        .map(|layer| {
            let finals = lines(history, &layer.nodes, |fact| match fact {
                Fact::Finalized(height, _) => Some(Some(height)),
                _ => None,
            });
            (layer.name, finals)
        })
        .collect();
    // A count from before a node was taken away is no count of now.
    let peers = lines(history, &history.showing(&all), |fact| match fact {
        Fact::Peers(count) => Some(Some(count)),
        Fact::State(State::Away | State::Dead | State::Unseen) => Some(None),
        _ => None,
    });
    let told = |lines: &[Line]| lines.iter().any(|line| line.points.iter().any(|point| point.1.is_some()));
    html! {
        @if finals.iter().any(|(_, finals)| told(finals)) {
            h2 { "What each node calls final" }
            @for (layer, finals) in finals.iter().filter(|(_, finals)| told(finals)) {
                @let word = if history.final_word(layer) == "epoch" { "epoch" } else { "block number" };
                div.legend { span { (history.layer_prefix(layer)) (word) ", lines coloured by client" } (client_legend(history, false)) }
                (svg::steps(&frame, finals, "What each node calls final over time"))
            }
        }
        @if told(&peers) {
            h2 { "Peers of each node" }
            div.legend { span { "as the nodes say, lines coloured by client" } (client_legend(history, false)) }
            (svg::steps(&frame, &peers, "Number of peers of each node over time"))
        }
    }
}

fn lines(history: &History<'_>, nodes: &[usize], pick: impl Fn(Fact) -> Option<Option<u64>>) -> Vec<Line> {
    let colours = client_colours(history);
    let points = |node: &crate::check::history::NodeHistory<'_>| {
        let mut points: Vec<(u64, Option<u64>)> = Vec::new();
        for &change in &node.changes {
            let change = history.changes[change as usize];
            if let Some(value) = pick(change.fact) {
                points.push((change.at, value));
            }
        }
        points.dedup_by_key(|point| point.1);
        points
    };
    let line = |node: &crate::check::history::NodeHistory<'_>| Line {
        name: node.record.name.to_string(),
        colour: colours.get(&node.record.client.to_string()).copied().unwrap_or(0),
        points: points(node),
    };
    nodes.iter().map(|&node| line(&history.nodes[node])).collect()
}

/// How nodes came up.
pub(super) fn startup(history: &History<'_>) -> Markup {
    html! {
        @if let Some(picture) = svg::startup(history) {
            h2 { "How the nodes came up" }
            div.legend {
                span { svg viewBox="0 0 26 14" aria-hidden="true" { rect class="stage created" width="26" height="14" {} } "made" }
                span { svg viewBox="0 0 26 14" aria-hidden="true" { rect class="stage initialised" width="26" height="14" {} } "prepared (init commands)" }
                span { svg viewBox="0 0 26 14" aria-hidden="true" { rect class="stage started" width="26" height="14" {} } "process runs, waiting for its first answer" }
                span { "seconds since the run started" }
            }
            (picture)
        }
    }
}
