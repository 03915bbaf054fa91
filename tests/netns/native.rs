//! The native backend with real processes: this program playing nodes.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use splitbrain::action::{
    Attachment, ClientRef, NetworkName, NetworkSpec, NodeFile, NodeName, NodeProcess, Resources, RunId, Seeds, Signal,
};
use splitbrain::backend::fabric::Namespace;
use splitbrain::backend::native::{self, NativeBackend};
use splitbrain::backend::{
    BackendError, BackendEvent, CleanRequest, Cleaned, LogSink, Owner, Progress, RunSetup, WireSetup,
};
use splitbrain::link::{LinkParameters, LinkRule, LinkTable};
use tokio::sync::mpsc;

use crate::harness::{Outcome, Verdict, wait_for};
use crate::played::{PART, PORT};

const PATIENCE: Duration = Duration::from_secs(20);

fn name(node: u16) -> NodeName {
    NodeName::new(format!("node-{node}"))
}

fn address(node: u16) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, 10 + node as u8)
}

fn second_address(node: u16) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, 0, 10 + node as u8)
}

fn network(name: &str, second: u8) -> NetworkSpec {
    NetworkSpec {
        name: name.into(),
        subnet: Ipv4Addr::new(10, second, 0, 0),
        prefix: 16,
        gateway: Ipv4Addr::new(10, second, 0, 1),
        internet: false,
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// A node of one network that plays a part.
fn process(index: u16, part: &[&str]) -> NodeProcess {
    NodeProcess {
        name: name(index),
        index,
        client: ClientRef::from("played".to_owned()),
        image: None,
        program: std::env::current_exe().ok(),
        init: Vec::new(),
        command: [words(&["played", PART]), words(part)].concat(),
        env: BTreeMap::from([("COLOUR".to_owned(), "blue".to_owned())]),
        files: Vec::new(),
        data: "data".to_owned(),
        attachments: vec![Attachment { network: "main".into(), address: address(index) }],
        ports: BTreeMap::new(),
        resources: Resources::default(),
    }
}

struct Run {
    backend: NativeBackend,
    events: mpsc::Receiver<BackendEvent>,
    folder: tempfile::TempDir,
}

fn setup(folder: &Path, processes: Vec<NodeProcess>, events: mpsc::Sender<BackendEvent>) -> RunSetup {
    let nodes = processes.len() as u16;
    RunSetup {
        run: RunId::new(format!("t{}", std::process::id())),
        scenario: "test".to_owned(),
        networks: vec![network("main", 77), network("private", 78)],
        nodes: processes.into_iter().map(Arc::new).collect(),
        wire: Some(WireSetup { seeds: Seeds::root(42), table: Arc::new(LinkTable::compile(nodes, [])) }),
        logs: LogSink::new(folder, Arc::new(|_, _| ())),
        events,
        state: folder.to_owned(),
        progress: Progress(Arc::new(|_| ())),
    }
}

async fn prepare(processes: Vec<NodeProcess>) -> Result<Run, BackendError> {
    let folder = tempfile::tempdir().expect("a folder for a test");
    let (sender, events) = mpsc::channel(64);
    let backend = NativeBackend::prepare(setup(folder.path(), processes, sender)).await?;
    Ok(Run { backend, events, folder })
}

/// Prepares and makes nodes that all play one part.
async fn nodes(count: u16, part: &[&str]) -> anyhow::Result<Run> {
    let run = prepare((0..count).map(|index| process(index, part)).collect()).await?;
    for index in 0..count {
        run.backend.create(&name(index)).await?;
    }
    Ok(run)
}

impl Run {
    async fn start_all(&self, count: u16) -> anyhow::Result<()> {
        for index in 0..count {
            self.backend.start(&name(index)).await?;
        }
        for index in 0..count {
            self.logged(index, "ready")?;
        }
        Ok(())
    }

    fn log(&self, node: u16) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{}.log", name(node)))).unwrap_or_default()
    }

    fn logged(&self, node: u16, text: &str) -> anyhow::Result<()> {
        wait_for(&format!("{} logs `{text}`", name(node)), PATIENCE, || self.log(node).contains(text))
    }

    fn node_folder(&self, node: u16) -> PathBuf {
        self.folder.path().join("nodes").join(name(node).as_str())
    }

    fn pid(&self, node: u16) -> anyhow::Result<u32> {
        let look = &self.backend.how_to_look()[&name(node)];
        let mut words = look.split(' ').skip_while(|word| *word != "-t");
        let pid = words.nth(1).and_then(|word| word.parse().ok());
        pid.with_context(|| format!("no process in `{look}`"))
    }

    /// Talks to a node from inside its namespace and has it ask another one.
    fn ask(&self, node: u16, of: Ipv4Addr) -> anyhow::Result<String> {
        let namespace = Namespace::of_process(self.pid(node)?)?;
        let socket = namespace.run(|| UdpSocket::bind(("127.0.0.1", 0)))??;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.send_to(format!("ask {of}").as_bytes(), ("127.0.0.1", PORT))?;
        let mut buffer = [0; 2048];
        let length = socket.recv(&mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    fn reaches(&self, node: u16, other: u16) -> anyhow::Result<bool> {
        Ok(self.ask(node, address(other))? == format!("{} hi", address(node)))
    }

    async fn next_event(&mut self) -> anyhow::Result<BackendEvent> {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await.context("no event came")?;
        event.context("the backend went away")
    }

    async fn end(self) -> Outcome {
        let errors = self.backend.teardown().await;
        anyhow::ensure!(errors.is_empty(), "teardown: {errors:?}");
        Ok(Verdict::Passed)
    }
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(work)
}

/// Whether a process is there and no zombie.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

pub(crate) fn nodes_run_and_reach_each_other() -> Outcome {
    block_on(async {
        let run = nodes(3, &["echo"]).await?;
        run.start_all(3).await?;
        anyhow::ensure!(run.reaches(0, 2)? && run.reaches(2, 1)?);
        let all: std::collections::BTreeSet<u16> = (0..2).collect();
        let rule = LinkRule { from: all, to: [2].into(), parameters: LinkParameters::CUT };
        run.backend.set_links(Arc::new(LinkTable::compile(3, [&rule])))?;
        anyhow::ensure!(!run.reaches(0, 2)? && run.reaches(0, 1)?);
        let cut: u64 = run.backend.link_counters().iter().map(|link| link.cut).sum();
        anyhow::ensure!(cut == 1, "{cut} packets were cut");
        // A node that is cut off is still seen.
        let stream = run.backend.dial(&name(2), PORT).await?.into_std()?;
        stream.set_nonblocking(false)?;
        let mut text = String::new();
        (&stream).read_to_string(&mut text)?;
        anyhow::ensure!(text == "hello", "{text:?}");
        run.end().await
    })
}

pub(crate) fn a_restart_keeps_address_wire_and_data() -> Outcome {
    block_on(async {
        let mut run = nodes(2, &["echo"]).await?;
        run.start_all(2).await?;
        std::fs::write(run.node_folder(0).join("data/kept"), "x")?;
        let before = run.pid(0)?;
        run.backend.signal(&name(0), Signal::Kill).await?;
        anyhow::ensure!(!lives(before));
        let event = run.next_event().await?;
        anyhow::ensure!(event == BackendEvent::Initialised { node: name(0) }, "{event:?}");
        let event = run.next_event().await?;
        anyhow::ensure!(event == BackendEvent::Initialised { node: name(1) }, "{event:?}");
        let event = run.events.try_recv()?;
        anyhow::ensure!(event == BackendEvent::Exited { node: name(0), code: None, signal: Some(9) }, "{event:?}");
        anyhow::ensure!(!run.reaches(1, 0)?);
        run.backend.start(&name(0)).await?;
        wait_for("the node answers again", PATIENCE, || run.reaches(1, 0).unwrap_or(false))?;
        anyhow::ensure!(run.node_folder(0).join("data/kept").exists());
        anyhow::ensure!(run.backend.start(&name(0)).await.is_err(), "a running node was started");
        run.end().await
    })
}

pub(crate) fn signals_reach_the_whole_group_and_ends_are_told() -> Outcome {
    block_on(async {
        let mut run = prepare(vec![process(0, &["family"]), process(1, &["exit", "7"])]).await?;
        for node in 0..2 {
            run.backend.create(&name(node)).await?;
            run.backend.start(&name(node)).await?;
            anyhow::ensure!(matches!(run.next_event().await?, BackendEvent::Initialised { .. }));
        }
        let event = run.next_event().await?;
        anyhow::ensure!(event == BackendEvent::Exited { node: name(1), code: Some(7), signal: None }, "{event:?}");
        anyhow::ensure!(run.log(1) == "leaving\n", "{:?}", run.log(1));
        run.logged(0, "child ")?;
        let child: u32 = run.log(0).trim().trim_start_matches("child ").parse()?;
        run.backend.signal(&name(0), Signal::Pause).await?;
        anyhow::ensure!(stands_still(child) && stands_still(run.pid(0)?));
        run.backend.signal(&name(0), Signal::Resume).await?;
        wait_for("the child goes on", PATIENCE, || !stands_still(child))?;
        run.backend.signal(&name(0), Signal::Pause).await?;
        let began = Instant::now();
        run.backend.signal(&name(0), Signal::Stop).await?;
        anyhow::ensure!(began.elapsed() < Duration::from_secs(5), "a paused node took {:?} to stop", began.elapsed());
        wait_for("the child is gone", PATIENCE, || !lives(child))?;
        let event = run.next_event().await?;
        anyhow::ensure!(event == BackendEvent::Exited { node: name(0), code: None, signal: Some(15) }, "{event:?}");
        anyhow::ensure!(run.backend.signal(&name(0), Signal::Pause).await.is_err(), "a dead node was paused");
        run.backend.signal(&name(0), Signal::Kill).await?;
        run.end().await
    })
}

/// Whether a process is stopped, or its control group is frozen.
fn stands_still(pid: u32) -> bool {
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_default();
    let stat = read(format!("/proc/{pid}/stat"));
    let stopped = stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'));
    let groups = read(format!("/proc/{pid}/cgroup"));
    let frozen = groups.lines().filter_map(|line| line.rsplit_once(':')).any(|(_, group)| {
        ["", "/unified"]
            .iter()
            .any(|home| read(format!("/sys/fs/cgroup{home}{group}/cgroup.events")).contains("frozen 1"))
            || read(format!("/sys/fs/cgroup/freezer{group}/freezer.state")).starts_with("FROZEN")
    });
    stopped || frozen
}

/// All processes in a network namespace.
fn in_network(namespace: &Namespace) -> Vec<u32> {
    use std::os::unix::fs::MetadataExt;
    let wanted = namespace.inode().ok();
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|pid| std::fs::metadata(format!("/proc/{pid}/ns/net")).ok().map(|found| found.ino()) == wanted).collect()
}

/// Children in sessions of their own, without our marks, and more of them at any moment: nothing of a node is outside of
/// what is done to it.
pub(crate) fn faults_reach_whatever_a_node_has_started() -> Outcome {
    block_on(async {
        let run = nodes(1, &["breeder"]).await?;
        run.backend.start(&name(0)).await?;
        let born = || std::fs::read(run.node_folder(0).join("data/born")).map_or(0, |born| born.len());
        let more_than = |count| wait_for("daemons are born", PATIENCE, || born() > count);
        more_than(3)?;
        for round in 0..3 {
            run.backend.signal(&name(0), Signal::Pause).await?;
            let (before, log) = (born(), run.log(0).len());
            let namespace = Namespace::of_process(run.pid(0)?)?;
            let moving: Vec<u32> = in_network(&namespace).into_iter().filter(|pid| !stands_still(*pid)).collect();
            anyhow::ensure!(moving.is_empty(), "round {round}: {moving:?} still run");
            // Long enough for ten more.
            let seen = Instant::now();
            wait_for("time goes by", PATIENCE, || seen.elapsed() > Duration::from_millis(100))?;
            anyhow::ensure!(
                born() == before && run.log(0).len() == log,
                "round {round}: it went on while it was paused"
            );
            run.backend.signal(&name(0), Signal::Resume).await?;
            more_than(before)?;
        }
        for (round, signal) in [Signal::Kill, Signal::Stop, Signal::Kill].into_iter().enumerate() {
            let namespace = Namespace::of_process(run.pid(0)?)?;
            if round == 2 {
                run.backend.signal(&name(0), Signal::Pause).await?;
            }
            run.backend.signal(&name(0), signal).await?;
            let left = in_network(&namespace);
            anyhow::ensure!(left.is_empty(), "{signal:?} left {left:?}");
            let before = born();
            run.backend.start(&name(0)).await?;
            more_than(before)?;
        }
        let namespace = Namespace::of_process(run.pid(0)?)?;
        let errors = run.backend.teardown().await;
        anyhow::ensure!(errors.is_empty(), "teardown: {errors:?}");
        let left = in_network(&namespace);
        anyhow::ensure!(left.is_empty(), "the teardown left {left:?}");
        Ok(Verdict::Passed)
    })
}

pub(crate) fn nodes_have_temporary_files_and_names_of_their_own() -> Outcome {
    block_on(async {
        let run = prepare(vec![process(0, &["wait"]), process(1, &["wait"]), process(2, &["wait"])]).await?;
        let folders: Vec<String> = (0..3).map(|node| run.node_folder(node).display().to_string()).collect();
        let errors = run.backend.teardown().await;
        anyhow::ensure!(errors.is_empty(), "teardown: {errors:?}");
        let neighbour = |node: usize| format!("{}/data", folders[(node + 1) % 2]);
        let mut third = process(2, &["look", "/nowhere"]);
        third.attachments = vec![Attachment { network: "private".into(), address: second_address(2) }];
        let processes = vec![process(0, &["look", &neighbour(0)]), process(1, &["look", &neighbour(1)]), third];
        let (sender, events) = mpsc::channel(64);
        let backend = NativeBackend::prepare(setup(run.folder.path(), processes, sender)).await?;
        let run = Run { backend, events, folder: run.folder };
        for node in 0..3 {
            run.backend.create(&name(node)).await?;
        }
        for node in 0..3 {
            run.backend.start(&name(node)).await?;
            run.logged(node, "looked")?;
        }
        let own = "lock in /tmp: true\nlock in /var/tmp: true\nlock in /dev/shm: true\nneighbour: false\nself: true\n";
        let names = "node-0: 10.77.0.10\nnode-1: 10.77.0.11\nnode-2: nobody\nlocalhost: 127.0.0.1\nlooked\n";
        for node in 0..2 {
            anyhow::ensure!(run.log(node) == format!("{own}{names}"), "{node}: {}", run.log(node));
        }
        let alone = "node-0: nobody\nnode-1: nobody\nnode-2: 10.78.0.12\n";
        anyhow::ensure!(run.log(2).contains(alone), "{}", run.log(2));
        for folder in ["/tmp", "/var/tmp", "/dev/shm"] {
            anyhow::ensure!(!Path::new(folder).join("splitbrain-netns.lock").exists(), "a lock is left in {folder}");
        }
        // As with a container: what it left in /tmp is there after a restart, and not after a wipe.
        run.backend.signal(&name(0), Signal::Kill).await?;
        run.backend.start(&name(0)).await?;
        let times = |text: &str| run.log(0).matches(text).count();
        wait_for("it has looked again", PATIENCE, || times("looked") == 2)?;
        anyhow::ensure!(times("lock in /tmp: false") == 1 && times("lock in /dev/shm: true") == 2, "{}", run.log(0));
        run.backend.signal(&name(0), Signal::Kill).await?;
        run.backend.wipe(&name(0)).await?;
        run.backend.start(&name(0)).await?;
        wait_for("it has looked a third time", PATIENCE, || times("looked") == 3)?;
        anyhow::ensure!(times("lock in /tmp: true") == 2, "{}", run.log(0));
        run.end().await
    })
}

/// Whatever a node forks in its first instant is inside of its limit, and its end there is told.
pub(crate) fn a_helper_that_is_killed_for_memory_is_told_of() -> Outcome {
    if !limits_possible()? {
        return Ok(Verdict::Skipped("no limits can be set here".to_owned()));
    }
    block_on(async {
        let mut node = process(0, &["hog"]);
        node.resources = Resources { cpus: None, memory: Some(64 << 20) };
        let mut run = prepare(vec![node]).await?;
        run.backend.create(&name(0)).await?;
        run.backend.start(&name(0)).await?;
        anyhow::ensure!(matches!(run.next_event().await?, BackendEvent::Initialised { .. }));
        let event = run.next_event().await?;
        anyhow::ensure!(event == BackendEvent::OutOfMemory { node: name(0), kills: 1 }, "{event:?}");
        run.logged(0, "the helper ended: signal: 9 (SIGKILL)")?;
        anyhow::ensure!(lives(run.pid(0)?), "the node itself goes on");
        run.end().await
    })
}

/// Played by a copy of this program in another pid namespace, where no owner can be seen.
pub(crate) fn clean_in_here(run: &str) -> anyhow::Result<()> {
    let request = CleanRequest { run: Some(RunId::new(run)), ..CleanRequest::default() };
    for thing in block_on(async { Ok(native::clean(&request).await?) })? {
        println!("{} {} {}", thing.kept.map_or("removed", |owner| owner.word()), thing.kind, thing.name);
    }
    Ok(())
}

pub(crate) fn clean_in_another_pid_namespace_ends_no_live_run() -> Outcome {
    let (mut living, kept) = orchestrator("family")?;
    let run = format!("k{}", living.id());
    let cleaned = Command::new("unshare")
        .args(["--pid", "--fork", "--mount-proc"])
        .arg(std::env::current_exe()?)
        .args([PART, "clean", &run])
        .output()?;
    let said = String::from_utf8_lossy(&cleaned.stdout).into_owned();
    let outcome = (|| {
        anyhow::ensure!(cleaned.status.success(), "{said}{}", String::from_utf8_lossy(&cleaned.stderr));
        anyhow::ensure!(said.contains("elsewhere folder") && !said.contains("removed"), "{said}");
        anyhow::ensure!(of_run(living.id()).len() == 6 && kept.join("owner").exists(), "a living run was touched");
        Ok(())
    })();
    living.kill()?;
    living.wait()?;
    let rest = clean(Some(&RunId::new(&*run)), false)?;
    outcome?;
    anyhow::ensure!(!rest.is_empty() && of_run(living.id()).is_empty() && !kept.exists());
    Ok(Verdict::Passed)
}

/// Processes that carry none of our marks, of a run that was killed.
pub(crate) fn clean_ends_what_sits_in_a_node_s_network_without_marks() -> Outcome {
    let (mut killed, left) = orchestrator("breeder")?;
    let nodes = of_run(killed.id());
    anyhow::ensure!(nodes.len() >= 3, "{nodes:?}");
    let namespaces: Vec<Namespace> = nodes.iter().filter_map(|pid| Namespace::of_process(*pid).ok()).collect();
    let all = || namespaces.iter().flat_map(in_network).collect::<std::collections::BTreeSet<u32>>();
    wait_for("there are daemons", PATIENCE, || all().len() > 10)?;
    killed.kill()?;
    killed.wait()?;
    // The breeders fork on meanwhile.
    let cleaned = clean(Some(&RunId::new(format!("k{}", killed.id()))), false)?;
    anyhow::ensure!(all().is_empty() && !left.exists(), "{:?} are left after {cleaned:?}", all());
    Ok(Verdict::Passed)
}

pub(crate) fn a_node_that_ignores_sigterm_is_killed_in_the_end() -> Outcome {
    block_on(async {
        let mut run = nodes(1, &["stubborn"]).await?;
        run.start_all(1).await?;
        let began = Instant::now();
        run.backend.signal(&name(0), Signal::Stop).await?;
        anyhow::ensure!(began.elapsed() >= Duration::from_secs(10), "it got only {:?}", began.elapsed());
        run.next_event().await?;
        let event = run.next_event().await?;
        let ignored = BackendEvent::StopIgnored { node: name(0), waited: Duration::from_secs(10) };
        anyhow::ensure!(event == ignored, "{event:?}");
        let event = run.next_event().await?;
        anyhow::ensure!(event == BackendEvent::Exited { node: name(0), code: None, signal: Some(9) }, "{event:?}");
        run.end().await
    })
}

pub(crate) fn a_detached_node_is_seen_and_comes_back() -> Outcome {
    block_on(async {
        let mut two = process(1, &["echo"]);
        two.attachments.push(Attachment { network: "private".into(), address: second_address(1) });
        let mut three = process(2, &["echo"]);
        three.attachments = vec![Attachment { network: "private".into(), address: second_address(2) }];
        let run = prepare(vec![process(0, &["echo"]), two, three]).await?;
        for node in 0..3 {
            run.backend.create(&name(node)).await?;
        }
        run.start_all(3).await?;
        let (main, private): (NetworkName, NetworkName) = ("main".into(), "private".into());
        anyhow::ensure!(run.reaches(0, 1)? && run.reaches(1, 0)?);
        let to_private = |from| run.ask(from, second_address(2));
        anyhow::ensure!(to_private(1)? == format!("{} hi", second_address(1)), "{}", to_private(1)?);
        anyhow::ensure!(to_private(0)?.starts_with("no answer"), "networks are not separate: {}", to_private(0)?);

        run.backend.detach(&name(0), &main).await?;
        anyhow::ensure!(!run.reaches(0, 1)? && !run.reaches(1, 0)?);
        run.backend.dial(&name(0), PORT).await.context("a detached node is not seen")?;
        run.backend.attach(&name(0), &main).await?;
        anyhow::ensure!(run.reaches(0, 1)? && run.reaches(1, 0)?);

        // A node in two networks keeps the other one.
        run.backend.detach(&name(1), &main).await?;
        anyhow::ensure!(!run.reaches(0, 1)? && to_private(1)?.ends_with("hi"));
        run.backend.attach(&name(1), &main).await?;
        anyhow::ensure!(run.reaches(0, 1)?);
        anyhow::ensure!(run.backend.detach(&name(0), &private).await.is_err(), "it was never in it");
        run.end().await
    })
}

pub(crate) fn files_and_init_commands_are_made_again_after_a_wipe() -> Outcome {
    block_on(async {
        let mut node = process(0, &["wait"]);
        node.files =
            vec![NodeFile { path: "files/genesis".to_owned(), content: "{}".to_owned(), bytes: None, mode: 0o400 }];
        node.init = vec![
            words(&["played", PART, "append", "data/log", "one "]),
            words(&["played", PART, "append", "data/log", "two "]),
        ];
        let run = prepare(vec![node]).await?;
        let data = run.node_folder(0).join("data/log");
        let text = || std::fs::read_to_string(&data).unwrap_or_default();
        run.backend.create(&name(0)).await?;
        run.backend.start(&name(0)).await?;
        anyhow::ensure!(text() == "one two ", "{:?}", text());
        anyhow::ensure!(run.backend.wipe(&name(0)).await.is_err(), "a running node was wiped");
        run.backend.signal(&name(0), Signal::Kill).await?;
        run.backend.start(&name(0)).await?;
        anyhow::ensure!(text() == "one two ", "init ran again without a wipe: {:?}", text());
        run.backend.signal(&name(0), Signal::Kill).await?;
        std::fs::remove_file(run.node_folder(0).join("files/genesis"))?;
        run.backend.wipe(&name(0)).await?;
        anyhow::ensure!(text().is_empty() && run.node_folder(0).join("files/genesis").exists());
        run.backend.start(&name(0)).await?;
        anyhow::ensure!(text() == "one two ", "{:?}", text());
        run.end().await
    })
}

pub(crate) fn what_is_missing_is_said_before_anything_starts() -> Outcome {
    block_on(async {
        let mut absent = process(0, &["wait"]);
        absent.program = None;
        let mut wrong = process(1, &["wait"]);
        let plain = tempfile::NamedTempFile::new()?;
        wrong.program = Some(plain.path().to_owned());
        let mut gone = process(2, &["wait"]);
        gone.program = Some(PathBuf::from("/nowhere/geth"));
        let error = prepare(vec![absent, wrong, gone]).await.err().context("nodes without programs were accepted")?;
        let text = error.to_string();
        for part in ["no program was found for client played", "is not an executable file", "/nowhere/geth"] {
            anyhow::ensure!(text.contains(part), "`{part}` is not in: {text}");
        }
        anyhow::ensure!(error.remedy.is_some_and(|remedy| remedy.contains("--program")));
        let mut failing = process(0, &["wait"]);
        failing.init = vec![words(&["played", PART, "exit", "3"])];
        let run = prepare(vec![failing]).await?;
        run.backend.create(&name(0)).await?;
        let error = run.backend.start(&name(0)).await.err().context("a failed init command was accepted")?;
        anyhow::ensure!(error.to_string().contains("init command `played play exit 3` failed"), "{error}");
        run.end().await
    })
}

pub(crate) fn limits_are_set_or_refused() -> Outcome {
    use splitbrain::action::Capability;
    block_on(async {
        let mut node = process(0, &["echo"]);
        node.resources = Resources { cpus: Some(0.5), memory: Some(100 << 20) };
        let possible = NativeBackend::capabilities().await.has(Capability::Resources);
        let run = match prepare(vec![node]).await {
            Ok(run) if possible => run,
            Ok(_) => anyhow::bail!("limits were accepted that cannot be set"),
            Err(error) if possible => return Err(error.into()),
            Err(error) => {
                anyhow::ensure!(error.to_string().contains("limit"), "{error}");
                return Ok(Verdict::Passed);
            }
        };
        run.backend.create(&name(0)).await?;
        run.start_all(1).await?;
        let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", run.pid(0)?))?;
        anyhow::ensure!(groups.contains("splitbrain-node.t"), "{groups}");
        run.end().await
    })
}

pub(crate) fn teardown_ends_everything_even_in_the_middle() -> Outcome {
    block_on(async {
        let mut slow = process(2, &["echo"]);
        slow.init = vec![words(&["played", PART, "wait"])];
        let run = Arc::new(prepare(vec![process(0, &["echo"]), process(1, &["family"]), slow]).await?);
        for node in 0..3 {
            run.backend.create(&name(node)).await?;
        }
        for node in 0..2 {
            run.backend.start(&name(node)).await?;
        }
        let starting = tokio::spawn({
            let run = Arc::clone(&run);
            async move { run.backend.start(&name(2)).await }
        });
        wait_for("the init command runs", PATIENCE, || run.pid(2).is_ok())?;
        let pids: Vec<u32> = (0..3).map(|node| run.pid(node)).collect::<Result<_, _>>()?;
        // A paused node must not keep the run from ending.
        run.backend.signal(&name(0), Signal::Pause).await?;
        let began = Instant::now();
        let errors = run.backend.teardown().await;
        anyhow::ensure!(errors.is_empty(), "{errors:?}");
        anyhow::ensure!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
        anyhow::ensure!(pids.iter().all(|&pid| !lives(pid)));
        anyhow::ensure!(starting.await?.is_err(), "a start went on after the teardown");
        anyhow::ensure!(run.backend.start(&name(0)).await.is_err());
        anyhow::ensure!(run.backend.teardown().await.is_empty());
        Ok(Verdict::Passed)
    })
}

/// Played by a copy of this program: starts three nodes that play a part, says so, and waits to be killed.
pub(crate) fn orchestrate(part: &str) -> anyhow::Result<()> {
    block_on(async {
        let run = RunId::new(format!("k{}", std::process::id()));
        let folder = native::state_folder(&run)?;
        let (sender, _events) = mpsc::channel(64);
        let mut processes: Vec<_> = (0..3).map(|index| process(index, &[part])).collect();
        if NativeBackend::capabilities().await.has(splitbrain::action::Capability::Resources) {
            processes[0].resources.memory = Some(100 << 20);
        }
        let backend = NativeBackend::prepare(RunSetup { run, ..setup(&folder, processes, sender) }).await?;
        for index in 0..3 {
            backend.create(&name(index)).await?;
            backend.start(&name(index)).await?;
        }
        println!("started {}", folder.display());
        std::future::pending().await
    })
}

fn limits_possible() -> anyhow::Result<bool> {
    block_on(async { Ok(NativeBackend::capabilities().await.has(splitbrain::action::Capability::Resources)) })
}

/// What goes, or would go.
fn clean(run: Option<&RunId>, dry_run: bool) -> anyhow::Result<Vec<Cleaned>> {
    let request = CleanRequest { run: run.cloned(), dry_run, ..CleanRequest::default() };
    let mut cleaned = block_on(async { Ok(native::clean(&request).await?) })?;
    cleaned.retain(|thing| thing.kept.is_none());
    Ok(cleaned)
}

/// Starts a copy of this program that runs three nodes, and waits until they run. Also its state folder.
fn orchestrator(part: &str) -> anyhow::Result<(std::process::Child, PathBuf)> {
    let mut child =
        Command::new(std::env::current_exe()?).args([PART, "orchestrate", part]).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    let output = child.stdout.take().context("its output is a pipe")?;
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line)?;
    let folder = line.trim().strip_prefix("started ").context("the orchestrator did not start")?.into();
    Ok((child, folder))
}

/// All processes that carry the mark of the run that this process orchestrates.
fn of_run(pid: u32) -> Vec<u32> {
    let mark = format!("SPLITBRAIN_RUN=k{pid}\0");
    let has_mark = |pid: &u32| {
        std::fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|text| text.windows(mark.len()).any(|part| part == mark.as_bytes()))
    };
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(has_mark).collect()
}

