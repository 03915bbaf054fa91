//! Everything that can be found wrong before anything is made.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use super::limits::GroupHome;
use super::marks::Marks;
use super::node::Node;
use super::{Common, MADE_AT_ONCE, NativeBackend, view};
use crate::action::{BackendKind, ImageSource, NodeProcess, Seeds};
use crate::backend::fabric::{Wire, user_namespace_remedy};
use crate::backend::{BackendError, BackendEvent, Owner, RunSetup, allow_open_files};
use crate::link::LinkTable;

/// See [`NativeBackend::prepare`].
pub(super) async fn prepare(setup: RunSetup) -> Result<NativeBackend, BackendError> {
    let step = "cannot prepare the native backend";
    tokio::task::spawn_blocking(move || prepare_now(setup)).await.map_err(|error| BackendError::new(step, error))?
}

fn prepare_now(setup: RunSetup) -> Result<NativeBackend, BackendError> {
    let failed = |error: io::Error| BackendError::new("cannot prepare the native backend", error);
    let owner = Owner::current().map_err(failed)?;
    let mut nodes = BTreeMap::new();
    let mut missing = Vec::new();
    for process in &setup.nodes {
        match program_of(process) {
            Ok(program) => {
                let (run, node, owner) = (setup.run.to_string(), process.name.to_string(), owner.to_string());
                let node = Node::new(Arc::clone(process), &setup.state, program, Marks { run, node, owner });
                nodes.insert(process.name.clone(), Arc::new(node));
            }
            Err(why) => missing.push(why),
        }
        if process.command.is_empty() || process.init.iter().any(Vec::is_empty) {
            missing.push(format!("node {} has an empty command", process.name));
        }
    }
    missing.dedup();
    if !missing.is_empty() {
        return Err(BackendError::plain(missing.join("; "))
            .remedy("install the program on PATH, or name it with --program CLIENT=PATH"));
    }
    allow_open_files(BackendKind::Native, setup.nodes.len())?;
    let views = match view::possible() {
        Ok(()) => true,
        Err(why) => {
            let words = "nodes share the machine's /tmp and cannot find each other by name: no mount namespaces here";
            setup.progress.say(format!("{words} ({why})"));
            false
        }
    };
    let counted = setup.wire.is_some();
    let (seeds, table) = match setup.wire {
        Some(wire) => (wire.seeds, wire.table),
        // Nodes need packets between them in any case, if only perfect ones.
        None => (Seeds::root(0), Arc::new(LinkTable::compile(setup.nodes.len() as u16, []))),
    };
    let lost = BackendEvent::wire_lost(setup.events.clone());
    let wire = Wire::start(setup.nodes.len() as u16, &seeds, table, lost).map_err(|error| {
        BackendError::new("cannot make a network for the nodes", error).remedy(user_namespace_remedy())
    })?;
    let common = Common {
        run: setup.run,
        scenario: setup.scenario,
        owner,
        networks: setup.networks,
        logs: setup.logs,
        events: setup.events,
        closing: AtomicBool::new(false),
        wire: Mutex::new(Some(Arc::new(wire))),
        counted,
        groups: group_home(&setup.nodes)?,
        views,
        processes: setup.nodes,
    };
    Ok(NativeBackend {
        common: Arc::new(common),
        nodes,
        making: Semaphore::new(MADE_AT_ONCE),
        detached: tokio::sync::Mutex::default(),
    })
}

/// Where control groups are made; refused where a node has limits and none can be set.
fn group_home(nodes: &[Arc<NodeProcess>]) -> Result<GroupHome, BackendError> {
    let (home, limits) = GroupHome::find();
    let limited = nodes.iter().find(|node| node.resources.cpus.is_some() || node.resources.memory.is_some());
    match (limited, limits) {
        (Some(node), Err(why)) => {
            let step = format!("node {} has a limit on CPU or memory, and none can be set here: {why}", node.name);
            let remedy = "run as root, use the docker backend, or take `resources` out of the topology";
            Err(BackendError::plain(step).remedy(remedy))
        }
        _ => Ok(home),
    }
}

/// The program of a node, as an absolute path because the node has a working folder of its own.
fn program_of(node: &NodeProcess) -> Result<PathBuf, String> {
    let program = match (&node.program, &node.image) {
        (Some(program), _) => program.clone(),
        (None, Some(ImageSource::Builtin)) => std::env::current_exe()
            .map_err(|error| format!("node {}: the running program cannot be found: {error}", node.name))?,
        (None, _) => return Err(format!("no program was found for client {}", node.client)),
    };
    let absolute = program
        .canonicalize()
        .map_err(|error| format!("the program {} of client {}: {error}", program.display(), node.client))?;
    if is_executable(&absolute) {
        Ok(absolute)
    } else {
        Err(format!("{}, the program of client {}, is not an executable file", program.display(), node.client))
    }
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
