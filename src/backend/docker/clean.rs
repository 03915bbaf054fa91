//! What runs left behind whose process was killed: found by label, and nothing else's.

use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder};

use super::super::{BackendError, CleanRequest, Cleaned, Fate, Judge};
use super::client::{Engine, has_status};
use super::labels::{IMAGE, with_label};
use super::{remove, seal};
use crate::action::RunId;

/// Removes containers, volumes, networks and filter tables of runs whose process is dead. What belongs to runs that cannot
/// be seen from here (other machines on a shared engine, containers with the engine's socket) stays unless it is forced.
/// Images are kept: their names are hashes of their content, so they are a cache.
pub async fn clean(request: &CleanRequest) -> Result<Vec<Cleaned>, BackendError> {
    let engine = Engine::connect().await?;
    let mut judge = Judge::new(request);
    let run = request.run.as_ref().map(RunId::as_str);
    let tables: Vec<_> = seal::tables(&engine)
        .await
        .into_iter()
        .map(|table| (judge.fate(table.run.as_str(), table.owner.as_deref().unwrap_or_default()), table))
        .collect();
    let found = remove::labelled(&engine, run).await?;
    let mut cleaned: Vec<Cleaned> = found
        .into_iter()
        .filter_map(|thing| judge.fate(&thing.run, &thing.owner).cleaned(thing.kind.word(), thing.name))
        .collect();
    let mut errors = Vec::new();
    if !request.dry_run {
        let goes = |thing: &remove::Thing| judge.fate(&thing.run, &thing.owner) == Fate::Goes;
        let (removed, failed) = remove::remove_until_gone(&engine, run, goes, true).await;
        errors = failed;
        cleaned.retain(|thing| thing.kept.is_some());
        let removed = removed.into_iter().map(|thing| (thing.kind.word(), thing.name));
        cleaned.extend(removed.map(|(kind, name)| Cleaned { kind, name, kept: None }));
    }
    // The seal goes last: as long as there are containers, none of their packets may pass.
    for (fate, table) in tables {
        if fate == Fate::Goes
            && !request.dry_run
            && let Err(error) = seal::open(&engine, &table.run).await
        {
            errors.push(BackendError::new(format!("cannot remove the filter table {}", table.table), error));
        }
        cleaned.extend(fate.cleaned("filter table", table.table));
    }
    if errors.is_empty() { Ok(cleaned) } else { Err(together(errors)) }
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
            cleaned.push(Cleaned { kind: "image", name: name.clone(), kept: None });
        }
    }
    Ok(cleaned)
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
