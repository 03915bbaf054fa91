//! What the tests share: a run on the engine, watched.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use splitbrain::action::{
    Attachment, BuildContext, Capability, ClientRef, ImageSource, NetworkName, NetworkSpec, NodeFile, NodeName,
    NodeProcess, Resources, RunId, Seeds, Support,
};
use splitbrain::backend::docker::{self, DockerBackend, NetworkRequest};
use splitbrain::backend::{BackendError, BackendEvent, CleanRequest, LogSink, Progress, RunSetup, WireSetup};
use splitbrain::link::{LinkParameters, LinkRule, LinkTable};
use tokio::sync::mpsc;

/// The program that all test containers run.
pub(crate) const BUSYBOX: &str = "/bin/busybox";

/// Longest wait for anything; a busy machine starts a few containers a second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Says why a test cannot run here, or nothing if it can.
pub(crate) async fn why_not(wants: &[Capability]) -> Option<String> {
    if !Path::new(BUSYBOX).exists() {
        return Some(format!("{BUSYBOX} is missing (Debian: `apt-get install busybox-static`)"));
    }
    let able = DockerBackend::capabilities().await;
    wants.iter().chain(&[Capability::Processes]).find_map(|capability| match able.support.get(capability) {
        Some(Support::Yes { .. }) => None,
        Some(Support::No { why, remedy }) => Some(format!("{why} ({remedy})")),
        None => Some(format!("{capability:?} was not looked at")),
    })
}

/// Ends the calling test, loudly, if the machine lacks what it needs.
#[macro_export]
macro_rules! needs {
    ($($capability:expr),*) => {
        if let Some(why) = $crate::scene::why_not(&[$($capability),*]).await {
            eprintln!("SKIPPED: {why}");
            return;
        }
    };
}

