//! Which pattern a trouble is, what is quoted, and what stands out though nobody asked.

use crate::check::agree::Agree;
use crate::check::progress::Progress;
use crate::check::testing::{after, assert_outcome, expect, journal, judge_one};
use crate::check::{Diagnosis, ExpectationResult, FindingKind, Kind, Outcome, Subject, That, Verdict, When, judge};

fn agree() -> That {
    That::Agree(Agree { on: Subject::Head, depth: Some(2) })
}

fn progress(blocks: u64) -> That {
    That::Progress(Progress { blocks, per: None })
}

fn verdict(text: &str) -> Verdict {
    judge(&journal(text, &[expect(When::AtEnd, agree(), &[])]))
}

fn found(result: &ExpectationResult) -> &Diagnosis {
    result.diagnosis.as_ref().unwrap_or_else(|| panic!("{} {:#?}", result.summary, result.facts))
}

/// Blocks `x1` to `xN` on `genesis`, one each two seconds from second 2 on, shown by these nodes up to a second.
fn chain(nodes: &str, blocks: u64, until: u64) -> (String, Vec<(u64, String)>) {
    let mut text = String::new();
    let mut lines = Vec::new();
    for block in 1..=blocks {
        let parent = if block == 1 { "genesis".to_owned() } else { format!("x{}", block - 1) };
        text.push_str(&format!("block x{block} {parent}\n"));
        if 2 * block <= until {
            lines.push((2 * block, format!("{nodes} head x{block}")));
        }
    }
    (text, lines)
}

fn put(head: &str, mut lines: Vec<(u64, String)>) -> String {
    lines.sort_by_key(|line| line.0);
    let lines: Vec<String> = lines.into_iter().map(|(at, line)| format!("{at} {line}")).collect();
    format!("{head}\n{}", lines.join("\n"))
}

const COMET: &str = "nodes a:cometbft b:cometbft c:cometbft d:cometbft\nlayer cometbft a b c d\n";

#[test]
fn a_chain_that_halts_without_a_fork() {
    let (blocks, mut lines) = chain("a b c d", 5, 10);
    lines.push((10, "begin split".to_owned()));
    for round in 1..8_u64 {
        lines.push((10 + 2 * round, format!("a b c d round 6 {round} Prevote")));
    }
    lines.push((30, "end split".to_owned()));
    lines.push((40, "ended complete".to_owned()));
    let text = put(&format!("{COMET}window split partition 10 30 a b c d\n{blocks}"), lines);
    let verdict = verdict(&text);
    let [diagnosis] = verdict.diagnoses.as_slice() else { panic!("{:#?}", verdict.diagnoses) };
    assert_eq!((diagnosis.kind, diagnosis.height), (Kind::Halt, Some(6)));
    assert_eq!(diagnosis.during.as_ref().unwrap().as_str(), "split");
    assert!(
        diagnosis.text.starts_with("halt without a fork: no node has shown a block above block 5"),
        "{}",
        diagnosis.text
    );
    assert!(diagnosis.text.contains("rounds rise to 7 at height 6"), "{}", diagnosis.text);
    assert!(verdict.findings.iter().any(|finding| finding.kind == FindingKind::Rounds && finding.who.len() == 4));
    // It never resumed: asked for progress afterwards, the answer names the halt.
    let result = judge_one(&text, after("split", 10), progress(1));
    assert_outcome(&result, Outcome::Fail);
    assert_eq!(found(&result).kind, Kind::Halt);
    assert!(result.facts[0].starts_with("halt without a fork"), "{:?}", result.facts);
}

