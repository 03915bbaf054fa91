//! What the node does on libp2p: gossip, requests, identify; and the swarm that carries it.

use std::time::Duration;

use libp2p::swarm::NetworkBehaviour;
use libp2p::{Swarm, gossipsub, identify, noise, request_response, tcp, yamux};

use super::NodeError;
use super::arguments::Settings;
use super::codec::Codec;
use super::gossip::{SnappyTransform, message_id_of};
use crate::eth2::Method;

/// How long an answer may take before the request counts as failed.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a ping may take: short, so that a connection over a cut link is given up quickly.
const PING_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a dial may take. TCP repeats a lost SYN after one second and then after ever longer pauses; giving up
/// early and dialling anew finds a healed link sooner.
const DIAL_TIMEOUT: Duration = Duration::from_millis(1_500);

pub(super) type Gossip = gossipsub::Behaviour<SnappyTransform>;
pub(super) type Requests = request_response::Behaviour<Codec>;

/// One request-response behaviour for each kind of request, because a behaviour negotiates any of its protocols.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) gossip: Gossip,
    pub(super) identify: identify::Behaviour,
    pub(super) status: Requests,
    pub(super) goodbye: Requests,
    pub(super) ping: Requests,
    pub(super) metadata: Requests,
    pub(super) range: Requests,
    pub(super) root: Requests,
}

impl std::fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Behaviour")
    }
}

/// Gossip parameters of `specs/phase0/p2p-interface.md`, "The gossip domain: gossipsub".
fn gossip_config(settings: &Settings) -> Result<gossipsub::Config, String> {
    let epoch = Duration::from_millis(settings.chain.slot_ms * settings.chain.slots_per_epoch);
    gossipsub::ConfigBuilder::default()
        .heartbeat_interval(Duration::from_millis(700))
        .heartbeat_initial_delay(Duration::from_millis(100))
        .mesh_n(8)
        .mesh_n_low(6)
        .mesh_n_high(12)
        .gossip_lazy(6)
        .fanout_ttl(Duration::from_secs(60))
        .history_length(6)
        .history_gossip(3)
        .duplicate_cache_time((epoch * 2).max(Duration::from_secs(30)))
        .max_transmit_size(crate::eth2::maximum_compressed_length(crate::eth2::MAX_PAYLOAD_SIZE))
        .flood_publish(true)
        // A peer that left a mesh is taken back soon: networks here are small and short-lived.
        .prune_backoff(Duration::from_secs(5))
        .unsubscribe_backoff(Duration::from_secs(2))
        .validation_mode(gossipsub::ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(message_id_of)
        .build()
        .map_err(|error| error.to_string())
}

fn behaviour(settings: &Settings) -> Result<Behaviour, String> {
    let codec = Codec { fork_digest: settings.chain.fork_digest() };
    let requests = |method: Method, timeout: Duration| {
        let config = request_response::Config::default().with_request_timeout(timeout);
        let protocols: Vec<_> =
            method.protocols().map(|protocol| (protocol, request_response::ProtocolSupport::Full)).collect();
        request_response::Behaviour::with_codec(codec.clone(), protocols, config)
    };
    let gossip = gossipsub::Behaviour::new_with_transform(
        gossipsub::MessageAuthenticity::Anonymous,
        gossip_config(settings)?,
        SnappyTransform,
    )?;
    let identify = identify::Config::new("eth2/1.0.0".to_owned(), settings.keypair.public())
        .with_agent_version(super::api::agent())
        .with_interval(Duration::from_secs(300));
    Ok(Behaviour {
        gossip,
        identify: identify::Behaviour::new(identify),
        status: requests(Method::Status, REQUEST_TIMEOUT),
        goodbye: requests(Method::Goodbye, Duration::from_millis(500)),
        ping: requests(Method::Ping, PING_TIMEOUT),
        metadata: requests(Method::MetaData, REQUEST_TIMEOUT),
        range: requests(Method::BlocksByRange, REQUEST_TIMEOUT),
        root: requests(Method::BlocksByRoot, REQUEST_TIMEOUT),
    })
}

/// Builds the swarm: TCP (and QUIC, where built in), noise, yamux.
pub(super) fn build_swarm(settings: &Settings) -> Result<Swarm<Behaviour>, NodeError> {
    let setup = |error: String| NodeError::Setup(error);
    let behaviour = behaviour(settings).map_err(setup)?;
    let builder = libp2p::SwarmBuilder::with_existing_identity(settings.keypair.clone())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|error| setup(error.to_string()))?;
    #[cfg(feature = "quic")]
    let builder = builder.with_quic();
    Ok(builder
        .with_behaviour(|_| behaviour)
        .map_err(|error| setup(error.to_string()))?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
        .with_connection_timeout(DIAL_TIMEOUT)
        .build())
}
