//! What reports say about runs of a few lines.

#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "tests fail by panicking, and their texts are small"
)]

mod samples;

use proptest::prelude::*;

use super::{Extras, Style, html, junit, terminal, verdict_json};
use crate::check::answered::{Answered, Wanted};
use crate::check::testing::expect;
use crate::check::{Conclusion, Outcome, That, Verdict, When, judge};
use crate::journal::Journal;

fn extras() -> Extras {
    Extras { logs: vec!["logs/west-0.log".to_owned(), "logs/east-1.log".to_owned()] }
}

/// Writes a page where `SPLITBRAIN_SAMPLE_REPORTS` says, so that a person can look at it.
fn page(name: &str, journal: &Journal) -> String {
    let text = html(journal, &judge(journal), &extras());
    if let Some(folder) = std::env::var_os("SPLITBRAIN_SAMPLE_REPORTS") {
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.html")), &text).unwrap();
    }
    text
}

#[test]
fn outcomes_of_the_samples() {
    assert_eq!(
        judge(&samples::healed()).outcome,
        Outcome::Pass,
        "{}",
        terminal(&samples::healed(), &judge(&samples::healed()), Style::default())
    );
    assert_eq!(judge(&samples::failed()).outcome, Outcome::Fail);
    assert_eq!(judge(&samples::unknown()).outcome, Outcome::Unknown);
}

#[test]
fn on_a_terminal() {
    for (name, journal) in [
        ("healed", samples::healed()),
        ("failed", samples::failed()),
        ("unknown", samples::unknown()),
        ("participants", samples::participants()),
        ("halted", samples::halted()),
    ] {
        let text = terminal(&journal, &judge(&journal), Style::default());
        assert!(!text.contains('\x1b'), "no colours unless asked for");
        insta::assert_snapshot!(format!("terminal_{name}"), text);
    }
}

#[test]
fn colours_carry_no_meaning_alone() {
    let journal = samples::failed();
    let verdict = judge(&journal);
    let colored = terminal(&journal, &verdict, Style { color: true });
    assert!(colored.contains("\x1b[31;1m✗\x1b[0m"));
    let plain = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap().replace_all(&colored, "").into_owned();
    assert_eq!(plain, terminal(&journal, &verdict, Style::default()));
}

/// The journal with something that acts on a terminal behind every word that came from a node.
fn hostile(journal: &Journal) -> Journal {
    fn spoil(value: &mut serde_json::Value, foreign: bool) {
        match value {
            serde_json::Value::String(text) if foreign => text.push_str("\u{1b}]0;PWNED\u{7}\u{9b}8m\u{202e}"),
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, foreign)),
            serde_json::Value::Object(fields) => {
                for (key, field) in fields {
                    let foreign = ["hash", "parent", "version", "line", "message", "error", "last_lines", "producer"];
                    spoil(field, foreign.contains(&key.as_str()));
                }
            }
            _ => {}
        }
    }
    let events = journal.events.iter().map(|event| {
        let mut value = serde_json::to_value(event).unwrap();
        spoil(&mut value, false);
        serde_json::from_value(value).unwrap()
    });
    Journal { events: events.collect(), ..journal.clone() }
}

#[test]
fn nothing_that_a_node_said_acts_on_a_terminal() {
    let ours = regex::Regex::new("\x1b\\[(0|2|32|33|31;1|32;1|33;1)m").unwrap();
    let mut shown = 0;
    for journal in [samples::failed(), samples::unknown(), samples::participants(), samples::halted()] {
        let journal = hostile(&journal);
        let verdict = judge(&journal);
        let colored = terminal(&journal, &verdict, Style { color: true });
        let plain = ours.replace_all(&colored, "");
        assert!(!plain.contains(crate::journal::shown::acts), "{plain:?}");
        let json = verdict_json(&journal, &verdict);
        assert!(!crate::journal::shown::printable_json(&json).contains(crate::journal::shown::acts));
        shown += plain.matches("\u{fffd}]0;PWNED").count();
    }
    assert!(shown > 0, "what was said is still there");
}

#[test]
fn for_machines_that_count_tests() {
    for (name, journal) in [("failed", samples::failed()), ("unknown", samples::unknown())] {
        insta::assert_snapshot!(format!("junit_{name}"), junit(&journal, &judge(&journal)));
    }
}

/// Terminal, JUnit, page, and the words that each must and must not say.
fn outputs(journal: &Journal, doubts: &[&str]) -> (String, String, String, Verdict) {
    let mut verdict = judge(journal);
    if !doubts.is_empty() {
        verdict.doubts = doubts.iter().map(ToString::to_string).collect();
        verdict.outcome = verdict.outcome.and(Outcome::Unknown);
        verdict.conclusion = Conclusion::Unknown;
    }
    let lines = terminal(journal, &verdict, Style::default());
    (lines, junit(journal, &verdict), html(journal, &verdict, &extras()), verdict)
}

