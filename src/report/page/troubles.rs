//! What the network did while links were cut, and what stands out though nobody asked.

use maud::{Markup, html};

use crate::check::history::History;
use crate::check::{Diagnosis, Verdict};

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
                        td {
                            @if let Some(during) = &diagnosis.during { "during " strong { (during) } }
                            @else if let Some((from, to)) = diagnosis.apart {
                                (seconds(history, from)) " to " @match to { Some(to) => (seconds(history, to)), None => "the end" }
                            }
                            @else { "the whole run" }
                        }
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
