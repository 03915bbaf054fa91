//! The peers that are connected now.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use crate::consensus::PeerKey;

/// A connection without news for this long is asked whether it lives.
const QUIET: Duration = Duration::from_secs(2);

/// A connected peer.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) key: PeerKey,
    pub(super) address: Multiaddr,
    pub(super) outbound: bool,
    pub(super) last_heard: Instant,
    pub(super) ping_sent: Option<Instant>,
    /// We or they said goodbye for a reason that will not go away soon.
    pub(super) unwelcome: bool,
}

/// All of them, by id and by the number that the core knows them by.
#[derive(Clone, Debug, Default)]
pub(super) struct PeerTable {
    peers: BTreeMap<PeerId, Peer>,
    ids: BTreeMap<PeerKey, PeerId>,
    next_key: PeerKey,
}

impl PeerTable {
    /// Takes a new peer; each connection of a peer after a disconnection gets a new number.
    pub(super) fn add(&mut self, id: PeerId, address: Multiaddr, outbound: bool, now: Instant) -> PeerKey {
        self.next_key += 1;
        let key = self.next_key;
        let peer = Peer { key, address, outbound, last_heard: now, ping_sent: None, unwelcome: false };
        self.peers.insert(id, peer);
        self.ids.insert(key, id);
        key
    }

    pub(super) fn remove(&mut self, id: &PeerId) -> Option<Peer> {
        let peer = self.peers.remove(id)?;
        self.ids.remove(&peer.key);
        Some(peer)
    }

    pub(super) fn get(&self, id: &PeerId) -> Option<&Peer> {
        self.peers.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &PeerId) -> Option<&mut Peer> {
        self.peers.get_mut(id)
    }

    pub(super) fn key(&self, id: &PeerId) -> Option<PeerKey> {
        self.peers.get(id).map(|peer| peer.key)
    }

    pub(super) fn id(&self, key: PeerKey) -> Option<PeerId> {
        self.ids.get(&key).copied()
    }

    pub(super) fn has(&self, id: &PeerId) -> bool {
        self.peers.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        self.peers.iter()
    }

    /// Something came from a peer.
    pub(super) fn heard(&mut self, id: &PeerId, now: Instant) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.last_heard = now;
        }
    }

    /// Those that have been quiet and are to be pinged now; they count as pinged.
    pub(super) fn start_pings(&mut self, now: Instant) -> Vec<PeerId> {
        let mut quiet = Vec::new();
        for (id, peer) in &mut self.peers {
            if peer.ping_sent.is_none() && now.duration_since(peer.last_heard) >= QUIET {
                peer.ping_sent = Some(now);
                quiet.push(*id);
            }
        }
        quiet
    }

    /// A ping came to nothing. Whether the peer has been silent since, too, so that the connection is dead.
    pub(super) fn ping_failed(&mut self, id: &PeerId) -> bool {
        let Some(peer) = self.peers.get_mut(id) else { return false };
        peer.ping_sent.take().is_some_and(|sent| peer.last_heard <= sent)
    }

    /// A ping was answered.
    pub(super) fn ping_answered(&mut self, id: &PeerId) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.ping_sent = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_quiet_peers_are_pinged_and_only_silent_ones_given_up() {
        let start = Instant::now();
        let mut table = PeerTable::default();
        let (busy, quiet) = (PeerId::random(), PeerId::random());
        for id in [busy, quiet] {
            table.add(id, Multiaddr::empty(), true, start);
        }
        let later = start + QUIET;
        table.heard(&busy, later);
        assert_eq!(table.start_pings(later), [quiet]);
        assert!(table.start_pings(later).is_empty(), "one ping at a time");
        assert!(table.ping_failed(&quiet));
        assert_eq!(table.start_pings(later), [quiet]);
        table.heard(&quiet, later + QUIET);
        assert!(!table.ping_failed(&quiet), "it has spoken since");
    }

    #[test]
    fn a_returning_peer_has_a_new_number() {
        let mut table = PeerTable::default();
        let id = PeerId::random();
        let first = table.add(id, Multiaddr::empty(), true, Instant::now());
        assert_eq!(table.remove(&id).map(|peer| peer.key), Some(first));
        let second = table.add(id, Multiaddr::empty(), true, Instant::now());
        assert_ne!(first, second);
        assert_eq!((table.id(first), table.id(second), table.len()), (None, Some(id), 1));
    }
}
