//! What the machine lacks, and which engine is meant: said before anything starts, with what can be done about it.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};
use support::{output, skip, splitbrain};

/// As `docker context create NAME --docker host=HOST` writes it, in a folder of Docker's configuration.
fn context(configuration: &Path, name: &str, host: &str) {
    let id = hex::encode(Sha256::digest(name));
    let folder = configuration.join("contexts/meta").join(id);
    fs::create_dir_all(&folder).expect("made");
    let meta = serde_json::json!({
        "Name": name,
        "Metadata": {},
        "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": false}},
    });
    fs::write(folder.join("meta.json"), meta.to_string()).expect("written");
}

fn doctor(configuration: &Path) -> Command {
    let mut command = splitbrain(configuration);
    command.args(["doctor", "--backend", "docker"]);
    command.env("DOCKER_CONFIG", configuration).env_remove("DOCKER_HOST").env_remove("DOCKER_CONTEXT");
    command
}

#[test]
fn the_context_of_the_users_docker_configuration_is_taken() {
    let here = tempfile::tempdir().expect("a temporary folder");
    context(here.path(), "lab", "unix:///nowhere/lab.sock");
    context(here.path(), "other", "unix:///nowhere/other.sock");
    context(here.path(), "far", "ssh://somebody@far");
    fs::write(here.path().join("config.json"), r#"{"currentContext": "lab"}"#).expect("written");

    let (code, stdout, _) = output(&mut doctor(here.path()));
    assert_eq!(code, 3, "{stdout}");
    assert!(stdout.contains("unix:///nowhere/lab.sock (context `lab`, chosen by currentContext in "), "{stdout}");
    assert!(stdout.contains("docker context use NAME") && stdout.contains("$XDG_RUNTIME_DIR/docker.sock"), "{stdout}");

    let (_, stdout, _) = output(doctor(here.path()).env("DOCKER_CONTEXT", "other"));
    assert!(stdout.contains("unix:///nowhere/other.sock (context `other`, chosen by DOCKER_CONTEXT)"), "{stdout}");

    let (_, stdout, _) =
        output(doctor(here.path()).env("DOCKER_CONTEXT", "other").env("DOCKER_HOST", "unix:///nowhere/named.sock"));
    assert!(stdout.contains("unix:///nowhere/named.sock (DOCKER_HOST)"), "{stdout}");

    let (code, stdout, _) = output(doctor(here.path()).env("DOCKER_CONTEXT", "gone"));
    assert_eq!(code, 3, "{stdout}");
    assert!(stdout.contains("cannot use the Docker context `gone` (DOCKER_CONTEXT)"), "{stdout}");
    assert!(stdout.contains("docker context ls"), "{stdout}");

    let (_, stdout, _) = output(doctor(here.path()).env("DOCKER_CONTEXT", "far"));
    assert!(stdout.contains("says `ssh://somebody@far`") && stdout.contains("ssh -L"), "{stdout}");
}

#[test]
fn a_context_leads_to_an_engine_that_answers() {
    let test = "a_context_leads_to_an_engine_that_answers";
    if let Err(reason) = support::backend_works("docker") {
        return skip(test, &reason);
    }
    let real = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let here = tempfile::tempdir().expect("a temporary folder");
    context(here.path(), "real", &real);
    let (code, stdout, stderr) = output(doctor(here.path()).env("DOCKER_CONTEXT", "real"));
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains(&format!("{real} (context `real`, chosen by DOCKER_CONTEXT)")), "{stdout}");
    assert!(stdout.contains("keep sealed networks sealed"), "{stdout}");
}

const MANY: &str = "name: many
timeout: 1m
chain: {genesis: beacon, slot: 2s, slots_per_epoch: 8}
topology:
  groups:
    n: {count: 40, client: reference, role: follower}
  nodes: {v: {client: reference, role: validator}}
  graph: ring
  bootnodes: [v]
expect:
  - {ready: {within: 30s}}
";

/// `splitbrain` with a limit of open files.
fn limited(folder: &Path, files: u32) -> Command {
    let mut command = Command::new("sh");
    let line = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
    command.args(["-c", &line, env!("CARGO_BIN_EXE_splitbrain")]).current_dir(folder).env("NO_COLOR", "1");
    command
}

