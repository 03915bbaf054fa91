//! What nobody saw, what was not done, and who was left out: the rules of `docs/verdicts.md` that keep a verdict from
//! resting on nothing.

use super::super::agree::Agree;
use super::super::diverge::Diverge;
use super::super::log::Log;
use super::super::peers::Peers;
use super::super::progress::Progress;
use super::super::reorg::Reorg;
use super::super::stall::Stall;
use super::super::testing::{after, assert_outcome, at, during, expect, journal, judge_nodes, judge_one, secs};
use super::super::{
    Conclusion, Growth,
    Outcome::{Fail, Pass, Unknown},
    Subject, That, Verdict, When, judge,
};

fn agree() -> That {
    That::Agree(Agree { on: Subject::Head, depth: Some(2) })
}

fn diverge() -> That {
    That::Diverge(Diverge { on: Subject::Head })
}

fn peers(min: u64) -> That {
    That::Peers(Peers { min, max: None })
}

fn progress(blocks: u64) -> That {
    That::Progress(Progress { blocks, per: None })
}

fn stall() -> That {
    That::Stall(Stall { on: Growth::Head, settle: Some(secs(1)) })
}

fn reorg(max_depth: u64) -> That {
    That::Reorg(Reorg { max_depth })
}

/// a, b and c on one chain, d on another from 10 s on for good; `split` is over at 20 s.
const FORK: &str = "
    promises 1
    nodes a b c d
    block x1 genesis a
    block x2 x1 b
    block l3 x2 a
    block l4 l3 b
    block r3 x2 d
    block r4 r3 d
    window split partition 10 20 a b c d
    window blip kill 30 32 d
    1 a b c d head x1
    1 a b c d peers 3
    10 begin split
    12 a b c head l3
    13 d head r3
    20 end split
";

fn fork(rest: &str) -> String {
    format!("{FORK}{rest}")
}

fn verdict(text: &str, when: When, that: That) -> Verdict {
    judge(&journal(text, &[expect(when, that, &[])]))
}

/// d is taken away and comes back as it went.
const BLIP: &str =
    "30 begin blip\n30 d exit expected\n32 end blip\n32 d started\n32.3 d back\n32.3 d head r4\n32.3 d peers 3\n";

#[test]
fn agreement_without_the_one_that_dissents_is_none() {
    let never = fork("60 ended complete");
    assert_outcome(&judge_one(&never, after("split", 30), agree()), Fail);
    let masked = judge_one(&fork(&format!("{BLIP}60 ended complete")), after("split", 30), agree());
    assert_outcome(&masked, Fail);
    assert!(
        masked.facts.iter().any(|fact| fact.contains("only without d (blip, 30.0 s to 32.0 s)")),
        "{:?}",
        masked.facts
    );
    let gone = fork("30 begin blip\n30 d exit expected\n60 ended complete");
    let gone = judge_one(&gone, after("split", 30), agree());
    assert_outcome(&gone, Unknown);
    assert!(gone.summary.contains("when d was last seen, at 30.0 s, it did not hold"), "{}", gone.summary);
}

#[test]
fn who_is_back_and_agrees_confirms_what_was_said_without_it() {
    let text = fork(&format!("{}32.5 d head l4\n60 ended complete", BLIP.replace("d head r4", "d head l3")));
    let result = judge_one(&text, after("split", 30), agree());
    assert_outcome(&result, Pass);
    assert_eq!(result.moment, Some(at("32.3")), "with all, not at 30 s without d");
}

#[test]
fn who_is_left_out_stands_in_the_line() {
    let text = "promises 1\nnodes a b c\nwindow crash kill 10 - c\nblock x1 genesis a\n1 a b c head x1\n10 begin crash\n10 c exit expected\n30 ended complete";
    let result = judge_one(text, When::Always, agree());
    assert_outcome(&result, Pass);
    assert!(result.summary.ends_with(", without c (crash, 10.0 s to the end)"), "{}", result.summary);
    let result = judge_one(text, When::AtEnd, agree());
    assert_outcome(&result, Pass);
    assert!(result.summary.contains("without c"), "{}", result.summary);
    let result = judge_one(text, When::Always, stall());
    assert!(result.summary.contains("without c"), "{}", result.summary);
}

