//! `rpc_equal`.

use super::super::Outcome::{Fail, Pass, Unknown};
use super::super::rpc_equal::{RpcEqual, holes};
use super::super::testing::{after, assert_outcome, judge_one};
use super::super::{ExpectationResult, Outcome, When};
use crate::check::That;

const START: &str = "
nodes a:new b:new c:old
block a1 genesis a
0 a b c head a1
";

fn check() -> That {
    That::RpcEqual(RpcEqual {
        asked_by: "rpc_equal/0".to_owned(),
        method: "eth_getBlockByNumber".to_owned(),
        params: vec!["{block}".into(), false.into()],
        ignore: vec!["/size".to_owned()],
    })
}

fn asked(text: &str, when: When) -> ExpectationResult {
    judge_one(&format!("{START}{text}"), when, check())
}

#[track_caller]
fn at_end(text: &str, outcome: Outcome) -> ExpectationResult {
    let result = asked(&format!("{text}\n30 ended complete\n"), When::AtEnd);
    assert_outcome(&result, outcome);
    result
}

#[test]
fn the_same_answers_pass_whatever_is_ignored() {
    let result = at_end(
        r#"29 a b answers rpc_equal/0 {"gasUsed": "0x0", "size": 1}
           29 c answers rpc_equal/0 {"gasUsed": "0x0", "size": 2}"#,
        Pass,
    );
    assert_eq!(result.summary, "all answers were the same at 30.0 s");
    assert_eq!((result.figures["rounds"].as_u64(), result.figures["nodes"].as_u64()), (Some(1), Some(3)));
}

#[test]
fn a_difference_names_its_place_values_nodes_and_clients() {
    let result = at_end(
        r#"29 a answers rpc_equal/0 {"gasUsed": "0x5208", "n": [1]}
           29 b answers rpc_equal/0 {"gasUsed": "0x5208", "n": [1]}
           29 c answers rpc_equal/0 {"gasUsed": "0x0", "n": [2]}"#,
        Fail,
    );
    assert_eq!(
        result.facts,
        [
            "eth_getBlockByNumber(0x20, false): /gasUsed is 0x5208 at a and b (new) and 0x0 at c (old)",
            "eth_getBlockByNumber(0x20, false): /n/0 is 1 at a and b (new) and 2 at c (old)",
            "c (old) is alone with its answer",
        ]
    );
    assert!(result.evidence.len() >= 3, "{:?}", result.evidence);
}

#[test]
fn who_does_not_answer_leaves_it_open_but_hides_no_difference() {
    let same = r#"29 a b answers rpc_equal/0 {"x": 1}
                  29 c silent rpc_equal/0"#;
    let result = at_end(same, Unknown);
    assert_eq!(result.facts[0], "c did not answer: timed out");
    at_end("29 a answers rpc_equal/0 1\n29 b answers rpc_equal/0 2\n29 c silent rpc_equal/0", Fail);
    let never = at_end("", Unknown);
    assert_eq!(never.summary, "eth_getBlockByNumber was never asked: the timeline ended at 30.0 s");
}

#[test]
fn who_is_taken_away_is_not_asked() {
    let text = "
        window crash kill 20 - c
        20 c exit expected
        20 begin crash
        29 a b answers rpc_equal/0 7
        29 c silent rpc_equal/0";
    at_end(text, Pass);
}

#[test]
fn refusing_what_others_answer_is_a_difference_and_refusing_together_compares_nothing() {
    let result = at_end("29 a b answers rpc_equal/0 7\n29 c refuses rpc_equal/0 method not found", Fail);
    assert_eq!(
        result.facts[0],
        "eth_getBlockByNumber(0x20, false): the answer is given at a and b (new) and refused (method not found) at c (old)"
    );
    let result =
        at_end("29 a b refuses rpc_equal/0 method not found\n29 c refuses rpc_equal/0 no such method", Unknown);
    assert!(result.summary.contains("nobody gave an answer"), "{}", result.summary);
}

#[test]
fn declared_differences_are_told_and_do_no_harm() {
    let text = r#"
        known c eth_getBlockByNumber /tx/* old has none
        29 a b answers rpc_equal/0 {"tx": {"v": 1}}
        29 c answers rpc_equal/0 {"tx": {}}"#;
    let result = at_end(text, Pass);
    assert_eq!(
        result.facts,
        ["known: eth_getBlockByNumber(0x20, false): /tx/v is 1 at a and b (new) and absent at c (old): old has none"]
    );
    // Who declared nothing has to agree.
    at_end(&text.replace("29 a b", "29 b answers rpc_equal/0 {\"tx\": {\"v\": 9}}\n29 a"), Fail);
    // Another method's difference is not declared.
    at_end(&text.replace("eth_getBlockByNumber /tx", "eth_call /tx"), Fail);
}

#[test]
fn soon_after_an_entry_one_round_is_enough_and_always_needs_all() {
    let text = "
        10 a b answers rpc_equal/0 1
        10 c answers rpc_equal/0 2
        15 a b c answers rpc_equal/0 3
        40 ended complete";
    let entry = "window cut isolate 9 9.9 a\nblock a33@33 a1\n9 begin cut\n9.9 end cut\n9.95 a b c head a33";
    let result = asked(&format!("{entry}{text}"), after("cut", 20));
    assert_outcome(&result, Unknown);
    assert!(result.summary.contains("block 32 is older than cut"), "{}", result.summary);
    let entry = entry.replace("a33@33", "a32@32").replace("a33", "a32");
    let result = asked(&format!("{entry}{text}"), after("cut", 20));
    assert_outcome(&result, Pass);
    assert_eq!(result.summary, "all answers were the same 5.1 s after cut ended");
    assert_outcome(&asked(text, When::Always), Fail);
    assert_outcome(&asked(text, When::Sometimes), Pass);
    assert_outcome(&asked(&text.replace("complete", "interrupted"), When::AtEnd), Unknown);
}

#[test]
fn holes_are_found_wherever_they_stand() {
    let params = [serde_json::json!({"a": ["{block}", {"b": "x{height}y{block_hash}"}]}), "{\"no\": 1}".into()];
    assert_eq!(holes(&params), ["block", "height", "block_hash"]);
}
