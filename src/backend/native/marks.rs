//! The marks on every process of a node, and finding processes by them.
//!
//! There are two of them. One stands in the environment, which a process may clear. The other is the source of a mount in
//! the node's mount namespace, which `/proc/<pid>/mountinfo` shows of every process in it, whatever became of its environment.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;

/// Environment variable that names the run.
pub const RUN: &str = "SPLITBRAIN_RUN";
/// Environment variable that names the node.
pub const NODE: &str = "SPLITBRAIN_NODE";
/// Environment variable that names the scenario.
pub(super) const SCENARIO: &str = "SPLITBRAIN_SCENARIO";
/// Environment variable that names the process that made the run.
pub const OWNER: &str = "SPLITBRAIN_OWNER";

/// How the source of a marked mount begins; run, node and owner follow, with colons between them.
const MOUNT: &str = "splitbrain:";

/// Whose a process is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Marks {
    pub(super) run: String,
    pub(super) node: String,
    /// As [`crate::backend::Owner`] writes it.
    pub(super) owner: String,
}

impl Marks {
    /// The source of a mount that marks whoever sees it.
    pub(super) fn as_mount_source(&self) -> String {
        format!("{MOUNT}{}:{}:{}", self.run, self.node, self.owner)
    }

    /// The variables that mark whoever inherits them.
    pub(super) fn as_environment(&self) -> [(String, String); 3] {
        [(RUN, &self.run), (NODE, &self.node), (OWNER, &self.owner)]
            .map(|(name, value)| (name.to_owned(), value.clone()))
    }

    /// The marks of one process, if it has them all and may be looked at. A zombie has none.
    pub(super) fn of(pid: i32) -> Option<Self> {
        static OURS: OnceLock<Option<u64>> = OnceLock::new();
        let ours = *OURS.get_or_init(|| own_namespace("mnt"));
        let elsewhere = namespace(pid, "mnt").is_some_and(|there| ours != Some(there));
        let mounts = elsewhere.then(|| fs::read_to_string(format!("/proc/{pid}/mountinfo")).ok()).flatten();
        mounts.and_then(|mounts| Self::in_mounts(&mounts)).or_else(|| {
            let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
            Self::in_environment(&environment)
        })
    }

    /// The source is the second word after the dash (proc(5), `/proc/pid/mountinfo`).
    fn in_mounts(mounts: &str) -> Option<Self> {
        let source = |line: &str| Some(line.split_once(" - ")?.1.split(' ').nth(1)?.to_owned());
        mounts.lines().filter_map(source).find_map(|source| {
            let mut parts = source.strip_prefix(MOUNT)?.splitn(3, ':').map(str::to_owned);
            Some(Self { run: parts.next()?, node: parts.next()?, owner: parts.next()? })
        })
    }

    fn in_environment(environment: &[u8]) -> Option<Self> {
        let mut marks: BTreeMap<&str, &str> = environment
            .split(|&byte| byte == 0)
            .filter(|variable| variable.starts_with(b"SPLITBRAIN_"))
            .filter_map(|variable| std::str::from_utf8(variable).ok()?.split_once('='))
            .collect();
        let mut take = |name| marks.remove(name).map(str::to_owned);
        Some(Self { run: take(RUN)?, node: take(NODE)?, owner: take(OWNER)? })
    }
}

/// All processes that `/proc` shows, this one excepted.
pub(super) fn all_processes() -> Vec<i32> {
    let me = std::process::id() as i32;
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).filter(|&pid: &i32| pid != me).collect()
}

/// Inode number of a process's namespace (`net`, `mnt`); `None` if it is gone or may not be looked at.
pub(super) fn namespace(pid: i32, kind: &str) -> Option<u64> {
    inode(&format!("/proc/{pid}/ns/{kind}")).ok()
}

/// The same of this process.
pub(super) fn own_namespace(kind: &str) -> Option<u64> {
    inode(&format!("/proc/self/ns/{kind}")).ok()
}

fn inode(path: &str) -> io::Result<u64> {
    fs::metadata(path).map(|found| found.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Marks {
        Marks { run: "k3f9".to_owned(), node: "west-0.execution".to_owned(), owner: "h:b:1:2:3".to_owned() }
    }

    #[test]
    fn marks_are_found_among_other_variables() {
        let variables = marks().as_environment().map(|(name, value)| format!("{name}={value}"));
        let environment = format!("PATH=/bin\0X=SPLITBRAIN_NODE=no\0{}\0SPLITBRAIN_ODD\0", variables.join("\0"));
        assert_eq!(Marks::in_environment(environment.as_bytes()), Some(marks()));
        assert_eq!(Marks::in_environment(b"SPLITBRAIN_RUN=k3f9\0SPLITBRAIN_NODE=a\0"), None);
    }

    #[test]
    fn marks_are_found_among_mounts() {
        let plain = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        let marked = format!("40 36 0:50 / /run rw shared:2 - tmpfs {} rw,size=64k", marks().as_mount_source());
        assert_eq!(Marks::in_mounts(&format!("{plain}\n{marked}\n")), Some(marks()));
        assert_eq!(Marks::in_mounts(plain), None);
    }
}
