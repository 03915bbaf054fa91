//! What goes wrong around a run: kills, interrupts, nodes and engines that fail. Nothing is left behind, nothing of
//! anybody else is touched, results are kept, and the message says what to do.

mod support;

use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use support::{backend_works, output, skip, splitbrain, wait_until};

/// `clean` looks at the whole machine, so that one test's killed run must not be on it while another one looks.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed has let go of the lock in the middle; the next one may go on all the same.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Three small nodes, a partition that is on most of the time, no waiting at the end.
const SMALL: &str = "
name: small
seed: 5
timeout: 1m
chain: {genesis: beacon, slot: 1s, slots_per_epoch: 4}
topology:
  name: three
  groups: {n: {count: 3, client: reference, role: validator}}
  graph: mesh
  bootnodes: [n-0]
timeline:
  - {name: split, at: 500ms, for: 2s, inject: {isolate: {targets: n-2}}}
expect:
  - {ready: {within: 30s}}
";

fn project(scenario: &str) -> tempfile::TempDir {
    let here = tempfile::tempdir().expect("a temporary folder");
    fs::write(here.path().join("small.yaml"), scenario).expect("written");
    here
}

/// Instants at which the tool is killed: from its first milliseconds to its end, in a fixed irregular order.
fn instants() -> impl Iterator<Item = Duration> {
    (0..20_u64).map(|n| Duration::from_millis(20 + (n * 7919 % 20) * 230))
}

