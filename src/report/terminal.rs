//! The end of a run on a terminal: why nothing of it may count, one line for each expectation, and for what did not pass the facts that matter most.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::check::{Conclusion, ExpectationResult, FaultInstant, Outcome, SEND, Verdict};
use crate::journal::shown::printable;
use crate::journal::{Journal, What};

/// How text for a terminal may look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours are allowed. They never carry a meaning alone.
    pub color: bool,
}

/// How many facts of an expectation that did not pass are shown; the report has all of them.
const FACTS: usize = 3;

/// How many of the last lines of a trouble are shown.
const TROUBLE_LINES: usize = 6;

/// How many diagnoses and findings of the whole run are shown each; the report has all of them.
const NOTES: usize = 3;

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        let text = printable(text);
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into_owned() }
    }
}

/// What a person reads at the end of a run. Ends with a newline; the caller adds where the report is.
pub fn terminal(journal: &Journal, verdict: &Verdict, style: Style) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let width = verdict.results.iter().map(|result| result.label.chars().count()).max().unwrap_or(0).min(60);
    for doubt in &verdict.doubts {
        let _ = writeln!(text, "{} {}", style.paint("33;1", "!"), printable(doubt));
    }
    for result in &verdict.results {
        let _ = one(&mut text, result, width, style);
    }
    let _ = end_notes(&mut text, journal, verdict, style);
    text
}

fn one(text: &mut String, result: &ExpectationResult, width: usize, style: Style) -> std::fmt::Result {
    let (code, sign) = match result.outcome {
        Outcome::Pass => ("32", "✓"),
        Outcome::Fail => ("31;1", "✗"),
        Outcome::Unknown => ("33", "?"),
    };
    let sign = style.paint(code, sign);
    let gap = " ".repeat(width.saturating_sub(result.label.chars().count()));
    writeln!(text, "{sign} {}{gap}  {}", printable(&result.label), style.paint("2", &result.summary))?;
    if result.outcome == Outcome::Pass {
        return Ok(());
    }
    for fact in result.facts.iter().take(FACTS) {
        writeln!(text, "    {}", printable(fact))?;
    }
    let more = match result.facts.len().saturating_sub(FACTS) {
        0 => String::new(),
        1 => "; 1 more fact in the report".to_owned(),
        more => format!("; {more} more facts in the report"),
    };
    let lines: Vec<String> = result.evidence.iter().take(5).map(ToString::to_string).collect();
    let evidence = match (lines.is_empty(), result.evidence.len() > lines.len()) {
        (true, _) => String::new(),
        (false, true) => format!("; events.jsonl seq {} …", lines.join(", ")),
        (false, false) => format!("; events.jsonl seq {}", lines.join(", ")),
    };
    let place = if result.place.is_empty() { String::new() } else { format!("asked at {}", result.place) };
    let look = format!("{place}{evidence}{more}");
    if !look.is_empty() {
        writeln!(text, "    {}", style.paint("2", look.trim_start_matches("; ")))?;
    }
    Ok(())
}

/// What was sent, and what of it went wrong.
fn calls(text: &mut String, journal: &Journal, verdict: &Verdict, style: Style) -> std::fmt::Result {
    let sends = journal.run.windows.iter().filter(|window| window.fault == SEND);
    let sends: BTreeSet<&str> = sends.map(|window| window.name.as_str()).collect();
    let answers: Vec<_> = journal
        .events
        .iter()
        .filter_map(|event| match &event.what {
            What::Called { asked_by, node, error, .. } if sends.contains(asked_by.as_str()) => {
                Some((event.seq, asked_by, node, error.as_deref()))
            }
            _ => None,
        })
        .collect();
    let wanted = verdict.wanted_refusals();
    let failed: Vec<_> = answers
        .iter()
        .filter(|(seq, ..)| !wanted.contains(seq))
        .filter_map(|(_, entry, node, error)| Some(format!("{entry} at {node}: {}", (*error)?)))
        .collect();
    let word = if answers.len() == 1 { "call" } else { "calls" };
    if let Some(first) = failed.first() {
        let (sign, many) = (style.paint("33", "!"), answers.len());
        writeln!(text, "{sign} {} of {many} {word} failed; the first: {}", failed.len(), printable(first))?;
    } else if !answers.is_empty() {
        let refused = if wanted.is_empty() { "all answered" } else { "all answered or refused as expected" };
        writeln!(text, "  {} {word} sent, {refused}", answers.len())?;
    }
    Ok(())
}

