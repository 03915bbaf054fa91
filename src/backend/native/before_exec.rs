//! What a child does between fork(2) and execve(2).
#![expect(
    unsafe_code,
    reason = "pre_exec(3): the closure makes one kind of system call, write(2), and takes no memory"
)]

use std::fs::File;
use std::io::{self, Write};

use tokio::process::Command;

/// Puts the child into control groups before its program runs, so that nothing of it is ever outside: neither the memory
/// that it takes nor what it forks in its first milliseconds. `entrances` are open `cgroup.procs` files.
pub(super) fn enter_groups(command: &mut Command, entrances: Vec<File>) {
    if entrances.is_empty() {
        return;
    }
    let enter = move || -> io::Result<()> { entrances.iter().try_for_each(|mut entrance| entrance.write_all(b"0")) };
    // SAFETY: between fork and exec of a process with several threads only async-signal-safe calls are allowed
    // (signal-safety(7)); write(2) is one, and the files were opened before.
    unsafe { command.pre_exec(enter) };
}
