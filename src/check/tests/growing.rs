//! `progress` and `stall`.

use super::super::progress::Progress;
use super::super::stall::Stall;
use super::super::testing::{after, assert_outcome, during, judge_nodes, judge_one, secs};
use super::super::{
    Growth,
    Outcome::{Fail, Pass, Unknown},
    That, When,
};

fn progress(blocks: u64) -> That {
    That::Progress(Progress { blocks, per: None })
}

fn progress_per(blocks: u64, per: u64) -> That {
    That::Progress(Progress { blocks, per: Some(secs(per)) })
}

fn stall(settle: u64) -> That {
    That::Stall(Stall { on: Growth::Head, settle: Some(secs(settle)) })
}

/// Blocks x1 … x20, each on the one before.
fn chain() -> String {
    let blocks: Vec<String> = (1..=20)
        .map(|n| format!("block x{n} {} a", if n == 1 { "genesis".to_owned() } else { format!("x{}", n - 1) }))
        .collect();
    format!("nodes a b\n{}\n", blocks.join("\n"))
}

/// Both nodes at block n at 2n seconds, from 1 to `last`.
fn steady(last: u64, rest: &str) -> String {
    let heads: Vec<String> = (1..=last).map(|n| format!("{} a b head x{n}", 2 * n)).collect();
    format!("{}{}\n{rest}", chain(), heads.join("\n"))
}

#[test]
fn progress_over_the_whole_timeline() {
    let text = steady(10, "30 ended complete");
    assert_outcome(&judge_one(&text, When::AtEnd, progress(9)), Pass);
    let result = judge_one(&text, When::AtEnd, progress(10));
    assert_outcome(&result, Fail);
    assert!(
        result.facts[0].starts_with("halt without a fork: no node has shown a block above height 10"),
        "{:?}",
        result.facts
    );
    assert!(
        result.facts[1].contains("a grew by 9 of 10 blocks in 30.0 s, its head was at 10 since 20.0 s"),
        "{:?}",
        result.facts
    );
    assert_eq!(result.figures["blocks_by_node"]["b"], 9);
    assert_outcome(&judge_one(&text, When::At(secs(10)), progress(4)), Pass);
    assert_outcome(&judge_one(&text, When::At(secs(10)), progress(5)), Fail);
    assert_outcome(&judge_one(&text, When::Within(secs(10)), progress(4)), Pass);
}

#[test]
fn progress_of_an_interrupted_run() {
    let text = steady(10, "30 ended interrupted");
    assert_outcome(&judge_one(&text, When::AtEnd, progress(9)), Pass);
    assert_outcome(&judge_one(&text, When::AtEnd, progress(10)), Unknown);
}

#[test]
fn a_node_that_stands_still_fails_alone() {
    let text = format!("{}2 a b head x1\n4 a head x2\n6 a head x3\n8 a head x4\n30 ended complete", chain());
    let result = judge_one(&text, When::AtEnd, progress(2));
    assert_outcome(&result, Fail);
    let own: Vec<&String> = result.facts.iter().filter(|fact| fact.contains(" grew by ")).collect();
    assert_eq!(own.len(), 1);
    assert!(own[0].starts_with("b grew by 0 of 2"), "{:?}", result.facts);
    assert_outcome(&judge_nodes(&text, When::AtEnd, progress(2), &["a"]), Pass);
}

#[test]
fn growth_that_nobody_could_see_is_unknown() {
    let text = format!("{}2 a b head x1\n4 a head x2\n6 b lost\n6 a head x3\n30 ended complete", chain());
    assert_outcome(&judge_one(&text, When::AtEnd, progress(2)), Unknown);
    let text = format!("{}2 a head x1\n4 a head x2\n6 a head x3\n30 ended complete", chain());
    assert_outcome(&judge_one(&text, When::AtEnd, progress(2)), Unknown);
}

#[test]
fn empty_slots_are_no_progress() {
    let text = "nodes a\nslots 8\nblock x1 genesis a\nblock x2@50 x1 a\n2 a head x1\n4 a head x2\n30 ended complete";
    assert_outcome(&judge_one(text, When::AtEnd, progress(2)), Fail);
    assert_outcome(&judge_one(text, When::AtEnd, progress(1)), Pass);
}

