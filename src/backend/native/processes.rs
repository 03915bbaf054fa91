//! All processes of a node, and what is done to every one of them.
//!
//! A node's process may make children in process groups and sessions of their own, clear their environment, and fork faster
//! than anybody can look. Where the node has a control group, the kernel freezes and ends them all at once; where it has
//! none (an ordinary user), they are found by the node's network namespace and by their marks, again and again until the
//! kernel says of every one that it stands still or is gone.
//!
//! A pid namespace for each node would end them all at once too, but it cannot freeze, needs an init process of ours in
//! each node (the kernel shields process 1 from signals), and a `/proc` of its own, which an ordinary user may not mount
//! inside most containers.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::group::NodeGroup;
use super::marks::{Marks, all_processes, namespace, own_namespace};

/// Between two looks at processes that are about to stop or to end.
const LOOK: Duration = Duration::from_millis(2);

/// So many processes are named when something could not be done to them.
const NAMED: usize = 5;

/// By what the processes of a node are known.
#[derive(Clone, Debug)]
pub(super) struct NodeProcesses {
    /// Inode number of its network namespace, which somebody holds open.
    network: u64,
    marks: Marks,
    group: Option<NodeGroup>,
}

/// A process that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Process {
    /// Clock ticks after boot: parents come before the children that they forked.
    start: u64,
    pid: i32,
    name: String,
}

impl NodeProcesses {
    pub(super) fn new(network: u64, marks: Marks, group: Option<NodeGroup>) -> Self {
        Self { network, marks, group }
    }

    /// Freezes them all. Blocks until every one stands still; an error names those that do not.
    pub(super) fn freeze(&self, within: Duration) -> io::Result<()> {
        let deadline = Instant::now() + within;
        let frozen = self.group.as_ref().is_some_and(|group| group.freeze(within / 2).is_ok());
        // Also what left the group, and everything where there is none. Whoever was about to fork when its signal came has
        // a child that the same look did not show: so two looks in a row must show nothing that runs.
        let looks = if frozen { 1 } else { 2 };
        let (mut still, mut told_to) = (0, BTreeSet::new());
        loop {
            let in_group = if frozen { self.in_group() } else { BTreeSet::new() };
            let mut running = self.list();
            // Once told, what seems to stand does; before that it may only wait for something.
            running.retain(|process| {
                !in_group.contains(&process.pid) && (told_to.insert(process.pid) || !process.stands_still())
            });
            still = if running.is_empty() { still + 1 } else { 0 };
            if still == looks {
                return Ok(());
            }
            // Parents first: a shell that sees its child stop would take it for ended.
            signal_all(&running, Signal::SIGSTOP);
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("{} still running after {within:?}", told(&running))));
            }
            std::thread::park_timeout(LOOK);
        }
    }

    /// Lets them all go on.
    pub(super) fn thaw(&self) -> io::Result<()> {
        // Children first, for the same reason.
        for process in self.list().iter().rev().filter(|process| process.may_be_stopped()) {
            process.signal(Signal::SIGCONT);
        }
        self.group.as_ref().map_or(Ok(()), NodeGroup::thaw)
    }

    /// Asks them all to end. What is frozen goes on, or it would not see it.
    pub(super) fn terminate(&self) -> io::Result<()> {
        signal_all(&self.list(), Signal::SIGTERM);
        self.thaw()
    }

    /// Ends them all. Blocks until none is left; an error names those that are.
    pub(super) fn kill(&self, within: Duration) -> io::Result<()> {
        let deadline = Instant::now() + within;
        loop {
            self.kill_at_once();
            let left = self.list();
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("{} still there {within:?} after SIGKILL", told(&left))));
            }
            // Also what left the group.
            signal_all(&left, Signal::SIGKILL);
            std::thread::park_timeout(LOOK);
        }
    }

    /// Sends SIGKILL to all that are there now, and waits for nothing.
    pub(super) fn kill_at_once(&self) {
        let ended = self.group.as_ref().is_some_and(NodeGroup::kill);
        if !ended {
            signal_all(&self.list(), Signal::SIGKILL);
        }
        // What is frozen in a group of version 1 ends only when it is thawed, and what is started next must run.
        if let Some(group) = &self.group {
            let _ = group.thaw();
        }
    }

    fn in_group(&self) -> BTreeSet<i32> {
        self.group.as_ref().map(NodeGroup::processes).unwrap_or_default()
    }

    /// All that have not ended, parents before their children.
    fn list(&self) -> Vec<Process> {
        let mut pids = self.in_group();
        // A guard against a mistake that would end everything on the machine.
        let network = Some(self.network).filter(|network| own_namespace("net") != Some(*network));
        let is_ours = |pid: &i32| {
            (network.is_some() && namespace(*pid, "net") == network)
                || Marks::of(*pid).is_some_and(|marks| marks == self.marks)
        };
        let others = all_processes().into_iter().filter(|pid| !pids.contains(pid)).filter(is_ours);
        pids.extend(others.collect::<Vec<_>>());
        let mut processes: Vec<Process> = pids.into_iter().filter_map(Process::of).collect();
        processes.sort();
        processes
    }
}

