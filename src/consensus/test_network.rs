//! Many cores in virtual time: a network with latency, cuts, crashes and late starts, the same for the same seed.

use std::collections::{BTreeMap, BTreeSet};

use super::core::{BlockSource, Core, DutyRecord, Millis, Output, Verdict};
use super::parameters::{ChainParameters, sample};
use super::quirk::Quirk;
use crate::eth2::{Attestation, Checkpoint, Epoch, Root, SignedBeaconBlock, Slot, Status};

#[derive(Clone, Debug)]
enum Message {
    Block(Box<SignedBeaconBlock>),
    Attestation(Box<Attestation>),
    Status {
        status: Status,
        wants_answer: bool,
    },
    RangeRequest {
        request: u64,
        start: Slot,
        count: u64,
    },
    RootsRequest {
        request: u64,
        roots: Vec<Root>,
    },
    Blocks {
        request: u64,
        blocks: Vec<SignedBeaconBlock>,
    },
    /// Not a message: the connection between the two stands again, or is found dead.
    Connected,
    Gone,
}

struct Node {
    core: Core,
    running: bool,
    validators: Vec<u64>,
    quirks: Vec<Quirk>,
    disk: BTreeMap<Root, SignedBeaconBlock>,
    disk_order: Vec<Root>,
    duties: Vec<DutyRecord>,
    seen: BTreeSet<Vec<u8>>,
    wakeup: Millis,
}

/// What happened, for tests to look at.
#[derive(Debug, Default, PartialEq)]
pub(super) struct News {
    /// One line for each import, head, finality and rejection, in order.
    pub(super) trace: Vec<String>,
    /// Deepest reorganisation of each node.
    pub(super) deepest_reorg: BTreeMap<usize, u64>,
    /// Reorganisations of each node.
    pub(super) reorgs: BTreeMap<usize, usize>,
    /// What any node without quirks finalised, by epoch; two roots for one epoch are a broken promise.
    pub(super) finalized: BTreeMap<Epoch, BTreeSet<Root>>,
    /// Blocks that nodes rejected, by node.
    pub(super) rejected: BTreeMap<usize, Vec<(Slot, String)>>,
    /// Second blocks of a proposer seen by a node.
    pub(super) equivocations: usize,
    pub(super) conflicts: usize,
    /// Votes of each validator by epoch.
    pub(super) votes: BTreeMap<(u64, Epoch), BTreeSet<Vec<u8>>>,
    /// When a node first had a block, by slot.
    pub(super) imported_at: BTreeMap<(usize, Slot), Millis>,
    /// How many requests by range and by root each node made.
    pub(super) requests: BTreeMap<usize, usize>,
}

pub(super) struct Network {
    pub(super) chain: ChainParameters,
    nodes: Vec<Node>,
    edges: BTreeSet<(usize, usize)>,
    cut: BTreeSet<(usize, usize)>,
    queue: BTreeMap<(Millis, u64), (usize, usize, Message)>,
    sequence: u64,
    seed: u64,
    pub(super) now: Millis,
    pub(super) news: News,
}

