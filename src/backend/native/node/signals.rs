//! What is done to all processes of a node, and how the end of its own process is seen.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{self as kernel_signal, killpg};
use nix::unistd::Pid;
use tokio::sync::watch;

use super::super::Common;
use super::super::launch::Launched;
use super::super::processes::NodeProcesses;
use super::Node;
use crate::action::Signal;
use crate::backend::{BackendError, BackendEvent};

/// Time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(10);

/// How long processes may take to be gone after SIGKILL.
pub(in super::super) const DYING: Duration = Duration::from_secs(10);

/// How long processes may take to stand still.
const FREEZING: Duration = Duration::from_secs(5);

/// Between two looks at whether the kernel killed a process of the node for its memory limit.
const MEMORY_LOOK: Duration = Duration::from_millis(250);

/// A process that leads a process group, and all that came of it.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) pid: i32,
    /// `None` while it runs, or while something that came of it is still there.
    pub(super) ended: watch::Receiver<Option<Ended>>,
}

/// A node's process has ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    /// What could not be ended of what came of it.
    left: Option<String>,
}

impl Node {
    /// Waits for the end of the node's process, and ends what is left of the node: as with a container, it is over when its
    /// first process is. Tells the engine if `common` is given.
    pub(super) async fn see_off(
        &self,
        mut launched: Launched,
        end: watch::Sender<Option<Ended>>,
        common: Option<&Common>,
    ) -> ExitStatus {
        let status = launched.child.wait().await.unwrap_or_else(|error| {
            tracing::error!(node = %self.name(), %error, "cannot wait for the process");
            ExitStatus::from_raw(0x100)
        });
        let left = if self.state().closing {
            // The teardown looks for what is left of all nodes at once.
            send(launched.pid, kernel_signal::Signal::SIGKILL).err()
        } else {
            self.to_all(|all| all.kill(DYING)).await.err()
        };
        launched.last_words().await;
        self.state().running = None;
        let event = BackendEvent::Exited { node: self.name().clone(), code: status.code(), signal: status.signal() };
        // Before the end is told, so that the events are there when `signal` returns; but whoever waits in `signal` may be
        // the one who has to make room for them.
        let mut unsent = Vec::new();
        if let Some(common) = common {
            let events = self.memory_kills().into_iter().chain([event]);
            unsent.extend(events.filter_map(|event| common.try_tell(event)));
        }
        end.send_replace(Some(Ended { left: left.map(|error| error.to_string()) }));
        if let Some(common) = common {
            for event in unsent {
                common.tell(event).await;
            }
        }
        status
    }

    /// Sends a signal, and waits for the end of the node's processes if the signal ends them.
    pub(in super::super) async fn signal(
        self: &Arc<Self>,
        signal: Signal,
        common: &Arc<Common>,
    ) -> Result<(), BackendError> {
        let cannot = |error: io::Error| {
            let word = format!("{signal:?}").to_lowercase();
            BackendError::new(format!("cannot {word} node {}", self.name()), error)
        };
        let running = self.state().running.clone();
        match (signal, running) {
            (Signal::Kill, _) => self.kill().await,
            (Signal::Stop, None) => Ok(()),
            (Signal::Stop, Some(running)) => {
                self.to_all(NodeProcesses::terminate).await.map_err(cannot)?;
                match running.ended(GRACE).await {
                    Some(ended) => ended.map_err(cannot),
                    None => {
                        let ignored = BackendEvent::StopIgnored { node: self.name().clone(), waited: GRACE };
                        if let Some(untold) = common.try_tell(ignored) {
                            let common = Arc::clone(common);
                            tokio::spawn(async move { common.tell(untold).await });
                        }
                        self.kill().await
                    }
                }
            }
            (Signal::Pause, Some(_)) => self.to_all(|all| all.freeze(FREEZING)).await.map_err(cannot),
            (Signal::Resume, Some(_)) => self.to_all(NodeProcesses::thaw).await.map_err(cannot),
            (Signal::Pause | Signal::Resume, None) => Err(cannot(io::Error::other("it does not run"))),
        }
    }

    pub(super) async fn kill(&self) -> Result<(), BackendError> {
        let Some(running) = self.state().running.clone() else { return Ok(()) };
        let cannot = |error| BackendError::new(format!("cannot kill node {}", self.name()), error);
        send(running.pid, kernel_signal::Signal::SIGKILL).map_err(cannot)?;
        self.to_all(|all| {
            all.kill_at_once();
            Ok(())
        })
        .await
        .map_err(cannot)?;
        // Whoever waits for its end looks for what is left for so long.
        match running.ended(DYING + DYING / 2).await {
            Some(ended) => ended.map_err(cannot),
            None => Err(cannot(io::Error::other(format!("process {} is still there after SIGKILL", running.pid)))),
        }
    }

    /// Does something to all processes of the node, on a thread that may block.
    async fn to_all(&self, work: impl FnOnce(&NodeProcesses) -> io::Result<()> + Send + 'static) -> io::Result<()> {
        let Some(all) = self.state().processes.clone() else { return Ok(()) };
        tokio::task::spawn_blocking(move || work(&all)).await.map_err(io::Error::other)?
    }

    /// Tells of processes that the kernel kills for the node's memory limit, until the node's process has ended: that is
    /// nothing to be waited for on all kernels.
    pub(super) async fn watch_memory(&self, mut ended: watch::Receiver<Option<Ended>>, common: &Common) {
        while tokio::time::timeout(MEMORY_LOOK, ended.wait_for(Option::is_some)).await.is_err() {
            if let Some(event) = self.memory_kills() {
                common.tell(event).await;
            }
        }
    }

    /// Processes of the node that the kernel has killed for its memory limit, since it was last asked.
    fn memory_kills(&self) -> Option<BackendEvent> {
        self.process.resources.memory?;
        let mut state = self.state();
        let total = state.group.as_ref()?.memory_kills()?;
        let kills = total.saturating_sub(state.memory_kills);
        state.memory_kills = total;
        (kills > 0).then(|| BackendEvent::OutOfMemory { node: self.name().clone(), kills })
    }
}

impl Running {
    /// Waits for the end of the process and of all that came of it; `None` if it takes longer.
    async fn ended(&self, within: Duration) -> Option<io::Result<()>> {
        let mut ended = self.ended.clone();
        let end = tokio::time::timeout(within, ended.wait_for(Option::is_some)).await.ok()?;
        // A closed channel: nobody watches the process any more because it is gone.
        let left = end.ok().and_then(|end| end.as_ref()?.left.clone());
        Some(left.map_or(Ok(()), |left| Err(io::Error::other(left))))
    }
}

/// Sends a signal to a process group. One that is gone is no error: its end is told elsewhere.
pub(super) fn send(group: i32, signal: kernel_signal::Signal) -> io::Result<()> {
    match killpg(Pid::from_raw(group), signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
