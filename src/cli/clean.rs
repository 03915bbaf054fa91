//! `splitbrain clean`: remove what a killed run left.

use clap::Args;

use super::exit::Exit;
use super::{Global, backends, output};
use crate::action::RunId;
use crate::backend::{Cleaned, docker, native};

/// Arguments of `clean`.
#[derive(Debug, Args)]
pub(super) struct CleanArguments {
    /// Only this run (its containers even if it still goes on).
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
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error("cannot start a runtime", &[error.to_string()], None);
            return Exit::Environment;
        }
    };
    let results = runtime.block_on(async {
        let native = native::clean(run.as_ref(), look_only).await;
        // An engine that does not answer has nothing that could be cleaned.
        let docker = match backends::docker_may_answer() {
            true => docker::clean(run.as_ref(), look_only).await,
            false => Ok(Vec::new()),
        };
        [native, docker]
    });
    let mut found: Vec<Cleaned> = Vec::new();
    let mut exit = Exit::Passed;
    for result in results {
        match result {
            Ok(cleaned) => found.extend(cleaned),
            Err(error) => {
                output::error(&error, &output::causes(&error), error.remedy.as_deref());
                exit = Exit::Environment;
            }
        }
    }
    if global.format == output::Format::Json {
        let list: Vec<_> =
            found.iter().map(|item| serde_json::json!({ "kind": item.kind, "name": item.name })).collect();
        output::json(&serde_json::json!({ "schema": 1, "removed": !look_only, "found": list }));
    } else {
        for item in &found {
            output::data(format!("{} {}", item.kind, item.name));
        }
        let word = if look_only { "left by killed runs" } else { "removed" };
        output::say(format!("{} {word}", found.len()));
    }
    if arguments.check && !found.is_empty() { exit.worst(Exit::Failed) } else { exit }
}
