//! Checks as they are written in scenario files.

use super::super::{TABLE, That, ThatDocument};
use crate::text::{Sources, Sp, yaml};

/// Reads what stands under `that:`, or says what is wrong with it.
fn resolve(text: &str) -> Result<That, String> {
    let mut sources = Sources::new();
    let read = yaml::read::<Sp<ThatDocument>>(&mut sources, "that.yaml", text);
    let resolved = read.and_then(|document| document.value.resolve(document.span));
    resolved.map_err(|mistakes| sources.render_all(&mistakes, false))
}

#[track_caller]
fn phrase(text: &str) -> String {
    resolve(text).unwrap_or_else(|mistake| panic!("{mistake}")).phrase()
}

#[track_caller]
fn refused(text: &str, because: &str) {
    let mistake = resolve(text).expect_err("this is to be refused");
    assert!(mistake.contains(because), "{mistake}");
    assert!(mistake.contains("that.yaml:1:"), "it says where: {mistake}");
}

#[test]
fn every_check_is_read() {
    assert_eq!(phrase("ready: {within: 60s}"), "ready within 1m");
    assert_eq!(phrase("agree: {on: head}"), "agree on head");
    assert_eq!(phrase("agree: {on: head, depth: 0}"), "agree on head (depth 0)");
    assert_eq!(phrase("agree: {}"), "agree on head");
    assert_eq!(phrase("agree: {on: finalized}"), "agree on finalized");
    assert_eq!(phrase("agree: {on: {height: 40}, nodes: west}"), "agree on height 40");
    assert_eq!(phrase("diverge: {on: head, nodes: [west, east-0]}"), "diverge on head");
    assert_eq!(phrase("progress: {blocks: 30}"), "progress by 30 blocks");
    assert_eq!(phrase("progress: {blocks: 3, per: 10s}"), "progress by 3 blocks per 10s");
    assert_eq!(phrase("stall: {on: finalized, settle: 250ms}"), "stall on finalized");
    assert_eq!(phrase("finality: {lag: 3 epochs}"), "finality at most 3 epochs behind");
    assert_eq!(phrase("finality: {lag: 3}"), "finality at most 3 behind");
    assert_eq!(phrase("recover: {within: 30s}"), "recover within 30s");
    assert_eq!(phrase("peers: {min: 1}"), "at least 1 peer");
    assert_eq!(phrase("peers: {min: 2, max: 5}"), "2 to 5 peers");
    assert_eq!(phrase("reorg: {max_depth: 0}"), "no reorg");
    assert_eq!(phrase("log: {none: panic}"), "no panic in the logs");
    assert_eq!(phrase("log: {some: \"peer .* dropped\"}"), "/peer .* dropped/ in the logs");
    assert_eq!(phrase("log: {pattern: oops, count: 3}"), "/oops/ exactly 3 times in the logs");
    assert_eq!(phrase("log: {pattern: oops, min: 1, max: 2}"), "/oops/ 1 to 2 times in the logs");
    assert_eq!(phrase("exit: {none: true}"), "no process dies on its own");
    assert_eq!(phrase("diagnosis: {kind: bad_block, block: 7}"), "bad block at 7");
    assert_eq!(phrase("diagnosis: {kind: fork, block: \"0x1f3a90bc\"}"), "fork at 0x1f3a90bc");
    assert_eq!(phrase("diagnosis: {kind: none}"), "nothing is the matter");
}

#[test]
fn what_a_journal_holds_is_what_was_resolved() {
    for text in [
        "agree: {on: {height: 40}}",
        "finality: {lag: 3 epochs}",
        "progress: {blocks: 3, per: 10s}",
        "exit: {none: true}",
        "diagnosis: {kind: bad_block, block: \"0x1f3a90bc\"}",
        "diagnosis: {kind: one_side_goes_on}",
    ] {
        let that = resolve(text).unwrap();
        let json = serde_json::to_string(&that).unwrap();
        assert_eq!(serde_json::from_str::<That>(&json).unwrap(), that, "{json}");
    }
}

#[test]
fn mistakes_are_refused_with_their_place() {
    refused("agree: {on: tail}", "tail");
    refused("agree: {off: head}", "off");
    refused("progress: {blocks: 0}", "always holds");
    refused("progress: {blocks: 3, per: 0s}", "longer than nothing");
    refused("finality: {lag: 2 weeks}", "weeks");
    refused("peers: {}", "needs a bound");
    refused("peers: {min: 5, max: 2}", "no number is at least 5 and at most 2");
    refused("log: {}", "exactly one of");
    refused("log: {none: a, some: b}", "exactly one of");
    refused("log: {none: a, max: 3}", "goes with `pattern`");
    refused("log: {pattern: a}", "needs a number");
    refused("log: {pattern: a, min: 3, max: 1}", "exclude each other");
    refused("log: {none: \"(\"}", "no regular expression");
    refused("log: {none: \"\"}", "empty pattern");
    refused("exit: {none: false}", "must be `true`");
}

#[test]
fn known_words_that_are_not_built_say_so() {
    for word in
        ["mesh: {connected: true}", "dissemination: {p99: 1s}", "metric: {name: x}", "http: {}", "run: {command: x}"]
    {
        refused(word, "not built yet");
    }
    refused("agre: {on: head}", "agree");
}

#[test]
fn the_schema_lists_what_is_built() {
    let schema = serde_json::to_string(&schemars::schema_for!(ThatDocument)).unwrap();
    for entry in TABLE {
        assert!(schema.contains(&format!("\"{}\"", entry.keyword)), "{}", entry.keyword);
    }
    assert!(!schema.contains("Unbuilt"), "words that are not built have no parameters");
}
