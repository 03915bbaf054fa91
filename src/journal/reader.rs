//! Reads a journal back.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::damage::set_right;
use super::{Event, RunRecord, SCHEMA_VERSION, What};

/// A journal in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Journal {
    /// The first line.
    pub run: RunRecord,
    /// All lines, the first one included, in the order of `seq`.
    pub events: Vec<Event>,
    /// Whether the last line was cut off, as after a SIGKILL.
    pub torn: bool,
    /// What is not as a writer leaves it, for people: lines that are missing, that stand in another order, that go back in
    /// time. At most a few; empty for a sound journal.
    pub damage: Vec<String>,
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

/// Reads a whole journal. A last line that was cut off by a crash, in the middle of a character perhaps, is left out and
/// reported in [`Journal::torn`]; lines that are missing or not in order are reported in [`Journal::damage`].
pub fn read_journal(path: &Path) -> Result<Journal, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    // A pipe could block for ever.
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(io(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no ordinary file")));
    }
    let mut lines = BufReader::new(File::open(path).map_err(io)?).split(b'\n').peekable();
    let (mut events, mut torn, mut number) = (Vec::<Event>::new(), false, 0);
    while let Some(line) = lines.next() {
        let line = line.map_err(io)?;
        number += 1;
        match serde_json::from_slice(&line) {
            Ok(event) => events.push(event),
            Err(_) if lines.peek().is_none() && number > 1 => torn = true,
            Err(source) => return Err(ReadError::Line { path: path.to_owned(), line: number, source }),
        }
    }
    let damage = set_right(&mut events);
    match events.first().map(|event| &event.what) {
        Some(What::Run(run)) if run.schema == SCHEMA_VERSION => Ok(Journal { run: run.clone(), events, torn, damage }),
        Some(What::Run(run)) => Err(ReadError::Schema { path: path.to_owned(), found: run.schema }),
        _ => Err(ReadError::NoRun { path: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const RUN: &str = r#"{"seq":0,"at":0,"what":{"run":{"schema":1,"tool":"0","run":"r","scenario":"s","description":"",
        "seed":1,"backend":"native","engine":"","kernel":"","started":"","nodes":[],"edges":[],"windows":[],
        "expectations":[]}}}"#;

    fn read(rest: &[u8]) -> Result<Journal, ReadError> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(RUN.replace('\n', "").as_bytes()).expect("written");
        file.write_all(b"\n").expect("written");
        file.write_all(rest).expect("written");
        read_journal(file.path())
    }

    fn numbered(numbers: &[(u64, u64)]) -> String {
        let line = |(seq, at): &(u64, u64)| format!("{{\"seq\":{seq},\"at\":{at},\"what\":\"timeline_started\"}}\n");
        numbers.iter().map(line).collect()
    }

    fn damage(numbers: &[(u64, u64)]) -> Vec<String> {
        read(numbered(numbers).as_bytes()).expect("readable").damage
    }

    #[test]
    fn a_line_torn_in_the_middle_of_a_character_is_a_torn_line() {
        let mut text = numbered(&[(1, 1)]).into_bytes();
        text.extend_from_slice(b"{\"seq\":2,\"at\":1,\"what\":{\"trouble\":{\"message\":\"caf\xc3");
        let journal = read(&text).expect("readable");
        assert_eq!((journal.torn, journal.events.len(), journal.damage), (true, 2, Vec::new()));
        text.extend_from_slice(b"\n{\"seq\":3,\"at\":1,\"what\":\"timeline_started\"}\n");
        assert!(matches!(read(&text), Err(ReadError::Line { line: 3, .. })), "only the last line can be torn");
    }

    #[test]
    fn a_sound_journal_has_no_damage() {
        assert!(damage(&[(1, 0), (2, 5), (3, 5)]).is_empty());
        assert!(damage(&[]).is_empty());
    }

    #[test]
    fn missing_lines_are_named() {
        assert_eq!(
            damage(&[(1, 1), (4, 2), (6, 3)]),
            ["lines with seq 2 to 3 are missing", "the line with seq 5 is missing"]
        );
    }

    #[test]
    fn lines_in_another_order_are_told_and_put_in_order() {
        let text = numbered(&[(2, 20), (1, 10), (3, 30)]);
        let journal = read(text.as_bytes()).expect("readable");
        let order: Vec<u64> = journal.events.iter().map(|event| event.seq).collect();
        assert_eq!(order, [0, 1, 2, 3]);
        assert_eq!(journal.damage, ["lines are not in order: the one with seq 1 stands after the one with seq 2"]);
    }

    #[test]
    fn two_lines_of_one_number_and_a_step_back_in_time_are_told() {
        assert_eq!(
            damage(&[(1, 1), (2, 20), (2, 20), (3, 10)]),
            [
                "lines are not in order: the one with seq 2 stands after the one with seq 2",
                "the line with seq 2 stands there twice",
                "the line with seq 3 is of an earlier time than the one before it",
            ]
        );
    }

    #[test]
    fn of_much_damage_a_few_sentences_are_enough() {
        let every_other: Vec<(u64, u64)> = (1..100).map(|n| (2 * n, n)).collect();
        let told = damage(&every_other);
        assert_eq!(told.len(), 6);
        assert_eq!(told.last().map(String::as_str), Some("and 94 more places like these"));
    }
}
