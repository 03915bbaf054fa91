//! `splitbrain clean`: remove what a killed run left.

use clap::Args;

use super::exit::Exit;
use super::{Global, backends, output};
use crate::action::RunId;
use crate::backend::{CleanRequest, Cleaned, OwnerState, docker, native};

/// Arguments of `clean`.
#[derive(Debug, Args)]
pub(super) struct CleanArguments {
    /// Only this run.
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Say what would be removed, remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Remove nothing and fail (exit 1) if a run that is over left something.
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,
    /// Also remove what belongs to runs whose process cannot be seen from here: of another machine on the same engine, of
    /// another pid namespace (a container), of an earlier boot. Make sure that they are over. A run that is seen to go on is
    /// never touched.
    #[arg(long)]
    force: bool,
}

/// Removes containers, networks, volumes, processes and folders that carry our labels and whose run is dead.
pub(super) fn clean(global: &Global, arguments: &CleanArguments) -> Exit {
    let look_only = arguments.dry_run || arguments.check;
    let request = CleanRequest {
        run: arguments.run.as_deref().map(RunId::new),
        dry_run: look_only,
        force: arguments.force,
        own: false,
    };
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error("cannot start a runtime", &[error.to_string()], None);
            return Exit::Environment;
        }
    };
    let results = runtime.block_on(async {
        let native = native::clean(&request).await;
        // An engine that does not answer has nothing that could be cleaned.
        let docker = match backends::docker_may_answer() {
            true => docker::clean(&request).await,
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
    let (kept, gone): (Vec<Cleaned>, Vec<Cleaned>) = found.into_iter().partition(|item| item.kept.is_some());
    if global.format == output::Format::Json {
        let list = |items: &[Cleaned]| -> Vec<_> {
            let line = |item: &Cleaned| match item.kept {
                Some(owner) => serde_json::json!({ "kind": item.kind, "name": item.name, "owner": owner.word() }),
                None => serde_json::json!({ "kind": item.kind, "name": item.name }),
            };
            items.iter().map(line).collect()
        };
        let (found, kept) = (list(&gone), list(&kept));
        output::json(&serde_json::json!({ "schema": 1, "removed": !look_only, "found": found, "kept": kept }));
    } else {
        for item in &gone {
            output::data(format!("{} {}", item.kind, item.name));
        }
        let word = if look_only { "left by killed runs" } else { "removed" };
        output::say(format!("{} {word}", gone.len()));
        say_what_stays(&kept);
    }
    if arguments.check && !gone.is_empty() { exit.worst(Exit::Failed) } else { exit }
}

/// What was found and left alone, and what can be done about it.
fn say_what_stays(kept: &[Cleaned]) {
    for (state, why, remedy) in [
        (OwnerState::Alive, "belong to a run that goes on", "end it first: Ctrl-C, or SIGTERM to its process"),
        (
            OwnerState::Elsewhere,
            "belong to runs whose process cannot be seen from here (of another machine, another pid namespace or an \
             earlier boot)",
            "if those runs are over, remove them with `splitbrain clean --force`",
        ),
    ] {
        let of_state: Vec<&Cleaned> = kept.iter().filter(|item| item.kept == Some(state)).collect();
        if of_state.is_empty() {
            continue;
        }
        for item in &of_state {
            output::say(format!("left alone: {} {}", item.kind, item.name));
        }
        output::say(format!("{} {why}\n  help: {remedy}", of_state.len()));
    }
}
