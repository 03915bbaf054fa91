//! Appends events to `events.jsonl`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::{Event, What};

/// Writes events as lines and keeps none of them: memory does not grow with the length of a run.
#[derive(Debug)]
pub struct JournalWriter {
    file: BufWriter<File>,
    next: u64,
    last_at: u64,
}

impl JournalWriter {
    /// Starts a new journal at this path.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(File::create(path)?), next: 0, last_at: 0 })
    }

    /// Appends one event and hands the line to the operating system at once, so that a killed run keeps its record.
    /// `at` is in microseconds since the run started; an event that arrives late is given the time of the one before
    /// it, because readers rely on the order.
    pub fn append(&mut self, at: u64, what: What) -> io::Result<Event> {
        self.last_at = self.last_at.max(at);
        let event = Event { seq: self.next, at: self.last_at, what };
        serde_json::to_writer(&mut self.file, &event)?;
        self.file.write_all(b"\n")?;
        self.file.flush()?;
        self.next += 1;
        Ok(event)
    }
}
