//! What was expected and what was found, with evidence.

use maud::{Markup, html};
use serde_json::Value;

use super::sign;
use crate::check::history::History;
use crate::check::{ExpectationResult, Explanation, Outcome, Side, Verdict, short_hash};

pub(super) fn section(history: &History<'_>, verdict: &Verdict) -> Markup {
    html! {
        h2 { "Expectations" }
        @if verdict.results.is_empty() { p.soft { "Nothing was expected of this run." } }
        ul.expect {
            // What went wrong first.
            @for result in verdict.results.iter().filter(|result| result.outcome == Outcome::Fail) { (one(history, result)) }
            @for result in verdict.results.iter().filter(|result| result.outcome == Outcome::Unknown) { (one(history, result)) }
            @for result in verdict.results.iter().filter(|result| result.outcome == Outcome::Pass) { (one(history, result)) }
        }
    }
}

fn one(history: &History<'_>, result: &ExpectationResult) -> Markup {
    let (sign, class, word) = sign(result.outcome);
    let item = match result.outcome {
        Outcome::Pass => "good",
        Outcome::Fail => "bad",
        Outcome::Unknown => "open",
    };
    html! {
        li class=(item) {
            details open[result.outcome != Outcome::Pass] {
                summary {
                    span class=(format!("sign {class}")) title=(word) aria-label=(word) { (sign) }
                    span.label { (result.label) }
                    span.found { (result.summary) }
                }
                div.more {
                    @if !result.facts.is_empty() { ul { @for fact in &result.facts { li { (fact) } } } }
                    @if let Some(explanation) = &result.explanation { (sides(history, explanation)) }
                    (figures(result))
                    p.soft.small {
                        "Asked at " code { (result.place) }
                        @if !result.evidence.is_empty() {
                            ". Lines of " code { "events.jsonl" } " (seq): "
                            @for (index, seq) in result.evidence.iter().take(24).enumerate() { @if index > 0 { ", " } (seq) }
                            @if result.evidence.len() > 24 { " …" }
                        }
                        "."
                    }
                }
            }
        }
    }
}

/// Who is on which branch, as a table.
pub(super) fn sides(history: &History<'_>, explanation: &Explanation) -> Markup {
    if explanation.sides.is_empty() {
        return html! {};
    }
    let seconds = |at: u64| format!("{:.1} s", (at as f64 - history.zero.unwrap_or(0) as f64) / 1e6);
    html! {
        table {
            tr { th { "first block that differs" } th { "made by" } th { "first seen" } th { "faults then" } th.num { "blocks" } th { "nodes" } }
            @for side in &explanation.sides {
                tr {
                    td { code title=(side.block.hash) { (short_hash(&side.block.hash)) } " at " (side.block.height) }
                    td { (producer(side)) }
                    td {
                        @if let Some(at) = side.first_seen { (seconds(at)) }
                        @if let (Some(node), true) = (&side.first_seen_by, side.seen_as_early.is_empty()) { " on " (node) }
                    }
                    td { @if side.faults.is_empty() { "none" } @for (index, fault) in side.faults.iter().enumerate() { @if index > 0 { ", " } (fault) } }
                    td.num { (side.length) }
                    td {
                        @for (index, holder) in side.nodes.iter().enumerate() { @if index > 0 { ", " } span title=(format!("{}: {}, head at {}", holder.node, holder.client, holder.head.height)) { (holder.name()) } }
                        @if !side.distinguished_by.is_empty() { br; strong { "only these: " (side.distinguished_by.join(", ")) } }
                    }
                }
            }
        }
    }
}

fn producer(side: &Side) -> Markup {
    html! {
        @match &side.producer {
            None => @match &side.answered_with {
                None => "not named",
                Some(answer) => { "in the answer of " (answer.node) " to " code { (answer.method) } " (" (answer.entry) ")" }
            },
            Some(producer) => {
                @if producer.is_fee_recipient { "fees go to " }
                @match (&producer.node, &producer.client) {
                    (Some(node), Some(client)) => {
                        (producer.participant.as_deref().unwrap_or(node.as_str())) " (" (client)
                        @if let Some(execution) = &producer.execution { " over " (execution) }
                        ")"
                    }
                    _ => code { (short_hash(&producer.signed_as)) },
                }
                @if !producer.also_sign.is_empty() { br; "as which " (producer.also_sign.join(", ")) " sign" }
                @if !producer.extra_args.is_empty() { br; strong { code { (producer.extra_args.join(" ")) } } }
            }
        }
    }
}

fn figures(result: &ExpectationResult) -> Markup {
    html! {
        @if !result.figures.is_empty() {
            p.small {
                @for (index, (name, value)) in result.figures.iter().enumerate() {
                    @if index > 0 { " · " }
                    span.soft { (name.replace('_', " ")) ": " }
                    (shown(value))
                }
            }
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => short_hash(text),
        Value::Number(number) => {
            number.as_f64().filter(|_| number.is_f64()).map_or_else(|| number.to_string(), |f| format!("{f:.1}"))
        }
        Value::Object(map) if map.len() > 12 => extremes(map),
        Value::Object(map) => {
            let parts: Vec<String> = map.iter().map(|(key, value)| format!("{key} {}", shown(value))).collect();
            parts.join(", ")
        }
        other => other.to_string(),
    }
}

/// The least and the greatest of many numbers, and whose they are.
fn extremes(map: &serde_json::Map<String, Value>) -> String {
    let mut numbers: Vec<(&String, &Value, f64)> =
        map.iter().filter_map(|(name, value)| value.as_f64().map(|number| (name, value, number))).collect();
    numbers.sort_by(|a, b| a.2.total_cmp(&b.2));
    match (numbers.first(), numbers.last()) {
        (Some((low, least, _)), Some((high, most, _))) if least != most => {
            let middle = numbers[numbers.len() / 2].1;
            format!("from {} ({low}) to {} ({high}), median {}", shown(least), shown(most), shown(middle))
        }
        (Some((_, all, _)), _) => format!("{} for all {} nodes", shown(all), numbers.len()),
        _ => format!("{} values", map.len()),
    }
}
