//! Which backend a run gets, and what it can do here.

use std::os::unix::net::UnixStream;

use clap::ValueEnum;

use crate::action::{BackendKind, Capabilities, Capability, Support};
use crate::backend::{docker::DockerBackend, native::NativeBackend};

/// Backends as a person names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum BackendChoice {
    /// Docker if its engine answers and every client has an image, else native.
    #[default]
    Auto,
    /// Containers.
    Docker,
    /// Child processes in network namespaces.
    Native,
    /// Virtual time (not built yet).
    Sim,
}

/// Whether something listens where the Docker client would look. Cheap and without a runtime: it decides, while the
/// process still has one thread, whether a user namespace may be entered.
pub(super) fn docker_may_answer() -> bool {
    match std::env::var("DOCKER_HOST") {
        Ok(host) if !host.is_empty() => match host.strip_prefix("unix://") {
            Some(path) => UnixStream::connect(path).is_ok(),
            None => true,
        },
        _ => UnixStream::connect("/var/run/docker.sock").is_ok(),
    }
}

/// What a backend can do on this machine.
pub(super) async fn capabilities(kind: BackendKind) -> Capabilities {
    match kind {
        BackendKind::Docker => DockerBackend::capabilities().await,
        BackendKind::Native => NativeBackend::capabilities().await,
    }
}

/// Why a backend cannot start nodes at all, and the remedy; `None` if it can.
pub(super) fn cannot_start(capabilities: &Capabilities) -> Option<(String, String)> {
    match capabilities.support.get(&Capability::Processes) {
        Some(Support::Yes { .. }) => None,
        Some(Support::No { why, remedy }) => Some((why.clone(), remedy.clone())),
        None => Some(("the backend did not say whether it can start nodes".to_owned(), "report this".to_owned())),
    }
}
