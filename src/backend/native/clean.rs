//! Removes what killed runs left: processes, control groups and folders, by their marks and nothing else's.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::super::{BackendError, Cleaned, Owner, OwnerState};
use super::{label, limits, state};
use crate::action::RunId;

/// How long killed processes may take to be gone.
const GONE: Duration = Duration::from_secs(10);

/// Removes what runs left whose owner is dead; of all of them, or of the named one. A run whose owner lives is never
/// touched. `dry_run` only says what would go. What could not be removed is in the error.
///
/// Sees processes of this user only; an ordinary user's are seen from outside of the user namespaces that they are in,
/// so this is called *without* [`super::enter_user_namespace`].
pub async fn clean(run: Option<&RunId>, dry_run: bool) -> Result<Vec<Cleaned>, BackendError> {
    let run = run.map(|run| run.as_str().to_owned());
    tokio::task::spawn_blocking(move || clean_now(run.as_deref(), dry_run))
        .await
        .map_err(|error| BackendError::new("cannot clean up after native runs", error))?
}

fn clean_now(run: Option<&str>, dry_run: bool) -> Result<Vec<Cleaned>, BackendError> {
    let goes = |of: &str, owner: &Owner| run.is_none_or(|run| run == of) && owner.state() == OwnerState::Dead;
    let mut cleaned = Vec::new();
    let mut troubles = Vec::new();

    // A dying process may still have started another one: look again until none is left.
    let mut seen = BTreeSet::new();
    let deadline = Instant::now() + GONE;
    loop {
        let processes: Vec<_> =
            label::labelled_processes().into_iter().filter(|found| goes(&found.run, &found.owner)).collect();
        for found in &processes {
            if seen.insert(found.pid) {
                let name = format!("{} (process {} of run {})", found.node, found.pid, found.run);
                cleaned.push(Cleaned { kind: "process", name });
            }
            if !dry_run {
                match kill(Pid::from_raw(found.pid), Signal::SIGKILL) {
                    Ok(()) | Err(Errno::ESRCH) => {}
                    Err(error) => troubles.push(format!("process {}: {error}", found.pid)),
                }
            }
        }
        if dry_run || processes.is_empty() || !troubles.is_empty() {
            break;
        }
        if Instant::now() > deadline {
            troubles.push(format!("{} processes are still there {GONE:?} after SIGKILL", processes.len()));
            break;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }

    if let Ok(me) = Owner::current() {
        for (folder, of, owner) in limits::left_over(&me.host) {
            if goes(&of, &owner) {
                if !dry_run && let Err(error) = fs::remove_dir(&folder) {
                    troubles.push(format!("{}: {error}", folder.display()));
                    continue;
                }
                cleaned.push(Cleaned { kind: "control group", name: folder.display().to_string() });
            }
        }
    }

    for root in state::known_roots() {
        for entry in fs::read_dir(&root).into_iter().flatten().flatten() {
            let Some(owner) = state::owner_of(&entry.path()) else { continue };
            if goes(&entry.file_name().to_string_lossy(), &owner) {
                if !dry_run && let Err(error) = remove_run(&entry.path()) {
                    troubles.push(format!("{}: {error}", entry.path().display()));
                    continue;
                }
                cleaned.push(Cleaned { kind: "folder", name: entry.path().display().to_string() });
            }
        }
    }
    cleaned.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    if troubles.is_empty() {
        Ok(cleaned)
    } else {
        let step = format!("cannot remove everything that native runs left: {}", troubles.join("; "));
        Err(BackendError::plain(step).remedy("run `splitbrain clean` as the user who made the runs, or as root"))
    }
}

/// Removes a run's folder, the mark of its owner last, so that a clean-up which is interrupted can be taken up again.
fn remove_run(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == state::OWNER_FILE {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir_all(folder)
}
