//! The file of a node's log, of bounded length: when a node writes more, the beginning and the end are kept.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How long the log of one node may become, in bytes, unless somebody says otherwise: more than anybody reads, and less than
/// the disk of a machine that runs tests.
pub const LOG_LIMIT: u64 = 1 << 30;

/// A line that does not end is not waited for longer than this.
const LONGEST_WAIT: u64 = 1 << 20;

/// What is not in the file of a log, though the node wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Bytes that are not there.
    pub bytes: u64,
    /// Why the file could not be written, if that is the reason; otherwise the log became too long.
    pub error: Option<String>,
}

/// Writes one log. The beginning goes into the file itself, up to half of the limit; what comes later goes into two files
/// beside it in turns, so that the newest quarter at least is always there. [`LogFile::finish`] makes one file of them.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    limit: u64,
    /// None if it could not be made.
    head: Option<File>,
    /// Bytes in the file itself.
    written: u64,
    tail: Option<Tail>,
    missing: Missing,
    /// What was written last is a line that has not ended.
    in_line: bool,
    /// Nothing is written any more.
    closed: bool,
}

#[derive(Debug)]
struct Tail {
    /// The older file's length, if there is one.
    older: Option<u64>,
    newer: File,
    length: u64,
}

impl LogFile {
    /// A log that could not be made comes with the error, and counts what it is given.
    pub(super) fn open(path: &Path, limit: u64) -> (Self, io::Result<()>) {
        let opened = File::options().create(true).append(true).open(path);
        let opened = opened.and_then(|head| Ok((head.metadata()?.len(), head)));
        let (head, written, error) = match opened {
            Ok((written, head)) => (Some(head), written, None),
            Err(error) => (None, 0, Some(error)),
        };
        let missing = Missing { bytes: 0, error: error.as_ref().map(ToString::to_string) };
        let file = Self {
            path: path.to_owned(),
            limit,
            closed: head.is_none(),
            head,
            written,
            tail: None,
            missing,
            in_line: false,
        };
        (file, error.map_or(Ok(()), Err))
    }

    /// What the file lacks up to now.
    pub(super) fn missing(&self) -> Missing {
        self.missing.clone()
    }

    /// Writes no more: what comes is counted. Gives room to what matters more than logs.
    pub(super) fn close(&mut self, why: &str) {
        self.closed = true;
        self.missing.error.get_or_insert_with(|| why.to_owned());
    }

    /// Appends. An error is told once: whatever comes after it is only counted.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.closed {
            self.missing.bytes += bytes.len() as u64;
            return Ok(());
        }
        let (first, later) = self.split(bytes);
        let mut written = self.append(first);
        if written.is_ok() && !later.is_empty() {
            written = self.turn().and_then(|()| self.append(later));
        }
        if let Err(error) = &written {
            self.missing.bytes += bytes.len() as u64;
            self.close(&error.to_string());
        }
        written
    }

    /// What still belongs into the present file, and what into the next one: files change where a line ends, if one does.
    fn split<'a>(&self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let (length, most) = match &self.tail {
            None => (self.written, self.limit / 2),
            Some(tail) => (tail.length, self.limit / 4),
        };
        if length.saturating_add(bytes.len() as u64) <= most {
            return (bytes, &[]);
        }
        if length >= most && !self.in_line {
            return bytes.split_at(0);
        }
        let room = usize::try_from(most.saturating_sub(length)).unwrap_or(usize::MAX).min(bytes.len());
        match bytes[room..].iter().position(|byte| *byte == b'\n') {
            Some(end) => bytes.split_at(room + end + 1),
            None if length > most.saturating_add(LONGEST_WAIT) => bytes.split_at(0),
            None => (bytes, &[]),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (file, length) = match (&mut self.tail, &mut self.head) {
            (Some(tail), _) => (&mut tail.newer, &mut tail.length),
            (None, Some(head)) => (head, &mut self.written),
            (None, None) => return Ok(()),
        };
        file.write_all(bytes)?;
        *length += bytes.len() as u64;
        self.in_line = bytes.last().map_or(self.in_line, |last| *last != b'\n');
        Ok(())
    }

    /// Begins a new file; of the two that are there beside the first, the older one goes.
    fn turn(&mut self) -> io::Result<()> {
        let older = match self.tail.take() {
            None => None,
            Some(tail) => {
                fs::rename(beside(&self.path, 2), beside(&self.path, 1))?;
                self.missing.bytes += tail.older.unwrap_or(0);
                Some(tail.length)
            }
        };
        let newer = File::create(beside(&self.path, 2))?;
        self.tail = Some(Tail { older, newer, length: 0 });
        Ok(())
    }

    /// Makes one file of beginning and end, with a line between them that says what is missing.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.closed = true;
        let Some(head) = &mut self.head else { return Ok(()) };
        if self.missing.bytes > 0 {
            let Missing { bytes, error } = &self.missing;
            let why = match error {
                Some(error) => format!("the log could not be written: {error}"),
                None => format!("a node's log is kept up to {} bytes", self.limit),
            };
            // Files change at the ends of lines, so that only a log that was given up breaks off in one.
            let end = if self.tail.is_none() && self.in_line { "\n" } else { "" };
            writeln!(head, "{end}[splitbrain: {bytes} bytes are missing here: {why}]")?;
        }
        let Some(Tail { older, newer, .. }) = self.tail.take() else { return Ok(()) };
        drop(newer);
        for path in [older.map(|_| beside(&self.path, 1)), Some(beside(&self.path, 2))].into_iter().flatten() {
            io::copy(&mut File::open(&path)?, head)?;
            fs::remove_file(&path)?;
        }
        Ok(())
    }
}

