//! `ready`, `peers` and `finality`.

use super::super::finality::{Checkpoint, Finality};
use super::super::peers::Peers;
use super::super::ready::Ready;
use super::super::testing::{after, assert_outcome, judge_nodes, judge_one, secs};
use super::super::{
    Outcome::{Fail, Pass, Unknown},
    That, When,
};

fn ready(within: u64) -> That {
    That::Ready(Ready { within: Some(secs(within)) })
}

fn peers(min: u64, max: Option<u64>) -> That {
    That::Peers(Peers { min, max })
}

fn finality(lag: &str) -> That {
    That::Finality(Finality { lag: lag.parse().unwrap(), on: Checkpoint::default() })
}

#[test]
fn ready_is_counted_from_the_start_of_the_process() {
    let text = "nodes a b c\nlate c\n1 c started\n9 c ready\n20 ended complete";
    let within = |seconds| judge_one(text, When::Within(secs(60)), ready(seconds));
    assert_outcome(&within(9), Pass);
    let late = within(5);
    assert_outcome(&late, Fail);
    assert!(late.facts[0].contains("c was ready after 8.0 s, 3.0 s too late"), "{:?}", late.facts);
    assert_eq!(late.figures["slowest_s"], 8.0);
}

#[test]
fn ready_takes_the_bound_of_the_expectation_then_of_the_client() {
    let text = "nodes a b\nlate b\n1 b started\n9 b ready\n20 ended complete";
    let open = That::Ready(Ready { within: None });
    assert_outcome(&judge_one(text, When::Within(secs(5)), open.clone()), Fail);
    assert_outcome(&judge_one(text, When::Always, open), Pass);
}

#[test]
fn a_node_that_never_was_ready() {
    let text = "nodes a b\nlate b\n1 b started\n20 ended complete";
    assert_outcome(&judge_one(text, When::Always, ready(10)), Fail);
    assert_outcome(&judge_one(text, When::Always, ready(60)), Unknown);
    let text = "nodes a b\nlate b\n1 b started\n3 b exit 1 bad flag\n20 ended trouble";
    let result = judge_one(text, When::Always, ready(60));
    assert_outcome(&result, Fail);
    assert!(result.facts[0].contains("bad flag"), "{:?}", result.facts);
    let text = "nodes a b\nlate b\nnozero\n1 trouble no image\n2 ended trouble";
    let result = judge_one(text, When::Always, ready(60));
    assert_outcome(&result, Unknown);
    assert!(result.summary.contains("no image"), "{}", result.summary);
    assert!(!result.facts.iter().any(|fact| fact.contains("no image")), "said once: {:?}", result.facts);
}

#[test]
fn peers_between_bounds() {
    let text = "nodes a b\n1 a peers 3\n1 b peers 1\n5 b peers 2\n20 ended complete";
    assert_outcome(&judge_one(text, When::AtEnd, peers(2, None)), Pass);
    assert_outcome(&judge_one(text, When::AtEnd, peers(2, Some(2))), Fail);
    assert_outcome(&judge_one(text, When::Always, peers(2, None)), Fail);
    assert_outcome(&judge_one(text, When::Always, peers(1, None)), Pass);
    assert_outcome(&judge_one(text, When::Never, peers(5, None)), Pass);
    let result = judge_one(text, When::AtEnd, peers(3, None));
    assert_outcome(&result, Fail);
    assert!(result.facts[0].starts_with("b had 2"), "{:?}", result.facts);
    assert_outcome(&judge_nodes(text, When::AtEnd, peers(3, None), &["a"]), Pass);
}

#[test]
fn peers_of_a_silent_node_are_unknown() {
    let text = "nodes a b\n1 a peers 3\n20 ended complete";
    assert_outcome(&judge_one(text, When::AtEnd, peers(1, None)), Unknown);
    assert_outcome(&judge_one(text, When::AtEnd, peers(4, None)), Fail);
    let text = "nodes a b\n1 a peers 3\n1 b peers 3\n5 b lost\n20 ended complete";
    assert_outcome(&judge_one(text, When::AtEnd, peers(1, None)), Unknown);
}

#[test]
fn peers_before_a_crash_say_nothing_about_those_after_it() {
    let text = "promises 1\nnodes a b\nwindow crash kill 5 10 b\n1 a b peers 3\n5 b exit expected\n5 begin crash\n10 end crash\n10 b started\n12 b back\n15 b peers 1\n20 b peers 2\n40 ended complete";
    let result = judge_one(text, after("crash", 20), peers(2, None));
    assert_outcome(&result, Pass);
    assert_eq!(result.figures["after_s"], 10.0);
}

const BEACON: &str = "nodes a b\nslots 4\nblock x1 genesis a\nblock x9@9 x1 b\nblock x20@20 x9 a\n";

#[test]
fn finality_in_epochs_slots_and_blocks() {
    let text = format!(
        "{BEACON}1 a b head x1\n1 a b final 0 genesis\n9 a b head x9\n20 a b head x20\n21 a final 3 x9\n22 b final 2 x9\n30 ended complete"
    );
    // Head in epoch 5; final epochs 3 and 2.
    assert_outcome(&judge_one(&text, When::AtEnd, finality("3")), Pass);
    assert_outcome(&judge_one(&text, When::AtEnd, finality("3 epochs")), Pass);
    let result = judge_one(&text, When::AtEnd, finality("2 epochs"));
    assert_outcome(&result, Fail);
    assert!(result.facts[0].contains("b was 3 epochs behind: head at 20, final epoch 2"), "{:?}", result.facts);
    assert_outcome(&judge_one(&text, When::AtEnd, finality("12 slots")), Pass);
    assert_outcome(&judge_one(&text, When::AtEnd, finality("11 slots")), Fail);
    assert_outcome(&judge_one(&text, When::Always, finality("3")), Fail);
    assert_outcome(&judge_one(&text, When::Always, finality("5")), Pass);
}

#[test]
fn finality_of_a_chain_without_epochs() {
    let text =
        "nodes a\nblock x1 genesis a\nblock x2 x1 a\nblock x3 x2 a\n1 a head x3\n2 a final 1 x1\n9 ended complete";
    assert_outcome(&judge_one(text, When::AtEnd, finality("2")), Pass);
    assert_outcome(&judge_one(text, When::AtEnd, finality("1 block")), Fail);
    assert_outcome(&judge_one(text, When::AtEnd, finality("1 epoch")), Unknown);
    let text = "nodes a\nblock x1 genesis a\n1 a head x1\n9 ended complete";
    assert_outcome(&judge_one(text, When::AtEnd, finality("2")), Unknown);
}

#[test]
fn distances_on_a_chain_are_read() {
    use super::super::finality::Lag;
    for (text, shown) in [
        ("3", "3"),
        ("2 epochs", "2 epochs"),
        ("1 epoch", "1 epoch"),
        ("10blocks", "10 blocks"),
        (" 4 slots ", "4 slots"),
    ] {
        assert_eq!(text.parse::<Lag>().unwrap().to_string(), shown);
    }
    for text in ["", "epochs", "2 weeks", "-1", "1.5 epochs", "99999999999999999999"] {
        assert!(text.parse::<Lag>().is_err(), "{text}");
    }
}
