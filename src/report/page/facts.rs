//! The tables of a report: faults, divergences, links, blind spots, logs, and the run itself.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::Extras;
use super::expectations::sides;
use crate::check::history::History;
use crate::check::{FaultInstant, Verdict};
use crate::journal::{Journal, LinkCounterRecord, What};

fn seconds(history: &History<'_>, at: u64) -> String {
    format!("{:.3} s", (at as f64 - history.zero.unwrap_or(0) as f64) / 1e6)
}

/// Planned and applied instants of all faults.
pub(super) fn faults(history: &History<'_>, verdict: &Verdict) -> Markup {
    if history.windows.is_empty() {
        return html! {};
    }
    let instant = |name: &str, begin: bool| -> Option<&FaultInstant> {
        verdict.timing.instants.iter().find(|instant| instant.entry.as_str() == name && instant.begin == begin)
    };
    let cell = |instant: Option<&FaultInstant>| {
        html! {
            @match instant {
                None => { td.num { "–" } td.num {} }
                Some(instant) => {
                    td.num { (seconds(history, instant.applied)) }
                    td.num { (format!("{:+.1} ms", (instant.applied as f64 - instant.planned as f64) / 1e3)) }
                }
            }
        }
    };
    html! {
        h2 { "Faults" }
        @if let Some(worst) = verdict.timing.worst { p.soft { "Worst timing error: " (format!("{:.1} ms", worst as f64 / 1e3)) "." } }
        table {
            tr { th { "entry" } th { "what" } th.num { "began" } th.num { "error" } th.num { "ended" } th.num { "error" } th.num { "agreed again after" } }
            @for window in &history.windows {
                @let name = window.record.name.as_str();
                @let healing = verdict.convergence.healing.iter().find(|healing| healing.entry.as_str() == name);
                tr {
                    td { strong { (name) } }
                    td { (window.record.summary) @for error in &window.errors { br; span.fail { "✗ " (error) } } }
                    (cell(instant(name, true)))
                    (cell(instant(name, false)))
                    td.num {
                        @match healing.map(|healing| healing.agreed.map(|agreed| agreed - healing.ended)) {
                            Some(Some(took)) => (format!("{:.1} s", took as f64 / 1e6)),
                            Some(None) => "not before the next fault or the end",
                            None => "–",
                        }
                    }
                }
            }
        }
    }
}

/// Times in which chains were apart.
pub(super) fn divergences(history: &History<'_>, verdict: &Verdict) -> Markup {
    let convergence = &verdict.convergence;
    if convergence.episodes.is_empty() {
        return html! {};
    }
    // Short forks are everyday life of a chain; the longest ones are worth a look.
    let mut longest: Vec<_> = convergence.episodes.iter().collect();
    longest.sort_by_key(|episode| std::cmp::Reverse(episode.to.unwrap_or(history.end) - episode.from));
    longest.truncate(8);
    longest.sort_by_key(|episode| episode.from);
    html! {
        h2 { "When chains were apart" }
        p.soft {
            (convergence.episode_count) @if convergence.episode_count == 1 { " time, " } @else { " times, " }
            (format!("{:.1} s", convergence.apart as f64 / 1e6)) " in all"
            @if longest.len() < convergence.episode_count as usize { "; the longest " (longest.len()) " are shown" } "."
        }
        @for episode in longest {
            details {
                summary {
                    span {}
                    span.label { (seconds(history, episode.from)) " to " @match episode.to { Some(to) => (seconds(history, to)), None => "the end" } }
                    span { (episode.explanation.sides.len()) " branches from " (history.height_word(&episode.explanation.layer)) " " (episode.explanation.height.unwrap_or_default()) }
                }
                div.more {
                    @if let Some(diagnosis) = &episode.diagnosis { p { (diagnosis.text) } }
                    (sides(history, &episode.explanation))
                }
            }
        }
    }
}

