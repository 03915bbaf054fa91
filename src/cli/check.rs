//! `splitbrain check` and `splitbrain report`: from a stored journal alone.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::project::short;
use super::{Global, judge, output};
use crate::results::find_run;

/// Arguments of `check` and `report`.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// A run's folder, or its end below the results folder (`latest`, `quickstart/20261122-213000Z-42`).
    #[arg(default_value = "latest")]
    run: String,
    /// The results folder.
    #[arg(long, default_value = "results", value_name = "DIR")]
    results: PathBuf,
}

/// Judges again and exits as the run would have.
pub(super) fn check(global: &Global, arguments: &CheckArguments) -> Exit {
    again(global, arguments, |journal, verdict, folder| {
        match global.format {
            output::Format::Json => output::data(crate::report::verdict_json(journal, verdict)),
            _ => output::styled_data(judge::terminal(journal, verdict, global.color)),
        }
        let _ = folder;
        judge::exit_of(verdict)
    })
}

/// Writes the reports again.
pub(super) fn report(global: &Global, arguments: &CheckArguments) -> Exit {
    again(global, arguments, |journal, verdict, folder| match judge::write_reports(folder, journal, verdict) {
        Ok(()) => {
            match global.format {
                output::Format::Json => output::json(&serde_json::json!({ "schema": 1, "report": folder.report() })),
                _ => output::data(short(&folder.report())),
            }
            Exit::Passed
        }
        Err(exit) => exit,
    })
}

fn again(
    _global: &Global,
    arguments: &CheckArguments,
    act: impl FnOnce(&crate::journal::Journal, &crate::check::Verdict, &crate::results::RunFolder) -> Exit,
) -> Exit {
    let folder = match find_run(&arguments.results, &arguments.run) {
        Ok(folder) => folder,
        Err(error) => {
            let remedy = "name a run's folder; `splitbrain list runs` shows them";
            output::error(&error, &output::causes(&error), Some(remedy));
            return Exit::Input;
        }
    };
    match judge::judge(&folder) {
        Ok((journal, verdict)) => {
            if journal.torn {
                output::say("the journal's last line is cut off: the run was killed; judged on what there is");
            }
            act(&journal, &verdict, &folder)
        }
        Err(exit) => exit,
    }
}