#[test]
fn who_dissented_when_it_was_last_seen_is_not_left_out_at_the_end() {
    let text = fork("30 begin blip\n30 d exit expected\n31 ended complete");
    assert_outcome(&judge_one(&text, When::AtEnd, agree()), Unknown);
    let text = fork("29 d peers 0\n30 begin blip\n30 d exit expected\n31 ended complete");
    assert_outcome(&judge_one(&text, When::AtEnd, peers(1)), Unknown);
    let text = fork("30 begin blip\n30 d exit expected\n31 ended complete");
    assert_outcome(&judge_one(&text, When::AtEnd, peers(1)), Pass);
}

#[test]
fn a_restart_at_once_does_not_take_its_target_out_of_the_question() {
    let text = format!(
        "{}\n30 d exit expected\n30 begin blip\n30 end blip\n30 d started\n30.4 d back\n30.4 d head r4\n60 ended complete",
        FORK.replace("blip kill 30 32", "blip restart 30 30")
    );
    assert_outcome(&judge_one(&text, after("blip", 20), agree()), Fail);
    assert_outcome(&judge_one(&text, during("blip"), agree()), Unknown);
}

#[test]
fn a_fault_that_was_not_carried_out_is_no_fault() {
    let text = fork("30 begin blip d: cannot kill\n32 end blip\n60 ended complete");
    let found = verdict(&text, after("blip", 10), agree());
    assert_outcome(&found.results[0], Unknown);
    assert!(
        found.results[0].summary.contains("blip was not carried out: d: cannot kill"),
        "{}",
        found.results[0].summary
    );
    assert_eq!(found.doubts, ["blip was not carried out: d: cannot kill (kill d)"]);
    assert_eq!(found.conclusion, Conclusion::Unknown);
    // What does not lean on it passes, and the run does not.
    let calm = verdict(&text, during("split"), diverge());
    assert_outcome(&calm.results[0], Pass);
    assert_eq!((calm.outcome, calm.conclusion), (Unknown, Conclusion::Unknown));
    // Nor does it excuse anybody.
    let silent = fork("30 begin blip d: cannot kill\n30 d lost\n60 ended complete");
    assert_outcome(&judge_nodes(&silent, When::AtEnd, agree(), &["a", "b", "d"]), Unknown);
}

#[test]
fn a_fault_that_was_not_healed_excuses_nobody_any_more() {
    let text = fork("30 begin blip\n30 d exit expected\n32 end blip cannot start d\n60 ended complete");
    let found = verdict(&text, When::AtEnd, peers(1));
    assert_outcome(&found.results[0], Unknown);
    assert_eq!(found.doubts, ["blip was not healed: cannot start d (kill d)"]);
    assert_outcome(&judge_one(&text, after("blip", 20), agree()), Unknown);
}

#[test]
fn a_fault_that_was_too_short_or_too_late_is_no_ground() {
    let short = FORK.replace("10 begin split\n", "").replace("20 end split", "20 begin split\n20 end split");
    let result = judge_one(&format!("{short}60 ended complete"), during("split"), diverge());
    assert_outcome(&result, Unknown);
    assert!(result.summary.contains("split was in force for 0.0 s instead of 10.0 s"), "{}", result.summary);
    let late =
        FORK.replace("10 begin split\n", "").replace("    20 end split\n", "    19 begin split\n    29 end split\n");
    let result = judge_one(&format!("{late}60 ended complete"), during("split"), diverge());
    assert_outcome(&result, Unknown);
    assert!(result.summary.contains("split began 9.0 s late"), "{}", result.summary);
}

#[test]
fn a_teardown_that_left_something_is_a_doubt() {
    let text = fork("30 begin blip\n32 end blip\n60 ended complete\n61 torn volume x is in use");
    let found = verdict(&text, during("split"), diverge());
    assert_eq!(found.doubts, ["not taken down: volume x is in use"]);
    assert_eq!(found.conclusion, Conclusion::Unknown);
}

#[test]
fn missing_and_disordered_lines_leave_nothing_to_judge() {
    let mut journal = journal(&fork("60 ended complete"), &[expect(during("split"), diverge(), &[])]);
    assert_outcome(&judge(&journal).results[0], Pass);
    journal.damage.push("the line with seq 20 is missing".to_owned());
    let found = judge(&journal);
    assert_outcome(&found.results[0], Unknown);
    assert!(found.doubts[0].contains("seq 20 is missing"), "{:?}", found.doubts);
}

const CALM: &str = "
    promises 1
    nodes a b c
    block x1 genesis a
    block x2 x1 a
    block x3 x2 a
    0 a b c head x1
    0 a b c peers 2
    5 a b c head x2
    20 a b head x3
";

fn calm(rest: &str) -> String {
    format!("{CALM}{rest}\n40 ended complete")
}

