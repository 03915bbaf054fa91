//! Finding peers with discv5: records of nodes on our chain come out of a bounded channel.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use discv5::{ConfigBuilder, Discv5, Event, ListenConfig};
use enr::{CombinedKey, NodeId};
use tokio::sync::mpsc;

use super::NodeError;
use super::arguments::Settings;
use crate::eth2::{NodeRecord, RecordError};

/// The first pause between look-ups of a node without enough peers; it doubles up to the pause of one that has enough,
/// because in a small network there is nobody else to find.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const CALM_PAUSE: Duration = Duration::from_secs(20);

/// A running discovery.
pub(super) struct Discovery {
    discv5: Discv5,
    found: mpsc::Sender<NodeRecord>,
    bootnodes: Vec<NodeRecord>,
    next_query: Instant,
    pause: Duration,
}

impl std::fmt::Debug for Discovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discovery").field("bootnodes", &self.bootnodes.len()).finish_non_exhaustive()
    }
}

impl Discovery {
    /// Starts to listen. Must be called inside the runtime.
    pub(super) async fn start(
        settings: &Settings,
        record: NodeRecord,
    ) -> Result<(Self, mpsc::Receiver<NodeRecord>), NodeError> {
        let key = CombinedKey::secp256k1_from_bytes(&mut settings.key.clone())
            .map_err(|_| NodeError::Setup(RecordError::BadKey.to_string()))?;
        let (ip, port): (Ipv4Addr, u16) = (settings.arguments.listen_address, settings.arguments.discovery_port);
        let config = ConfigBuilder::new(ListenConfig::Ipv4 { ip, port })
            // The plan knows the node's address better than its peers' votes do.
            .disable_enr_update()
            .request_timeout(Duration::from_secs(1))
            .query_peer_timeout(Duration::from_secs(1))
            .query_timeout(Duration::from_secs(8))
            .ping_interval(Duration::from_secs(20))
            .build();
        let mut discv5 = Discv5::new(record, key, config).map_err(|error| NodeError::Setup(error.to_owned()))?;
        discv5
            .start()
            .await
            .map_err(|error| NodeError::Listen { address: format!("{ip}:{port}/udp"), reason: format!("{error:?}") })?;
        let mut events = discv5.event_stream().await.map_err(|error| NodeError::Setup(format!("{error:?}")))?;
        let (found, records) = mpsc::channel(64);
        let sender = found.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let (Event::Discovered(record) | Event::SessionEstablished(record, _)) = event else { continue };
                // A record that finds no room comes again.
                let _ = sender.try_send(record);
            }
        });
        for bootnode in &settings.bootnodes {
            // Our own record among the bootnodes is refused here, as it should be.
            let _ = discv5.add_enr(bootnode.clone());
        }
        let bootnodes = settings.bootnodes.clone();
        Ok((Self { discv5, found, bootnodes, next_query: Instant::now(), pause: FIRST_PAUSE }, records))
    }

    /// Starts a look-up if it is time for one.
    pub(super) fn look(&mut self, now: Instant, hungry: bool) {
        if now < self.next_query || (self.bootnodes.is_empty() && self.discv5.connected_peers() == 0) {
            return;
        }
        self.next_query = now + if hungry { self.pause } else { CALM_PAUSE };
        self.pause = (self.pause * 2).min(CALM_PAUSE);
        if self.discv5.connected_peers() == 0 {
            // Everybody was away for a while: the table has forgotten them, the flags have not.
            for bootnode in &self.bootnodes {
                let _ = self.discv5.add_enr(bootnode.clone());
            }
        }
        let query = self.discv5.find_node(NodeId::random());
        let found = self.found.clone();
        tokio::spawn(async move {
            for record in query.await.unwrap_or_default() {
                let _ = found.try_send(record);
            }
        });
    }

    /// A peer is gone: look again soon.
    pub(super) fn lost_one(&mut self, now: Instant) {
        self.pause = FIRST_PAUSE;
        self.next_query = self.next_query.min(now + FIRST_PAUSE);
    }

    pub(super) fn stop(&mut self) {
        self.discv5.shutdown();
    }
}
