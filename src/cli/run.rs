//! `splitbrain run`: plan, run, judge, report.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::backends::BackendChoice;
use super::choosing::choose_backend;
use super::exit::Exit;
use super::progress::ProgressLine;
use super::project::short;
use super::scenario::{Loaded, ScenarioOptions, load, print_diagnostics};
use super::{Global, interrupts, judge, output, programs};
use crate::action::{BackendKind, Capabilities, RunId, Support};
use crate::backend::fabric::{self, Privilege};
use crate::backend::{Backend, CleanRequest, allow_open_files, docker, native};
use crate::check::Verdict;
use crate::journal::Journal;
use crate::plan::{self, Plan, StartTimes, Surroundings};
use crate::results::{self, RunFolder, RunJson, Timings};
use crate::run::Request;
use crate::text::units::{Size, UnitError};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Scenario files, or names of scenarios in the project or shipped with the tool.
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// Who runs the nodes. `auto` is docker if its engine answers, every client has an image and it can do here all that
    /// the scenario asks for, else native.
    #[arg(long, value_enum, default_value_t)]
    backend: BackendChoice,
    #[command(flatten)]
    options: ScenarioOptions,
    /// Run each scenario so many times.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Where results go.
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
    /// How long the log of each node may become. Of a longer one the beginning and the end are kept, and a finding says so;
    /// expectations on logs see every line all the same.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = log_limit)]
    log_limit: u64,
    /// Leave the nodes running at the end and say how to look at them. Where packets pass our forwarder (native, and
    /// scenarios with link faults) the tool stays until Ctrl-C, because the links need it.
    #[arg(long)]
    keep: bool,
}

/// The shortest log that is kept: less would not show how a node started.
const LEAST_LOG: u64 = 64 << 10;

/// A length of logs as people write sizes: `64MiB`.
fn log_limit(text: &str) -> Result<u64, String> {
    let Size(bytes) = text.to_lowercase().parse().map_err(|error: UnitError| error.to_string())?;
    if bytes < LEAST_LOG { Err(format!("`{text}` is too short for a log: 64KiB is the least")) } else { Ok(bytes) }
}

/// Runs scenarios one after another; the exit is the worst one.
pub(super) fn run(global: &Global, arguments: &RunArguments) -> Exit {
    // All files are read before the first run starts: a mistake in the third scenario must not cost two runs.
    let mut loaded = Vec::new();
    let mut refused = None;
    for word in &arguments.scenarios {
        match load(global, word, &arguments.options) {
            Ok(scenario) => loaded.push(scenario),
            Err(exit) => refused = Some(exit),
        }
    }
    if let Some(exit) = refused {
        return exit;
    }
    let mut planned = Vec::new();
    for scenario in loaded {
        // Before the machine is asked what it can do: asking takes a few files as well.
        let kind = if arguments.backend == BackendChoice::Native { BackendKind::Native } else { BackendKind::Docker };
        if let Err(exit) = files_for(kind, &scenario) {
            return exit;
        }
        match choose_backend(global, &scenario, arguments.backend) {
            Ok(capabilities) => planned.push((scenario, capabilities)),
            Err(exit) => return exit,
        }
    }
    // A process in a user namespace has left the machine's network, over which containers are asked without root.
    let kinds: BTreeSet<_> = planned.iter().map(|(_, capabilities)| capabilities.backend).collect();
    if kinds.len() > 1 && fabric::privilege() == Privilege::UserNamespace {
        output::error(
            "some of these scenarios run on docker and some on native, which one process cannot do without root",
            &[],
            Some("run them apart, or choose with `--backend`"),
        );
        return Exit::Environment;
    }
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error("cannot start a runtime", &[error.to_string()], None);
            return Exit::Environment;
        }
    };
    runtime.block_on(async {
        let interrupts = match interrupts::count() {
            Ok(interrupts) => interrupts,
            Err(error) => {
                output::error("cannot listen for Ctrl-C", &[error.to_string()], None);
                return Exit::Environment;
            }
        };
        let mut worst = Exit::Passed;
        let mut tally = Vec::new();
        for (scenario, capabilities) in &planned {
            for number in 1..=arguments.repeat {
                if arguments.repeat > 1 && !global.quiet {
                    output::say(format!("{} {number} of {}", scenario.scenario.name, arguments.repeat));
                }
                let ran = one_run(global, arguments, scenario, capabilities, interrupts.clone()).await;
                tally.push(ran.exit);
                worst = worst.worst(ran.exit);
                if ran.exit == Exit::Interrupted {
                    return worst;
                }
                if ran.no_room {
                    output::say("no further run is begun: there is no room for its results");
                    return worst;
                }
            }
        }
        if tally.len() > 1 {
            let passed = tally.iter().filter(|exit| **exit == Exit::Passed).count();
            output::say(format!("{passed} of {} runs passed", tally.len()));
        }
        worst
    })
}

