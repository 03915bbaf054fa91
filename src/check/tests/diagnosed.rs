//! `diagnosis`: a split of the past as a test that passes.

use crate::check::diagnosed::{Diagnosed, WantedBlock, WantedKind};
use crate::check::testing::{after, assert_outcome, during, hash, judge_nodes, judge_one, secs};
use crate::check::{ExpectationResult, Outcome, That, When, label};

fn wants(kind: WantedKind, block: Option<WantedBlock>, sides: &[&[&str]]) -> That {
    let sides = sides.iter().map(|side| side.iter().map(|name| (*name).into()).collect()).collect();
    That::Diagnosis(Diagnosed { kind, block, sides })
}

fn at_end(text: &str, that: That) -> ExpectationResult {
    judge_one(text, When::AtEnd, that)
}

fn named(name: &str) -> WantedBlock {
    WantedBlock::Hash(hash(name))
}

/// `a` and `b` refuse what `c` made at 2, and `c` theirs; `d` is given lines of its own.
fn split(of_d: &str) -> String {
    format!(
        "nodes a:new b:new c:old d:old
        block x1 genesis a
        block x2 x1 a
        block y2 x1 c
        2 a b c d head x1
        4 a b head x2
        4.2 c head y2
        5 a log refusal Rejected block {}: bad
        {of_d}
        40 ended complete",
        hash("y2")
    )
}

const ON_C: &str = "6 d head y2";

#[test]
fn a_split_of_the_past_passes() {
    let text = split(ON_C);
    let bad = WantedKind::BadBlock;
    let sides: &[&[&str]] = &[&["d", "c"], &["a", "b"]];
    for that in [
        wants(bad, None, &[]),
        wants(bad, Some(WantedBlock::Height(2)), sides),
        wants(bad, Some(named("y2")), sides),
        wants(bad, Some(named("x2")), &[]),
        wants(bad, Some(WantedBlock::Hash(hash("y2")[..12].to_owned())), sides),
    ] {
        let result = at_end(&text, that);
        assert_outcome(&result, Outcome::Pass);
        assert!(result.summary.starts_with("bad block at height 2"), "{}", result.summary);
        assert!(result.facts[0].starts_with("a says (logs/a.log:7): Rejected block"), "{:?}", result.facts);
        assert!(!result.evidence.is_empty());
        assert!(result.diagnosis.is_some() && result.explanation.is_some());
    }
    assert_outcome(&judge_one(&text, When::Always, wants(bad, Some(WantedBlock::Height(2)), sides)), Outcome::Pass);
    assert_outcome(
        &judge_one(&text, When::At(secs(20)), wants(bad, Some(WantedBlock::Height(2)), sides)),
        Outcome::Pass,
    );
}

#[test]
fn anything_else_fails() {
    let text = split(ON_C);
    let bad = WantedKind::BadBlock;
    for that in [
        wants(WantedKind::Fork, None, &[]),
        wants(WantedKind::None, None, &[]),
        wants(bad, Some(WantedBlock::Height(3)), &[]),
        wants(bad, Some(named("x1")), &[]),
        // A node on the wrong side, one that is left out, a side too many, one node too few on a side.
        wants(bad, None, &[&["a", "b", "d"], &["c"]]),
        wants(bad, None, &[&["a", "b"], &["c"]]),
        wants(bad, None, &[&["a"], &["b"], &["c", "d"]]),
        wants(bad, None, &[&["a"], &["c", "d"]]),
    ] {
        let words = format!("{that:?}");
        let result = at_end(&text, that);
        assert_eq!(result.outcome, Outcome::Fail, "{words}: {} {:#?}", result.summary, result.facts);
        assert!(result.facts[0].starts_with("found: bad block at height 2"), "{:?}", result.facts);
    }
    // Of a node that is behind it was seen that it is on no side.
    let behind = split("");
    assert_outcome(&at_end(&behind, wants(bad, None, &[&["a", "b"], &["c"]])), Outcome::Pass);
    assert_outcome(&at_end(&behind, wants(bad, None, &[&["a", "b"], &["c", "d"]])), Outcome::Fail);
}

