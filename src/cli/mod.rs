//! The command line: one file for each subcommand. Nothing here is worth a unit test; the rooms below do the work.

mod backends;
mod check;
mod choosing;
mod clean;
mod clients;
mod doctor;
mod exit;
mod init;
mod interrupts;
mod judge;
mod list;
mod list_clients;
mod output;
mod pairs;
mod plan;
mod programs;
mod progress;
mod project;
mod reference_page;
mod run;
mod scenario;
mod schema;
mod shipped;
mod validate;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use reference_page::command_line_page;

use exit::Exit;
use output::{Color, Format};
use progress::Volume;

/// Runs networks of real, mixed blockchain and p2p clients, splits them, heals them, and finds out what makes them
/// disagree.
#[derive(Debug, Parser)]
#[command(
    name = "splitbrain",
    version,
    arg_required_else_help = true,
    after_help = "Try: splitbrain run quickstart\n\nExit codes: 0 passed, 1 an expectation failed, 2 the input is wrong \
                  (nothing was started), 3 the environment could not do it, 4 verdict unknown, 130 interrupted."
)]
struct CommandLine {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
struct Global {
    /// How data is printed on stdout.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = false)]
    format: Format,
    /// Say less: errors and results only.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more; twice for debug logs.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// When to use colours.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
    /// The project folder (default: the nearest one upwards with clients/, topologies/ or scenarios/).
    #[arg(long, global = true, value_name = "DIR")]
    project: Option<PathBuf>,
}

impl Global {
    fn volume(&self) -> Volume {
        match (self.quiet, self.verbose) {
            (true, _) => Volume::Quiet,
            (false, 0) => Volume::Normal,
            (false, _) => Volume::Verbose,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plan, run, judge and report scenarios.
    #[command(after_help = "Example: splitbrain run quickstart --backend docker --seed 7")]
    Run(run::RunArguments),
    /// Refuse bad files with all mistakes at once; starts nothing.
    #[command(after_help = "Example: splitbrain validate scenarios/*.yaml topologies/*.yaml")]
    Validate(validate::ValidateArguments),
    /// Print the resolved plan; the same seed gives the same bytes.
    #[command(after_help = "Example: splitbrain plan scenarios/quickstart.yaml --format svg > plan.svg")]
    Plan(plan::PlanArguments),
    /// Judge a stored run again, from its journal alone.
    #[command(after_help = "Example: splitbrain check results/latest")]
    Check(check::CheckArguments),
    /// Write a stored run's reports again, from its journal alone.
    #[command(after_help = "Example: splitbrain report results/latest")]
    Report(check::CheckArguments),
    /// List clients, scenarios, topologies, faults, checks or runs.
    #[command(after_help = "Example: splitbrain list faults")]
    List(list::ListArguments),
    /// Print the JSON schema of a file, for editors.
    #[command(after_help = "Example: splitbrain schema scenario > scenario.json")]
    Schema(schema::SchemaArguments),
    /// Say what this machine can do, each gap with its remedy.
    #[command(after_help = "Example: splitbrain doctor")]
    Doctor(doctor::DoctorArguments),
    /// Remove what a killed run left: containers, networks, namespaces, processes; nothing else's.
    #[command(after_help = "Example: splitbrain clean --dry-run")]
    Clean(clean::CleanArguments),
    /// Work with client folders.
    #[command(subcommand, after_help = "Example: splitbrain clients build")]
    Clients(clients::ClientsCommand),
    /// Write a starting set of scenarios, topologies and clients.
    #[command(after_help = "Example: splitbrain init my-network")]
    Init(init::InitArguments),
    /// Run one node of the bundled client (what the `reference` client starts).
    #[command(hide = true)]
    Node(crate::reference::Arguments),
}

/// Parses the arguments and runs the command. The only way into this room.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = match CommandLine::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            // `--help` and `--version` are no mistakes; anything else is wrong input.
            let exit = if error.use_stderr() { Exit::Input } else { Exit::Passed };
            drop(error.print());
            return exit.into();
        }
    };
    let global = parsed.global;
    if let Command::Node(arguments) = parsed.command {
        return crate::reference::run(&arguments);
    }
    if global.format.is_for_plans() && !matches!(parsed.command, Command::Plan(_)) {
        output::error(
            "that format is for `splitbrain plan` alone",
            &[],
            Some("use `--format human` or `--format json`"),
        );
        return Exit::Input.into();
    }
    start_logs(&global);
    let exit = match parsed.command {
        Command::Run(arguments) => run::run(&global, &arguments),
        Command::Validate(arguments) => validate::validate(&global, &arguments),
        Command::Plan(arguments) => plan::plan(&global, &arguments),
        Command::Check(arguments) => check::check(&global, &arguments),
        Command::Report(arguments) => check::report(&global, &arguments),
        Command::List(arguments) => list::list(&global, &arguments),
        Command::Schema(arguments) => schema::schema(&arguments),
        Command::Doctor(arguments) => doctor::doctor(&global, &arguments),
        Command::Clean(arguments) => clean::clean(&global, &arguments),
        Command::Clients(command) => clients::clients(&global, &command),
        Command::Init(arguments) => init::init(&arguments),
        Command::Node(_) => Exit::Passed,
    };
    exit.into()
}

/// Logs of the tool itself go to stderr; `SPLITBRAIN_LOG` takes a tracing filter.
fn start_logs(global: &Global) {
    let level = match global.verbose {
        0 | 1 => "warn",
        2 => "splitbrain=debug",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("SPLITBRAIN_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    drop(logs.with_ansi(global.color.stderr()).try_init());
}

/// A runtime for the commands that need one.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}
