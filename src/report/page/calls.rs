//! What the timeline sent, and what was answered.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::check::history::{Call, History};

/// How many calls are listed; those that failed come first.
const LISTED: usize = 60;
/// Longest answer that is shown.
const LONGEST: usize = 160;

/// A table of calls, if the timeline sent any.
pub(super) fn section(history: &History<'_>) -> Markup {
    let sends: BTreeSet<&str> = history.sends.iter().map(|window| window.record.name.as_str()).collect();
    let mut calls: Vec<&Call<'_>> = history.calls.iter().filter(|call| sends.contains(call.asked_by)).collect();
    if sends.is_empty() {
        return html! {};
    }
    let (all, failed) = (calls.len(), calls.iter().filter(|call| call.error.is_some()).count());
    calls.sort_by_key(|call| call.error.is_none());
    calls.truncate(LISTED);
    calls.sort_by_key(|call| call.seq);
    let zero = history.zero.unwrap_or(0);
    html! {
        h2 { "What was sent" }
        p.soft {
            (all) @if all == 1 { " call, " } @else { " calls, " }
            @if failed == 0 { "all answered" } @else { strong { (failed) " failed" } }
            @if all > calls.len() { "; " (calls.len()) " are listed" } "."
        }
        table {
            tr { th.num { "answered" } th { "entry" } th { "node" } th { "call" } th { "answer" } }
            @for call in calls {
                tr {
                    td.num { (format!("{:.3} s", (call.at as f64 - zero as f64) / 1e6)) }
                    td { (call.asked_by) }
                    td { (history.name(call.node)) }
                    td.mono { (call.method) }
                    td.mono {
                        @match (call.error, call.result) {
                            (Some(error), _) => span.fail { "✗ " (cut(error)) },
                            (None, Some(result)) => (cut(&result.to_string())),
                            (None, None) => "–",
                        }
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
