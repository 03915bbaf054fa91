//! Requests of peers, and answers to ours.

use std::time::Instant;

use libp2p::PeerId;
use libp2p::request_response::{Event, Message, OutboundFailure, ResponseChannel};
use ssz::Decode as _;

use super::codec::{Answer, Request};
use super::log::{Level, line};
use super::node::{Node, now_ms};
use crate::consensus::RequestId;
use crate::eth2::{MetaDataV2, Method, Ping, ResponseCode, Root, SignedBeaconBlock, Slot, Status};

/// Uncompressed bytes of blocks in one answer; a requester asks again for what is missing.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// Neither our metadata nor our subnets ever change.
const METADATA: MetaDataV2 = MetaDataV2 { sequence_number: 1, attnets: [1, 0, 0, 0, 0, 0, 0, 0], syncnets: [0] };

/// A request for blocks that the core waits for.
#[derive(Clone, Debug)]
pub(super) struct BlocksAsked {
    pub(super) request: RequestId,
    /// Slots that the answer must lie in, where the request was for a range.
    pub(super) slots: Option<(Slot, Slot)>,
}

pub(super) type ExchangeEvent = Event<Request, Answer>;

impl Node {
    pub(super) fn send_status(&mut self, peer: &PeerId) {
        let status = self.core.status();
        self.swarm.behaviour_mut().status.send_request(peer, Request::Status(status));
    }

    pub(super) fn send_ping(&mut self, peer: &PeerId) {
        let ping = Ping { sequence_number: METADATA.sequence_number };
        self.swarm.behaviour_mut().ping.send_request(peer, Request::Ping(ping));
    }

    /// Our goodbye has been taken, or will not be: the connection can be closed.
    pub(super) fn note_goodbye(&mut self, event: &ExchangeEvent) {
        if let Event::Message { peer, message: Message::Response { .. }, .. } | Event::OutboundFailure { peer, .. } =
            event
        {
            self.closing.insert(*peer, Instant::now());
        }
    }

    /// Status, goodbye, ping and metadata.
    pub(super) fn on_exchange(&mut self, event: ExchangeEvent) {
        match event {
            Event::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
                self.peers.heard(&peer, Instant::now());
                self.on_request(peer, request, channel);
            }
            Event::Message { peer, message: Message::Response { response, .. }, .. } => {
                self.peers.heard(&peer, Instant::now());
                self.on_answer(&peer, &response);
            }
            Event::OutboundFailure { peer, error, .. } => self.on_failure(&peer, &error),
            Event::InboundFailure { .. } | Event::ResponseSent { .. } => {}
        }
    }

    fn on_request(&mut self, peer: PeerId, request: Request, channel: ResponseChannel<Answer>) {
        let (answer, method) = match request {
            Request::Status(status) => {
                if let Some(key) = self.peers.key(&peer) {
                    self.core.on_status(now_ms(), key, status);
                }
                (Answer::one(&self.core.status()), Method::Status)
            }
            Request::Ping(_) => (Answer::one(&Ping { sequence_number: METADATA.sequence_number }), Method::Ping),
            Request::MetaData => (Answer::one(&METADATA), Method::MetaData),
            Request::Goodbye(goodbye) => {
                line(Level::Info, "goodbye_received", &[("peer", &peer), ("reason", &goodbye.reason)]);
                if let Some(entry) = self.peers.get_mut(&peer) {
                    entry.unwelcome |= goodbye.reason != 1;
                }
                // The answer goes out first; the connection is closed at the next housekeeping.
                self.closing.insert(peer, Instant::now());
                (Answer::one(&goodbye), Method::Goodbye)
            }
            Request::BlocksByRange(_) | Request::BlocksByRoot(_) => return,
        };
        let behaviour = self.swarm.behaviour_mut();
        let requests = match method {
            Method::Status => &mut behaviour.status,
            Method::Goodbye => &mut behaviour.goodbye,
            Method::Ping => &mut behaviour.ping,
            _ => &mut behaviour.metadata,
        };
        // The peer may have gone meanwhile; nobody is left to tell.
        let _ = requests.send_response(channel, answer);
    }

    fn on_answer(&mut self, peer: &PeerId, answer: &Answer) {
        let Some(chunk) = answer.chunks.first() else { return };
        // Pings and statuses are told apart by their length; answers to goodbye and metadata need nothing done.
        if let Ok(status) = Status::from_ssz_bytes(chunk) {
            if let Some(key) = self.peers.key(peer) {
                self.core.on_status(now_ms(), key, status);
            }
        } else {
            self.peers.ping_answered(peer);
        }
    }

    fn on_failure(&mut self, peer: &PeerId, error: &OutboundFailure) {
        if matches!(error, OutboundFailure::ConnectionClosed | OutboundFailure::DialFailure) {
            return;
        }
        if matches!(error, OutboundFailure::UnsupportedProtocols) {
            // Whoever can say that it does not speak a protocol is alive.
            self.peers.ping_answered(peer);
            self.peers.heard(peer, Instant::now());
            return;
        }
        if self.peers.ping_failed(peer) {
            line(Level::Warn, "peer_silent", &[("peer", peer), ("reason", error)]);
            let _ = self.swarm.disconnect_peer_id(*peer);
        }
    }

    /// Blocks by range (`by_range`) and by root.
    pub(super) fn on_blocks_exchange(&mut self, by_range: bool, event: ExchangeEvent) {
        match event {
            Event::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
                self.peers.heard(&peer, Instant::now());
                let answer = self.serve_blocks(&request);
                let behaviour = self.swarm.behaviour_mut();
                let requests = if by_range { &mut behaviour.range } else { &mut behaviour.root };
                let _ = requests.send_response(channel, answer);
            }
            Event::Message { peer, message: Message::Response { request_id, response }, .. } => {
                self.peers.heard(&peer, Instant::now());
                if let Some(asked) = self.asked.remove(&(by_range, request_id)) {
                    let blocks = read_blocks(&response, asked.slots);
                    if blocks.is_none() {
                        line(
                            Level::Warn,
                            "bad_blocks",
                            &[("peer", &peer), ("error", &format!("{:?}", response.error))],
                        );
                    }
                    self.core.on_blocks(now_ms(), asked.request, blocks);
                }
            }
            Event::OutboundFailure { request_id, .. } => {
                if let Some(asked) = self.asked.remove(&(by_range, request_id)) {
                    self.core.on_blocks(now_ms(), asked.request, None);
                }
            }
            Event::InboundFailure { .. } | Event::ResponseSent { .. } => {}
        }
    }

    fn serve_blocks(&self, request: &Request) -> Answer {
        let roots: Vec<Root> = match request {
            Request::BlocksByRange(range) if range.count == 0 || range.step == 0 => {
                return Answer::error(ResponseCode::InvalidRequest, "count and step must not be zero");
            }
            // A step above one is deprecated and served as one, as the specification allows.
            Request::BlocksByRange(range) => self.core.canonical_range(range.start_slot, range.count),
            Request::BlocksByRoot(roots) => roots.clone(),
            _ => return Answer::error(ResponseCode::InvalidRequest, "no request for blocks"),
        };
        let mut answer = Answer::default();
        let mut size = 0;
        for root in roots {
            let bytes =
                if root == self.genesis.0 { Some(self.genesis.1.clone()) } else { self.storage.block_bytes(&root) };
            let Some(bytes) = bytes else { continue };
            size += bytes.len();
            if size > MAX_ANSWER {
                break;
            }
            answer.chunks.push(bytes);
        }
        answer
    }
}

