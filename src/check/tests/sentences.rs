//! Every sentence of an explanation, and that it is not said where the journal does not show what it needs.

use crate::check::agree::Agree;
use crate::check::testing::{assert_outcome, expect, hash, journal, judge_nodes, judge_one};
use crate::check::{ExpectationResult, Kind, Outcome, Subject, That, Verdict, When, judge};

fn agree() -> That {
    That::Agree(Agree { on: Subject::Head, depth: Some(2) })
}

fn on_final() -> That {
    That::Agree(Agree { on: Subject::Finalized, depth: None })
}

fn told(text: &str) -> String {
    all(&judge_one(text, When::AtEnd, agree()))
}

fn told_of(text: &str, nodes: &[&str]) -> String {
    all(&judge_nodes(text, When::AtEnd, agree(), nodes))
}

fn all(result: &ExpectationResult) -> String {
    format!("{}\n{}", result.summary, result.facts.join("\n"))
}

fn verdict(text: &str) -> Verdict {
    judge(&journal(text, &[expect(When::AtEnd, agree(), &[])]))
}

#[track_caller]
fn says(told: &str, words: &str) {
    assert!(told.contains(words), "`{words}` is not in:\n{told}");
}

#[track_caller]
fn says_nothing_of(told: &str, words: &str) {
    assert!(!told.contains(words), "`{words}` is in:\n{told}");
}

/// `a` and `b` on one side, `c` on another from second 4 on; `head` and `more` are put around.
fn split(head: &str, more: &str) -> String {
    format!(
        "{head}
        block x1 genesis a
        block x2 x1 a
        block y2 x1 c
        2 a b c head x1
        4 a b head x2
        4.2 c head y2
        {more}
        40 ended complete"
    )
}

const PLAIN: &str = "nodes a b c";

#[test]
fn who_was_seen_first_is_not_who_had_it_first() {
    let facts = told(&split(PLAIN, ""));
    says(&facts, "was first seen at 4.0 s, on a and b");
    says(&facts, "was seen on c only, first at 4.2 s");
    says_nothing_of(&facts, "had it first");
    // Two seconds before any other: then it was seen first there, which is all that is said.
    let late =
        split(PLAIN, "").replace("4 a b head x2", "4 a head x2").replace("4.2 c head y2", "4.2 c head y2\n7 b head x2");
    says(&told(&late), "was seen first on a, at 4.0 s");
}

#[test]
fn a_maker_is_named_only_where_one_node_signs_so() {
    says(&told(&split(PLAIN, "")), "was made by c (reference)");
    let nobody = split(PLAIN, "").replace("block y2 x1 c", "block y2 x1 0xabcdef");
    says(&told(&nobody), "is signed as 0xabcdef, as which no node of the run signs");
    let unsigned = split(PLAIN, "").replace("block y2 x1 c", "block y2 x1");
    let facts = told(&unsigned);
    says(&facts, &format!("{} at 2 was seen on c only", crate::check::short_hash(&hash("y2"))));
    says_nothing_of(&facts, "does not name");
    // Two nodes with one key: nobody can tell which of them it was.
    let mut shared = journal(&split(PLAIN, ""), &[expect(When::AtEnd, agree(), &[])]);
    shared.run.nodes[1].signs_as = vec!["2".to_owned()];
    let facts = all(&judge(&shared).results[0]);
    says(&facts, "is signed as 2, as which b and c sign");
    says_nothing_of(&facts, "was made by c");
}

#[test]
fn a_participants_maker_is_named_with_both_of_its_clients() {
    let facts = told(
        "nodes w.execution:go-ethereum@v1.16.9 w.consensus:prysm@v6.0.4 e.execution:besu e.consensus:teku
        slots 6
        block b1 genesis w.consensus
        block b2 b1 w.consensus
        block c2 b1 e.consensus
        block x1 genesis
        2 w.consensus e.consensus head b1
        2 w.execution e.execution head x1
        4 w.consensus head b2
        4 e.consensus head c2
        20 ended complete",
    );
    says(&facts, "was made by w (prysm@v6.0.4 over go-ethereum@v1.16.9)");
    says(&facts, "w (prysm@v6.0.4 / go-ethereum@v1.16.9) is alone on it");
}

