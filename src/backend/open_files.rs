//! Files that a run keeps open, counted before it starts. Running out of them in the middle would look like nodes that do
//! not answer.

use std::io;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::BackendError;
use crate::action::BackendKind;

/// Open whatever the number of nodes: standard streams, the runtime, the journal, the wire, the report, and what up to
/// sixteen nodes that start at the same moment need for that moment alone.
const OF_THE_RUN: u64 = 64;

/// For each node on native: its namespace, its device, its process, its output, its log, the connection of its probe, and
/// one for a question beside that.
const OF_A_NATIVE_NODE: u64 = 7;

/// For each node on docker: its output, its log, its namespace and its device if there is a wire, the connection of its
/// probe, and one for a question beside that.
const OF_A_CONTAINER: u64 = 6;

/// So many open files a process is given where the machine allows more: higher numbers make programs slow that walk
/// through all of them, and nodes inherit the limit.
const MOST: u64 = 1 << 20;

/// Open files that a run with so many nodes needs, about.
pub fn open_files_needed(backend: BackendKind, nodes: usize) -> u64 {
    let of_a_node = match backend {
        BackendKind::Native => OF_A_NATIVE_NODE,
        BackendKind::Docker => OF_A_CONTAINER,
    };
    OF_THE_RUN + of_a_node * nodes as u64
}

/// Makes sure that this process may open as many files as a run with so many nodes needs: the soft limit is raised as far
/// as the hard one allows.
pub fn allow_open_files(backend: BackendKind, nodes: usize) -> Result<(), BackendError> {
    let needed = open_files_needed(backend, nodes);
    let failed = |errno: Errno| BackendError::new("cannot tell how many files may be open", io::Error::from(errno));
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    let raised = soft.max(hard.min(needed.max(MOST)));
    let limit = match setrlimit(Resource::RLIMIT_NOFILE, raised, hard) {
        Ok(()) => raised,
        Err(_) => soft,
    };
    enough(needed, limit, nodes, backend)
}

fn enough(needed: u64, limit: u64, nodes: usize, backend: BackendKind) -> Result<(), BackendError> {
    if limit >= needed {
        return Ok(());
    }
    Err(BackendError::plain(format!(
        "a run of {nodes} nodes on {backend} needs about {needed} open files, and the limit is {limit}"
    ))
    .remedy(format!("ulimit -n {needed} (beyond the hard limit, only root can raise it), or use fewer nodes")))
}

/// Whether an operation failed because this process, or the whole machine, has too many files open already: the tool's own
/// trouble, and nothing of the node that it was about.
pub fn is_shortage_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::EMFILE | Errno::ENFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_grows_with_the_nodes_and_is_said_with_the_limit() {
        assert_eq!(open_files_needed(BackendKind::Native, 41), 64 + 7 * 41);
        assert!(open_files_needed(BackendKind::Docker, 41) < open_files_needed(BackendKind::Native, 41));
        assert!(enough(351, 351, 41, BackendKind::Native).is_ok());
        let error = enough(351, 260, 41, BackendKind::Native).unwrap_err();
        assert_eq!(error.to_string(), "a run of 41 nodes on native needs about 351 open files, and the limit is 260");
        assert!(error.remedy.unwrap().starts_with("ulimit -n 351"));
    }

    #[test]
    fn a_shortage_is_told_from_a_refusal() {
        assert!(is_shortage_of_files(&io::Error::from(Errno::EMFILE)));
        assert!(is_shortage_of_files(&io::Error::from(Errno::ENFILE)));
        assert!(!is_shortage_of_files(&io::Error::from(Errno::ECONNREFUSED)));
    }
}
