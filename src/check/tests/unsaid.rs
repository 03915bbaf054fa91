//! Sentences of findings, diagnoses and roots, each beside a journal that lacks one thing that it needs: there it is not said.

use crate::check::agree::Agree;
use crate::check::testing::{expect, journal, judge_one};
use crate::check::{Finding, FindingKind, Subject, That, Verdict, When, judge};

fn agree() -> That {
    That::Agree(Agree { on: Subject::Head, depth: Some(2) })
}

fn verdict(text: &str) -> Verdict {
    judge(&journal(text, &[expect(When::AtEnd, agree(), &[])]))
}

fn found(text: &str, kind: FindingKind) -> Option<Finding> {
    verdict(text).findings.into_iter().find(|finding| finding.kind == kind)
}

/// The execution client of `w` stands at `x1` from second 2 on, and its consensus client follows `x9`'s chain.
fn layers(change: impl Fn(String) -> String) -> Option<Finding> {
    let mut text = String::from("nodes w.execution:geth w.consensus:prysm e.execution e.consensus\nslots 6\n");
    for slot in 1..=9_u64 {
        let of = |kind: &str, n: u64| if n == 0 { format!("{kind}genesis") } else { format!("{kind}{n}") };
        text.push_str(&format!("block x{slot} {}\nblock b{slot} {}\n", of("x", slot - 1), of("b", slot - 1)));
        text.push_str(&format!("inside b{slot} x{slot}\n"));
    }
    for slot in 1..=9_u64 {
        text.push_str(&format!("{} w.consensus e.consensus head b{slot}\n", 2 * slot));
        let execution = if slot == 1 { "w.execution e.execution" } else { "e.execution" };
        text.push_str(&format!("{} {execution} head x{slot}\n", 2 * slot));
    }
    found(&change(text + "30 ended complete"), FindingKind::LayersApart)
}

#[test]
fn layers_are_apart_only_where_both_heads_and_the_block_inside_are_known() {
    let text = layers(|text| text).expect("they are apart").text;
    assert!(text.contains("its execution client (geth) stands at"), "{text}");
    let unsaid = |why: &str, change: &dyn Fn(String) -> String| {
        let told = layers(change);
        assert!(told.is_none(), "{why}: {told:?}");
    };
    unsaid("no beacon block says what is inside", &|text| {
        text.lines().filter(|line| !line.starts_with("inside")).collect::<Vec<_>>().join("\n")
    });
    unsaid("before the merge there is nothing inside", &|text| {
        (1..=9).fold(text, |text, slot| text.replace(&format!("inside b{slot} x{slot}"), ""))
    });
    unsaid("the execution client is out of sight", &|text| {
        text.replace("\n4 e.execution", "\n4 w.execution lost\n4 e.execution")
    });
    unsaid("the consensus client is", &|text| {
        text.replace("w.consensus e.consensus head", "e.consensus head")
            .replace("\n2 e.consensus", "\n2 w.consensus lost\n2 e.consensus")
    });
    unsaid("its execution client comes after it", &|text| {
        text.replace("8 e.execution", "8 w.execution e.execution")
            .replace("18 e.execution", "18 w.execution e.execution")
            .replace("10 e.execution", "10 w.execution e.execution")
            .replace("12 e.execution", "12 w.execution e.execution")
            .replace("14 e.execution", "14 w.execution e.execution")
            .replace("16 e.execution", "16 w.execution e.execution")
    });
    unsaid("the run ended before it had lasted", &|text| {
        let kept = text.lines().filter(|line| !line.starts_with("18 ") && !line.starts_with("16 "));
        kept.collect::<Vec<_>>().join("\n").replace("30 ended", "15 ended")
    });
}

#[test]
fn a_machine_is_overloaded_only_by_its_own_pressure_after_the_zero() {
    let run = |lines: &str| {
        found(
            &format!("nodes a b\nblock x genesis\n1 a b head x\n{lines}\n60 ended complete"),
            FindingKind::BusyMachine,
        )
    };
    let busy = |from: u64, cpu: &str| -> String {
        (1..=5).map(|n| format!("{} pressure 5 {cpu} 0.1\n", from + 5 * n)).collect()
    };
    assert!(run(&busy(0, "0.97")).is_some());
    assert!(run(&busy(0, "0.89")).is_none(), "waiting for less than nine tenths of the time");
    assert!(run("").is_none(), "nothing was measured");
    // Half of a stretch lies before the zero: only what lies after it counts.
    let start = "1 pressure 20 0.99 0.1\n6 pressure 5 0.99 0.1\n11 pressure 5 0.99 0.1\n16 pressure 5 0.99 0.1";
    assert!(run(start).is_none(), "16 s after the zero");
    let text = run(&busy(0, "0.97")).unwrap().text;
    assert!(text.contains("may have been late"), "no more than that: {text}");
    let never = "nodes a b\nnozero\n5 pressure 30 0.99 0.1\n60 ended trouble";
    assert!(verdict(never).findings.is_empty(), "there is no time to be late in");
}

