//! Makes up runs: a small world of nodes that make blocks, part, die and come back, and the lines that a run of it would
//! have written. The same seed makes the same journal.

use std::collections::BTreeSet;

use serde_json::json;
use splitbrain::journal::{Journal, NodePhase, What};

use super::facts::SECOND;
use super::plan::{Plan, plan};
use super::random::Random;

mod faults;
mod schedule;
mod telling;

/// A block of the made-up chains. The first ones are the geneses.
#[derive(Clone, Debug)]
struct Made {
    height: u64,
    parent: Option<usize>,
}

/// What goes on in the world, in the order of its time.
#[derive(Clone, Debug)]
enum Act {
    Start(usize),
    Ready(usize),
    Zero,
    Slot(u64),
    Poll(usize),
    Begin(usize),
    End(usize),
    Crash(usize),
    Hide(usize, u64),
    Skip(usize, u64),
    StandStill(u64),
    Log(usize, u64),
    Round(usize),
    Count,
    Finish,
}

/// A node of the world, and what its probe has told of it.
#[derive(Clone, Debug, Default)]
struct Node {
    running: bool,
    paused: bool,
    /// Its API does not answer until then.
    hidden: u64,
    /// It is not asked until then.
    skipped: u64,
    tip: usize,
    genesis: usize,
    camp: u64,
    syncing: bool,
    lies: Option<u64>,
    shown: BTreeSet<usize>,
    answered: Option<u64>,
    lost: bool,
    head: Option<usize>,
    /// The last head, however long ago.
    old_head: Option<usize>,
    peers: Option<u64>,
    finalized: Option<u64>,
    justified: Option<u64>,
    restarted: bool,
    log_lines: u64,
    matched: [u64; 2],
}

struct World {
    random: Random,
    plan: Plan,
    nodes: Vec<Node>,
    blocks: Vec<Made>,
    acts: Vec<(u64, Act)>,
    lines: Vec<(u64, What)>,
    in_force: BTreeSet<usize>,
    failed: BTreeSet<usize>,
    /// After a split, nodes go on on their own chains.
    stubborn: bool,
    minority_halts: bool,
    halts_at: u64,
    holes: bool,
    final_everywhere: bool,
    /// Nothing becomes final but genesis.
    never_final: bool,
    /// Clients never answer alike.
    quarrel: bool,
    /// Slots that were over before the run.
    first_slot: u64,
    still: Option<u64>,
}

/// A made-up journal.
pub(crate) fn generate(seed: u64) -> Journal {
    let mut random = Random::new(seed);
    let plan = plan(&mut random);
    let mut world = World::new(random, plan);
    world.schedule();
    world.run();
    world.journal(seed)
}

impl World {
    fn new(mut random: Random, plan: Plan) -> Self {
        let mut blocks = vec![Made { height: 0, parent: None }, Made { height: 0, parent: None }];
        let odd_genesis = random.chance(6);
        if odd_genesis {
            blocks.extend([Made { height: 0, parent: None }, Made { height: 0, parent: None }]);
        }
        // Some chains are older than the run.
        let mut oldest: Vec<usize> = (0..blocks.len()).collect();
        for _ in 0..if random.chance(40) { random.between(2, 6) } else { 0 } {
            for tip in &mut oldest {
                blocks.push(Made { height: blocks[*tip].height + 1, parent: Some(*tip) });
                *tip = blocks.len() - 1;
            }
        }
        let layer_of = |index: usize| usize::from(plan.nodes[index].layer != plan.nodes[0].layer);
        let nodes = (0..plan.nodes.len()).map(|index| {
            let odd = odd_genesis && index >= 2 && random.chance(50);
            let genesis = layer_of(index) + if odd { 2 } else { 0 };
            Node {
                tip: oldest[genesis],
                genesis,
                camp: if odd { 90 } else { 0 },
                lies: random.chance(8).then(|| random.between(0, 6)),
                ..Node::default()
            }
        });
        let nodes: Vec<Node> = nodes.collect();
        Self {
            stubborn: random.chance(30),
            minority_halts: random.chance(40),
            halts_at: match random.between(0, 9) {
                0 => 0,
                1 => random.between(4, 20) * SECOND,
                _ => u64::MAX,
            },
            holes: random.chance(12),
            final_everywhere: random.chance(40),
            never_final: random.chance(12),
            quarrel: random.chance(15),
            first_slot: blocks.iter().map(|block| block.height).max().unwrap_or(0),
            nodes,
            blocks,
            acts: Vec::new(),
            lines: Vec::new(),
            in_force: BTreeSet::new(),
            failed: BTreeSet::new(),
            still: None,
            random,
            plan,
        }
    }

