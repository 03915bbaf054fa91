//! `agree` and `diverge`.

use super::super::agree::Agree;
use super::super::diverge::Diverge;
use super::super::testing::{after, assert_outcome, at, during, judge_nodes, judge_one, secs};
use super::super::{
    Outcome::{Fail, Pass, Unknown},
    Subject, That, When,
};

fn agree(depth: u64) -> That {
    That::Agree(Agree { on: Subject::Head, depth: Some(depth) })
}

fn agree_final() -> That {
    That::Agree(Agree { on: Subject::Finalized, depth: None })
}

fn diverge(on: Subject) -> That {
    That::Diverge(Diverge { on })
}

const BLOCKS: &str = "
    nodes a b c d
    block x1 genesis a
    block x2 x1 b
    block l3 x2 a
    block l4 l3 b
    block l5 l4 a
    block l6 l5 b
    block r3 x2 c
    block r4 r3 d
";

fn with(rest: &str) -> String {
    format!("{BLOCKS}\n{rest}")
}

const SPLIT: &str = "
    window split partition 10 20 a b c d
    1 a b c d head x1
    3 a b c d head x2
    10 begin split
    12 a b head l3
    13 c d head r3
    14 a b head l4
    16 c d head r4
    20.1 end split
";

fn split(rest: &str) -> String {
    with(&format!("{SPLIT}\n{rest}"))
}

#[test]
fn agreement_after_a_split_is_timed_from_its_applied_end() {
    let text = split("22 a b head l5\n23.6 c head l5\n24.1 d head l5\n60 ended complete");
    let result = judge_one(&text, after("split", 30), agree(2));
    assert_outcome(&result, Pass);
    assert_eq!(result.figures["after_s"], 4.0, "d came 4 s after the end that was applied at 20.1 s");
    assert_eq!(result.figures["height"], 5);
    assert_eq!(result.moment, Some(at("24.1")));
    assert!(result.summary.contains("4.0 s after split ended"), "{}", result.summary);
}

#[test]
fn agreement_that_comes_too_late_fails_and_names_the_first_difference() {
    let text = split("22 a b head l5\n51 c d head l5\n60 ended complete");
    let result = judge_one(&text, after("split", 30), agree(2));
    assert_outcome(&result, Fail);
    let explanation = result.explanation.unwrap();
    assert_eq!(explanation.height, Some(3));
    assert_eq!(explanation.sides.len(), 2);
    assert_eq!(explanation.faults_then.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["split"]);
    assert!(explanation.faults_now.is_empty());
}

#[test]
fn a_run_that_was_interrupted_before_the_bound_is_unknown() {
    let text = split("22 a b head l5\n30 interrupted\n30 ended interrupted");
    let result = judge_one(&text, after("split", 30), agree(2));
    assert_outcome(&result, Unknown);
    assert!(result.facts.iter().any(|fact| fact.contains("interrupted")), "{:?}", result.facts);
}

#[test]
fn a_run_that_was_interrupted_after_agreement_passes() {
    let text = split("22 a b c d head l5\n30 ended interrupted");
    assert_outcome(&judge_one(&text, after("split", 30), agree(2)), Pass);
}

#[test]
fn a_split_that_never_ended_is_unknown() {
    let text = with("window split partition 10 20 a b\n1 a b c d head x1\n10 begin split\n15 ended interrupted");
    let result = judge_one(&text, after("split", 30), agree(2));
    assert_outcome(&result, Unknown);
    assert!(result.summary.contains("split never ended"), "{}", result.summary);
}

#[test]
fn a_node_out_of_sight_makes_agreement_unknown() {
    let text = split("21 d lost\n22 a b c head l5\n60 ended complete");
    let result = judge_one(&text, after("split", 30), agree(2));
    assert_outcome(&result, Unknown);
    assert!(result.facts.iter().any(|fact| fact.contains("d could not be seen")), "{:?}", result.facts);
}

#[test]
fn a_node_out_of_sight_does_not_hide_a_disagreement() {
    let text = split("20.5 d lost\n22 a b head l5\n60 ended complete");
    assert_outcome(&judge_one(&text, When::AtEnd, agree(2)), Fail);
}