#[test]
fn a_majority_that_goes_on_without_the_rest() {
    let (blocks, mut lines) = chain("a b c", 20, 40);
    lines.extend((1..=5).map(|block| (2 * block, format!("d head x{block}"))));
    lines.push((10, "begin alone".to_owned()));
    lines.push((20, "d round 6 4 Propose".to_owned()));
    lines.push((36, "end alone".to_owned()));
    lines.push((41, "ended complete".to_owned()));
    let text = put(&format!("{COMET}window alone isolate 10 36 d\n{blocks}"), lines);
    let result = judge_one(&text, When::AtEnd, agree());
    assert_outcome(&result, Outcome::Fail);
    let diagnosis = found(&result);
    assert_eq!(diagnosis.kind, Kind::OneSideGoesOn);
    assert_eq!(diagnosis.who, ["d"]);
    assert!(
        diagnosis
            .text
            .contains("a, b and c go on, up to block 20, while d (cometbft) has shown no block above 5 since 10.0 s"),
        "{}",
        diagnosis.text
    );
    assert!(diagnosis.text.contains("rounds rise to 4 at height 6 (d: Propose)"), "{}", diagnosis.text);
    let kinds: Vec<Kind> = verdict(&text).diagnoses.iter().map(|diagnosis| diagnosis.kind).collect();
    assert_eq!(kinds, [Kind::OneSideGoesOn]);
}

#[test]
fn a_chain_that_never_started_quotes_the_log() {
    let refusal = "wrong Block.Header.AppHash. Expected 0000000000000000, got";
    let text = format!(
        "{COMET}1 a b c d back\n5 c log refusal {refusal}\n8 a b round 1 1 Propose\n12 a b round 1 4 Propose\n40 ended complete"
    );
    let result = judge_one(&text, When::AtEnd, progress(5));
    assert_outcome(&result, Outcome::Fail);
    let diagnosis = found(&result);
    assert_eq!(diagnosis.kind, Kind::NeverStarted);
    assert_eq!(diagnosis.quotes[0].node.as_str(), "c");
    assert!(
        result.facts[0].starts_with("never started: no node has shown a block above genesis"),
        "{:?}",
        result.facts
    );
    assert!(result.facts[0].contains("rounds rise to 4 at height 1 (Propose)"), "{:?}", result.facts);
    assert_eq!(result.facts[1], format!("c says (logs/c.log:7): {refusal}"));
    assert_eq!(verdict(&text).diagnoses[0].kind, Kind::NeverStarted);
    assert_outcome(&judge_one(&text, When::AtEnd, agree()), Outcome::Unknown);
}

#[test]
fn a_node_alone_that_refuses_everybodys_block() {
    let (blocks, mut lines) = chain("a.execution b.execution c.execution", 15, 30);
    lines.extend((1..=6).map(|block| (2 * block, format!("d.execution head x{block}"))));
    lines.push((15, "d.execution log refusal ########## BAD BLOCK ######### Block: 7".to_owned()));
    lines.push((31, "ended complete".to_owned()));
    let head = "nodes a.execution b.execution c.execution d.execution:ethereumjs\n";
    let text = put(&format!("{head}{blocks}"), lines);
    let result = judge_one(&text, When::AtEnd, agree());
    assert_outcome(&result, Outcome::Fail);
    let diagnosis = found(&result);
    assert_eq!((diagnosis.kind, diagnosis.height), (Kind::BadBlock, Some(7)));
    assert_eq!(diagnosis.who, ["a", "b", "c", "d"]);
    assert!(diagnosis.text.starts_with("bad block at block 7: a, b and c (reference) hold 0x"), "{}", diagnosis.text);
    assert!(
        diagnosis.text.contains("d (ethereumjs) does not; its highest head is at 6 since 12.0 s"),
        "{}",
        diagnosis.text
    );
    assert!(diagnosis.text.ends_with("the log of d speaks of a refusal"), "{}", diagnosis.text);
    let sides: Vec<usize> = diagnosis.sides.iter().map(|side| side.nodes.len()).collect();
    assert_eq!(sides, [3, 1]);
    assert!(result.facts[1].contains("BAD BLOCK"), "{:?}", result.facts);
    // Without the line in the log it is a node that stands still.
    let silent = text.replace("log refusal", "log other");
    assert_eq!(found(&judge_one(&silent, When::AtEnd, agree())).kind, Kind::OneSideGoesOn);
}