#[test]
fn execution_blocks_of_a_post_merge_chain_name_whom_they_pay() {
    let text = |slots: &str| {
        format!(
            "nodes a b c
            layer execution a b c
            {slots}
            block x1 genesis a
            block x2 x1 a
            block y2 x1 c
            2 a b c head x1
            4 a b head x2
            4 c head y2
            20 ended complete"
        )
    };
    says(&told(&text("slots 6")), "pays its fees to c (reference)");
    says(&told(&text("")), "was made by c (reference)");
}

#[test]
fn a_call_that_made_a_block_is_named() {
    let head = "nodes a b c\nlayer bitcoin a b c\nwindow mine send 3 - c\nwindow look send 5 - a";
    let base = split(head, "").replace("block y2 x1 c", "block y2 x1");
    let reply = |more: &str| {
        base.replace(
            "4.2 c head y2",
            &format!("4.1 c replies mine generate [\"{}\"]\n4.2 c head y2\n{more}", hash("y2")),
        )
    };
    says(&told(&reply("")), "is in the answer of c to generate (mine)");
    says_nothing_of(&told(&base), "is in the answer");
    // Somebody else's answer holds it too: one of them only looked at it.
    let looked = reply(&format!("5 a replies look getblock {{\"hash\": \"{}\"}}", hash("y2")));
    says_nothing_of(&told(&looked), "is in the answer");
    // A question of an expectation is no call of the timeline.
    let asked = base.replace("4.2 c head y2", &format!("4.2 c head y2\n5 c answers rpc_equal/0 [\"{}\"]", hash("y2")));
    says_nothing_of(&told(&asked), "is in the answer");
}

#[test]
fn alone_is_who_was_seen_to_be() {
    says(&told(&split(PLAIN, "")), "c (reference) is alone on it");
    // Not asked about, and on it too.
    let more = split("nodes a b c d", "5 d head y2");
    let facts = told_of(&more, &["a", "b", "c"]);
    says(&facts, "c (reference) is on it, and so is d, not asked about");
    says_nothing_of(&facts, "alone");
    // Not asked about, and elsewhere.
    says(&told_of(&split("nodes a b c d", "5 d head x2"), &["a", "b", "c"]), "c (reference) is alone on it");
    // Out of sight.
    let lost = split("nodes a b c d", "5 d lost");
    says_nothing_of(&told_of(&lost, &["a", "b", "c"]), "alone");
    says_nothing_of(&told(&lost), "alone");
}

#[test]
fn only_is_said_against_every_node_of_the_run() {
    let head = "nodes a b c:reference+--quirk=x";
    says(&told(&split(head, "")), "only it has --quirk=x");
    // Somebody who was not asked about has it too, on whatever side.
    let head = "nodes a b c:reference+--quirk=x d:reference+--quirk=x";
    for more in ["5 d head x2", "5 d lost"] {
        says_nothing_of(&told_of(&split(head, more), &["a", "b", "c"]), "only it has");
    }
    says(&told_of(&split(head, "5 d head y2"), &["a", "b", "c"]), "only they have --quirk=x");
}

#[test]
fn both_sides_are_told_of_alike() {
    let head = "nodes a:btcd@v0.24.2 b:btcd@v0.24.2 c:btcd@v0.22.1\nlayer bitcoin a b c";
    let facts = told(&split(head, "5 a b version /btcd:0.24.2/\n5 c version /btcwire:0.5.0/"));
    says(&facts, "a and b (btcd@v0.24.2) are on it; only they have client btcd@v0.24.2");
    says(&facts, "c (btcd@v0.22.1, says \"/btcwire:0.5.0/\") is alone on it; only it has client btcd@v0.22.1");
    // One client in two versions, which only the nodes themselves tell.
    let facts = told(&split(PLAIN, "5 a b version one\n5 c version two"));
    says(&facts, "a and b (reference, says \"one\") are on it; only they have version one");
    says(&facts, "only it has version two");
    let facts = told(&split(PLAIN, "5 a version one\n5 c version two"));
    says_nothing_of(&facts, "only it has version");
}

