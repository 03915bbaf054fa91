//! Which backend a run gets, and what it can do here.

use std::os::unix::net::UnixStream;

use clap::ValueEnum;

use super::output;
use crate::action::{BackendKind, Capabilities, Capability, Support};
use crate::backend::docker::{self, DockerBackend};
use crate::backend::native::NativeBackend;

/// Backends as a person names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum BackendChoice {
    /// Docker if its engine answers, every client has an image and it can do all that the scenario asks for, else native.
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
    docker_absence().is_none()
}

/// Why nothing can listen there, if so.
pub(super) fn docker_absence() -> Option<String> {
    let choice = match docker::engine_choice() {
        Ok(choice) => choice,
        Err(error) => {
            return Some([error.to_string()].into_iter().chain(output::causes(&error)).collect::<Vec<_>>().join(": "));
        }
    };
    let path = choice.host.strip_prefix("unix://")?;
    let error = UnixStream::connect(path).err()?;
    Some(format!("cannot reach the Docker engine at {} ({}): {error}", choice.host, choice.because))
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
