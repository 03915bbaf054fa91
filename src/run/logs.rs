//! Watches nodes' logs while they are written: patterns that somebody asked for, and each node's last lines.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use regex::{Regex, RegexSet};
use tokio::sync::mpsc;

use super::escapes::without_escapes;
use crate::action::NodeName;
use crate::backend::{LineWatcher, LogLine, LogStream};
use crate::journal::What;
use crate::journal::shown::printable;
use crate::plan::Plan;

/// The journal's word for patterns of a manifest that mean "broken"; scenarios ask for them by it.
const PANIC: &str = "panic";
/// The journal's word for patterns by which a client says that it refuses something.
const REFUSAL: &str = "refusal";
/// Lines kept of each node, for the message when it dies.
const LAST_LINES: usize = 20;
/// Lines kept of its standard error besides: a manual on standard output can push the one line that matters out of those.
const LAST_ERRORS: usize = 5;
/// Longest part of a line that is journalled or kept, in characters; the whole line is matched.
const LINE_LENGTH: usize = 500;
/// So much of what stands before a match is shown where the beginning of the line does not hold it, in characters.
const BEFORE_MATCH: usize = 150;
/// Marks of one pattern and node that are journalled; a node that prints its panic in a loop fills no disk twice. Further
/// lines are counted.
const MARKS_EACH: u64 = 100;

/// What is known of the nodes' logs.
#[derive(Clone, Debug)]
pub(super) struct LogWatch {
    nodes: Arc<BTreeMap<NodeName, NodeWatch>>,
}

#[derive(Debug)]
struct NodeWatch {
    set: RegexSet,
    /// Each pattern of the set by itself: where in a line it matches.
    each: Vec<Regex>,
    /// Which subject each pattern of the set stands for.
    subject_of: Vec<usize>,
    subjects: Vec<Subject>,
    state: Mutex<State>,
}

/// What is looked for: a pattern that somebody asked for, or all patterns of a kind that a manifest has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subject {
    /// Name in the journal.
    pattern: String,
    manifest: bool,
}

#[derive(Debug, Default)]
struct State {
    /// The last lines and their numbers.
    last: VecDeque<(u64, String)>,
    /// The last of them that came from standard error, where the backend knows.
    errors: VecDeque<(u64, String)>,
    /// How often each subject was met.
    counts: Vec<Count>,
    /// Subjects that the line that has begun was counted for: a line is one line for each, however often it matches.
    met: BTreeSet<usize>,
    /// What comes now is after the end of the timeline.
    closed: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    lines: u64,
    /// Lines that got a mark of their own.
    marked: u64,
    /// The number that the journal was told last.
    told: u64,
}

impl LogWatch {
    /// Watches for the manifests' `panic` and `refusals` patterns and for these further ones. Patterns were checked when they were
    /// read; one that does not compile now is taken literally.
    pub(super) fn new(plan: &Plan, patterns: &[String]) -> Self {
        let nodes = plan
            .nodes
            .iter()
            .map(|node| (node.process.name.clone(), NodeWatch::new(&node.panic, &node.refusals, patterns)));
        Self { nodes: Arc::new(nodes.collect()) }
    }

    /// The callback for the log sink. Marks go into `marks`; when that is full (the engine is behind by thousands of
    /// marks) further lines are only counted.
    pub(super) fn watcher(&self, marks: mpsc::Sender<What>) -> LineWatcher {
        let nodes = Arc::clone(&self.nodes);
        Arc::new(move |node, line| {
            if let Some(watch) = nodes.get(node) {
                watch.take(node, line, &marks);
            }
        })
    }

    /// Counts that the journal's marks lag behind and that it has not been told yet.
    pub(super) fn counts_ahead_of_marks(&self) -> Vec<What> {
        self.counts(false, |count| count.lines > count.marked && count.lines != count.told)
    }

    /// Every count, also where nothing was found. What comes later is neither counted nor marked: marks that were sent
    /// before are all there are.
    pub(super) fn close(&self) -> Vec<What> {
        self.counts(true, |_| true)
    }

