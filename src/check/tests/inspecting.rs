//! What nodes told of the first blocks of branches, in explanations.

use super::super::Outcome::{Fail, Pass};
use super::super::testing::{assert_outcome, hash, judge_one};
use super::super::{ExpectationResult, Subject, When};
use crate::check::That;
use crate::check::agree::Agree;
use crate::check::diagnosed::{Diagnosed, WantedKind};

/// Two branches of one block each, on an execution chain.
const APART: &str = "
nodes a:geth b:geth c:besu
layer execution a b c
window poke send 5 5 a
sends poke 0xT1
block e1 genesis a
block e2 e1 a
block f2 e1 c
0 a b c head e1
5 begin poke
10 a b head e2
10 c head f2
";

fn judged(told: &str) -> ExpectationResult {
    let that = That::Agree(Agree { on: Subject::Head, depth: Some(2) });
    let result = judge_one(&format!("{APART}{told}\n30 ended complete\n"), When::AtEnd, that);
    assert_outcome(&result, Fail);
    result
}

fn header(fields: &str, transactions: &[&str]) -> String {
    let listed: Vec<String> = transactions.iter().map(|hash| format!("{{\"hash\": \"{hash}\"}}")).collect();
    let of = listed.len();
    format!(
        "{{\"header\": {{\"parentHash\": \"0xe1\", {fields}}}, \"transactions\": [{}], \"of\": {of}}}",
        listed.join(", ")
    )
}

/// Receipts of one transaction each: hash, status, gas used, number of logs.
fn receipts(all: &[(&str, &str, &str, usize)]) -> String {
    let listed: Vec<String> = all
        .iter()
        .map(|(hash, status, gas, logs)| {
            let logs = vec!["{\"data\": \"0x\"}"; *logs].join(", ");
            format!("{{\"transactionHash\": \"{hash}\", \"status\": \"{status}\", \"gasUsed\": \"{gas}\", \"logs\": [{logs}]}}")
        })
        .collect();
    format!("{{\"receipts\": [{}], \"of\": {}}}", listed.join(", "), all.len())
}

fn trace(cost: u64) -> String {
    format!(
        "{{\"transactions\": [{{\"hash\": \"0xt1\", \"steps\": [[0, \"PUSH1\", 100, 3, 1, null], [2, \"SLOAD\", 97, {cost}, \
         1, \"0x0\"]], \"of\": 2}}], \"of\": 1}}"
    )
}

/// What `a` tells of e2 and `c` of f2.
fn told(e2: &[(&str, String)], f2: &[(&str, String)]) -> String {
    let lines = |node: &str, block: &str, parts: &[(&str, String)]| {
        parts.iter().map(|(part, answer)| format!("20 {node} tells {block} {part} {answer}\n")).collect::<String>()
    };
    lines("a", "e2", e2) + &lines("c", "f2", f2)
}

#[track_caller]
fn says(result: &ExpectationResult, wanted: &str) {
    assert!(result.facts.iter().any(|fact| fact.contains(wanted)), "{wanted}: {:#?}", result.facts);
}

#[track_caller]
fn says_not(result: &ExpectationResult, unwanted: &str) {
    assert!(result.facts.iter().all(|fact| !fact.contains(unwanted)), "{unwanted}: {:#?}", result.facts);
}

#[test]
fn nothing_is_said_where_nobody_was_asked() {
    let result = judged("");
    assert_eq!(result.explanation.as_ref().unwrap().inspection, None);
    says_not(&result, "receipt");
    says_not(&result, "asked for");
}

