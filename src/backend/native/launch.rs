//! Starting one process inside a node's namespace, with its output going to the node's log.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::super::fabric::Namespace;
use super::super::{LogSink, LogStream};
use super::before_exec::enter_groups;
use super::view::View;
use crate::action::NodeName;

/// Variables that a node inherits; everything else comes from the plan, so that a run does not depend on the shell that
/// it was started from.
const INHERITED: [&str; 7] = ["PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// How long the rest of a dead process's output may take to be read. Its pipe stays open for longer only if a
/// descendant has left the process group.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is to be started.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    /// The program; the first word of `command` is only its name.
    pub(super) program: &'a Path,
    /// Program name and arguments.
    pub(super) command: &'a [String],
    /// Variables beside the inherited ones.
    pub(super) environment: Vec<(String, String)>,
    /// Working folder.
    pub(super) folder: &'a Path,
    /// How it sees files; as everybody does, if there is none.
    pub(super) view: Option<View>,
    /// The control groups that it enters before anything else.
    pub(super) groups: Vec<File>,
}

/// A running process.
#[derive(Debug)]
pub(super) struct Launched {
    /// The process, which leads a process group of its own.
    pub(super) child: Child,
    /// Its number, and that of its group.
    pub(super) pid: i32,
    /// Reads its output until the last writer is gone.
    output: JoinHandle<()>,
}

/// Starts the process. The namespaces are entered on a thread that ends here; the child stays in them.
pub(super) async fn launch(
    launch: Launch<'_>,
    namespace: &Namespace,
    node: &NodeName,
    logs: &LogSink,
) -> io::Result<Launched> {
    let (reader, writer) = io::pipe()?;
    let mut command = Command::new(launch.program);
    command.args(launch.command.iter().skip(1)).current_dir(launch.folder).env_clear();
    command.envs(INHERITED.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.env("HOME", launch.folder).envs(launch.environment);
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    if let Some(name) = launch.command.first() {
        command.arg0(name);
    }
    enter_groups(&mut command, launch.groups);
    let view = launch.view;
    let namespace = namespace.clone();
    let runtime = Handle::current();
    let spawned = tokio::task::spawn_blocking(move || {
        namespace.run(|| {
            let _runtime = runtime.enter();
            // The command holds the pipe's writing end, which must be closed here, or its end would never be seen.
            let child = view.map_or(Ok(()), |view| view.enter()).and_then(|()| command.spawn());
            drop(command);
            child
        })
    });
    let child = spawned.await.map_err(io::Error::other)???;
    let output =
        tokio::spawn(copy_output(pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?, node.clone(), logs.clone()));
    let pid = child.id().ok_or_else(|| io::Error::other("the process ended before it was known"))? as i32;
    Ok(Launched { child, pid, output })
}

impl Launched {
    /// Waits for the rest of the output of a process that has ended.
    pub(super) async fn last_words(self) {
        let abort = self.output.abort_handle();
        if tokio::time::timeout(LAST_WORDS, self.output).await.is_err() {
            abort.abort();
        }
    }
}

/// Copies a node's output to its log. While the log cannot be written the node's output is thrown away: a full disk must
/// not stop the node as well.
async fn copy_output(mut pipe: pipe::Receiver, node: NodeName, logs: LogSink) {
    let mut buffer = vec![0; 16 * 1024];
    let mut told = false;
    while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
        if let Err(error) = logs.write(&node, LogStream::Both, &buffer[..length])
            && !told
        {
            told = true;
            tracing::warn!(%node, %error, "cannot write the node's log");
        }
    }
    // Its last line may lack an end; a further error would be the same as above.
    drop(logs.end(&node));
}
