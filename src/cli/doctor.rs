//! `splitbrain doctor`: what this machine can do.

use clap::Args;

use super::backends::{self, BackendChoice};
use super::exit::Exit;
use super::{Global, output};
use crate::action::{BackendKind, Capabilities, Capability, Support};
use crate::backend::native;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Look at one backend only; exit 3 if it cannot start nodes.
    #[arg(long, value_enum, default_value_t)]
    backend: BackendChoice,
}

/// Prints each capability, and each gap with its remedy. Passes if at least one backend can start nodes.
pub(super) fn doctor(global: &Global, arguments: &DoctorArguments) -> Exit {
    let kinds = match arguments.backend {
        BackendChoice::Auto => vec![BackendKind::Native, BackendKind::Docker],
        BackendChoice::Docker => vec![BackendKind::Docker],
        BackendChoice::Native => vec![BackendKind::Native],
        BackendChoice::Sim => {
            output::error("the backend `sim` is not built yet", &[], Some("use `--backend native` or `docker`"));
            return Exit::Input;
        }
    };
    let mut found = Vec::new();
    // Docker first: a user namespace, which native needs when not root, has no way back to the host's networks.
    for kind in kinds.iter().rev() {
        if *kind == BackendKind::Native
            && let Err(error) = native::enter_user_namespace()
        {
            output::say(format!("no user namespace: {error}"));
        }
        match super::runtime() {
            Ok(runtime) => found.push(runtime.block_on(backends::capabilities(*kind))),
            Err(error) => {
                output::error("cannot start a runtime", &[error.to_string()], None);
                return Exit::Environment;
            }
        }
    }
    found.reverse();
    let able = found.iter().any(|capabilities| backends::cannot_start(capabilities).is_none());
    match global.format {
        output::Format::Json => output::json(&serde_json::json!({ "schema": 1, "backends": found })),
        _ => output::data(found.iter().map(describe).collect::<Vec<_>>().join("\n")),
    }
    if able { Exit::Passed } else { Exit::Environment }
}

fn describe(capabilities: &Capabilities) -> String {
    let mut text = format!("{}: {}\n", capabilities.backend, capabilities.engine);
    // A backend that cannot start nodes lacks everything else for the same reason: say it once.
    let dead = backends::cannot_start(capabilities).is_some();
    for (capability, support) in &capabilities.support {
        if dead && *capability != Capability::Processes {
            continue;
        }
        let what = match capability {
            Capability::Processes => "start nodes",
            Capability::Wire => "cut and shape links (multicast and broadcast are not carried)",
            Capability::Disconnect => "disconnect and reconnect",
            Capability::Pause => "pause nodes",
            Capability::Resources => "limit cpu and memory",
            Capability::Internet => "networks with a way out",
            Capability::Seal => "keep sealed networks sealed",
        };
        text += &match support {
            Support::Yes { how } => format!("  ✓ {what}: {how}\n"),
            Support::No { why, remedy } => format!("  ✗ {what}: {why}\n      help: {remedy}\n"),
        };
    }
    text
}
