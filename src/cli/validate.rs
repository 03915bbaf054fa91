//! `splitbrain validate`: refuse bad files with all mistakes at once; starts nothing.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::project::Project;
use super::scenario::read;
use super::{Global, output};
use crate::spec;
use crate::text::{Severity, Sources};

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub(super) struct ValidateArguments {
    /// Scenario, topology and client files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Reads each file by itself. Exit 2 if one has a mistake.
pub(super) fn validate(global: &Global, arguments: &ValidateArguments) -> Exit {
    let mut exit = Exit::Passed;
    let (mut good, mut reports) = (0, Vec::new());
    for path in &arguments.files {
        let found = match read(Path::new(path)) {
            Ok(found) => found,
            Err(worse) => {
                exit = exit.worst(worse);
                continue;
            }
        };
        let project = Project::find(global.project.as_deref(), Some(path));
        let mut sources = Sources::new();
        let (kind, diagnostics) = spec::validate_file(&mut sources, &project, &found.path, &found.text);
        let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
        if errors > 0 {
            exit = exit.worst(Exit::Input);
        } else {
            good += 1;
        }
        match global.format {
            output::Format::Json => reports.push(json!({
                "file": found.path,
                "kind": kind.word(),
                "diagnostics": sources.json(&diagnostics),
            })),
            _ => super::scenario::print_diagnostics(&sources, &diagnostics, global.color),
        }
    }
    match global.format {
        output::Format::Json => output::json(&json!({ "schema": 1, "files": reports })),
        _ if !global.quiet => output::say(format!("{good} of {} files are good", arguments.files.len())),
        _ => {}
    }
    exit
}
