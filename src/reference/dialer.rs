//! Whom to dial, and when: pure, time comes from outside.
//!
//! Peers that were given by hand are dialled for ever. Discovered ones are dialled while there is room, and forgotten
//! when they have not answered for a long time. The pause between two tries grows to two seconds and no further, so that
//! a healed network finds itself quickly.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use super::arguments::StaticPeer;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// After a goodbye that says we do not belong together.
const UNWELCOME_PAUSE: Duration = Duration::from_secs(30);
const FORGET_AFTER: Duration = Duration::from_secs(900);

/// A place to dial.
#[derive(Clone, Debug)]
struct Target {
    address: Multiaddr,
    peer: Option<PeerId>,
    by_hand: bool,
    not_before: Instant,
    pause: Duration,
    in_flight: bool,
    last_success: Instant,
}

/// A dial to make now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dial {
    pub(super) address: Multiaddr,
    pub(super) peer: Option<PeerId>,
}

/// All places this node knows.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    own: PeerId,
    targets: BTreeMap<Multiaddr, Target>,
}

impl Dialer {
    pub(super) fn new(own: PeerId, by_hand: &[StaticPeer], now: Instant) -> Self {
        let mut dialer = Self { own, targets: BTreeMap::new() };
        for peer in by_hand.iter().filter(|peer| peer.peer != Some(own)) {
            dialer.add(peer.address.clone(), peer.peer, true, now);
        }
        dialer
    }

    fn add(&mut self, address: Multiaddr, peer: Option<PeerId>, by_hand: bool, now: Instant) {
        self.targets.entry(address.clone()).or_insert(Target {
            address,
            peer,
            by_hand,
            not_before: now,
            pause: FIRST_PAUSE,
            in_flight: false,
            last_success: now,
        });
    }

    /// Takes a discovered peer. Of two nodes that discover each other the one with the lower id dials first, so that
    /// they rarely meet in the middle.
    pub(super) fn discovered(&mut self, peer: PeerId, address: Multiaddr, now: Instant) {
        if peer == self.own
            || self.targets.values().any(|target| target.peer == Some(peer) && target.address == address)
        {
            return;
        }
        // A peer has one address at a time; an old one that was only discovered goes.
        self.targets.retain(|_, target| target.by_hand || target.peer != Some(peer));
        let patience = if self.own < peer { Duration::ZERO } else { Duration::from_millis(700) };
        self.add(address, Some(peer), false, now + patience);
    }

    /// What to dial now. `connected` says whether a peer is there already, `room` whether discovered ones are wanted.
    pub(super) fn due(&mut self, now: Instant, connected: impl Fn(&PeerId) -> bool, room: bool) -> Vec<Dial> {
        self.targets.retain(|_, target| target.by_hand || now.duration_since(target.last_success) < FORGET_AFTER);
        let mut dials = Vec::new();
        for target in self.targets.values_mut() {
            if target.peer.as_ref().is_some_and(&connected) {
                target.last_success = now;
                continue;
            }
            if !target.in_flight && target.not_before <= now && (room || target.by_hand) {
                target.in_flight = true;
                dials.push(Dial { address: target.address.clone(), peer: target.peer });
            }
        }
        dials
    }

    /// A dial came to an end: with this peer, or with nothing.
    pub(super) fn ended(&mut self, address: &Multiaddr, result: Option<PeerId>, now: Instant) {
        let Some(target) = self.targets.get_mut(address) else { return };
        target.in_flight = false;
        if let Some(peer) = result {
            target.peer = Some(peer);
            target.pause = FIRST_PAUSE;
            target.last_success = now;
        } else {
            target.not_before = now + target.pause;
            target.pause = (target.pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A connection to a peer is gone: dial again soon, or much later if it is not wanted there.
    pub(super) fn lost(&mut self, peer: &PeerId, unwelcome: bool, now: Instant) {
        for target in self.targets.values_mut().filter(|target| target.peer.as_ref() == Some(peer)) {
            target.pause = FIRST_PAUSE;
            target.not_before = now + if unwelcome { UNWELCOME_PAUSE } else { FIRST_PAUSE };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> Multiaddr {
        format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
    }

    #[test]
    fn a_peer_by_hand_is_dialled_for_ever_with_a_bounded_pause() {
        let start = Instant::now();
        let by_hand = [StaticPeer { address: address(1), peer: None }];
        let mut dialer = Dialer::new(PeerId::random(), &by_hand, start);
        let mut now = start;
        let mut tries = 0;
        while now < start + Duration::from_secs(3600) {
            for dial in dialer.due(now, |_| false, false) {
                tries += 1;
                dialer.ended(&dial.address, None, now);
            }
            now += Duration::from_millis(500);
        }
        assert!(tries > 1700, "{tries}");
    }

    #[test]
    fn a_dial_in_flight_is_not_repeated_and_a_connected_peer_is_left_alone() {
        let now = Instant::now();
        let mut dialer = Dialer::new(PeerId::random(), &[StaticPeer { address: address(1), peer: None }], now);
        assert_eq!(dialer.due(now, |_| false, true).len(), 1);
        assert!(dialer.due(now, |_| false, true).is_empty());
        let peer = PeerId::random();
        dialer.ended(&address(1), Some(peer), now);
        assert!(dialer.due(now, |other| *other == peer, true).is_empty());
        dialer.lost(&peer, false, now);
        assert_eq!(dialer.due(now + LONGEST_PAUSE, |_| false, true), [Dial { address: address(1), peer: Some(peer) }]);
    }

    #[test]
    fn discovered_peers_wait_for_room_and_are_forgotten_in_the_end() {
        let now = Instant::now();
        let mut dialer = Dialer::new(PeerId::random(), &[], now);
        let peer = PeerId::random();
        dialer.discovered(peer, address(1), now);
        dialer.discovered(peer, address(2), now);
        let later = now + Duration::from_secs(1);
        assert!(dialer.due(later, |_| false, false).is_empty());
        assert_eq!(dialer.due(later, |_| false, true), [Dial { address: address(2), peer: Some(peer) }]);
        dialer.ended(&address(2), None, later);
        assert!(dialer.due(later + FORGET_AFTER, |_| false, true).is_empty());
    }

    #[test]
    fn we_do_not_dial_ourselves() {
        let own = PeerId::random();
        let now = Instant::now();
        let mut dialer = Dialer::new(own, &[StaticPeer { address: address(1), peer: Some(own) }], now);
        dialer.discovered(own, address(2), now);
        assert!(dialer.due(now + LONGEST_PAUSE, |_| false, true).is_empty());
    }

    #[test]
    fn where_we_are_not_wanted_we_come_back_later() {
        let now = Instant::now();
        let peer = PeerId::random();
        let mut dialer = Dialer::new(PeerId::random(), &[StaticPeer { address: address(1), peer: Some(peer) }], now);
        dialer.due(now, |_| false, true);
        dialer.ended(&address(1), Some(peer), now);
        dialer.lost(&peer, true, now);
        assert!(dialer.due(now + LONGEST_PAUSE, |_| false, true).is_empty());
        assert_eq!(dialer.due(now + UNWELCOME_PAUSE, |_| false, true).len(), 1);
    }
}