/// Decodes the blocks of an answer; `None` if one is damaged, out of range or out of order, or if there was an error
/// instead of blocks.
fn read_blocks(answer: &Answer, slots: Option<(Slot, Slot)>) -> Option<Vec<SignedBeaconBlock>> {
    if answer.error.is_some() && answer.chunks.is_empty() {
        return None;
    }
    let blocks: Vec<SignedBeaconBlock> =
        answer.chunks.iter().map(|ssz| SignedBeaconBlock::from_ssz_bytes(ssz).ok()).collect::<Option<_>>()?;
    if let Some((start, end)) = slots {
        let ascending = blocks.windows(2).all(|pair| pair[0].message.slot < pair[1].message.slot);
        let inside = blocks.iter().all(|block| (start..end).contains(&block.message.slot));
        if !ascending || !inside {
            return None;
        }
    }
    Some(blocks)
}

#[cfg(test)]
mod tests {
    use ssz::Encode as _;

    use super::*;
    use crate::eth2::BeaconBlock;

    fn block(slot: Slot) -> Vec<u8> {
        let message = BeaconBlock { slot, ..BeaconBlock::default() };
        SignedBeaconBlock { message, signature: [0; 96] }.as_ssz_bytes()
    }

    fn read(slots: &[Slot]) -> Option<usize> {
        let chunks = slots.iter().map(|&slot| block(slot)).collect();
        read_blocks(&Answer { chunks, error: None }, Some((10, 20))).map(|blocks| blocks.len())
    }

    #[test]
    fn answers_out_of_range_or_order_are_refused_whole() {
        assert_eq!(read(&[10, 12, 19]), Some(3));
        assert_eq!(read(&[]), Some(0));
        assert_eq!(read(&[12, 10]), None);
        assert_eq!(read(&[12, 12]), None);
        assert_eq!(read(&[9, 12]), None);
        assert_eq!(read(&[12, 20]), None);
    }

    #[test]
    fn an_error_after_blocks_leaves_the_blocks() {
        let error = Some((ResponseCode::ServerError, "x".to_owned()));
        let some = Answer { chunks: vec![block(1)], error: error.clone() };
        assert_eq!(read_blocks(&some, None).map(|blocks| blocks.len()), Some(1));
        assert_eq!(read_blocks(&Answer { chunks: vec![], error }, None), None);
        assert_eq!(read_blocks(&Answer { chunks: vec![vec![1, 2, 3]], error: None }, None), None);
    }
}