#[test]
fn nobody_looked_is_unknown_for_every_check() {
    for gap in
        ["20.5 c pollgap 8\n20.5 c head x3", "20.5 c lost\n25 c back\n25 c head x3", "20.5 stood 8\n20.6 c head x3"]
    {
        for (when, that) in [
            (When::Always, agree()),
            (When::Always, peers(1)),
            (When::Never, diverge()),
            (When::Always, reorg(0)),
            (When::Always, That::Progress(Progress { blocks: 1, per: Some(secs(25)) })),
        ] {
            let result = judge_one(&calm(gap), when, that);
            assert_outcome(&result, Unknown);
        }
        assert_outcome(&judge_one(&calm(gap), When::AtEnd, agree()), Pass);
    }
    // Less than the tolerance is sampling.
    assert_outcome(&judge_one(&calm("20.5 c pollgap 2.5\n20.5 c head x3"), When::Always, agree()), Pass);
}

#[test]
fn growth_that_nobody_saw_is_no_stall() {
    let still = "promises 1\nnodes a b\nblock x1 genesis a\n0 a b head x1\n10 b pollgap 6\n40 ended complete";
    assert_outcome(&judge_one(still, When::Always, stall()), Unknown);
    assert_outcome(&judge_nodes(still, When::Always, stall(), &["a"]), Pass);
}

#[test]
fn seen_for_a_moment_now_and_then_is_not_watched() {
    let flapping: String = (0..8)
        .map(|n| {
            format!(
                "{} c lost\n{} c back\n{} c head x3\n",
                20.5 + 2.0 * f64::from(n),
                22.2 + 2.0 * f64::from(n),
                22.2 + 2.0 * f64::from(n)
            )
        })
        .collect();
    assert_outcome(&judge_one(&calm(&flapping), When::Always, agree()), Unknown);
}

#[test]
fn nobody_is_blamed_for_what_came_of_a_standstill() {
    let parted = fork("21 ended complete");
    assert_outcome(&judge_one(&parted, When::Never, diverge()), Fail);
    let stood = FORK.replace("    10 begin split\n", "    9.5 stood 5\n    10 begin split\n");
    let result = judge_one(&format!("{stood}21 ended complete"), When::Never, diverge());
    assert_outcome(&result, Unknown);
    assert!(result.summary.contains("splitbrain itself stood still from 4.5 s to 9.5 s"), "{}", result.summary);
    let found = verdict(&format!("{stood}21 ended complete"), When::Never, diverge());
    assert!(found.findings[0].text.starts_with("splitbrain itself stood still for 5.0 s"), "{:?}", found.findings);
    // An entry that was cut short by it says so.
    let short = FORK
        .replace("    10 begin split\n", "")
        .replace("    20 end split\n", "    19.9 stood 10\n    20 begin split\n    20 end split\n");
    let result = judge_one(&format!("{short}60 ended complete"), during("split"), diverge());
    assert!(result.summary.contains("instead of 10.0 s: splitbrain itself stood still from"), "{}", result.summary);
}

#[test]
fn a_node_that_takes_too_long_to_come_cannot_be_seen() {
    let back = |at: &str| {
        format!(
            "promises 1\nnodes a b c\nwindow crash kill 5 7 b\nblock x1 genesis a\n1 a b c head x1\n5 begin crash\n5 b exit expected\n7 end crash\n7 b started\n{at} b back\n{at} b head x1\n40 ended complete"
        )
    };
    assert_outcome(&judge_one(&back("9"), When::Always, agree()), Pass);
    assert_outcome(&judge_one(&back("20"), When::Always, agree()), Unknown);
}

#[test]
fn after_something_was_sent_agreement_counts_when_the_time_is_over() {
    let send = "promises 1\nnodes a b\nwindow pay send 5 5 a\nblock x1 genesis a\nblock l2 x1 a\nblock r2 x1 b\n1 a b head x1\n5 begin pay\n5 end pay\n5 a called pay eth_sendRawTransaction ok\n";
    let parted = format!("{send}8 a head l2\n8 b head r2\n40 ended complete");
    let result = judge_one(&parted, after("pay", 20), agree());
    assert_outcome(&result, Fail);
    assert_outcome(&judge_one(&parted, after("pay", 20), diverge()), Pass);
    assert_outcome(&judge_one(&format!("{send}8 a b head l2\n40 ended complete"), after("pay", 20), agree()), Pass);
    assert_outcome(&judge_one(&format!("{send}8 a b head l2\n20 ended complete"), after("pay", 20), agree()), Unknown);
}