/// Packets that the wire dropped.
pub(super) fn links(journal: &Journal) -> Markup {
    let mut last: BTreeMap<(&str, &str), &LinkCounterRecord> = BTreeMap::new();
    for event in &journal.events {
        if let What::Links { links } = &event.what {
            last.extend(links.iter().map(|link| ((link.from.as_str(), link.to.as_str()), link)));
        }
    }
    if last.is_empty() {
        return html! {};
    }
    let sum = |value: fn(&LinkCounterRecord) -> u64| last.values().map(|link| value(link)).sum::<u64>();
    let dropped = |link: &LinkCounterRecord| link.cut + link.lost + link.overflow;
    let mut worst: Vec<_> = last.values().filter(|link| dropped(link) > 0).collect();
    worst.sort_by_key(|link| (std::cmp::Reverse(dropped(link)), &link.from, &link.to));
    html! {
        h2 { "Packets" }
        p {
            (sum(|link| link.packets)) " packets (" (format!("{:.1} MB", sum(|link| link.bytes) as f64 / 1e6)) ") over "
            (last.len()) " directed links; dropped: " (sum(|link| link.cut)) " by cuts, " (sum(|link| link.lost)) " by loss, "
            (sum(|link| link.overflow)) " by full queues."
        }
        @if !worst.is_empty() {
            details {
                summary { span {} span.label { "Links that dropped packets" } span { (worst.len()) " links" @if worst.len() > 30 { ", the first 30 are shown" } } }
                div.more {
                    table {
                        tr { th { "from" } th { "to" } th.num { "delivered" } th.num { "cut" } th.num { "lost" } th.num { "queue full" } }
                        @for link in worst.iter().take(30) {
                            tr { td { (link.from) } td { (link.to) } td.num { (link.packets) } td.num { (link.cut) } td.num { (link.lost) } td.num { (link.overflow) } }
                        }
                    }
                }
            }
        }
    }
}

/// Longer times in which a node could not be seen.
pub(super) fn gaps(history: &History<'_>) -> Markup {
    let gaps: Vec<_> = history
        .nodes
        .iter()
        .flat_map(|node| node.gaps.iter().map(move |gap| (node.record.name.as_str(), gap.0, gap.1)))
        .collect();
    if gaps.is_empty() {
        return html! {};
    }
    html! {
        h2 { "Blind spots" }
        p.soft { "Times of more than " (format!("{:.0} s", crate::check::TOLERATED_GAP as f64 / 1e6)) " in which a node's API could not be asked." }
        table {
            tr { th { "node" } th.num { "from" } th.num { "to" } th.num { "length" } }
            @for (node, from, to) in gaps.iter().take(60) {
                tr {
                    td { (node) }
                    td.num { (seconds(history, *from)) }
                    td.num { @if let Some(to) = to { (seconds(history, *to)) } @else { "the end" } }
                    td.num { (format!("{:.1} s", (to.unwrap_or(history.end).saturating_sub(*from)) as f64 / 1e6)) }
                }
            }
        }
    }
}

/// Nodes, what they run, and their logs.
pub(super) fn logs(history: &History<'_>, extras: &Extras) -> Markup {
    let log = |name: &str| {
        extras
            .logs
            .iter()
            .find(|log| std::path::Path::new(log.as_str()).file_stem().is_some_and(|stem| stem.to_str() == Some(name)))
    };
    html! {
        h2 { "Nodes" }
        table {
            tr { th { "node" } th { "client" } th { "role" } th { "address" } th { "version" } th { "log" } }
            @for (index, node) in history.nodes.iter().enumerate() {
                @let record = node.record;
                @let before = index.checked_sub(1).and_then(|before| history.nodes[before].record.participant.as_ref());
                @if record.participant.is_some() && before != record.participant.as_ref() {
                    tr.participant { td { strong { (record.participant.as_deref().unwrap_or_default()) } } td colspan="5" { (history.clients_of(index)) } }
                }
                tr {
                    td class=[record.member.as_ref().map(|_| "member")] { (record.member.as_deref().unwrap_or(record.name.as_str())) }
                    td { (record.client) @if !record.extra_args.is_empty() { " " code { (record.extra_args.join(" ")) } } }
                    td { (record.role) }
                    td.mono { @for (index, (_, address)) in record.addresses.iter().enumerate() { @if index > 0 { ", " } (address) } }
                    td { (node.version.unwrap_or("–")) }
                    td { @match log(record.name.as_str()) { Some(log) => a href=(log) { (log) }, None => "–" } }
                }
            }
        }
    }
}

/// The run, and how to do it again.
pub(super) fn run(journal: &Journal, history: &History<'_>) -> Markup {
    let run = &journal.run;
    html! {
        h2 { "The run" }
        dl {
            dt { "again" } dd { code { "splitbrain run " (run.scenario) " --backend " (run.backend) " --seed " (run.seed) } }
            dt { "run" } dd { (run.run) ", started " (run.started) ", " (history.how_it_ended()) @if journal.torn { "; the journal's last line is torn" } }
            dt { "backend" } dd { (run.backend) " (" (run.engine) ")" }
            dt { "kernel" } dd { (run.kernel) }
            dt { "tool" } dd { "splitbrain " (run.tool) ", journal schema " (run.schema) ", " (journal.events.len()) " events" }
            @if let Some(time) = run.block_time { dt { "block time" } dd { (format!("{} s", time as f64 / 1e6)) } }
            @if let Some(slots) = run.slots_per_epoch { dt { "slots per epoch" } dd { (slots) } }
            @for (at, _, message) in &history.troubles { dt { "trouble" } dd.fail { (seconds(history, *at)) ": " (message) } }
        }
    }
}
