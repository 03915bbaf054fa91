//! `report.html`: one file that opens offline, without scripts, on screens light and dark and on paper.

mod calls;
mod charts;
mod expectations;
mod facts;
mod troubles;

use maud::{DOCTYPE, Markup, PreEscaped, html as page};

use crate::check::history::History;
use crate::check::{Conclusion, Outcome, Verdict};
use crate::journal::Journal;

/// What a report can link to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Log files that exist, as paths relative to the report: `logs/west-0.log`.
    pub logs: Vec<String>,
}

/// The sign and the class of an outcome.
fn sign(outcome: Outcome) -> (&'static str, &'static str, &'static str) {
    match outcome {
        Outcome::Pass => ("✓", "pass", "passed"),
        Outcome::Fail => ("✗", "fail", "failed"),
        Outcome::Unknown => ("?", "unknown", "unknown"),
    }
}

/// The same of a whole run.
fn sign_of_run(conclusion: Conclusion) -> (&'static str, &'static str, &'static str) {
    let (sign, class) = match conclusion {
        Conclusion::Passed => ("✓", "pass"),
        Conclusion::Failed => ("✗", "fail"),
        Conclusion::Unknown | Conclusion::Interrupted => ("?", "unknown"),
        Conclusion::Broken => ("!", "fail"),
    };
    (sign, class, conclusion.word())
}

/// Why no pass of the run counts.
fn doubts(verdict: &Verdict) -> Markup {
    page! {
        @if !verdict.doubts.is_empty() {
            h2 { "Why no pass of this run counts" }
            ul.doubts { @for doubt in &verdict.doubts { li.unknown { (doubt) } } }
        }
    }
}

/// The report as one page.
pub fn html(journal: &Journal, verdict: &Verdict, extras: &Extras) -> String {
    let history = History::new(journal);
    let run = &journal.run;
    page! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (sign_of_run(verdict.conclusion).0) " " (run.scenario) " · splitbrain" }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                (heading(&history, verdict))
                main {
                    (doubts(verdict))
                    (expectations::section(&history, verdict))
                    (troubles::section(&history, verdict))
                    (charts::timeline(&history, verdict))
                    (charts::topology(&history))
                    (charts::others(&history))
                    (charts::startup(&history))
                    (facts::faults(&history, verdict))
                    (calls::section(&history, verdict))
                    (facts::divergences(&history, verdict))
                    (facts::links(journal))
                    (facts::gaps(&history))
                    (facts::logs(&history, extras))
                    (facts::run(journal, &history))
                }
                footer { "Made by splitbrain " (run.tool) " from the journal of run " (run.run) ". Times count from the timeline's zero unless they say otherwise." }
            }
        }
    }
    .into_string()
}

fn heading(history: &History<'_>, verdict: &Verdict) -> Markup {
    let run = history.run;
    let (sign, class, word) = sign_of_run(verdict.conclusion);
    let count = |outcome| verdict.results.iter().filter(|result| result.outcome == outcome).count();
    let length = history.zero.map_or(0.0, |zero| history.end.saturating_sub(zero) as f64 / 1e6);
    let counts = [(Outcome::Pass, "passed"), (Outcome::Fail, "failed"), (Outcome::Unknown, "unknown")];
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(outcome, word)| (count(outcome), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    page! {
        header {
            div {
                h1 { (run.scenario) }
                p { (run.description) }
                p.soft {
                    @match history.participants().len() { 0 => {}, 1 => "1 participant, ", count => { (count) " participants, " } }
                    (run.nodes.len()) " nodes on " (run.backend) ", timeline of " (format!("{length:.1} s"))
                    ", seed " (run.seed) ", " (run.started)
                    @if verdict.ended.as_deref() != Some("complete") { " · " strong { (history.how_it_ended()) } }
                }
            }
            div class=(format!("verdict {class}")) role="status" { (sign) " " (word.to_uppercase()) br; span.small { (counts.join(", ")) } }
        }
    }
}