    fn counts(&self, close: bool, wanted: impl Fn(&Count) -> bool) -> Vec<What> {
        let mut told = Vec::new();
        for (node, watch) in self.nodes.iter() {
            let mut state = watch.state.lock().expect("never poisoned: nothing under it panics");
            state.closed |= close;
            for (subject, count) in watch.subjects.iter().zip(&mut state.counts) {
                if wanted(count) {
                    count.told = count.lines;
                    let Subject { pattern, manifest } = subject.clone();
                    told.push(What::LogCount { node: node.clone(), pattern, manifest, lines: count.lines });
                }
            }
        }
        told
    }

    /// A node's last lines, newest last; after them the last ones of its standard error that do not stand among them.
    pub(super) fn last_lines(&self, node: &NodeName) -> Vec<String> {
        self.nodes.get(node).map_or_else(Vec::new, |watch| {
            let state = watch.state.lock().expect("never poisoned: nothing under it panics");
            let first = state.last.front().map_or(0, |line| line.0);
            let pushed_out = state.errors.iter().filter(|line| line.0 < first);
            state.last.iter().chain(pushed_out).map(|line| line.1.clone()).collect()
        })
    }
}

impl NodeWatch {
    fn new(panic: &[String], refusals: &[String], asked: &[String]) -> Self {
        let of_manifest = |word: &str| Subject { pattern: word.to_owned(), manifest: true };
        let panic = panic.iter().map(|pattern| (of_manifest(PANIC), pattern));
        let refusals = refusals.iter().map(|pattern| (of_manifest(REFUSAL), pattern));
        let asked = asked.iter().filter(|pattern| *pattern != PANIC);
        let asked = asked.map(|pattern| (Subject { pattern: pattern.clone(), manifest: false }, pattern));
        let (mut subjects, mut subject_of, mut patterns) = (Vec::<Subject>::new(), Vec::new(), Vec::new());
        for (subject, pattern) in panic.chain(refusals).chain(asked) {
            let place = subjects.iter().position(|known| *known == subject).unwrap_or(subjects.len());
            if place == subjects.len() {
                subjects.push(subject);
            }
            subject_of.push(place);
            patterns.push(pattern);
        }
        let escaped = || patterns.iter().map(|pattern| regex::escape(pattern)).collect::<Vec<_>>();
        let set =
            RegexSet::new(&patterns).unwrap_or_else(|_| RegexSet::new(escaped()).expect("escaped text is a regex"));
        let each = set.patterns().iter().filter_map(|pattern| Regex::new(pattern).ok()).collect();
        let state = State { counts: vec![Count::default(); subjects.len()], ..State::default() };
        Self { set, each, subject_of, subjects, state: Mutex::new(state) }
    }

    fn take(&self, node: &NodeName, line: LogLine<'_>, marks: &mpsc::Sender<What>) {
        let text = without_escapes(line.text);
        let found = self.subjects_in(&text, line);
        let first = |subject| self.part_with_match(&text, line, subject);
        let mut state = self.state.lock().expect("never poisoned: nothing under it panics");
        let shown = || printable(&text.chars().take(LINE_LENGTH).collect::<String>()).into_owned();
        for subject in found {
            if state.closed || !state.met.insert(subject) {
                continue;
            }
            let count = &mut state.counts[subject];
            count.lines += 1;
            if count.marked < MARKS_EACH {
                let Subject { pattern, manifest } = self.subjects[subject].clone();
                let mark =
                    What::LogMark { node: node.clone(), pattern, manifest, line: first(subject), number: line.number };
                count.marked += u64::from(marks.try_send(mark).is_ok());
            }
        }
        if line.complete {
            state.met.clear();
        }
        // Manuals are full of empty lines; they would push out what tells something. Of a very long line the beginning is
        // enough.
        if text.trim().is_empty() || line.repeated > 0 {
            return;
        }
        if line.stream == LogStream::Errors {
            keep_last(&mut state.errors, LAST_ERRORS, (line.number, shown()));
        }
        keep_last(&mut state.last, LAST_LINES, (line.number, shown()));
    }

    /// What is found in a line, or in a piece of a very long one. The borders of a piece are no ends of a line: `^` and `$`
    /// do not match there.
    fn subjects_in(&self, text: &str, line: LogLine<'_>) -> BTreeSet<usize> {
        let (text, from) = as_matched(text, line);
        self.set.matches_at(&text, from).into_iter().map(|pattern| self.subject_of[pattern]).collect()
    }