#[test]
fn a_bad_block_on_a_side_of_its_own_says_that_the_state_differs() {
    let text = "nodes a.execution b.execution c.execution:ethereumjs
        block x1 genesis
        block x2 x1 a.execution
        block y2 x1 c.execution
        roots x2 s1 r1 21000
        roots y2 s2 r1 21000
        2 a.execution b.execution c.execution head x1
        4 a.execution b.execution head x2
        4.5 c.execution log refusal invalid merkle root
        6 c.execution head y2
        30 ended complete";
    let result = judge_one(text, When::AtEnd, agree());
    let diagnosis = found(&result);
    assert_eq!((diagnosis.kind, diagnosis.who.concat()), (Kind::BadBlock, "abc".to_owned()));
    assert!(diagnosis.text.contains("same parent, other state root"), "{}", diagnosis.text);
    assert!(result.facts.iter().any(|fact| fact.contains("both used 21000 gas")), "{:?}", result.facts);
}

#[test]
fn two_halves_that_build_are_a_fork() {
    let text = "nodes a b c d
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
        44 c d reorg 2
        60 ended complete";
    let verdict = verdict(text);
    let diagnosis = &verdict.diagnoses[0];
    assert_eq!((diagnosis.kind, diagnosis.height), (Kind::Fork, Some(2)));
    assert_eq!(diagnosis.who, ["a", "b", "c", "d"], "of two halves nobody is alone");
    assert!(
        diagnosis.text.contains("a and b (2 blocks from 0x783200…0000 on) against c and d (2 blocks from")
            && diagnosis.text.ends_with("; all sides grew in the last 8.0 s"),
        "{}",
        diagnosis.text
    );
    let episode = verdict.convergence.episodes[0].diagnosis.as_ref().unwrap();
    assert!(episode.text.ends_with("c and d went back 2 blocks"), "{}", episode.text);
}

#[test]
fn whoever_syncs_is_lagging() {
    let (blocks, mut lines) = chain("a b", 20, 40);
    lines.extend((1..=5).map(|block| (2 * block, format!("c head x{block}"))));
    lines.push((12, "c syncing true".to_owned()));
    lines.push((41, "ended complete".to_owned()));
    let text = put(&format!("nodes a b c\n{blocks}"), lines);
    let result = judge_one(&text, When::AtEnd, agree());
    let diagnosis = found(&result);
    assert_eq!((diagnosis.kind, diagnosis.who.as_slice()), (Kind::Lagging, ["c".to_owned()].as_slice()));
    assert!(diagnosis.text.contains("15 blocks behind at 5, and by its own word syncing"), "{}", diagnosis.text);
}

#[test]
fn a_network_without_trouble_gets_no_diagnosis() {
    let (blocks, mut lines) = chain("a b c", 20, 40);
    lines.push((41, "ended complete".to_owned()));
    let verdict = verdict(&put(&format!("nodes a b c\n{blocks}"), lines));
    assert_eq!(verdict.outcome, Outcome::Pass);
    assert!(verdict.diagnoses.is_empty() && verdict.findings.is_empty(), "{verdict:#?}");
    assert!(verdict.results[0].diagnosis.is_none());
}

/// `peers` of `a` at second 12 and whether its link dropped packets.
fn cut(peers: u64, dropped: u64) -> Verdict {
    verdict(&format!(
        "nodes a b c\nwindow split partition 10 30 a b c\nblock x1 genesis\n1 a b c head x1\n1 a b c peers 2\n\
         9 links a>b:10:0 b>a:10:0\n10 begin split\n12 a peers {peers}\n20 links a>b:10:{dropped} b>a:10:{dropped}\n\
         30 end split\n40 ended complete"
    ))
}

#[test]
fn peers_that_are_claimed_and_not_there() {
    let claimed = cut(2, 7);
    let finding = claimed.findings.iter().find(|finding| finding.kind == FindingKind::ClaimedPeers).unwrap();
    assert_eq!(finding.who, ["a", "b"], "c lost nobody");
    assert!(finding.text.contains("a (2) and b (2) went on counting as many peers as before"), "{}", finding.text);
    let kinds = |verdict: &Verdict| verdict.findings.iter().map(|finding| finding.who.clone()).collect::<Vec<_>>();
    assert_eq!(kinds(&cut(1, 7)), [["b"]], "a noticed");
    assert!(cut(2, 0).findings.is_empty(), "no packet was dropped, so nobody lost anybody");
}