/// The files beside a log, the older one and the newer one.
fn beside(log: &Path, number: u8) -> PathBuf {
    log.with_extension(format!("log.end-{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(numbers: std::ops::Range<u32>) -> Vec<u8> {
        numbers.flat_map(|number| format!("line {number:06}\n").into_bytes()).collect()
    }

    fn file(limit: u64) -> (tempfile::TempDir, LogFile) {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, opened) = LogFile::open(&folder.path().join("a.log"), limit);
        opened.expect("a file");
        (folder, file)
    }

    #[test]
    fn a_short_log_is_what_the_node_wrote() {
        let (folder, mut file) = file(1000);
        file.write(&lines(0..40)).expect("written");
        file.finish().expect("finished");
        assert_eq!(fs::read(folder.path().join("a.log")).expect("readable"), lines(0..40));
        assert_eq!(file.missing(), Missing::default());
    }

    #[test]
    fn of_a_long_log_beginning_and_end_are_kept_in_whole_lines() {
        for chunk in [1, 7, 12, 100, 5000] {
            let (folder, mut file) = file(12_000);
            let all = lines(0..10_000);
            for bytes in all.chunks(chunk) {
                file.write(bytes).expect("written");
            }
            let missing = file.missing().bytes;
            file.finish().expect("finished");
            let text = fs::read_to_string(folder.path().join("a.log")).expect("readable");
            let note =
                format!("[splitbrain: {missing} bytes are missing here: a node's log is kept up to 12000 bytes]");
            let (head, tail) =
                text.split_once(&(note.clone() + "\n")).unwrap_or_else(|| panic!("{note} not in {text}"));
            assert_eq!((head.len() + tail.len()) as u64 + missing, all.len() as u64, "every byte is there or counted");
            assert!(head.starts_with("line 000000\n") && head.ends_with('\n') && head.len() >= 6000, "{chunk}");
            assert!(tail.starts_with("line ") && tail.ends_with("line 009999\n") && tail.len() >= 3000, "{chunk}");
            assert!(text.len() < 12_000 + 200 + 3 * chunk.max(12), "{chunk}: {}", text.len());
            assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "one file is left");
        }
    }

    #[test]
    fn a_line_without_end_is_bounded_too() {
        let (folder, mut file) = file(1000);
        for _ in 0..300 {
            file.write(&[b'x'; 64 * 1024]).expect("written");
        }
        file.finish().expect("finished");
        let length = fs::metadata(folder.path().join("a.log")).expect("a file").len();
        assert!(length < 4 * (LONGEST_WAIT + 128 * 1024), "{length}");
        assert!(file.missing().bytes > 10 << 20);
    }

    #[test]
    fn a_log_that_is_closed_counts() {
        let (folder, mut file) = file(1000);
        file.write(b"one").expect("written");
        file.close("no space left");
        file.write(b"two\n").expect("counted");
        assert_eq!(file.missing(), Missing { bytes: 4, error: Some("no space left".to_owned()) });
        file.finish().expect("finished");
        let text = fs::read_to_string(folder.path().join("a.log")).expect("readable");
        assert_eq!(text, "one\n[splitbrain: 4 bytes are missing here: the log could not be written: no space left]\n");
    }

    #[test]
    fn a_log_that_cannot_be_made_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut file, opened) = LogFile::open(&folder.path().join("missing/a.log"), 1000);
        opened.expect_err("no such folder");
        file.write(b"one\n").expect("counted");
        file.finish().expect("nothing to do");
        assert!(matches!(file.missing(), Missing { bytes: 4, error: Some(_) }));
    }
}