    fn run(&mut self) {
        for (at, act) in std::mem::take(&mut self.acts) {
            let still = self.still.filter(|&until| at < until);
            match act {
                Act::Slot(slot) => self.slot(slot, at),
                // The tool stands still: it asks nobody and does nothing.
                Act::Poll(_) | Act::Round(_) | Act::Log(..) if still.is_some() => {}
                act => self.act(at, act),
            }
        }
    }

    fn act(&mut self, at: u64, act: Act) {
        match act {
            Act::Start(node) => {
                self.nodes[node].running = true;
                self.phase(node, NodePhase::Started, at);
            }
            Act::Ready(node) => self.phase(node, NodePhase::Ready, at),
            Act::Zero => self.lines.push((at, What::TimelineStarted)),
            Act::Poll(node) => self.poll(node, at),
            Act::Begin(window) => self.begin(window, at),
            Act::End(window) => self.end(window, at),
            Act::Crash(node) if self.nodes[node].running => self.exit(node, at, false),
            Act::Hide(node, until) => self.nodes[node].hidden = until,
            Act::Skip(node, until) => self.nodes[node].skipped = until,
            Act::StandStill(until) => {
                self.still = Some(until);
                self.lines.push((until, What::StoodStill { from: at, to: until, suspended: 0 }));
            }
            Act::Log(node, lines) if self.nodes[node].running => self.log(node, lines, at),
            Act::Round(index) => self.round(index, at),
            Act::Count => self.count(at),
            Act::Finish => self.finish(at),
            _ => {}
        }
    }

    fn name(&self, node: usize) -> splitbrain::action::NodeName {
        self.plan.nodes[node].name.clone()
    }

    fn phase(&mut self, node: usize, phase: NodePhase, at: u64) {
        let node = self.name(node);
        self.lines.push((at, What::Node { node, phase }));
    }

    fn exit(&mut self, node: usize, at: u64, expected: bool) {
        self.nodes[node].running = false;
        self.nodes[node].paused = false;
        let name = self.name(node);
        self.lines.push((at, What::Exit { node: name, code: None, signal: Some(9), expected, last_lines: Vec::new() }));
        if self.random.chance(4) {
            // An answer that was on its way.
            let node = self.name(node);
            self.lines.push((at + 300, What::Peers { node, count: 9 }));
        }
    }

    fn layer(&self, node: usize) -> &str {
        &self.plan.nodes[node].layer
    }

    fn higher(&self, one: usize, other: usize) -> usize {
        if self.blocks[other].height > self.blocks[one].height { other } else { one }
    }

