//! The control group of a node (cgroups(7)): its limits, and a freeze or an end for all of its processes at once.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two looks at what the kernel is doing.
const LOOK: Duration = Duration::from_millis(2);

/// How long a group of version 1 may take to freeze before its processes are ended all the same.
const BEFORE_END: Duration = Duration::from_millis(500);

/// The control group of one node: a folder in each hierarchy that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeGroup {
    folders: Vec<PathBuf>,
}

impl NodeGroup {
    /// A group with these folders, made or not.
    pub(super) fn of(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// Makes the folders that are not there yet.
    pub(super) fn make(&self) -> io::Result<()> {
        for folder in &self.folders {
            match fs::create_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Files to which a process writes `0` to enter the group, with everything that it starts from then on.
    pub(super) fn entrances(&self) -> io::Result<Vec<File>> {
        self.folders.iter().map(|folder| File::options().write(true).open(folder.join("cgroup.procs"))).collect()
    }

    /// All processes in it.
    pub(super) fn processes(&self) -> BTreeSet<i32> {
        let lists = self.folders.iter().filter_map(|folder| fs::read_to_string(folder.join("cgroup.procs")).ok());
        lists.flat_map(|list| list.lines().filter_map(|pid| pid.trim().parse().ok()).collect::<Vec<_>>()).collect()
    }

    /// The folder that can be frozen, and whether its hierarchy is of version 2.
    fn freezer(&self) -> Option<(&Path, bool)> {
        let with = |file: &str| self.folders.iter().find(|folder| folder.join(file).exists()).map(PathBuf::as_path);
        with("cgroup.freeze").map(|folder| (folder, true)).or_else(|| Some((with("freezer.state")?, false)))
    }

    /// Whether it can freeze its processes.
    pub(super) fn can_freeze(&self) -> bool {
        self.freezer().is_some()
    }

    /// Freezes all of its processes, those too that are being forked. Blocks until the kernel says that they stand still.
    pub(super) fn freeze(&self, within: Duration) -> io::Result<()> {
        let Some((folder, two)) = self.freezer() else {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the group cannot be frozen"));
        };
        let deadline = Instant::now() + within;
        loop {
            let stands = if two {
                write(folder, "cgroup.freeze", 1)?;
                read(folder, "cgroup.events")?.lines().any(|line| line == "frozen 1")
            } else {
                // A process that was being forked may have to be told again.
                write(folder, "freezer.state", "FROZEN")?;
                read(folder, "freezer.state")?.trim() == "FROZEN"
            };
            if stands {
                return Ok(());
            }
            if Instant::now() > deadline {
                let message = format!("the control group {} did not freeze within {within:?}", folder.display());
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            std::thread::park_timeout(LOOK);
        }
    }

    /// Lets its processes go on.
    pub(super) fn thaw(&self) -> io::Result<()> {
        match self.freezer() {
            Some((folder, true)) => write(folder, "cgroup.freeze", 0),
            Some((folder, false)) => write(folder, "freezer.state", "THAWED"),
            None => Ok(()),
        }
    }

    /// Sends SIGKILL to all of its processes, those too that are being forked. Says whether the kernel could be told to;
    /// those in a frozen group of version 1 end when it is thawed.
    pub(super) fn kill(&self) -> bool {
        match self.freezer() {
            // Kernels before 5.14 have no such file.
            Some((folder, true)) if write(folder, "cgroup.kill", 1).is_ok() => true,
            Some((_, false)) => {
                let _ = self.freeze(BEFORE_END);
                false
            }
            _ => false,
        }
    }

    /// How many of its processes the kernel has killed because the group wanted more memory than its limit.
    pub(super) fn memory_kills(&self) -> Option<u64> {
        let counters = ["memory.events", "memory.oom_control"];
        let mut files = self.folders.iter().flat_map(|folder| counters.map(|name| folder.join(name)));
        let text = files.find_map(|file| fs::read_to_string(file).ok())?;
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
    }

    /// Removes the group as soon as the kernel has done with the processes that died in it.
    pub(super) fn remove_within(&self, limit: Duration) -> io::Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            match self.remove() {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {
                    std::thread::park_timeout(LOOK);
                }
                done => return done,
            }
        }
    }

    /// Removes the group, which must be empty. Nothing happens if it is gone.
    pub(super) fn remove(&self) -> io::Result<()> {
        for folder in &self.folders {
            match fs::remove_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Writes a value into a file of a control group.
pub(super) fn write(folder: &Path, file: &str, value: impl std::fmt::Display) -> io::Result<()> {
    let path = folder.join(file);
    fs::write(&path, value.to_string())
        .map_err(|error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display())))
}

fn read(folder: &Path, file: &str) -> io::Result<String> {
    let path = folder.join(file);
    fs::read_to_string(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display())))
}