fn kill_at(mut child: Child, after: Duration) {
    let deadline = Instant::now() + after;
    while Instant::now() < deadline && child.try_wait().expect("our own child").is_none() {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    // Already ended is fine as well: then nothing may be left either.
    drop(child.kill());
    child.wait().expect("our own child");
}

fn start(here: &Path, backend: &str) -> Child {
    // Whoever runs the tests may ignore SIGHUP (`nohup` does), and children inherit that.
    Command::new("env")
        .args(["--default-signal=HUP", env!("CARGO_BIN_EXE_splitbrain"), "run", "small.yaml", "--backend", backend])
        .current_dir(here)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts")
}

/// Kills at many instants; after each, `clean` removes what is left and a further look finds nothing.
fn killed_runs_are_cleaned(test: &str, backend: &str) {
    if let Err(reason) = backend_works(backend) {
        return skip(test, &reason);
    }
    let here = project(SMALL);
    let mut bystander = Command::new("sleep").arg("600").spawn().expect("sleep starts");
    for after in instants() {
        kill_at(start(here.path(), backend), after);
        let (code, stdout, stderr) = output(splitbrain(here.path()).arg("clean"));
        assert_eq!(code, 0, "killed after {after:?}: {stdout}{stderr}");
        let (code, stdout, stderr) = output(splitbrain(here.path()).args(["clean", "--check"]));
        assert_eq!(code, 0, "still there after a kill at {after:?}: {stdout}{stderr}");
    }
    assert!(bystander.try_wait().expect("our own child").is_none(), "clean ended a process that is not ours");
    drop(bystander.kill());
    bystander.wait().expect("our own child");
    let (code, stdout, stderr) = output(splitbrain(here.path()).args(["run", "small.yaml", "--backend", backend]));
    assert_eq!(code, 0, "a following run works: {stdout}{stderr}");
}

#[test]
fn a_killed_native_run_is_cleaned() {
    let _alone = alone();
    killed_runs_are_cleaned("a_killed_native_run_is_cleaned", "native");
}

#[test]
fn a_killed_docker_run_is_cleaned() {
    let _alone = alone();
    killed_runs_are_cleaned("a_killed_docker_run_is_cleaned", "docker");
}

#[test]
fn an_interrupt_is_judged_and_torn_down() {
    let _alone = alone();
    use nix::sys::signal::Signal;
    for (backend, signal) in [
        ("native", Signal::SIGINT),
        ("native", Signal::SIGTERM),
        ("native", Signal::SIGHUP),
        ("docker", Signal::SIGHUP),
    ] {
        if let Err(reason) = backend_works(backend) {
            skip(&format!("an_interrupt_is_judged_and_torn_down on {backend}"), &reason);
            continue;
        }
        let here = project(&SMALL.replace("for: 2s", "for: 40s"));
        let mut child = start(here.path(), backend);
        let journal = here.path().join("results/latest/events.jsonl");
        wait_until("the timeline starts", Duration::from_secs(60), || {
            fs::read_to_string(&journal).is_ok_and(|text| text.contains("timeline_started"))
        });
        let pid = nix::unistd::Pid::from_raw(child.id() as i32);
        nix::sys::signal::kill(pid, signal).expect("our own child");
        let status = child.wait().expect("our own child");
        assert_eq!(status.code(), Some(130), "{backend}, {signal}");
        for file in ["verdict.json", "junit.xml", "report.html", "run.json"] {
            assert!(here.path().join("results/latest").join(file).exists(), "{backend}: {file} is written");
        }
        let text = fs::read_to_string(&journal).expect("the journal");
        assert!(text.contains("\"interrupted\"") && text.contains("torn_down"), "{backend}: {text}");
        one_story(here.path(), backend);
        assert_eq!(output(splitbrain(here.path()).args(["clean", "--check"])).0, 0, "{backend}");
    }
}

/// Everything that speaks of an interrupted run says so.
fn one_story(here: &Path, backend: &str) {
    let read = |file: &str| fs::read_to_string(here.join("results/latest").join(file)).expect("kept");
    let (code, stdout, stderr) = output(splitbrain(here).arg("check"));
    assert_eq!(code, 130, "{backend}: {stdout}{stderr}");
    assert!(stdout.contains("INTERRUPTED small") && !stdout.contains("PASSED"), "{backend}: {stdout}");
    for file in ["verdict.json", "run.json"] {
        let json: serde_json::Value = serde_json::from_str(&read(file)).expect("JSON");
        assert_eq!(json["conclusion"], "interrupted", "{backend}: {file}");
    }
    let junit = read("junit.xml");
    assert!(junit.contains("name=\"run\"") && !junit.contains("errors=\"0\""), "{backend}: {junit}");
    assert!(!read("report.html").contains("PASSED"), "{backend}");
    let (code, stdout, stderr) = output(splitbrain(here).args(["list", "runs"]));
    assert!(code == 0 && stdout.contains("interrupted (exit 130)"), "{backend}: {stdout}{stderr}");
}

/// A tool that stood still saw nothing meanwhile, and its journal says so: of itself, and of each node.
#[test]
fn a_tool_that_stood_still_says_so() {
    let _alone = alone();
    let test = "a_tool_that_stood_still_says_so";
    if let Err(reason) = backend_works("native") {
        return skip(test, &reason);
    }
    let here = project(SMALL);
    let mut child = start(here.path(), "native");
    let journal = here.path().join("results/latest/events.jsonl");
    wait_until("the split is over", Duration::from_secs(60), || {
        fs::read_to_string(&journal).is_ok_and(|text| text.contains("\"phase\":\"end\""))
    });
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    let signal = |signal| nix::sys::signal::kill(pid, signal).expect("our own child");
    signal(nix::sys::signal::Signal::SIGSTOP);
    let status = format!("/proc/{pid}/status");
    wait_until("it is stopped", Duration::from_secs(10), || {
        fs::read_to_string(&status).is_ok_and(|text| text.contains("T (stopped)"))
    });
    let stopped = Instant::now();
    wait_until("time goes by", Duration::from_secs(60), || stopped.elapsed() > Duration::from_secs(3));
    signal(nix::sys::signal::Signal::SIGCONT);
    child.wait().expect("our own child");
    let text = fs::read_to_string(&journal).expect("the journal");
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
    assert_eq!(events[0]["what"]["run"]["promises"], 1, "{}", events[0]);
    let long = |gap: &serde_json::Value| {
        gap["to"].as_u64().zip(gap["from"].as_u64()).is_some_and(|(to, from)| to - from >= 3_000_000)
    };
    let stood = events.iter().map(|event| &event["what"]["stood_still"]).filter(|gap| long(gap)).count();
    assert_eq!(stood, 1, "{text}");
    for node in ["n-0", "n-1", "n-2"] {
        let gaps = events.iter().map(|event| &event["what"]["poll_gap"]);
        assert_eq!(gaps.filter(|gap| gap["node"] == node && long(gap)).count(), 1, "{node}: {text}");
    }
}

/// A run whose terminal goes away goes on if that was asked for.
#[test]
fn a_run_under_nohup_outlives_its_terminal() {
    let _alone = alone();
    let test = "a_run_under_nohup_outlives_its_terminal";
    if let Err(reason) = backend_works("native") {
        return skip(test, &reason);
    }
    let here = project(SMALL);
    let mut child = Command::new("nohup")
        .arg(env!("CARGO_BIN_EXE_splitbrain"))
        .args(["run", "small.yaml", "--backend", "native"])
        .current_dir(here.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nohup starts");
    let journal = here.path().join("results/latest/events.jsonl");
    wait_until("the timeline starts", Duration::from_secs(60), || {
        fs::read_to_string(&journal).is_ok_and(|text| text.contains("timeline_started"))
    });
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).expect("our own child");
    assert_eq!(child.wait().expect("our own child").code(), Some(0));
}

/// The bundled client behind a start script of one's own, which is `script` with the client's command in `"$@"`.
fn behind_a_script(here: &Path, name: &str, script: &str) {
    let folder = here.join("clients").join(name);
    fs::create_dir_all(folder.join("bin")).expect("made");
    let program = folder.join("bin").join(format!("{name}.sh"));
    let script = script.replace("NODE", env!("CARGO_BIN_EXE_splitbrain"));
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("our own file");
    let manifest = include_str!("../clients/reference/client.yaml")
        .replace("name: reference", &format!("name: {name}"))
        .replace("image: {builtin: reference}", "image: {build: .}")
        .replace("native: {builtin: reference}", &format!("native: {{program: {name}.sh}}"))
        .replace("  - splitbrain\n", &format!("  - {name}.sh\n"));
    fs::write(folder.join("client.yaml"), manifest).expect("written");
    fs::write(folder.join("Dockerfile"), "FROM scratch\n").expect("written");
}

fn events(here: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(here.join("results/latest/events.jsonl")).expect("the journal");
    text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

/// A start script with job control puts the client into a process group of its own: it is paused and killed all the same.
#[test]
fn faults_reach_a_client_in_a_process_group_of_its_own() {
    let _alone = alone();
    let test = "faults_reach_a_client_in_a_process_group_of_its_own";
    if let Err(reason) = backend_works("native") {
        return skip(test, &reason);
    }
    let timeline = "
  - {name: freeze, at: 1s, for: 4s, inject: {pause: {targets: n-2}}}
  - {name: crash, at: 9s, for: 2s, inject: {kill: {targets: n-2}}}
";
    let split = "\n  - {name: split, at: 500ms, for: 2s, inject: {isolate: {targets: n-2}}}\n";
    let here = project(&SMALL.replace(split, timeline).replace("client: reference", "client: wrapped"));
    behind_a_script(here.path(), "wrapped", "set -m\nNODE \"$@\" &\nwait $!");
    let (code, stdout, stderr) = output(splitbrain(here.path()).args(["run", "small.yaml", "--backend", "native"]));
    assert_eq!(code, 0, "{stdout}{stderr}");
    let events = events(here.path());
    let edge = |entry: &str, phase: &str| {
        let faults = events.iter().map(|event| &event["what"]["fault"]);
        let mut edges = faults.filter(|fault| fault["entry"] == entry && fault["phase"] == phase);
        let fault = edges.next().unwrap_or_else(|| panic!("{entry} has no {phase}"));
        assert!(fault["error"].is_null(), "{fault}");
        fault["applied"].as_u64().expect("microseconds")
    };
    for entry in ["freeze", "crash"] {
        let (begin, end) = (edge(entry, "begin"), edge(entry, "end"));
        let heads = events.iter().filter(|event| event["what"]["head"]["node"] == "n-2");
        let during = heads.filter(|event| event["at"].as_u64().is_some_and(|at| (begin..end).contains(&at)));
        assert_eq!(during.count(), 0, "the node went on during {entry}");
    }
    let unexpected = events.iter().filter(|event| event["what"]["exit"]["expected"] == false).count();
    assert_eq!(unexpected, 0, "the client that was killed had let go of its port: {stderr}");
}

/// A `stop` that the process does not see is told as what it was, and nothing leans on it.
#[test]
fn a_stop_that_is_ignored_is_a_finding() {
    let _alone = alone();
    let test = "a_stop_that_is_ignored_is_a_finding";
    if let Err(reason) = backend_works("native") {
        return skip(test, &reason);
    }
    let split = "\n  - {name: split, at: 500ms, for: 2s, inject: {isolate: {targets: n-2}}}\n";
    let stop = "\n  - {name: ask, at: 1s, for: 6s, inject: {stop: {targets: n-2}}}\n";
    let expect = "  - {after: ask, within: 10s, that: {agree: {on: head}}}\n";
    let here = project(&(SMALL.replace(split, stop).replace("client: reference", "client: deaf") + expect));
    // A signal that is ignored stays so over an exec: what the script becomes does not end.
    behind_a_script(here.path(), "deaf", "trap '' TERM\nNODE \"$@\"\nexec sleep 1000");
    let (code, stdout, stderr) = output(splitbrain(here.path()).args(["run", "small.yaml", "--backend", "native"]));
    assert_eq!(code, 4, "what comes after a stop that was none is unknown: {stdout}{stderr}");
    let told = "n-2 did not end within 10 s of SIGTERM and was killed; it was up until then";
    assert!(stdout.contains(told), "{stdout}");
    let events = events(here.path());
    let ignored = events.iter().position(|event| event["what"]["stop_ignored"]["node"] == "n-2").expect("told");
    let exit = events.iter().position(|event| event["what"]["exit"]["node"] == "n-2").expect("told");
    assert!(ignored < exit, "it was up until then");
    assert_eq!(events[exit]["what"]["exit"]["signal"], 9);
}

/// A call to a node that does not answer holds up nothing: faults beside it come at their time, and it is journalled with
/// the reason.
#[test]
fn a_call_that_hangs_holds_up_no_fault() {
    let _alone = alone();
    let test = "a_call_that_hangs_holds_up_no_fault";
    if let Err(reason) = backend_works("native") {
        return skip(test, &reason);
    }
    let timeline = "
  - {name: deaf, at: 500ms, for: 6s, inject: {pause: {targets: n-2}}}
  - {name: asked, at: 1s, send: {rpc: {nodes: n-2, method: hello, params: []}}}
  - {name: gone, at: 1500ms, for: 1s, inject: {kill: {targets: n-2}}}
  - {name: other, at: 2s, for: 1s, inject: {kill: {targets: n-1}}}
";
    let split = "\n  - {name: split, at: 500ms, for: 2s, inject: {isolate: {targets: n-2}}}\n";
    assert!(SMALL.contains(split));
    let here = project(&SMALL.replace(split, timeline).replace("client: reference", "client: deaf"));
    // The bundled client, asked for JSON-RPC at the port of its own API.
    let manifest = include_str!("../clients/reference/client.yaml").replace("name: reference", "name: deaf");
    fs::create_dir_all(here.path().join("clients/deaf")).expect("made");
    fs::write(here.path().join("clients/deaf/client.yaml"), manifest + "\nrpc: {port: http}\n").expect("written");
    let (code, stdout, stderr) = output(splitbrain(here.path()).args(["run", "small.yaml", "--backend", "native"]));
    assert_eq!(code, 0, "{stdout}{stderr}");
    let read = |file: &str| fs::read_to_string(here.path().join("results/latest").join(file)).expect("kept");
    let verdict: serde_json::Value = serde_json::from_str(&read("verdict.json")).expect("JSON");
    let instants = verdict["timing"]["instants"].as_array().expect("instants");
    assert_eq!(instants.len(), 6, "three faults begin and end: {instants:?}");
    for instant in instants {
        let late =
            instant["applied"].as_u64().expect("microseconds").abs_diff(instant["planned"].as_u64().expect("too"));
        // The call is given up after seconds: had a fault waited for it, it would be that late.
        assert!(late < 1_000_000, "{instant}");
    }
    let journal = read("events.jsonl");
    let called: Vec<&str> =
        journal.lines().filter(|line| line.contains("\"asked\"") && line.contains("hello")).collect();
    assert!(called.iter().any(|line| line.contains("\"error\"")), "{called:?}");
}

/// A project with one client of its own; the node's program is a shell command.
fn own_client(command: &str, expect: &str) -> tempfile::TempDir {
    let here = tempfile::tempdir().expect("a temporary folder");
    let folder = here.path().join("clients/odd");
    fs::create_dir_all(&folder).expect("made");
    fs::write(
        folder.join("client.yaml"),
        format!(
            "name: odd\nroles: [follower]\nimage: {{build: .}}\nnative: {{program: sh}}\n\
             command: [sh, -c, \"{command}\"]\nports: {{rpc: 8545}}\nready: {{port: rpc, within: 2s}}\n\
             adapter: {{execution: {{}}}}\n"
        ),
    )
    .expect("written");
    fs::write(folder.join("Dockerfile"), "FROM scratch\nRUN [\"/no-such-program\", \"--marker-of-the-build\"]\n")
        .expect("written");
    fs::write(
        here.path().join("small.yaml"),
        format!(
            "name: odd\ntopology: {{name: odd, nodes: {{a: {{client: odd, role: follower}}}}}}\nexpect: [{expect}]\n"
        ),
    )
    .expect("written");
    here
}

#[test]
fn a_node_that_exits_at_start_is_named_with_its_last_words() {
    let _alone = alone();
    let test = "a_node_that_exits_at_start_is_named_with_its_last_words";
    if let Err(reason) = backend_works("native") {
        return skip(test, &reason);
    }
    for (expect, wanted) in [("{ready: {within: 5s}}", 1), ("{always: true, that: {log: {none: nonsense}}}", 3)] {
        let here = own_client("echo last words; exit 7", expect);
        let (code, stdout, stderr) = output(splitbrain(here.path()).args(["run", "small.yaml", "--backend", "native"]));
        assert_eq!(code, wanted, "{expect}: {stdout}{stderr}");
        assert!(stderr.contains("exited with code 7"), "{stderr}");
        assert!(stderr.contains("last words"), "{stderr}");
        assert!(here.path().join("results/latest/report.html").exists(), "results are kept");
        assert_eq!(output(splitbrain(here.path()).args(["clean", "--check"])).0, 0);
    }
}

#[test]
fn a_port_that_never_opens_is_a_clear_message() {
    let _alone = alone();
    let test = "a_port_that_never_opens_is_a_clear_message";
    if let Err(reason) = backend_works("native") {
        return skip(test, &reason);
    }
    // The manifest gives the node 2 s: an expectation of 1 s has failed by then, one of 5 s cannot be told any more.
    for (expect, wanted) in [("{ready: {within: 1s}}", 1), ("{ready: {within: 5s}}", 3)] {
        let here = own_client("echo waiting; exec sleep 600", expect);
        let (code, stdout, stderr) = output(splitbrain(here.path()).args(["run", "small.yaml", "--backend", "native"]));
        assert_eq!(code, wanted, "{stdout}{stderr}");
        assert!(stderr.contains("did not become ready") && stderr.contains("8545"), "{stderr}");
        assert_eq!(output(splitbrain(here.path()).args(["clean", "--check"])).0, 0);
    }
}

#[test]
fn a_missing_program_is_refused_before_anything_starts() {
    let _alone = alone();
    let test = "a_missing_program_is_refused_before_anything_starts";
    if let Err(reason) = backend_works("native") {
        return skip(test, &reason);
    }
    let here = own_client("true", "{ready: {within: 5s}}");
    let manifest = here.path().join("clients/odd/client.yaml");
    let text = fs::read_to_string(&manifest).expect("readable").replace("program: sh", "program: no-such-program-here");
    fs::write(&manifest, text).expect("written");
    let (code, _, stderr) = output(splitbrain(here.path()).args(["run", "small.yaml", "--backend", "native"]));
    assert!([2, 3].contains(&code), "{stderr}");
    assert!(stderr.contains("no-such-program-here") && stderr.contains("--program"), "{stderr}");
}

#[test]
fn an_image_that_does_not_build_shows_the_build() {
    let _alone = alone();
    let test = "an_image_that_does_not_build_shows_the_build";
    if let Err(reason) = backend_works("docker") {
        return skip(test, &reason);
    }
    let here = own_client("true", "{ready: {within: 5s}}");
    let (code, stdout, stderr) = output(splitbrain(here.path()).args(["run", "small.yaml", "--backend", "docker"]));
    assert_eq!(code, 3, "{stdout}{stderr}");
    assert!(stderr.contains("no-such-program"), "the build's own output: {stderr}");
    assert!(here.path().join("results/latest/events.jsonl").exists(), "results are kept");
    assert_eq!(output(splitbrain(here.path()).args(["clean", "--check"])).0, 0);
}

#[test]
fn an_address_range_that_is_in_use_is_avoided() {
    let _alone = alone();
    let test = "an_address_range_that_is_in_use_is_avoided";
    if let Err(reason) = backend_works("docker") {
        return skip(test, &reason);
    }
    let name = format!("bystander-{}", std::process::id());
    let made = Command::new("docker").args(["network", "create", "--subnet", "10.77.0.0/16", &name]).output();
    let made = made.expect("the docker client is there").status.success();
    let here = project(SMALL);
    let (code, stdout, stderr) = output(splitbrain(here.path()).args(["run", "small.yaml", "--backend", "docker"]));
    let still_there = Command::new("docker").args(["network", "inspect", &name]).output().expect("docker").status;
    if made {
        drop(Command::new("docker").args(["network", "rm", &name]).output());
        assert!(still_there.success(), "a network that is not ours was removed");
    }
    assert_eq!(code, 0, "{stdout}{stderr}");
}

/// Forwards a unix socket until told to stop, then drops every connection: an engine that goes away.
struct Engine {
    gone: Arc<AtomicBool>,
    path: std::path::PathBuf,
}

impl Engine {
    fn start(path: &Path, real: &Path) -> io::Result<Self> {
        let gone = Arc::new(AtomicBool::new(false));
        let listener = UnixListener::bind(path)?;
        let (flag, real) = (Arc::clone(&gone), real.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(near), Ok(far)) = (stream, UnixStream::connect(&real)) else { return };
                if flag.load(Ordering::SeqCst) {
                    return;
                }
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (mut from, mut to) = (from.try_clone().expect("a clone"), to.try_clone().expect("a clone"));
                    std::thread::spawn(move || {
                        drop(io::copy(&mut from, &mut to));
                        drop(to.shutdown(std::net::Shutdown::Write));
                    });
                }
                let flag = Arc::clone(&flag);
                std::thread::spawn(move || {
                    while !flag.load(Ordering::SeqCst) {
                        std::thread::park_timeout(Duration::from_millis(20));
                    }
                    drop(near.shutdown(std::net::Shutdown::Both));
                    drop(far.shutdown(std::net::Shutdown::Both));
                });
            }
        });
        Ok(Self { gone, path: path.to_owned() })
    }

    fn go_away(&self) {
        self.gone.store(true, Ordering::SeqCst);
        drop(fs::remove_file(&self.path));
    }
}