#[test]
fn where_chains_parted_is_said_only_if_it_was_seen() {
    let facts = told(&split(PLAIN, ""));
    says(&facts, "chains differ from height 2 on");
    says(&facts, "the last block that all branches share is");
    says(&facts, "faults in force when a second branch was first seen, at 4.2 s: none");
    // Seen from slots 599 and 600 on only; they differ in 600, and nobody knows since when.
    let apart = "nodes a b
        slots 6
        block x599@599 ? a
        block x600@600 x599 a
        block y600@600 ? b
        block y601@601 y600 b
        1 a head x599
        2 a head x600
        3 b head y600
        4 b head y601
        40 ended complete";
    let facts = told(apart);
    says(&facts, "chains differ at slot 600 already, and where they parted was not seen");
    says(&facts, "no block that all branches share was seen");
    says(&facts, "fork at slot 600 or below");
    says_nothing_of(&facts, "differ from");
    // The lowest block of one names a parent that is not the other's block in slot 599.
    says(&told(&apart.replace("y600@600 ?", "y600@600 unseen")), "chains differ at slot 599 already");
}

#[test]
fn nodes_whose_ancestors_were_not_seen_are_neither_behind_nor_out_of_sight() {
    let text = "nodes a b c d
        block x1 genesis a
        block x2 x1 a
        2 a b c head x1
        3 d bare z50 50
        4 a b c head x2
        40 ended complete";
    let result = judge_one(text, When::AtEnd, agree());
    assert_outcome(&result, Outcome::Unknown);
    let facts = all(&result);
    for word in ["c could not be asked", "is behind", "lagging", "stands still", "goes on"] {
        says_nothing_of(&facts, word);
    }
    says(&facts, "whether all heads are on one chain was not seen");
    says(&facts, "d (reference) answered, and nobody can tell whether it is on one chain with the others: its head is");
    let explanation = result.explanation.unwrap();
    assert_eq!(explanation.unplaced.len(), 1);
    assert!(explanation.behind.is_empty() && explanation.sides.is_empty());
    // A fork among the others is not hidden by a higher head of which nobody can tell.
    let fork = text
        .replace("block x2 x1 a", "block x2 x1 a\n        block y2 x1 c")
        .replace("4 a b c head x2", "4 a b head x2\n4 c head y2");
    says(&told(&fork), "chains differ from height 2 on");
    let two = text.replace("3 d bare z50 50", "3 c d bare z50 50").replace("4 a b c head x2", "4 a b head x2");
    says(
        &told(&two),
        "a and b (reference) answered, and nobody can tell whether they are on one chain with the others",
    );
    // Somebody out of sight is said to be.
    let lost = text.replace("40 ended", "5 c lost\n40 ended");
    says(&told(&lost), "c could not be asked");
    says(&told(&lost), "c could not be seen");
}

#[test]
fn final_blocks_that_were_not_seen_are_apart_only_at_one_height() {
    let text = |second: &str| {
        format!("nodes a b\nslots 6\n1 a b bare x100 100\n2 a final 5 f5\n2 b final {second}\n20 ended complete")
    };
    let apart = judge_one(&text("5 g5"), When::AtEnd, on_final());
    assert_outcome(&apart, Outcome::Fail);
    says(&all(&apart), "different blocks are final at epoch 5");
    let untold = judge_one(&text("4 g4"), When::AtEnd, on_final());
    let facts = all(&untold);
    says_nothing_of(&facts, "chains differ");
    says_nothing_of(&facts, "different blocks are final");
    says(&facts, "b (reference) answered, and nobody can tell");
}

/// `a` goes on to block 15; `b` shows what it is given.
fn behind(lines: &str, nodes: &str) -> String {
    let mut text = format!("{nodes}\n");
    for block in 1..=15 {
        let parent = if block == 1 { "genesis".to_owned() } else { format!("x{}", block - 1) };
        text.push_str(&format!("block x{block} {parent} a\n"));
    }
    let mut all: Vec<(f64, String)> =
        (1..=15).map(|block| (2.0 * f64::from(block), format!("a head x{block}"))).collect();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let (at, rest) = line.trim().split_once(' ').unwrap();
        all.push((at.parse().unwrap(), rest.to_owned()));
    }
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    for (at, line) in all {
        text.push_str(&format!("{at} {line}\n"));
    }
    text.push_str("31 ended complete");
    text
}

fn diagnosis(text: &str) -> (Kind, String) {
    let result = judge_one(text, When::AtEnd, agree());
    let found = result.diagnosis.unwrap_or_else(|| panic!("no diagnosis: {:?}", result.facts));
    (found.kind, found.text)
}

