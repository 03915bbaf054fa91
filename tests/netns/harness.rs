//! A small test runner, and the ways in which this program starts itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use splitbrain::backend::fabric::{self, Privilege};

/// What a test comes to; a panic is a failure too.
pub(crate) type Outcome = anyhow::Result<Verdict>;

/// How a test that did not fail ended.
pub(crate) enum Verdict {
    Passed,
    Skipped(String),
}

/// Name and body of a test.
pub(crate) type Test = (&'static str, fn() -> Outcome);

/// Set for a copy of this program that must get its privilege from a user namespace.
const ROOTLESS: &str = "SPLITBRAIN_TEST_ROOTLESS";

pub(crate) fn main(tests: &[Test]) -> ExitCode {
    if std::env::var_os(ROOTLESS).is_some() {
        match fabric::enter_user_namespace() {
            Ok(true) => {}
            Ok(false) => {
                eprintln!("nobody may administer this machine, which cannot be");
                return ExitCode::FAILURE;
            }
            Err(error) => {
                eprintln!("no user namespace: {error}; {}", fabric::user_namespace_remedy());
                return ExitCode::from(77);
            }
        }
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let chosen =
        || tests.iter().filter(|(name, _)| words.is_empty() || words.iter().any(|word| name.contains(word.as_str())));
    if arguments.iter().any(|word| word == "--list") {
        chosen().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let able = fabric::probe();
    let (mut passed, mut failed, mut skipped) = (0, Vec::new(), 0);
    for (name, body) in chosen() {
        let began = Instant::now();
        let outcome = match &able {
            Err(error) => Ok(Ok(Verdict::Skipped(format!("this process can make no network: {error}")))),
            Ok(_) => std::panic::catch_unwind(body),
        };
        let seconds = began.elapsed().as_secs_f64();
        match outcome {
            Ok(Ok(Verdict::Passed)) => {
                passed += 1;
                println!("test {name} ... ok ({seconds:.2} s)");
            }
            Ok(Ok(Verdict::Skipped(why))) => {
                skipped += 1;
                eprintln!("SKIPPED: {name}: {why}");
            }
            Ok(Err(error)) => {
                println!("test {name} ... FAILED ({seconds:.2} s)\n    {error:#}");
                failed.push(*name);
            }
            Err(_) => {
                println!("test {name} ... FAILED ({seconds:.2} s), panicked");
                failed.push(*name);
            }
        }
    }
    println!("\ntest result: {passed} passed; {} failed; {skipped} skipped", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How the copy finds `/dev/net/tun`.
pub(crate) enum Tun {
    AsItIs,
    /// Mode 0600, as on some machines.
    Closed,
}

/// Runs tests of this program in a copy of it that belongs to `nobody`. Needs root, to become somebody else.
pub(crate) fn run_as_nobody(tests: &[&str], tun: &Tun) -> Outcome {
    if fabric::privilege() != Privilege::Root {
        return Ok(Verdict::Skipped("only root can become another user".to_owned()));
    }
    // The build folder may be closed to others.
    let folder = tempfile::Builder::new().prefix("splitbrain-netns-").tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let program = folder.path().join("netns");
    fs::copy(std::env::current_exe()?, &program)?;
    let closed = folder.path().join("tun");
    fs::write(&closed, "")?;
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o600))?;
    let prepare = match tun {
        Tun::AsItIs => "",
        Tun::Closed => "mount --bind \"$1\" /dev/net/tun || exit 78; ",
    };
    // In a mount namespace of its own, so that the machine's device stays as it is.
    let script =
        format!("{prepare}shift; exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs -- \"$@\"");
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script, "sh"])
        .arg(&closed)
        .arg(&program)
        .args(tests)
        .env(ROOTLESS, "1")
        .env("TMPDIR", "/tmp")
        .env_remove("XDG_RUNTIME_DIR")
        .current_dir("/")
        .output()?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(77 | 78) => Ok(Verdict::Skipped(text)),
        Some(0) if text.contains(&format!("{} passed; 0 failed; 0 skipped", tests.len())) => Ok(Verdict::Passed),
        _ => anyhow::bail!("as nobody:\n{text}"),
    }
}

/// Asks until the answer is yes; the condition is named in the failure.
pub(crate) fn wait_for(what: &str, within: Duration, mut happened: impl FnMut() -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + within;
    while !happened() {
        anyhow::ensure!(Instant::now() < deadline, "not within {within:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
    Ok(())
}
