//! `answered`.

use serde_json::{Value, json};

use super::super::Outcome::{Fail, Pass, Unknown};
use super::super::answered::{Answered, AnsweredDocument, Wanted};
use super::super::testing::{assert_outcome, expect, judge_nodes};
use super::super::{ExpectationResult, Outcome, When};
use crate::check::That;
use crate::text::{Sources, yaml};

/// An entry that is sent twice to two of three nodes.
const START: &str = "
nodes a:new b:new c:old
window pay#1 send 10 10 a b
window pay#2 send 12 12 a b
window split partition 5 8 a
";

fn answered(wanted: Wanted) -> That {
    That::Answered(Answered { entry: "pay".into(), pointer: String::new(), wanted })
}

#[track_caller]
fn judged(events: &str, wanted: Wanted, outcome: Outcome) -> ExpectationResult {
    let result = judge_nodes(&format!("{START}{events}\n30 ended complete\n"), When::AtEnd, answered(wanted), &[]);
    assert_outcome(&result, outcome);
    result
}

#[test]
fn every_call_of_every_repetition_must_be_answered() {
    let all = "10 a b answers pay#1 1\n12 a b answers pay#2 2";
    let result = judged(all, Wanted::Anything, Pass);
    assert_eq!((result.summary.as_str(), &result.figures["calls"]), ("4 calls answered", &json!(4)));
    let one = "10 a b answers pay#1 1\n12 a answers pay#2 2\n12.5 b refuses pay#2 nonce too low";
    let result = judged(one, Wanted::Anything, Fail);
    assert_eq!(result.summary, "1 of 4 calls not answered");
    assert_eq!(result.facts, ["pay#2, eth_getBlockByNumber to b (new), at 12.5 s: refused: nonce too low"]);
    assert_eq!((result.evidence.len(), result.moment), (1, Some(17_500_000)));
    let silent = judged("10 a b answers pay#1 1\n12 a answers pay#2 2\n22 b silent pay#2", Wanted::Anything, Fail);
    assert!(silent.facts[0].ends_with("did not answer: timed out"), "{:?}", silent.facts);
}

#[test]
fn only_calls_to_the_nodes_that_are_meant_count() {
    let text = format!("{START}10 a answers pay#1 1\n10 b refuses pay#1 no\n12 a answers pay#2 1\n30 ended complete\n");
    assert_outcome(&judge_nodes(&text, When::AtEnd, answered(Wanted::Anything), &["a"]), Pass);
    assert_outcome(&judge_nodes(&text, When::AtEnd, answered(Wanted::Anything), &["b"]), Fail);
    let nobody = judge_nodes(&text, When::AtEnd, answered(Wanted::Anything), &["c"]);
    assert_outcome(&nobody, Unknown);
    assert_eq!(nobody.summary, "no call of pay was planned for these nodes");
}

#[test]
fn what_was_not_answered_yet_is_unknown_unless_something_is_wrong_already() {
    let result = judged("10 a b answers pay#1 1", Wanted::Anything, Unknown);
    assert_eq!(result.summary, "2 of 4 calls had no answer yet: the timeline ended at 30.0 s");
    assert_eq!(result.facts[0], "pay#2 to a: no answer by the end of the run");
    judged("10 a answers pay#1 1\n10 b refuses pay#1 no", Wanted::Anything, Fail);
}

