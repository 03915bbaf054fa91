//! The node: one loop that owns the core, the swarm and the store.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::StreamExt as _;
use libp2p::multiaddr::Protocol as AddressPart;
use libp2p::request_response::OutboundRequestId;
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId, Swarm, gossipsub};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{broadcast, mpsc};
use tokio::time::timeout;

use super::NodeError;
use super::api_server::{ApiEvent, Query};
use super::arguments::Settings;
use super::behaviour::{Behaviour, build_swarm};
use super::codec::Request;
use super::dialer::{Dial, Dialer};
use super::discovery::Discovery;
use super::log::{Level, line};
use super::peers::PeerTable;
use super::requests::BlocksAsked;
use super::storage::{Storage, Stored};
use crate::consensus::{BlockSource, Core, Millis, Quirk};
use crate::eth2::{
    EnrForkId, FAR_FUTURE_EPOCH, Goodbye, GoodbyeReason, NodeRecord, Root, Topic, TopicKind, build_record,
    fork_of_record, peer_id_of_record,
};

/// How often dials, pings and look-ups are thought about.
const HOUSEKEEPING: Duration = Duration::from_millis(250);
/// How long a start waits for its address to appear: networks are sometimes attached just after the process.
const BIND_PATIENCE: Duration = Duration::from_secs(10);
/// How long a stop waits for its goodbyes to be delivered.
const GOODBYE_PATIENCE: Duration = Duration::from_millis(400);
/// How long a peer has to take our goodbye before the connection is closed.
const CLOSE_PATIENCE: Duration = Duration::from_millis(600);

/// All of a node.
pub(super) struct Node {
    pub(super) settings: Settings,
    pub(super) core: Core,
    pub(super) storage: Storage,
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) dialer: Dialer,
    pub(super) dials: BTreeMap<ConnectionId, Multiaddr>,
    pub(super) peers: PeerTable,
    pub(super) discovery: Option<Discovery>,
    pub(super) record: NodeRecord,
    pub(super) events: broadcast::Sender<ApiEvent>,
    pub(super) asked: BTreeMap<(bool, OutboundRequestId), BlocksAsked>,
    pub(super) closing: BTreeMap<PeerId, Instant>,
    pub(super) block_topic: gossipsub::IdentTopic,
    pub(super) attestation_topic: gossipsub::IdentTopic,
    pub(super) genesis: (Root, Vec<u8>),
}

pub(super) fn now_ms() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as Millis)
}

