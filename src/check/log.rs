//! `log`: what stands in nodes' logs, or does not.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Outcome;
use super::diagnosis::REFUSAL;
use super::history::{History, Mark};
use super::intervals::Interval;
use super::judge::{Case, Judgement};
use super::verdict::per_node;
use crate::text::{Diagnostic, Sp, Span};
use crate::topology::Targets;

/// The word that stands for the patterns of each client's manifest that mean that it is broken.
pub const PANIC: &str = "panic";

/// Lines of logs. One of `none`, `some`, or `pattern` with a number.
///
/// A pattern is a regular expression that may match anywhere in a line; the word `panic` stands for the patterns of each
/// client's manifest that mean that the node is broken. Lines of all nodes together are counted, each line once. A node
/// whose manifest has no such patterns makes the answer for `panic` unknown: name the others with `nodes`.
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
        case.count(0, |span| self.judge_span(case, span))
    }

    fn judge_span(&self, case: &Case<'_, '_>, span: &Interval) -> Judgement {
        let history = case.history;
        let (mut found, mut by_node, mut open) = (Vec::new(), Vec::new(), Vec::new());
        let (mut least, mut most) = (0_u64, Some(0_u64));
        for &node in &case.nodes {
            let lines = self.lines(history, node, span);
            if self.is_manifest()
                && history.nodes[node].record.has_panic_patterns != Some(true)
                && lines.marks.is_empty()
            {
                open.push(without_patterns(history, node));
                most = None;
            }
            if let Some(why) = lines.open {
                open.push(why);
            }
            by_node.push((history.name(node).clone(), lines.least));
            least += lines.least;
            most = most.zip(lines.most).map(|(sum, more)| sum + more);
            found.extend(lines.marks.into_iter().map(|mark| (mark.at, mark.seq, node, mark.line, mark.number)));
        }
        found.sort_unstable();
        let what = if self.is_manifest() {
            "that mean a broken node".to_owned()
        } else {
            format!("that match /{}/", self.pattern)
        };
        let exact = most == Some(least);
        let lines = match (least, exact) {
            (0, _) => format!("no lines {what}"),
            (1, true) => format!("1 line {what}"),
            (_, true) => format!("{least} lines {what}"),
            (_, false) => format!("at least {least} lines {what}"),
        };
        let too_many = self.max.is_some_and(|max| least > max);
        let enough = least >= self.min;
        let never_too_many = self.max.is_none_or(|max| most.is_some_and(|most| most <= max));
        // Journals that promise nothing may have lost lines.
        let too_few = history.run.promises > 0 && most.is_some_and(|most| most < self.min);
        // More lines may come, fewer may not: a bound from above that is broken stays broken, one from below that is
        // met stays met.
        let (outcome, summary) = match &span.cut_short {
            _ if too_many => (Outcome::Fail, lines),
            Some(reason) if self.max.is_some() || !enough => {
                (Outcome::Unknown, format!("{lines} so far, but {reason}"))
            }
            None if too_few => (Outcome::Fail, lines),
            _ if enough && never_too_many => (Outcome::Pass, lines),
            _ => match open.first() {
                Some(why) => (Outcome::Unknown, format!("cannot be told: {why}")),
                None => (Outcome::Unknown, format!("{lines}, but not every line was counted")),
            },
        };
        let mut judgement =
            Judgement::new(outcome, summary).figure("lines", least).figure("lines_by_node", per_node(by_node));
        if !exact && let Some(most) = most {
            judgement = judgement.figure("lines_at_most", most);
        }
        if outcome != Outcome::Pass || self.min > 0 {
            for (at, seq, node, line, number) in found.iter().take(10) {
                let name = history.name(*node);
                judgement.facts.push(format!("{name}, line {number} of its log, {}: {line}", history.moment(*at)));
                judgement.evidence.push(*seq);
            }
        }
        if outcome == Outcome::Unknown {
            judgement.facts.extend(open.into_iter().filter(|why| !judgement.summary.contains(why.as_str())));
        }
        judgement.moment = found.first().map(|mark| mark.0);
        judgement
    }

    /// Whether the manifests' patterns are meant.
    fn is_manifest(&self) -> bool {
        self.pattern == PANIC
    }

    /// The lines of one node in a time. A line counts once, whatever number of a manifest's patterns it matches.
    fn lines<'a>(&self, history: &History<'a>, node: usize, span: &Interval) -> Lines<'a> {
        let old = history.run.promises == 0;
        let own = |mark: &&Mark<'a>| {
            mark.pattern == self.pattern
                && if old {
                    // Older journals give a manifest's refusals the same name as a scenario's pattern `refusal`.
                    self.is_manifest() || self.pattern != REFUSAL || mark.line.contains(REFUSAL)
                } else {
                    mark.manifest == self.is_manifest()
                }
        };
        let all: Vec<Mark<'a>> = history.nodes[node].marks.iter().filter(own).copied().collect();
        let mut marks: Vec<Mark<'a>> =
            all.iter().filter(|mark| (span.from..=span.to).contains(&mark.at)).copied().collect();
        let mut numbers = BTreeSet::new();
        marks.retain(|mark| numbers.insert(mark.number));
        let marked = marks.len() as u64;
        if old {
            let name = history.name(node);
            let full = all.len() >= MARKS_OF_OLD;
            let open = full.then(|| format!("{name} has {} such lines or more: no more were written down", all.len()));
            return Lines { least: marked, most: (!full).then_some(marked), marks, open };
        }
        let counts = history.nodes[node].counts.iter();
        let counts: Vec<(u64, u64)> = counts
            .filter(|count| count.1 == self.pattern && count.2 == self.is_manifest())
            .map(|count| (count.0, count.3))
            .collect();
        let (least, most) = counted(history, &counts, &all, span);
        let least = least.max(marked);
        let name = history.name(node);
        let open = match most {
            None => Some(format!("the journal does not say how many lines of {name} matched")),
            Some(most) if most > least => Some(format!("{name} has {least} to {most} such lines")),
            Some(_) => None,
        };
        Lines { least, most: most.map(|most| most.max(least)), marks, open }
    }
}