    /// In each camp of each layer, a block, and who takes it.
    fn slot(&mut self, slot: u64, at: u64) {
        if at > self.halts_at {
            return;
        }
        let mut groups: BTreeSet<(usize, u64)> = BTreeSet::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if node.running && !node.paused {
                groups.insert((usize::from(self.layer(index) != self.layer(0)), node.camp));
            }
        }
        for (layer, camp) in groups {
            let members: Vec<usize> = (0..self.nodes.len())
                .filter(|&node| usize::from(self.layer(node) != self.layer(0)) == layer)
                .filter(|&node| self.nodes[node].camp == camp && self.nodes[node].running && !self.nodes[node].paused)
                .collect();
            let best = members
                .iter()
                .fold(self.nodes[members[0]].genesis, |best, &node| self.higher(best, self.nodes[node].tip));
            let all = self.nodes.iter().filter(|node| node.camp == camp).count();
            if self.random.chance(12) || self.minority_halts && all * 2 <= self.nodes.len() && camp != 90 {
                continue;
            }
            let beacon = self.layer(members[0]) == "beacon";
            let height = if beacon { self.first_slot + slot } else { self.blocks[best].height + 1 };
            let new = self.make(height, best);
            let rival = self.random.chance(7).then(|| self.make(height, best));
            for node in members {
                if self.nodes[node].syncing && self.random.chance(40) || self.random.chance(6) {
                    continue;
                }
                self.nodes[node].syncing = false;
                self.nodes[node].tip = rival.filter(|_| self.random.chance(40)).unwrap_or(new);
            }
        }
    }

    fn make(&mut self, height: u64, parent: usize) -> usize {
        self.blocks.push(Made { height, parent: Some(parent) });
        self.blocks.len() - 1
    }

    fn log(&mut self, node: usize, lines: u64, at: u64) {
        let panic = self.random.chance(50);
        let patterns = self.plan.nodes[node].has_panic_patterns != Some(false);
        if panic && !patterns {
            return;
        }
        let name = self.name(node);
        let promised = self.plan.promises > 0;
        for line in 0..lines {
            let this = &mut self.nodes[node];
            this.log_lines += 1;
            this.matched[usize::from(panic)] += 1;
            if this.matched[usize::from(panic)] > 3 && promised {
                continue;
            }
            let pattern = if panic { "panic" } else { "ERROR" }.to_owned();
            let manifest = panic && promised;
            let number = this.log_lines;
            let mark =
                What::LogMark { node: name.clone(), pattern, manifest, line: "ERROR or panic".to_owned(), number };
            self.lines.push((at + line, mark.clone()));
            if panic && self.random.chance(20) {
                // The same line, by another of the manifest's patterns.
                self.lines.push((at + line, mark));
            }
        }
        if self.nodes[node].matched[usize::from(panic)] > 3 && promised {
            self.count_one(node, usize::from(panic), at + SECOND / 2);
        }
    }

    fn count_one(&mut self, node: usize, which: usize, at: u64) {
        let (pattern, manifest) = if which == 1 { ("panic", true) } else { ("ERROR", false) };
        let lines = self.nodes[node].matched[which];
        let node = self.name(node);
        self.lines.push((at, What::LogCount { node, pattern: pattern.to_owned(), manifest, lines }));
    }

    fn count(&mut self, at: u64) {
        if self.plan.promises == 0 {
            return;
        }
        for node in 0..self.nodes.len() {
            for which in 0..2 {
                if which == 0 || self.plan.nodes[node].has_panic_patterns != Some(false) {
                    self.count_one(node, which, at);
                }
            }
        }
    }

    fn round(&mut self, index: usize, at: u64) {
        let that = self.plan.expectations[index]["that"]["rpc_equal"].clone();
        let asked = self.plan.expectations[index]["nodes"].clone();
        let about = that["params"].as_array().is_some_and(|params| !params.is_empty());
        let nodes: Vec<usize> = (0..self.nodes.len())
            .filter(|&node| {
                asked.as_array().into_iter().flatten().any(|name| *name == self.plan.nodes[node].name.as_str())
            })
            .collect();
        let heads = nodes.iter().filter_map(|&node| self.nodes[node].head).map(|head| self.blocks[head].height);
        let height = heads.min().filter(|_| about).map(|lowest| lowest.saturating_sub(1));
        let strange = self.quarrel || self.random.chance(10);
        let all_refuse = self.random.chance(5);
        for (position, node) in nodes.into_iter().enumerate() {
            let this = &self.nodes[node];
            let answers = this.running && !this.paused && this.hidden <= at && self.random.chance(98);
            let refused = answers && (all_refuse || self.random.chance(3));
            let value = if strange && (position == 0 || self.random.chance(20)) { 2 } else { 1 };
            let noise = self.random.between(0, 9);
            let result = (answers && !refused).then(|| json!({"v": value, "x": noise}));
            let error = result.is_none().then(|| "none".to_owned());
            let asked_by = that["asked_by"].as_str().unwrap_or_default().to_owned();
            let (node, method) = (self.name(node), "eth_getSomething".to_owned());
            self.lines.push((at, What::Called { asked_by, node, method, height, result, error, refused }));
        }
    }

    fn finish(&mut self, at: u64) {
        let reason = match self.random.between(0, 99) {
            0..=2 => "timeout",
            3..=5 => "trouble",
            _ => "complete",
        };
        self.lines.push((at, What::TimelineEnded { reason: reason.to_owned() }));
        let errors = if self.random.chance(2) { vec!["a network was left".to_owned()] } else { Vec::new() };
        self.lines.push((at + SECOND / 3, What::TornDown { errors }));
    }
}
