//! `verdict.json`: the verdict with enough of the run that the file can be read alone.

use serde::Serialize;

use crate::check::Verdict;
use crate::journal::Journal;

#[derive(Serialize)]
struct File<'a> {
    run: &'a str,
    scenario: &'a str,
    seed: u64,
    backend: &'a str,
    tool: &'a str,
    started: &'a str,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

/// The content of `verdict.json`: the fields of [`Verdict`], and which run it is about.
pub fn verdict_json(journal: &Journal, verdict: &Verdict) -> String {
    let run = &journal.run;
    let file = File {
        run: &run.run,
        scenario: &run.scenario,
        seed: run.seed,
        backend: &run.backend,
        tool: &run.tool,
        started: &run.started,
        verdict,
    };
    let mut text = serde_json::to_string_pretty(&file).expect("a verdict holds nothing that JSON cannot say");
    text.push('\n');
    text
}