#[test]
fn an_engine_that_goes_away_in_mid_run_ends_it_with_results() {
    let _alone = alone();
    let test = "an_engine_that_goes_away_in_mid_run_ends_it_with_results";
    let real = match std::env::var("DOCKER_HOST") {
        Ok(host) => host.trim_start_matches("unix://").to_owned(),
        Err(_) => "/var/run/docker.sock".to_owned(),
    };
    if let Err(reason) = backend_works("docker") {
        return skip(test, &reason);
    }
    let here = project(&SMALL.replace("for: 2s", "for: 30s"));
    let socket = here.path().join("engine.sock");
    let engine = Engine::start(&socket, Path::new(&real)).expect("the proxy listens");
    let log = fs::File::create(here.path().join("stderr.txt")).expect("a file");
    let mut child = splitbrain(here.path())
        .args(["run", "small.yaml", "--backend", "docker"])
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary starts");
    let journal = here.path().join("results/latest/events.jsonl");
    wait_until("the timeline starts", Duration::from_secs(60), || {
        fs::read_to_string(&journal).is_ok_and(|text| text.contains("timeline_started"))
    });
    engine.go_away();
    wait_until("the run ends", Duration::from_secs(60), || child.try_wait().expect("our own child").is_some());
    let code = child.wait().expect("our own child").code();
    let stderr = fs::read_to_string(here.path().join("stderr.txt")).expect("readable");
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("engine"), "{stderr}");
    assert!(here.path().join("results/latest/report.html").exists(), "results are kept");
    let (code, stdout, stderr) = output(splitbrain(here.path()).arg("clean"));
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(output(splitbrain(here.path()).args(["clean", "--check"])).0, 0, "clean removed the rest");
}