#[test]
fn a_rate_holds_in_every_span() {
    let text = steady(15, "31 ended complete");
    assert_outcome(&judge_one(&text, When::Always, progress_per(4, 10)), Pass);
    assert_outcome(&judge_one(&text, When::Always, progress_per(6, 10)), Fail);
    // A pause of six seconds in the middle.
    let slow = format!(
        "{}2 a b head x1\n4 a b head x2\n6 a b head x3\n12 a b head x4\n14 a b head x5\n16 a b head x6\n18 ended complete",
        chain()
    );
    assert_outcome(&judge_one(&slow, When::Always, progress_per(1, 5)), Fail);
    assert_outcome(&judge_one(&slow, When::Always, progress_per(1, 6)), Pass);
    assert_outcome(&judge_one(&slow, When::Sometimes, progress_per(4, 5)), Fail);
    assert_outcome(&judge_one(&slow, When::Sometimes, progress_per(2, 4)), Pass);
    assert_outcome(&judge_one(&slow, When::Never, progress_per(4, 5)), Pass);
    assert_outcome(&judge_one(&slow, When::Never, progress_per(2, 4)), Fail);
    assert_outcome(&judge_one(&slow, When::Always, progress_per(1, 60)), Unknown);
}

#[test]
fn spans_in_which_the_timeline_took_a_node_away_do_not_count() {
    let text = format!(
        "{}window crash kill 8 16 b\n2 a b head x1\n4 a b head x2\n6 a b head x3\n8 b exit expected\n8 begin crash\n8 a head x4\n10 a head x5\n12 a head x6\n14 a head x7\n16 a head x8\n16 end crash\n16.1 b started\n17 b back\n17 b head x8\n18 a b head x9\n20 a b head x10\n22 a b head x11\n23 ended complete",
        chain()
    );
    assert_outcome(&judge_one(&text, When::Always, progress_per(1, 4)), Pass);
    assert_outcome(&judge_one(&text, When::AtEnd, progress(10)), Pass);
    assert_outcome(&judge_one(&text, after("crash", 6), progress(2)), Pass);
}

#[test]
fn progress_during_and_after_a_fault() {
    let text = format!(
        "{}window split partition 5 15 a b\n2 a b head x1\n4 a b head x2\n5 begin split\n8 a head x3\n10 a head x4\n15 end split\n16 a b head x5\n18 a b head x6\n60 ended complete",
        chain()
    );
    assert_outcome(&judge_nodes(&text, during("split"), progress(2), &["a"]), Pass);
    assert_outcome(&judge_one(&text, during("split"), progress(1)), Fail);
    let result = judge_one(&text, after("split", 20), progress(2));
    assert_outcome(&result, Pass);
    assert_eq!(result.figures["after_s"], 3.0);
    assert_outcome(&judge_one(&text, after("split", 20), progress(9)), Fail);
}

#[test]
fn a_stall_may_settle_first() {
    let text = format!(
        "{}window split partition 5 15 a b\n2 a b head x1\n4 a b head x2\n5 begin split\n6 a head x3\n15 end split\n16 a b head x5\n60 ended complete",
        chain()
    );
    assert_outcome(&judge_one(&text, during("split"), stall(2)), Pass);
    let result = judge_one(&text, during("split"), stall(0));
    assert_outcome(&result, Fail);
    assert!(
        result.summary.contains("1 of 2 nodes grew on head during split, the first at 6.0 s"),
        "{}",
        result.summary
    );
    assert_outcome(&judge_one(&text, during("split"), stall(10)), Unknown);
    // One block time, here two seconds, if nothing is said.
    assert_outcome(&judge_one(&text, during("split"), That::Stall(Stall { on: Growth::Head, settle: None })), Pass);
}

#[test]
fn a_stall_of_what_is_final() {
    let on_final = || That::Stall(Stall { on: Growth::Finalized, settle: Some(secs(0)) });
    let text = |finals: &str| {
        format!(
            "{}window split partition 5 15 a b\n1 a b final 1 x1\n2 a b head x1\n4 a b head x2\n5 begin split\n6 a b head x3\n{finals}\n15 end split\n60 ended complete",
            chain()
        )
    };
    assert_outcome(&judge_one(&text(""), during("split"), on_final()), Pass);
    assert_outcome(&judge_one(&text("8 a final 2 x2"), during("split"), on_final()), Fail);
}

#[test]
fn a_stall_that_nobody_saw_the_end_of_is_unknown() {
    let text = format!(
        "{}window split partition 5 15 a b\n2 a b head x1\n5 begin split\n8 b lost\n15 end split\n60 ended complete",
        chain()
    );
    assert_outcome(&judge_one(&text, during("split"), stall(0)), Unknown);
}
