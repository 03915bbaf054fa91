//! `junit.xml`: one test case for each expectation, for machines that count tests.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::check::{ExpectationResult, Outcome, Verdict};
use crate::journal::Journal;

/// The content of `junit.xml`. A failed expectation is a failure, an unknown one an error: neither is a pass.
pub fn junit(journal: &Journal, verdict: &Verdict) -> String {
    let run = &journal.run;
    let mut suite = TestSuite::new(run.scenario.as_str());
    suite.set_time(Duration::from_micros(journal.events.last().map_or(0, |event| event.at)));
    let facts = [
        ("run", run.run.clone()),
        ("seed", run.seed.to_string()),
        ("backend", run.backend.clone()),
        ("engine", run.engine.clone()),
        ("started", run.started.clone()),
        ("ended", verdict.ended.clone().unwrap_or_else(|| "unknown".to_owned())),
    ];
    suite.add_properties(facts.iter().map(|(name, value)| (*name, value.as_str())));
    for result in &verdict.results {
        let mut case = TestCase::new(result.label.as_str(), status(result));
        case.set_classname(format!("{}.{}", run.scenario, result.keyword));
        case.extra.insert("file".into(), result.place.as_str().into());
        if result.outcome == Outcome::Pass {
            case.set_system_out(result.summary.as_str());
        }
        suite.add_test_case(case);
    }
    let mut report = Report::new("splitbrain");
    report.add_test_suite(suite);
    report.to_string().expect("quick-junit escapes or drops whatever XML cannot say")
}

fn status(result: &ExpectationResult) -> TestCaseStatus {
    let (kind, word) = match result.outcome {
        Outcome::Pass => return TestCaseStatus::success(),
        Outcome::Fail => (NonSuccessKind::Failure, "failed"),
        Outcome::Unknown => (NonSuccessKind::Error, "unknown"),
    };
    let mut status = TestCaseStatus::non_success(kind);
    let mut text = result.facts.join("\n");
    if !result.evidence.is_empty() {
        let lines: Vec<String> = result.evidence.iter().take(20).map(ToString::to_string).collect();
        text.push_str("\nlines of events.jsonl (seq): ");
        text.push_str(&lines.join(", "));
    }
    text.push_str("\nasked at ");
    text.push_str(&result.place);
    status.set_type(word).set_message(result.summary.as_str()).set_description(text.trim_start());
    status
}
