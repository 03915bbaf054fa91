//! What the engine and this machine can do together; each gap with its remedy.

use std::collections::BTreeMap;

use super::super::fabric::{self, DeviceKind};
use super::client::Engine;
use super::seal::{self, SealKind};
use crate::action::{BackendKind, Capabilities, Capability, Support};

/// Asks the engine and this machine. Never fails: an engine that is not there is an answer.
pub(super) async fn capabilities() -> Capabilities {
    let engine = match Engine::connect().await {
        Ok(engine) => engine,
        Err(error) => return absent(&error),
    };
    let wire = match devices(&engine).await {
        Ok(kind) => {
            let devices = match kind {
                DeviceKind::Tun => "TUN devices",
                DeviceKind::Packet => "veth pairs and packet sockets",
            };
            let seal = match seal::probe(&engine).await {
                SealKind::Nftables => "nftables",
                SealKind::EngineOption => "the engine's enable_icc option, because `nft` does not work here",
            };
            yes(&format!("{devices} beside the containers' interfaces, bridges sealed with {seal}"))
        }
        Err(Gap { why, remedy }) => Support::No { why, remedy },
    };
    let support = BTreeMap::from([
        (Capability::Processes, yes(&format!("containers of the engine at {} ({})", engine.host, engine.because))),
        (Capability::Wire, wire),
        (Capability::Disconnect, yes("the engine's network disconnect and connect")),
        (Capability::Pause, yes("the engine's freezer")),
        (Capability::Resources, yes("control groups")),
        (Capability::Internet, yes("Docker networks that are not internal")),
        (Capability::Seal, sealing(&engine).await),
    ]);
    Capabilities { backend: BackendKind::Docker, engine: engine.title(), support, root: true }
}

/// How nothing of a sealed network reaches the engine's machine. Two ways, each enough by itself for what a program does
/// that asks the kernel for a connection: bridges that have no address there (possible where nodes are reached from inside
/// their namespaces), and a filter.
async fn sealing(engine: &Engine) -> Support {
    let filter = seal::guards_machine(engine).await;
    match (namespaces(engine), filter) {
        (Ok(()), Ok(())) => yes("bridges without an address of the machine, and nftables drops what comes from them"),
        (Ok(()), Err(error)) => yes(&format!(
            "bridges without an address of the machine (broadcasts of a node still arrive there, because nftables does not work: {error})"
        )),
        (Err(_), Ok(())) => yes(
            "nftables on the engine's machine, put there by a short-lived container with CAP_NET_ADMIN: it drops what comes from the bridges",
        ),
        (Err(Gap { why, .. }), Err(error)) => Support::No {
            why: format!("nodes reach services of the engine's machine at their bridge's address: {why}, and {error}"),
            remedy: "run as root on the engine's machine, or install nftables here: the engine then runs `nft` in a container"
                .to_owned(),
        },
    }
}

fn yes(how: &str) -> Support {
    Support::Yes { how: how.to_owned() }
}

fn absent(error: &super::super::BackendError) -> Capabilities {
    use Capability::{Disconnect, Internet, Pause, Processes, Resources, Seal, Wire};
    let cause = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    let no = Support::No { why: format!("{error}{cause}"), remedy: error.remedy.clone().unwrap_or_default() };
    let support = [Processes, Wire, Disconnect, Pause, Resources, Internet, Seal];
    Capabilities {
        backend: BackendKind::Docker,
        engine: "none".to_owned(),
        support: support.into_iter().map(|capability| (capability, no.clone())).collect(),
        root: false,
    }
}

/// Something that this machine lacks.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub(super) why: String,
    pub(super) remedy: String,
}

fn gap<T>(why: impl Into<String>, remedy: &str) -> Result<T, Gap> {
    Err(Gap { why: why.into(), remedy: remedy.to_owned() })
}

/// Whether containers' network namespaces can be entered from here.
pub(super) fn namespaces(engine: &Engine) -> Result<(), Gap> {
    if !nix::unistd::geteuid().is_root() {
        return gap(
            "containers' network namespaces can only be entered by root",
            "run as root, or use `--backend native`, which needs no root",
        );
    }
    if engine.daemon.is_none() {
        return gap(
            "the Docker engine does not listen on a socket of this machine, so its containers' namespaces are out of reach",
            "run on the engine's own machine with DOCKER_HOST=unix://…, or use `--backend native`",
        );
    }
    match engine.open_namespace() {
        Some(_) => Ok(()),
        None => gap(
            "the engine's network namespace cannot be entered",
            "give this process CAP_SYS_ADMIN and the engine's process namespace (`docker run --privileged --pid=host`)",
        ),
    }
}

/// Whether containers can be given devices of ours, and of which kind.
pub(super) async fn devices(engine: &Engine) -> Result<DeviceKind, Gap> {
    namespaces(engine)?;
    let probed = tokio::task::spawn_blocking(fabric::probe).await.map_err(std::io::Error::other).and_then(|kind| kind);
    match probed {
        Ok(kind) => Ok(kind),
        Err(error) => gap(
            format!("no devices can be made for the wire: {error}"),
            "load the `tun` kernel module (`modprobe tun`), or make /dev/net/tun visible here",
        ),
    }
}
