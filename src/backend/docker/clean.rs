//! What runs left behind whose process was killed: found by label, and nothing else's.

use std::collections::BTreeMap;

use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder};

use super::super::{BackendError, Cleaned, Owner, OwnerState};
use super::client::{Engine, has_status};
use super::labels::{IMAGE, with_label};
use super::{remove, seal};
use crate::action::RunId;

/// Removes containers, volumes, networks and filter tables of runs whose process is dead, or of the named run whoever
/// made it. `dry_run` only says what would go. Runs of other machines on a shared engine are left alone unless named.
/// Images are kept: their names are hashes of their content, so they are a cache.
pub async fn clean(run: Option<&RunId>, dry_run: bool) -> Result<Vec<Cleaned>, BackendError> {
    let engine = Engine::connect().await?;
    let mut states = BTreeMap::new();
    let mut goes = |of_run: &str, owner: Option<&str>| match run {
        Some(run) => of_run == run.as_str(),
        None => owner.is_some_and(|owner| *states.entry(owner.to_owned()).or_insert_with(|| is_dead(owner))),
    };
    let mut tables = seal::tables(&engine).await;
    tables.retain(|table| goes(table.run.as_str(), table.owner.as_deref()));
    let run = run.map(RunId::as_str);
    let (things, mut errors) = if dry_run {
        let mut things = remove::labelled(&engine, run).await?;
        things.retain(|thing| goes(&thing.run, Some(&thing.owner)));
        (things, Vec::new())
    } else {
        remove::remove_until_gone(&engine, run, |thing| goes(&thing.run, Some(&thing.owner)), true).await
    };
    // The seal goes last: as long as there are containers, none of their packets may pass.
    for table in tables.iter().filter(|_| !dry_run) {
        if let Err(error) = seal::open(&engine, &table.run).await {
            errors.push(BackendError::new(format!("cannot remove the filter table {}", table.table), error));
        }
    }
    if !errors.is_empty() {
        return Err(together(errors));
    }
    let things = things.into_iter().map(|thing| Cleaned { kind: thing.kind.word(), name: thing.name });
    let tables = tables.into_iter().map(|table| Cleaned { kind: "filter table", name: table.table });
    Ok(things.chain(tables).collect())
}

/// Removes the images that we made for clients and that no container uses.
pub async fn clean_images(dry_run: bool) -> Result<Vec<Cleaned>, BackendError> {
    let engine = Engine::connect().await?;
    let options = ListImagesOptionsBuilder::new().filters(&with_label(IMAGE, None)).build();
    let listed = engine.docker.list_images(Some(options)).await;
    let mut cleaned = Vec::new();
    for image in listed.map_err(|error| BackendError::new("cannot list the engine's images", error))? {
        for name in image.repo_tags.iter().filter(|name| name.starts_with("splitbrain/")) {
            if !dry_run {
                let options = RemoveImageOptionsBuilder::new().build();
                match engine.docker.remove_image(name, Some(options), None).await {
                    Err(error) if has_status(&error, 409) || has_status(&error, 404) => continue,
                    other => {
                        other.map_err(|error| BackendError::new(format!("cannot remove the image {name}"), error))?
                    }
                };
            }
            cleaned.push(Cleaned { kind: "image", name: name.clone() });
        }
    }
    Ok(cleaned)
}

/// Only an owner of this machine that is surely gone is dead; a mark that cannot be read is nobody's.
fn is_dead(owner: &str) -> bool {
    owner.parse::<Owner>().is_ok_and(|owner| owner.state() == OwnerState::Dead)
}

/// One error that says what all of them say.
pub(super) fn together(mut errors: Vec<BackendError>) -> BackendError {
    if errors.len() == 1 {
        return errors.remove(0);
    }
    let lines: Vec<String> = errors
        .iter()
        .map(|error| match &error.source {
            Some(source) => format!("  {error}: {source}"),
            None => format!("  {error}"),
        })
        .collect();
    BackendError::new(format!("{} things could not be removed", errors.len()), lines.join("\n"))
        .remedy("run `splitbrain clean` again; if it stays, look with `docker ps -a --filter label=splitbrain.run`")
}
