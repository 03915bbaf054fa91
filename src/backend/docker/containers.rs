//! A node's container: made, started, signalled, moved off networks and back.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

use bollard::errors::Error as EngineError;
use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, HostConfigLogConfig, Mount, MountType,
    MountVolumeOptions, NetworkConnectRequest, NetworkDisconnectRequest, NetworkingConfig,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, RemoveContainerOptionsBuilder,
    StopContainerOptionsBuilder, UploadToContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures::StreamExt;
use tokio::time::timeout;

use super::super::{BackendError, BackendEvent};
use super::archive::{NODE_FOLDER, absolute, node_files};
use super::client::{gone_is_fine, has_status};
use super::labels::PART_NODE;
use super::run::{Node, NodeState, Run};
use super::{init, logs};
use crate::action::{Attachment, ImageSource, NetworkName, NodeName, NodeProcess, Signal};

/// SIGTERM is followed by SIGKILL after so many seconds.
const GRACE_SECONDS: i32 = 10;

/// The exit code of a process that SIGKILL ended.
const KILLED: i64 = 128 + 9;

/// How long a killed process may take to be gone.
const EXIT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the engine may take to notice that a process has ended.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the output of an ended start may take before the next start.
const LOG_TIMEOUT: Duration = Duration::from_secs(20);

/// Makes a node's container, with its files in it.
pub(super) async fn create(run: &Run, name: &NodeName) -> Result<(), BackendError> {
    let node = run.node(name)?;
    let mut state = node.state.lock().await;
    let _permit = run.gate.acquire().await;
    make(run, node, &mut state).await
}

async fn make(run: &Run, node: &Node, state: &mut NodeState) -> Result<(), BackendError> {
    let process = &node.process;
    let failed = |error: EngineError| {
        BackendError::new(format!("cannot make the container of node {} ({})", process.name, process.client), error)
    };
    let first = process.attachments.first();
    let mut body = body(run, node, PART_NODE, &process.command)?;
    if let Some(host) = &mut body.host_config
        && process.attachments.iter().all(|place| run.networks.get(&place.network).is_none_or(|net| !net.internet))
    {
        keep_inside(host);
    }
    if let Some(first) = first {
        let network = run.marks.network_name(&first.network);
        body.networking_config = Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.clone(), endpoint(&process.name, first))])),
        });
        if let Some(host) = &mut body.host_config {
            host.network_mode = Some(network);
        }
    }
    let options = CreateContainerOptionsBuilder::new().name(&run.marks.node_name(&process.name)).build();
    let id = run.engine.docker.create_container(Some(options), body).await.map_err(failed)?.id;
    state.container = Some(id.clone());
    for attachment in process.attachments.iter().skip(1) {
        connect(run, &process.name, &id, attachment).await.map_err(failed)?;
    }
    for network in &state.detached {
        disconnect(run, &id, network).await.map_err(failed)?;
    }
    if needs_upload(process) { upload(run, node, &id).await } else { Ok(()) }
}

/// A node of sealed networks asks nobody outside for names, and has no IPv6.
///
/// The engine answers for the names of the run's nodes and hands every other question on: an engine before 26.0 to the
/// resolver of its machine, where that listens on a loopback address. Told another resolver it asks that one from inside
/// of the container, where nobody listens at this address. It then leaves the question without an answer, so the waits for
/// one are short (resolv.conf(5)); none of the machine's search domains is tried.
fn keep_inside(host: &mut HostConfig) {
    let words = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect());
    host.dns = words(&["127.0.0.1"]);
    host.dns_options = words(&["timeout:1", "attempts:2"]);
    host.dns_search = words(&["."]);
    // Engines 26.0.0 and 26.0.1 leave it on, and with it a way to the bridge's link-local address (CVE-2024-32473).
    const IPV6_OFF: &str = "net.ipv6.conf.all.disable_ipv6";
    if Path::new("/proc/sys").join(IPV6_OFF.replace('.', "/")).exists() {
        host.sysctls = Some(HashMap::from([(IPV6_OFF.to_owned(), "1".to_owned())]));
    }
}

/// Whether the container needs more than what the engine makes by itself: files, or a data folder that anybody may write.
/// Our own image runs as root and its data folder is made by the engine; an upload mounts and unmounts the container's
/// file system, which costs as much as a quarter of its making.
fn needs_upload(process: &NodeProcess) -> bool {
    !process.files.is_empty() || process.image != Some(ImageSource::Builtin)
}

