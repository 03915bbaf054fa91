//! Init commands: short-lived containers of the node's image that share its data folder and its files.

use std::time::Duration;

use bollard::errors::Error as EngineError;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures::StreamExt;
use tokio::time::timeout;

use super::super::{BackendError, LogStream, ended_by_signal};
use super::client::gone_is_fine;
use super::labels::PART_INIT;
use super::run::{Node, Run};
use super::{containers, logs};

/// Longest time for one init command.
const INIT_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Runs a node's init commands in order. Their output goes to the node's log, and into the error if one fails.
pub(super) async fn run_commands(run: &Run, node: &Node) -> Result<(), BackendError> {
    for (index, command) in node.process.init.iter().enumerate() {
        let name = format!("{}-init-{index}", run.marks.node_name(&node.process.name));
        let result = run_one(run, node, command, &name).await;
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let removed = gone_is_fine(run.engine.docker.remove_container(&name, Some(options)).await);
        result?;
        removed.map_err(|error| BackendError::new(format!("cannot remove the init container {name}"), error))?;
    }
    Ok(())
}

async fn run_one(run: &Run, node: &Node, command: &[String], name: &str) -> Result<(), BackendError> {
    let shown = command.join(" ");
    let what = || format!("init command `{shown}` of node {} ({})", node.process.name, node.process.client);
    let failed = |error: EngineError| BackendError::new(format!("cannot run {}", what()), error);
    let docker = &run.engine.docker;
    let mut body = containers::body(run, node, PART_INIT, command)?;
    if let Some(host) = &mut body.host_config {
        // Init commands prepare a folder; without a network they start faster and can leak nothing.
        host.network_mode = Some("none".to_owned());
    }
    let options = CreateContainerOptionsBuilder::new().name(name).build();
    docker.create_container(Some(options), body).await.map_err(failed)?;
    containers::upload(run, node, name).await?;
    docker.start_container(name, None).await.map_err(failed)?;
    let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
    let ended = timeout(INIT_TIMEOUT, docker.wait_container(name, Some(options)).next()).await;
    let output = logs::last_lines(&run.engine, name).await;
    if !output.is_empty() {
        let end = if output.ends_with('\n') { "" } else { "\n" };
        // The log is a convenience here: the error below carries the output as well.
        let _ = run.setup.logs.write(&node.process.name, LogStream::Both, format!("{output}{end}").as_bytes());
    }
    let problem = match ended {
        Err(_) => format!("did not end within {} minutes", INIT_TIMEOUT.as_secs() / 60),
        Ok(None | Some(Ok(_))) => return Ok(()),
        // As a shell tells it: 128 and the signal that ended the process.
        Ok(Some(Err(EngineError::DockerContainerWaitError { code: code @ 129..=192, .. }))) => {
            ended_by_signal(code as i32 - 128, node.process.resources.memory)
        }
        Ok(Some(Err(EngineError::DockerContainerWaitError { code, .. }))) => format!("ended with exit code {code}"),
        Ok(Some(Err(error))) => return Err(failed(error)),
    };
    let lines: Vec<&str> = output.lines().collect();
    let tail = lines[lines.len().saturating_sub(20)..].join("\n  | ");
    let source =
        if tail.is_empty() { "it printed nothing".to_owned() } else { format!("its last lines were:\n  | {tail}") };
    Err(BackendError::new(format!("{} {problem}", what()), source))
}
