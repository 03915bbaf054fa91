//! `splitbrain list`: what there is.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::exit::Exit;
use super::project::{Project, short};
use super::{Global, list_clients, output};
use crate::results::list_runs;
use crate::{check, fault, spec};

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Of what.
    #[arg(value_enum)]
    kind: Kind,
    /// The results folder, for `runs`.
    #[arg(long, default_value = "results", value_name = "DIR")]
    results: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Clients,
    Scenarios,
    Topologies,
    Faults,
    Checks,
    Runs,
}

/// Name, a few words, and more for JSON.
pub(super) struct Row(pub(super) String, pub(super) String, pub(super) Value);

/// Prints the list.
pub(super) fn list(global: &Global, arguments: &ListArguments) -> Exit {
    let project = Project::find(global.project.as_deref(), None);
    let rows = match arguments.kind {
        Kind::Faults => fault::TABLE.iter().map(|entry| table_row(entry.keyword, entry.about, entry.example)).collect(),
        Kind::Checks => check::TABLE.iter().map(|entry| table_row(entry.keyword, entry.about, entry.example)).collect(),
        Kind::Scenarios => described(&project, "scenarios"),
        Kind::Topologies => described(&project, "topologies"),
        Kind::Clients => list_clients::rows(&project),
        Kind::Runs => match list_runs(&arguments.results) {
            Ok(runs) => runs
                .into_iter()
                .map(|run| {
                    let end = match (run.conclusion, run.exit) {
                        (Some(conclusion), Some(code)) => format!("{} (exit {code})", conclusion.word()),
                        (None, Some(code)) => format!("exit {code}"),
                        (_, None) => "did not end".to_owned(),
                    };
                    let about = format!("{} on {}, seed {}, {end}", run.started, run.backend, run.seed);
                    Row(short(&run.path), about, json!(run))
                })
                .collect(),
            Err(error) => {
                output::error(&error, &output::causes(&error), None);
                return Exit::Environment;
            }
        },
    };
    print(global, &rows);
    Exit::Passed
}

fn print(global: &Global, rows: &[Row]) {
    if global.format == output::Format::Json {
        let list: Vec<Value> =
            rows.iter().map(|Row(name, about, more)| json!({ "name": name, "about": about, "more": more })).collect();
        return output::json(&json!({ "schema": 1, "list": list }));
    }
    let width = rows.iter().map(|Row(name, ..)| name.chars().count()).max().unwrap_or(0);
    for Row(name, about, _) in rows {
        // Further lines of a row stand below its first words.
        let about = about.replace('\n', &format!("\n{:width$}  ", ""));
        output::data(format!("{name:width$}  {about}"));
    }
}

fn table_row(keyword: &str, about: &str, example: &str) -> Row {
    Row(keyword.to_owned(), about.to_owned(), json!({ "example": example }))
}

fn described(project: &Project, folder: &str) -> Vec<Row> {
    let names = project.yaml_names(folder);
    let about = |name: &str| {
        let found = project.yaml(folder, name)?;
        Some((spec::description(&found.text).unwrap_or_default(), found.path))
    };
    names
        .into_iter()
        .filter_map(|name| {
            let (about, path) = about(&name)?;
            Some(Row(name, about, json!({ "path": path })))
        })
        .collect()
}
