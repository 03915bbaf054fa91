//! `splitbrain clean`: remove what a killed run left.

use clap::Args;

use super::exit::Exit;
use super::{Global, backends, output};
use crate::action::RunId;
use crate::backend::{Cleaned, docker, native};

/// Arguments of `clean`.
#[derive(Debug, Args)]
pub(super) struct CleanArguments {
    /// Only this run, and even if it still goes on.
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Say what would be removed, remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Remove nothing and fail (exit 1) if something is there.
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,
}

/// Removes containers, networks, volumes, processes and folders that carry our labels and whose run is dead.
pub(super) fn clean(global: &Global, arguments: &CleanArguments) -> Exit {
    let run = arguments.run.as_deref().map(RunId::new);
    let look_only = arguments.dry_run || arguments.check;
    let mut found: Vec<Cleaned> = native::clean(run.as_ref(), look_only);
    let mut exit = Exit::Passed;
    if backends::docker_may_answer() {
        match super::runtime().map(|runtime| runtime.block_on(docker::clean(run.as_ref(), look_only))) {
            Ok(Ok(cleaned)) => found.extend(cleaned),
            Ok(Err(error)) => {
                output::error(&error, &output::causes(&error), error.remedy.as_deref());
                exit = Exit::Environment;
            }
            Err(error) => {
                output::error("cannot start a runtime", &[error.to_string()], None);
                exit = Exit::Environment;
            }
        }
    }
    match global.format {
        output::Format::Json => {
            let list: Vec<_> =
                found.iter().map(|item| serde_json::json!({ "kind": item.kind, "name": item.name })).collect();
            output::json(&serde_json::json!({ "schema": 1, "removed": !look_only, "found": list }));
        }
        output::Format::Human => {
            for item in &found {
                output::data(format!("{} {}", item.kind, item.name));
            }
            let word = if look_only { "left by killed runs" } else { "removed" };
            output::say(format!("{} {word}", found.len()));
        }
    }
    if arguments.check && !found.is_empty() { exit.worst(Exit::Failed) } else { exit }
}
