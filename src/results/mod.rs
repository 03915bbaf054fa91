//! The layout of `results/` on disk: making a run's folder, finding runs again, `latest`.
//!
//! ```text
//! results/<scenario>/<utc-time>-<seed>/   one run
//! results/latest                          → the newest one
//! ```

mod folder;
mod listing;
mod start_times;

pub use folder::{RunFolder, RunJson, Timings};
pub use listing::{RunSummary, find_run, list_runs};
pub use start_times::{read_start_times, remember_start_times, start_times_file};

/// A file or folder of the results that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step} {path}")]
pub struct ResultsError {
    /// What was tried: `write`, `create`, `read`.
    pub step: &'static str,
    /// On what.
    pub path: std::path::PathBuf,
    /// The cause.
    pub source: std::io::Error,
}
