//! `splitbrain clients pairs`: which two clients can share a chain, by what their manifests say.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::project::Project;
use super::scenario::print_diagnostics;
use super::{Global, output, programs};
use crate::action::ClientRef;
use crate::client::{Client, NativeProgram};
use crate::spec::{self, Pair};
use crate::text::Sources;

/// Arguments of `clients pairs`.
#[derive(Debug, Args)]
pub(super) struct PairsArguments {
    /// Only pairs with one of these clients (`name` or `name@variant`).
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Prints the pairs; as JSON with the scenario that runs each.
pub(super) fn pairs(global: &Global, arguments: &PairsArguments) -> Exit {
    let project = Project::find(global.project.as_deref(), None);
    let mut sources = Sources::new();
    let roster = match spec::roster(&mut sources, &project) {
        Ok(roster) => roster,
        Err(diagnostics) => {
            print_diagnostics(&sources, &diagnostics, global.color);
            return Exit::Input;
        }
    };
    let clients: BTreeMap<ClientRef, Client> =
        roster.clients().map(|client| (client.reference.clone(), client.clone())).collect();
    let found = programs::find(&project, &clients, &[]);
    let here = |client: &Client| match client.native {
        Some(NativeProgram::Builtin) => true,
        Some(NativeProgram::Named(_)) => found.contains_key(&client.reference),
        None => false,
    };
    let asked = |client: &Client| {
        let names = &arguments.names;
        names.is_empty()
            || names.iter().any(|name| *name == client.reference.to_string() || *name == client.reference.name)
    };
    let all = roster.pairs(&project);
    let pairs: Vec<&Pair<'_>> = all.iter().filter(|pair| asked(pair.one) || asked(pair.other)).collect();
    if global.format == output::Format::Json {
        let list: Vec<_> = pairs
            .iter()
            .map(|pair| {
                json!({
                    "one": pair.one.reference.to_string(),
                    "other": pair.other.reference.to_string(),
                    "layer": pair.one.adapter.layer(),
                    "chain": pair.family,
                    "can": pair.network.is_ok(),
                    "why_not": pair.network.as_ref().err(),
                    "tried": pair.one.tried && pair.other.tried,
                    "here": here(pair.one) && here(pair.other),
                    "scenario": pair.network.as_ref().ok(),
                })
            })
            .collect();
        output::json(&json!({ "schema": 1, "pairs": list }));
        return Exit::Passed;
    }
    let names: Vec<String> =
        pairs.iter().map(|pair| format!("{} + {}", pair.one.reference, pair.other.reference)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for (pair, name) in pairs.iter().zip(&names) {
        let chain = pair.family.as_deref().unwrap_or("own");
        let verdict = match &pair.network {
            Ok(_) if !(pair.one.tried && pair.other.tried) => "can (untried)".to_owned(),
            Ok(_) => "can".to_owned(),
            Err(why) => format!("cannot: {why}"),
        };
        output::data(format!("{name:width$}  {chain:9}  {:9}  {verdict}", pair.one.adapter.layer()));
    }
    Exit::Passed
}
