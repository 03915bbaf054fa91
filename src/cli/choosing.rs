//! Settles which backend a scenario gets.

use super::backends::{self, BackendChoice};
use super::exit::Exit;
use super::scenario::{Loaded, print_diagnostics};
use super::{Global, output};
use crate::action::{BackendKind, Capabilities};
use crate::backend::native;
use crate::plan;

/// Settles the backend of a scenario and finds out what it can do. What this machine lacks is told with its remedy and is
/// the environment's fault. Enters a user namespace for native when not root, which is possible only while the process has
/// one thread: before the runtime of the runs exists.
pub(super) fn choose_backend(global: &Global, loaded: &Loaded, choice: BackendChoice) -> Result<Capabilities, Exit> {
    match choice {
        BackendChoice::Sim => {
            output::error("the backend `sim` is not built yet", &[], Some("use `--backend native` or `docker`"));
            Err(Exit::Input)
        }
        BackendChoice::Native => able(global, loaded, native()?),
        BackendChoice::Docker => able(global, loaded, ask(BackendKind::Docker)?),
        BackendChoice::Auto => choose_for_them(global, loaded),
    }
}

/// Docker where it can do all that the scenario asks for, else native.
fn choose_for_them(global: &Global, loaded: &Loaded) -> Result<Capabilities, Exit> {
    let why_not_docker = match docker_for(loaded)? {
        Ok(docker) => {
            if !global.quiet {
                output::say(format!("backend: docker, since it can do all that {} asks for", loaded.scenario.name));
            }
            return Ok(docker);
        }
        Err(why) => why,
    };
    let native = native()?;
    let why_not_native = lacks(loaded, &native);
    if why_not_native.is_empty() {
        if !global.quiet {
            output::say(format!("backend: native, since docker cannot be used: {}", why_not_docker.join("; ")));
        }
        return Ok(native);
    }
    let told = |backend: &str, reasons: &[String]| reasons.iter().map(|why| format!("{backend}: {why}")).collect();
    let causes: [Vec<String>; 2] = [told("docker", &why_not_docker), told("native", &why_not_native)];
    output::error(
        format!("no backend on this machine can run {}", loaded.scenario.name),
        &causes.concat(),
        Some("`splitbrain doctor` shows each gap with its remedy"),
    );
    Err(Exit::Environment)
}

/// Docker, or the reasons why not.
fn docker_for(loaded: &Loaded) -> Result<Result<Capabilities, Vec<String>>, Exit> {
    if let Some(absence) = backends::docker_absence() {
        return Ok(Err(vec![absence]));
    }
    let without: Vec<String> = loaded
        .scenario
        .clients
        .values()
        .filter(|client| client.image.is_none())
        .map(|client| format!("client {} has no image", client.reference))
        .collect();
    if !without.is_empty() {
        return Ok(Err(without));
    }
    let docker = ask(BackendKind::Docker)?;
    let lacks = lacks(loaded, &docker);
    Ok(if lacks.is_empty() { Ok(docker) } else { Err(lacks) })
}

/// What the scenario asks for and the backend cannot do here, in words.
fn lacks(loaded: &Loaded, capabilities: &Capabilities) -> Vec<String> {
    match backends::cannot_start(capabilities) {
        Some((why, _)) => vec![why],
        None => plan::gaps(&loaded.scenario, capabilities).into_iter().map(|gap| gap.message).collect(),
    }
}

/// The backend that was asked for outright, if it can do it.
fn able(global: &Global, loaded: &Loaded, capabilities: Capabilities) -> Result<Capabilities, Exit> {
    if let Some((why, remedy)) = backends::cannot_start(&capabilities) {
        let backend = capabilities.backend;
        output::error(format!("the {backend} backend cannot start nodes: {why}"), &[], Some(&remedy));
        return Err(Exit::Environment);
    }
    let gaps = plan::gaps(&loaded.scenario, &capabilities);
    if gaps.is_empty() {
        return Ok(capabilities);
    }
    print_diagnostics(&loaded.sources, &gaps, global.color);
    Err(Exit::Environment)
}

fn native() -> Result<Capabilities, Exit> {
    if let Err(error) = native::enter_user_namespace() {
        tracing::warn!("no user namespace: {error}");
    }
    ask(BackendKind::Native)
}

fn ask(kind: BackendKind) -> Result<Capabilities, Exit> {
    match super::runtime() {
        Ok(runtime) => Ok(runtime.block_on(backends::capabilities(kind))),
        Err(error) => {
            output::error("cannot start a runtime", &[error.to_string()], None);
            Err(Exit::Environment)
        }
    }
}