/// Makes sure that so many nodes can be run with the files that this process may open.
fn files_for(kind: BackendKind, loaded: &Loaded) -> Result<(), Exit> {
    allow_open_files(kind, loaded.scenario.topology.nodes.len()).map_err(|error| {
        output::error(&error, &output::causes(&error), error.remedy.as_deref());
        Exit::Environment
    })
}

/// What came of one run.
#[derive(Clone, Copy, Debug)]
struct Ran {
    exit: Exit,
    /// Its results found no room; those of the next one would find none either.
    no_room: bool,
}

impl From<Exit> for Ran {
    fn from(exit: Exit) -> Self {
        Self { exit, no_room: false }
    }
}

async fn one_run(
    global: &Global,
    arguments: &RunArguments,
    loaded: &Loaded,
    capabilities: &Capabilities,
    interrupts: watch::Receiver<u8>,
) -> Ran {
    let id = new_run_id();
    let docker = capabilities.backend == BackendKind::Docker;
    if let Err(exit) = files_for(capabilities.backend, loaded) {
        return exit.into();
    }
    let ran = reserved_run(global, arguments, loaded, capabilities, interrupts, &id).await;
    // Networks are reserved before there is a plan, and a start may be given up in the middle: whatever carries this
    // run's label goes, however far it came. After an ordinary teardown nothing is there.
    if docker && !arguments.keep {
        let ours = CleanRequest { run: Some(id.clone()), own: true, ..CleanRequest::default() };
        match docker::clean(&ours).await {
            Ok(_) => {}
            Err(error) if ran.exit == Exit::Environment => tracing::debug!("clean after {id}: {error}"),
            Err(error) => output::error(&error, &output::causes(&error), error.remedy.as_deref()),
        }
    }
    ran
}

