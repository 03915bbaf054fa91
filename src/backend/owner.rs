//! Who made a thing: the mark on everything a run leaves on the machine, by which `clean` knows whether its maker lives.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::str::FromStr;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

/// So much of the boot's random id is kept: a mark must fit into the comment of a filter table (127 bytes).
const BOOT_LENGTH: usize = 12;

/// A process: `hostname:boot:pid-namespace:pid:start`. The boot says on which machine and since when the numbers mean
/// anything, the namespace where the process has its number, the start time tells it from a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Name of the machine (or container), for people.
    pub host: String,
    /// Beginning of the kernel's id of this boot, hexadecimal (`/proc/sys/kernel/random/boot_id`, random(4)). Containers
    /// have the one of their machine.
    pub boot: String,
    /// Inode number of the pid namespace (pid_namespaces(7)) in which `pid` is the process's number.
    pub pid_namespace: u64,
    /// Process id.
    pub pid: u32,
    /// When it started, in clock ticks after the machine's boot (field 22 of `/proc/<pid>/stat`, proc(5)).
    pub start: u64,
}

/// What is known about an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerState {
    /// The process runs.
    Alive,
    /// It was a process of this boot and this pid namespace, and it ended.
    Dead,
    /// Nothing can be said from here: it has another kernel (another machine, or an earlier boot of this one), a number in
    /// another pid namespace, or is hidden from this user.
    Elsewhere,
}

impl OwnerState {
    /// For people and programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Dead => "dead",
            Self::Elsewhere => "elsewhere",
        }
    }
}

impl Owner {
    /// The process that calls this.
    pub fn current() -> io::Result<Self> {
        let host = fs::read_to_string("/proc/sys/kernel/hostname")?.trim().to_owned();
        // Not by number: where `/proc` belongs to another pid namespace our number is somebody else's in it.
        let stat = fs::read_to_string("/proc/self/stat")?;
        let odd = || io::Error::new(io::ErrorKind::InvalidData, format!("/proc/self/stat is odd: {stat}"));
        let start = start_in(&stat).ok_or_else(odd)?;
        Ok(Self { host, boot: boot()?, pid_namespace: pid_namespace()?, pid: std::process::id(), start })
    }

    /// Whether the owner still runs.
    pub fn state(&self) -> OwnerState {
        let comparable = self.is_of_this_boot()
            && pid_namespace().is_ok_and(|here| here == self.pid_namespace)
            && numbers_of_proc_are_ours();
        if comparable { self.state_here() } else { OwnerState::Elsewhere }
    }

    /// Whether it is a process of the kernel that runs now.
    pub fn is_of_this_boot(&self) -> bool {
        boot().is_ok_and(|here| here == self.boot)
    }

    fn state_here(&self) -> OwnerState {
        match fs::read_to_string(format!("/proc/{}/stat", self.pid)) {
            Ok(stat) if start_in(&stat) == Some(self.start) => OwnerState::Alive,
            Ok(_) => OwnerState::Dead,
            // `/proc` may hide other users' processes (`hidepid`, proc(5)); the kernel answers a signal all the same.
            Err(_) => match kill(Pid::from_raw(self.pid as i32), None) {
                Err(Errno::ESRCH) => OwnerState::Dead,
                _ => OwnerState::Elsewhere,
            },
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}:{}", self.host, self.boot, self.pid_namespace, self.pid, self.start)
    }
}

impl FromStr for Owner {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.trim().rsplitn(5, ':');
        let start = parts.next().and_then(|part| part.parse().ok()).ok_or(())?;
        let pid = parts.next().and_then(|part| part.parse().ok()).ok_or(())?;
        let pid_namespace = parts.next().and_then(|part| part.parse().ok()).ok_or(())?;
        let boot = parts.next().filter(|boot| !boot.is_empty()).ok_or(())?.to_owned();
        let host = parts.next().filter(|host| !host.is_empty()).ok_or(())?.to_owned();
        Ok(Self { host, boot, pid_namespace, pid, start })
    }
}

fn boot() -> io::Result<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(id.chars().filter(char::is_ascii_hexdigit).take(BOOT_LENGTH).collect())
}

fn pid_namespace() -> io::Result<u64> {
    Ok(fs::metadata("/proc/self/ns/pid")?.ino())
}

/// Whether `/proc` shows the processes of our own pid namespace by the numbers that they have in it.
fn numbers_of_proc_are_ours() -> bool {
    let me = std::process::id().to_string();
    fs::read_link("/proc/self").is_ok_and(|link| link.as_os_str() == me.as_str())
}

/// Start time of a process. The command's name, in brackets, may hold anything, brackets and spaces too.
fn start_in(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    // A zombie holds its number but owns nothing any more.
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_its_mark_reads_back() {
        let owner = Owner::current().unwrap();
        assert_eq!(owner.to_string().parse::<Owner>(), Ok(owner.clone()));
        assert_eq!(owner.state(), OwnerState::Alive);
        assert_eq!(Owner { start: owner.start + 1, ..owner.clone() }.state(), OwnerState::Dead);
        let odd_machine = Owner { host: "renamed".to_owned(), ..owner };
        assert_eq!(odd_machine.state(), OwnerState::Alive, "a machine may get another name in the middle of a run");
    }

    #[test]
    fn what_cannot_be_seen_from_here_is_not_dead() {
        let owner = Owner::current().unwrap();
        let gone = Owner { pid: 0x3fff_fff0, ..owner };
        assert_eq!(gone.state(), OwnerState::Dead, "no process has that number");
        assert_eq!(Owner { boot: "0123456789ab".to_owned(), ..gone.clone() }.state(), OwnerState::Elsewhere);
        assert_eq!(Owner { pid_namespace: 1, ..gone }.state(), OwnerState::Elsewhere);
    }

    #[test]
    fn odd_marks_and_odd_names_are_survived() {
        // The third is how marks looked once: they say too little to be trusted.
        for odd in ["", "host", "host:1:2", "host:b:1:2", ":b:1:1:2", "host::1:1:2", "host:b:1:one:2", "host:b:1:1:"] {
            assert_eq!(odd.parse::<Owner>(), Err(()), "{odd}");
        }
        assert_eq!("a:b:c:1:1:2".parse::<Owner>().map(|owner| owner.host), Ok("a:b".to_owned()));
        let longest = Owner {
            host: "h".repeat(64),
            boot: "b".repeat(BOOT_LENGTH),
            pid_namespace: u64::from(u32::MAX),
            pid: 1 << 22,
            start: u64::from(u32::MAX) * 100,
        };
        assert!(longest.to_string().len() < 127, "{longest}");
        let fields = (4..=30).map(|field| field.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(start_in(&format!("7 (a ) b) S {fields}")), Some(22));
        assert_eq!(start_in(&format!("7 (a) Z {fields}")), None);
        assert_eq!(start_in("7 (a"), None);
    }
}