#[test]
fn one_lost_sample_is_no_blindness() {
    let text = split("21 d lost\n22 a b c head l5\n23 d back\n23 d head l5\n60 ended complete");
    assert_outcome(&judge_one(&text, after("split", 30), agree(2)), Pass);
}

#[test]
fn a_node_that_the_timeline_took_away_is_left_out() {
    let text = with(
        "window crash kill 5 50 d
         1 a b c d head x1
         5 d exit expected
         5 begin crash
         5.2 d lost
         6 a b c head x2
         10 ended complete",
    );
    assert_outcome(&judge_one(&text, When::AtEnd, agree(0)), Pass);
}

#[test]
fn a_node_that_died_by_itself_is_not_left_out() {
    let text = with("1 a b c d head x1\n5 d exit 2 out of memory\n6 a b c head x2\n20 ended complete");
    let result = judge_one(&text, When::AtEnd, agree(0));
    assert_outcome(&result, Unknown);
    assert!(result.facts.iter().any(|fact| fact.contains("d had exited by itself")), "{:?}", result.facts);
}

#[test]
fn a_paused_node_is_left_out_and_counted_again_once_it_shows_itself() {
    let text = with(
        "window freeze pause 5 10 d
         1 a b c d head x1
         5 begin freeze
         5.5 d lost
         6 a b c head x2
         10 end freeze
         12 d back
         12 d head x2
         20 ended complete",
    );
    assert_outcome(&judge_one(&text, during("freeze"), agree(0)), Pass);
    let back = judge_one(&text, after("freeze", 8), agree(0));
    assert_outcome(&back, Pass);
    assert_eq!(back.figures["after_s"], 2.0, "not before the node showed itself");
}

#[test]
fn a_node_that_two_faults_hold_comes_back_after_the_later_one() {
    let text = with(
        "window freeze pause 5 15 d
         window crash kill 10 20 d
         1 a b c d head x1
         5 begin freeze
         10 d exit expected
         10 begin crash
         12 a b c head l3
         15 end freeze
         20 end crash
         20.1 d started
         22 d back
         22 d head x1
         26 d head l3
         40 ended complete",
    );
    assert_outcome(&judge_one(&text, When::At(secs(17)), agree(0)), Pass);
    assert_outcome(&judge_one(&text, When::At(secs(21)), agree(0)), Unknown);
    assert_outcome(&judge_one(&text, When::At(secs(23)), agree(1)), Fail);
    let back = judge_one(&text, after("crash", 15), agree(0));
    assert_outcome(&back, Pass);
    assert_eq!(back.figures["after_s"], 6.0);
}

#[test]
fn a_restart_of_one_instant_holds_nobody() {
    let text = with(
        "window reboot restart 5 5 d
         1 a b c d head x1
         5 d exit expected
         5.1 d started
         5.2 end reboot
         5.2 begin reboot
         7 d back
         7 d head x1
         8 a b c head l3
         20 ended complete",
    );
    assert_outcome(&judge_one(&text, When::AtEnd, agree(1)), Fail);
    assert_outcome(&judge_one(&text, When::AtEnd, agree(2)), Pass);
}

#[test]
fn final_blocks_that_nobody_described_are_told_apart_by_their_names() {
    let text = "nodes a b c\n1 a b c bare k 9\n2 a b final 3 k3\n3 c final 3 m3\n9 ended complete";
    let result = judge_one(text, When::Always, agree_final());
    assert_outcome(&result, Fail);
    assert!(result.facts[0].contains("2 nodes hold") && result.facts[0].contains("(c)"), "{:?}", result.facts);
}

#[test]
fn heads_on_one_chain_agree_up_to_the_depth() {
    let text = with("1 a b c d head x1\n5 a head l5\n5 b c d head l3\n20 ended complete");
    assert_outcome(&judge_one(&text, When::AtEnd, agree(2)), Pass);
    let result = judge_one(&text, When::AtEnd, agree(1));
    assert_outcome(&result, Fail);
    assert!(result.explanation.unwrap().sides.is_empty(), "behind on one chain is no split");
    assert!(result.facts.iter().any(|fact| fact.contains("b (reference) is behind")), "{:?}", result.facts);
}

#[test]
fn distance_is_counted_in_blocks_and_not_in_slots() {
    let text = "nodes a b\nslots 8\nblock x1 genesis a\nblock x2@30 x1 b\n1 a b head x1\n5 a head x2\n9 ended complete";
    assert_outcome(&judge_one(text, When::AtEnd, agree(1)), Pass);
}

