//! `report.html` (first form: the expectations only).

use maud::{DOCTYPE, html as page};

use crate::check::Verdict;
use crate::journal::Journal;

/// What a report can link to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Log files that exist, as paths relative to the report: `logs/west-0.log`.
    pub logs: Vec<String>,
}

/// The report as one page that opens offline.
pub fn html(journal: &Journal, verdict: &Verdict, extras: &Extras) -> String {
    page! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (journal.run.scenario) } }
            body {
                h1 { (journal.run.scenario) }
                ul { @for result in &verdict.results { li { (format!("{:?}", result.outcome)) " " (result.label) ": " (result.summary) } } }
                ul { @for log in &extras.logs { li { a href=(log) { (log) } } } }
            }
        }
    }
    .into_string()
}