/// Wherever in its course a run is killed, `clean` finds everything.
pub(crate) fn clean_works_after_a_kill_at_any_instant() -> Outcome {
    let mut found = 0;
    for instant in 0..20 {
        let mut child = Command::new(std::env::current_exe()?)
            .args([PART, "orchestrate", "family"])
            .stdout(Stdio::null())
            .spawn()?;
        let until = Instant::now() + Duration::from_millis(instant * 12);
        while let Some(rest) = until.checked_duration_since(Instant::now()) {
            std::thread::park_timeout(rest);
        }
        child.kill()?;
        child.wait()?;
        let run = RunId::new(format!("k{}", child.id()));
        found += clean(Some(&run), false)?.len();
        let left = of_run(child.id());
        anyhow::ensure!(left.is_empty(), "killed after {} ms: {} processes are left", instant * 12, left.len());
        let folder = native::state_root()?.join(run.as_str());
        anyhow::ensure!(!folder.exists(), "killed after {} ms: its folder is left", instant * 12);
        let again = clean(Some(&run), true)?;
        anyhow::ensure!(again.is_empty(), "killed after {} ms: {again:?} is left", instant * 12);
    }
    anyhow::ensure!(found > 20, "only {found} things were ever left: the kills came too early to show anything");
    Ok(Verdict::Passed)
}