#[test]
fn rising_is_who_rises() {
    let (kind, text) = diagnosis(&behind("10 b head x3\n28 b head x9", "nodes a b"));
    assert_eq!(
        (kind, text.as_str()),
        (Kind::Lagging, "lagging: b (reference) is 6 blocks behind at 9, and still rising")
    );
    // Nobody moves, as on a chain whose blocks are made on demand.
    let still = behind("4 b head x2", "nodes a b").replace("31 ended", "91 ended");
    let (kind, text) = diagnosis(&still);
    assert_ne!(kind, Kind::OneSideGoesOn);
    says_nothing_of(&text, "rising");
    let (_, text) = diagnosis(&behind("4 b head x2\n12 b syncing true", "nodes a b"));
    says(&text, "and by its own word syncing");
    says_nothing_of(&text, "rising");
}

#[test]
fn who_stands_still_is_told_with_its_own_height() {
    let (kind, text) = diagnosis(&behind("4 b head x2\n6 c head x3", "nodes a b c"));
    assert_eq!(kind, Kind::OneSideGoesOn);
    says(
        &text,
        "a goes on, up to height 15, while b (reference) has shown no block above 2 since 4.0 s, c (reference) has shown no \
         block above 3 since 6.0 s",
    );
}

#[test]
fn a_halt_says_no_more_than_that_no_block_was_seen() {
    let halt = |more: &str| {
        format!(
            "nodes a b c\nblock x1 genesis a\nblock x2 x1 a\n2 a b head x1\n3 c head x1\n4 a b head x2\n5 c head x2\n{more}\n60 ended complete"
        )
    };
    let progress = That::Progress(crate::check::progress::Progress { blocks: 9, per: None });
    let text = |journal: &str, nodes: &[&str]| {
        judge_nodes(journal, When::AtEnd, progress.clone(), nodes).diagnosis.unwrap().text
    };
    let all = text(&halt(""), &[]);
    says(&all, "halt without a fork: no node has shown a block above height 2 for 55.0 s, from 5.0 s on");
    for word in ["has what it takes", "votes are missing", "nobody forks", "nobody made"] {
        says_nothing_of(&all, word);
    }
    // Somebody was out of sight, and may be anywhere.
    says(&text(&halt("10 c lost"), &[]), "halt: no node has shown a block above height 2");
    says(&text(&halt(""), &["a", "b"]), "none of these nodes has shown a block");
    // Somebody's chain was not seen: no halt is known.
    let stranger = halt("10 c bare z50 50");
    assert!(judge_one(&stranger, When::AtEnd, progress.clone()).diagnosis.is_none_or(|found| found.kind != Kind::Halt));
}

#[test]
fn never_started_is_not_said_of_a_part_of_a_network_that_did() {
    let text = "nodes a b c\nblock x1 genesis a\n1 a b back\n2 c head x1\n60 ended complete";
    let progress = That::Progress(crate::check::progress::Progress { blocks: 9, per: None });
    let found = judge_nodes(text, When::AtEnd, progress.clone(), &["a", "b"]).diagnosis;
    assert!(found.is_none_or(|found| found.kind != Kind::NeverStarted));
    let never = text.replace("2 c head x1", "2 c back");
    let found = judge_nodes(&never, When::AtEnd, progress.clone(), &["a", "b"]).diagnosis.unwrap();
    says(&found.text, "never started: none of these nodes, nor any other, has shown a block above genesis");
    says(&judge_one(&never, When::AtEnd, progress).diagnosis.unwrap().text, "never started: no node has shown");
}

/// The two sides of [`split`] with what their logs say.
fn refusing(head: &str, more: &str) -> (Kind, String, Vec<String>) {
    let found = judge_one(&split(head, more), When::AtEnd, agree()).diagnosis.unwrap();
    (found.kind, found.text, found.quotes.iter().map(|quote| format!("{}: {}", quote.node, quote.line)).collect())
}