#[test]
fn every_repetition_has_its_own_time_after() {
    let text = format!(
        "{}\n{}",
        FORK.replace(
            "window split partition 10 20 a b c d",
            "window split#1 partition 10 20 a b c d\n    window split#2 partition 30 35 a b c d"
        )
        .replace("begin split", "begin split#1")
        .replace("end split", "end split#1"),
        "30 begin split#2\n35 end split#2\n40 d head l4\n60 ended complete"
    );
    assert_outcome(&judge_one(&text, after("split", 15), agree()), Fail);
    assert_outcome(&judge_one(&text, after("split#2", 15), agree()), Pass);
    assert_outcome(&judge_one(&text, after("split", 21), agree()), Pass);
}

#[test]
fn a_time_that_was_not_there_is_not_judged() {
    let text = fork("20.05 ended interrupted");
    for that in [agree(), progress(1), reorg(0), stall()] {
        assert_outcome(&judge_one(&text, after("split", 1), that), Unknown);
    }
    let found = verdict(&text, during("split"), diverge());
    assert_outcome(&found.results[0], Pass);
    assert_eq!(found.conclusion, Conclusion::Interrupted);
}

#[test]
fn blocks_that_are_fetched_again_are_no_growth() {
    let text = |last: &str| {
        format!(
            "promises 1\nnodes a b\nslots 4\nwindow wipe restart 10 12 b\nwipes wipe\nblock x1 genesis a\nblock x2 x1 a\nblock x3 x2 a\nblock x4 x3 a\n\
             0 a b head x3\n10 begin wipe\n10 b exit expected\n12 end wipe\n12 b started\n12.5 b head x1\n13 b head x3\n{last}60 ended complete"
        )
    };
    assert_outcome(&judge_one(&text(""), after("wipe", 20), progress(1)), Fail);
    assert_outcome(&judge_one(&text(""), after("wipe", 20), stall()), Pass);
    assert_outcome(&judge_one(&text("20 a b head x4\n"), after("wipe", 20), progress(1)), Pass);
}

#[test]
fn a_jump_over_slots_is_not_counted_as_blocks() {
    let text = "promises 1\nnodes a\nslots 4\n1 a bare s5 5\n20 a bare s40 40\n30 ended complete";
    assert_outcome(&judge_one(text, When::AtEnd, progress(30)), Unknown);
    assert_outcome(&judge_one(text, When::AtEnd, progress(1)), Pass);
    assert_outcome(&judge_one(text, When::Always, reorg(0)), Unknown);
}

#[test]
fn lines_are_counted_exactly_or_not_at_all() {
    let log = |min, max| That::Log(Log { pattern: "oops".to_owned(), min, max });
    let text =
        |counts: &str| format!("promises 1\nnodes a\n1 a log oops one\n2 a log oops two\n{counts}30 ended complete");
    assert_outcome(&judge_one(&text(""), When::Always, log(0, Some(2))), Unknown);
    assert_outcome(&judge_one(&text("30 a count oops 2\n"), When::Always, log(2, Some(2))), Pass);
    let more = text("10 a count oops 90\n20 a count oops 500\n30 a count oops 500\n");
    assert_outcome(&judge_one(&more, When::Always, log(500, Some(500))), Pass);
    assert_outcome(&judge_one(&more, When::Always, log(0, Some(2))), Fail);
    // At 9 s the total of 10 s may have been reached, at 15 s that of 20 s was not yet.
    assert_outcome(&judge_one(&more, When::At(secs(9)), log(50, None)), Unknown);
    assert_outcome(&judge_one(&more, When::At(secs(15)), log(90, Some(90))), Pass);
    assert_outcome(&judge_one(&more, When::At(secs(15)), log(501, None)), Fail);
    assert_outcome(&judge_one(&more, When::At(secs(15)), log(90, None)), Pass);
}

#[test]
fn a_client_without_panic_patterns_does_not_pass_silently() {
    let none = That::Log(Log { pattern: "panic".to_owned(), min: 0, max: Some(0) });
    let text = "promises 1\nnodes a b\nnopanic b\n30 a count own:panic 0\n30 ended complete";
    assert_outcome(&judge_nodes(text, When::Always, none.clone(), &["a"]), Pass);
    let result = judge_one(text, When::Always, none);
    assert_outcome(&result, Unknown);
    assert!(result.summary.contains("has no `panic` patterns"), "{}", result.summary);
}
