//! One node: its folder, its namespace, its process, and what may be done to them at the same time.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{self as kernel_signal, killpg};
use nix::unistd::Pid;
use tokio::sync::watch;

use super::super::fabric::Namespace;
use super::super::{BackendError, BackendEvent};
use super::launch::{Launch, Launched, launch};
use super::limits::LimitGroup;
use super::{Common, folder, label};
use crate::action::{NodeProcess, Signal};

/// Time between SIGTERM and SIGKILL.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// How long a process may take to be gone after SIGKILL.
const DYING: Duration = Duration::from_secs(10);

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
    limits: Option<LimitGroup>,
    /// Nothing is started any more.
    closing: bool,
}

/// A process that leads a process group.
#[derive(Clone, Debug)]
struct Running {
    pid: i32,
    /// How it ended; `None` while it runs.
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl Node {
    pub(super) fn new(process: Arc<NodeProcess>, folder: PathBuf, program: PathBuf) -> Self {
        Self { process, folder, program, busy: tokio::sync::Mutex::default(), state: Mutex::default() }
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

    /// Makes folder, namespace and device. Blocks for some milliseconds.
    pub(super) fn make(&self, common: &Common) -> Result<(), BackendError> {
        let step = |what: &str| format!("cannot make {what} of node {}", self.name());
        folder::make(&self.folder, &self.process).map_err(|error| BackendError::new(step("the folder"), error))?;
        let namespace = Namespace::create().map_err(|error| BackendError::new(step("the network namespace"), error))?;
        let setup = common.device_of(&self.process)?;
        common
            .wire()?
            .attach(self.process.index, &namespace, &setup)
            .map_err(|error| BackendError::new(step("the network device"), error))?;
        self.state().namespace = Some(namespace);
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
        self.limit(common).map_err(cannot)?;
        let launched = self.launch(&self.process.command, common).await.map_err(cannot)?;
        let (launched, end) = self.register(launched).map_err(cannot)?;
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
        if status.success() { Ok(()) } else { Err(cannot(io::Error::other(status.to_string()))) }
    }

    async fn launch(&self, command: &[String], common: &Common) -> io::Result<Launched> {
        if self.state().closing {
            return Err(io::Error::other("the run is being taken down"));
        }
        let mut environment: Vec<_> = self.process.env.clone().into_iter().collect();
        for (name, value) in [
            (label::RUN, common.run.to_string()),
            (label::NODE, self.name().to_string()),
            (label::SCENARIO, common.scenario.clone()),
            (label::OWNER, common.owner.to_string()),
        ] {
            environment.push((name.to_owned(), value));
        }
        let what = Launch { program: &self.program, command, environment, folder: &self.folder };
        launch(what, &self.namespace()?, self.name(), &common.logs).await
    }

    /// From now on signals reach the process. The sender is how its end is told.
    fn register(&self, mut launched: Launched) -> io::Result<(Launched, watch::Sender<Option<ExitStatus>>)> {
        let pid = launched.pid;
        let mut state = self.state();
        let limited = state.limits.as_ref().map_or(Ok(()), |limits| limits.enter(pid));
        if limited.is_err() || state.closing {
            // Nobody would ever end it otherwise. The runtime reaps it.
            let _ = send(pid, kernel_signal::Signal::SIGKILL);
            let _ = launched.child.start_kill();
            return Err(limited.err().unwrap_or_else(|| io::Error::other("the run is being taken down")));
        }
        let (end, ended) = watch::channel(None);
        state.running = Some(Running { pid, ended });
        Ok((launched, end))
    }

    /// Waits for the end of a process, and ends what is left of its group: a node is its process group. Tells the engine
    /// if `common` is given.
    async fn see_off(
        &self,
        mut launched: Launched,
        end: watch::Sender<Option<ExitStatus>>,
        common: Option<&Common>,
    ) -> ExitStatus {
        let status = launched.child.wait().await.unwrap_or_else(|error| {
            tracing::error!(node = %self.name(), %error, "cannot wait for the process");
            ExitStatus::from_raw(0x100)
        });
        let _ = send(launched.pid, kernel_signal::Signal::SIGKILL);
        launched.last_words().await;
        self.state().running = None;
        let event = BackendEvent::Exited { node: self.name().clone(), code: status.code(), signal: status.signal() };
        // Before the end is told, so that the event is there when `signal` returns; but whoever waits in `signal` may be
        // the one who has to make room for it.
        let unsent = common.and_then(|common| Some((common, common.try_tell(event)?)));
        end.send_replace(Some(status));
        if let Some((common, event)) = unsent {
            common.tell(event).await;
        }
        status
    }

    /// Sends a signal, and waits for the end of the process if the signal ends it.
    pub(super) async fn signal(&self, signal: Signal) -> Result<(), BackendError> {
        use kernel_signal::Signal::{SIGCONT, SIGSTOP, SIGTERM};
        let cannot = |error: io::Error| {
            let word = format!("{signal:?}").to_lowercase();
            BackendError::new(format!("cannot {word} node {}", self.name()), error)
        };
        let running = self.state().running.clone();
        match (signal, running) {
            (Signal::Kill, _) => self.kill().await,
            (Signal::Stop, None) => Ok(()),
            (Signal::Stop, Some(running)) => {
                send(running.pid, SIGTERM).map_err(cannot)?;
                // A frozen process would not see it.
                send(running.pid, SIGCONT).map_err(cannot)?;
                if running.ended(GRACE).await { Ok(()) } else { self.kill().await }
            }
            (Signal::Pause, Some(running)) => send(running.pid, SIGSTOP).map_err(cannot),
            (Signal::Resume, Some(running)) => send(running.pid, SIGCONT).map_err(cannot),
            (Signal::Pause | Signal::Resume, None) => Err(cannot(io::Error::other("it does not run"))),
        }
    }

    async fn kill(&self) -> Result<(), BackendError> {
        let Some(running) = self.state().running.clone() else { return Ok(()) };
        let cannot = |error| BackendError::new(format!("cannot kill node {}", self.name()), error);
        send(running.pid, kernel_signal::Signal::SIGKILL).map_err(cannot)?;
        if running.ended(DYING).await {
            Ok(())
        } else {
            Err(cannot(io::Error::other(format!("process {} is still there {DYING:?} after SIGKILL", running.pid))))
        }
    }

    /// Empties the data folder of a node that does not run.
    pub(super) async fn wipe(&self) -> Result<(), BackendError> {
        let _busy = self.busy.lock().await;
        let cannot = |error| BackendError::new(format!("cannot wipe node {}", self.name()), error);
        if self.state().running.is_some() {
            return Err(cannot(io::Error::other("it runs")));
        }
        let (path, process) = (self.folder.clone(), Arc::clone(&self.process));
        let wiped = tokio::task::spawn_blocking(move || folder::wipe(&path, &process)).await;
        wiped.map_err(io::Error::other).and_then(|done| done).map_err(cannot)?;
        self.state().initialised = false;
        Ok(())
    }

    /// Makes the node's control group, if it has limits.
    fn limit(&self, common: &Common) -> io::Result<()> {
        let resources = self.process.resources;
        if resources.cpus.is_none() && resources.memory.is_none() {
            return Ok(());
        }
        let home = common.limits.as_ref().ok_or_else(|| io::Error::other("limits are not possible here"))?;
        let group = home.make(&common.run, &common.owner, self.name(), resources)?;
        self.state().limits = Some(group);
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
    pub(super) fn remove_limits(&self) -> Option<BackendError> {
        let limits = self.state().limits.take()?;
        let error = limits.remove_within(DYING).err()?;
        Some(BackendError::new(format!("cannot remove the control group of node {}", self.name()), error))
    }
}

impl Running {
    /// Waits for the process's end; false if it takes longer.
    async fn ended(&self, within: Duration) -> bool {
        let mut ended = self.ended.clone();
        let end = tokio::time::timeout(within, ended.wait_for(Option::is_some)).await;
        // A closed channel: nobody watches the process any more because it is gone.
        end.is_ok()
    }
}

/// Sends a signal to a process group. One that is gone is no error: its end is told elsewhere.
fn send(group: i32, signal: kernel_signal::Signal) -> io::Result<()> {
    match killpg(Pid::from_raw(group), signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
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