/// A disk of its own, small enough to be filled.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(size: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = format!("size={size}");
        let (none, flags) = (None::<&str>, nix::mount::MsFlags::empty());
        nix::mount::mount(none, folder.path(), Some("tmpfs"), flags, Some(options.as_str())).expect("a small disk");
        Self(folder)
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.0.path().join("filler")).expect("a file");
        let error = io::copy(&mut io::repeat(b'x'), &mut file).expect_err("the disk is small");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = nix::mount::umount2(self.0.path(), nix::mount::MntFlags::MNT_DETACH);
        assert!(unmounted.is_ok() || std::thread::panicking(), "{unmounted:?}");
    }
}

#[test]
fn a_full_disk_ends_a_run_with_its_verdict_and_everything_taken_down() {
    let _alone = alone();
    let test = "a_full_disk_ends_a_run_with_its_verdict_and_everything_taken_down";
    if !nix::unistd::geteuid().is_root() {
        return skip(test, "only root can make a small disk");
    }
    for backend in ["native", "docker"] {
        if let Err(reason) = backend_works(backend) {
            skip(&format!("{test} on {backend}"), &reason);
            continue;
        }
        let here = project(&SMALL.replace("for: 2s", "for: 40s"));
        let disk = SmallDisk::new("24m");
        let results = disk.0.path().join("results");
        let child = splitbrain(here.path())
            .args(["run", "small.yaml", "--repeat", "3", "--backend", backend, "--results"])
            .arg(&results)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let run = results.join("latest");
        wait_until("the timeline starts", Duration::from_secs(60), || {
            fs::read_to_string(run.join("events.jsonl")).is_ok_and(|text| text.contains("timeline_started"))
        });
        disk.fill();
        let ended = child.wait_with_output().expect("our own child");
        let (stdout, stderr) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert_eq!(ended.status.code(), Some(3), "{backend}: {stdout}{stderr}");
        for words in ["cannot write the journal", "No space left on device", "--log-limit", "no further run is begun"] {
            assert!(stderr.contains(words), "{backend}: `{words}` is not in {stderr}");
        }
        for file in ["verdict.json", "run.json"] {
            let text = fs::read_to_string(run.join(file)).expect("written into the room that was kept");
            let json: serde_json::Value = serde_json::from_str(&text).expect("whole");
            assert_eq!(json["conclusion"], "broken", "{backend}: {file}");
        }
        assert!(run.join("report.html").exists() && run.join("junit.xml").exists(), "{backend}: {stderr}");
        let journal = fs::read_to_string(run.join("events.jsonl")).expect("the journal");
        assert!(journal.lines().last().is_some_and(|line| line.contains("torn_down")), "{backend}: {journal}");
        assert_eq!(fs::read_dir(results.join("small")).expect("runs").count(), 1, "{backend}: no second run was begun");
        let (code, stdout, stderr) = output(splitbrain(here.path()).args(["clean", "--check"]));
        assert_eq!(code, 0, "{backend}: {stdout}{stderr}");
        let (code, stdout, stderr) = output(
            splitbrain(here.path()).args(["run", "small.yaml", "--backend", backend, "--results"]).arg(&results),
        );
        assert_eq!(code, 3, "nothing is started where nothing can be kept: {stdout}{stderr}");
        assert!(!stderr.contains("timeline starts"), "{stderr}");
    }
}

