//! `splitbrain list clients`: what each client is and where it could run here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::list::Row;
use super::programs;
use super::project::Project;
use crate::action::{ClientRef, ImageSource};
use crate::client::{Client, NativeProgram};
use crate::spec;
use crate::text::Sources;

/// A row for each client folder.
pub(super) fn rows(project: &Project) -> Vec<Row> {
    project.client_names().iter().map(|name| row(project, name)).collect()
}

fn row(project: &Project, name: &str) -> Row {
    let path = project.file(&format!("clients/{name}/client.yaml")).map(|found| found.path);
    let mut sources = Sources::new();
    let versions = match spec::read_clients(&mut sources, project, &[name.to_owned()]) {
        Ok(versions) => versions,
        Err(mistakes) => {
            let first = mistakes.first().map_or("", |mistake| mistake.message.as_str());
            let about = format!("its manifest holds {} mistake(s): {first}", mistakes.len());
            return Row(name.to_owned(), about, json!({ "path": path, "mistakes": mistakes.len() }));
        }
    };
    let Some(client) = versions.first() else { return Row(name.to_owned(), String::new(), json!({ "path": path })) };
    let tried = versions.iter().any(|version| version.tried);
    let variants: Vec<&str> = versions.iter().filter_map(|version| version.reference.variant.as_deref()).collect();
    let known: BTreeMap<ClientRef, Client> =
        versions.iter().map(|version| (version.reference.clone(), version.clone())).collect();
    let found = programs::find(project, &known, &[]);
    let here = |version: &Client| match &version.native {
        Some(NativeProgram::Builtin) => true,
        Some(NativeProgram::Named(_)) => found.contains_key(&version.reference),
        None => false,
    };

    let mut facts = Vec::new();
    if !variants.is_empty() {
        facts.push(format!("versions {}", variants.join(" ")));
    }
    facts.push(format!("{}, asked as {}", client.roles.join(" "), client.adapter.layer()));
    facts.push(format!("native: {}", native(&versions, &here)));
    facts.push(format!("docker: {}", docker(client)));
    if !tried {
        facts.push("tried: no".to_owned());
    }
    let about = format!("{}\n{}", client.description, facts.join(" | "));
    let each: Vec<Value> = versions.iter().map(|version| as_json(version, here(version))).collect();
    let more = json!({
        "path": path,
        "variants": variants,
        "roles": client.roles,
        "adapter": client.adapter.layer(),
        "tried": tried,
        "programs": project.client_programs(name).into_keys().collect::<Vec<_>>(),
        "versions": each,
    });
    Row(name.to_owned(), about, more)
}

fn native(versions: &[Client], here: &dyn Fn(&Client) -> bool) -> String {
    let program = |version: &Client| match &version.native {
        Some(NativeProgram::Named(program)) => Some(program.clone()),
        _ => None,
    };
    if versions.iter().all(|version| version.native.is_none()) {
        return "no program".to_owned();
    }
    if versions.iter().any(|version| version.native == Some(NativeProgram::Builtin)) {
        return "yes, part of this binary".to_owned();
    }
    let mut there: Vec<String> = versions.iter().filter(|version| here(version)).filter_map(program).collect();
    let mut missing: Vec<String> = versions.iter().filter(|version| !here(version)).filter_map(program).collect();
    there.dedup();
    there.sort();
    there.dedup();
    missing.sort();
    missing.dedup();
    match (there.is_empty(), missing.is_empty()) {
        (false, true) => format!("yes, {}", there.join(" ")),
        (false, false) => format!("yes, {}; not found: {}", there.join(" "), missing.join(" ")),
        _ => format!("not found: {}", missing.join(" ")),
    }
}

fn docker(client: &Client) -> String {
    match &client.image {
        Some(ImageSource::Builtin) => "image made from this binary".to_owned(),
        Some(ImageSource::Name(name)) => format!("image {name} (pulled if the engine does not have it)"),
        Some(ImageSource::Build(context)) if context.machine_files.is_empty() => {
            "image built from its Dockerfile (needs a registry)".to_owned()
        }
        Some(ImageSource::Build(_)) => "image built from the program here".to_owned(),
        None => "no image".to_owned(),
    }
}

fn as_json(version: &Client, here: bool) -> Value {
    let image = match &version.image {
        Some(ImageSource::Builtin) => json!({ "builtin": true }),
        Some(ImageSource::Name(name)) => json!({ "name": name }),
        Some(ImageSource::Build(context)) => {
            json!({ "dockerfile": context.dockerfile, "registry": context.machine_files.is_empty() })
        }
        None => Value::Null,
    };
    let program = match &version.native {
        Some(NativeProgram::Builtin) => json!({ "builtin": true }),
        Some(NativeProgram::Named(program)) => json!({ "program": program, "found": here }),
        None => Value::Null,
    };
    json!({
        "client": version.reference.to_string(),
        "description": version.description,
        "tried": version.tried,
        "native": program,
        "docker": image,
        "chains": version.compatible.chains,
        "forks": version.compatible.forks,
    })
}
