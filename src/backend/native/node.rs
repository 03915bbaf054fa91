//! One node: its folder, its namespaces, its process, and what may be done to them at the same time.

mod signals;

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal as kernel_signal;
use tokio::sync::watch;

use super::super::fabric::Namespace;
use super::super::{BackendError, BackendEvent, ended_by_signal};
use super::group::NodeGroup;
use super::launch::{Launch, Launched, launch};
use super::marks::{self, Marks};
use super::processes::NodeProcesses;
use super::view::View;
use super::{Common, folder, names};
use crate::action::NodeProcess;
use signals::{Ended, Running, send};

pub(super) use signals::DYING;

/// How long one init command may take.
const INIT: Duration = Duration::from_secs(300);

/// So many of the last lines of an init command are shown when it fails.
const LAST_LINES: usize = 20;

/// They are looked for in so much of the log's end.
const LAST_BYTES: u64 = 16 * 1024;

/// A node of the run.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) process: Arc<NodeProcess>,
    pub(super) folder: PathBuf,
    pub(super) program: PathBuf,
    marks: Marks,
    view: View,
    /// Held while the node is made, started or wiped; signals do not wait for it.
    busy: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    namespace: Option<Namespace>,
    /// Init commands are done.
    initialised: bool,
    /// The process, or the init command, that runs now.
    running: Option<Running>,
    /// By what all of its processes are known, once its namespace is made.
    processes: Option<NodeProcesses>,
    group: Option<NodeGroup>,
    /// So many of its processes the kernel had killed for its memory limit when it was last asked.
    memory_kills: u64,
    /// Nothing is started any more.
    closing: bool,
}