#[test]
fn too_few_files_are_told_before_the_start() {
    let here = tempfile::tempdir().expect("a temporary folder");
    fs::write(here.path().join("many.yaml"), MANY).expect("written");
    for (backend, files) in [("native", 260), ("native", 180), ("docker", 180), ("auto", 60)] {
        let (code, _, stderr) = output(limited(here.path(), files).args(["run", "many.yaml", "--backend", backend]));
        assert_eq!(code, 3, "{backend}: {stderr}");
        assert!(
            stderr.contains("open files, and the limit is ") && stderr.contains("ulimit -n "),
            "{backend}: {stderr}"
        );
        assert!(stderr.contains(&format!("the limit is {files}\n")), "{backend}: {stderr}");
        assert!(!stderr.contains("as root") || stderr.contains("only root can raise"), "{backend}: {stderr}");
        assert!(!here.path().join("results").exists(), "nothing was started, nothing is written");
    }
}

/// The soft limit alone is no gap: it is raised.
#[test]
fn a_low_soft_limit_is_raised() {
    let test = "a_low_soft_limit_is_raised";
    if let Err(reason) = support::backend_works("native") {
        return skip(test, &reason);
    }
    let here = tempfile::tempdir().expect("a temporary folder");
    fs::write(here.path().join("few.yaml"), MANY.replace("count: 40", "count: 3").replace("name: many", "name: few"))
        .expect("written");
    let mut command = Command::new("sh");
    let line = "ulimit -S -n 40 && exec \"$0\" \"$@\"";
    command.args(["-c", line, env!("CARGO_BIN_EXE_splitbrain"), "run", "few.yaml", "--backend", "native"]);
    let (code, stdout, stderr) = output(command.current_dir(here.path()));
    assert_eq!(code, 0, "{stdout}{stderr}");
}

/// A member of the group that may use the engine, without root: links cannot be cut on docker for them, so `auto` takes
/// native where they may make namespaces, and says why. Where they may not, both reasons are told.
#[test]
fn without_root_auto_takes_what_works_and_says_why() {
    use std::os::unix::fs::MetadataExt;
    let test = "without_root_auto_takes_what_works_and_says_why";
    if !nix::unistd::geteuid().is_root() {
        return skip(test, "only root can become another user");
    }
    if let Err(reason) = support::backend_works("docker") {
        return skip(test, &reason);
    }
    let real = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let Some(about) = real.strip_prefix("unix://").and_then(|path| fs::metadata(path).ok()) else {
        return skip(test, "the engine is not on a local socket");
    };
    let here = tempfile::tempdir().expect("a temporary folder");
    std::os::unix::fs::chown(here.path(), Some(65534), Some(65534)).expect("root may give it away");
    let as_member = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", &format!("--groups={}", about.gid())]);
        command.arg(env!("CARGO_BIN_EXE_splitbrain")).args(arguments).current_dir(here.path());
        output(command.env("HOME", here.path()).env("NO_COLOR", "1"))
    };
    let (code, stdout, stderr) = as_member(&["doctor", "--backend", "docker"]);
    if code != 0 {
        return skip(test, &format!("another user cannot use the engine: {stdout}{stderr}"));
    }
    let (native, ..) = as_member(&["doctor", "--backend", "native"]);
    let (code, stdout, stderr) = as_member(&["run", "quickstart"]);
    let why = "can only be entered by root";
    if native == 0 {
        assert_eq!(code, 0, "{stdout}{stderr}");
        assert!(stderr.contains("backend: native, since docker cannot be used: "), "{stderr}");
        assert!(stderr.contains(why), "{stderr}");
    } else {
        assert_eq!(code, 3, "{stdout}{stderr}");
        assert!(stderr.contains("docker: ") && stderr.contains(why) && stderr.contains("native: "), "{stderr}");
    }
    // Asked for outright, docker is no mistake in the scenario but a gap of this machine.
    let (code, _, stderr) = as_member(&["run", "quickstart", "--backend", "docker"]);
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains(why) && stderr.contains("run as root"), "{stderr}");
}
