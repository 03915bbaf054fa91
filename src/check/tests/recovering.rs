//! `recover`.

use super::super::recover::Recover;
use super::super::testing::{after, assert_outcome, judge_nodes, judge_one, secs};
use super::super::{
    Outcome::{Fail, Pass, Unknown},
    That, When,
};

fn recover(within: u64) -> That {
    That::Recover(Recover { within: secs(within), depth: 2 })
}

const CHAIN: &str = "
    nodes a b c d
    block x1 genesis a
    block x2 x1 b
    block x3 x2 a
    block x4 x3 a
    block x5 x4 a
    block x6 x5 a
    block x7 x6 a
    block x8 x7 a
    block d3 x2 d
    block d4 d3 d
    1 a b c d head x2
";

fn with(windows: &str, rest: &str) -> String {
    let (nodes, blocks) = CHAIN.split_at(CHAIN.find("block").unwrap());
    format!("{nodes}\n{windows}\n{blocks}\n{rest}")
}

const CRASH: &str = "window crash kill 5 10 d";
const CRASHED: &str = "5 d exit expected\n5 begin crash\n5.5 d lost\n7 a b c head x6\n10 end crash\n10.2 d started\n";

#[test]
fn seconds_of_each_node_are_recorded() {
    let text = with(CRASH, &format!("{CRASHED}11 d back\n11 d head x2\n14.5 d head x6\n60 ended complete"));
    let result = judge_one(&text, after("crash", 30), recover(30));
    assert_outcome(&result, Pass);
    assert_eq!(result.figures["crash.seconds"]["d"], 4.5);
    assert!(result.summary.contains("the slowest, d, 4.5 s after crash"), "{}", result.summary);
    assert_outcome(&judge_one(&text, after("crash", 30), recover(4)), Fail);
    assert_outcome(&judge_one(&text, When::Always, recover(5)), Pass);
}

#[test]
fn a_node_that_stays_away_fails_and_one_that_cannot_be_seen_is_unknown() {
    let text = with(CRASH, &format!("{CRASHED}11 d back\n11 d head x2\n60 ended complete"));
    let result = judge_one(&text, after("crash", 30), recover(20));
    assert_outcome(&result, Fail);
    assert!(result.facts[0].contains("d was not with the others 20.0 s after crash"), "{:?}", result.facts);
    let text = with(CRASH, &format!("{CRASHED}60 ended complete"));
    // It never answered: whether its chain came back nobody knows.
    assert_outcome(&judge_one(&text, after("crash", 30), recover(20)), Unknown);
    let text = with(CRASH, &format!("{CRASHED}11 d back\n11 d head x2\n13 d lost\n60 ended complete"));
    assert_outcome(&judge_one(&text, after("crash", 30), recover(20)), Unknown);
}

#[test]
fn a_run_that_ended_before_the_bound_is_unknown() {
    let text = with(CRASH, &format!("{CRASHED}11 d back\n11 d head x2\n15 ended interrupted"));
    assert_outcome(&judge_one(&text, after("crash", 30), recover(20)), Unknown);
    let text = with(CRASH, "5 d exit expected\n5 begin crash\n7 ended interrupted");
    assert_outcome(&judge_one(&text, after("crash", 30), recover(20)), Unknown);
}

#[test]
fn nodes_of_a_minority_come_back_to_the_majority() {
    let text = with(
        "window split partition 5 10 a b c d",
        "5 begin split\n6 a b c head x3\n7 d head d4\n8 a b c head x5\n10 end split\n12 a b c head x6\n13 d head x6\n60 ended complete",
    );
    let result = judge_one(&text, after("split", 20), recover(20));
    assert_outcome(&result, Pass);
    assert_eq!(result.figures["split.seconds"], serde_json::json!({"a": 0.0, "b": 0.0, "c": 0.0, "d": 3.0}));
}

#[test]
fn a_node_that_is_hit_again_is_judged_after_the_later_fault() {
    let text = with(
        "window crash#1 kill 5 10 d\nwindow crash#2 kill 12 16 d",
        "5 d exit expected\n5 begin crash#1\n7 a b c head x6\n10 end crash#1\n10.2 d started\n12 d exit expected\n12 begin crash#2\n16 end crash#2\n16.2 d started\n18 d back\n18 d head x6\n60 ended complete",
    );
    let result = judge_one(&text, after("crash", 30), recover(20));
    assert_outcome(&result, Pass);
    assert!(
        result.facts.iter().any(|fact| fact.contains("d was hit by crash#2 before it was back")),
        "{:?}",
        result.facts
    );
    assert_eq!(result.figures["crash#2.seconds"]["d"], 2.0);
}

#[test]
fn only_nodes_that_are_meant_count() {
    let text = with(CRASH, &format!("{CRASHED}11 d back\n11 d head x2\n60 ended complete"));
    assert_outcome(&judge_nodes(&text, after("crash", 30), recover(20), &["d"]), Fail);
    assert_outcome(&judge_nodes(&text, after("crash", 30), recover(20), &["a"]), Unknown);
}
