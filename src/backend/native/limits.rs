//! CPU and memory limits by control groups (cgroups(7)), version 2 or 1, where this process may make them.
//!
//! An rlimit on memory is something else (address space of each process) and is never passed off as one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::Owner;
use crate::action::{NodeName, Resources, RunId};

/// Length of the period in which a group may use its share of the processors, in microseconds.
const PERIOD: u64 = 100_000;

/// Where control groups of nodes are made.
#[derive(Clone, Debug)]
pub(super) enum LimitHome {
    /// One hierarchy for everything.
    Two(PathBuf),
    /// One for each controller.
    One { memory: PathBuf, cpu: PathBuf },
}

/// The control group of one node; removed by [`LimitGroup::remove`].
#[derive(Clone, Debug)]
pub(super) struct LimitGroup {
    folders: Vec<PathBuf>,
}

impl LimitHome {
    /// Finds a place where groups with limits can be made, by making one. The error says what is missing.
    pub(super) fn find() -> Result<Self, String> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mut tried = Vec::new();
        for home in homes(&mounts) {
            match home.try_out() {
                Ok(()) => return Ok(home),
                Err(error) => tried.push(format!("{}: {error}", home.folders()[0].display())),
            }
        }
        if tried.is_empty() { Err("no control groups are mounted".to_owned()) } else { Err(tried.join("; ")) }
    }

    /// For `doctor`.
    pub(super) fn how(&self) -> String {
        match self {
            Self::Two(_) => "control groups, version 2".to_owned(),
            Self::One { .. } => "control groups, version 1".to_owned(),
        }
    }

    /// Folders in which groups are made.
    pub(super) fn folders(&self) -> Vec<&Path> {
        match self {
            Self::Two(folder) => vec![folder],
            Self::One { memory, cpu } => vec![memory, cpu],
        }
    }

    fn try_out(&self) -> io::Result<()> {
        let name = format!("splitbrain-probe-{}", std::process::id());
        let group = self.make_named(&name, Resources { cpus: Some(1.0), memory: Some(64 << 20) })?;
        group.remove()
    }

    /// Makes the group of a node. Its name tells `clean` whose it is.
    pub(super) fn make(
        &self,
        run: &RunId,
        owner: &Owner,
        node: &NodeName,
        resources: Resources,
    ) -> io::Result<LimitGroup> {
        self.make_named(&format!("splitbrain.{run}.{}.{}.{node}", owner.pid, owner.start), resources)
    }

    fn make_named(&self, name: &str, resources: Resources) -> io::Result<LimitGroup> {
        let group = LimitGroup { folders: self.folders().iter().map(|home| home.join(name)).collect() };
        let made = (|| {
            for folder in &group.folders {
                match fs::create_dir(folder) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => {}
                }
            }
            self.set(&group, resources)
        })();
        if made.is_err() {
            let _ = group.remove();
        }
        made.map(|()| group)
    }

    fn set(&self, group: &LimitGroup, resources: Resources) -> io::Result<()> {
        let quota = resources.cpus.map(|cpus| ((cpus * PERIOD as f64) as u64).max(1000));
        match self {
            Self::Two(_) => {
                if let Some(memory) = resources.memory {
                    write(&group.folders[0], "memory.max", memory)?;
                }
                if let Some(quota) = quota {
                    write(&group.folders[0], "cpu.max", format!("{quota} {PERIOD}"))?;
                }
            }
            Self::One { .. } => {
                if let Some(memory) = resources.memory {
                    write(&group.folders[0], "memory.limit_in_bytes", memory)?;
                }
                if let Some(quota) = quota {
                    write(&group.folders[1], "cpu.cfs_period_us", PERIOD)?;
                    write(&group.folders[1], "cpu.cfs_quota_us", quota)?;
                }
            }
        }
        Ok(())
    }
}

impl LimitGroup {
    /// Puts a process into the group; what it starts from then on is in it too.
    pub(super) fn enter(&self, pid: i32) -> io::Result<()> {
        self.folders.iter().try_for_each(|folder| write(folder, "cgroup.procs", pid))
    }

    /// Removes the group as soon as the kernel has done with the processes that died in it.
    pub(super) fn remove_within(&self, limit: Duration) -> io::Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            match self.remove() {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {
                    std::thread::park_timeout(Duration::from_millis(5));
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

/// Groups that runs of dead owners left, with the run each is of. `host` is this machine's name.
pub(super) fn left_over(host: &str) -> Vec<(PathBuf, String, Owner)> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut found = Vec::new();
    for folder in homes(&mounts).iter().flat_map(LimitHome::folders) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some((run, owner)) = owner_in(&name, host) {
                found.push((entry.path(), run, owner));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.dedup_by(|a, b| a.0 == b.0);
    found
}

/// Run and owner in a group's name, `splitbrain.<run>.<pid>.<start>.<node>`.
fn owner_in(name: &str, host: &str) -> Option<(String, Owner)> {
    let mut parts = name.strip_prefix("splitbrain.")?.splitn(4, '.');
    let run = parts.next()?.to_owned();
    let (pid, start) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next()?;
    Some((run, Owner { host: host.to_owned(), pid, start }))
}

/// Mounted hierarchies that could hold groups with limits, from `/proc/self/mountinfo` (proc(5)).
fn homes(mounts: &str) -> Vec<LimitHome> {
    let (mut two, mut memory, mut cpu) = (None, None, None);
    for line in mounts.lines() {
        let Some((place, kind)) = line.split_once(" - ") else { continue };
        let Some(folder) = place.split(' ').nth(4).map(PathBuf::from) else { continue };
        let mut words = kind.split(' ');
        let (kind, options) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
        let has = |controller: &str| options.split(',').any(|option| option == controller);
        match kind {
            "cgroup2" => two = Some(folder),
            "cgroup" if has("memory") => memory = Some(folder),
            "cgroup" if has("cpu") => cpu = Some(folder),
            _ => {}
        }
    }
    let two = two.filter(|folder| {
        let enabled = fs::read_to_string(folder.join("cgroup.subtree_control")).unwrap_or_default();
        let enabled: Vec<&str> = enabled.split_whitespace().collect();
        enabled.contains(&"memory") && enabled.contains(&"cpu")
    });
    let one = memory.zip(cpu).map(|(memory, cpu)| LimitHome::One { memory, cpu });
    two.map(LimitHome::Two).into_iter().chain(one).collect()
}

fn write(folder: &Path, file: &str, value: impl std::fmt::Display) -> io::Result<()> {
    let path = folder.join(file);
    fs::write(&path, value.to_string())
        .map_err(|error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_s_name_tells_its_owner() {
        let (run, owner) = owner_in("splitbrain.k3f9.77.1234.west-0.execution", "here").unwrap();
        assert_eq!((run.as_str(), owner.pid, owner.start), ("k3f9", 77, 1234));
        for other in ["splitbrain.k3f9", "user.slice", "splitbrain.k3f9.x.1.node", "splitbrain.k3f9.1.1"] {
            assert!(owner_in(other, "here").is_none(), "{other}");
        }
    }

    #[test]
    fn both_controllers_of_version_1_are_needed() {
        let memory = "30 25 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory";
        let cpu = "31 25 0:27 / /sys/fs/cgroup/cpu rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct";
        assert!(homes(memory).is_empty());
        assert!(matches!(&homes(&format!("{memory}\n{cpu}"))[..], [LimitHome::One { .. }]));
    }
}