impl Node {
    /// A node of the run whose folder is `run`.
    pub(super) fn new(process: Arc<NodeProcess>, run: &Path, program: PathBuf, marks: Marks) -> Self {
        let folder = run.join("nodes").join(process.name.as_str());
        let view = View::new(run, process.name.as_str(), &program, &marks);
        Self { process, folder, program, marks, view, busy: tokio::sync::Mutex::default(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node's namespace, once it is made.
    pub(super) fn namespace(&self) -> io::Result<Namespace> {
        let missing = || io::Error::new(io::ErrorKind::NotConnected, format!("node {} is not made yet", self.name()));
        self.state().namespace.clone().ok_or_else(missing)
    }

    /// Process id of what runs now.
    pub(super) fn pid(&self) -> Option<i32> {
        self.state().running.as_ref().map(|running| running.pid)
    }

    fn name(&self) -> &crate::action::NodeName {
        &self.process.name
    }

    /// Makes folder, namespace, control group and device. Blocks for some milliseconds.
    pub(super) fn make(&self, common: &Common) -> Result<(), BackendError> {
        let step = |what: &str| format!("cannot make {what} of node {}", self.name());
        folder::make(&self.folder, &self.process).map_err(|error| BackendError::new(step("the folder"), error))?;
        let machine = fs::read_to_string("/etc/hosts").unwrap_or_default();
        let hosts = names::hosts(&self.process, common.processes.iter().map(Arc::as_ref), &machine);
        self.view.make(&hosts).map_err(|error| BackendError::new(step("the own files"), error))?;
        let group = common.groups.make(&common.run, &common.owner, self.name(), self.process.resources);
        let group = group.map_err(|error| BackendError::new(step("the control group"), error))?;
        // Known at once, so that the teardown removes it whatever comes next.
        self.state().group.clone_from(&group);
        let namespace = Namespace::create().map_err(|error| BackendError::new(step("the network namespace"), error))?;
        let setup = common.device_of(&self.process)?;
        common
            .wire()?
            .attach(self.process.index, &namespace, &setup)
            .map_err(|error| BackendError::new(step("the network device"), error))?;
        let network = namespace.inode().map_err(|error| BackendError::new(step("the network namespace"), error))?;
        let mut state = self.state();
        state.processes = Some(NodeProcesses::new(network, self.marks.clone(), group));
        state.namespace = Some(namespace);
        Ok(())
    }

    /// Runs init commands that are due, then the node's process.
    pub(super) async fn start(self: &Arc<Self>, common: &Arc<Common>) -> Result<(), BackendError> {
        let _busy = self.busy.lock().await;
        let cannot = |error: io::Error| BackendError::new(format!("cannot start node {}", self.name()), error);
        if self.state().running.is_some() {
            return Err(cannot(io::Error::other("it runs already")));
        }
        let initialised = self.state().initialised;
        if !initialised {
            for command in &self.process.init {
                self.initialise(command, common).await?;
            }
            self.state().initialised = true;
            common.tell(BackendEvent::Initialised { node: self.name().clone() }).await;
        }
        let launched = self.launch(&self.process.command, common).await.map_err(cannot)?;
        let (launched, end) = self.register(launched).map_err(cannot)?;
        if self.process.resources.memory.is_some() {
            let (node, common, ended) = (Arc::clone(self), Arc::clone(common), end.subscribe());
            tokio::spawn(async move { node.watch_memory(ended, &common).await });
        }
        let (node, common) = (Arc::clone(self), Arc::clone(common));
        tokio::spawn(async move { node.see_off(launched, end, Some(&common)).await });
        Ok(())
    }

    async fn initialise(self: &Arc<Self>, command: &[String], common: &Arc<Common>) -> Result<(), BackendError> {
        let words = command.join(" ");
        let cannot = |error: io::Error| {
            let step = format!("node {}: the init command `{words}` failed", self.name());
            let log = common.logs.path(self.name());
            let said = last_lines(&log).unwrap_or_default();
            let source = if said.is_empty() { error.to_string() } else { format!("{error}; its last lines:{said}") };
            BackendError::new(step, source).remedy(format!("its output is in {}", log.display()))
        };
        let launched = self.launch(command, common).await.map_err(cannot)?;
        let (launched, end) = self.register(launched).map_err(cannot)?;
        let node = Arc::clone(self);
        let mut watcher = tokio::spawn(async move { node.see_off(launched, end, None).await });
        let Ok(status) = tokio::time::timeout(INIT, &mut watcher).await else {
            self.kill().await?;
            return Err(cannot(io::Error::other(format!("it did not end within {INIT:?}"))));
        };
        let status = status.map_err(|error| cannot(io::Error::other(error)))?;
        if status.success() {
            return Ok(());
        }
        let how = status.signal().map_or_else(
            || status.to_string(),
            |signal| format!("it {}", ended_by_signal(signal, self.process.resources.memory)),
        );
        Err(cannot(io::Error::other(how)))
    }

    async fn launch(&self, command: &[String], common: &Common) -> io::Result<Launched> {
        if self.state().closing {
            return Err(io::Error::other("the run is being taken down"));
        }
        let mut environment: Vec<_> = self.process.env.clone().into_iter().collect();
        environment.push((marks::SCENARIO.to_owned(), common.scenario.clone()));
        environment.extend(self.marks.as_environment());
        let view = common.views.then(|| self.view.clone());
        if view.is_none() && !self.process.env.contains_key("TMPDIR") {
            environment.push(("TMPDIR".to_owned(), self.view.temporary().display().to_string()));
        }
        let groups = self.state().group.as_ref().map_or_else(|| Ok(Vec::new()), NodeGroup::entrances)?;
        let what = Launch { program: &self.program, command, environment, folder: &self.folder, view, groups };
        launch(what, &self.namespace()?, self.name(), &common.logs).await
    }

    /// From now on signals reach the process. The sender is how its end is told.
    fn register(&self, mut launched: Launched) -> io::Result<(Launched, watch::Sender<Option<Ended>>)> {
        let pid = launched.pid;
        let mut state = self.state();
        if state.closing {
            // Nobody would ever end it otherwise. The runtime reaps it.
            let _ = send(pid, kernel_signal::Signal::SIGKILL);
            let _ = launched.child.start_kill();
            return Err(io::Error::other("the run is being taken down"));
        }
        let (end, ended) = watch::channel(None);
        state.running = Some(Running { pid, ended });
        Ok((launched, end))
    }

    /// Empties the data folder of a node that does not run.
    pub(super) async fn wipe(&self) -> Result<(), BackendError> {
        let _busy = self.busy.lock().await;
        let cannot = |error| BackendError::new(format!("cannot wipe node {}", self.name()), error);
        if self.state().running.is_some() {
            return Err(cannot(io::Error::other("it runs")));
        }
        let (path, process, view) = (self.folder.clone(), Arc::clone(&self.process), self.view.clone());
        let wiped = tokio::task::spawn_blocking(move || folder::wipe(&path, &process).and_then(|()| view.wipe())).await;
        wiped.map_err(io::Error::other).and_then(|done| done).map_err(cannot)?;
        self.state().initialised = false;
        Ok(())
    }

    /// Ends the process and lets go of the namespace. Nothing can be started any more.
    pub(super) async fn close(&self) -> Vec<BackendError> {
        self.state().closing = true;
        let mut errors: Vec<_> = self.kill().await.err().into_iter().collect();
        // A start that was under way finds the run closing, or its process is there to be killed now.
        match tokio::time::timeout(DYING, self.busy.lock()).await {
            Ok(_idle) => errors.extend(self.kill().await.err()),
            Err(_) => errors.push(BackendError::plain(format!("node {} is still being started", self.name()))),
        }
        self.state().namespace = None;
        errors
    }

    /// Removes the control group of a node whose processes are dead. Blocks until the kernel lets it go.
    pub(super) fn remove_group(&self) -> Option<BackendError> {
        let group = self.state().group.take()?;
        let error = group.remove_within(DYING).err()?;
        Some(BackendError::new(format!("cannot remove the control group of node {}", self.name()), error))
    }
}

/// The end of a log, a line each, indented.
fn last_lines(log: &Path) -> io::Result<String> {
    let mut file = File::open(log)?;
    let from = file.metadata()?.len().saturating_sub(LAST_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().skip(usize::from(from > 0)).collect();
    let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
    Ok(last.iter().fold(String::new(), |text, line| text + "\n    " + line))
}
