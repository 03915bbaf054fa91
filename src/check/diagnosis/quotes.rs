//! What clients say themselves: lines of their logs that mean that they refuse something, or that they are broken.

use serde::{Deserialize, Serialize};

use super::super::block_differences::Told;
use super::super::history::{History, Mark};
use super::super::log::PANIC;
use crate::action::NodeName;

/// The pattern of log marks by which clients say that they refuse something.
pub(crate) const REFUSAL: &str = "refusal";
/// Refusals from so shortly before a trouble began belong to it: heads are sampled, log lines are not. In microseconds.
const BEFORE: u64 = 10_000_000;
/// How many lines are quoted.
const KEPT: usize = 3;
/// How many lines are quoted of each side.
const KEPT_OF_SIDE: usize = 2;
/// Lines that a client writes within so long belong to one report. In microseconds.
const AT_ONCE: u64 = 2_000_000;
/// So many digits of a hash in a log name a block.
const DIGITS: usize = 6;

/// A line of a client's own log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// Whose.
    pub node: NodeName,
    /// When it was read, in microseconds since the run started.
    pub at: u64,
    /// The line.
    pub line: String,
    /// Its number in `logs/<node>.log`.
    pub number: u64,
    /// Line of the journal.
    pub seq: u64,
}

impl Quote {
    /// `west-0 says (logs/west-0.log:7): …`.
    pub(crate) fn text(&self) -> String {
        format!("{} says (logs/{}.log:{}): {}", self.node, self.node, self.number, self.line.trim())
    }
}

/// A refusal of each of these nodes and their mates within a time; where there are none, what says that they are broken.
pub(crate) fn of(history: &History<'_>, nodes: &[usize], from: u64, to: u64) -> Vec<Quote> {
    for pattern in [REFUSAL, PANIC] {
        let mut quotes = in_pattern(history, nodes, pattern, &[], from, to);
        if !quotes.is_empty() {
            quotes.truncate(KEPT);
            return quotes;
        }
    }
    Vec::new()
}

/// Refusals of the nodes of each side, so that every side that says something is quoted; those that name one of these
/// blocks first.
pub(crate) fn of_sides(history: &History<'_>, sides: &[Vec<usize>], hashes: &[&str], from: u64, to: u64) -> Vec<Quote> {
    let mut each: Vec<_> =
        sides.iter().map(|nodes| in_pattern(history, nodes, REFUSAL, hashes, from, to).into_iter()).collect();
    let mut quotes = Vec::new();
    for _ in 0..KEPT_OF_SIDE {
        quotes.extend(each.iter_mut().filter_map(Iterator::next));
    }
    quotes
}

/// One line of each of these nodes and their mates that matched a pattern within a time.
fn in_pattern(
    history: &History<'_>,
    nodes: &[usize],
    pattern: &str,
    hashes: &[&str],
    from: u64,
    to: u64,
) -> Vec<Quote> {
    let from = from.saturating_sub(BEFORE);
    let mut family: Vec<usize> = nodes.iter().flat_map(|&node| history.mates(node)).collect();
    family.sort_unstable();
    family.dedup();
    let mut quotes: Vec<Quote> =
        family.iter().filter_map(|&node| best(history, node, pattern, hashes, from, to)).collect();
    let names_one = |quote: &Quote| hashes.iter().any(|hash| names_block(&quote.line, hash));
    quotes.sort_by_key(|quote| (!names_one(quote), quote.seq));
    quotes
}

/// Lines of a node's log that matched a pattern within a time: instant, line of the journal, the line, its number.
fn lines<'h>(
    history: &'h History<'_>,
    node: usize,
    pattern: &'h str,
    from: u64,
    to: u64,
) -> impl Iterator<Item = (u64, u64, &'h str, u64)> {
    let marks = history.nodes[node].marks.iter();
    // Journals that promise nothing do not tell a manifest's patterns from those of a scenario.
    let old = history.run.promises == 0;
    let own = move |mark: &&Mark<'h>| (mark.manifest || old) && mark.pattern == pattern;
    let marks = marks.filter(own).filter(move |mark| (from..=to).contains(&mark.at));
    marks.map(|mark| (mark.at, mark.seq, mark.line, mark.number))
}