#[test]
fn an_interrupted_run_is_no_pass_anywhere() {
    let text = "nodes a b\n0 a peers 1\n0 b peers 1\n5 ended interrupted";
    let (lines, xml, page, verdict) = outputs(&crate::check::testing::journal(text, &[]), &[]);
    assert_eq!(verdict.outcome, Outcome::Pass, "nothing was expected");
    assert!(lines.contains("INTERRUPTED test (seed 42)") && !lines.contains("PASSED"), "{lines}");
    assert!(xml.contains("errors=\"1\"") && xml.contains("<testcase name=\"run\""), "{xml}");
    assert!(xml.contains("<property name=\"conclusion\" value=\"interrupted\""), "{xml}");
    assert!(page.contains("? INTERRUPTED") && !page.contains("PASSED"));
    assert!(
        verdict_json(&crate::check::testing::journal(text, &[]), &verdict).contains("\"conclusion\": \"interrupted\"")
    );
}

#[test]
fn a_run_that_trouble_ended_or_that_was_killed_is_no_pass_anywhere() {
    let text = "nodes a b\n0 a peers 1\n5 trouble the engine went away\n5 ended trouble";
    let (lines, xml, page, _) = outputs(&crate::check::testing::journal(text, &[]), &[]);
    assert!(lines.contains("BROKEN OFF BY TROUBLE test"), "{lines}");
    assert!(xml.contains("errors=\"1\"") && xml.contains("the engine went away"), "{xml}");
    assert!(page.contains("! BROKEN OFF BY TROUBLE"));
    let (lines, xml, page, _) = outputs(&crate::check::testing::journal("nodes a b\n0 a peers 1", &[]), &[]);
    assert!(lines.contains("UNKNOWN test"), "{lines}");
    assert!(xml.contains("errors=\"1\"") && xml.contains("breaks off"), "{xml}");
    assert!(page.contains("? UNKNOWN"));
}

#[test]
fn doubts_come_first_and_make_no_pass() {
    let doubts = ["split was not carried out: cannot kill node a", "something was left behind: a container"];
    let (lines, xml, page, _) = outputs(&samples::healed(), &doubts);
    assert!(lines.starts_with(&format!("! {}\n! {}\n✓ ", doubts[0], doubts[1])), "{lines}");
    assert!(lines.contains("UNKNOWN test"), "{lines}");
    assert!(xml.contains("errors=\"1\"") && xml.contains(doubts[0]) && xml.contains(doubts[1]), "{xml}");
    assert!(page.contains("? UNKNOWN"));
    let (first, rest) = page.split_once("<h2>Expectations</h2>").unwrap();
    assert!(first.contains(doubts[0]) && !rest.contains(doubts[0]), "before the expectations");
}

#[test]
fn a_sound_run_has_a_test_case_for_each_expectation_and_no_more() {
    let (lines, xml, page, verdict) = outputs(&samples::healed(), &[]);
    assert!(lines.contains("PASSED test") && page.contains("✓ PASSED"));
    assert!(xml.contains("errors=\"0\"") && xml.contains("failures=\"0\""));
    assert_eq!(xml.matches("<testcase").count(), verdict.results.len());
}

#[test]
fn the_verdict_can_be_read_back() {
    let journal = samples::failed();
    let verdict = judge(&journal);
    let text = verdict_json(&journal, &verdict);
    assert_eq!(serde_json::from_str::<crate::check::Verdict>(&text).unwrap(), verdict);
    assert_eq!(text, verdict_json(&journal, &judge(&journal)), "the same bytes every time");
}

#[test]
fn a_page_stands_alone() {
    for (name, journal) in [
        ("healed", samples::healed()),
        ("failed", samples::failed()),
        ("unknown", samples::unknown()),
        ("large", samples::large()),
        ("participants", samples::participants()),
        ("halted", samples::halted()),
    ] {
        let text = page(name, &journal);
        assert!(text.starts_with("<!DOCTYPE html>"));
        for foreign in ["http://", "https://", "<script", "@import", "url(//", "src="] {
            assert!(!text.contains(foreign), "{name}: {foreign}");
        }
        assert_eq!(text.matches("<svg").count(), text.matches("</svg>").count());
        if journal.run.nodes.iter().any(|node| node.name.as_str() == "west-0") {
            assert!(text.contains("href=\"logs/west-0.log\""));
        }
        for result in &judge(&journal).results {
            let label = result.label.replace('&', "&amp;");
            assert!(text.contains(&label), "{name}: {label}");
        }
        for node in &journal.run.nodes {
            assert!(text.contains(node.name.as_str()));
        }
        assert!(text.len() < 600_000, "{name}: {} bytes", text.len());
    }
}

#[test]
fn a_page_escapes_what_it_shows() {
    let mut journal = samples::unknown();
    journal.run.description = "<b>bold</b> & \"quoted\"".to_owned();
    let text = html(&journal, &judge(&journal), &Extras::default());
    assert!(text.contains("&lt;b&gt;bold&lt;/b&gt; &amp;"));
    assert!(!text.contains("<b>bold"));
}

