//! Removal of labelled things, in reverse order of their making. Never stops at the first error.

use std::time::Duration;

use bollard::models::NetworkDisconnectRequest;
use bollard::query_parameters::{
    InspectNetworkOptionsBuilder, ListContainersOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptions,
};
use futures::StreamExt;
use tokio::time::timeout;

use super::super::BackendError;
use super::client::{Engine, gone_is_fine, has_status};
use super::labels::{OWNER, RUN, with_label};
use super::networks;

/// So many containers are removed at the same time: more makes the engine no faster.
const PARALLEL: usize = 8;

/// Longest time for the removal of one thing.
const ONE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long an engine is given to finish what it was asked for by somebody who is gone.
const SETTLE: Duration = Duration::from_secs(1);

/// Between two looks at a container that somebody else removes.
const POLL: Duration = Duration::from_millis(200);

/// Removals before we give up on what comes again or cannot be removed.
const MOST_ROUNDS: usize = 5;

/// A thing on the engine with one of our labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Thing {
    pub(super) kind: Kind,
    /// By which the engine finds it.
    pub(super) id: String,
    /// By which people know it.
    pub(super) name: String,
    pub(super) run: String,
    pub(super) owner: String,
}

/// In the order in which they can be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Container,
    Volume,
    Network,
}

impl Kind {
    /// As a person says it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Volume => "volume",
            Self::Network => "network",
        }
    }
}

/// Everything on the engine that carries a run's label (of one run, or of any), in the order of removal.
pub(super) async fn labelled(engine: &Engine, run: Option<&str>) -> Result<Vec<Thing>, BackendError> {
    let failed = |what: &str, error: bollard::errors::Error| {
        BackendError::new(format!("cannot list the engine's {what}"), error)
    };
    let filters = with_label(RUN, run);
    let mut things = Vec::new();
    let mut found =
        |kind, id: Option<String>, name: Option<String>, labels: Option<std::collections::HashMap<String, String>>| {
            let labels = labels.unwrap_or_default();
            let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
            if let (Some(id), Some(name)) = (id, name) {
                things.push(Thing { kind, id, name, run: label(RUN), owner: label(OWNER) });
            }
        };
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    for one in engine.docker.list_containers(Some(options)).await.map_err(|error| failed("containers", error))? {
        let name = one.names.and_then(|names| Some(names.first()?.trim_start_matches('/').to_owned()));
        found(Kind::Container, one.id.clone(), name.or(one.id), one.labels);
    }
    let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
    let volumes = engine.docker.list_volumes(Some(options)).await.map_err(|error| failed("volumes", error))?;
    for one in volumes.volumes.unwrap_or_default() {
        found(Kind::Volume, Some(one.name.clone()), Some(one.name), Some(one.labels));
    }
    for one in networks::labelled(engine, RUN, run).await? {
        found(Kind::Network, one.id, one.name, one.labels);
    }
    things.sort();
    Ok(things)
}

/// Removes what `wanted` says of all labelled things (of one run, or of any), and looks again until nothing is left.
/// With `settle`, somebody was interrupted in mid-request: engines finish such requests, so that a container may come
/// into being after everything was removed. Returns what was removed, and what could not be.
pub(super) async fn remove_until_gone(
    engine: &Engine,
    run: Option<&str>,
    mut wanted: impl FnMut(&Thing) -> bool,
    settle: bool,
) -> (Vec<Thing>, Vec<BackendError>) {
    let mut removed: Vec<Thing> = Vec::new();
    let mut errors = Vec::new();
    for round in 0..MOST_ROUNDS {
        let mut things = match labelled(engine, run).await {
            Ok(things) => things,
            Err(error) => {
                errors.push(error);
                break;
            }
        };
        things.retain(&mut wanted);
        if things.is_empty() {
            if settle && round == 0 {
                // The engine may still be at the very first request of somebody who was killed: look once more.
                tokio::time::sleep(SETTLE).await;
                continue;
            }
            break;
        }
        errors = remove(engine, &things).await;
        removed.extend(things.into_iter().filter(|thing| !removed.contains(thing)).collect::<Vec<_>>());
        if errors.is_empty() && !settle {
            break;
        }
        // What failed may be another cleaner's work in progress: it is gone, or goes, the next time.
        tokio::time::sleep(SETTLE).await;
    }
    (removed, errors)
}

/// Removes things, kind by kind. What is gone already counts as removed.
async fn remove(engine: &Engine, things: &[Thing]) -> Vec<BackendError> {
    let mut errors = Vec::new();
    for kind in [Kind::Container, Kind::Volume, Kind::Network] {
        let of_kind = things.iter().filter(|thing| thing.kind == kind);
        let results = futures::stream::iter(of_kind)
            .map(|thing| async move { remove_one(engine, thing).await })
            .buffered(PARALLEL)
            .collect::<Vec<_>>();
        errors.extend(results.await.into_iter().filter_map(Result::err));
    }
    errors
}

async fn remove_one(engine: &Engine, thing: &Thing) -> Result<(), BackendError> {
    let docker = &engine.docker;
    let removal = async {
        match thing.kind {
            Kind::Container => {
                let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
                match docker.remove_container(&thing.id, Some(options)).await {
                    // Somebody else is at it (another `clean`): what counts is that it goes.
                    Err(error) if has_status(&error, 409) && error.to_string().contains("already in progress") => {
                        until_gone(engine, &thing.id).await
                    }
                    other => gone_is_fine(other),
                }
            }
            Kind::Volume => gone_is_fine(docker.remove_volume(&thing.id, None::<RemoveVolumeOptions>).await),
            Kind::Network => match docker.remove_network(&thing.id).await {
                Err(error) if error.to_string().contains("active endpoints") => {
                    take_everybody_off(engine, &thing.id).await?;
                    gone_is_fine(docker.remove_network(&thing.id).await)
                }
                other => gone_is_fine(other),
            },
        }
    };
    let what = || format!("cannot remove the {} {}", thing.kind.word(), thing.name);
    match timeout(ONE_TIMEOUT, removal).await {
        Ok(result) => result.map_err(|error| BackendError::new(what(), error)),
        Err(_) => {
            Err(BackendError::new(what(), format!("the engine did not answer within {} s", ONE_TIMEOUT.as_secs())))
        }
    }
}

/// Takes off a network of ours what the engine still holds there. Its containers were removed before; an engine of
/// generation 20 can keep the endpoint of one that was removed in the middle of its start, and the network with it.
async fn take_everybody_off(engine: &Engine, network: &str) -> Result<(), bollard::errors::Error> {
    let options = InspectNetworkOptionsBuilder::new().build();
    let about = engine.docker.inspect_network(network, Some(options)).await?;
    for (id, endpoint) in about.containers.unwrap_or_default() {
        // What has no container any more is known by its name alone.
        let container = endpoint.name.filter(|name| !name.is_empty()).unwrap_or(id);
        let request = NetworkDisconnectRequest { container, force: Some(true) };
        gone_is_fine(engine.docker.disconnect_network(network, request).await)?;
    }
    Ok(())
}

/// Waits until the engine does not know the container any more; the caller has a deadline.
async fn until_gone(engine: &Engine, container: &str) -> Result<(), bollard::errors::Error> {
    loop {
        match engine.docker.inspect_container(container, None).await {
            Ok(_) => tokio::time::sleep(POLL).await,
            other => return gone_is_fine(other),
        }
    }
}