/// The line that says most among those that a client wrote at once about one thing: the first that names a block that is
/// asked for, or else the first of all, and what stands next to it. Clients print reports of many lines, of which the
/// first is a banner and a later one has the reason.
fn best(history: &History<'_>, node: usize, pattern: &str, hashes: &[&str], from: u64, to: u64) -> Option<Quote> {
    let names_one = |line: &str| hashes.iter().any(|hash| names_block(line, hash));
    let start = lines(history, node, pattern, from, to).find(|mark| names_one(mark.2));
    let start = start.or_else(|| lines(history, node, pattern, from, to).next())?.0;
    let near = lines(history, node, pattern, from, to).filter(|mark| mark.0.abs_diff(start) <= AT_ONCE);
    let telling = near.filter(|mark| mark.2.chars().any(char::is_alphabetic));
    let best = telling.max_by_key(|&(_, seq, line, _)| {
        (!is_banner(line), gives_reason(line), names_one(line), std::cmp::Reverse(seq))
    });
    let (at, seq, line, number) = best?;
    Some(Quote { node: history.name(node).clone(), at, line: line.to_owned(), number, seq })
}

/// Whether a line is the rule above or below a report: `########## BAD BLOCK #########`.
fn is_banner(line: &str) -> bool {
    ["####", "====", "****", "----", "~~~~"].iter().any(|rule| line.contains(rule))
}

/// Whether a line says why.
fn gives_reason(line: &str) -> bool {
    let line = line.to_lowercase();
    ["error", "err=", "reason", "invalid", "mismatch", "because", "wrong", "failed", "too ", "bad-"]
        .iter()
        .any(|word| line.contains(word))
}

/// Which of these nodes refused something within a time, by their own logs or those of their mates.
pub(crate) fn refusers(history: &History<'_>, nodes: &[usize], from: u64, to: u64) -> Vec<usize> {
    refusers_in_words(history, nodes, from, to, |_| true)
}

/// The same, by lines that may be meant.
fn refusers_in_words(
    history: &History<'_>,
    nodes: &[usize],
    from: u64,
    to: u64,
    may_be_meant: impl Fn(&str) -> bool,
) -> Vec<usize> {
    let from = from.saturating_sub(BEFORE);
    let refuses = |&node: &usize| {
        let mates = history.mates(node).into_iter();
        mates.flat_map(|mate| lines(history, mate, REFUSAL, from, to)).any(|mark| may_be_meant(mark.2))
    };
    nodes.iter().copied().filter(refuses).collect()
}

/// Whether a node's log, or one of its mates', names this block in a line of refusal within a time, or one of them lists it
/// among its bad blocks.
pub(crate) fn refuses_block(history: &History<'_>, node: usize, hash: &str, from: u64, to: u64) -> bool {
    let from = from.saturating_sub(BEFORE);
    history.mates(node).into_iter().any(|mate| {
        let lists = |told: &Told<'_>| {
            let is_refused = told.part == "refused" && told.answer == Some(&serde_json::Value::Bool(true));
            is_refused && told.node == history.name(mate) && told.hash.eq_ignore_ascii_case(hash)
        };
        lines(history, mate, REFUSAL, from, to).any(|mark| names_block(mark.2, hash))
            || history.inspected.iter().any(lists)
    })
}

/// Which of these nodes refused something that may be a block in which chains parted at this height: a line that names a
/// block of the run above it, and none at or below it, speaks of another dispute.
pub(crate) fn refusers_at(history: &History<'_>, nodes: &[usize], height: u64, from: u64, to: u64) -> Vec<usize> {
    let chain = &history.chain;
    refusers_in_words(history, nodes, from, to, |line| {
        let mut named = chain.all().filter(|&block| names_block(line, chain.hash(block))).peekable();
        named.peek().is_none() || named.any(|block| !chain.is_known(block) || chain.height(block) <= height)
    })
}

/// Whether a line of a log speaks of a block: clients print hashes whole, or cut after the first digits. Zeros at the
/// beginning, which hashes of mined blocks have in common, do not count.
pub(crate) fn names_block(line: &str, hash: &str) -> bool {
    let hash = hash.strip_prefix("0x").unwrap_or(hash).to_ascii_lowercase();
    let line = line.to_ascii_lowercase().replace("0x", " ");
    let words = line.split(|letter: char| !letter.is_ascii_hexdigit());
    words.into_iter().any(|word| word.trim_start_matches('0').len() >= DIGITS && hash.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_named_by_its_hash_or_its_first_digits() {
        let hash = "0x00000000d1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c";
        for line in [
            "Rejected block 00000000d1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c from peer: bad script",
            "BAD BLOCK hash=0x00000000d1a2b3..192a3b",
            "refused block 00000000D1A2B3C4D5E6F708192A3B4C5D6E7F8091A2B3C4D5E6F708192A3B4C",
        ] {
            assert!(names_block(line, hash), "{line}");
        }
        for line in [
            "refused 00000000 and 000000000000",
            "refused 00000000d1",
            "refused d1a2b3c4d5e6",
            "refused 00000000d1a2b3c4ffff",
            "state root 99d1a2b3c4d5e6f708",
            "",
        ] {
            assert!(!names_block(line, hash), "{line}");
        }
    }
}
