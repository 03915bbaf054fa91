//! Journals that once fooled the judge, or on which it was too strict: what is right was found out by hand. They were
//! written before journals promised anything, some by real runs and some edited, so that one or the other does not hold
//! what would decide: there unknown is right as well, and the wrong answer never is.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};

use splitbrain::check::Outcome::{self, Fail, Pass, Unknown};
use splitbrain::check::{Conclusion, Verdict, judge};
use splitbrain::journal::read_journal;

/// A case: its folder, and for expectations by their position which outcomes are right.
type Case = (&'static str, &'static [(usize, &'static [Outcome])]);

const F: &[Outcome] = &[Fail];
const P: &[Outcome] = &[Pass];
const U: &[Outcome] = &[Unknown];
const NO_PASS: &[Outcome] = &[Fail, Unknown];
const NO_FAIL: &[Outcome] = &[Pass, Unknown];

const CASES: &[Case] = &[
    // The kill did not work: its target goes on alone and dissents.
    ("01-failed-fault-node", &[(0, F), (1, F), (2, F)]),
    // A node that dissents is restarted at once, at the very moment that is asked about. It has no peers.
    ("03-restart-at-once-real", &[(0, F), (1, F), (2, NO_PASS)]),
    // It never answers after the restart.
    ("04-restart-never-back", &[(0, U), (1, U), (2, U), (3, U), (4, U), (5, U)]),
    // Pauses and a quick restart; all had three peers and nothing changed.
    ("05-peers-unknown-real", &[(0, P), (1, P), (2, P), (3, P)]),
    // The tool itself stood still for 10 s: nobody looked, and nothing was carried.
    ("06-tool-stopped-real", &[(0, U), (1, U), (2, U), (4, U)]),
    // Slots of 15 s: the node was back in a quarter of a second, without a new head.
    ("08-recover-false-fail-real", &[(0, P)]),
    // Logs: marks that were used up before the time that is asked about, one line that matches two patterns, a client
    // without patterns, and more lines than marks. (Expectation 2 is about a match beyond a line's 500th character, of
    // which this journal says nothing at all: that lines are matched whole is the writer's part.)
    ("09-log-real", &[(0, NO_PASS), (1, NO_FAIL), (3, P), (4, P), (5, U), (6, NO_PASS), (7, NO_FAIL)]),
    // A pattern of a scenario is not the manifest's word of the same name.
    ("10-log-refusal-name-real", &[(0, P), (1, P)]),
    // A node is out of sight for most of the run.
    ("11-reorg-unseen", &[(0, U)]),
    // Nodes that tell no parents: a change of branch cannot be measured.
    ("13-reorg-no-parents", &[(0, U)]),
    // Nine slots deep, five blocks deep; five blocks are allowed.
    ("14-reorg-counts-slots", &[(0, P)]),
    // A node that is seen shortly before the end only has grown by 12 blocks.
    ("15-stall-blind", &[(0, NO_PASS)]),
    // A node that answers and never names a head.
    ("17-finality-headless", &[(0, U)]),
    // A node that never answers after its restart is not left out.
    ("19-rpc-equal-coming", &[(0, U)]),
    // All refuse: nobody gave an answer.
    ("20-rpc-equal-all-refuse", &[(0, NO_PASS)]),
    // From slot 5 to slot 40, and nothing between was seen: slots are no blocks.
    ("21-progress-slots", &[(0, U)]),
    // A node fetches again what it had before it was wiped; nobody makes blocks.
    ("23-resync-is-growth", &[(0, F), (1, P)]),
    // Healed 18 s late, a tenth of a second before the end.
    ("24-late-end-false-fail", &[(0, U), (1, U)]),
    // Interrupted 0.05 s after the fault, with a second to go.
    ("26-slack-false-fail", &[(0, U), (1, U), (2, U)]),
    // The majority is killed while two stay on the losing chain.
    ("27-recover-majority-away", &[(0, NO_PASS)]),
    // The node that dissents is killed for 2 s.
    ("29-peers-finality-at-kill", &[(0, F), (1, F)]),
    // Killed for 2 s, and not seen again for 21 s.
    ("30-always-coming", &[(0, U), (1, U), (2, U), (3, U), (4, U)]),
    // Seen for a quarter of a second in every three.
    ("32-flapping-probe", &[(0, U), (1, U), (2, U), (3, U)]),
    // Lines were taken out.
    ("33-journal-gap", &[(0, U), (1, U), (2, U)]),
    // Two pairs with a genesis block each, which each calls final.
    ("35-two-geneses", &[(0, F)]),
    // Two of four nodes are asked about, and they disagree.
    ("38-words-subset", &[(0, F)]),
    // A head whose ancestors nobody saw.
    ("40-words-untold", &[(0, U)]),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/verdicts")
}

fn verdict(case: &str) -> Verdict {
    let path = folder().join(case).join("events.jsonl");
    judge(&read_journal(&path).unwrap_or_else(|error| panic!("{case}: {error}")))
}

#[test]
fn journals_that_once_fooled_the_judge_are_judged_right() {
    let mut wrong = Vec::new();
    for (case, expectations) in CASES {
        let verdict = verdict(case);
        for (index, right) in *expectations {
            let result = &verdict.results[*index];
            if !right.contains(&result.outcome) {
                wrong.push(format!(
                    "{case}, expectation {index} ({}): {:?}, right is {right:?}: {}",
                    result.label, result.outcome, result.summary
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_run_that_was_interrupted_has_not_passed() {
    assert_eq!(verdict("36-ctrlc-green-real").conclusion, Conclusion::Interrupted);
}

#[test]
fn every_case_is_in_the_table() {
    let mut folders: Vec<String> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    let mut known: Vec<&str> = CASES.iter().map(|(case, _)| *case).chain(["36-ctrlc-green-real"]).collect();
    known.sort_unstable();
    assert_eq!(folders, known);
}
