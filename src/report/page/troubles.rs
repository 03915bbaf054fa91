//! What the network did while links were cut, what stands out though nobody asked, and calls that were made.

use maud::{Markup, html};

use crate::check::history::History;
use crate::check::{Diagnosis, Verdict};

/// How many calls are shown.
const CALLS: usize = 200;
/// How much of an answer is shown, in characters.
const ANSWER: usize = 120;

fn seconds(history: &History<'_>, at: u64) -> String {
    format!("{:.1} s", (at as f64 - history.zero.unwrap_or(0) as f64) / 1e6)
}

/// Diagnoses of the run, and findings.
pub(super) fn section(history: &History<'_>, verdict: &Verdict) -> Markup {
    html! {
        @if !verdict.diagnoses.is_empty() {
            h2 { "What the network did" }
            table.cards {
                @for diagnosis in &verdict.diagnoses {
                    tr {
                        td { span.kind { (diagnosis.kind.words()) } }
                        td { @if let Some(during) = &diagnosis.during { "during " strong { (during) } } @else { "the whole run" } }
                        td { (one(diagnosis)) }
                    }
                }
            }
        }
        @if !verdict.findings.is_empty() {
            h2 { "What stands out" }
            p.soft { "Findings that nobody asked for; they fail no run by themselves." }
            table.cards {
                @for finding in &verdict.findings {
                    tr {
                        td { span.kind { (finding.kind.words()) } }
                        td.num { (seconds(history, finding.from)) " to " @match finding.to { Some(to) => (seconds(history, to)), None => "the end" } }
                        td { (finding.text) }
                    }
                }
            }
        }
    }
}

/// A diagnosis with the clients' own lines.
pub(super) fn one(diagnosis: &Diagnosis) -> Markup {
    html! {
        p { (diagnosis.text) }
        @for quote in &diagnosis.quotes {
            blockquote { code { (quote.line.trim()) } span.soft { " " (quote.node) ", line " (quote.number) " of its log" } }
        }
    }
}

/// Calls that the timeline or an expectation asked for.
pub(super) fn calls(history: &History<'_>) -> Markup {
    html! {
        @if !history.calls.is_empty() {
            h2 { "Calls" }
            table {
                tr { th.num { "when" } th { "asked by" } th { "node" } th { "method" } th { "answer" } }
                @for call in history.calls.iter().take(CALLS) {
                    tr {
                        td.num { (seconds(history, call.at)) }
                        td { (call.asked_by) }
                        td { (history.name(call.node)) }
                        td { code { (call.method) } }
                        td title=(format!("events.jsonl seq {}", call.seq)) {
                            @if let Some(error) = call.error { span.fail { "✗ " (cut(error)) } }
                            @if let Some(result) = call.result { code { (cut(&result.to_string())) } }
                        }
                    }
                }
            }
            @if history.calls.len() > CALLS { p.soft { "The first " (CALLS) " of " (history.calls.len()) " are shown." } }
        }
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= ANSWER {
        return text.to_owned();
    }
    let start: String = text.chars().take(ANSWER).collect();
    format!("{start}…")
}
