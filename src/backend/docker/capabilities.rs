//! What the engine and this machine can do together; each gap with its remedy.

use std::collections::BTreeMap;
use std::fs::File;

use super::super::fabric::Namespace;
use super::client::Engine;
use super::seal::{self, SealKind};
use crate::action::{BackendKind, Capabilities, Capability, Support};

/// Asks the engine and this machine. Never fails: an engine that is not there is an answer.
pub(super) async fn capabilities() -> Capabilities {
    let engine = match Engine::connect().await {
        Ok(engine) => engine,
        Err(error) => return absent(&error),
    };
    let namespaces = namespaces(&engine);
    let wire = match &namespaces {
        Ok(()) => match seal::probe(&engine).await {
            SealKind::Nftables => yes("TUN devices beside the containers' interfaces, bridges sealed with nftables"),
            SealKind::EngineOption => yes(
                "TUN devices beside the containers' interfaces, bridges sealed with the engine's enable_icc option, \
                 because `nft` does not work here",
            ),
        },
        Err((why, remedy)) => Support::No { why: why.clone(), remedy: remedy.clone() },
    };
    let support = BTreeMap::from([
        (Capability::Processes, yes("containers")),
        (Capability::Wire, wire),
        (Capability::Disconnect, yes("the engine's network disconnect and connect")),
        (Capability::Pause, yes("the engine's freezer")),
        (Capability::Resources, yes("control groups")),
        (Capability::Internet, yes("Docker networks that are not internal")),
    ]);
    Capabilities { backend: BackendKind::Docker, engine: engine.title(), support, root: true }
}

fn yes(how: &str) -> Support {
    Support::Yes { how: how.to_owned() }
}

fn absent(error: &super::super::BackendError) -> Capabilities {
    use Capability::{Disconnect, Internet, Pause, Processes, Resources, Wire};
    let cause = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    let no = Support::No { why: format!("{error}{cause}"), remedy: error.remedy.clone().unwrap_or_default() };
    let support = [Processes, Wire, Disconnect, Pause, Resources, Internet];
    Capabilities {
        backend: BackendKind::Docker,
        engine: "none".to_owned(),
        support: support.into_iter().map(|capability| (capability, no.clone())).collect(),
        root: false,
    }
}

/// Whether containers' network namespaces can be entered from here and given devices; why not, and what to do.
pub(super) fn namespaces(engine: &Engine) -> Result<(), (String, String)> {
    let gap = |why: &str, remedy: &str| Err((why.to_owned(), remedy.to_owned()));
    if !nix::unistd::geteuid().is_root() {
        return gap(
            "containers' network namespaces can only be entered by root",
            "run as root, or use `--backend native`, which needs no root",
        );
    }
    if engine.daemon.is_none() {
        return gap(
            "the Docker engine does not listen on a socket of this machine, so its containers' namespaces are out of reach",
            "run on the engine's own machine, or use `--backend native`",
        );
    }
    match engine.namespace().map(|namespace: Namespace| namespace.run(|| ())) {
        Some(Ok(())) => {}
        _ => {
            return gap(
                "the engine's network namespace cannot be entered",
                "give this process CAP_SYS_ADMIN and the engine's process namespace (`docker run --privileged --pid=host`)",
            );
        }
    }
    match File::options().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => Ok(()),
        Err(error) => Err((
            format!("/dev/net/tun cannot be opened: {error}"),
            "load the `tun` kernel module (`modprobe tun`), or make the device visible here".to_owned(),
        )),
    }
}