#[test]
fn mutual_refusal_is_a_bad_block_and_nobody_is_right() {
    let (x2, y2) = (hash("x2"), hash("y2"));
    let head = "nodes a:new b:new c:old";
    let more = format!(
        "5 a log refusal ########## BAD BLOCK #########
        5 a log refusal Block: 2 hash {y2}
        5 a log refusal Error: invalid merkle root (remote: 12 local: 34)
        5 a log refusal ##############################
        5.1 b log refusal Rejected block {y2}: bad signature
        5.2 c log refusal Rejected block {x2}: script too large"
    );
    let (kind, text, quotes) = refusing(head, &more);
    assert_eq!(kind, Kind::BadBlock);
    let (x2, y2) = (crate::check::short_hash(&x2), crate::check::short_hash(&y2));
    says(
        &text,
        &format!(
            "bad block at height 2: a and b (new) hold {x2}, c (old) holds {y2}; c refuses {x2}, a and b refuse {y2}"
        ),
    );
    for word in ["alone", "others", "majority", "wrong"] {
        says_nothing_of(&text, word);
    }
    says(&text, &format!("{y2} was made by c (old)"));
    assert_eq!(quotes.len(), 3, "{quotes:?}");
    // Each side in turn, whoever names the block first; of a report of many lines the one with the reason.
    says(&quotes[0], "b: Rejected block");
    says(&quotes[1], "c: Rejected block");
    says(&quotes[2], "a: Error: invalid merkle root");
    // The same with the sizes of the sides turned round reads the same.
    let (_, one, _) = refusing(head, &format!("5 c log refusal Rejected block {}", hash("x2")));
    says(&one, &format!("c refuses {x2}"));
    says_nothing_of(&one, "refuse ");
}

#[test]
fn a_refusal_is_of_a_block_only_where_the_log_names_it() {
    let (kind, text, _) = refusing(PLAIN, "5 c log refusal invalid merkle root");
    assert_eq!(kind, Kind::BadBlock);
    says(&text, "the log of c speaks of a refusal");
    says_nothing_of(&text, "refuses 0x");
    says_nothing_of(&text, "was made by");
    // Nobody refuses: a fork.
    assert_eq!(refusing(PLAIN, "").0, Kind::Fork);
    // Chains that parted behind a cut are a fork unless a log names a block of them.
    let head = "nodes a b c\nwindow split partition 3 30 a b c";
    let cut = |line: &str| {
        let text = split(head, line).replace("4 a b head x2", "3 begin split\n4 a b head x2");
        judge_one(&text, When::AtEnd, agree()).diagnosis.unwrap().kind
    };
    assert_eq!(cut("5 c log refusal Could not process block"), Kind::Fork);
    assert_eq!(cut(&format!("5 c log refusal Could not process block {}", hash("x2"))), Kind::BadBlock);
}

#[test]
fn a_refusal_of_a_later_block_says_nothing_of_where_chains_parted() {
    let later = |hash: &str| {
        format!("block y3 y2 c\n5 c head y3\n6 a log refusal Verification failure: bad-txns (hash={hash})")
    };
    let (kind, text, _) = refusing(PLAIN, &later(&hash("y3")));
    assert_eq!(kind, Kind::Fork, "{text}");
    says_nothing_of(&text, "refusal");
    assert_eq!(refusing(PLAIN, &later(&hash("y2"))).0, Kind::BadBlock);
    assert_eq!(refusing(PLAIN, &later(&hash("z9"))).0, Kind::BadBlock, "a block that nobody showed may be the one");
}

#[test]
fn whoever_stands_below_a_block_refuses_it_only_by_its_own_word() {
    let base = behind("4 b head x2\n4 c head x2", "nodes a b c");
    let with = |line: &str| base.replace("31 ended", &format!("30.5 {line}\n31 ended"));
    assert_eq!(diagnosis(&base).0, Kind::OneSideGoesOn);
    let (kind, text) = diagnosis(&with("b log refusal bad block"));
    assert_eq!(kind, Kind::BadBlock);
    let x3 = crate::check::short_hash(&hash("x3"));
    says(
        &text,
        &format!(
            "bad block at height 3: a (reference) holds {x3}, b and c (reference) do not; b's highest head is at 2 since 4.0 s; the log of b speaks of a refusal"
        ),
    );
    says_nothing_of(&text, "refuses");
    says(&diagnosis(&with(&format!("b log refusal bad block {}", hash("x3")))).1, &format!("b refuses {x3}"));
}