#[test]
fn a_split_shows_in_the_lanes() {
    let text = page("healed", &samples::healed());
    let lanes = text.split("one lane for each node").nth(1).unwrap().split("</svg>").next().unwrap();
    assert!(lanes.contains("on chain B"), "the losing half has a chain of its own");
    assert!(lanes.contains("class=\"apart\""), "the time of divergence is marked");
    assert!(lanes.contains("class=\"agreed\""), "so is the moment of agreement");
    assert!(lanes.contains("reorganisation: 4 blocks left"));
    assert!(lanes.contains("taken away by the timeline"));
}

#[test]
fn a_participant_is_one_lane_with_a_thin_one_below() {
    let text = page("participants", &samples::participants());
    let lanes = text.split("one lane for each node").nth(1).unwrap().split("</svg>").next().unwrap();
    assert_eq!(lanes.matches("class=\"tick member\"").count(), 3, "the execution clients'");
    assert!(!lanes.contains("validator</text>"), "what shows no chain has no lane");
    assert!(lanes.contains("on chain B"));
    let picture = text.split("who dials whom").nth(1).unwrap().split("</svg>").next().unwrap();
    assert_eq!(picture.matches("class=\"node within").count(), 6, "two further members each");
    assert!(picture.contains(">west-0</text>") && !picture.contains(">west-0.consensus</text>"));
    for wanted in [
        "layers apart",
        "peers that are not there",
        "3 participants, 9 nodes",
        "eth_sendRawTransaction",
        "invalid merkle root",
    ] {
        assert!(text.contains(wanted), "{wanted}");
    }
}

#[test]
fn a_refusal_that_was_expected_is_nothing_that_went_wrong() {
    let text = "nodes a b\nwindow odd send 10 10 a\nwindow pay send 12 12 b\n\
                10 a refuses odd no such method\n12 b answers pay \"0x1\"\n\
                13 a answers rpc_equal/1 7\n30 ended complete";
    let run = |pattern: &str| {
        let wanted = Wanted::Refused(pattern.to_owned());
        let that = That::Answered(Answered { entry: "odd".into(), pointer: String::new(), wanted });
        let journal = crate::check::testing::journal(text, &[expect(When::AtEnd, that, &[])]);
        (terminal(&journal, &judge(&journal), Style::default()), page("calls", &journal))
    };
    let (lines, page) = run("no such method");
    assert!(lines.contains("  2 calls sent, all answered or refused as expected\n"), "{lines}");
    assert!(page.contains("refused as expected: no such method") && !page.contains("1 failed"));
    let sent = page.split("What was sent").nth(1).unwrap();
    let (sent, asked) = sent.split_once("What was asked").unwrap();
    assert!(sent.contains("2 calls, ") && asked.contains("1 call, ") && asked.contains("rpc_equal/1"));
    let (lines, page) = run("another");
    assert!(lines.contains("! 1 of 2 calls failed; the first: odd at a: no such method\n"), "{lines}");
    assert!(page.contains("1 failed"));
}

#[test]
fn an_empty_run_has_a_page_too() {
    let journal =
        crate::check::testing::journal("nodes a\nlate a\nnozero\n-4 trouble no engine\n-3 ended trouble", &[]);
    let text = page("empty", &journal);
    assert!(text.contains("no engine"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in a journal, in whatever order: it is judged and drawn without a panic, and always the same.
    #[test]
    fn nothing_in_a_journal_makes_a_report_panic(steps in proptest::collection::vec((0..3_usize, 0..24_usize, 0..4_u64), 0..50)) {
        let mut text = String::from(
            "nodes w-0 w-1:x+--quirk c\nslots 4\nwindow p partition 3 9 w-0 w-1\nwindow k kill 5 8 c\nwindow z pause 4 - w-1\n\
             block a1 genesis w-0\nblock a2 a1 w-1\nblock b2 a1 c\nblock b3 b2 nobody\nblock o9@9 ? c\n",
        );
        let nodes = ["w-0", "w-1", "c"];
        let things = [
            "head a1", "head a2", "head b2", "head b3", "head o9", "bare q 7", "lost", "back", "exit 1 boom", "exit expected",
            "started", "ready", "notready", "final 1 a1", "final 1 b2", "final 0 zero", "peers 0", "peers 9", "reorg 2", "reorg 3+",
            "log panic <oops & \"co\">", "begin p", "end p", "begin k",
        ];
        let mut at = 0;
        for (node, thing, step) in steps {
            at += i64::try_from(step).unwrap();
            let thing = things[thing];
            let node = if thing.starts_with("begin") || thing.starts_with("end") { "" } else { nodes[node] };
            text.push_str(&format!("{at} {node} {thing}\n"));
        }
        let journal = crate::check::testing::journal(&text, &samples::expectations_of_every_kind());
        let verdict = judge(&journal);
        prop_assert_eq!(&verdict, &judge(&journal));
        prop_assert_eq!(verdict.results.len(), samples::expectations_of_every_kind().len());
        prop_assert!(terminal(&journal, &verdict, Style::default()).contains("test (seed 42)"));
        prop_assert!(junit(&journal, &verdict).contains("</testsuites>"));
        let page = html(&journal, &verdict, &extras());
        prop_assert!(page.ends_with("</html>"));
        prop_assert!(!page.contains("<oops") && !page.contains("NaN"));
    }
}