#[test]
fn a_value_is_compared_as_json_and_null_is_one() {
    let all = |json: &str| format!("10 a b answers pay#1 {json}\n12 a b answers pay#2 {json}");
    judged(&all(r#"{"a": [1, 2]}"#), Wanted::Equals(json!({"a": [1, 2]})), Pass);
    judged(&all("\"0x1\""), Wanted::Equals(json!("0x1")), Pass);
    let result = judged(&all("\"0x2\""), Wanted::Equals(json!("0x1")), Fail);
    assert_eq!(result.summary, "4 of 4 calls not answered with 0x1");
    assert!(result.facts[0].ends_with("answered 0x2"), "{:?}", result.facts);
    judged(&all("null"), Wanted::Equals(Value::Null), Pass);
    judged(&all("null"), Wanted::Anything, Pass);
    judged(&all("null"), Wanted::Equals(json!(1)), Fail);
}

#[test]
fn patterns_look_into_text_and_into_the_json_of_anything_else() {
    let all = |json: &str| format!("10 a b answers pay#1 {json}\n12 a b answers pay#2 {json}");
    let pattern = |text: &str| Wanted::Matches(text.to_owned());
    judged(&all("\"0xabc\""), pattern("^0x[0-9a-f]+$"), Pass);
    judged(&all(r#"{"status": "0x1"}"#), pattern("\"status\":\"0x1\""), Pass);
    judged(&all("\"abc\""), pattern("^0x"), Fail);
}

#[test]
fn a_pointer_names_the_part_that_is_looked_at() {
    let check = |json: &str, outcome| {
        let events = format!("10 a b answers pay#1 {json}\n12 a b answers pay#2 {json}");
        let that = That::Answered(Answered {
            entry: "pay".into(),
            pointer: "/status".to_owned(),
            wanted: Wanted::Equals(json!("0x1")),
        });
        let result = judge_nodes(&format!("{START}{events}\n30 ended complete\n"), When::Always, that, &[]);
        assert_outcome(&result, outcome);
        result
    };
    assert_eq!(check(r#"{"status": "0x1"}"#, Pass).summary, "4 calls answered with 0x1 at /status");
    check(r#"{"status": "0x0"}"#, Fail);
    let nothing = check("null", Fail);
    assert!(nothing.facts[0].ends_with("nothing is at /status of the answer null"), "{:?}", nothing.facts);
}

#[test]
fn a_refusal_that_is_wanted_must_come_from_the_node_and_match() {
    let wanted = || Wanted::Refused("nonce".to_owned());
    let all = |what: &str| format!("10 a b {what}\n12 a b {}", what.replace("#1", "#2"));
    assert_eq!(judged(&all("refuses pay#1 nonce too low"), wanted(), Pass).summary, "4 calls refused with /nonce/");
    let other = judged(&all("refuses pay#1 no money"), wanted(), Fail);
    assert!(other.facts[0].ends_with("refused otherwise: no money"), "{:?}", other.facts);
    let taken = judged(&all("answers pay#1 \"0x1\""), wanted(), Fail);
    assert!(taken.facts[0].ends_with("answered 0x1"), "{:?}", taken.facts);
    let silent = judged(&all("silent pay#1"), wanted(), Fail);
    assert!(silent.facts[0].ends_with("did not answer: timed out"), "{:?}", silent.facts);
}

#[test]
fn it_is_asked_of_the_whole_run() {
    let that = answered(Wanted::Equals(json!("0x1")));
    assert!(that.goes_with(&When::Always).is_ok() && that.goes_with(&When::AtEnd).is_ok());
    assert!(that.goes_with(&When::Never).is_err() && that.goes_with(&super::super::testing::during("pay")).is_err());
    assert_eq!(expect(When::AtEnd, that, &[]).label, "at the end: pay answered with 0x1");
}

fn read(text: &str) -> AnsweredDocument {
    let mut sources = Sources::new();
    yaml::read(&mut sources, "answered.yaml", text)
        .unwrap_or_else(|mistakes| panic!("{}", sources.render_all(&mistakes, false)))
}

#[test]
fn null_can_be_asked_for() {
    assert_eq!(read("{entry: pay, equals: null}").equals.map(|value| value.value), Some(Value::Null));
    assert_eq!(read("{entry: pay}").equals, None);
}

#[test]
fn values_of_other_answers_are_compared_with_what_the_first_node_answered() {
    let name = "{look.answer/hash}";
    let equals = || Wanted::Equals(json!(name));
    let look = "9 b silent look\n9 a answers look {\"hash\": \"0x.1\"}\n9 b answers look {\"hash\": \"0x2\"}\n";
    let calls = |value: &str| format!("{look}10 a b answers pay#1 {value}\n12 a b answers pay#2 {value}");
    let result = judged(&calls("\"0x.1\""), equals(), Pass);
    assert_eq!(result.summary, "4 calls answered with 0x.1", "the value is told, not its name");
    judged(&calls("\"0x2\""), equals(), Fail);
    judged(&calls("\"0x.1\""), Wanted::Matches(format!("^{name}$")), Pass);
    judged(&calls("\"0xa1\""), Wanted::Matches(format!("^{name}$")), Fail);
    // Nothing to compare with is neither equal nor different.
    let without = "10 a b answers pay#1 1\n12 a b answers pay#2 1";
    let result = judged(without, equals(), Unknown);
    assert_eq!(result.summary, "nobody answered look, so {look.answer/hash} has no value to compare with");
    let other = "9 a answers look {}\n10 a b answers pay#1 1\n12 a b answers pay#2 1";
    assert!(judged(other, equals(), Unknown).summary.starts_with("nothing is at /hash of the answer to look"));
}