async fn reserved_run(
    global: &Global,
    arguments: &RunArguments,
    loaded: &Loaded,
    capabilities: &Capabilities,
    interrupts: watch::Receiver<u8>,
    id: &RunId,
) -> Ran {
    let plan = match make_plan(global, loaded, capabilities, &arguments.options.programs, id).await {
        Ok(plan) => plan,
        Err(exit) => return exit.into(),
    };
    let now = jiff::Timestamp::now();
    let stamp = now.strftime("%Y%m%d-%H%M%SZ").to_string();
    let mut record = RunJson {
        schema: 1,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        run: id.to_string(),
        scenario: plan.scenario.clone(),
        seed: plan.seed,
        backend: plan.backend.to_string(),
        engine: capabilities.engine.clone(),
        kernel: kernel(),
        capabilities: capabilities
            .support
            .iter()
            .map(|(capability, support)| {
                let text = match support {
                    Support::Yes { how } => how.clone(),
                    Support::No { why, .. } => format!("no: {why}"),
                };
                (format!("{capability:?}").to_lowercase(), text)
            })
            .collect(),
        started: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        exit: None,
        conclusion: None,
        ended: None,
        timings: Timings::default(),
    };
    let folder = match prepare_folder(&arguments.results, loaded, &plan, &record, &stamp) {
        Ok(folder) => folder,
        Err(exit) => return Ran { exit, no_room: true },
    };
    let state = match native::state_folder(id) {
        Ok(state) => state,
        Err(error) => {
            folder.give_room_back();
            output::error("cannot make a folder for the run", &[error.to_string()], Some("is there room in /tmp?"));
            return Exit::Environment.into();
        }
    };
    if !global.quiet {
        let (nodes, backend) = (plan.nodes.len(), plan.backend);
        let seed = plan.seed;
        output::say(format!("{}: {nodes} nodes on {backend} ({}), seed {seed}", plan.scenario, capabilities.engine));
        for note in &plan.notes {
            output::say(format!("  note: {note}"));
        }
    }
    let line = ProgressLine::new(global.volume());
    let (wire, mut presses) = (plan.wire, interrupts.clone());
    let request = Request {
        log_patterns: crate::check::log_patterns(&plan.expectations),
        plan,
        run: id.clone(),
        capabilities: capabilities.clone(),
        started: record.started.clone(),
        kernel: record.kernel.clone(),
        journal: folder.journal(),
        ballast: Some(folder.room()),
        log_limit: arguments.log_limit,
        logs: folder.logs(),
        state: state.clone(),
        poll_interval: crate::run::POLL_INTERVAL,
        keep: arguments.keep,
        interrupts,
        progress: line.callback(),
    };
    let outcome = crate::run::run(request).await;
    folder.give_room_back();
    line.clear();
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            output::error(&error, &output::causes(&error), Some("is the disk full? nothing was started"));
            return Ran { exit: Exit::Environment, no_room: true };
        }
    };
    if !arguments.keep && outcome.teardown_errors.is_empty() {
        drop(fs::remove_dir_all(&state));
    }
    let (journal, verdict) = match judge::judge(&folder) {
        Ok(judged) => judged,
        Err(exit) => return exit.into(),
    };
    // A help for later runs; where it cannot be kept, they guess.
    if let Some(file) = results::start_times_file() {
        drop(results::remember_start_times(&file, &record.backend, &journal));
    }
    let exit = judge::exit_of(&verdict);
    record.exit = Some(exit.code());
    record.conclusion = Some(verdict.conclusion);
    record.ended = Some(outcome.end.word().to_owned());
    record.timings = timings(&outcome);
    if let Err(error) = folder.write_run(&record) {
        output::error(&error, &output::causes(&error), None);
    }
    let reports = judge::write_reports(&folder, &journal, &verdict);
    finish(global, &folder, &journal, &verdict, &outcome);
    if let Some(backend) = &outcome.kept {
        keep_up(backend, wire, id, &state, &mut presses).await;
    }
    let exit = match reports {
        Ok(()) => exit,
        Err(failed) => exit.worst(failed),
    };
    Ran { exit, no_room: outcome.record_failed }
}

async fn make_plan(
    global: &Global,
    loaded: &Loaded,
    capabilities: &Capabilities,
    programs_named: &[(String, String)],
    id: &RunId,
) -> Result<Plan, Exit> {
    let programs = programs::find(&loaded.project, &loaded.scenario.clients, programs_named);
    let mut surroundings = Surroundings { programs, ..Surroundings::default() };
    if let Some(file) = results::start_times_file() {
        surroundings.start_times = StartTimes(results::read_start_times(&file, &capabilities.backend.to_string()));
    }
    if capabilities.backend == BackendKind::Docker {
        // The networks are made now and adopted later: only the engine can decide which of two runs gets a range.
        let networks = &loaded.scenario.topology.networks;
        let main_first = networks.iter().filter(|(name, _)| name.as_str() == "main");
        let others = networks.iter().filter(|(name, _)| name.as_str() != "main");
        let requests: Vec<_> = main_first
            .chain(others)
            .map(|(name, network)| docker::NetworkRequest { name: name.clone(), internet: network.internet })
            .collect();
        match docker::reserve(id, &loaded.scenario.name, &requests).await {
            Ok(reserved) => surroundings.subnets = reserved.subnets(),
            Err(error) => {
                output::error(&error, &output::causes(&error), error.remedy.as_deref());
                return Err(Exit::Environment);
            }
        }
    }
    plan::build(&loaded.scenario, capabilities, &surroundings).map_err(|diagnostics| {
        print_diagnostics(&loaded.sources, &diagnostics, global.color);
        Exit::Input
    })
}

