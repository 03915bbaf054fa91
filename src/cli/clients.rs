//! `splitbrain clients build`: make the images of clients ahead of a run.

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::pairs::{self, PairsArguments};
use super::progress::ProgressLine;
use super::project::Project;
use super::scenario::print_diagnostics;
use super::{Global, output};
use crate::backend::{self, docker};
use crate::spec;
use crate::text::Sources;

/// Commands about clients.
#[derive(Debug, Subcommand)]
pub(super) enum ClientsCommand {
    /// Build client images in parallel; skipped when nothing changed.
    Build(BuildArguments),
    /// List which two clients can share a chain, and why others cannot.
    Pairs(PairsArguments),
}

/// Arguments of `clients build`.
#[derive(Debug, Args)]
pub(super) struct BuildArguments {
    /// Clients, all variants of each; `name@variant` is one of them. All clients, if none is named.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Builds.
pub(super) fn clients(global: &Global, command: &ClientsCommand) -> Exit {
    let arguments = match command {
        ClientsCommand::Build(arguments) => arguments,
        ClientsCommand::Pairs(arguments) => return pairs::pairs(global, arguments),
    };
    let project = Project::find(global.project.as_deref(), None);
    let names = match arguments.names.is_empty() {
        true => project.client_names().into_iter().collect(),
        false => arguments.names.clone(),
    };
    let mut sources = Sources::new();
    let clients = match spec::read_clients(&mut sources, &project, &names) {
        Ok(clients) => clients,
        Err(diagnostics) => {
            print_diagnostics(&sources, &diagnostics, global.color);
            return Exit::Input;
        }
    };
    let images = clients.into_iter().filter_map(|client| Some((client.reference, client.image?))).collect::<Vec<_>>();
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error("cannot start a runtime", &[error.to_string()], None);
            return Exit::Environment;
        }
    };
    let line = ProgressLine::new(global.volume());
    let shown = line.clone();
    let progress = backend::Progress(std::sync::Arc::new(move |text| shown.keep(format!("  {text}"))));
    let built = runtime.block_on(docker::build_images(&images, &progress));
    line.clear();
    match built {
        Ok(images) => {
            let mut exit = Exit::Passed;
            for image in images {
                match image {
                    Ok(ready) => {
                        let word = if ready.made { "built" } else { "up to date" };
                        output::data(format!(
                            "{} {} ({word}, {:.1} s)",
                            ready.client,
                            ready.image,
                            ready.took.as_secs_f64()
                        ));
                    }
                    Err(error) => {
                        output::error(&error, &output::causes(&error), error.remedy.as_deref());
                        exit = Exit::Environment;
                    }
                }
            }
            exit
        }
        Err(error) => {
            output::error(&error, &output::causes(&error), error.remedy.as_deref());
            Exit::Environment
        }
    }
}
