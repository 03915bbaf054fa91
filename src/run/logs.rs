//! Watches nodes' logs while they are written: patterns that somebody asked for, and each node's last lines.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use regex::RegexSet;
use tokio::sync::mpsc;

use crate::action::NodeName;
use crate::backend::{LineWatcher, LogStream};
use crate::journal::What;
use crate::plan::Plan;

/// Lines kept of each node, for the message when it dies.
const LAST_LINES: usize = 20;
/// Lines kept of its standard error besides: a manual on standard output can push the one line that matters out of those.
const LAST_ERRORS: usize = 5;
/// Longest part of a line that is journalled or kept.
const LINE_LENGTH: usize = 500;
/// Marks of one pattern and node that are journalled; a node that prints its panic in a loop fills no disk twice.
const MARKS_EACH: u32 = 100;

/// What is known of the nodes' logs.
#[derive(Clone, Debug)]
pub(super) struct LogWatch {
    nodes: Arc<BTreeMap<NodeName, NodeWatch>>,
}

#[derive(Debug)]
struct NodeWatch {
    set: RegexSet,
    /// Name in the journal of each pattern of the set.
    names: Vec<String>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last lines and their numbers.
    last: VecDeque<(u64, String)>,
    /// The last of them that came from standard error, where the backend knows.
    errors: VecDeque<(u64, String)>,
    marks: BTreeMap<String, u32>,
}

impl LogWatch {
    /// Watches for the manifests' `panic` and `refusals` patterns and for these further ones. Patterns were checked when they were
    /// read; one that does not compile now is taken literally.
    pub(super) fn new(plan: &Plan, patterns: &[String]) -> Self {
        let nodes = plan.nodes.iter().map(|node| {
            let named = node.panic.iter().map(|pattern| ("panic".to_owned(), pattern));
            let refusals = node.refusals.iter().map(|pattern| ("refusal".to_owned(), pattern));
            let asked = patterns.iter().filter(|pattern| *pattern != "panic").map(|pattern| (pattern.clone(), pattern));
            let (names, patterns): (Vec<_>, Vec<_>) = named.chain(refusals).chain(asked).unzip();
            let set = RegexSet::new(&patterns).unwrap_or_else(|_| {
                RegexSet::new(patterns.iter().map(|pattern| regex::escape(pattern))).expect("escaped text is a regex")
            });
            (node.process.name.clone(), NodeWatch { set, names, state: Mutex::default() })
        });
        Self { nodes: Arc::new(nodes.collect()) }
    }

    /// The callback for the log sink. Marks go into `marks`; when that is full (the engine is behind by thousands of
    /// marks) further ones are dropped: the log itself has them all.
    pub(super) fn watcher(&self, marks: mpsc::Sender<What>) -> LineWatcher {
        let nodes = Arc::clone(&self.nodes);
        Arc::new(move |node, number, stream, line| {
            let Some(watch) = nodes.get(node) else { return };
            let line: String = line.chars().take(LINE_LENGTH).collect();
            let mut state = watch.state.lock().expect("never poisoned: nothing under it panics");
            for index in watch.set.matches(&line) {
                let pattern = watch.names[index].clone();
                let count = state.marks.entry(pattern.clone()).or_default();
                *count += 1;
                if *count <= MARKS_EACH {
                    let mark =
                        What::LogMark { node: node.clone(), pattern, manifest: false, line: line.clone(), number };
                    drop(marks.try_send(mark));
                }
            }
            // Manuals are full of empty lines; they would push out what tells something.
            if line.trim().is_empty() {
                return;
            }
            if stream == LogStream::Errors {
                keep_last(&mut state.errors, LAST_ERRORS, (number, line.clone()));
            }
            keep_last(&mut state.last, LAST_LINES, (number, line));
        })
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

fn keep_last<T>(lines: &mut VecDeque<T>, most: usize, line: T) {
    if lines.len() == most {
        lines.pop_front();
    }
    lines.push_back(line);
}
