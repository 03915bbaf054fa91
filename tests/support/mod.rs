//! What integration tests share: running the real binary, and saying loudly what could not be tested.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// The binary under test, in a folder, with nothing of the caller's Docker settings unless the test sets them.
pub(crate) fn splitbrain(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_splitbrain"));
    command.current_dir(folder).env("NO_COLOR", "1");
    command
}

/// Runs to the end.
pub(crate) fn output(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the binary prints UTF-8");
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Says on the real stderr (which the test harness does not capture) that a test could not run.
pub(crate) fn skip(test: &str, reason: &str) {
    drop(writeln!(std::io::stderr(), "SKIPPED: {test}: {reason}"));
}

/// Whether a backend can start nodes here; if not, why.
pub(crate) fn backend_works(backend: &str) -> Result<(), String> {
    let here = std::env::temp_dir();
    let (code, stdout, stderr) = output(splitbrain(&here).args(["doctor", "--backend", backend]));
    if code == 0 { Ok(()) } else { Err(format!("{stdout}{stderr}").trim().replace('\n', " ")) }
}

/// Waits until a condition holds; panics with what was waited for at the deadline.
pub(crate) fn wait_until(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