#[test]
fn heads_whose_chain_was_never_seen_are_unknown_until_they_are_equal() {
    let text = "nodes a b\n1 a bare k 5\n1 b bare m 9\n5 ended complete";
    assert_outcome(&judge_one(text, When::AtEnd, agree(2)), Unknown);
    let text = "nodes a b\n1 a bare k 5\n1 b bare m 9\n2 a bare m 9\n5 ended complete";
    assert_outcome(&judge_one(text, When::Sometimes, agree(2)), Pass);
    let text = "nodes a b\n1 a bare k 5\n1 b bare m 5\n5 ended complete";
    assert_outcome(&judge_one(text, When::Sometimes, agree(2)), Fail);
}

#[test]
fn agreement_of_nobody_is_unknown() {
    let text = "nodes a b\n5 ended complete";
    assert_outcome(&judge_one(text, When::AtEnd, agree(2)), Unknown);
    let text =
        with("window crash kill 5 - b c d\n1 a b c d head x1\n5 b c d exit expected\n5 begin crash\n9 ended complete");
    assert_outcome(&judge_one(&text, When::At(secs(7)), agree(2)), Unknown);
    assert_outcome(&judge_nodes(&text, When::At(secs(7)), agree(2), &["a"]), Pass);
}

#[test]
fn always_never_and_sometimes() {
    let text = split("22 a b c d head l5\n30 ended complete");
    assert_outcome(&judge_one(&text, When::Always, agree(2)), Fail);
    assert_outcome(&judge_one(&text, When::Never, agree(2)), Fail);
    assert_outcome(&judge_one(&text, When::Sometimes, agree(2)), Pass);
    assert_outcome(&judge_one(&text, When::Never, diverge(Subject::Head)), Fail);
    let calm = with("1 a b c d head x1\n3 a b c d head x2\n30 ended complete");
    assert_outcome(&judge_one(&calm, When::Always, agree(2)), Pass);
    assert_outcome(&judge_one(&calm, When::Never, diverge(Subject::Head)), Pass);
    assert_outcome(&judge_one(&calm, When::Sometimes, diverge(Subject::Head)), Fail);
    let short = with("1 a b c d head x1\n3 a b c d head x2\n30 ended interrupted");
    assert_outcome(&judge_one(&short, When::Always, agree(2)), Unknown);
    assert_outcome(&judge_one(&short, When::AtEnd, agree(2)), Unknown);
    assert_outcome(&judge_one(&short, When::Within(secs(10)), agree(2)), Pass);
}

#[test]
fn an_end_that_was_not_reached_is_unknown_whatever_was_seen_before() {
    let apart = split("22 ended interrupted");
    let result = judge_one(&apart, When::AtEnd, agree(2));
    assert_outcome(&result, Unknown);
    assert!(result.explanation.is_some(), "how things stood is told all the same");
}

#[test]
fn a_moment_is_judged_as_it_was() {
    let text = split("22 a b c d head l5\n30 ended complete");
    assert_outcome(&judge_one(&text, When::At(secs(5)), agree(0)), Pass);
    assert_outcome(&judge_one(&text, When::At(secs(15)), agree(2)), Fail);
    assert_outcome(&judge_one(&text, When::At(secs(25)), agree(0)), Pass);
    assert_outcome(&judge_one(&text, When::At(secs(90)), agree(0)), Unknown);
}

#[test]
fn divergence_during_a_split() {
    let text = split("22 a b c d head l5\n60 ended complete");
    let result = judge_one(&text, during("split"), diverge(Subject::Head));
    assert_outcome(&result, Pass);
    assert_eq!(result.figures["after_s"], 3.0);
    assert_eq!(result.figures["height"], 3);
}

#[test]
fn lagging_is_no_divergence() {
    let text = with(
        "window split partition 10 20 a b
         1 a b c d head x1
         10 begin split
         12 a b head l3
         20 end split
         60 ended complete",
    );
    assert_outcome(&judge_one(&text, during("split"), diverge(Subject::Head)), Fail);
}