/// An id that no other run on this engine has.
pub(crate) fn fresh_run() -> RunId {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    RunId::new(format!("t{}x{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)))
}

/// An image with busybox and nothing else.
pub(crate) fn busybox_image() -> ImageSource {
    let dockerfile =
        "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n";
    ImageSource::Build(BuildContext {
        dockerfile: "Dockerfile".to_owned(),
        folder: None,
        files: BTreeMap::from([("Dockerfile".to_owned(), dockerfile.as_bytes().to_vec())]),
        machine_files: BTreeMap::from([("busybox".to_owned(), PathBuf::from(BUSYBOX))]),
        arguments: BTreeMap::new(),
    })
}

/// A node that runs a shell script in the network `main`. Its address is filled in by the scene: `10 + index`.
pub(crate) fn node(name: &str, script: &str) -> NodeProcess {
    NodeProcess {
        name: NodeName::new(name),
        index: 0,
        client: ClientRef::from("busybox".to_owned()),
        image: Some(busybox_image()),
        program: None,
        init: Vec::new(),
        command: shell(script),
        env: BTreeMap::new(),
        files: Vec::new(),
        data: "/splitbrain/data".to_owned(),
        attachments: vec![Attachment { network: NetworkName::new("main"), address: Ipv4Addr::UNSPECIFIED }],
        ports: BTreeMap::new(),
        resources: Resources::default(),
    }
}

pub(crate) fn shell(script: &str) -> Vec<String> {
    ["/bin/busybox", "sh", "-c", script].map(str::to_owned).to_vec()
}

pub(crate) fn file(path: &str, content: &str) -> NodeFile {
    NodeFile { path: path.to_owned(), content: content.to_owned(), bytes: None, mode: 0o644 }
}

/// A run with its nodes, and all that was heard from it.
pub(crate) struct Scene {
    pub(crate) run: RunId,
    pub(crate) backend: DockerBackend,
    pub(crate) networks: Vec<NetworkSpec>,
    addresses: BTreeMap<NodeName, Ipv4Addr>,
    folder: tempfile::TempDir,
    lines: Arc<Mutex<BTreeMap<NodeName, Vec<String>>>>,
    events: mpsc::Receiver<BackendEvent>,
    heard: Vec<BackendEvent>,
}

impl Scene {
    /// Reserves, prepares and creates. `ADDRESS_<node>` in commands becomes the node's address. Starts nothing.
    pub(crate) async fn set(nodes: Vec<NodeProcess>, wired: bool) -> Self {
        let run = fresh_run();
        Self::of(run, nodes, wired).await
    }

    /// As `set`, for a run with this id.
    pub(crate) async fn of(run: RunId, nodes: Vec<NodeProcess>, wired: bool) -> Self {
        Self::on(run, nodes, wired, false).await
    }

    /// As `of`, with networks that have a way out.
    pub(crate) async fn on(run: RunId, mut nodes: Vec<NodeProcess>, wired: bool, internet: bool) -> Self {
        let mut names: Vec<NetworkName> = Vec::new();
        for attachment in nodes.iter().flat_map(|node| &node.attachments) {
            if !names.contains(&attachment.network) {
                names.push(attachment.network.clone());
            }
        }
        let requests: Vec<NetworkRequest> =
            names.iter().map(|name| NetworkRequest { name: name.clone(), internet }).collect();
        let reserved =
            docker::reserve(&run, "test", &requests).await.unwrap_or_else(|error| panic!("{}", told(&error)));
        let networks: Vec<NetworkSpec> = names
            .iter()
            .zip(reserved.subnets())
            .map(|(name, (subnet, prefix))| NetworkSpec {
                name: name.clone(),
                subnet,
                prefix,
                gateway: Ipv4Addr::from(u32::from(subnet) + 1),
                internet,
            })
            .collect();
        let mut addresses = BTreeMap::new();
        for (index, node) in nodes.iter_mut().enumerate() {
            node.index = index as u16;
            for attachment in &mut node.attachments {
                let network = networks.iter().find(|network| network.name == attachment.network).unwrap();
                attachment.address = Ipv4Addr::from(u32::from(network.subnet) + 10 + index as u32);
            }
            addresses.insert(node.name.clone(), node.address());
        }
        for word in nodes.iter_mut().flat_map(|node| node.command.iter_mut().chain(node.init.iter_mut().flatten())) {
            for (name, address) in &addresses {
                *word = word.replace(&format!("ADDRESS_{name}"), &address.to_string());
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let lines: Arc<Mutex<BTreeMap<NodeName, Vec<String>>>> = Arc::default();
        let watched = Arc::clone(&lines);
        let logs = LogSink::new(
            folder.path(),
            Arc::new(move |node, line| {
                watched.lock().unwrap().entry(node.clone()).or_default().push(line.text.to_owned());
            }),
        );
        let (sender, events) = mpsc::channel(256);
        let setup = RunSetup {
            run: run.clone(),
            scenario: "test".to_owned(),
            networks: networks.clone(),
            nodes: nodes.iter().cloned().map(Arc::new).collect(),
            wire: wired.then(|| WireSetup { seeds: Seeds::root(1), table: table(nodes.len(), &[]) }),
            logs,
            events: sender,
            state: folder.path().to_owned(),
            progress: Progress(Arc::new(|_| ())),
        };
        let backend = DockerBackend::prepare(setup).await.unwrap_or_else(|error| panic!("{}", told(&error)));
        let scene = Self { run, backend, networks, addresses, folder, lines, events, heard: Vec::new() };
        for node in &nodes {
            scene.done(scene.backend.create(&node.name).await);
        }
        scene
    }

    /// Prepares a run without nodes in this range, which was not reserved for it.
    pub(crate) async fn with_range(run: RunId, range: (Ipv4Addr, u8)) -> Result<DockerBackend, BackendError> {
        let folder = tempfile::tempdir().unwrap();
        let network = NetworkSpec {
            name: NetworkName::new("main"),
            subnet: range.0,
            prefix: range.1,
            gateway: Ipv4Addr::from(u32::from(range.0) + 1),
            internet: false,
        };
        let setup = RunSetup {
            run,
            scenario: "test".to_owned(),
            networks: vec![network],
            nodes: Vec::new(),
            wire: None,
            logs: LogSink::new(folder.path(), Arc::new(|_, _| ())),
            events: mpsc::channel(1).0,
            state: folder.path().to_owned(),
            progress: Progress(Arc::new(|_| ())),
        };
        DockerBackend::prepare(setup).await
    }

    /// Fails the test with everything that an error says.
    #[track_caller]
    pub(crate) fn done<T>(&self, result: Result<T, splitbrain::backend::BackendError>) -> T {
        result.unwrap_or_else(|error| panic!("{}", told(&error)))
    }

    pub(crate) async fn start(&self, node: &str) {
        self.done(self.backend.start(&NodeName::new(node)).await);
    }

    pub(crate) fn address(&self, node: &str) -> Ipv4Addr {
        self.addresses[&NodeName::new(node)]
    }

    /// What the node has printed so far.
    pub(crate) fn lines(&self, node: &str) -> Vec<String> {
        self.lines.lock().unwrap().get(&NodeName::new(node)).cloned().unwrap_or_default()
    }

    /// The node's log file as it is now.
    pub(crate) fn log(&self, node: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{node}.log"))).unwrap_or_default()
    }

    /// Waits for a line that the test describes.
    #[track_caller]
    pub(crate) fn says(&self, node: &str, what: &str) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let there = || self.lines(node).iter().any(|line| line.contains(what));
            assert!(eventually(there).await, "{place}: {node} never said `{what}`, but: {:#?}", self.lines(node));
        }
    }

    /// Waits until the node's newest line, printed after this call, is this one.
    #[track_caller]
    pub(crate) fn comes_to_say(&self, node: &str, what: &str) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let before = self.lines(node).len();
            let there = || self.lines(node).iter().skip(before + 1).any(|line| line.contains(what));
            assert!(
                eventually(there).await,
                "{place}: {node} did not come to say `{what}`, but: {:#?}",
                self.lines(node)
            );
        }
    }

    /// Waits for an event; earlier ones count too.
    pub(crate) async fn hears(&mut self, wanted: BackendEvent) {
        let deadline = Instant::now() + PATIENCE;
        while !self.heard.contains(&wanted) {
            match tokio::time::timeout_at(deadline.into(), self.events.recv()).await {
                Ok(Some(event)) => self.heard.push(event),
                _ => panic!("never heard {wanted:?}, but: {:?}", self.heard),
            }
        }
    }

    pub(crate) fn heard(&mut self) -> &[BackendEvent] {
        while let Ok(event) = self.events.try_recv() {
            self.heard.push(event);
        }
        &self.heard
    }

    /// Earlier events do not count any more.
    pub(crate) fn forget(&mut self) {
        self.heard();
        self.heard.clear();
    }

    /// The state of all links from now on.
    pub(crate) fn links(&self, rules: &[LinkRule]) {
        let set = self.backend.set_links(table(self.addresses.len(), rules));
        set.unwrap_or_else(|error| panic!("{}", told(&error)));
    }

    /// Takes everything down and makes sure that nothing is left.
    pub(crate) async fn clear(self) {
        let errors = self.backend.teardown().await;
        assert!(errors.is_empty(), "{}", errors.iter().map(told).collect::<Vec<_>>().join("\n"));
        let left =
            docker::clean(&CleanRequest { run: Some(self.run.clone()), dry_run: true, ..CleanRequest::default() })
                .await
                .unwrap_or_else(|error| panic!("{}", told(&error)));
        assert_eq!(left, [], "left behind");
    }
}

pub(crate) fn table(nodes: usize, rules: &[LinkRule]) -> Arc<LinkTable> {
    Arc::new(LinkTable::compile(nodes as u16, rules))
}

/// Nothing passes between these two nodes, in either direction.
pub(crate) fn cut(one: u16, other: u16) -> [LinkRule; 2] {
    let rule = |from, to| LinkRule { from: [from].into(), to: [to].into(), parameters: LinkParameters::CUT };
    [rule(one, other), rule(other, one)]
}

/// Waits for a condition.
pub(crate) async fn eventually(condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}

/// An error with its causes and remedy.
pub(crate) fn told(error: &splitbrain::backend::BackendError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        text.push_str(": ");
        text.push_str(&one.to_string());
        cause = one.source();
    }
    if let Some(remedy) = &error.remedy {
        text.push_str("\nremedy: ");
        text.push_str(remedy);
    }
    text
}

pub(crate) fn exited(node: &str, code: Option<i32>, signal: Option<i32>) -> BackendEvent {
    BackendEvent::Exited { node: NodeName::new(node), code, signal }
}
