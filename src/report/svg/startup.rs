//! How nodes came up: one bar for each, from the making of its container or namespace to its first answer.

use maud::{Markup, html};

use super::frame::{LEFT, RIGHT, WIDTH, n};
use super::heads::{clipped, lane_height};
use crate::check::history::History;
use crate::journal::NodePhase;

/// The stages of one node's first start, in microseconds since the run's start.
struct Stages {
    created: Option<u64>,
    initialised: Option<u64>,
    started: Option<u64>,
    ready: Option<u64>,
    not_ready: Option<u64>,
}

/// The waterfall; none if no node was started.
pub(crate) fn startup(history: &History<'_>) -> Option<Markup> {
    let stages: Vec<Stages> = history
        .nodes
        .iter()
        .map(|node| {
            let first = |phase| node.phases.iter().find(|entry| entry.2 == phase).map(|entry| entry.0);
            Stages {
                created: first(NodePhase::Created),
                initialised: first(NodePhase::Initialised),
                started: first(NodePhase::Started),
                ready: first(NodePhase::Ready),
                not_ready: first(NodePhase::NotReady),
            }
        })
        .collect();
    let all = || stages.iter().flat_map(|s| [s.created, s.initialised, s.started, s.ready, s.not_ready]).flatten();
    let (from, to) = (all().min()?, all().max()?.max(all().min()? + 1));
    let x = |at: u64| LEFT + (at - from) as f64 / (to - from) as f64 * (RIGHT - LEFT - 70.0);
    let high = lane_height(history.nodes.len());
    let bottom = 6.0 + high * history.nodes.len() as f64;
    let half = from + (to - from) / 2;
    Some(html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", bottom + 20.0)) role="img" aria-label="Stages of the start of each node" {
            @for at in [from, half, to] {
                path.grid d=(format!("M{} 4V{bottom}", n(x(at)))) {}
                text.tick x=(n(x(at))) y=(n(bottom + 14.0)) text-anchor="middle" { (format!("{:.2} s", at as f64 / 1e6)) }
            }
            @for (index, stage) in stages.iter().enumerate() {
                @let y = 6.0 + high * index as f64;
                @let middle = n(y + high / 2.0 + 4.0);
                text.name x=(n(LEFT - 8.0)) y=(middle) text-anchor="end" { (clipped(history.name(index).as_str(), 20)) }
                @let end = stage.ready.or(stage.not_ready);
                @let bars = [
                    ("created", stage.created, stage.initialised.or(stage.started)),
                    ("initialised", stage.initialised, stage.started),
                    ("started", stage.started, end),
                ];
                @for (name, begin, end) in bars {
                    @if let (Some(begin), Some(end)) = (begin, end) {
                        @if end >= begin {
                            rect class=(format!("stage {name}")) x=(n(x(begin))) y=(n(y + 3.0)) width=(n((x(end) - x(begin)).max(1.0))) height=(n(high - 6.0)) {
                                title { (history.name(index)) ": " (name) " for " (format!("{:.3} s", (end - begin) as f64 / 1e6)) }
                            }
                        }
                    }
                }
                @match (stage.ready, stage.not_ready, stage.started) {
                    (Some(ready), _, Some(started)) => {
                        text.tick x=(n(x(ready) + 5.0)) y=(middle) { (format!("{:.2} s", ready.saturating_sub(started) as f64 / 1e6)) }
                    }
                    (None, Some(at), _) => text.bad x=(n(x(at) + 5.0)) y=(middle) { "✗ not ready" },
                    _ => {}
                }
            }
        }
    })
}
