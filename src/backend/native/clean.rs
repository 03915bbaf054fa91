//! Removes what killed runs left: processes, control groups and folders, by their marks and nothing else's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::super::{BackendError, CleanRequest, Cleaned, Fate, Judge, Owner};
use super::group::NodeGroup;
use super::marks::{Marks, all_processes, namespace, own_namespace};
use super::{limits, state};

/// How long killed processes may take to be gone.
const GONE: Duration = Duration::from_secs(10);

/// Between two looks at processes that are about to end.
const LOOK: Duration = Duration::from_millis(5);

/// Removes what runs left whose owner is dead; of all of them, or of the named one. A run whose owner lives, or cannot be
/// seen from here, is not touched. What could not be removed is in the error.
///
/// Sees processes of this user only; an ordinary user's are seen from outside of the user namespaces that they are in,
/// so this is called *without* [`super::enter_user_namespace`].
pub async fn clean(request: &CleanRequest) -> Result<Vec<Cleaned>, BackendError> {
    let request = request.clone();
    tokio::task::spawn_blocking(move || clean_now(&request))
        .await
        .map_err(|error| BackendError::new("cannot clean up after native runs", error))?
}

fn clean_now(request: &CleanRequest) -> Result<Vec<Cleaned>, BackendError> {
    let mut judge = Judge::new(request);
    let mut cleaned = Vec::new();
    let mut troubles = Vec::new();
    // Looked for before the processes go: what is in them cannot have lost its mark.
    let groups: Vec<_> = Owner::current().map(|me| limits::left_over(&me)).unwrap_or_default();
    let groups: Vec<_> =
        groups.into_iter().map(|(folder, run, owner)| (judge.fate(&run, &owner.to_string()), folder, run)).collect();

    // A dying process may still have started another one: look again until none is left.
    let mut seen = BTreeSet::new();
    let deadline = Instant::now() + GONE;
    loop {
        let processes = find(&mut judge, &groups);
        for (pid, (fate, name)) in &processes {
            if seen.insert(*pid) {
                cleaned.extend(fate.cleaned("process", name.clone()));
            }
        }
        let doomed: Vec<i32> =
            processes.iter().filter(|(_, (fate, _))| *fate == Fate::Goes).map(|(pid, _)| *pid).collect();
        if request.dry_run || doomed.is_empty() || !troubles.is_empty() {
            break;
        }
        for (fate, folder, _) in &groups {
            if *fate == Fate::Goes {
                let group = NodeGroup::of(vec![folder.clone()]);
                group.kill();
                let _ = group.thaw();
            }
        }
        for pid in &doomed {
            match kill(Pid::from_raw(*pid), Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => troubles.push(format!("process {pid}: {error}")),
            }
        }
        if Instant::now() > deadline {
            troubles.push(format!("{} processes are still there {GONE:?} after SIGKILL", doomed.len()));
            break;
        }
        std::thread::park_timeout(LOOK);
    }

    for (fate, folder, _) in groups {
        if fate == Fate::Goes
            && !request.dry_run
            && let Err(error) = NodeGroup::of(vec![folder.clone()]).remove_within(GONE)
        {
            troubles.push(format!("{}: {error}", folder.display()));
            continue;
        }
        cleaned.extend(fate.cleaned("control group", folder.display().to_string()));
    }

    for root in state::known_roots() {
        for entry in fs::read_dir(&root).into_iter().flatten().flatten() {
            let Some(owner) = state::owner_of(&entry.path()) else { continue };
            let fate = request.fate_of(&entry.file_name().to_string_lossy(), owner);
            if fate == Fate::Goes
                && !request.dry_run
                && let Err(error) = remove_run(&entry.path())
            {
                troubles.push(format!("{}: {error}", entry.path().display()));
                continue;
            }
            cleaned.extend(fate.cleaned("folder", entry.path().display().to_string()));
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

/// All processes of runs: those with marks, those in a node's control group, and those without any that sit in the network
/// of a node whose run is over.
fn find(judge: &mut Judge<'_>, groups: &[(Fate, std::path::PathBuf, String)]) -> BTreeMap<i32, (Fate, String)> {
    let mut found = BTreeMap::new();
    let mut networks: BTreeMap<u64, (bool, String)> = BTreeMap::new();
    let all = all_processes();
    for &pid in &all {
        let Some(marks) = Marks::of(pid) else { continue };
        let fate = judge.fate(&marks.run, &marks.owner);
        let (node, run) = (marks.node, marks.run);
        if let Some(network) = namespace(pid, "net") {
            let (all_go, _) = networks.entry(network).or_insert_with(|| (true, format!("{node} of run {run}")));
            *all_go &= fate == Fate::Goes;
        }
        found.insert(pid, (fate, format!("{node} (process {pid} of run {run})")));
    }
    for (fate, folder, run) in groups {
        for pid in NodeGroup::of(vec![folder.clone()]).processes() {
            found
                .entry(pid)
                .or_insert_with(|| (*fate, format!("a process without marks (process {pid} of run {run})")));
        }
    }
    // Nobody sits in a node's network by chance. Ours and that of whoever started everything here are nobody's, even if a
    // process that inherited marks is in them.
    for network in [own_namespace("net"), namespace(1, "net")].into_iter().flatten() {
        networks.remove(&network);
    }
    networks.retain(|_, (all_go, _)| *all_go);
    for pid in all {
        let Some((_, of)) = namespace(pid, "net").and_then(|network| networks.get(&network)) else { continue };
        found.entry(pid).or_insert_with(|| (Fate::Goes, format!("a process in the network of {of} (process {pid})")));
    }
    found
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
