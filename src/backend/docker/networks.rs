//! Docker networks of a run: reserved before planning, adopted when the run is made.
//!
//! Several runs may start at the same moment on one engine. Looking for a free range and taking it later would let two
//! of them find the same one. So [`reserve`] *makes* the networks: the engine refuses a range that overlaps another
//! network's, and whoever is refused looks again. The plan is then made with the ranges that are held already.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bollard::models::{Ipam, IpamConfig, Network, NetworkCreateRequest};
use bollard::query_parameters::{InspectNetworkOptionsBuilder, ListNetworksOptionsBuilder};

use super::super::BackendError;
use super::capabilities;
use super::client::{Engine, gone_is_fine, has_status};
use super::labels::Marks;
use super::subnets::{Range, free, routed};
use crate::action::{NetworkName, NetworkSpec, RunId};

/// Length of the network part of a run's networks, if nothing else is asked for: room for 65,000 nodes.
const PREFIX: u8 = 16;

/// How often another range is tried when somebody else was faster. Each try looks at the engine's networks anew, so
/// only as many tries fail as runs start at the same moment.
const TRIES: usize = 64;

/// Turns off the bridge's own forwarding between containers by an address filter of the engine's.
const OPTION_ICC: &str = "com.docker.network.bridge.enable_icc";

/// Keeps the bridge without an IPv4 address on the engine's machine, so that nothing of the network can be sent there.
const OPTION_NO_ADDRESS: &str = "com.docker.network.bridge.inhibit_ipv4";

/// A network to be reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkRequest {
    /// Its name in the topology.
    pub name: NetworkName,
    /// Whether packets may leave the run.
    pub internet: bool,
}

/// Networks that exist on the engine and wait for their run. They carry the run's labels: `prepare` for the same run
/// adopts them, `teardown` and `clean` remove them. Call [`Reservation::release`] if the run is not made after all.
#[derive(Debug)]
pub struct Reservation {
    engine: Engine,
    marks: Marks,
    networks: Vec<NetworkSpec>,
}

impl Reservation {
    /// The reserved ranges in the order of the requests: first address and length of the network part.
    pub fn subnets(&self) -> Vec<(Ipv4Addr, u8)> {
        self.networks.iter().map(|network| (network.subnet, network.prefix)).collect()
    }

    /// Removes the networks again. For a run that was planned and not made.
    pub async fn release(self) -> Vec<BackendError> {
        let mut errors = Vec::new();
        for network in &self.networks {
            let name = self.marks.network_name(&network.name);
            if let Err(error) = gone_is_fine(self.engine.docker.remove_network(&name).await) {
                errors.push(BackendError::new(format!("cannot remove the Docker network {name}"), error));
            }
        }
        errors
    }
}

/// Makes the Docker networks of a run with ranges that clash with no Docker network and no route of this machine or
/// the engine's. Safe when several runs do so at the same moment.
pub async fn reserve(run: &RunId, scenario: &str, requests: &[NetworkRequest]) -> Result<Reservation, BackendError> {
    let engine = Engine::connect().await?;
    let marks = Marks::new(run, scenario)?;
    let mut reservation = Reservation { engine: engine.clone(), marks: marks.clone(), networks: Vec::new() };
    for request in requests {
        match reserve_one(&engine, &marks, request).await {
            Ok(network) => reservation.networks.push(network),
            Err(error) => {
                reservation.release().await;
                return Err(error);
            }
        }
    }
    Ok(reservation)
}

async fn reserve_one(engine: &Engine, marks: &Marks, request: &NetworkRequest) -> Result<NetworkSpec, BackendError> {
    let mut refused: Vec<Range> = Vec::new();
    for _ in 0..TRIES {
        let mut in_use = ranges_in_use(engine).await?;
        in_use.extend(&refused);
        let Some(&range) = free(1, PREFIX, &in_use).first() else { break };
        let spec = NetworkSpec {
            name: request.name.clone(),
            subnet: range.address(),
            prefix: range.prefix,
            gateway: range.gateway(),
            internet: request.internet,
        };
        match create(engine, marks, &spec, true).await {
            Ok(_) => return Ok(spec),
            Err(error) if is_overlap(&error) => refused.push(range),
            Err(error) => return Err(cannot_create(marks, &spec, error)),
        }
    }
    Err(no_range(&request.name))
}

/// Ranges that clash with no Docker network and no route, without taking them: for `splitbrain plan`, which makes
/// nothing. A run uses [`reserve`]. Returns first addresses and lengths of the network part.
pub async fn free_subnets(count: usize, prefix: u8) -> Result<Vec<(Ipv4Addr, u8)>, BackendError> {
    let engine = Engine::connect().await?;
    let found = free(count, prefix, &ranges_in_use(&engine).await?);
    if found.len() < count {
        return Err(no_range(&NetworkName::new("of the run")));
    }
    Ok(found.into_iter().map(|range| (range.address(), range.prefix)).collect())
}

async fn ranges_in_use(engine: &Engine) -> Result<Vec<Range>, BackendError> {
    let networks = engine
        .docker
        .list_networks(None)
        .await
        .map_err(|error| BackendError::new("cannot list the engine's networks", error))?;
    let mut in_use: Vec<Range> = networks.iter().flat_map(ranges_of).collect();
    let own = Some("/proc/net/route".to_owned());
    for table in own.into_iter().chain(engine.daemon.map(|pid| format!("/proc/{pid}/net/route"))) {
        // An engine elsewhere has routes that cannot be read; its own refusal is what is left then.
        in_use.extend(std::fs::read_to_string(table).map(|text| routed(&text)).unwrap_or_default());
    }
    Ok(in_use)
}

