//! Writes the journal of a run whatever happens. A disk without room ends a run, and must never take teardown and verdict
//! with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::backend::LogSink;
use crate::journal::{JournalWriter, What};

/// The journal and the room that is kept for its end.
#[derive(Debug)]
pub(super) struct Scribe {
    journal: JournalWriter,
    /// A file of zeros that is deleted when there is no room left: what a run has to say at its end fits into it.
    ballast: Option<PathBuf>,
    /// Logs that give way to the journal.
    logs: Option<LogSink>,
    /// Why the journal could not be written at first, whether or not it could be after room was made.
    failure: Option<io::Error>,
}

impl Scribe {
    /// Begins a journal.
    pub(super) fn begin(path: &Path, ballast: Option<PathBuf>) -> io::Result<Self> {
        let journal = JournalWriter::create(path)?;
        Ok(Self { journal, ballast, logs: None, failure: None })
    }

    /// Logs that are given up when the journal needs their room.
    pub(super) fn give_way(&mut self, logs: LogSink) {
        self.logs = Some(logs);
    }

    /// Why the journal could not be written, once: the run is to end.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Appends an event, `at` in microseconds since the run started. What does not fit on the disk is tried once more after
    /// room was made; if there is none even then the line is lost, and the journal shows that it breaks off.
    pub(super) fn append(&mut self, at: u64, what: What) {
        let Err(error) = self.journal.append(at, what) else { return };
        // Nothing better is left to do if it cannot be deleted.
        let has_room = self.ballast.take().is_some_and(|ballast| fs::remove_file(ballast).is_ok());
        if let Some(logs) = self.logs.take() {
            logs.close(&error.to_string());
        }
        if !has_room || self.journal.flush().is_err() {
            tracing::debug!("a line of the journal is lost: {error}");
        }
        // The first reason is the cause; that there is room again changes nothing about the end of the run.
        self.failure.get_or_insert(error);
    }
}
