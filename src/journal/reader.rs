//! Reads a journal back.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::{Event, RunRecord, SCHEMA_VERSION, What};

/// A journal in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Journal {
    /// The first line.
    pub run: RunRecord,
    /// All lines, the first one included.
    pub events: Vec<Event>,
    /// Whether the last line was cut off, as after a SIGKILL.
    pub torn: bool,
}

/// Why a journal could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read the journal {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line that is not the last one is no event.
    #[error("{path}:{line}: this line is no event of a journal")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// The first line is missing or of another kind.
    #[error("{path}: the first line does not describe a run")]
    NoRun {
        /// Which file.
        path: PathBuf,
    },
    /// Written by another version of the tool.
    #[error("{path}: the journal has schema version {found}, this tool reads {SCHEMA_VERSION}")]
    Schema {
        /// Which file.
        path: PathBuf,
        /// The version it has.
        found: u32,
    },
}

/// Reads a whole journal. A last line that was cut off by a crash is left out and reported in [`Journal::torn`].
pub fn read_journal(path: &Path) -> Result<Journal, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let mut lines = BufReader::new(File::open(path).map_err(io)?).lines().peekable();
    let (mut events, mut torn, mut number) = (Vec::<Event>::new(), false, 0);
    while let Some(line) = lines.next() {
        let line = line.map_err(io)?;
        number += 1;
        match serde_json::from_str(&line) {
            Ok(event) => events.push(event),
            Err(_) if lines.peek().is_none() && number > 1 => torn = true,
            Err(source) => return Err(ReadError::Line { path: path.to_owned(), line: number, source }),
        }
    }
    match events.first().map(|event| &event.what) {
        Some(What::Run(run)) if run.schema == SCHEMA_VERSION => Ok(Journal { run: run.clone(), events, torn }),
        Some(What::Run(run)) => Err(ReadError::Schema { path: path.to_owned(), found: run.schema }),
        _ => Err(ReadError::NoRun { path: path.to_owned() }),
    }
}