fn ranges_of(network: &Network) -> Vec<Range> {
    let configs = network.ipam.as_ref().and_then(|ipam| ipam.config.as_ref());
    configs.into_iter().flatten().filter_map(|config| Range::parse(config.subnet.as_ref()?)).collect()
}

/// Makes sure that the network of a run exists as the plan wants it, adopting a reserved one. Returns its id.
/// `open` says whether the bridge may carry packets between nodes.
pub(super) async fn ensure(
    engine: &Engine,
    marks: &Marks,
    spec: &NetworkSpec,
    open: bool,
) -> Result<String, BackendError> {
    let name = marks.network_name(&spec.name);
    let options = InspectNetworkOptionsBuilder::new().build();
    match engine.docker.inspect_network(&name, Some(options)).await {
        Ok(found) => {
            let range = Range::around(spec.subnet, spec.prefix).to_string();
            let configs = found.ipam.as_ref().and_then(|ipam| ipam.config.as_ref());
            let same_range = configs.into_iter().flatten().any(|config| config.subnet.as_deref() == Some(&range));
            let same_seal = found.internal.unwrap_or(false) != spec.internet;
            let options = found.options.unwrap_or_default();
            let same_bridge = options == bridge_options(engine, spec, open);
            if let (true, true, true, Some(id)) = (same_range, same_seal, same_bridge, found.id) {
                return Ok(id);
            }
            let removed = gone_is_fine(engine.docker.remove_network(&name).await);
            removed.map_err(|error| BackendError::new(format!("cannot replace the Docker network {name}"), error))?;
        }
        Err(error) if has_status(&error, 404) => {}
        Err(error) => return Err(BackendError::new(format!("cannot look at the Docker network {name}"), error)),
    }
    create(engine, marks, spec, open).await.map_err(|error| {
        let overlap = is_overlap(&error);
        let error = cannot_create(marks, spec, error);
        if overlap {
            error.remedy("another network has taken the range since the plan was made; run again")
        } else {
            error
        }
    })
}

async fn create(
    engine: &Engine,
    marks: &Marks,
    spec: &NetworkSpec,
    open: bool,
) -> Result<String, bollard::errors::Error> {
    let range = Range::around(spec.subnet, spec.prefix);
    let config = IpamConfig {
        subnet: Some(range.to_string()),
        gateway: Some(spec.gateway.to_string()),
        ..IpamConfig::default()
    };
    let request = NetworkCreateRequest {
        name: marks.network_name(&spec.name),
        driver: Some("bridge".to_owned()),
        internal: Some(!spec.internet),
        // Said, because an engine may be set up to make networks with IPv6, which no fault of ours would cut.
        enable_ipv6: Some(false),
        // Named, because an engine logs an error for a driver without a name.
        ipam: Some(Ipam { driver: Some("default".to_owned()), config: Some(vec![config]), ..Ipam::default() }),
        options: Some(bridge_options(engine, spec, open)),
        labels: Some(marks.common()),
        ..NetworkCreateRequest::default()
    };
    Ok(engine.docker.create_network(request).await?.id)
}

/// What the bridge driver is told. A sealed bridge gets no address of the machine where we need none: probes are sockets
/// inside of nodes' namespaces there. Where those are out of reach, nodes' APIs are asked over the bridge.
fn bridge_options(engine: &Engine, spec: &NetworkSpec, open: bool) -> HashMap<String, String> {
    let no_address = !spec.internet && capabilities::namespaces(engine).is_ok();
    let options = [(!open).then_some((OPTION_ICC, "false")), no_address.then_some((OPTION_NO_ADDRESS, "true"))];
    options.into_iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Name of the bridge device that an engine makes for the network with this id.
pub(super) fn bridge_of(id: &str) -> String {
    format!("br-{}", id.get(..12).unwrap_or(id))
}

/// Networks with one of our labels.
pub(super) async fn labelled(engine: &Engine, label: &str, value: Option<&str>) -> Result<Vec<Network>, BackendError> {
    let options = ListNetworksOptionsBuilder::new().filters(&super::labels::with_label(label, value)).build();
    let listed = engine.docker.list_networks(Some(options)).await;
    listed.map_err(|error| BackendError::new("cannot list the engine's networks", error))
}

/// Whether the engine refused a network because of its range. The words differ between engines; the number of the
/// answer is 403, 400 or 500, so only the words can tell.
fn is_overlap(error: &bollard::errors::Error) -> bool {
    let text = error.to_string().to_lowercase();
    text.contains("overlap") || text.contains("conflicts with network")
}

fn cannot_create(marks: &Marks, spec: &NetworkSpec, error: bollard::errors::Error) -> BackendError {
    let range = Range::around(spec.subnet, spec.prefix);
    BackendError::new(format!("cannot make the Docker network {} ({range})", marks.network_name(&spec.name)), error)
}

fn no_range(network: &NetworkName) -> BackendError {
    BackendError::plain(format!("no private address range is free for the network {network}"))
        .remedy("remove Docker networks that are not needed (`docker network prune`, `splitbrain clean`), or routes that cover all private ranges")
}
