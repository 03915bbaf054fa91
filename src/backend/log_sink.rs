//! Where nodes' logs go: a file for each node, and whoever watches for patterns.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::action::NodeName;

/// Called with each complete line: node, line number from 1, where it came from, the line without its end.
pub type LineWatcher = Arc<dyn Fn(&NodeName, u64, LogStream, &str) + Send + Sync>;

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

/// Longest line that is kept in memory while its end has not come; a longer one is cut into pieces.
const LONGEST_LINE: usize = 64 * 1024;

/// Writes nodes' logs to `logs/<node>.log` and shows each line to a watcher. Cheap to clone.
#[derive(Clone)]
pub struct LogSink {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    watcher: LineWatcher,
    open: Mutex<BTreeMap<NodeName, Arc<Mutex<OpenLog>>>>,
}

struct OpenLog {
    file: File,
    partial: Vec<u8>,
    lines: u64,
}

impl std::fmt::Debug for LogSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogSink").field("folder", &self.shared.folder).finish_non_exhaustive()
    }
}

impl LogSink {
    /// Logs go into this folder, which exists.
    pub fn new(folder: &Path, watcher: LineWatcher) -> Self {
        Self { shared: Arc::new(Shared { folder: folder.to_owned(), watcher, open: Mutex::default() }) }
    }

    /// Path of a node's log.
    pub fn path(&self, node: &NodeName) -> PathBuf {
        self.shared.folder.join(format!("{node}.log"))
    }

    /// Appends output of a node, in pieces of any size.
    pub fn write(&self, node: &NodeName, stream: LogStream, bytes: &[u8]) -> io::Result<()> {
        let log = self.open(node)?;
        let mut log = log.lock().expect("a log's lock is never poisoned: nothing in it panics");
        log.file.write_all(bytes)?;
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            log.partial.extend_from_slice(&rest[..end]);
            self.finish_line(node, stream, &mut log);
            rest = &rest[end + 1..];
        }
        log.partial.extend_from_slice(rest);
        if log.partial.len() > LONGEST_LINE {
            self.finish_line(node, stream, &mut log);
        }
        Ok(())
    }

    fn finish_line(&self, node: &NodeName, stream: LogStream, log: &mut OpenLog) {
        let line = std::mem::take(&mut log.partial);
        log.lines += 1;
        (self.shared.watcher)(node, log.lines, stream, String::from_utf8_lossy(&line).trim_end_matches('\r'));
    }

    fn open(&self, node: &NodeName) -> io::Result<Arc<Mutex<OpenLog>>> {
        let mut open = self.shared.open.lock().expect("never poisoned: nothing under it panics");
        if let Some(log) = open.get(node) {
            return Ok(Arc::clone(log));
        }
        let file = File::options().create(true).append(true).open(self.path(node))?;
        let log = Arc::new(Mutex::new(OpenLog { file, partial: Vec::new(), lines: 0 }));
        open.insert(node.clone(), Arc::clone(&log));
        Ok(log)
    }
}