impl Process {
    /// `None` if it has ended.
    fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (before, after) = stat.rsplit_once(')')?;
        let mut fields = after.split_whitespace();
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        let name = before.split_once('(').map_or("", |(_, name)| name).to_owned();
        Some(Self { start: fields.nth(18)?.parse().ok()?, pid, name })
    }

    /// The states of its threads (proc(5)). Empty if it is gone.
    fn states(&self) -> Vec<char> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten().flatten();
        threads
            .filter_map(|thread| {
                let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
                stat.rsplit_once(") ")?.1.chars().next()
            })
            .collect()
    }

    /// Whether no thread of it can run its program, after a SIGSTOP. One that waits inside the kernel (`D`: for a disk, or for the child of
    /// a vfork(2) to be done) has its SIGSTOP pending and stops before it comes back to it.
    fn stands_still(&self) -> bool {
        self.states().iter().all(|state| matches!(state, 'T' | 't' | 'Z' | 'X' | 'D'))
    }

    /// Whether it is stopped, or will be as soon as it has done with what it waits for.
    fn may_be_stopped(&self) -> bool {
        self.states().iter().any(|state| matches!(state, 'T' | 'D'))
    }

    /// One that is gone already is fine; what cannot be signalled is seen by whoever looks again.
    fn signal(&self, signal: Signal) {
        let _ = kill(Pid::from_raw(self.pid), signal);
    }
}

/// Sends a signal to all of these, in their order.
fn signal_all(processes: &[Process], signal: Signal) {
    for process in processes {
        process.signal(signal);
    }
}

/// Ends every process in one of these network namespaces, and every other one that `ours` says is ours by its marks, until
/// none is left. Returns what could not be ended.
pub(super) fn sweep(networks: &BTreeSet<u64>, ours: impl Fn(&Marks) -> bool, within: Duration) -> Result<(), String> {
    let deadline = Instant::now() + within;
    let own = own_namespace("net");
    loop {
        let is_ours = |pid: &i32| {
            namespace(*pid, "net").is_some_and(|there| networks.contains(&there) && own != Some(there))
                || Marks::of(*pid).is_some_and(|marks| ours(&marks))
        };
        let left: Vec<Process> = all_processes().into_iter().filter(is_ours).filter_map(Process::of).collect();
        if left.is_empty() {
            return Ok(());
        }
        let refused = left.iter().any(|one| kill(Pid::from_raw(one.pid), Signal::SIGKILL) == Err(Errno::EPERM));
        if refused || Instant::now() > deadline {
            return Err(format!("{} still there", told(&left)));
        }
        std::thread::park_timeout(LOOK);
    }
}

/// `process 7 (geth) and 2 more are`
fn told(processes: &[Process]) -> String {
    let named: Vec<String> =
        processes.iter().take(NAMED).map(|process| format!("{} ({})", process.pid, process.name)).collect();
    let more = processes.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    match &named[..] {
        [] => "some processes are".to_owned(),
        [one] => format!("process {one} is"),
        _ => format!("processes {}{more} are", named.join(", ")),
    }
}
