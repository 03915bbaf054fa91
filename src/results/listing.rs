//! Finding runs again.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{ResultsError, RunFolder, RunJson};
use crate::check::Conclusion;

/// One stored run, for `list runs`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// Folder.
    pub path: PathBuf,
    /// Scenario.
    pub scenario: String,
    /// Start in UTC.
    pub started: String,
    /// Seed.
    pub seed: u64,
    /// Backend.
    pub backend: String,
    /// Exit code; `None` if the run never ended.
    pub exit: Option<u8>,
    /// What it came to; `None` if the run never ended or is of an older version.
    pub conclusion: Option<Conclusion>,
}

/// All runs below a results folder, oldest first. A folder that is no run is passed over; no results folder is no run.
pub fn list_runs(root: &Path) -> Result<Vec<RunSummary>, ResultsError> {
    let mut runs = Vec::new();
    for scenario in subfolders(root)? {
        for path in subfolders(&scenario)? {
            let Ok(folder) = RunFolder::open(&path) else { continue };
            if let Ok(run) = folder.read_run() {
                let RunJson { scenario, started, seed, backend, exit, conclusion, .. } = run;
                runs.push(RunSummary { path, scenario, started, seed, backend, exit, conclusion });
            }
        }
    }
    runs.sort_by(|a, b| (&a.started, &a.path).cmp(&(&b.started, &b.path)));
    Ok(runs)
}

/// A run by its folder, or by a word: `latest`, or the end of a folder's path such as `quickstart/20261122-213000Z-42`.
pub fn find_run(root: &Path, word: &str) -> Result<RunFolder, ResultsError> {
    let direct = Path::new(word);
    if direct.join("events.jsonl").exists() {
        return RunFolder::open(direct);
    }
    RunFolder::open(&root.join(word))
}

fn subfolders(path: &Path) -> Result<Vec<PathBuf>, ResultsError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(ResultsError { step: "read", path: path.to_owned(), source }),
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    Ok(found)
}