/// A trouble's first line and its last ones: what it is and the reason. A run has told it whole when it came.
fn shortened(message: &str) -> String {
    let lines: Vec<&str> = message.lines().collect();
    if lines.len() <= 2 + TROUBLE_LINES {
        return message.to_owned();
    }
    let end = lines[lines.len() - TROUBLE_LINES..].join("\n");
    format!("{}\n    … ({} lines)\n{end}", lines[0], lines.len() - 1 - TROUBLE_LINES)
}

fn end_notes(text: &mut String, journal: &Journal, verdict: &Verdict, style: Style) -> std::fmt::Result {
    let zero = journal.events.iter().find(|event| matches!(event.what, What::TimelineStarted));
    let zero = zero.map_or(0, |event| event.at);
    let since_zero = |at: u64| (at as f64 - zero as f64) / 1e6;
    for diagnosis in verdict.diagnoses.iter().take(NOTES) {
        let during = match (&diagnosis.during, diagnosis.apart) {
            (Some(entry), _) => format!("{entry}: "),
            (None, Some((from, to))) => {
                let to = to.map_or_else(|| "the end".to_owned(), |to| format!("{:.1} s", since_zero(to)));
                format!("{:.1} s to {to}: ", since_zero(from))
            }
            (None, None) => String::new(),
        };
        writeln!(text, "  {}", printable(&format!("{during}{}", diagnosis.text)))?;
    }
    for finding in verdict.findings.iter().take(NOTES) {
        writeln!(text, "{} {}", style.paint("33", "!"), printable(&finding.text))?;
    }
    if verdict.diagnoses.len().max(verdict.findings.len()) > NOTES {
        writeln!(text, "  {}", style.paint("2", "more of these in the report"))?;
    }
    let worst = verdict.timing.instants.iter().max_by_key(|instant| instant.planned.abs_diff(instant.applied));
    if let Some(FaultInstant { entry, begin, planned, applied, .. }) = worst {
        let which = if *begin { "beginning" } else { "end" };
        let error = planned.abs_diff(*applied) as f64 / 1_000.0;
        let way = if applied >= planned { "late" } else { "early" };
        writeln!(text, "  worst fault timing error: {error:.1} ms {way} ({which} of {})", printable(entry.as_str()))?;
    }
    for instant in verdict.timing.instants.iter().filter(|instant| instant.error.is_some()) {
        let which = if instant.begin { "begin" } else { "end" };
        let error = printable(instant.error.as_deref().unwrap_or_default());
        let entry = printable(instant.entry.as_str());
        writeln!(text, "{} {entry} did not {which} as planned: {error}", style.paint("33", "!"))?;
    }
    calls(text, journal, verdict, style)?;
    if verdict.ended.as_deref() != Some("complete") {
        let troubles = journal.events.iter().filter_map(|event| match &event.what {
            What::Trouble { message } => Some(message),
            _ => None,
        });
        for message in troubles {
            writeln!(text, "{} {}", style.paint("33", "!"), printable(&shortened(message)))?;
        }
        let how = match verdict.ended.as_deref() {
            Some("interrupted") => "the run was interrupted; judged on what there is",
            Some("timeout") => "the run's timeout ended it; judged on what there is",
            Some(_) => "the run ended early; judged on what there is",
            None => "the journal breaks off; judged on what there is",
        };
        writeln!(text, "{} {how}", style.paint("33", "!"))?;
    }
    let count = |outcome| verdict.results.iter().filter(|result| result.outcome == outcome).count();
    let (passed, failed, unknown) = (count(Outcome::Pass), count(Outcome::Fail), count(Outcome::Unknown));
    let code = match verdict.conclusion {
        Conclusion::Passed => "32;1",
        Conclusion::Failed | Conclusion::Broken => "31;1",
        Conclusion::Unknown | Conclusion::Interrupted => "33;1",
    };
    let word = verdict.conclusion.word().to_uppercase();
    let mut parts = vec![format!("{passed} passed")];
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    if unknown > 0 {
        parts.push(format!("{unknown} unknown"));
    }
    let run = &journal.run;
    writeln!(
        text,
        "{} {} (seed {}): {}",
        style.paint(code, &word),
        printable(&run.scenario),
        run.seed,
        parts.join(", ")
    )
}
