//! Laws that hold for every verdict.

use std::time::Duration;

use proptest::prelude::*;

use super::super::agree::Agree;
use super::super::diverge::Diverge;
use super::super::testing::{expect, journal};
use super::super::{Outcome, Subject, That, When, judge};
use crate::journal::{BlockRecord, Event, What};

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![Just(Outcome::Pass), Just(Outcome::Unknown), Just(Outcome::Fail)]
}

proptest! {
    #[test]
    fn merging_outcomes_is_a_bounded_semilattice(a in outcome(), b in outcome(), c in outcome()) {
        prop_assert_eq!(a.and(b), b.and(a));
        prop_assert_eq!(a.and(b).and(c), a.and(b.and(c)));
        prop_assert_eq!(a.and(a), a);
        prop_assert_eq!(a.and(Outcome::Pass), a);
        prop_assert_eq!(a.and(Outcome::Fail), Outcome::Fail);
        prop_assert!(a.and(b) >= a);
    }

    /// Any order of heads, losses and returns: nothing panics, never and sometimes are opposites where both are told,
    /// what always holds also holds at the end, and a run that was cut short never passes or fails more than the whole.
    #[test]
    fn answers_are_consistent(steps in proptest::collection::vec((0..3_usize, 0..9_usize), 1..60), cut in 0..60_usize) {
        let mut text = String::from("nodes a b c\nblock x1 genesis a\nblock x2 x1 a\nblock l3 x2 a\nblock l4 l3 a\nblock r3 x2 b\nblock r4 r3 b\n");
        let names = ["a", "b", "c"];
        let things = ["head x1", "head x2", "head l3", "head l4", "head r3", "head r4", "lost", "back", "exit 1"];
        let mut short = text.clone();
        for (n, &(node, thing)) in steps.iter().enumerate() {
            let line = format!("{} {} {}\n", 2 * n + 1, names[node], things[thing]);
            text.push_str(&line);
            if n < cut {
                short.push_str(&line);
            }
        }
        text.push_str(&format!("{} ended complete\n", 2 * steps.len() + 1));
        short.push_str(&format!("{} ended interrupted\n", 2 * cut.min(steps.len()) + 1));
        for that in [
            That::Agree(Agree { on: Subject::Head, depth: Some(2) }),
            That::Diverge(Diverge { on: Subject::Head }),
        ] {
            let ask = |text: &str, when: When| judge(&journal(text, &[expect(when, that.clone(), &[])])).outcome;
            let (always, never, sometimes, end) = (
                ask(&text, When::Always),
                ask(&text, When::Never),
                ask(&text, When::Sometimes),
                ask(&text, When::AtEnd),
            );
            prop_assert_eq!(never == Outcome::Fail, sometimes == Outcome::Pass);
            if always == Outcome::Pass {
                prop_assert_eq!(end, Outcome::Pass);
            }
            if end == Outcome::Fail {
                prop_assert_eq!(always, Outcome::Fail);
            }
            let early = ask(&short, When::Always);
            prop_assert!(early != Outcome::Pass, "what was not seen to its end cannot always hold");
            if cut < steps.len() && early == Outcome::Fail {
                prop_assert_eq!(always, Outcome::Fail);
            }
        }
    }
}

#[test]
fn a_journal_with_expectations_from_another_world_is_unknown() {
    let mut journal = journal("nodes a\n5 ended complete", &[]);
    journal.run.expectations = serde_json::json!([{"when": "tomorrow"}]);
    let verdict = judge(&journal);
    assert_eq!(verdict.outcome, Outcome::Unknown);
    assert_eq!(verdict.results.len(), 1);
}

#[test]
fn a_million_events_are_judged_in_seconds() {
    // 50 nodes, 10,000 blocks, two branches now and then: a million lines of blocks and heads.
    let names: Vec<String> = (0..50).map(|n| format!("n{n}")).collect();
    let expectations = [
        expect(When::Always, That::Agree(Agree { on: Subject::Head, depth: Some(2) }), &[]),
        expect(When::Sometimes, That::Diverge(Diverge { on: Subject::Head }), &[]),
        expect(
            When::AtEnd,
            That::Progress(super::super::progress::Progress { blocks: 10, per: Some(Duration::from_secs(30)) }),
            &[],
        ),
        expect(
            When::Always,
            That::Recover(super::super::recover::Recover { within: Duration::from_secs(9), depth: 2 }),
            &[],
        ),
    ];
    let mut journal = journal(&format!("nodes {}\n0 n0 peers 1", names.join(" ")), &expectations);
    let mut seq = journal.events.len() as u64;
    let mut at = journal.events.last().unwrap().at;
    let hash = |height: u64, branch: u64| format!("0x{height:062x}{branch:02x}");
    for height in 1..=10_000_u64 {
        for (n, name) in names.iter().enumerate() {
            let branch = u64::from(height % 10 == 0 && n >= 25);
            at += 40_000;
            let (hash, parent) = (hash(height, branch), hash(height - 1, 0));
            let record = BlockRecord {
                node: name.as_str().into(),
                height,
                hash: hash.clone(),
                parent: parent.clone(),
                producer: None,
                state_root: None,
                receipts_root: None,
                gas_used: None,
                execution: None,
            };
            journal.events.push(Event { seq, at, what: What::Block(record) });
            journal.events.push(Event {
                seq: seq + 1,
                at,
                what: What::Head { node: name.as_str().into(), height, hash, parent: Some(parent) },
            });
            seq += 2;
        }
    }
    journal.events.push(Event { seq, at, what: What::TimelineEnded { reason: "complete".to_owned() } });
    assert!(journal.events.len() > 1_000_000);
    let verdict = judge(&journal);
    assert_eq!(verdict.results[1].outcome, Outcome::Pass, "{}", verdict.results[1].summary);
    assert_eq!(verdict.convergence.episode_count, 1_000);
}