impl Network {
    /// `quirks[n]` are those of node n; validators are dealt out in turn; every node is connected with every other.
    pub(super) fn new(seed: u64, validators: u64, quirks: &[&[Quirk]]) -> Self {
        let count = quirks.len();
        let edges = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))).collect();
        Self::with_edges(seed, validators, quirks, edges)
    }

    pub(super) fn with_edges(seed: u64, validators: u64, quirks: &[&[Quirk]], edges: BTreeSet<(usize, usize)>) -> Self {
        let chain = ChainParameters { validators, slots_per_epoch: 4, seed, ..sample() };
        let now = chain.genesis_ms() - 500;
        let nodes = (0..quirks.len())
            .map(|index| {
                let own: Vec<u64> = (0..validators).filter(|v| *v as usize % quirks.len() == index).collect();
                Node {
                    core: make(&chain, &own, quirks[index], index),
                    running: true,
                    validators: own,
                    quirks: quirks[index].to_vec(),
                    disk: BTreeMap::new(),
                    disk_order: Vec::new(),
                    duties: Vec::new(),
                    seen: BTreeSet::new(),
                    wakeup: now,
                }
            })
            .collect();
        let mut network = Self {
            chain,
            nodes,
            edges: edges.clone(),
            cut: BTreeSet::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            seed,
            now,
            news: News::default(),
        };
        for (a, b) in edges {
            network.connect(a, b);
        }
        network
    }

    pub(super) fn core(&self, node: usize) -> &Core {
        &self.nodes[node].core
    }

    /// A block from a node's disk.
    pub(super) fn block(&self, node: usize, root: &Root) -> SignedBeaconBlock {
        self.nodes[node].disk[root].clone()
    }

    pub(super) fn heads(&self) -> Vec<Root> {
        self.nodes.iter().map(|node| node.core.head().root).collect()
    }

    pub(super) fn finalized(&self, node: usize) -> Checkpoint {
        self.nodes[node].core.checkpoints().2
    }

    /// Cuts all links between the groups; after three seconds the ends notice.
    pub(super) fn split(&mut self, groups: &[&[usize]]) {
        let group_of = |node: usize| groups.iter().position(|group| group.contains(&node));
        let cut: Vec<_> = self.edges.iter().copied().filter(|&(a, b)| group_of(a) != group_of(b)).collect();
        for (a, b) in cut {
            self.cut.insert((a, b));
            self.post_at(self.now + 3_000, a, b, Message::Gone);
            self.post_at(self.now + 3_000, b, a, Message::Gone);
        }
    }

    /// Heals all cuts.
    pub(super) fn heal(&mut self) {
        for (a, b) in std::mem::take(&mut self.cut) {
            if self.nodes[a].running && self.nodes[b].running {
                self.connect(a, b);
            }
        }
    }

    /// The process dies; its disk stays.
    pub(super) fn kill(&mut self, node: usize) {
        self.nodes[node].running = false;
        for other in self.neighbours(node) {
            self.post_at(self.now + 100, node, other, Message::Gone);
        }
    }

    /// The process starts again, from its disk.
    pub(super) fn start(&mut self, node: usize) {
        let chain = self.chain.clone();
        let this = &mut self.nodes[node];
        this.core = make(&chain, &this.validators, &this.quirks, node);
        this.running = true;
        this.seen.clear();
        this.wakeup = self.now;
        for root in &this.disk_order {
            this.core.on_block(self.now, this.disk[root].clone(), BlockSource::Disk);
        }
        this.duties.iter().for_each(|record| this.core.restore_duty(*record));
        this.core.take_outputs();
        for other in self.neighbours(node) {
            if self.nodes[other].running && !self.is_cut(node, other) {
                self.connect(node, other);
            }
        }
    }

    fn neighbours(&self, node: usize) -> Vec<usize> {
        let edges = self.edges.iter();
        edges.filter_map(|&(a, b)| if a == node { Some(b) } else { (b == node).then_some(a) }).collect()
    }

    fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cut.contains(&(a.min(b), a.max(b)))
    }

    fn connect(&mut self, a: usize, b: usize) {
        self.post(a, b, Message::Connected);
        self.post(b, a, Message::Connected);
    }

    fn post(&mut self, from: usize, to: usize, message: Message) {
        let latency = 20 + super::duties::shuffle(self.seed, "latency", self.sequence, 60)[0];
        self.post_at(self.now + latency, from, to, message);
    }

    fn post_at(&mut self, at: Millis, from: usize, to: usize, message: Message) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), (from, to, message));
    }

    /// Runs to the beginning of a slot.
    pub(super) fn run_to_slot(&mut self, slot: Slot) {
        self.run_to(self.chain.slot_start(slot));
    }

    pub(super) fn run_to(&mut self, until: Millis) {
        loop {
            let message = self.queue.first_key_value().map(|(&(at, _), _)| at);
            let running = self.nodes.iter().enumerate().filter(|(_, node)| node.running);
            let (wakeup, node) = running.map(|(index, node)| (node.wakeup, index)).min().unwrap_or((until, 0));
            let next = message.unwrap_or(until).min(wakeup);
            if next >= until {
                self.now = until;
                return;
            }
            self.now = self.now.max(next);
            if message == Some(next) {
                if let Some((_, (from, to, message))) = self.queue.pop_first() {
                    self.deliver(from, to, message);
                }
            } else {
                self.nodes[node].core.on_time(self.now);
                self.drain(node);
            }
        }
    }

    fn deliver(&mut self, from: usize, to: usize, message: Message) {
        let local = matches!(message, Message::Gone);
        if !self.nodes[to].running || (self.is_cut(from, to) && !local) || (!self.nodes[from].running && !local) {
            return;
        }
        let (now, key) = (self.now, from as u64);
        let core = &mut self.nodes[to].core;
        match message {
            Message::Gone => {
                if self.cut.contains(&(from.min(to), from.max(to))) || !self.nodes[from].running {
                    self.nodes[to].core.on_peer_gone(now, key);
                }
            }
            Message::Connected => {
                core.on_peer(now, key);
                let status = core.status();
                if from > to {
                    self.post(to, from, Message::Status { status, wants_answer: true });
                }
            }
            Message::Status { status, wants_answer } => {
                core.on_status(now, key, status);
                let status = core.status();
                if wants_answer {
                    self.post(to, from, Message::Status { status, wants_answer: false });
                }
            }
            Message::Block(block) => {
                if self.first_time(to, block.message.root().as_slice()) {
                    let verdict = self.nodes[to].core.on_block(now, (*block).clone(), BlockSource::Gossip(key));
                    self.forward(to, from, verdict, &Message::Block(block));
                }
            }
            Message::Attestation(vote) => {
                if self.first_time(to, &ssz::Encode::as_ssz_bytes(&*vote)) {
                    let verdict = self.nodes[to].core.on_attestation(now, &vote, key);
                    self.forward(to, from, verdict, &Message::Attestation(vote));
                }
            }
            Message::RangeRequest { request, start, count } => {
                let roots = core.canonical_range(start, count);
                let blocks = roots.iter().filter_map(|root| self.nodes[to].disk.get(root).cloned()).collect();
                self.post(to, from, Message::Blocks { request, blocks });
            }
            Message::RootsRequest { request, roots } => {
                let blocks = roots.iter().filter_map(|root| self.nodes[to].disk.get(root).cloned()).collect();
                self.post(to, from, Message::Blocks { request, blocks });
            }
            Message::Blocks { request, blocks } => core.on_blocks(now, request, Some(blocks)),
        }
        self.drain(to);
    }

    fn first_time(&mut self, node: usize, id: &[u8]) -> bool {
        self.nodes[node].seen.insert(id.to_vec())
    }

    fn forward(&mut self, node: usize, from: usize, verdict: Verdict, message: &Message) {
        if verdict == Verdict::Accept {
            for other in self.neighbours(node).into_iter().filter(|other| *other != from) {
                self.post(node, other, message.clone());
            }
        }
    }

    fn drain(&mut self, node: usize) {
        for output in self.nodes[node].core.take_outputs() {
            self.carry_out(node, output);
        }
        self.nodes[node].wakeup = self.nodes[node].core.next_wakeup();
    }

    fn carry_out(&mut self, node: usize, output: Output) {
        let at = self.now;
        match output {
            Output::Duty(record) => self.nodes[node].duties.push(record),
            Output::Imported { root, block } => {
                self.news.trace.push(format!("{at} {node} imported {} {root}", block.message.slot));
                self.news.imported_at.entry((node, block.message.slot)).or_insert(at);
                self.nodes[node].disk_order.push(root);
                self.nodes[node].disk.insert(root, *block);
            }
            Output::PublishBlock(block) => {
                self.first_time(node, block.message.root().as_slice());
                self.forward(node, node, Verdict::Accept, &Message::Block(block));
            }
            Output::PublishAttestation(vote) => {
                let id = ssz::Encode::as_ssz_bytes(&*vote);
                self.first_time(node, &id);
                let committee = super::duties::EpochDuties::draw(&self.chain, vote.data.target.epoch);
                for place in vote.members() {
                    let member = committee.committee(vote.data.slot)[place];
                    self.news.votes.entry((member, vote.data.target.epoch)).or_default().insert(id.clone());
                }
                self.forward(node, node, Verdict::Accept, &Message::Attestation(vote));
            }
            Output::HeadChanged { head, reorg_depth, .. } => {
                self.news.trace.push(format!("{at} {node} head {} {} -{reorg_depth}", head.header.slot, head.root));
                if reorg_depth > 0 {
                    *self.news.reorgs.entry(node).or_default() += 1;
                    let deepest = self.news.deepest_reorg.entry(node).or_default();
                    *deepest = reorg_depth.max(*deepest);
                }
            }
            Output::Finalized { checkpoint, .. } => {
                self.news.trace.push(format!("{at} {node} final {} {}", checkpoint.epoch, checkpoint.root));
                if self.nodes[node].quirks.is_empty() {
                    self.news.finalized.entry(checkpoint.epoch).or_default().insert(checkpoint.root);
                }
            }
            Output::BlockRejected { root, slot, reason, .. } => {
                self.news.trace.push(format!("{at} {node} rejected {slot} {root} {reason}"));
                self.news.rejected.entry(node).or_default().push((slot, reason));
            }
            Output::Equivocation { .. } => self.news.equivocations += 1,
            Output::FinalityConflict { .. } => self.news.conflicts += 1,
            Output::RequestRange { request, peer, start, count } => {
                *self.news.requests.entry(node).or_default() += 1;
                self.post(node, peer as usize, Message::RangeRequest { request, start, count });
            }
            Output::RequestRoots { request, peer, roots } => {
                *self.news.requests.entry(node).or_default() += 1;
                self.post(node, peer as usize, Message::RootsRequest { request, roots });
            }
            Output::SendStatus { peer } => {
                let status = self.nodes[node].core.status();
                self.post(node, peer as usize, Message::Status { status, wants_answer: true });
            }
            Output::Goodbye { .. } => self.news.conflicts += 1,
        }
    }
}

fn make(chain: &ChainParameters, validators: &[u64], quirks: &[Quirk], index: usize) -> Core {
    let quirks = quirks.iter().copied().collect();
    Core::new(chain.clone(), validators.iter().copied(), quirks, &format!("node-{index}")).unwrap()
}
