//! Where control groups of nodes are made (cgroups(7)), version 2 or 1, and the limits that are set on them.
//!
//! An rlimit on memory is something else (address space of each process) and is never passed off as one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::Owner;
use super::group::{NodeGroup, write};
use crate::action::{NodeName, Resources, RunId};

/// Length of the period in which a group may use its share of the processors, in microseconds.
const PERIOD: u64 = 100_000;

/// How the name of a node's group begins.
const PREFIX: &str = "splitbrain-node.";

/// So deep groups are looked for that a killed run left.
const DEPTH: usize = 8;

/// Where control groups of nodes are made.
#[derive(Clone, Debug)]
pub(super) struct GroupHome {
    limits: Option<LimitHome>,
    /// The hierarchy by which processes are frozen and ended; none where this user may make no group.
    freezer: Option<PathBuf>,
}

/// Where groups with limits are made.
#[derive(Clone, Debug)]
enum LimitHome {
    /// One hierarchy for everything.
    Two(PathBuf),
    /// One for each controller.
    One { memory: PathBuf, cpu: PathBuf },
}

impl GroupHome {
    /// Finds places where groups can be made, by making some.
    pub(super) fn find() -> (Self, Result<(), String>) {
        let mounts = Mounts::read();
        let (limits, why) = match LimitHome::find(&mounts) {
            Ok(home) => (Some(home), Ok(())),
            Err(why) => (None, Err(why)),
        };
        // Groups with limits of version 2 freeze as well, and a process is in one group of that version only.
        let freezer = match &limits {
            Some(LimitHome::Two(folder)) => Some(folder.clone()),
            _ => mounts.freezers().into_iter().find(|folder| can_freeze(folder)),
        };
        (Self { limits, freezer }, why)
    }

    /// For `doctor`: how limits are set.
    pub(super) fn how_limited(&self) -> Option<String> {
        self.limits.as_ref().map(|home| match home {
            LimitHome::Two(_) => "control groups, version 2".to_owned(),
            LimitHome::One { .. } => "control groups, version 1".to_owned(),
        })
    }

    /// For `doctor`: how all processes of a node are frozen.
    pub(super) fn how_frozen(&self) -> String {
        match &self.freezer {
            Some(_) => "a control group for each node",
            None => "SIGSTOP to all processes in the node's network",
        }
        .to_owned()
    }

    /// Makes the group of a node; `None` where there can be none. Its name tells `clean` whose it is.
    pub(super) fn make(
        &self,
        run: &RunId,
        owner: &Owner,
        node: &NodeName,
        resources: Resources,
    ) -> io::Result<Option<NodeGroup>> {
        let name = format!("{PREFIX}{run}.{}.{}.{}.{node}", owner.pid_namespace, owner.pid, owner.start);
        let limited = resources.cpus.is_some() || resources.memory.is_some();
        let limits = self.limits.as_ref().filter(|_| limited);
        if limited && limits.is_none() {
            return Err(io::Error::other("limits are not possible here"));
        }
        let mut homes: Vec<&Path> = limits.map(LimitHome::folders).unwrap_or_default();
        homes.extend(self.freezer.as_deref().filter(|freezer| !homes.contains(freezer)));
        if homes.is_empty() {
            return Ok(None);
        }
        let group = NodeGroup::of(homes.iter().map(|home| home.join(&name)).collect());
        let made = group.make().and_then(|()| limits.map_or(Ok(()), |home| home.set(&name, resources)));
        if made.is_err() {
            let _ = group.remove();
        }
        made.map(|()| Some(group))
    }
}

impl LimitHome {
    /// Finds a place where groups with limits can be made, by making one. The error says what is missing.
    fn find(mounts: &Mounts) -> Result<Self, String> {
        let mut tried = Vec::new();
        for home in mounts.limit_homes() {
            match home.try_out() {
                Ok(()) => return Ok(home),
                Err(error) => tried.push(format!("{}: {error}", home.folders()[0].display())),
            }
        }
        if tried.is_empty() { Err("no control groups are mounted".to_owned()) } else { Err(tried.join("; ")) }
    }

    /// Folders in which groups are made.
    fn folders(&self) -> Vec<&Path> {
        match self {
            Self::Two(folder) => vec![folder],
            Self::One { memory, cpu } => vec![memory, cpu],
        }
    }

    fn try_out(&self) -> io::Result<()> {
        let name = probe_name();
        let group = NodeGroup::of(self.folders().iter().map(|home| home.join(&name)).collect());
        let resources = Resources { cpus: Some(1.0), memory: Some(64 << 20) };
        let made = group.make().and_then(|()| self.set(&name, resources));
        made.and(group.remove())
    }

