//! `reorg`, `log` and `exit`.

use super::super::exit::Exit;
use super::super::log::Log;
use super::super::reorg::Reorg;
use super::super::testing::{assert_outcome, during, judge_nodes, judge_one, secs};
use super::super::{
    Outcome::{Fail, Pass, Unknown},
    That, When,
};

fn reorg(max_depth: u64) -> That {
    That::Reorg(Reorg { max_depth })
}

fn log(pattern: &str, min: u64, max: Option<u64>) -> That {
    That::Log(Log { pattern: pattern.to_owned(), min, max })
}

fn exit() -> That {
    That::Exit(Exit {})
}

const NODES: &str = "nodes a b\nwindow split partition 5 10 a b\nblock x1 genesis a\n1 a b head x1\n5 begin split\n";

fn with(rest: &str) -> String {
    format!("{NODES}{rest}")
}

#[test]
fn the_deepest_reorganisation_counts() {
    let text = with("6 a reorg 2\n8 b reorg 5\n10 end split\n12 a reorg 7\n30 ended complete");
    let result = judge_one(&text, When::Always, reorg(7));
    assert_outcome(&result, Pass);
    assert_eq!(result.figures["max_depth"], 7);
    assert_eq!(result.figures["max_depth_by_node"], serde_json::json!({"a": 7, "b": 5}));
    let result = judge_one(&text, When::Always, reorg(4));
    assert_outcome(&result, Fail);
    assert_eq!(result.facts, ["a left 7 blocks at 12.0 s", "b left 5 blocks at 8.0 s"]);
    assert_outcome(&judge_one(&text, during("split"), reorg(5)), Pass);
    assert_outcome(&judge_nodes(&text, When::Always, reorg(5), &["b"]), Pass);
}

#[test]
fn a_depth_that_was_not_seen_is_unknown_unless_it_is_too_deep_anyway() {
    let text = with("6 a reorg 3+\n30 ended complete");
    assert_outcome(&judge_one(&text, When::Always, reorg(4)), Unknown);
    assert_outcome(&judge_one(&text, When::Always, reorg(2)), Fail);
    assert_outcome(&judge_one(&with("6 a reorg 3\n20 ended interrupted"), When::Always, reorg(4)), Unknown);
    assert_outcome(&judge_one("nodes a\n5 ended complete", When::Always, reorg(4)), Unknown);
}

#[test]
fn lines_of_logs_are_counted() {
    let text = with("6 a log oops the first\n7 b log oops the second\n8 a log panic boom\n30 ended complete");
    assert_outcome(&judge_one(&text, When::Always, log("oops", 1, None)), Pass);
    assert_outcome(&judge_one(&text, When::Always, log("oops", 2, Some(2))), Pass);
    assert_outcome(&judge_one(&text, When::Always, log("oops", 3, None)), Fail);
    assert_outcome(&judge_one(&text, When::Always, log("nothing", 0, Some(0))), Pass);
    let result = judge_one(&text, When::Always, log("panic", 0, Some(0)));
    assert_outcome(&result, Fail);
    assert_eq!(result.facts, ["a, line 9 of its log, at 8.0 s: boom"]);
    assert_outcome(&judge_nodes(&text, When::Always, log("panic", 0, Some(0)), &["b"]), Pass);
    assert_outcome(&judge_one(&text, When::At(secs(7)), log("panic", 0, Some(0))), Pass);
}

#[test]
fn logs_of_an_interrupted_run() {
    let text = with("6 a log oops the first\n30 ended interrupted");
    assert_outcome(&judge_one(&text, When::Always, log("oops", 1, None)), Pass);
    assert_outcome(&judge_one(&text, When::Always, log("oops", 0, Some(0))), Fail);
    assert_outcome(&judge_one(&text, When::Always, log("nothing", 0, Some(0))), Unknown);
    assert_outcome(&judge_one(&text, When::Always, log("nothing", 1, None)), Unknown);
}

#[test]
fn only_exits_that_nobody_asked_for_count() {
    let text = with("6 a exit expected\n30 ended complete\n31 b exit 1");
    assert_outcome(&judge_one(&text, When::Always, exit()), Pass);
    let text = with("6 a exit 137 killed by the weather\n30 ended complete");
    let result = judge_one(&text, When::Always, exit());
    assert_outcome(&result, Fail);
    assert!(result.summary.contains("a exited by itself at 6.0 s (code 137)"), "{}", result.summary);
    assert_eq!(
        result.facts,
        ["a (reference): code 137, at 6.0 s during split", "its last line: killed by the weather"]
    );
    assert_outcome(&judge_nodes(&text, When::Always, exit(), &["b"]), Pass);
    assert_outcome(&judge_one(&with("30 ended interrupted"), When::Always, exit()), Unknown);
}

#[test]
fn an_exit_before_the_timeline_counts_too() {
    let text = "nodes a b\nlate b\nnozero\n-3 b started\n-2 b exit 1\n1 ended trouble";
    assert_outcome(&judge_one(text, When::Always, exit()), Fail);
}
