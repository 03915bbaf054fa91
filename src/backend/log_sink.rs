//! Where nodes' logs go: a file for each node, and whoever watches for patterns.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::log_file::{LOG_LIMIT, LogFile, Missing};
use crate::action::NodeName;

/// Called with each line of a node's log, a very long one in pieces.
pub type LineWatcher = Arc<dyn Fn(&NodeName, LogLine<'_>) + Send + Sync>;

/// A line of a node's log, or a piece of a line that is longer than [`LONGEST_LINE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// Line number, from 1; the same for all pieces of a line.
    pub number: u64,
    /// Where it came from.
    pub stream: LogStream,
    /// The line without its end.
    pub text: &'a str,
    /// So many bytes at the beginning of `text` are the end of the piece before, so that what stands across the border is
    /// found. 0 in the first piece.
    pub repeated: usize,
    /// Whether the line ends with this piece.
    pub complete: bool,
}

/// Where a line of a log came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStream {
    /// Standard output.
    Output,
    /// Standard error. Programs that print their manual on the one and the reason on the other are told apart by it: an
    /// engine that carries the two in separate pipes does not keep their order.
    Errors,
    /// One pipe for both: lines come in the order in which they were written.
    Both,
}

/// Longest line that is kept in memory while its end has not come; the watcher gets a longer one in pieces.
pub const LONGEST_LINE: usize = 1 << 20;

/// So much of a piece is repeated at the beginning of the next one: no pattern that people write fits more.
const REPEATED: usize = 16 * 1024;

/// Writes nodes' logs to `logs/<node>.log` and shows each line to a watcher. Cheap to clone.
#[derive(Clone)]
pub struct LogSink {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    /// How long each log may become, in bytes.
    limit: u64,
    watcher: LineWatcher,
    open: Mutex<BTreeMap<NodeName, Arc<Mutex<OpenLog>>>>,
}

struct OpenLog {
    file: LogFile,
    partial: Vec<u8>,
    /// Bytes of `partial` that the watcher has seen.
    repeated: usize,
    /// Lines that have ended.
    lines: u64,
}

impl std::fmt::Debug for LogSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogSink").field("folder", &self.shared.folder).finish_non_exhaustive()
    }
}

impl LogSink {
    /// Logs go into this folder, which exists; each is kept up to [`LOG_LIMIT`].
    pub fn new(folder: &Path, watcher: LineWatcher) -> Self {
        Self::limited(folder, watcher, LOG_LIMIT)
    }

    /// Like [`LogSink::new`], with another limit for the length of each log, in bytes.
    pub fn limited(folder: &Path, watcher: LineWatcher, limit: u64) -> Self {
        Self { shared: Arc::new(Shared { folder: folder.to_owned(), limit, watcher, open: Mutex::default() }) }
    }

    /// What the files of the logs lack up to now: nodes of which nothing is missing are not named.
    pub fn missing(&self) -> Vec<(NodeName, Missing)> {
        let missing = self.all().into_iter().map(|(node, log)| (node, lock(&log).file.missing()));
        missing.filter(|(_, missing)| missing.bytes > 0).collect()
    }

    /// Writes nothing more to files, so that the little room of a disk is left for the record of the run. Lines are
    /// watched all the same.
    pub fn close(&self, why: &str) {
        for (_, log) in self.all() {
            lock(&log).file.close(why);
        }
    }

    /// The nodes have ended: makes one file of each log. What a node still writes is thrown away.
    pub fn finish(&self) -> io::Result<()> {
        // Each of them, whatever becomes of the others.
        self.all().into_iter().map(|(_, log)| lock(&log).file.finish()).fold(Ok(()), io::Result::and)
    }

    fn all(&self) -> Vec<(NodeName, Arc<Mutex<OpenLog>>)> {
        let open = self.shared.open.lock().expect("never poisoned: nothing under it panics");
        open.iter().map(|(node, log)| (node.clone(), Arc::clone(log))).collect()
    }

    /// Path of a node's log.
    pub fn path(&self, node: &NodeName) -> PathBuf {
        self.shared.folder.join(format!("{node}.log"))
    }

