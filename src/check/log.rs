//! `log`: what stands in nodes' logs, or does not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Outcome;
use super::judge::{Case, Judgement};
use super::moments::Interval;
use super::verdict::per_node;
use crate::text::{Diagnostic, Sp, Span};
use crate::topology::Targets;

/// The word that stands for the patterns of each client's manifest that mean that it is broken.
pub const PANIC: &str = "panic";

/// Lines of logs. One of `none`, `some`, or `pattern` with a number.
///
/// A pattern is a regular expression that may match anywhere in a line; the word `panic` stands for the patterns of each
/// client's manifest that mean that the node is broken. Lines of all nodes together are counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogDocument {
    /// No line matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub none: Option<Sp<String>>,
    /// At least one line matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub some: Option<Sp<String>>,
    /// Counted lines: with `count`, or `min` and `max`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Sp<String>>,
    /// Exactly so many lines match `pattern`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Sp<u64>>,
    /// At least so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Sp<u64>>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Sp<u64>>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `log`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The pattern as asked for: what `LogMark` events carry.
    pub pattern: String,
    /// At least so many lines.
    pub min: u64,
    /// At most so many, if there is a bound.
    pub max: Option<u64>,
}

impl LogDocument {
    pub(super) fn resolve(&self, place: Span) -> Result<Log, Vec<Diagnostic>> {
        let value = |number: &Option<Sp<u64>>| number.as_ref().map(|number| number.value);
        let numbers = [&self.count, &self.min, &self.max];
        let (pattern, min, max) = match (&self.none, &self.some, &self.pattern) {
            (Some(pattern), None, None) => (pattern, 0, Some(0)),
            (None, Some(pattern), None) => (pattern, 1, None),
            (None, None, Some(pattern)) => match (value(&self.count), value(&self.min), value(&self.max)) {
                (Some(count), None, None) => (pattern, count, Some(count)),
                (None, None, None) => {
                    return Err(vec![
                        Diagnostic::error("`pattern` needs a number").at(pattern.span, "how many lines?").help(
                            "add `count: N`, `min: N` or `max: N`, or write `none:` or `some:` instead of `pattern:`",
                        ),
                    ]);
                }
                (None, min, max) if max.is_none_or(|max| min.unwrap_or(0) <= max) => (pattern, min.unwrap_or(0), max),
                _ => {
                    return Err(vec![
                        Diagnostic::error("these numbers of lines exclude each other")
                            .at(place, "`count` alone, or `min` not above `max`"),
                    ]);
                }
            },
            _ => {
                return Err(vec![
                    Diagnostic::error("`log` needs exactly one of `none`, `some` and `pattern`")
                        .at(place, "")
                        .help("for example `log: {none: panic}` or `log: {pattern: \"peer dropped\", max: 3}`"),
                ]);
            }
        };
        let mut mistakes = Vec::new();
        if self.pattern.is_none() {
            for number in numbers.into_iter().flatten() {
                mistakes.push(
                    Diagnostic::error("a number of lines goes with `pattern`")
                        .at(number.span, "")
                        .help("write `pattern:` instead of `none:` or `some:`"),
                );
            }
        }
        if pattern.value != PANIC {
            mistakes.extend(check_pattern(pattern, "every line"));
        }
        if mistakes.is_empty() { Ok(Log { pattern: pattern.value.clone(), min, max }) } else { Err(mistakes) }
    }
}

/// Why this is no pattern to look for; `everything` is what an empty one would match.
pub(super) fn check_pattern(pattern: &Sp<String>, everything: &str) -> Option<Diagnostic> {
    if pattern.value.is_empty() {
        return Some(Diagnostic::error(format!("an empty pattern matches {everything}")).at(pattern.span, ""));
    }
    let error = regex::Regex::new(&pattern.value).err()?.to_string();
    let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Some(Diagnostic::error("this is no regular expression").at(pattern.span, reason))
}

impl Log {
    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        match case.spans(0) {
            Ok(spans) => Case::together(spans.iter().map(|span| self.judge_span(case, span)).collect()),
            Err(judgement) => judgement,
        }
    }

    fn judge_span(&self, case: &Case<'_, '_>, span: &Interval) -> Judgement {
        let history = case.history;
        let (mut found, mut by_node) = (Vec::new(), Vec::new());
        for &node in &case.nodes {
            let marks = history.nodes[node].marks.iter();
            let mine: Vec<_> = marks
                .filter(|mark| mark.2 == self.pattern && (span.from..=span.to).contains(&mark.0))
                .map(|&(at, seq, _, line, number)| (at, seq, node, line, number))
                .collect();
            by_node.push((history.name(node).clone(), mine.len() as u64));
            found.extend(mine);
        }
        found.sort_unstable();
        let count = found.len() as u64;
        let what = if self.pattern == PANIC {
            "that mean a broken node".to_owned()
        } else {
            format!("that match /{}/", self.pattern)
        };
        let lines = match count {
            0 => format!("no lines {what}"),
            1 => format!("1 line {what}"),
            _ => format!("{count} lines {what}"),
        };
        // More lines may come, fewer may not: a bound from above that is broken stays broken, one from below that is
        // met stays met.
        let (outcome, summary) = match &span.cut_short {
            _ if self.max.is_some_and(|max| count > max) => (Outcome::Fail, lines),
            None if count < self.min => (Outcome::Fail, lines),
            Some(reason) if self.max.is_some() || count < self.min => {
                (Outcome::Unknown, format!("{lines} so far, but {reason}"))
            }
            _ => (Outcome::Pass, lines),
        };
        let mut judgement =
            Judgement::new(outcome, summary).figure("lines", count).figure("lines_by_node", per_node(by_node));
        if outcome != Outcome::Pass || self.min > 0 {
            for (at, seq, node, line, number) in found.iter().take(10) {
                let name = history.name(*node);
                judgement.facts.push(format!("{name}, line {number} of its log, {}: {line}", history.moment(*at)));
                judgement.evidence.push(*seq);
            }
        }
        judgement.moment = found.first().map(|mark| mark.0);
        judgement
    }
}
