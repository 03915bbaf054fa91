//! Who made a thing: the mark on everything a run leaves on the machine, by which `clean` knows whether its maker lives.

use std::fmt;
use std::fs;
use std::io;
use std::str::FromStr;

/// A process on a machine: `hostname:pid:start`. The start time tells a process from a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Name of the machine.
    pub host: String,
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
    /// It ended (or the machine was started anew since).
    Dead,
    /// It ran on another machine: nothing can be said from here.
    Elsewhere,
}

impl Owner {
    /// The process that calls this.
    pub fn current() -> io::Result<Self> {
        let pid = std::process::id();
        Ok(Self { host: hostname()?, pid, start: start_of(pid)? })
    }

    /// Whether the owner still runs.
    pub fn state(&self) -> OwnerState {
        match hostname() {
            Ok(host) if host == self.host => match start_of(self.pid) {
                Ok(start) if start == self.start => OwnerState::Alive,
                _ => OwnerState::Dead,
            },
            _ => OwnerState::Elsewhere,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.host, self.pid, self.start)
    }
}

impl FromStr for Owner {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.trim().rsplitn(3, ':');
        let start = parts.next().and_then(|part| part.parse().ok()).ok_or(())?;
        let pid = parts.next().and_then(|part| part.parse().ok()).ok_or(())?;
        let host = parts.next().filter(|host| !host.is_empty()).ok_or(())?.to_owned();
        Ok(Self { host, pid, start })
    }
}

fn hostname() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/hostname")?.trim().to_owned())
}

/// Start time of a process. The command's name, in brackets, may hold anything, brackets and spaces too.
fn start_of(pid: u32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    start_in(&stat)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat is odd: {stat}")))
}

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
        assert_eq!(Owner { host: "another-machine".to_owned(), ..owner }.state(), OwnerState::Elsewhere);
    }

    #[test]
    fn odd_marks_and_odd_names_are_survived() {
        for odd in ["", "host", "host:1", ":1:2", "host:one:2", "host:1:"] {
            assert_eq!(odd.parse::<Owner>(), Err(()), "{odd}");
        }
        assert_eq!("a:b:1:2".parse::<Owner>().map(|owner| owner.host), Ok("a:b".to_owned()));
        let fields = (4..=30).map(|field| field.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(start_in(&format!("7 (a ) b) S {fields}")), Some(22));
        assert_eq!(start_in(&format!("7 (a) Z {fields}")), None);
        assert_eq!(start_in("7 (a"), None);
    }
}