#[test]
fn who_could_not_be_seen_leaves_it_open() {
    let bad = WantedKind::BadBlock;
    let lost = split("6 d lost");
    for sides in [&[&["a", "b"] as &[&str], &["c"]], &[&["a", "b"] as &[&str], &["c", "d"]]] {
        let result = at_end(&lost, wants(bad, None, sides));
        assert_outcome(&result, Outcome::Unknown);
        assert_eq!(result.summary, "cannot be told: on which side d stood was not seen");
    }
    // Its chain was not seen: the same.
    let stranger = split("6 d bare z50 50");
    assert_ne!(at_end(&stranger, wants(bad, None, &[&["a", "b"], &["c", "d"]])).outcome, Outcome::Pass);
    // A kind that needs nobody else is known all the same, and a wrong side of those who were seen is wrong.
    assert_outcome(&at_end(&lost, wants(bad, Some(WantedBlock::Height(2)), &[])), Outcome::Pass);
    assert_ne!(at_end(&lost, wants(bad, None, &[&["a", "c"], &["b"]])).outcome, Outcome::Pass);
    // Without `d` among those who are meant nothing is open.
    let result = judge_nodes(&lost, When::AtEnd, wants(bad, None, &[&["a", "b"], &["c"]]), &["a", "b", "c"]);
    assert_outcome(&result, Outcome::Pass);
    // A run that was cut short did not come to the end that was asked for.
    let cut = split(ON_C).replace("ended complete", "ended interrupted");
    assert_outcome(&at_end(&cut, wants(bad, None, &[])), Outcome::Unknown);
    assert_outcome(&at_end(&cut, wants(WantedKind::Fork, None, &[])), Outcome::Unknown);
    let never = "nodes a b\nnozero\n3 trouble docker is away\n3 ended trouble";
    assert_outcome(&at_end(never, wants(WantedKind::None, None, &[])), Outcome::Unknown);
}

#[test]
fn nothing_is_the_matter() {
    let sound = "nodes a b\nblock x1 genesis a\nblock x2 x1 a\n2 a b head x1\n4 a b head x2\n6 ended complete";
    let result = at_end(sound, wants(WantedKind::None, None, &[]));
    assert_outcome(&result, Outcome::Pass);
    assert_eq!(result.summary, "nothing was the matter");
    let result = at_end(sound, wants(WantedKind::BadBlock, None, &[]));
    assert_outcome(&result, Outcome::Fail);
    assert_eq!(result.summary, "nothing was the matter");
    for more in ["5 b lost", "5 b bare z50 50"] {
        let dark = sound.replace("6 ended", &format!("{more}\n6 ended")).replace("6 ended", "16 ended");
        assert_outcome(&at_end(&dark, wants(WantedKind::None, None, &[])), Outcome::Unknown);
        assert_outcome(&at_end(&dark, wants(WantedKind::BadBlock, None, &[])), Outcome::Unknown);
    }
    // A split that healed was something all the same.
    let healed = sound
        .replace("block x2 x1 a", "block x2 x1 a\nblock y2 x1 b")
        .replace("4 a b head x2", "3 b head y2\n3 a head x2\n4 b head x2");
    assert_outcome(&at_end(&healed, wants(WantedKind::None, None, &[])), Outcome::Fail);
    assert_outcome(
        &at_end(&healed, wants(WantedKind::Fork, Some(WantedBlock::Height(2)), &[&["a"], &["b"]])),
        Outcome::Pass,
    );
}

/// A fork from 12 s on, during `split` (10 to 20 s), that healed at 22 s.
const HEALED: &str = "nodes a b
    window split partition 10 20 a b
    block x1 genesis a
    block l2 x1 a
    block r2 x1 b
    block l3 l2 a
    1 a b head x1
    10 begin split
    12 a head l2
    12 b head r2
    20 end split
    22 a b head l3
    24 ended complete";