/// Two halves that were cut and meet again; `reorgs` are lines about 44 s.
fn healed(reorgs: &str) -> String {
    let text = format!(
        "nodes a b c d
        window split partition 10 40 a b c d
        block x1 genesis a
        block x2 x1 a
        block x3 x2 a
        block y2 x1 c
        block y3 y2 c
        2 a b c d head x1
        10 begin split
        20 a b head x2
        20 c d head y2
        36 a b head x3
        36 c d head y3
        40 end split
        44 c d head x3
        {reorgs}
        100 ended complete"
    );
    let verdict = verdict(&text);
    verdict.convergence.episodes[0].diagnosis.as_ref().expect("they were apart").text.clone()
}

#[test]
fn who_went_back_is_who_said_so_in_that_time() {
    assert!(healed("44 c d reorg 2").ends_with("; c and d went back 2 blocks"));
    assert!(healed("44 c reorg 2\n44 d reorg 2+").ends_with("went back at least 2 blocks"), "one was a lower bound");
    assert!(healed("44 c reorg 3\n44 d reorg 2").ends_with("; c went back 3 blocks"), "the farthest only");
    assert!(!healed("").contains("went back"), "nobody said so");
    assert!(!healed("44 c d reorg 1").contains("went back"), "one block is what every chain has now and then");
    assert!(!healed("95 c d reorg 2").contains("went back"), "long after they had met");
}

#[test]
fn state_roots_are_compared_only_of_blocks_that_can_be() {
    let text = |blocks: &str, roots: &str| {
        format!(
            "nodes a.execution b.execution\nblock x1 g\n{blocks}\n{roots}\n1 a.execution b.execution head x1\n\
             2 a.execution head x2\n2 b.execution head y2\n9 ended complete"
        )
    };
    let said = |blocks: &str, roots: &str| {
        let result = judge_one(&text(blocks, roots), When::AtEnd, agree());
        format!("{}\n{}", result.facts.join("\n"), result.diagnosis.map(|found| found.text).unwrap_or_default())
    };
    let blocks = "block x2 x1\nblock y2 x1";
    assert!(said(blocks, "roots x2 s1 r1 5\nroots y2 s2 r2 5").contains("receipts roots differ too; both used 5 gas"));
    for (why, blocks, roots) in [
        ("one told its state only", blocks, "roots x2 s1 r1 5"),
        ("they have other parents", "block w1 g\nblock x2 x1\nblock y2 w1", "roots x2 s1 r1 5\nroots y2 s2 r1 5"),
        ("they have other heights", "block x2 x1\nblock y2@7 x1", "roots x2 s1 r1 5\nroots y2 s2 r1 5"),
        ("they have one state", blocks, "roots x2 s1 r1 5\nroots y2 s1 r1 5"),
    ] {
        let said = said(blocks, roots);
        assert!(!said.contains("other state root"), "{why}: {said}");
    }
    for (why, blocks, roots) in [
        ("nobody told a state", blocks, ""),
        ("they have other parents", "block w1 g\nblock x2 x1\nblock y2 w1", "roots x2 s1 r1 5\nroots y2 s1 r1 5"),
        ("they have two states", blocks, "roots x2 s1 r1 5\nroots y2 s2 r1 5"),
    ] {
        let said = said(blocks, roots);
        assert!(!said.contains("same state root"), "{why}: {said}");
    }
}

#[test]
fn rounds_that_rise_are_told_from_the_third_on() {
    let run = |rounds: &str| {
        found(&format!("nodes a b\nlayer cometbft a b\n1 a b back\n{rounds}\n60 ended complete"), FindingKind::Rounds)
    };
    let told = run("10 a round 12 0 Propose\n20 a round 12 3 Prevote").unwrap().text;
    assert!(told.contains("rounds rose to 3 at height 12 (Prevote)"), "{told}");
    assert!(
        run("10 a round 12 0 Propose\n20 a round 12 2 Prevote").is_none(),
        "a proposer that is away costs one or two"
    );
    assert!(run("10 a round 12 2 Propose\n20 a round 13 2 Prevote").is_none(), "of two heights, each by itself");
}

#[test]
fn a_standstill_is_told_of_the_tool_and_of_nobody_else() {
    let run = |lines: &str| {
        found(
            &format!("nodes a b\npromises 1\nblock x genesis\n1 a b head x\n{lines}\n60 ended complete"),
            FindingKind::Standstill,
        )
    };
    assert!(run("20 stood 5").is_some());
    assert!(run("20 stood 2").is_none(), "a moment is tolerated");
    assert!(run("20 a b pollgap 5").is_none(), "nodes that were not asked do not say why");
    assert!(run("20 a b lost\n25 a b back").is_none());
}