#[test]
fn a_transaction_with_another_receipt_is_named_with_its_send_and_the_step() {
    let result = judged(&told(
        &[
            ("header", header(r#""stateRoot": "0x01", "gasUsed": "0x6978""#, &["0xT1", "0xT2"])),
            ("receipts", receipts(&[("0xT1", "0x1", "0x6978", 1), ("0xT2", "0x1", "0x5208", 0)])),
            ("trace", trace(2100)),
        ],
        &[
            ("header", header(r#""stateRoot": "0x02", "gasUsed": "0x5dc0""#, &["0xt1", "0xt2"])),
            ("receipts", receipts(&[("0xT1", "0x0", "0x5dc0", 0), ("0xT2", "0x1", "0x5208", 0)])),
            ("trace", trace(800)),
        ],
    ));
    let second = &result.facts[1];
    assert!(second.starts_with("transaction 0xt1 (sent by poke) has another receipt in each branch: "), "{second}");
    says(&result, "status 1 (success) in 0x653200…0000 and 0 (failure) in 0x663200…0000");
    says(&result, "gas used 27000 in 0x653200…0000 and 24000 in 0x663200…0000");
    says(&result, "logs 1 of them in 0x653200…0000 and 0 of them in 0x663200…0000");
    says(
        &result,
        "transaction 0xt1 (sent by poke): traces of a (in 0x653200…0000) and c (in 0x663200…0000) differ first at step 2, pc 2 SLOAD: gas cost 2100 and 800",
    );
    says(&result, "which have the same parent, differ in stateRoot (1 and 2), gasUsed (27000 and 24000)");
    let inspection = result.explanation.as_ref().unwrap().inspection.as_ref().unwrap();
    assert_eq!(inspection.same_parent, Some(true));
    assert_eq!(inspection.receipts.len(), 1, "the other transaction has the same receipt in both");
    assert_eq!(inspection.steps[0].transaction.entry.as_ref().unwrap().as_str(), "poke");
    assert_eq!(inspection.unanswered, Vec::<String>::new());
    assert!(result.evidence.len() >= 6, "the lines of the journal that say so");
}

#[test]
fn branches_of_the_same_transactions_are_told_apart_by_what_executing_them_gives() {
    let state = |root: &str, miner: &str| {
        header(&format!(r#""stateRoot": "{root}", "receiptsRoot": "0x5", "miner": "{miner}""#), &["0xT1"])
    };
    let result = judged(&told(&[("header", state("0xaa", "0x1"))], &[("header", state("0xbb", "0x1"))]));
    says(
        &result,
        "have the same parent and hold the same one transaction; of what executing them gives only the state root differs \
         (the maker differs too, which can change the state by itself)",
    );
    says(&result, "the receipts of 0x653200…0000");
    let result = judged(&told(&[("header", state("0xaa", "0x1"))], &[("header", state("0xbb", "0x2"))]));
    says(&result, "(miner differs too, which can change the state by itself)");
    let result = judged(&told(&[("header", state("0xaa", "0x1"))], &[("header", state("0xaa", "0x2"))]));
    says(&result, "what executing them gives is the same");
    says_not(&result, "only the state root differs");
}

#[test]
fn transactions_of_one_branch_alone_are_named() {
    let with = |transactions: &[&str]| header(r#""stateRoot": "0x1""#, transactions);
    let result = judged(&told(&[("header", with(&["0xT1", "0xT2"]))], &[("header", with(&["0xT2", "0xT3"]))]));
    says(
        &result,
        "1 transaction is in both blocks; only in 0x653200…0000: transaction 0xt1 (sent by poke); only in 0x663200…0000: \
         transaction 0xt3",
    );
    says_not(&result, "the same one transaction");
    let result = judged(&told(&[("header", with(&["0xT1", "0xT2"]))], &[("header", with(&["0xT2", "0xT1"]))]));
    says(&result, "hold the same 2 transactions in different orders");
    // What did not fit was not compared.
    let cut = with(&["0xT1"]).replace("\"of\": 1", "\"of\": 900");
    let result = judged(&told(&[("header", cut)], &[("header", with(&["0xT1"]))]));
    assert_eq!(result.explanation.unwrap().inspection.unwrap().transactions, None);
}

#[test]
fn what_was_not_told_is_said() {
    let told = "20 a tells e2 header {\"header\": {\"parentHash\": \"0xe1\"}, \"transactions\": [], \"of\": 0}\n\
                20 a untold e2 trace the method debug_traceBlockByHash does not exist\n\
                20 c untold f2 header timed out";
    let result = judged(told);
    says(
        &result,
        "the trace of 0x653200…0000 was asked of a and not told: the method debug_traceBlockByHash does not exist",
    );
    says(&result, "the header of 0x663200…0000 was asked of c and not told: timed out");
    says(&result, "nobody was asked for the receipts of 0x663200…0000");
    let half = judged(&format!("20 a tells e2 header {}", header(r#""stateRoot": "0x1""#, &[])));
    says(&half, "nobody was asked about 0x663200…0000");
    says_not(&result, "same parent,");
    says_not(&result, "the headers of");
}

#[test]
fn a_node_that_refused_the_block_of_another_traces_it_otherwise() {
    let text =
        format!("20 a tells e2 trace {}\n20 c tells e2 refused true\n20 c tells e2 trace {}", trace(2100), trace(800));
    let result = judged(&text);
    says(
        &result,
        "transaction 0xt1 (sent by poke): traces of a and c, both executing 0x653200…0000 differ first at step 2, pc 2 \
         SLOAD: gas cost 2100 and 800",
    );
    says(&result, "c lists 0x653200…0000 among its bad blocks");
    // The traces of the two blocks differ as well, which is no more news.
    let both = format!(
        "{text}\n20 a tells e2 receipts {}\n20 c tells f2 receipts {}\n20 c tells f2 trace {}",
        receipts(&[("0xT1", "0x1", "0x1", 0)]),
        receipts(&[("0xT1", "0x1", "0x2", 0)]),
        trace(800)
    );
    let inspection = judged(&both).explanation.unwrap().inspection.unwrap();
    assert_eq!((inspection.receipts.len(), inspection.steps.len()), (1, 1));
    assert_eq!(inspection.steps[0].first.block, inspection.steps[0].second.block);
}

#[test]
fn holders_of_one_block_whose_clients_trace_in_other_words_are_no_news() {
    let text = format!("20 a tells e2 trace {}\n20 b tells e2 trace {}", trace(2100), trace(2101));
    says_not(&judged(&text), "differ first");
}

#[test]
fn a_node_that_is_behind_because_it_refused_a_block_is_told_of() {
    let text = format!(
        "nodes a:geth b:geth c:besu\nlayer execution a b c\nblock e1 genesis a\nblock e2 e1 a\nblock e3 e2 a\n\
         block e4 e3 a\nblock e5 e4 a\n0 a b c head e1\n10 a b head e2\n12 a b head e3\n14 a b head e4\n16 a b head e5\n\
         20 a tells e2 trace {}\n20 c tells e2 refused true\n20 c tells e2 trace {}\n30 ended complete\n",
        trace(2100),
        trace(800)
    );
    let result = judge_one(&text, When::AtEnd, That::Agree(Agree { on: Subject::Head, depth: Some(2) }));
    assert_outcome(&result, Fail);
    says(&result, "both executing 0x653200…0000 differ first at step 2");
    says(&result, "c lists 0x653200…0000 among its bad blocks");
}

#[test]
fn a_diagnosis_names_the_transaction_whether_it_is_the_one_that_was_expected_or_not() {
    let diagnosis = |kind: WantedKind| That::Diagnosis(Diagnosed { kind, block: None, sides: Vec::new() });
    let one = |text: &str, kind: WantedKind, outcome| {
        let result = judge_one(text, When::AtEnd, diagnosis(kind));
        assert_outcome(&result, outcome);
        result
    };
    let parts = |status: &str| [("receipts", receipts(&[("0xT1", status, "0x1", 0)]))];
    let forked = format!("{APART}{}\n30 ended complete\n", told(&parts("0x1"), &parts("0x0")));
    let words = "transaction 0xt1 (sent by poke) has another receipt in each branch";
    let passed = one(&forked, WantedKind::Fork, Pass);
    assert!(passed.facts[0].starts_with(words), "{:#?}", passed.facts);
    assert!(passed.explanation.as_ref().unwrap().inspection.is_some());
    let failed = one(&forked, WantedKind::Halt, Fail);
    assert!(failed.facts[0].starts_with("found: fork"), "what was found comes first: {:#?}", failed.facts);
    assert!(failed.facts[1].starts_with(words), "{:#?}", failed.facts);
    let unasked = one(&format!("{APART}30 ended complete\n"), WantedKind::Fork, Pass);
    says_not(&unasked, "transaction");
    // Chains that met again are told of as they were.
    let healed = forked.replace("30 ended", "24 c head e2\n30 ended");
    says(&one(&healed, WantedKind::Fork, Pass), words);
}

#[test]
fn a_block_that_a_node_lists_as_bad_is_refused_by_name() {
    // go-ethereum prints the hash and the reason on lines of their own.
    let behind = |more: &str| {
        let text = format!(
            "nodes a:geth b:geth c:geth\npromises 1\nlayer execution a b c\nwindow poke send 5 5 a\nsends poke 0xT1\nblock e1 genesis a\n\
             block e2 e1 a\nblock e3 e2 a\nblock e4 e3 a\nblock e5 e4 a\n0 a b c head e1\n5 begin poke\n10 a b head e2\n\
             10 c log own:refusal Error: invalid merkle root\n{more}\n12 a b head e3\n14 a b head e4\n16 a b head e5\n\
             20 a tells e2 trace {}\n20 c tells e2 trace {}\n30 ended complete\n",
            trace(2100),
            trace(800)
        );
        let that = That::Diagnosis(Diagnosed { kind: WantedKind::BadBlock, block: None, sides: Vec::new() });
        judge_one(&text, When::AtEnd, that)
    };
    let unnamed = behind("");
    assert_outcome(&unnamed, Pass);
    assert!(unnamed.summary.contains("the log of c speaks of a refusal"), "{}", unnamed.summary);
    let hash = hash("e2");
    for more in [format!("10 c log own:refusal Hash: {hash}"), "11 c tells e2 refused true".to_owned()] {
        let named = behind(&more);
        assert_outcome(&named, Pass);
        assert!(named.summary.contains("c refuses 0x653200…0000"), "{}", named.summary);
        says(&named, "Error: invalid merkle root");
    }
    let refused = behind("11 c tells e2 refused true");
    says(&refused, "traces of a and c, both executing 0x653200…0000 differ first at step 2");
    // Asked twice, it is one node; the block's one transaction is named where it was told.
    let told = format!(
        "11 c tells e2 refused true\n11 c tells e2 refused true\n11 a tells e2 header {}",
        header("\"gasUsed\": \"0x1\"", &["0xT1"])
    );
    let twice = behind(&told);
    says(&twice, "c lists 0x653200…0000 among its bad blocks");
    says(&twice, "0x653200…0000 holds one transaction: transaction 0xt1 (sent by poke)");
    says_not(&refused, "holds one transaction");
    // Another node's list, and another block's place on it, say nothing of this one.
    for more in ["11 b tells e2 refused true", "11 c tells e3 refused true", "11 c tells e2 refused false"] {
        let unnamed = behind(more);
        assert!(!unnamed.summary.contains("c refuses"), "{more}: {}", unnamed.summary);
    }
}