/// Totals that have changed are written at least this often, in microseconds: once a second, on a busy machine later.
const BEAT: u64 = 2_000_000;

/// So many marks of a pattern and node were written at most into journals that promise nothing; what came after them, and
/// what a full channel dropped, was not counted.
const MARKS_OF_OLD: usize = 100;

/// What is known of a node's matching lines in a time.
struct Lines<'a> {
    marks: Vec<Mark<'a>>,
    least: u64,
    /// None if there may be any number more.
    most: Option<u64>,
    /// What is not known.
    open: Option<String>,
}

/// Bounds of the number of lines in a time. A line with a mark has its own instant. How many had none by some moment is told
/// by totals that were written down now and then; between two of them such a line may lie anywhere.
fn counted(history: &History<'_>, counts: &[(u64, u64)], marks: &[Mark<'_>], span: &Interval) -> (u64, Option<u64>) {
    if counts.is_empty() {
        return (0, None);
    }
    let mut seen = BTreeSet::new();
    let marked: Vec<u64> = marks.iter().filter(|mark| seen.insert(mark.number)).map(|mark| mark.at).collect();
    let without_mark =
        |&(at, total): &(u64, u64)| total.saturating_sub(marked.iter().filter(|&&mark| mark <= at).count() as u64);
    let least = |at: u64| counts.iter().filter(|count| count.0 <= at).map(without_mark).max().unwrap_or(0);
    let most = |at: u64| match counts.iter().find(|count| count.0 >= at) {
        // A total is written at the next beat after it changed: what is further away than that changed nothing yet.
        Some(next) if next.0 <= at + BEAT => Some(without_mark(next).max(least(at))),
        Some(_) => Some(least(at)),
        // When a timeline ends, the last totals are of the whole logs.
        None => (history.ended.is_some() || history.end >= at + BEAT).then(|| least(at)),
    };
    let within = marked.iter().filter(|&mark| (span.from..=span.to).contains(mark)).count() as u64;
    let before = |bound: &dyn Fn(u64) -> Option<u64>| if span.from == 0 { Some(0) } else { bound(span.from - 1) };
    let (before_least, before_most) = (before(&|at| Some(least(at))), before(&most));
    let sure = before_most.map_or(0, |before| least(span.to).saturating_sub(before));
    let possible = most(span.to).zip(before_least).map(|(to, before)| to.saturating_sub(before));
    (within + sure, possible.map(|possible| within + possible))
}

fn without_patterns(history: &History<'_>, node: usize) -> String {
    let record = history.nodes[node].record;
    match record.has_panic_patterns {
        Some(_) => format!(
            "the manifest of {} has no `panic` patterns, so nothing was looked for at {}",
            record.client, record.name
        ),
        None => format!(
            "the journal does not say whether {} has `panic` patterns that were looked for at {}",
            record.client, record.name
        ),
    }
}