    /// Sets the limits of the group with this name.
    fn set(&self, name: &str, resources: Resources) -> io::Result<()> {
        let quota = resources.cpus.map(|cpus| ((cpus * PERIOD as f64) as u64).max(1000));
        match self {
            Self::Two(home) => {
                let folder = home.join(name);
                if let Some(memory) = resources.memory {
                    write(&folder, "memory.max", memory)?;
                }
                if let Some(quota) = quota {
                    write(&folder, "cpu.max", format!("{quota} {PERIOD}"))?;
                }
            }
            Self::One { memory: memory_home, cpu } => {
                if let Some(memory) = resources.memory {
                    write(&memory_home.join(name), "memory.limit_in_bytes", memory)?;
                }
                if let Some(quota) = quota {
                    write(&cpu.join(name), "cpu.cfs_period_us", PERIOD)?;
                    write(&cpu.join(name), "cpu.cfs_quota_us", quota)?;
                }
            }
        }
        Ok(())
    }
}

fn probe_name() -> String {
    format!("splitbrain-probe-{}", std::process::id())
}

/// Whether groups that can be made in this folder can be frozen.
fn can_freeze(home: &Path) -> bool {
    let group = NodeGroup::of(vec![home.join(probe_name())]);
    let can = group.make().is_ok() && group.can_freeze() && group.entrances().is_ok();
    group.remove().is_ok() && can
}

/// Groups of nodes, with the run and the owner of each, whoever made them.
pub(super) fn left_over(me: &Owner) -> Vec<(PathBuf, String, Owner)> {
    let mut found = Vec::new();
    for folder in Mounts::read().all() {
        look_into(&folder, DEPTH, me, &mut found);
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.dedup_by(|a, b| a.0 == b.0);
    found
}

fn look_into(folder: &Path, depth: usize, me: &Owner, found: &mut Vec<(PathBuf, String, Owner)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        match owner_in(&entry.file_name().to_string_lossy(), me) {
            Some((run, owner)) => found.push((entry.path(), run, owner)),
            None if depth > 0 => look_into(&entry.path(), depth - 1, me, found),
            None => {}
        }
    }
}

