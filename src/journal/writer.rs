//! Appends events to `events.jsonl`.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::{Event, What};

/// Writes events as lines and keeps none of them: memory does not grow with the length of a run.
#[derive(Debug)]
pub struct JournalWriter {
    file: File,
    next: u64,
    last_at: u64,
    /// What is left of a line that did not fit on the disk.
    unwritten: Vec<u8>,
}

impl JournalWriter {
    /// Starts a new journal at this path.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::create(path)?, next: 0, last_at: 0, unwritten: Vec::new() })
    }

    /// Appends one event and hands the line to the operating system at once, so that a killed run keeps its record.
    /// `at` is in microseconds since the run started; an event that arrives late is given the time of the one before
    /// it, because readers rely on the order.
    ///
    /// After an error the rest of the line is kept for [`JournalWriter::flush`]; an event that comes while there is such a
    /// rest is lost, which shows as a gap in `seq`.
    pub fn append(&mut self, at: u64, what: What) -> io::Result<()> {
        self.last_at = self.last_at.max(at);
        let event = Event { seq: self.next, at: self.last_at, what };
        self.next += 1;
        self.flush()?;
        serde_json::to_writer(&mut self.unwritten, &event)?;
        self.unwritten.push(b'\n');
        self.flush()
    }

    /// Writes what did not fit when it was appended.
    pub fn flush(&mut self) -> io::Result<()> {
        while !self.unwritten.is_empty() {
            match self.file.write(&self.unwritten) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => drop(self.unwritten.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
