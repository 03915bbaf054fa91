//! `nft` in the engine's own network namespace for whoever may not enter that: members of the `docker` group, and engines
//! on other machines. The engine runs it, in a short-lived container on its host network with `CAP_NET_ADMIN` alone. The
//! image is made from this machine's `nft` and its shared objects, so it needs no registry.

use std::io;
use std::path::Path;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListImagesOptionsBuilder, RemoveContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures::StreamExt;
use tokio::time::timeout;

use super::super::{Owner, Progress};
use super::builtin_image::{self, Recipe};
use super::client::Engine;
use super::labels::{OWNER, RUN};
use super::{images, logs};
use crate::action::ClientRef;

/// Repository of the image.
const REPOSITORY: &str = "splitbrain/nft";

/// What the helper's containers carry instead of a run's id: they belong to none, and `clean` finds those whose maker died.
const NO_RUN: &str = "no-run";

/// Longest time for one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Whether the engine has ever been asked: where there is no image, there is no table of ours.
pub(super) async fn was_used(engine: &Engine) -> bool {
    let filters = std::collections::HashMap::from([("reference".to_owned(), vec![REPOSITORY.to_owned()])]);
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    engine.docker.list_images(Some(options)).await.is_ok_and(|images| !images.is_empty())
}

/// Runs `nft` with these words there and returns what it printed.
pub(super) async fn run(engine: &Engine, program: &Path, words: Vec<String>) -> io::Result<String> {
    let recipe = builtin_image::recipe_of_tool(program, REPOSITORY).await.map_err(io::Error::other)?;
    let client = ClientRef::from("nft".to_owned());
    let quiet = Progress(std::sync::Arc::new(|_| ()));
    images::ensure_imported(engine, &client, &recipe, &quiet).await.map_err(told)?;
    let name = format!("splitbrain-nft-{}", fresh_number());
    let result = timeout(CALL_TIMEOUT, call(engine, &recipe, &name, words)).await;
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let removed = super::client::gone_is_fine(engine.docker.remove_container(&name, Some(options)).await);
    let text = result.map_err(|_| io::Error::other("`nft` in a container did not end"))??;
    removed.map_err(io::Error::other)?;
    Ok(text)
}

async fn call(engine: &Engine, recipe: &Recipe, name: &str, words: Vec<String>) -> io::Result<String> {
    let owner = Owner::current()?;
    let labels = [(RUN.to_owned(), NO_RUN.to_owned()), (OWNER.to_owned(), owner.to_string())];
    let host = HostConfig {
        network_mode: Some("host".to_owned()),
        // Where users are mapped, a container's root has no power over the engine's own namespace.
        userns_mode: Some("host".to_owned()),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(vec!["NET_ADMIN".to_owned()]),
        ..HostConfig::default()
    };
    let body = ContainerCreateBody {
        image: Some(recipe.image.clone()),
        cmd: Some(words),
        labels: Some(labels.into()),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::new().name(name).build();
    engine.docker.create_container(Some(options), body).await.map_err(io::Error::other)?;
    engine.docker.start_container(name, None).await.map_err(io::Error::other)?;
    let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
    let ended = engine.docker.wait_container(name, Some(options)).next().await;
    let text = logs::last_lines(engine, name).await;
    match ended {
        None | Some(Ok(_)) => Ok(text),
        Some(Err(bollard::errors::Error::DockerContainerWaitError { .. })) => {
            Err(io::Error::other(format!("`nft` in a container failed: {}", text.trim())))
        }
        Some(Err(error)) => Err(io::Error::other(error)),
    }
}

/// Distinguishes the containers of one moment.
fn fresh_number() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// An error with its cause, for a message of one line.
fn told(error: super::super::BackendError) -> io::Error {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    io::Error::other(format!("{error}{cause}"))
}