#[test]
fn a_split_of_bitcoin_clients_is_told_to_its_call() {
    // After CVE-2024-34478: `old` makes a block that the two others refuse, each in its own words; blocks are made on demand.
    let y2 = hash("y2");
    let digits = y2.trim_start_matches("0x");
    let text = format!(
        "nodes old:btcd@v0.22.1 new:btcd@v0.24.2 other:bcoin@v1.0.2
        layer bitcoin old new other
        window bad send 5 - old
        block x1 genesis
        block y2 x1
        2 old new other head x1
        2 old version /btcwire:0.5.0/btcd:0.22.1/
        5 old replies bad generate [\"{digits}\"]
        5.1 old head y2
        5.2 new log refusal Rejected block {digits} from 10.77.0.10:18555: transaction's sequence locks on inputs not met
        5.3 other log refusal Tried to connect invalid block: {digits} (2).
        70 ended complete"
    );
    let result = judge_one(&text, When::AtEnd, That::Agree(Agree { on: Subject::Head, depth: Some(0) }));
    assert_outcome(&result, Outcome::Fail);
    let facts = all(&result);
    let short = crate::check::short_hash(&y2);
    says(
        &facts,
        &format!(
            "bad block at block 2: old (btcd@v0.22.1) holds {short}, new (btcd@v0.24.2), other (bcoin@v1.0.2) do not; new's highest \
             head is at 1 since 2.0 s; new and other refuse {short}; {short} is in the answer of old to generate (bad)"
        ),
    );
    says(&facts, "new says (logs/new.log:7): Rejected block");
    says(&facts, "other says (logs/other.log:8): Tried to connect invalid block");
    for word in ["alone", "rising", "stands still", "does not name", "was made by"] {
        says_nothing_of(&facts, word);
    }
    // `old` goes on alone for a minute: the same, and nobody is said to come nearer.
    let more =
        text.replace("block y2 x1", "block y2 x1\n        block y3 y2\n        block y4 y3\n        block y5 y4");
    let more = more.replace("70 ended", "60 old head y5\n        70 ended");
    let facts = told(&more);
    says(&facts, &format!("old (btcd@v0.22.1) holds {short}, new (btcd@v0.24.2), other (bcoin@v1.0.2) do not"));
    says_nothing_of(&facts, "rising");
    let that = That::Diagnosis(crate::check::diagnosed::Diagnosed {
        kind: crate::check::diagnosed::WantedKind::BadBlock,
        block: Some(crate::check::diagnosed::WantedBlock::Hash(y2.clone())),
        sides: vec![vec!["old".into()], vec!["new".into(), "other".into()]],
    });
    assert_outcome(&judge_one(&more, When::AtEnd, that), Outcome::Pass);
}

#[test]
fn peers_are_not_called_gone_by_a_cut_that_was_not_made() {
    let finding = |error: &str| {
        let text = format!(
            "nodes a b\nwindow cut disconnect 10 30 a b\nblock x1 genesis\n1 a b head x1\n1 a b peers 1\n10 begin cut{error}\n\
             30 end cut\n40 ended complete"
        );
        verdict(&text).findings.iter().any(|finding| finding.kind == crate::check::FindingKind::ClaimedPeers)
    };
    assert!(finding(""));
    assert!(!finding(" the engine refused"));
}

#[test]
fn every_episode_is_told() {
    let text = "nodes a b c
        block x1 genesis a
        block x2 x1 a
        block y2 x1 c
        block x3 x2 a
        block x4 x3 a
        block z4 x3 c
        2 a b c head x1
        4 a b head x2
        4 c head y2
        8 c head x2
        10 a b c head x3
        12 a b head x4
        12 c head z4
        40 ended complete";
    let verdict = verdict(text);
    let told: Vec<&str> = verdict.diagnoses.iter().map(|found| found.text.as_str()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    says(told[0], "fork from height 2 on");
    says(told[1], "fork from height 4 on");
    assert!(told[0].contains(&crate::check::short_hash(&hash("y2"))), "a branch whose block is known names it");
    assert_eq!(verdict.diagnoses[0].apart, Some((9_000_000, Some(13_000_000))));
    let result = judge_one(text, When::Always, agree());
    assert_outcome(&result, Outcome::Fail);
    says(&all(&result), "they were also apart from 12.0 s: fork from height 4 on");
}

#[test]
fn explanations_of_older_versions_can_be_read() {
    let text = r#"{"at":1,"sides":[{"block":{"height":1,"hash":"0xa"},"faults":[],"length":1,"nodes":[],"distinguished_by":[]}],
        "behind":[],"missing":[],"faults_then":[],"faults_now":[]}"#;
    let read: crate::check::Explanation = serde_json::from_str(text).unwrap();
    assert!(read.unplaced.is_empty() && read.sides[0].also.is_empty() && !read.sides[0].is_one_alone);
    let text = r#"{"kind":"fork","who":["a"],"nodes":["a"],"text":"fork"}"#;
    assert!(serde_json::from_str::<crate::check::Diagnosis>(text).unwrap().sides.is_empty());
}
