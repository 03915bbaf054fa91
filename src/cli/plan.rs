//! `splitbrain plan`: print the resolved plan.

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::scenario::{ScenarioOptions, load, print_diagnostics};
use super::{Global, output, programs};
use crate::action::{BackendKind, Capabilities};
use crate::plan::{self, Surroundings};

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    /// A scenario file or name.
    scenario: String,
    /// The plan for which backend.
    #[arg(long, value_enum, default_value_t)]
    backend: PlanBackend,
    #[command(flatten)]
    options: ScenarioOptions,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum PlanBackend {
    #[default]
    Docker,
    Native,
}

/// Prints the plan. Looks at no machine: it assumes a backend that can do everything, so the same input gives the
/// same bytes everywhere.
pub(super) fn plan(global: &Global, arguments: &PlanArguments) -> Exit {
    let loaded = match load(global, &arguments.scenario, &arguments.options) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let kind = match arguments.backend {
        PlanBackend::Docker => BackendKind::Docker,
        PlanBackend::Native => BackendKind::Native,
    };
    let surroundings =
        Surroundings { programs: programs::assumed(&loaded.scenario.clients), ..Surroundings::default() };
    match plan::build(&loaded.scenario, &Capabilities::everything(kind), &surroundings) {
        Ok(plan) => {
            output::data(match global.format {
                output::Format::Human => plan::render::text(&plan),
                output::Format::Json => plan::render::json(&plan),
                output::Format::Dot => plan::render::dot(&plan),
                output::Format::Mermaid => plan::render::mermaid(&plan),
                output::Format::Svg => plan::render::svg(&plan),
            });
            Exit::Passed
        }
        Err(diagnostics) => {
            print_diagnostics(&loaded.sources, &diagnostics, global.color);
            Exit::Input
        }
    }
}
