//! `junit.xml`: one test case for each expectation, for machines that count tests.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::check::{Conclusion, ExpectationResult, Outcome, Verdict};
use crate::journal::{Journal, What};

/// The content of `junit.xml`. A failed expectation is a failure, an unknown one an error: neither is a pass. Where the run
/// as a whole is no pass for another reason (it was interrupted, an entry was not carried out), a first test case `run` is an
/// error.
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
        ("conclusion", verdict.conclusion.word().to_owned()),
        ("ended", verdict.ended.clone().unwrap_or_else(|| "unknown".to_owned())),
    ];
    suite.add_properties(facts.iter().map(|(name, value)| (*name, value.as_str())));
    if let Some(case) = whole_run(journal, verdict) {
        suite.add_test_case(case);
    }
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

/// What no expectation says: that the run as a whole is no pass.
fn whole_run(journal: &Journal, verdict: &Verdict) -> Option<TestCase> {
    let mut reasons = Vec::new();
    match verdict.conclusion {
        Conclusion::Interrupted => reasons.push("the run was interrupted; judged on what there is".to_owned()),
        Conclusion::Broken => {
            reasons.push("the run was broken off by trouble; judged on what there is".to_owned());
            reasons.extend(journal.events.iter().filter_map(|event| match &event.what {
                What::Trouble { message } => Some(message.clone()),
                _ => None,
            }));
        }
        Conclusion::Passed | Conclusion::Failed | Conclusion::Unknown if verdict.ended.is_none() => {
            reasons.push("the journal breaks off: the run was killed or still goes on".to_owned());
        }
        Conclusion::Passed | Conclusion::Failed | Conclusion::Unknown => {}
    }
    reasons.extend(verdict.doubts.iter().cloned());
    let told = verdict.results.iter().any(|result| result.outcome != Outcome::Pass);
    if reasons.is_empty() && !told && verdict.conclusion != Conclusion::Passed {
        reasons.push(format!("the run as a whole: {}", verdict.conclusion.word()));
    }
    let first = reasons.first()?.clone();
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(verdict.conclusion.word()).set_message(first).set_description(reasons.join("\n"));
    let mut case = TestCase::new("run", status);
    case.set_classname(format!("{}.run", journal.run.scenario));
    Some(case)
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
