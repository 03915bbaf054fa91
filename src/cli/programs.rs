//! Finds clients' programs on this machine: `--program`, the client's own `bin/`, then PATH.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::project::Project;
use crate::action::ClientRef;
use crate::client::{Client, NativeProgram};

/// The programs that were found. A client whose program is not there is left out: the plan says so with its remedy.
pub(super) fn find(
    project: &Project,
    clients: &BTreeMap<ClientRef, Client>,
    named: &[(String, String)],
) -> BTreeMap<ClientRef, PathBuf> {
    let mut found = BTreeMap::new();
    for (reference, client) in clients {
        let Some(NativeProgram::Named(program)) = &client.native else { continue };
        let said = |name: &str| named.iter().find(|(client, _)| client == name).map(|(_, path)| PathBuf::from(path));
        let path = said(&reference.to_string())
            .or_else(|| said(&reference.name))
            .or_else(|| project.client_programs(&reference.name).remove(program))
            .or_else(|| on_path(program));
        if let Some(path) = path.and_then(|path| std::fs::canonicalize(path).ok()) {
            found.insert(reference.clone(), path);
        }
    }
    found
}

/// Programs by name alone, for plans that look at no machine.
pub(super) fn assumed(clients: &BTreeMap<ClientRef, Client>) -> BTreeMap<ClientRef, PathBuf> {
    let named = clients.iter().filter_map(|(reference, client)| match &client.native {
        Some(NativeProgram::Named(program)) => Some((reference.clone(), PathBuf::from(program))),
        _ => None,
    });
    named.collect()
}

fn on_path(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
