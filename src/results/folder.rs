//! One run's folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ResultsError;
use crate::check::Conclusion;

/// Holds the room that the end of a run needs.
const ROOM: &str = ".room";
/// More than journal, verdict and report of an ordinary run need after its timeline, in bytes.
const ROOM_LENGTH: u64 = 16 << 20;

/// A run's folder. All names of files in it are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// `run.json`: what was run, with what, and how exact the tool itself was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunJson {
    /// Version of this form.
    pub schema: u32,
    /// Version of the tool.
    pub tool: String,
    /// Id of the run, as in labels of containers and processes.
    pub run: String,
    /// Scenario name.
    pub scenario: String,
    /// Seed.
    pub seed: u64,
    /// `docker` or `native`.
    pub backend: String,
    /// Engine and version.
    pub engine: String,
    /// Kernel release.
    pub kernel: String,
    /// What the backend could do on this machine, in words.
    pub capabilities: BTreeMap<String, String>,
    /// Start in UTC.
    pub started: String,
    /// Exit code of the tool; `None` while the run goes on (or if it was killed).
    pub exit: Option<u8>,
    /// What it came to, the same word as in `verdict.json`; `None` as with `exit`, and in files of older versions.
    #[serde(default)]
    pub conclusion: Option<Conclusion>,
    /// How the timeline ended: `complete`, `timeout`, `interrupted`, `trouble`.
    pub ended: Option<String>,
    /// How long things took.
    pub timings: Timings,
}

/// Durations in milliseconds, and the tool's own error bars.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// From the start to the timeline's zero.
    pub start_up_ms: Option<u64>,
    /// Nodes that were started a second, from the first start to the last.
    pub starts_per_second: Option<f64>,
    /// The whole run, teardown included.
    pub total_ms: Option<u64>,
    /// Largest difference between a fault's planned and applied instant.
    pub worst_fault_error_ms: Option<f64>,
    /// Longest time between two looks at the same node that was up.
    pub worst_poll_gap_ms: Option<f64>,
}

impl RunFolder {
    /// Makes `root/<scenario>/<stamp>-<seed>/` with its subfolders and points `root/latest` to it. A folder of that
    /// name that exists already (two runs in one second) makes the new one `…-2`, `…-3`.
    pub fn create(root: &Path, scenario: &str, seed: u64, stamp: &str) -> Result<Self, ResultsError> {
        let parent = root.join(scenario);
        make_all(&parent)?;
        let mut number = 1_u32;
        let path = loop {
            let suffix = if number == 1 { String::new() } else { format!("-{number}") };
            let path = parent.join(format!("{stamp}-{seed}{suffix}"));
            match fs::create_dir(&path) {
                Ok(()) => break path,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(source) => return Err(ResultsError { step: "create", path, source }),
            }
        };
        let folder = Self { path };
        make_all(&folder.input())?;
        make_all(&folder.logs())?;
        point_latest(root, &folder.path)?;
        Ok(folder)
    }

    /// An existing run's folder.
    pub fn open(path: &Path) -> Result<Self, ResultsError> {
        let folder = Self { path: path.to_owned() };
        match fs::metadata(folder.journal()) {
            Ok(_) => Ok(folder),
            Err(source) => Err(ResultsError { step: "read", path: folder.journal(), source }),
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Files as read.
    pub fn input(&self) -> PathBuf {
        self.path.join("input")
    }

    /// Nodes' logs.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    /// The report.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// Takes the room that the end of a run needs (the last lines of its journal, verdict and report) while there is some,
    /// in a file that is to be deleted when it is needed. The error of a disk that is full already is that of a run that
    /// must not start.
    pub fn keep_room(&self) -> Result<(), ResultsError> {
        let path = self.room();
        let taken = File::create(&path).and_then(|file| {
            let length = nix::libc::off_t::try_from(ROOM_LENGTH).map_err(io::Error::other)?;
            nix::fcntl::posix_fallocate(&file, 0, length).map_err(io::Error::from)
        });
        match taken {
            Ok(()) => Ok(()),
            Err(source) => {
                drop(fs::remove_file(&path));
                Err(ResultsError { step: "keep room for the end of the run in", path, source })
            }
        }
    }

    /// Where that room is kept.
    pub fn room(&self) -> PathBuf {
        self.path.join(ROOM)
    }

    /// Gives back what [`RunFolder::keep_room`] took, if it is still there.
    pub fn give_room_back(&self) {
        drop(fs::remove_file(self.room()));
    }

    /// Writes a file of the run by its name in the folder; subfolders in the name are made.
    pub fn write(&self, name: &str, content: &str) -> Result<PathBuf, ResultsError> {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            make_all(parent)?;
        }
        fs::write(&path, content).map_err(|source| ResultsError { step: "write", path: path.clone(), source })?;
        Ok(path)
    }

    /// Writes `run.json`.
    pub fn write_run(&self, run: &RunJson) -> Result<(), ResultsError> {
        let text = serde_json::to_string_pretty(run).expect("plain data always becomes JSON");
        self.write("run.json", &(text + "\n")).map(drop)
    }

    /// Reads `run.json`.
    pub fn read_run(&self) -> Result<RunJson, ResultsError> {
        let path = self.path.join("run.json");
        let failed = |source| ResultsError { step: "read", path: path.clone(), source };
        serde_json::from_str(&fs::read_to_string(&path).map_err(failed)?)
            .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))
    }
}

fn make_all(path: &Path) -> Result<(), ResultsError> {
    fs::create_dir_all(path).map_err(|source| ResultsError { step: "create", path: path.to_owned(), source })
}

/// Replaces the link in one step, so that a reader never finds it missing. Relative, so that `results/` can be moved.
fn point_latest(root: &Path, run: &Path) -> Result<(), ResultsError> {
    let link = root.join("latest");
    let target = run.strip_prefix(root).expect("a run's folder is made below the root");
    let fresh = root.join(format!(".latest-{}", std::process::id()));
    let failed = |source| ResultsError { step: "create", path: link.clone(), source };
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    std::os::unix::fs::symlink(target, &fresh).map_err(failed)?;
    fs::rename(&fresh, &link).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_in_one_second_get_folders_of_their_own_and_latest_is_the_second() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let first = RunFolder::create(root.path(), "quick", 7, "20261122-213000Z").expect("first");
        let second = RunFolder::create(root.path(), "quick", 7, "20261122-213000Z").expect("second");
        assert_ne!(first, second);
        let latest = fs::canonicalize(root.path().join("latest")).expect("latest leads somewhere");
        assert_eq!(latest, fs::canonicalize(second.path()).expect("second exists"));
    }

    #[test]
    fn a_folder_without_a_journal_is_no_run() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let error = RunFolder::open(root.path()).expect_err("no journal");
        assert!(error.to_string().contains("events.jsonl"), "{error}");
    }
}
