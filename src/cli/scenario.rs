//! From the words on the command line to validated scenarios.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Exit;
use super::output::Color;
use super::project::{Found, Project, read_file, short};
use super::{Global, output};
use crate::spec::{self, Overrides, Scenario, ScenarioFile};
use crate::text::{Diagnostic, Sources};

/// Options that change a scenario before it is read.
#[derive(Clone, Debug, Args)]
pub(super) struct ScenarioOptions {
    /// The seed, instead of the file's.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Deal the topology's nodes out over these clients instead.
    #[arg(long, value_name = "CLIENTS", value_delimiter = ',')]
    pub(super) clients: Vec<String>,
    /// Change a value of the scenario file: a path of keys and a YAML value, `timeline.0.for=30s`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = key_and_value)]
    pub(super) set: Vec<(String, String)>,
    /// A client's program on this machine (for native, and for images built from Dockerfile.local).
    #[arg(long = "program", value_name = "CLIENT[@VARIANT]=PATH", value_parser = key_and_value)]
    pub(super) programs: Vec<(String, String)>,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

/// A scenario and the project that its names were looked up in.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) scenario: Scenario,
    pub(super) sources: Sources,
    pub(super) project: Project,
}

/// Reads a scenario by path or by name, with all mistakes printed.
pub(super) fn load(global: &Global, word: &str, options: &ScenarioOptions) -> Result<Loaded, Exit> {
    let path = Path::new(word);
    // `history/cve-2021-39137` is a name too: that of a file in a folder below `scenarios`.
    let is_path = path.extension().is_some() || path.is_file();
    let project = Project::find(global.project.as_deref(), is_path.then_some(path));
    let found = if is_path { read(path) } else { by_name(&project, word) }?;
    let mut sources = Sources::new();
    let overrides = Overrides {
        seed: options.seed,
        clients: options.clients.clone(),
        set: options.set.clone(),
        programs: options.programs.iter().map(|(name, path)| (name.clone(), PathBuf::from(path))).collect(),
    };
    let file = ScenarioFile { name: found.path, text: found.text };
    match spec::read_scenario(&mut sources, &project, &file, &overrides) {
        Ok((scenario, warnings)) => {
            print_diagnostics(&sources, &warnings, global.color);
            Ok(Loaded { scenario, sources, project })
        }
        Err(diagnostics) => {
            print_diagnostics(&sources, &diagnostics, global.color);
            Err(Exit::Input)
        }
    }
}

/// Prints messages about files, with snippets, on stderr.
pub(super) fn print_diagnostics(sources: &Sources, diagnostics: &[Diagnostic], color: Color) {
    if !diagnostics.is_empty() {
        output::styled(sources.render_all(diagnostics, color.stderr()));
    }
}

pub(super) fn read(path: &Path) -> Result<Found, Exit> {
    match read_file(path).map(String::from_utf8) {
        Ok(Ok(text)) => Ok(Found { path: short(path), text }),
        Ok(Err(_)) => {
            output::error(format!("{} is not UTF-8 text", path.display()), &[], Some("name a YAML file"));
            Err(Exit::Input)
        }
        Err(error) => {
            output::error(format!("cannot read {}", path.display()), &[error.to_string()], None);
            Err(Exit::Input)
        }
    }
}

fn by_name(project: &Project, name: &str) -> Result<Found, Exit> {
    project.yaml("scenarios", name).ok_or_else(|| {
        let names: Vec<String> = project.yaml_names("scenarios").into_iter().collect();
        let remedy = match crate::text::did_you_mean(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", names.join(", ")),
        };
        output::error(format!("there is no scenario `{name}`"), &[], Some(&remedy));
        Exit::Input
    })
}