/// Runs a node until it is told to stop.
pub(super) async fn run(settings: Settings) -> Result<(), NodeError> {
    let setup = |error: std::io::Error| NodeError::Setup(error.to_string());
    let mut terminate = signal(SignalKind::terminate()).map_err(setup)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(setup)?;
    let (events, _) = broadcast::channel(256);
    let (queries_sender, mut queries) = mpsc::channel::<Query>(64);
    super::api_server::serve(&settings, queries_sender, events.clone()).await?;
    let mut node = Node::open(settings, events)?;
    node.listen().await?;
    let mut found = node.start_discovery().await?;
    node.announce();
    let mut next_housekeeping = Instant::now();
    loop {
        let now = Instant::now();
        if now >= next_housekeeping {
            next_housekeeping = now + HOUSEKEEPING;
            node.keep_house(now);
        }
        if now_ms() >= node.core.next_wakeup() {
            node.core.on_time(now_ms());
        }
        node.carry_out();
        let until_core = Duration::from_millis(node.core.next_wakeup().saturating_sub(now_ms()).max(1));
        let wait = until_core.min(next_housekeeping.saturating_duration_since(Instant::now()));
        tokio::select! {
            event = node.swarm.select_next_some() => node.on_swarm_event(event),
            Some(record) = found.recv() => node.on_record(&record, false),
            Some(query) = queries.recv() => node.on_query(query),
            () = tokio::time::sleep(wait) => {}
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    node.stop().await;
    Ok(())
}

impl Node {
    /// Builds everything that needs no running network, and reads the disk.
    fn open(settings: Settings, events: broadcast::Sender<ApiEvent>) -> Result<Self, NodeError> {
        let mut core = Core::new(
            settings.chain.clone(),
            settings.validators.iter().copied(),
            settings.quirks.clone(),
            &settings.arguments.name,
        )
        .map_err(super::ArgumentError::from)?;
        let genesis_block = settings.chain.genesis_block();
        let genesis = (genesis_block.message.root(), ssz::Encode::as_ssz_bytes(&genesis_block));
        let (storage, stored, torn) = Storage::open(&settings.arguments.data, genesis.0).map_err(|error| {
            NodeError::Storage { folder: settings.arguments.data.display().to_string(), reason: error.to_string() }
        })?;
        let now = now_ms();
        let blocks = stored.len();
        for record in stored {
            match record {
                Stored::Block(block) => drop(core.on_block(now, *block, BlockSource::Disk)),
                Stored::Duty(duty) => core.restore_duty(duty),
            }
            // What comes out of known blocks is known, too; bounded memory wants it gone.
            core.take_outputs();
        }
        if blocks > 0 || torn > 0 {
            let slot = core.head().header.slot;
            line(Level::Info, "resumed", &[("records", &blocks), ("torn_bytes", &torn), ("head_slot", &slot)]);
        }
        let digest = settings.chain.fork_digest();
        let topic = |kind| gossipsub::IdentTopic::new(Topic { fork_digest: digest, kind }.to_string());
        let mut swarm = build_swarm(&settings)?;
        let (block_topic, attestation_topic) = (topic(TopicKind::BeaconBlock), topic(TopicKind::BeaconAttestation(0)));
        for topic in [&block_topic, &attestation_topic] {
            let gossip = &mut swarm.behaviour_mut().gossip;
            gossip.subscribe(topic).map_err(|error| NodeError::Setup(error.to_string()))?;
        }
        let record = make_record(&settings, digest)?;
        let dialer = Dialer::new(*swarm.local_peer_id(), &settings.peers, Instant::now());
        Ok(Self {
            settings,
            core,
            storage,
            swarm,
            dialer,
            dials: BTreeMap::new(),
            peers: PeerTable::default(),
            discovery: None,
            record,
            events,
            asked: BTreeMap::new(),
            closing: BTreeMap::new(),
            block_topic,
            attestation_topic,
            genesis,
        })
    }

    async fn listen(&mut self) -> Result<(), NodeError> {
        let arguments = &self.settings.arguments;
        let mut addresses = vec![Multiaddr::from(arguments.listen_address).with(AddressPart::Tcp(arguments.p2p_port))];
        if let Some(port) = quic_port(arguments.p2p_port) {
            let address = Multiaddr::from(arguments.listen_address);
            addresses.push(address.with(AddressPart::Udp(port)).with(AddressPart::QuicV1));
        }
        for address in addresses {
            let deadline = Instant::now() + BIND_PATIENCE;
            loop {
                match self.swarm.listen_on(address.clone()) {
                    Ok(_) => break,
                    Err(error) if Instant::now() >= deadline || !is_address_missing(&error) => {
                        return Err(NodeError::Listen { address: address.to_string(), reason: error.to_string() });
                    }
                    // The address is not there yet; it is looked for again until the deadline.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        }
        Ok(())
    }

    async fn start_discovery(&mut self) -> Result<mpsc::Receiver<NodeRecord>, NodeError> {
        if self.settings.arguments.discovery_port == 0 {
            return Ok(mpsc::channel(1).1);
        }
        let (discovery, found) = Discovery::start(&self.settings, self.record.clone()).await?;
        self.discovery = Some(discovery);
        for bootnode in self.settings.bootnodes.clone() {
            self.on_record(&bootnode, true);
        }
        Ok(found)
    }

    fn announce(&self) {
        let quirks: Vec<&str> = self.settings.quirks.iter().map(Quirk::word).collect();
        line(
            Level::Info,
            "started",
            &[
                ("name", &self.settings.arguments.name),
                ("version", &super::api::agent()),
                ("peer_id", self.swarm.local_peer_id()),
                ("enr", &self.record.to_base64()),
                ("digest", &hex::encode(self.settings.chain.fork_digest())),
                ("validators", &self.settings.arguments.validator_indices),
                ("quirks", &quirks.join(",")),
                ("subnet", &self.settings.subnet),
            ],
        );
    }

    /// A record was found. Bootnodes were given by hand and need not say which chain they are on; others must.
    pub(super) fn on_record(&mut self, record: &NodeRecord, is_bootnode: bool) {
        let ours = self.settings.chain.fork_digest();
        let same_chain = fork_of_record(record).map_or(is_bootnode, |fork| fork.fork_digest == ours);
        let (Some(address), Some(port)) = (record.ip4(), record.tcp4()) else { return };
        if !same_chain || port == 0 || !(is_bootnode || self.settings.subnet.contains(address)) {
            return;
        }
        let Some(peer) = peer_id_of_record(record).and_then(|id| id.parse::<PeerId>().ok()) else { return };
        let address = Multiaddr::from(address).with(AddressPart::Tcp(port));
        self.dialer.discovered(peer, address, Instant::now());
    }

    fn keep_house(&mut self, now: Instant) {
        // A quarter of the places is left to those who dial us; else everybody would be full and turn everybody away.
        let most = self.settings.arguments.max_peers;
        let room = self.peers.len() < (most * 3 / 4).max(1).min(most);
        let peers = &self.peers;
        for dial in self.dialer.due(now, |peer| peers.has(peer), room) {
            self.dial(dial, now);
        }
        for peer in self.peers.start_pings(now) {
            self.send_ping(&peer);
        }
        self.close_due(now);
        let hungry = self.peers.len() < self.settings.arguments.max_peers.min(8);
        if let Some(discovery) = &mut self.discovery {
            discovery.look(now, hungry);
        }
    }

    fn close_due(&mut self, now: Instant) {
        let due: Vec<PeerId> = self.closing.iter().filter(|(_, at)| **at <= now).map(|(peer, _)| *peer).collect();
        for peer in due {
            self.closing.remove(&peer);
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }

    fn dial(&mut self, dial: Dial, now: Instant) {
        // A new port for each dial: re-using the listening port would meet the remains of a connection that a cut killed.
        let options = match dial.peer {
            Some(peer) => DialOpts::peer_id(peer)
                .addresses(vec![dial.address.clone()])
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .allocate_new_port()
                .build(),
            None => DialOpts::unknown_peer_id().address(dial.address.clone()).allocate_new_port().build(),
        };
        let connection = options.connection_id();
        match self.swarm.dial(options) {
            Ok(()) => drop(self.dials.insert(connection, dial.address)),
            Err(_) => self.dialer.ended(&dial.address, None, now),
        }
    }

    /// Says goodbye, and closes the connection a little later.
    pub(super) fn leave(&mut self, peer: PeerId, reason: GoodbyeReason) {
        let goodbye = Request::Goodbye(Goodbye::from(reason));
        self.swarm.behaviour_mut().goodbye.send_request(&peer, goodbye);
        self.closing.entry(peer).or_insert(Instant::now() + CLOSE_PATIENCE);
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.unwelcome = true;
        }
        line(Level::Info, "goodbye_sent", &[("peer", &peer), ("reason", &format!("{reason:?}"))]);
    }

    async fn stop(&mut self) {
        let peers: Vec<PeerId> = self.peers.iter().map(|(id, _)| *id).collect();
        for peer in peers {
            self.leave(peer, GoodbyeReason::Shutdown);
        }
        // Goodbyes go out while the swarm is polled; peers that have understood hang up.
        let delivered = async {
            while self.peers.len() > 0 {
                let event = self.swarm.select_next_some().await;
                self.on_swarm_event(event);
                self.close_due(Instant::now());
            }
        };
        let _ = timeout(GOODBYE_PATIENCE, delivered).await;
        self.core.take_outputs();
        if let Some(discovery) = &mut self.discovery {
            discovery.stop();
        }
        if let Err(error) = self.storage.sync() {
            line(Level::Error, "storage_failed", &[("reason", &error)]);
        }
        line(Level::Info, "stopped", &[("head_slot", &self.core.head().header.slot)]);
    }
}

fn quic_port(p2p_port: u16) -> Option<u16> {
    cfg!(feature = "quic").then(|| p2p_port.checked_add(1)).flatten()
}

fn is_address_missing(error: &libp2p::TransportError<std::io::Error>) -> bool {
    matches!(error, libp2p::TransportError::Other(error) if error.to_string().contains("Cannot assign requested address")
        || error.kind() == std::io::ErrorKind::AddrNotAvailable)
}

/// Our own record. Its number is the time, so that a restarted node's record replaces the older one everywhere.
fn make_record(settings: &Settings, fork_digest: [u8; 4]) -> Result<NodeRecord, NodeError> {
    let fork =
        EnrForkId { fork_digest, next_fork_version: crate::consensus::FORK_VERSION, next_fork_epoch: FAR_FUTURE_EPOCH };
    let arguments = &settings.arguments;
    build_record(
        &settings.key,
        now_ms() / 1000,
        arguments.listen_address,
        arguments.p2p_port,
        arguments.discovery_port,
        quic_port(arguments.p2p_port),
        Some(fork),
    )
    .map_err(|error| NodeError::Setup(error.to_string()))
}