#[test]
fn the_time_of_an_entry_is_looked_at() {
    let fork = |sides: &[&[&str]]| wants(WantedKind::Fork, Some(WantedBlock::Height(2)), sides);
    let sides: &[&[&str]] = &[&["a"], &["b"]];
    assert_outcome(&judge_one(HEALED, during("split"), fork(sides)), Outcome::Pass);
    assert_outcome(&judge_one(HEALED, during("split"), wants(WantedKind::Halt, None, &[])), Outcome::Fail);
    // From the entry's beginning on, though the question is asked after it.
    assert_outcome(&judge_one(HEALED, after("split", 4), fork(sides)), Outcome::Pass);
    assert_outcome(&judge_one(HEALED, after("split", 4), wants(WantedKind::None, None, &[])), Outcome::Fail);
    assert_outcome(&judge_one(HEALED, after("split", 30), fork(sides)), Outcome::Unknown);
    assert_outcome(&judge_one(HEALED, When::At(secs(8)), wants(WantedKind::None, None, &[])), Outcome::Pass);
    assert_outcome(&judge_one(HEALED, When::At(secs(15)), fork(sides)), Outcome::Pass);
}

#[test]
fn one_side_goes_on_has_two_sides() {
    let mut text = String::from("nodes a b c\n");
    let mut lines = String::new();
    for block in 1..=15 {
        let parent = if block == 1 { "genesis".to_owned() } else { format!("x{}", block - 1) };
        text.push_str(&format!("block x{block} {parent} a\n"));
        let nodes = if block < 4 { "a b c" } else { "a b" };
        lines.push_str(&format!("{} {nodes} head x{block}\n", 2 * block));
    }
    let text = format!("{text}{lines}31 ended complete");
    let kind = WantedKind::OneSideGoesOn;
    assert_outcome(&at_end(&text, wants(kind, None, &[&["c"], &["a", "b"]])), Outcome::Pass);
    assert_outcome(&at_end(&text, wants(kind, None, &[&["b", "c"], &["a"]])), Outcome::Fail);
    assert_outcome(&at_end(&text, wants(WantedKind::Lagging, None, &[])), Outcome::Fail);
}

#[test]
fn a_participant_is_on_the_side_of_its_member_on_that_layer() {
    let text = "nodes w.execution w.consensus e.execution e.consensus
        slots 6
        block b1 genesis w.consensus
        block b2 b1 w.consensus
        block c2 b1 e.consensus
        block x1 genesis
        2 w.consensus e.consensus head b1
        2 w.execution e.execution head x1
        4 w.consensus head b2
        4 e.consensus head c2
        10 ended complete";
    let sides: &[&[&str]] = &[&["w.execution", "w.consensus"], &["e.execution", "e.consensus"]];
    assert_outcome(&at_end(text, wants(WantedKind::Fork, Some(WantedBlock::Height(2)), sides)), Outcome::Pass);
    let sides: &[&[&str]] = &[&["w.execution"], &["e.execution"]];
    assert_outcome(&at_end(text, wants(WantedKind::Fork, Some(WantedBlock::Height(2)), sides)), Outcome::Fail);
}

#[test]
fn it_reads_as_a_person_would_say_it() {
    let said = |that: That| label(&When::AtEnd, &that, None);
    assert_eq!(said(wants(WantedKind::None, None, &[])), "at the end: nothing is the matter");
    let that = wants(WantedKind::BadBlock, Some(WantedBlock::Height(7)), &[&["a", "b"], &["c"]]);
    assert_eq!(said(that.clone()), "at the end: bad block at 7 (a, b | c)");
    let text = serde_json::to_string(&that).unwrap();
    assert_eq!(serde_json::from_str::<That>(&text).unwrap(), that);
    assert!(that.goes_with(&When::Sometimes).is_err() && that.goes_with(&When::Never).is_err());
    assert!(that.goes_with(&during("split")).is_ok());
}
