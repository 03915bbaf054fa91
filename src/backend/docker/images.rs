//! Images: named by what they are made of, so that nothing is built twice and nothing stale is ever run.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::StreamExt;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use super::super::{BackendError, Progress};
use super::build;
use super::build_lock::BuildLock;
use super::builtin_image::{self, Recipe};
use super::client::{Engine, has_status};
use crate::action::{ClientRef, ImageSource};

/// Builds that run at the same time. Builds mostly wait for the network or for one compiler that uses all cores.
const PARALLEL_BUILDS: usize = 4;

/// An image that is on the engine now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadyImage {
    /// For which client it was asked first.
    pub client: ClientRef,
    /// Its name.
    pub image: String,
    /// Whether it had to be built or pulled.
    pub made: bool,
    /// How long that took.
    pub took: Duration,
}

/// Makes sure that all these images are on the engine: built where nothing with the same content is there, pulled where
/// they have a name. Works on several at once; equal ones are made once, also when several runs on this machine want
/// the same. One result for each request, in order.
pub async fn build_images(
    requests: &[(ClientRef, ImageSource)],
    progress: &Progress,
) -> Result<Vec<Result<ReadyImage, BackendError>>, BackendError> {
    Ok(build_on(&Engine::connect().await?, requests, progress).await)
}

/// As [`build_images`], on an engine that is reached already.
pub(super) async fn build_on(
    engine: &Engine,
    requests: &[(ClientRef, ImageSource)],
    progress: &Progress,
) -> Vec<Result<ReadyImage, BackendError>> {
    let gate = Arc::new(Semaphore::new(PARALLEL_BUILDS));
    let mut tasks = JoinSet::new();
    // Equal sources are made once, under the name of the client that asked first.
    let first = |index: usize| requests.iter().position(|(_, source)| *source == requests[index].1).unwrap_or(index);
    for (index, (client, source)) in requests.iter().enumerate().filter(|&(index, _)| first(index) == index) {
        let (engine, client, source) = (engine.clone(), client.clone(), source.clone());
        let (gate, progress) = (Arc::clone(&gate), progress.clone());
        tasks.spawn(async move {
            let _permit = gate.acquire().await;
            (index, ensure(&engine, &client, &source, &progress).await)
        });
    }
    let mut done: BTreeMap<usize, Result<ReadyImage, BackendError>> = BTreeMap::new();
    while let Some(joined) = tasks.join_next().await {
        if let Ok((index, result)) = joined {
            done.insert(index, result);
        }
    }
    (0..requests.len())
        .map(|index| match done.get(&first(index)) {
            Some(Ok(image)) => Ok(ReadyImage { made: image.made && first(index) == index, ..image.clone() }),
            Some(Err(error)) => Err(again(error)),
            None => Err(BackendError::plain(format!("the build for {} was interrupted", requests[index].0))),
        })
        .collect()
}

/// The same error once more, for the second one who asked.
fn again(error: &BackendError) -> BackendError {
    let mut copy = BackendError::plain(error.step.clone());
    copy.remedy.clone_from(&error.remedy);
    copy.source = error.source.as_ref().map(|source| source.to_string().into());
    copy
}

async fn ensure(
    engine: &Engine,
    client: &ClientRef,
    source: &ImageSource,
    progress: &Progress,
) -> Result<ReadyImage, BackendError> {
    let start = Instant::now();
    let (image, made) = match source {
        ImageSource::Name(name) => (name.clone(), ensure_named(engine, client, name, progress).await?),
        ImageSource::Build(context) => {
            let image = build::image_name(client, context)?;
            let made = once(engine, client, &image, progress, async || {
                build::build(engine, client, &image, context, progress).await
            });
            (image.clone(), made.await?)
        }
        ImageSource::Builtin => {
            let recipe = builtin_image::recipe().await?;
            let made = ensure_imported(engine, client, &recipe, progress).await?;
            (recipe.image.clone(), made)
        }
    };
    Ok(ReadyImage { client: client.clone(), image, made, took: start.elapsed() })
}

/// Makes the image of a program of this machine unless it is there. Returns whether it was made now.
pub(super) async fn ensure_imported(
    engine: &Engine,
    client: &ClientRef,
    recipe: &Recipe,
    progress: &Progress,
) -> Result<bool, BackendError> {
    once(engine, client, &recipe.image, progress, async || builtin_image::import(engine, recipe, progress).await).await
}

/// Makes an image unless it is there, and sees to it that of several who want it one makes it: inside this process by
/// a lock, among processes of this machine by a locked file. Returns whether it was made now.
async fn once(
    engine: &Engine,
    client: &ClientRef,
    image: &str,
    progress: &Progress,
    make: impl AsyncFnOnce() -> Result<(), BackendError>,
) -> Result<bool, BackendError> {
    if is_present(engine, image).await? {
        return Ok(false);
    }
    let inside = lock_for(&format!("{} {image}", engine.host)).await;
    let _inside = inside.lock().await;
    let _across = BuildLock::acquire(image, || {
        progress.say(format!("waiting for another run that builds the image of {client}"));
    })
    .await?;
    if is_present(engine, image).await? {
        return Ok(false);
    }
    make().await?;
    Ok(true)
}

async fn lock_for(key: &str) -> Arc<Mutex<()>> {
    static LOCKS: Mutex<BTreeMap<String, Arc<Mutex<()>>>> = Mutex::const_new(BTreeMap::new());
    Arc::clone(LOCKS.lock().await.entry(key.to_owned()).or_default())
}

async fn is_present(engine: &Engine, image: &str) -> Result<bool, BackendError> {
    match engine.docker.inspect_image(image).await {
        Ok(_) => Ok(true),
        Err(error) if has_status(&error, 404) => Ok(false),
        Err(error) => Err(BackendError::new(format!("cannot look for the image {image}"), error)),
    }
}

/// An image that somebody else made: present, or pulled. Returns whether it was pulled.
async fn ensure_named(
    engine: &Engine,
    client: &ClientRef,
    name: &str,
    progress: &Progress,
) -> Result<bool, BackendError> {
    if is_present(engine, name).await? {
        return Ok(false);
    }
    progress.say(format!("pulling image {name} for {client}"));
    let named_exactly = name.contains('@') || name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    let mut options = CreateImageOptionsBuilder::new().from_image(name);
    if !named_exactly {
        options = options.tag("latest");
    }
    let mut pulling = engine.docker.create_image(Some(options.build()), None, None);
    while let Some(step) = pulling.next().await {
        let failure = match step {
            Ok(info) => info.error_detail.map(|detail| detail.message.unwrap_or_default()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(failure) = failure {
            return Err(BackendError::new(format!("the engine has no image {name} for client {client} and cannot pull it"), failure)
                .remedy("load the image (`docker load`), build it under this name, or give the client a Dockerfile in its folder"));
        }
    }
    if is_present(engine, name).await? {
        return Ok(true);
    }
    Err(BackendError::plain(format!("the engine pulled {name} for client {client}, but does not have it now")))
}

/// Labels of images that we make.
pub(super) fn image_labels(client: &str) -> HashMap<String, String> {
    HashMap::from([(super::labels::IMAGE.to_owned(), client.to_owned())])
}
