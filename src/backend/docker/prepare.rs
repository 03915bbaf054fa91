//! Before the first container: images, networks, seal, wire. And their undoing.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex as PlainMutex};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{Mutex, Semaphore};

use super::super::{BackendError, RunSetup};
use super::capabilities::Gap;
use super::client::Engine;
use super::labels::Marks;
use super::run::{Node, NodeState, Run};
use super::seal::{self, Closing, SealKind};
use super::subnets::{Range, routed};
use super::wire::RunWire;
use super::{capabilities, events, images, networks, remove};
use crate::action::{ClientRef, ImageSource, NetworkName, NetworkSpec, NodeName, RunId};

/// So many containers are made or started at the same time. An engine starts containers one behind the other in its
/// slowest part, so a few in flight keep it busy and more only queue up; docs/benchmarks.md has what was measured.
const PARALLEL_CONTAINERS: usize = 8;

/// Prepares a run; what was made is removed again if something fails.
pub(super) async fn prepare(setup: RunSetup) -> Result<Arc<Run>, BackendError> {
    let engine = Engine::connect().await?;
    let run = setup.run.clone();
    match prepare_on(engine.clone(), setup).await {
        Ok(run) => Ok(run),
        Err(error) => {
            for trouble in undo(&engine, &run, false).await {
                tracing::warn!(%run, error = %trouble, "a run that could not be prepared left something behind");
            }
            Err(error)
        }
    }
}

async fn prepare_on(engine: Engine, setup: RunSetup) -> Result<Arc<Run>, BackendError> {
    let marks = Marks::new(&setup.run, &setup.scenario)?;
    if setup.wire.is_some()
        && let Err(Gap { why, remedy }) = capabilities::devices(&engine).await
    {
        return Err(BackendError::new("packets between containers cannot be led through our wire", why).remedy(remedy));
    }
    let images = node_images(&engine, &setup).await?;
    let seal = match &setup.wire {
        Some(_) => Some(seal::probe(&engine).await),
        None => None,
    };
    let namespaces = capabilities::namespaces(&engine);
    let mut closing = Closing::default();
    let guarded = setup.networks.iter().any(|network| !network.internet) && seal::guards_machine(&engine).await.is_ok();
    for network in &setup.networks {
        let made = networks::ensure(&engine, &marks, network, seal != Some(SealKind::EngineOption)).await?;
        if seal == Some(SealKind::Nftables) {
            closing.ranges.push(Range::around(network.subnet, network.prefix));
        }
        if guarded && !network.internet {
            closing.bridges.push(networks::bridge_of(&made));
        }
    }
    if namespaces.is_err() {
        can_be_asked(&engine, &setup.networks)?;
    }
    seal::close(&engine, &marks, &closing)
        .await
        .map_err(|error| BackendError::new("cannot seal the run's bridges", error))?;
    let wire = match &setup.wire {
        Some(wire) => Some(RunWire::start(setup.nodes.len(), wire, setup.events.clone())?),
        None => None,
    };
    let networks: BTreeMap<NetworkName, NetworkSpec> =
        setup.networks.iter().map(|network| (network.name.clone(), network.clone())).collect();
    let nodes = setup
        .nodes
        .iter()
        .map(|process| {
            let node = Node {
                process: Arc::clone(process),
                state: Mutex::new(NodeState::default()),
                namespace: PlainMutex::new(None),
            };
            (process.name.clone(), node)
        })
        .collect();
    let started = engine_seconds(&engine).await;
    let namespaces = namespaces.is_ok();
    let run = Arc::new(Run {
        engine,
        marks,
        setup,
        images,
        networks,
        nodes,
        wire,
        namespaces,
        gate: Semaphore::new(PARALLEL_CONTAINERS),
        followers: PlainMutex::new(Vec::new()),
        interrupted: AtomicBool::new(false),
    });
    let follower = tokio::spawn(events::follow(Arc::clone(&run), started));
    run.follow(follower);
    Ok(run)
}

/// Makes sure that nodes can be asked where their namespaces cannot be entered: over their bridges, which are interfaces
/// of this machine only if the engine is on it and in no network of its own. Otherwise every node would be one that never
/// answers.
fn can_be_asked(engine: &Engine, networks: &[NetworkSpec]) -> Result<(), BackendError> {
    let failed = |error| BackendError::new("cannot read the routes of this machine", error);
    let routes = routed(&std::fs::read_to_string("/proc/thread-self/net/route").map_err(failed)?);
    let out_of_reach = networks.iter().find(|network| !routes.contains(&Range::around(network.subnet, network.prefix)));
    let Some(network) = out_of_reach else { return Ok(()) };
    let (name, host) = (&network.name, &engine.host);
    Err(BackendError::plain(format!(
        "nodes cannot be asked from here: network {name} of the engine at {host} is no network of this machine"
    ))
    .remedy("run on the machine of the engine, as root for an engine in a network of its own (rootless, Docker Desktop), or use `--backend native`"))
}

/// The engine's idea of now, in seconds since 1970: events are asked for from here on, and an engine on another machine
/// may have another clock.
pub(super) async fn engine_seconds(engine: &Engine) -> i64 {
    let told = engine.docker.info().await.ok().and_then(|info| info.system_time);
    let told = told.and_then(|time| time.parse::<jiff::Timestamp>().ok()).map(jiff::Timestamp::as_second);
    let own = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    told.unwrap_or_else(own)
}

async fn node_images(engine: &Engine, setup: &RunSetup) -> Result<BTreeMap<NodeName, String>, BackendError> {
    let mut requests: Vec<(ClientRef, ImageSource)> = Vec::new();
    let mut wanted: Vec<(NodeName, usize)> = Vec::new();
    for node in &setup.nodes {
        let source = node.image.clone().ok_or_else(|| {
            BackendError::plain(format!(
                "node {} cannot run in a container: client {} has no image",
                node.name, node.client
            ))
            .remedy("give the client's manifest an `image:`, or use `--backend native`")
        })?;
        let request = (node.client.clone(), source);
        let index = requests.iter().position(|known| *known == request).unwrap_or(requests.len());
        if index == requests.len() {
            requests.push(request);
        }
        wanted.push((node.name.clone(), index));
    }
    let mut ready = Vec::new();
    for result in images::build_on(engine, &requests, &setup.progress).await {
        ready.push(result?.image);
    }
    Ok(wanted.into_iter().map(|(node, index)| (node, ready[index].clone())).collect())
}

/// Removes everything that carries the run's label. Errors are collected. `interrupted` says that a request may still be
/// under way whose answer nobody waits for.
pub(super) async fn undo(engine: &Engine, run: &RunId, interrupted: bool) -> Vec<BackendError> {
    let (_, mut errors) = remove::remove_until_gone(engine, Some(run.as_str()), |_| true, interrupted).await;
    // Without nft there was no table; that is no error. What is left of the run stays sealed until `clean` removes it.
    if errors.is_empty()
        && seal::tables(engine).await.iter().any(|table| table.run == *run)
        && let Err(error) = seal::open(engine, run).await
    {
        errors.push(BackendError::new("cannot remove the seal of the run's bridges", error));
    }
    errors
}