#[test]
fn an_overloaded_machine_is_told_of() {
    let run = |cpu: &str, memory: &str, stretches: u64| {
        let mut lines = vec![(41, "ended complete".to_owned())];
        lines.extend((1..=stretches).map(|n| (5 * n, format!("pressure 5 {cpu} {memory}"))));
        verdict(&put("nodes a b\nblock x genesis\n1 a b head x", lines)).findings
    };
    let told = run("0.97", "0.2", 4);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].kind, FindingKind::BusyMachine);
    assert!(told[0].text.contains("overloaded for 20.0 s of 41.0 s"), "{}", told[0].text);
    assert!(told[0].text.contains("waited for a processor for up to 97 %"), "{}", told[0].text);
    assert!(run("0.1", "0.95", 4)[0].text.contains("waited for memory"), "memory counts as well");
    assert!(run("0.97", "0.2", 3).is_empty(), "a start of a quarter of a minute is no overload");
    assert!(run("0.8", "0.8", 8).is_empty(), "waiting now and then is none either");
}

/// A participant whose execution client stops taking blocks at second 6, and comes back at `back`.
fn layers(back: Option<u64>) -> Verdict {
    let mut head = String::from("nodes w.execution:geth w.consensus:prysm e.execution e.consensus\nslots 6\n");
    let mut lines = Vec::new();
    for slot in 1..=15_u64 {
        let of = |kind: &str, n: u64| if n == 0 { format!("{kind}genesis") } else { format!("{kind}{n}") };
        head.push_str(&format!("block x{slot} {}\nblock b{slot} {}\n", of("x", slot - 1), of("b", slot - 1)));
        head.push_str(&format!("inside b{slot} x{slot}\n"));
        lines.push((2 * slot, format!("w.consensus e.consensus head b{slot}")));
        lines.push((2 * slot, format!("e.execution head x{slot}")));
        if slot <= 3 || back.is_some_and(|back| 2 * slot >= back) {
            lines.push((2 * slot, format!("w.execution head x{slot}")));
        }
    }
    lines.push((31, "ended complete".to_owned()));
    verdict(&put(&head, lines))
}

#[test]
fn a_participant_whose_layers_are_apart() {
    let verdict = layers(None);
    let [finding] = verdict.findings.as_slice() else { panic!("{:#?}", verdict.findings) };
    assert_eq!((finding.kind, finding.who.as_slice()), (FindingKind::LayersApart, ["w".to_owned()].as_slice()));
    assert!(finding.text.starts_with("w: its consensus client (prysm) follows execution block"), "{}", finding.text);
    assert!(finding.text.contains("its execution client (geth) stands at"), "{}", finding.text);
    assert_eq!(finding.to, None);
    assert!(verdict.results[0].facts.contains(&finding.text), "the answer about agreement says it too");
    assert!(layers(Some(16)).findings.is_empty(), "a few seconds are no finding");
    assert!(layers(Some(0)).findings.is_empty());
}

#[test]
fn a_diagnosis_can_be_read_back() {
    let verdict = layers(None);
    let text = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), verdict);
}

#[test]
fn a_stop_that_was_ignored_and_a_process_killed_for_memory_are_told_of() {
    let told = |lines: &str| {
        let text = format!("nodes a b\nblock x genesis\n1 a b head x\n{lines}\n41 ended complete");
        verdict(&text).findings
    };
    let stop = told("20 a stubborn 10\n20 a exit expected");
    assert_eq!(
        (stop.len(), stop[0].kind, stop[0].who.as_slice()),
        (1, FindingKind::StopIgnored, ["a".to_owned()].as_slice())
    );
    assert!(stop[0].text.starts_with("a did not end within 10 s of SIGTERM and was killed; it was up until then"));
    assert_eq!(stop[0].to.map(|to| to - stop[0].from), Some(10_000_000));
    let one = told("20 a oom 96 1");
    assert!(
        one[0].text.starts_with("a: the kernel killed a process for its memory limit (96 MiB), at "),
        "{}",
        one[0].text
    );
    let many = told("20 a oom 96 1\n21 a oom 96 2\n22 b oom 64 1");
    assert_eq!(many.iter().map(|finding| finding.kind).collect::<Vec<_>>(), [FindingKind::OutOfMemory; 2]);
    assert!(
        many[0].text.starts_with("a: the kernel killed 3 processes for its memory limit (96 MiB), first at "),
        "{}",
        many[0].text
    );
    assert!(told("").is_empty());
}