    /// Appends output of a node, in pieces of any size. What cannot be written to the file is shown to the watcher all the
    /// same: whether a node panicked must not depend on room on a disk. The error comes once for each node.
    pub fn write(&self, node: &NodeName, stream: LogStream, bytes: &[u8]) -> io::Result<()> {
        let (log, opened) = self.open(node);
        let mut log = lock(&log);
        let written = opened.and(log.file.write(bytes));
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            self.take_up(node, stream, &mut log, &rest[..end]);
            self.show(node, stream, &mut log, true);
            rest = &rest[end + 1..];
        }
        self.take_up(node, stream, &mut log, rest);
        written
    }

    /// The node's process has ended: a last line that lacks its end is over too.
    pub fn end(&self, node: &NodeName) -> io::Result<()> {
        let (log, opened) = self.open(node);
        let mut log = lock(&log);
        opened?;
        if log.partial.is_empty() {
            return Ok(());
        }
        self.show(node, LogStream::Both, &mut log, true);
        // The next process begins a line of its own, in the file as for the watcher.
        log.file.write(b"\n")
    }

    /// Adds to the line that has begun, and shows it as often as it is longer than is kept.
    fn take_up(&self, node: &NodeName, stream: LogStream, log: &mut OpenLog, mut bytes: &[u8]) {
        while log.partial.len() + bytes.len() > LONGEST_LINE {
            let (now, later) = bytes.split_at(LONGEST_LINE.saturating_sub(log.partial.len()).min(bytes.len()));
            log.partial.extend_from_slice(now);
            self.show(node, stream, log, false);
            bytes = later;
        }
        log.partial.extend_from_slice(bytes);
    }

    /// Shows the watcher what there is of a line.
    fn show(&self, node: &NodeName, stream: LogStream, log: &mut OpenLog, complete: bool) {
        let bytes = std::mem::take(&mut log.partial);
        // A character that is not complete yet is left for the next piece.
        let end = if complete { bytes.len() } else { whole_characters(&bytes) };
        let text = String::from_utf8_lossy(&bytes[..end]);
        let text = if complete { text.trim_end_matches('\r') } else { &text };
        let repeated = std::mem::take(&mut log.repeated).min(text.len());
        let line = LogLine { number: log.lines + 1, stream, text, repeated, complete };
        (self.shared.watcher)(node, line);
        if complete {
            log.lines += 1;
        } else {
            let mut from = end.saturating_sub(REPEATED);
            while from < end && bytes[from] & 0xc0 == 0x80 {
                from += 1;
            }
            log.partial.extend_from_slice(&bytes[from..]);
            log.repeated = end - from;
        }
    }

    /// A node's log, and why its file could not be made, the first time.
    fn open(&self, node: &NodeName) -> (Arc<Mutex<OpenLog>>, io::Result<()>) {
        let mut open = self.shared.open.lock().expect("never poisoned: nothing under it panics");
        if let Some(log) = open.get(node) {
            return (Arc::clone(log), Ok(()));
        }
        let (file, opened) = LogFile::open(&self.path(node), self.shared.limit);
        let log = Arc::new(Mutex::new(OpenLog { file, partial: Vec::new(), repeated: 0, lines: 0 }));
        open.insert(node.clone(), Arc::clone(&log));
        (log, opened)
    }
}

fn lock(log: &Mutex<OpenLog>) -> std::sync::MutexGuard<'_, OpenLog> {
    log.lock().expect("a log's lock is never poisoned: nothing in it panics")
}

/// Length of the bytes without an incomplete UTF-8 character at their end.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.iter().rev().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    let Some(first) = bytes.len().checked_sub(tail + 1) else { return bytes.len() };
    let needed = match bytes[first] {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => return bytes.len(),
    };
    if tail + 1 < needed { first } else { bytes.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen = Arc<Mutex<Vec<(u64, String, usize, bool)>>>;

    fn sink() -> (tempfile::TempDir, LogSink, Seen) {
        let folder = tempfile::tempdir().expect("a folder");
        let seen = Seen::default();
        let into = Arc::clone(&seen);
        let watcher: LineWatcher = Arc::new(move |_, line| {
            let LogLine { number, text, repeated, complete, .. } = line;
            into.lock().expect("no panic").push((number, text.to_owned(), repeated, complete));
        });
        let sink = LogSink::new(folder.path(), watcher);
        (folder, sink, seen)
    }

    fn take(seen: &Seen) -> Vec<(u64, String, usize, bool)> {
        std::mem::take(&mut *seen.lock().expect("no panic"))
    }

    #[test]
    fn lines_come_whole_however_they_were_written() {
        let (_folder, sink, seen) = sink();
        let node = NodeName::new("a");
        for piece in ["on", "e\r\ntwo\n\nth", "ree"] {
            sink.write(&node, LogStream::Both, piece.as_bytes()).expect("written");
        }
        sink.end(&node).expect("written");
        sink.end(&node).expect("nothing is left");
        sink.write(&node, LogStream::Both, b"five\n").expect("written");
        let texts: Vec<(u64, String)> = take(&seen).into_iter().map(|(number, text, ..)| (number, text)).collect();
        let wanted = [(1, "one"), (2, "two"), (3, ""), (4, "three"), (5, "five")];
        assert_eq!(texts, wanted.map(|(number, text)| (number, text.to_owned())));
        let file = std::fs::read_to_string(sink.path(&node)).expect("readable");
        assert_eq!(file.lines().nth(4), Some("five"), "numbers are those of the file");
    }

    #[test]
    fn a_line_of_any_length_is_shown_whole_in_pieces_that_overlap() {
        let (_folder, sink, seen) = sink();
        let node = NodeName::new("a");
        let long: String = std::iter::repeat_n("äöü-0123456789 ", 100_000).chain(["the end"]).collect();
        assert!(long.len() > LONGEST_LINE + LONGEST_LINE / 2);
        for piece in long.as_bytes().chunks(16 * 1024 - 1) {
            sink.write(&node, LogStream::Both, piece).expect("written");
        }
        sink.write(&node, LogStream::Both, b"\nnext\n").expect("written");
        let seen = take(&seen);
        assert_eq!(seen.last(), Some(&(2, "next".to_owned(), 0, true)));
        let pieces = &seen[..seen.len() - 1];
        assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.0 == 1 && piece.1.len() <= LONGEST_LINE));
        assert!(pieces.iter().skip(1).all(|piece| piece.2 > REPEATED - 4), "each goes back a little");
        assert_eq!(pieces.iter().map(|piece| piece.3).filter(|complete| *complete).count(), 1);
        let whole: String = pieces.iter().map(|piece| &piece.1[piece.2..]).collect();
        assert!(whole == long, "no character is lost or comes twice");
    }

    #[test]
    fn a_long_line_in_one_write_is_the_same() {
        let (_folder, sink, seen) = sink();
        let long = "x".repeat(3 * LONGEST_LINE) + "end\n";
        sink.write(&NodeName::new("a"), LogStream::Both, long.as_bytes()).expect("written");
        let pieces = take(&seen);
        let whole: usize = pieces.iter().map(|piece| piece.1.len() - piece.2).sum();
        assert_eq!((whole, pieces.last().map(|piece| piece.1.ends_with("end"))), (long.len() - 1, Some(true)));
    }
}
