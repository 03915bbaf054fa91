//! What nodes were sent by the timeline and asked by expectations, and what they answered.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::check::Verdict;
use crate::check::history::{Call, History};

/// How many calls are listed in a table; those that went wrong come first.
const LISTED: usize = 100;
/// Longest answer that is shown.
const LONGEST: usize = 160;

/// A table of what the timeline sent and one of what expectations asked, if there is any.
pub(super) fn section(history: &History<'_>, verdict: &Verdict) -> Markup {
    let sends: BTreeSet<&str> = history.sends.iter().map(|window| window.record.name.as_str()).collect();
    let wanted = verdict.wanted_refusals();
    let (sent, asked): (Vec<&Call<'_>>, Vec<_>) = history.calls.iter().partition(|call| sends.contains(call.asked_by));
    html! {
        @if !sends.is_empty() {
            h2 { "What was sent" }
            p.soft { (headline(&sent, &wanted)) }
            (table(history, sent, &wanted))
        }
        @if !asked.is_empty() {
            h2 { "What was asked" }
            // Every few seconds, of every node: a long list that few want to read.
            details {
                summary { span.sign {} span.label { "every answer" } span.found { (headline(&asked, &wanted)) } }
                (table(history, asked, &wanted))
            }
        }
    }
}

fn went_wrong(call: &Call<'_>, wanted: &BTreeSet<u64>) -> bool {
    call.error.is_some() && !wanted.contains(&call.seq)
}

/// `16 calls, all answered.`
fn headline(calls: &[&Call<'_>], wanted: &BTreeSet<u64>) -> Markup {
    let (all, failed) = (calls.len(), calls.iter().filter(|call| went_wrong(call, wanted)).count());
    let refused = calls.iter().any(|call| wanted.contains(&call.seq));
    html! {
        (all) @if all == 1 { " call, " } @else { " calls, " }
        @if failed > 0 { strong { (failed) " failed" } }
        @else if refused { "all answered or refused as expected" }
        @else { "all answered" }
        @if all > LISTED { "; " (LISTED) " are listed" } "."
    }
}

fn table(history: &History<'_>, mut calls: Vec<&Call<'_>>, wanted: &BTreeSet<u64>) -> Markup {
    calls.sort_by_key(|call| !went_wrong(call, wanted));
    calls.truncate(LISTED);
    calls.sort_by_key(|call| call.seq);
    let zero = history.zero.unwrap_or(0);
    html! {
        table.calls {
            tr { th.num { "answered" } th { "asked by" } th { "node" } th { "call" } th { "answer" } }
            @for call in calls {
                tr title=(format!("events.jsonl seq {}", call.seq)) {
                    td.num { (format!("{:.3} s", (call.at as f64 - zero as f64) / 1e6)) }
                    td { (call.asked_by) }
                    td { (history.name(call.node)) }
                    td.mono { (call.method) }
                    td.mono {
                        @if let Some(error) = call.error {
                            @if went_wrong(call, wanted) { span.fail { "✗ " (cut(error)) } }
                            @else { "refused as expected: " (cut(error)) }
                        } @else if let Some(result) = call.result { (cut(&result.to_string())) }
                        @else { "–" }
                    }
                }
            }
        }
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(LONGEST - 1).collect::<String>())
}