#[test]
fn the_log_of_a_chatty_node_is_bounded_and_its_lines_are_all_seen() {
    let _alone = alone();
    let test = "the_log_of_a_chatty_node_is_bounded_and_its_lines_are_all_seen";
    if let Err(reason) = backend_works("native") {
        return skip(test, &reason);
    }
    let here = project(
        "
name: small
timeout: 1m
topology:
  nodes: {loud: {client: loud}}
  graph: mesh
expect:
  - {at: 3s, that: {log: {pattern: 'needle', count: 1}}}
",
    );
    let client = here.path().join("clients/loud");
    fs::create_dir_all(client.join("bin")).expect("a folder");
    fs::write(
        client.join("client.yaml"),
        "name: loud\nroles: [node]\nnative: {program: loud.sh}\ncommand: [loud.sh]\nadapter: {process: {}}\n",
    )
    .expect("written");
    let script = client.join("bin/loud.sh");
    fs::write(
        &script,
        "#!/bin/sh\nyes 0123456789 | head -n 20000\necho needle\nyes 0123456789 | head -n 20000\necho the end\nexec sleep 60\n",
    )
    .expect("written");
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("runnable");
    let (code, stdout, stderr) =
        output(splitbrain(here.path()).args(["run", "small.yaml", "--backend", "native", "--log-limit", "64KiB"]));
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("the log of loud lacks") && stdout.contains("--log-limit"), "{stdout}");
    let log = fs::read_to_string(here.path().join("results/latest/logs/loud.log")).expect("the log");
    assert!(log.len() < 70_000 && log.starts_with("0123456789\n") && log.ends_with("the end\n"), "{}", log.len());
    assert!(log.contains("bytes are missing here") && !log.contains("needle"));
}
