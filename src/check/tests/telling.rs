//! What is said: explanations, labels, diagnostics.

use super::super::agree::Agree;
use super::super::testing::{after, assert_outcome, at, expect, journal, judge_one, secs};
use super::super::{Outcome, Subject, TABLE, That, When, judge};

fn agree() -> That {
    That::Agree(Agree { on: Subject::Head, depth: Some(2) })
}

pub(crate) const PLANTED: &str = "
    nodes west-0 west-1 west-2:reference+--quirk+tie-break-high east-0 east-1
    slots 8
    window slow shape 2 6 east-0 east-1
    block s1 genesis west-0
    block s2 s1 west-1
    block a3 s2 east-0
    block b3 s2 west-2
    block a4 a3 east-1
    block b5@5 b3 west-2
    block a6@6 a4 west-0
    1 west-0 west-1 west-2 east-0 east-1 head s1
    2 begin slow
    3 west-0 west-1 west-2 east-0 east-1 head s2
    5 east-0 head a3
    5.2 west-0 west-1 east-1 head a3
    5.4 west-2 head b3
    6 end slow
    7 west-0 west-1 east-0 east-1 head a4
    9 west-2 head b5
    11 west-0 west-1 east-0 east-1 head a6
    40 ended complete
";

#[test]
fn a_quirky_client_is_named_in_the_first_three_facts() {
    let result = judge_one(PLANTED, When::AtEnd, agree());
    assert_outcome(&result, Outcome::Fail);
    insta::assert_snapshot!(format!("{}\n{}", result.summary, result.facts.join("\n")));
}

#[test]
fn the_explanation_is_there_for_programs_too() {
    let explanation = judge_one(PLANTED, When::AtEnd, agree()).explanation.unwrap();
    assert_eq!(explanation.height, Some(3));
    assert_eq!(explanation.common.as_ref().unwrap().height, 2);
    let odd = explanation.sides.iter().find(|side| side.nodes.len() == 1).unwrap();
    let producer = odd.producer.as_ref().unwrap();
    assert_eq!(producer.node.as_ref().unwrap().as_str(), "west-2");
    assert_eq!(producer.extra_args, ["--quirk", "tie-break-high"]);
    assert_eq!(odd.distinguished_by, ["--quirk tie-break-high"]);
    assert_eq!(odd.first_seen, Some(at("5.4")));
    assert_eq!(odd.faults.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["slow"]);
    insta::assert_json_snapshot!(explanation);
}

#[test]
fn episodes_of_divergence_are_found_without_being_asked_for() {
    let text = "
        nodes a b c d
        window split partition 10 20 a b c d
        block x1 genesis a
        block l2 x1 a
        block l3 l2 b
        block r2 x1 c
        1 a b c d head x1
        10 begin split
        12 a b head l2
        13 c d head r2
        20 end split
        22.5 c head l2
        23 d head l2
        30 ended complete";
    let verdict = judge(&journal(text, &[]));
    assert_eq!(verdict.outcome, Outcome::Pass, "nothing was asked");
    let [episode] = verdict.convergence.episodes.as_slice() else { panic!("{:?}", verdict.convergence) };
    assert_eq!((episode.from, episode.to), (at("13"), Some(at("23"))));
    assert_eq!(episode.explanation.height, Some(2));
    let [healing] = verdict.convergence.healing.as_slice() else { panic!("one fault ended") };
    assert_eq!(healing.agreed, Some(at("23")));
    assert_eq!(verdict.convergence.apart, 10_000_000);
}

#[test]
fn labels_read_as_a_person_would_say_it() {
    let label = |when: When, that: That| expect(when, that, &[]).label;
    assert_eq!(label(after("split", 45), agree()), "after split, within 45s: agree on head");
    let ready = That::Ready(super::super::ready::Ready { within: None });
    assert_eq!(label(When::Within(secs(90)), ready), "ready within 1m30s");
    let progress = super::super::progress::Progress { blocks: 1, per: Some(std::time::Duration::from_millis(2500)) };
    assert_eq!(label(When::AtEnd, That::Progress(progress)), "at the end: progress by 1 block per 2.5s");
    let log = super::super::log::Log { pattern: "panic".to_owned(), min: 0, max: Some(0) };
    assert_eq!(label(When::Always, That::Log(log)), "always: no panic in the logs");
}

#[test]
fn the_table_has_every_word_once() {
    let mut words: Vec<_> = TABLE.iter().map(|entry| entry.keyword).collect();
    assert_eq!(
        words,
        [
            "ready",
            "agree",
            "diverge",
            "progress",
            "stall",
            "finality",
            "recover",
            "peers",
            "reorg",
            "log",
            "exit",
            "rpc_equal",
            "answered",
            "diagnosis"
        ]
    );
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), TABLE.len());
    for entry in TABLE {
        assert!(entry.example.contains(entry.keyword), "{entry:?}");
        assert!(!entry.about.is_empty());
    }
}