/// Run and owner in a group's name. A group does not outlive the kernel, so that it is of this boot.
fn owner_in(name: &str, me: &Owner) -> Option<(String, Owner)> {
    let mut parts = name.strip_prefix(PREFIX)?.splitn(5, '.');
    let run = parts.next()?.to_owned();
    let (pid_namespace, pid, start) =
        (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next()?;
    Some((run, Owner { pid_namespace, pid, start, ..me.clone() }))
}

/// Where the hierarchies of control groups are mounted.
#[derive(Debug, Default)]
struct Mounts {
    two: Option<PathBuf>,
    /// The group of version 2 that this process is in, as a folder.
    own: Option<PathBuf>,
    memory: Option<PathBuf>,
    cpu: Option<PathBuf>,
    freezer: Option<PathBuf>,
}

impl Mounts {
    fn read() -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        Self::parse(&mounts, &fs::read_to_string("/proc/self/cgroup").unwrap_or_default())
    }

    /// From `/proc/self/mountinfo` (proc(5)) and `/proc/self/cgroup` (cgroups(7)).
    fn parse(mounts: &str, groups: &str) -> Self {
        let mut found = Self::default();
        for line in mounts.lines() {
            let Some((place, kind)) = line.split_once(" - ") else { continue };
            let mut place = place.split(' ').skip(3);
            let (Some(root), Some(folder)) = (place.next(), place.next().map(PathBuf::from)) else { continue };
            let mut words = kind.split(' ');
            let (kind, options) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
            let has = |controller: &str| options.split(',').any(|option| option == controller);
            match kind {
                "cgroup2" => {
                    let own = groups.lines().find_map(|line| line.strip_prefix("0::"));
                    let below = own.and_then(|own| Path::new(own).strip_prefix(root).ok());
                    found.own = below.filter(|below| *below != Path::new("")).map(|below| folder.join(below));
                    found.two = Some(folder);
                }
                "cgroup" => {
                    for (controller, place) in
                        [("memory", &mut found.memory), ("cpu", &mut found.cpu), ("freezer", &mut found.freezer)]
                    {
                        if has(controller) {
                            *place = Some(folder.clone());
                        }
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Hierarchies that could hold groups with limits.
    fn limit_homes(&self) -> Vec<LimitHome> {
        let two = self.two.clone().filter(|folder| {
            let enabled = fs::read_to_string(folder.join("cgroup.subtree_control")).unwrap_or_default();
            let enabled: Vec<&str> = enabled.split_whitespace().collect();
            enabled.contains(&"memory") && enabled.contains(&"cpu")
        });
        let one = self.memory.clone().zip(self.cpu.clone()).map(|(memory, cpu)| LimitHome::One { memory, cpu });
        two.map(LimitHome::Two).into_iter().chain(one).collect()
    }

    /// Folders in which groups could be frozen, best first: inside our own group what holds for it holds for nodes too.
    fn freezers(&self) -> Vec<PathBuf> {
        [&self.own, &self.two, &self.freezer].into_iter().flatten().cloned().collect()
    }

    fn all(&self) -> Vec<PathBuf> {
        [&self.two, &self.memory, &self.cpu, &self.freezer].into_iter().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_s_name_tells_its_owner() {
        let me = Owner::current().unwrap();
        let (run, owner) = owner_in("splitbrain-node.k3f9.4026531836.77.1234.west-0.execution", &me).unwrap();
        assert_eq!((run.as_str(), owner.pid_namespace, owner.pid, owner.start), ("k3f9", 4_026_531_836, 77, 1234));
        assert_eq!(owner.boot, me.boot);
        for other in
            ["splitbrain-node.k3f9", "user.slice", "splitbrain-node.k3f9.1.x.1.node", "splitbrain-node.k.1.1.1"]
        {
            assert!(owner_in(other, &me).is_none(), "{other}");
        }
    }

    #[test]
    fn both_controllers_of_version_1_are_needed() {
        let memory = "30 25 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory";
        let cpu = "31 25 0:27 / /sys/fs/cgroup/cpu rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct";
        assert!(Mounts::parse(memory, "").limit_homes().is_empty());
        let both = Mounts::parse(&format!("{memory}\n{cpu}"), "");
        assert!(matches!(&both.limit_homes()[..], [LimitHome::One { .. }]));
    }

    #[test]
    fn our_own_group_is_a_folder_below_the_mount() {
        let two = "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
        let own = |groups: &str| Mounts::parse(two, groups).own;
        assert_eq!(own("0::/user.slice/a.scope\n"), Some(PathBuf::from("/sys/fs/cgroup/user.slice/a.scope")));
        assert_eq!(own("1:cpu:/x\n0::/\n"), None);
        let inner = "30 25 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
        assert_eq!(Mounts::parse(inner, "0::/other\n").own, None, "not below this mount");
    }
    /// Real processes: one that works in the group, and one that it has forked there.
    #[test]
    fn a_group_of_either_version_freezes_and_ends_its_processes() {
        use std::io::Write;
        use std::process::Command;
        use std::time::Duration;

        let mounts = Mounts::read();
        let name = format!("splitbrain-test-{}", std::process::id());
        for home in [mounts.two, mounts.freezer].into_iter().flatten() {
            let group = NodeGroup::of(vec![home.join(&name)]);
            if group.make().is_err() || !group.can_freeze() {
                let _ = group.remove();
                drop(writeln!(io::stderr(), "SKIPPED: no group can be frozen in {}", home.display()));
                continue;
            }
            let script = format!("echo $$ > {}/cgroup.procs; sleep 1000 & wait", home.join(&name).display());
            let mut child = Command::new("sh").args(["-c", &script]).spawn().unwrap();
            let patience = Duration::from_secs(10);
            let deadline = std::time::Instant::now() + patience;
            while group.processes().len() < 2 {
                assert!(std::time::Instant::now() < deadline, "they never came into {}", home.display());
                std::thread::park_timeout(Duration::from_millis(5));
            }
            group.freeze(patience).unwrap();
            assert_eq!(group.processes().len(), 2, "frozen is not gone");
            let marks = crate::backend::native::marks::Marks {
                run: name.clone(),
                node: "none".to_owned(),
                owner: "nobody".to_owned(),
            };
            let all = crate::backend::native::processes::NodeProcesses::new(0, marks, Some(group.clone()));
            all.freeze(patience).unwrap();
            // Frozen ones end as well; the shell is ours to be waited for.
            all.kill_at_once();
            child.wait().unwrap();
            all.kill(patience).unwrap();
            assert!(group.processes().is_empty(), "{}", home.display());
            group.remove_within(patience).unwrap();
        }
    }
}