fn prepare_folder(
    results: &Path,
    loaded: &Loaded,
    plan: &Plan,
    record: &RunJson,
    stamp: &str,
) -> Result<RunFolder, Exit> {
    let write = || {
        let folder = RunFolder::create(results, &plan.scenario, plan.seed, stamp)?;
        folder.keep_room()?;
        for (name, text) in &loaded.scenario.inputs {
            folder.write(&format!("input/{name}"), text)?;
        }
        folder.write("plan.json", &plan::render::json(plan))?;
        folder.write("plan.dot", &plan::render::dot(plan))?;
        folder.write_run(record)?;
        Ok::<_, crate::results::ResultsError>(folder)
    };
    write().map_err(|error| {
        output::error(&error, &output::causes(&error), Some("`--results DIR` writes results elsewhere"));
        Exit::Environment
    })
}

fn finish(global: &Global, folder: &RunFolder, journal: &Journal, verdict: &Verdict, outcome: &crate::run::Outcome) {
    if let Some(trouble) = &outcome.trouble {
        output::error(trouble, &output::causes(trouble), trouble.remedy.as_deref());
    }
    for error in &outcome.teardown_errors {
        output::say(format!("not taken down: {error}; try: splitbrain clean"));
    }
    if global.format == output::Format::Json {
        output::json(&serde_json::json!({
            "schema": 1,
            "folder": folder.path(),
            "ended": outcome.end.word(),
            "verdict": verdict,
        }));
    } else {
        output::styled_data(judge::terminal(journal, verdict, global.color));
        output::data(format!("report: {}", short(&folder.report())));
    }
    for (node, how) in &outcome.how_to_look {
        output::say(format!("{node}: {how}"));
    }
}

/// What `--keep` means after the report. Where packets pass our forwarder the network lives only as long as this
/// process, so it stays until Ctrl-C and takes everything down then; elsewhere the nodes are left to themselves.
async fn keep_up(backend: &Backend, wire: bool, id: &RunId, state: &Path, presses: &mut watch::Receiver<u8>) {
    if !wire {
        return output::say(format!("everything still runs; take it down with: splitbrain clean --run {id}"));
    }
    output::say("everything still runs, with its last links; press Ctrl-C to take it down");
    let before = *presses.borrow();
    if presses.wait_for(|count| *count > before).await.is_err() {
        return;
    }
    for error in backend.teardown().await {
        output::error(&error, &output::causes(&error), Some("try: splitbrain clean"));
    }
    drop(fs::remove_dir_all(state));
}

fn timings(outcome: &crate::run::Outcome) -> Timings {
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    Timings {
        start_up_ms: outcome.start_up.map(|duration| duration.as_millis() as u64),
        starts_per_second: outcome.starts_per_second,
        total_ms: Some(outcome.total.as_millis() as u64),
        worst_fault_error_ms: outcome.worst_fault_error.map(millis),
        worst_poll_gap_ms: outcome.worst_poll_gap.map(millis),
    }
}

/// Eight lower-case letters and digits that no other run on this machine has: a hash of the moment and the process.
fn new_run_id() -> RunId {
    let now = jiff::Timestamp::now().as_nanosecond();
    let digest = Sha256::digest(format!("{now} {}", std::process::id()));
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    RunId::new(digest[..8].iter().map(|byte| LETTERS[usize::from(byte % 32)] as char).collect::<String>())
}

fn kernel() -> String {
    nix::sys::utsname::uname()
        .map_or_else(|_| "unknown".to_owned(), |name| name.release().to_string_lossy().into_owned())
}