pub(crate) fn clean_removes_what_a_killed_run_left() -> Outcome {
    let (mut killed, left) = orchestrator("family")?;
    let (mut living, kept) = orchestrator("family")?;
    // Marks of an owner that is alive, and none at all.
    let bystander = |marked: bool| -> anyhow::Result<std::process::Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([PART, "wait"]);
        if marked {
            let owner = Owner::current()?.to_string();
            command.env("SPLITBRAIN_RUN", "other").env("SPLITBRAIN_NODE", "x").env("SPLITBRAIN_OWNER", owner);
        }
        Ok(command.spawn()?)
    };
    let mut bystanders = [bystander(false)?, bystander(true)?];
    let outcome = (|| {
        killed.kill()?;
        killed.wait()?;
        let orphans = of_run(killed.id());
        anyhow::ensure!(orphans.len() == 6, "{} processes outlived the orchestrator", orphans.len());
        // Everybody's left-overs may be said; only this run's are removed, because other tests run on this machine too.
        let all = clean(None, true)?;
        let run = RunId::new(format!("k{}", killed.id()));
        let said = clean(Some(&run), true)?;
        anyhow::ensure!(said.iter().all(|thing| all.contains(thing)));
        let strangers = [living.id(), bystanders[0].id(), bystanders[1].id()];
        let names = |pid: u32| {
            all.iter()
                .any(|thing| thing.name.contains(&format!("{pid} of run")) || thing.name.ends_with(&format!("/k{pid}")))
        };
        anyhow::ensure!(!strangers.into_iter().chain(of_run(living.id())).any(names), "{all:?}");
        anyhow::ensure!(of_run(killed.id()).len() == 6 && left.exists(), "a dry run removed something");
        anyhow::ensure!(clean(Some(&RunId::new("nobody")), false)?.is_empty());
        let alive = RunId::new(format!("k{}", living.id()));
        anyhow::ensure!(clean(Some(&alive), false)?.is_empty(), "a living run was cleaned");
        anyhow::ensure!(of_run(killed.id()).len() == 6, "another run was cleaned");

        let cleaned = clean(Some(&run), false)?;
        anyhow::ensure!(cleaned == said, "said {said:?}, did {cleaned:?}");
        anyhow::ensure!(clean(Some(&run), false)?.is_empty(), "there was something left");
        let processes = cleaned.iter().filter(|thing| thing.kind == "process").count();
        anyhow::ensure!(processes == 6 && !left.exists(), "{cleaned:?}");
        let groups = cleaned.iter().filter(|thing| thing.kind == "control group").count();
        anyhow::ensure!((groups > 0) == limits_possible()?, "{groups} control groups: {cleaned:?}");
        anyhow::ensure!(of_run(killed.id()).is_empty() && orphans.iter().all(|&pid| !lives(pid)));
        anyhow::ensure!(of_run(living.id()).len() == 6 && kept.exists(), "a living run was touched");
        anyhow::ensure!(bystanders.iter().all(|other| lives(other.id())), "a stranger was killed");
        Ok(())
    })();
    living.kill()?;
    living.wait()?;
    let rest = clean(Some(&RunId::new(format!("k{}", living.id()))), false);
    for other in &mut bystanders {
        other.kill()?;
        other.wait()?;
    }
    outcome?;
    anyhow::ensure!(!rest?.is_empty() && of_run(living.id()).is_empty() && !kept.exists());
    Ok(Verdict::Passed)
}