/// What all containers of a node have in common: image, environment, data volume, limits.
pub(super) fn body(
    run: &Run,
    node: &Node,
    part: &str,
    command: &[String],
) -> Result<ContainerCreateBody, BackendError> {
    let process = &node.process;
    let image = run.images.get(&process.name);
    let image = image.ok_or_else(|| BackendError::plain(format!("client {} has no image", process.client)))?;
    let volume = Mount {
        target: Some(absolute(&process.data)),
        source: Some(run.marks.node_name(&process.name)),
        typ: Some(MountType::VOLUME),
        volume_options: Some(MountVolumeOptions {
            labels: Some(run.marks.of_node(&process.name, PART_NODE)),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    };
    let resources = &process.resources;
    let host = HostConfig {
        mounts: Some(vec![volume]),
        nano_cpus: resources.cpus.map(|cpus| (cpus * 1e9) as i64),
        memory: resources.memory.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        init: Some(false),
        log_config: Some(kept_log()),
        ..HostConfig::default()
    };
    let (program, arguments) = match command {
        [] => (None, None),
        [program, arguments @ ..] => (Some(vec![program.clone()]), Some(arguments.to_vec())),
    };
    Ok(ContainerCreateBody {
        hostname: Some(process.name.to_string()),
        image: Some(image.clone()),
        // Named outright: an image's own entry point would come before it otherwise.
        entrypoint: program,
        // Public images switch to users of their own, who could not write into the node's data volume.
        user: Some("0:0".to_owned()),
        cmd: arguments,
        env: Some(process.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        working_dir: Some(NODE_FOLDER.to_owned()),
        labels: Some(run.marks.of_node(&process.name, part)),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    })
}

/// The engine's own copy of the output is for `docker logs` on a kept run; ours is whole. A long run must not fill the
/// engine's disk with it, nor a log service of the machine that the engine may be set up for.
fn kept_log() -> HostConfigLogConfig {
    let options = [("max-size", "20m"), ("max-file", "2")];
    let config = options.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    HostConfigLogConfig { typ: Some("json-file".to_owned()), config: Some(config) }
}

/// Puts the node's files into a container that does not run.
pub(super) async fn upload(run: &Run, node: &Node, container: &str) -> Result<(), BackendError> {
    let name = &node.process.name;
    let archive = node_files(&node.process)
        .map_err(|error| BackendError::new(format!("cannot pack the files of node {name}"), error))?;
    let options = UploadToContainerOptionsBuilder::new().path("/").build();
    let sent = run.engine.docker.upload_to_container(container, Some(options), bollard::body_full(archive.into()));
    sent.await
        .map_err(|error| BackendError::new(format!("cannot copy the files of node {name} into its container"), error))
}

fn endpoint(node: &NodeName, attachment: &Attachment) -> EndpointSettings {
    let address =
        EndpointIpamConfig { ipv4_address: Some(attachment.address.to_string()), ..EndpointIpamConfig::default() };
    EndpointSettings {
        ipam_config: Some(address),
        aliases: Some(vec![node.to_string()]),
        ..EndpointSettings::default()
    }
}

async fn connect(run: &Run, node: &NodeName, container: &str, attachment: &Attachment) -> Result<(), EngineError> {
    let request = NetworkConnectRequest {
        container: container.to_owned(),
        // Without the address a container comes back with whichever is free.
        endpoint_config: Some(endpoint(node, attachment)),
    };
    run.engine.docker.connect_network(&run.marks.network_name(&attachment.network), request).await
}

async fn disconnect(run: &Run, container: &str, network: &NetworkName) -> Result<(), EngineError> {
    let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(false) };
    match run.engine.docker.disconnect_network(&run.marks.network_name(network), request).await {
        Err(error) if error.to_string().contains("is not connected to") => Ok(()),
        other => other,
    }
}

/// Runs init commands that are due, then the node's process.
pub(super) async fn start(run: &Run, name: &NodeName) -> Result<(), BackendError> {
    let node = run.node(name)?;
    let mut state = node.state.lock().await;
    let _permit = run.gate.acquire().await;
    let container = state.container(name)?.to_owned();
    let failed =
        |error: EngineError| BackendError::new(format!("cannot start node {name} ({})", node.process.client), error);
    if let Some(log) = state.log.take_if(|log| !log.is_finished()) {
        if is_running(run, &container).await.map_err(failed)? {
            state.log = Some(log);
            return Ok(());
        }
        // Output of the former start that is still on its way stays before that of the next one.
        let _ = timeout(LOG_TIMEOUT, log).await;
    }
    if !state.initialised {
        init::run_commands(run, node).await?;
        state.initialised = true;
        let _ = run.setup.events.send(BackendEvent::Initialised { node: name.clone() }).await;
    }
    state.log = Some(logs::attach(&run.engine, &container, name, &run.setup.logs).await.map_err(failed)?);
    state.paused = false;
    run.engine.docker.start_container(&container, None).await.map_err(failed)?;
    for network in &state.detached {
        // Engines leave a network off that was left while the container stood still. Should one join it again after all,
        // with an address of its own choice, that would undo a fault.
        disconnect(run, &container, network).await.map_err(failed)?;
    }
    if run.namespaces {
        enter_wire(run, node, &state).await?;
    }
    Ok(())
}

/// Finds the namespace of a node's running container and puts the node on the wire. Nothing happens if the process has
/// ended already: that is told as an event.
async fn enter_wire(run: &Run, node: &Node, state: &NodeState) -> Result<(), BackendError> {
    let name = &node.process.name;
    let container = state.container(name)?;
    let attached: Vec<&Attachment> =
        node.process.attachments.iter().filter(|attachment| !state.detached.contains(&attachment.network)).collect();
    let found = super::wire::namespace_of(run, container).await;
    let found =
        found.map_err(|error| BackendError::new(format!("cannot reach the namespace of node {name}"), error))?;
    let Some(namespace) = found else { return Ok(()) };
    node.set_namespace(Some(namespace.clone()));
    let Some(wire) = &run.wire else { return Ok(()) };
    match wire.attach(run, &node.process, &attached, namespace).await {
        Err(error) if !ends_soon(run, container).await => {
            Err(BackendError::new(format!("cannot put node {name} on the wire"), error))
        }
        _ => Ok(()),
    }
}

/// Whether the container's process runs (or is frozen).
pub(super) async fn is_running(run: &Run, container: &str) -> Result<bool, EngineError> {
    let about = run.engine.docker.inspect_container(container, None).await?;
    Ok(about.state.and_then(|state| state.running).unwrap_or(false))
}

/// Does something to a node's process from outside.
pub(super) async fn signal(run: &Run, name: &NodeName, signal: Signal) -> Result<(), BackendError> {
    let node = run.node(name)?;
    let mut state = node.state.lock().await;
    let container = state.container(name)?.to_owned();
    let docker = &run.engine.docker;
    let verb = match signal {
        Signal::Kill => "kill",
        Signal::Stop => "stop",
        Signal::Pause => "pause",
        Signal::Resume => "resume",
    };
    let failed = |error: EngineError| BackendError::new(format!("cannot {verb} node {name}"), error);
    match signal {
        Signal::Kill => {
            let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
            not_running_is_fine(docker.kill_container(&container, Some(options)).await).map_err(failed)?;
            until_gone(run, name, &container).await?;
            state.paused = false;
            run.leave(node).await;
        }
        Signal::Stop => {
            if state.paused {
                // A frozen process cannot answer SIGTERM.
                not_running_is_fine(docker.unpause_container(&container).await).map_err(failed)?;
            }
            let asked = Instant::now();
            let options = StopContainerOptionsBuilder::new().t(GRACE_SECONDS).build();
            not_running_is_fine(docker.stop_container(&container, Some(options)).await).map_err(failed)?;
            until_gone(run, name, &container).await?;
            tell_if_ignored(run, name, &container, asked.elapsed()).await;
            state.paused = false;
            run.leave(node).await;
        }
        Signal::Pause if state.paused => {}
        Signal::Pause => {
            docker.pause_container(&container).await.map_err(failed)?;
            state.paused = true;
        }
        Signal::Resume if !state.paused => {}
        Signal::Resume => {
            docker.unpause_container(&container).await.map_err(failed)?;
            state.paused = false;
        }
    }
    Ok(())
}

/// Tells of a process that the engine had to kill: a shell as process 1, for one, does not even see SIGTERM.
async fn tell_if_ignored(run: &Run, name: &NodeName, container: &str, took: Duration) {
    let waited = Duration::from_secs(GRACE_SECONDS as u64);
    let code = run.engine.docker.inspect_container(container, None).await.ok();
    let killed = code.and_then(|about| about.state?.exit_code) == Some(KILLED);
    if killed && took >= waited {
        let _ = run.setup.events.send(BackendEvent::StopIgnored { node: name.clone(), waited }).await;
    }
}

fn not_running_is_fine(result: Result<(), EngineError>) -> Result<(), EngineError> {
    match result {
        Err(error) if has_status(&error, 409) || has_status(&error, 304) => Ok(()),
        // Engines 20.10 answer 500 where an unpause finds nothing frozen.
        Err(error) if error.to_string().contains("is not paused") || error.to_string().contains("is not running") => {
            Ok(())
        }
        other => other,
    }
}

/// Whether the engine says within a few seconds that the container's process has ended.
pub(super) async fn ends_soon(run: &Run, container: &str) -> bool {
    let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
    let mut waiting = run.engine.docker.wait_container(container, Some(options));
    let answer = timeout(END_TIMEOUT, waiting.next()).await;
    matches!(answer, Ok(Some(Ok(_) | Err(EngineError::DockerContainerWaitError { .. }))))
}

async fn until_gone(run: &Run, name: &NodeName, container: &str) -> Result<(), BackendError> {
    let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
    let mut waiting = run.engine.docker.wait_container(container, Some(options));
    match timeout(EXIT_TIMEOUT, waiting.next()).await {
        // A code other than 0 is told as an error by the library; it is an end all the same.
        Ok(None | Some(Ok(_) | Err(EngineError::DockerContainerWaitError { .. }))) => Ok(()),
        Ok(Some(Err(error))) => Err(BackendError::new(format!("cannot see whether node {name} has ended"), error)),
        Err(_) => {
            Err(BackendError::plain(format!("node {name} still runs {} s after it was killed", EXIT_TIMEOUT.as_secs())))
        }
    }
}

/// Gives a stopped node an empty data folder: container and volume are made anew, with the same name and addresses.
/// A volume cannot be emptied while a container holds it, and an image may have no program that could do it.
pub(super) async fn wipe(run: &Run, name: &NodeName) -> Result<(), BackendError> {
    let node = run.node(name)?;
    let mut state = node.state.lock().await;
    let _permit = run.gate.acquire().await;
    let failed = |error: EngineError| BackendError::new(format!("cannot wipe node {name}"), error);
    let container = state.container(name)?.to_owned();
    if is_running(run, &container).await.map_err(failed)? {
        return Err(BackendError::plain(format!("cannot wipe node {name} while it runs")));
    }
    if let Some(log) = state.log.take() {
        let _ = timeout(LOG_TIMEOUT, log).await;
    }
    run.leave(node).await;
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    gone_is_fine(run.engine.docker.remove_container(&container, Some(options)).await).map_err(failed)?;
    state.container = None;
    let volume = run.marks.node_name(name);
    let no_options = None::<bollard::query_parameters::RemoveVolumeOptions>;
    gone_is_fine(run.engine.docker.remove_volume(&volume, no_options).await).map_err(failed)?;
    state.initialised = false;
    make(run, node, &mut state).await
}

/// Takes the node off a network: first its packets on the wire, then its interface.
pub(super) async fn detach(run: &Run, name: &NodeName, network: &NetworkName) -> Result<(), BackendError> {
    run.network(network)?;
    let node = run.node(name)?;
    let mut state = node.state.lock().await;
    let container = state.container(name)?.to_owned();
    if !state.detached.insert(network.clone()) {
        return Ok(());
    }
    if let Some(wire) = &run.wire {
        wire.detach(&node.process).await;
    }
    let result = disconnect(run, &container, network).await;
    result.map_err(|error| BackendError::new(format!("cannot take node {name} off network {network}"), error))?;
    if run.wire.is_some() {
        enter_wire(run, node, &state).await?;
    }
    Ok(())
}

/// Puts the node back on a network with its own address.
pub(super) async fn attach(run: &Run, name: &NodeName, network: &NetworkName) -> Result<(), BackendError> {
    let node = run.node(name)?;
    let mut state = node.state.lock().await;
    let container = state.container(name)?.to_owned();
    let attachment = node.process.attachments.iter().find(|attachment| attachment.network == *network);
    let attachment =
        attachment.ok_or_else(|| BackendError::plain(format!("node {name} has no place in network {network}")))?;
    if !state.detached.contains(network) {
        return Ok(());
    }
    let result = connect(run, name, &container, attachment).await;
    result.map_err(|error| BackendError::new(format!("cannot put node {name} back on network {network}"), error))?;
    state.detached.remove(network);
    if run.wire.is_some() {
        enter_wire(run, node, &state).await?;
    }
    Ok(())
}

/// How to look into each node's container.
pub(super) fn how_to_look(run: &Run) -> BTreeMap<NodeName, String> {
    let named = std::env::var_os("DOCKER_HOST").is_some();
    let host = if named || !run.engine.as_docker { format!("DOCKER_HOST={} ", run.engine.host) } else { String::new() };
    let line = |name: &NodeName| format!("{host}docker exec -it {} sh", run.marks.node_name(name));
    run.nodes.keys().map(|name| (name.clone(), line(name))).collect()
}