    /// The beginning of a line, or, where that does not hold what was found, the part around it.
    fn part_with_match(&self, text: &str, line: LogLine<'_>, subject: usize) -> String {
        let (matched, from) = as_matched(text, line);
        let patterns = self.each.iter().zip(&self.subject_of).filter(|(_, of)| **of == subject);
        let first = patterns.filter_map(|(pattern, _)| pattern.find_at(&matched, from)).min_by_key(regex::Match::end);
        let chars = |bytes: usize| text.get(..bytes).map_or(0, |part| part.chars().count());
        match first.map(|found| (chars(found.start()), chars(found.end().min(text.len())))) {
            Some((start, end)) if end > LINE_LENGTH => {
                let part = text.chars().skip(start.saturating_sub(BEFORE_MATCH)).take(LINE_LENGTH - 1);
                std::iter::once('…').chain(part).collect()
            }
            _ => text.chars().take(LINE_LENGTH).collect(),
        }
    }
}

/// A line as patterns are given it, and from where on they may match.
fn as_matched<'t>(text: &'t str, line: LogLine<'_>) -> (Cow<'t, str>, usize) {
    let from = if line.repeated > 0 { text.chars().next().map_or(0, char::len_utf8) } else { 0 };
    (if line.complete { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\n")) }, from)
}

fn keep_last<T>(lines: &mut VecDeque<T>, most: usize, line: T) {
    if lines.len() == most {
        lines.pop_front();
    }
    lines.push_back(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(panic: &[&str], refusals: &[&str], asked: &[&str], room: usize) -> (LogWatch, Feed) {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let node = NodeWatch::new(&owned(panic), &owned(refusals), &owned(asked));
        let watch = LogWatch { nodes: Arc::new(BTreeMap::from([(NodeName::new("a"), node)])) };
        let (sender, marks) = mpsc::channel(room);
        (watch.clone(), Feed { watcher: watch.watcher(sender), marks, lines: 0 })
    }

    struct Feed {
        watcher: LineWatcher,
        marks: mpsc::Receiver<What>,
        lines: u64,
    }

    impl Feed {
        fn line(&mut self, text: &str) {
            self.lines += 1;
            self.piece(text, 0, true);
        }

        fn piece(&self, text: &str, repeated: usize, complete: bool) {
            let line = LogLine { number: self.lines, stream: LogStream::Both, text, repeated, complete };
            (self.watcher)(&NodeName::new("a"), line);
        }

        /// Pattern, whether it is the manifest's, line, number.
        fn marks(&mut self) -> Vec<(String, bool, String, u64)> {
            let mut come = Vec::new();
            while let Ok(What::LogMark { pattern, manifest, line, number, .. }) = self.marks.try_recv() {
                come.push((pattern, manifest, line, number));
            }
            come
        }
    }

    fn counts(told: Vec<What>) -> Vec<(String, bool, u64)> {
        let count = |what| match what {
            What::LogCount { pattern, manifest, lines, .. } => (pattern, manifest, lines),
            other => panic!("{other:?}"),
        };
        told.into_iter().map(count).collect()
    }

    #[test]
    fn colours_are_no_part_of_a_line() {
        let (_, mut feed) = watch(&[], &[], &["^ERROR", "ERROR chain broken"], 10);
        feed.line("\u{1b}[31mERROR\u{1b}[0m chain broken");
        let marks = feed.marks();
        assert_eq!(marks.len(), 2, "{marks:?}");
        assert!(marks.iter().all(|mark| mark.2 == "ERROR chain broken"), "{marks:?}");
    }

    #[test]
    fn the_whole_line_is_matched_and_the_part_that_matches_is_journalled() {
        let (_, mut feed) = watch(&["level\":\"fatal"], &[], &["gone$"], 10);
        feed.line(&format!("{{{}\"level\":\"fatal\",\"msg\":\"database gone", "x".repeat(650)));
        let marks = feed.marks();
        let names: Vec<&str> = marks.iter().map(|mark| mark.0.as_str()).collect();
        assert_eq!(names, ["panic", "gone$"]);
        for (mark, wanted) in marks.iter().zip(["\"level\":\"fatal\"", "database gone"]) {
            assert!(mark.2.starts_with("…xxx") && mark.2.contains(wanted), "{}", mark.2);
            assert!(mark.2.chars().count() <= LINE_LENGTH);
        }
        // What the beginning holds is shown from there on.
        feed.line(&format!("level\":\"fatal {}", "ä".repeat(650)));
        let marks = feed.marks();
        assert!(marks[0].2.starts_with("level") && marks[0].2.chars().count() == LINE_LENGTH, "{}", marks[0].2);
    }

    #[test]
    fn marks_are_capped_and_lines_are_counted_exactly() {
        let (watch, mut feed) = watch(&["boom"], &["refused"], &["Imported block", "never"], 10_000);
        for number in 0..250 {
            feed.line(&format!("Imported block {number}"));
            if number == 50 {
                assert_eq!(counts(watch.counts_ahead_of_marks()), [], "each line has its mark");
            }
        }
        assert_eq!(feed.marks().len(), 100);
        assert_eq!(counts(watch.counts_ahead_of_marks()), [("Imported block".to_owned(), false, 250)]);
        assert_eq!(counts(watch.counts_ahead_of_marks()), [], "nothing new");
        feed.line("Imported block again");
        assert_eq!(counts(watch.counts_ahead_of_marks()), [("Imported block".to_owned(), false, 251)]);
        let all = [("panic", true, 0), ("refusal", true, 0), ("Imported block", false, 251), ("never", false, 0)];
        let all = all.map(|(pattern, manifest, lines)| (pattern.to_owned(), manifest, lines));
        assert_eq!(counts(watch.close()), all, "also where nothing was found");
        feed.line("boom");
        assert_eq!(feed.marks(), [], "the timeline is over");
        assert_eq!(counts(watch.close()), all);
        assert_eq!(watch.last_lines(&NodeName::new("a")).last().map(String::as_str), Some("boom"));
    }

    #[test]
    fn lines_that_found_no_room_are_counted() {
        let (watch, mut feed) = watch(&[], &[], &["x"], 3);
        for _ in 0..5 {
            feed.line("x");
        }
        assert_eq!(counts(watch.counts_ahead_of_marks()), [("x".to_owned(), false, 5)]);
        assert_eq!(feed.marks().len(), 3);
        feed.line("x");
        assert_eq!(feed.marks().len(), 1, "there is room again");
    }

    #[test]
    fn a_line_is_one_line_however_many_patterns_of_a_manifest_it_matches() {
        let (watch, mut feed) = watch(&["panicked", "fatal"], &[], &["panicked", "refusal", "panic"], 10);
        feed.line("fatal: panicked");
        let marks: Vec<(String, bool)> = feed.marks().into_iter().map(|mark| (mark.0, mark.1)).collect();
        assert_eq!(marks, [("panic".to_owned(), true), ("panicked".to_owned(), false)]);
        feed.line("refusal");
        assert!(!feed.marks()[0].1, "the scenario's own word");
        let names: Vec<(String, bool)> = counts(watch.close()).into_iter().map(|count| (count.0, count.1)).collect();
        let wanted = [("panic", true), ("panicked", false), ("refusal", false)];
        assert_eq!(
            names,
            wanted.map(|(pattern, manifest)| (pattern.to_owned(), manifest)),
            "`panic` is the manifest's"
        );
    }

    #[test]
    fn the_pieces_of_a_very_long_line_are_one_line() {
        let (watch, mut feed) = watch(&[], &[], &["^begin", "across", "middle", "end$"], 10);
        feed.lines = 1;
        feed.piece("begin … middle … end", 0, false);
        feed.piece("end acr", 3, false);
        feed.piece("begin end across", 10, false);
        assert_eq!(
            feed.marks().into_iter().map(|mark| (mark.0, mark.3)).collect::<Vec<_>>(),
            [("^begin".to_owned(), 1), ("middle".to_owned(), 1), ("across".to_owned(), 1)]
        );
        feed.piece("across middle end", 6, true);
        assert_eq!(feed.marks().into_iter().map(|mark| mark.0).collect::<Vec<_>>(), ["end$"]);
        feed.line("begin");
        assert_eq!(counts(watch.close()).into_iter().map(|count| count.2).collect::<Vec<_>>(), [2, 1, 1, 1]);
        let last = watch.last_lines(&NodeName::new("a"));
        assert_eq!(last, ["begin … middle … end", "begin"]);
    }
}