#[test]
fn every_repetition_has_to_diverge() {
    let text = with(
        "window split#1 partition 10 20 a b
         window split#2 partition 30 40 a b
         1 a b c d head x2
         10 begin split#1
         12 a b head l3
         13 c d head r3
         20 end split#1
         22 c d head l4
         22 a b head l4
         30 begin split#2
         40 end split#2
         60 ended complete",
    );
    let result = judge_one(&text, during("split"), diverge(Subject::Head));
    assert_outcome(&result, Fail);
    assert!(result.summary.contains("split#2"), "{}", result.summary);
    assert_outcome(&judge_one(&text, during("split#1"), diverge(Subject::Head)), Pass);
    let last = judge_one(&text, after("split", 15), agree(2));
    assert_outcome(&last, Pass);
    assert!(last.summary.contains("split#1"), "the first of equals: {}", last.summary);
}

#[test]
fn a_block_height_is_compared_on_each_chain() {
    let height = |height| That::Agree(Agree { on: Subject::Height(height), depth: None });
    let text = split("30 ended complete");
    assert_outcome(&judge_one(&text, When::AtEnd, height(2)), Pass);
    assert_outcome(&judge_one(&text, When::AtEnd, height(3)), Fail);
    assert_outcome(&judge_one(&text, When::AtEnd, height(9)), Unknown);
    assert_outcome(&judge_one(&text, When::Always, height(2)), Pass);
    assert_outcome(&judge_one(&text, When::AtEnd, diverge(Subject::Height(3))), Pass);
}

#[test]
fn what_is_final_must_not_differ() {
    let text = split("22 a b final 3 l3\n24 c d final 2 x2\n30 ended complete");
    assert_outcome(&judge_one(&text, When::Always, agree_final()), Pass);
    let text = split("22 a b final 3 l3\n24 c d final 3 r3\n30 ended complete");
    let result = judge_one(&text, When::Always, agree_final());
    assert_outcome(&result, Fail);
    assert_eq!(result.explanation.unwrap().height, Some(3));
    // At different heights, told apart by ancestry.
    let text = split("22 a b final 4 l4\n24 c d final 3 r3\n30 ended complete");
    assert_outcome(&judge_one(&text, When::Always, agree_final()), Fail);
    assert_outcome(&judge_one(&text, When::Sometimes, diverge(Subject::Finalized)), Pass);
}

#[test]
fn two_final_blocks_at_one_height_clash_even_at_different_moments() {
    let text =
        "nodes a b\n1 a b bare k 5\n2 a final 1 k1\n3 a final 2 k2\n4 b final 1 m1\n5 b final 2 k2\n9 ended complete";
    assert_outcome(&judge_one(text, When::Always, agree_final()), Fail);
}

#[test]
fn nothing_final_is_unknown_and_a_hash_of_zeros_offends_nobody() {
    let text = split("30 ended complete");
    let result = judge_one(&text, When::Always, agree_final());
    assert_outcome(&result, Unknown);
    let text = split("21 a b c final 0 genesis\n22 d final 0 zeros\n25 a final 2 x2\n30 ended complete");
    assert_outcome(&judge_one(&text, When::Always, agree_final()), Pass);
    let text = split("21 a b c final 0 genesis\n22 d final 0 other\n25 a final 2 x2\n30 ended complete");
    assert_outcome(&judge_one(&text, When::Always, agree_final()), Fail);
    assert_outcome(&judge_one(&text, When::AtEnd, agree_final()), Fail);
}

#[test]
fn a_node_out_of_sight_at_the_end_may_have_called_anything_final() {
    let text = split("22 a b c d final 2 x2\n23 d lost\n30 a b c final 3 l3\n40 ended complete");
    assert_outcome(&judge_one(&text, When::Always, agree_final()), Unknown);
    let text = split(
        "22 a b c d final 2 x2\n23 d lost\n30 a b c final 3 l3\n35 d back\n36 d head l4\n36 d final 3 l3\n40 ended complete",
    );
    assert_outcome(&judge_one(&text, When::Always, agree_final()), Pass);
}

#[test]
fn agreement_that_is_lost_again_is_told() {
    let text = split("22 a b c d head l4\n25 c d head r4\n60 ended complete");
    let result = judge_one(&text, after("split", 30), agree(2));
    assert_outcome(&result, Pass);
    assert!(result.summary.contains("but agreement was lost again at 25.0 s"), "{}", result.summary);
}
