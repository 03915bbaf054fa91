//! Makes up runs: a small world of nodes that make blocks, part, die and come back, and the lines that a run of it would
//! have written. The same seed makes the same journal.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use splitbrain::journal::{
    BlockRecord, Event, FaultPhase, Journal, NodePhase, PROMISES, RunRecord, SCHEMA_VERSION, What,
};

use super::facts::SECOND;
use super::plan::{Plan, plan};
use super::random::Random;

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

    fn at(&mut self, at: u64, act: Act) {
        self.acts.push((at, act));
    }

    /// A little later than planned, as things are.
    fn soon(&mut self, at: u64) -> u64 {
        at + self.random.between(11, 4_999)
    }

    fn schedule(&mut self) {
        let (zero, length) = (self.plan.zero, self.plan.length);
        let finish = zero + length + 6_000;
        for node in 0..self.nodes.len() {
            let late = self.random.chance(6);
            let start = if late { zero + self.random.between(2, length / SECOND - 3) * SECOND } else { 300_000 };
            let start = start + self.random.between(0, 90_000);
            let takes = if self.random.chance(80) { 800_000 } else { 2 * SECOND };
            let ready = start + self.random.between(50_000, takes);
            self.at(start, Act::Start(node));
            if self.random.chance(98) {
                self.at(ready, Act::Ready(node));
            }
            let period = *self.random.pick(&[250_000, 500_000, 500_000]);
            let mut poll = start + self.random.between(1000, period);
            while poll < finish {
                self.at(poll, Act::Poll(node));
                poll += period + self.random.between(0, 2_000) - 1_000;
            }
            self.trouble(node, zero, finish);
        }
        self.at(zero, Act::Zero);
        for slot in 1..=length / self.plan.slot + 3 {
            let at = 2 * SECOND + slot * self.plan.slot + self.random.between(0, 40_000);
            self.at(at, Act::Slot(slot));
        }
        for window in 0..self.plan.windows.len() {
            let record = self.plan.windows[window].clone();
            let late = if self.random.chance(6) { self.random.between(3, 9) * SECOND } else { 0 };
            let begin = self.soon(zero + record.start) + late;
            self.at(begin, Act::Begin(window));
            if let Some(end) = record.end.filter(|_| record.fault != "send") {
                let shift = self.random.between(0, 4) * SECOND;
                let end = match self.random.between(0, 99) {
                    0..=2 => end + shift,
                    3..=4 => (end - shift.min(end - record.start)).max(record.start),
                    _ => end,
                };
                let end = self.soon(zero + end).max(begin + 1);
                if self.random.chance(97) {
                    self.at(end, Act::End(window));
                }
            }
        }
        if self.random.chance(6) {
            let at = zero + self.random.between(1, length / SECOND) * SECOND;
            let lasts = self.random.between(800_000, 7 * SECOND);
            self.at(at, Act::StandStill(at + lasts));
        }
        self.questions();
        self.at(finish, Act::Finish);
        self.stand_still();
        self.acts.sort_by_key(|(at, _)| *at);
    }

    /// What the tool does or sees waits until it moves again; nodes go on by themselves.
    fn stand_still(&mut self) {
        let still = self.acts.iter().find_map(|(at, act)| match act {
            Act::StandStill(until) => Some((*at, *until)),
            _ => None,
        });
        let Some((from, until)) = still else { return };
        for (at, act) in &mut self.acts {
            if *at > from && *at <= until && !matches!(act, Act::Slot(_) | Act::Poll(_) | Act::Log(..)) {
                *at = until + 100 + (*at - from) / 1_000;
            }
        }
    }

    /// What else befalls one node.
    fn trouble(&mut self, node: usize, zero: u64, finish: u64) {
        let instant = |random: &mut Random| random.between(zero / 2, finish);
        if self.random.chance(8) {
            let at = instant(&mut self.random);
            self.at(at, Act::Crash(node));
        }
        if self.random.chance(7) {
            let (at, lasts) = (instant(&mut self.random), self.random.between(300_000, 8 * SECOND));
            self.at(at, Act::Hide(node, at + lasts));
        }
        if self.random.chance(3) {
            let (mut at, hidden) = (instant(&mut self.random), self.random.between(SECOND, 3 * SECOND));
            let seen = self.random.between(SECOND / 2, 3 * SECOND);
            for _ in 0..self.random.between(2, 4) {
                self.at(at, Act::Hide(node, at + hidden));
                at += hidden + seen;
            }
        }
        if self.random.chance(6) {
            let (at, lasts) = (instant(&mut self.random), self.random.between(SECOND, 6 * SECOND));
            self.at(at, Act::Skip(node, at + lasts));
        }
        for _ in 0..self.random.between(0, 3) {
            if self.random.chance(25) {
                let (at, lines) =
                    (instant(&mut self.random), if self.random.chance(80) { 1 } else { self.random.between(2, 9) });
                self.at(at, Act::Log(node, lines));
            }
        }
    }

    /// Rounds of calls, where somebody asks for them.
    fn questions(&mut self) {
        let (zero, length) = (self.plan.zero, self.plan.length);
        for index in 0..self.plan.expectations.len() {
            let expectation = self.plan.expectations[index].clone();
            if expectation["that"]["rpc_equal"].is_null() {
                continue;
            }
            let mut spans: Vec<(u64, u64)> = Vec::new();
            let when = &expectation["when"];
            let micros = |value: &Value| super::judge::micros(value);
            let family = |name: &Value| {
                let named = self.plan.windows.iter().filter(|window| *name == window.family.as_str());
                named.map(|window| (window.start, window.end.unwrap_or(length))).collect::<Vec<_>>()
            };
            match when.as_str() {
                Some("at_end") => spans.push((length - 400_000, length - 400_000)),
                Some(_) => spans.push((0, length)),
                None if when["at"].is_object() => spans.push((micros(&when["at"]), micros(&when["at"]))),
                None if when["within"].is_object() => spans.push((0, micros(&when["within"]))),
                None if when["during"].is_string() => spans.extend(family(&when["during"])),
                None => {
                    let ends = family(&when["after"][0]).into_iter();
                    spans.extend(ends.map(|(_, end)| (end, end + micros(&when["after"][1]))));
                }
            }
            for (from, to) in spans {
                let mut at = from;
                while at <= to && at < length {
                    let asked = zero + at + self.random.between(5_000, 300_000);
                    self.at(asked, Act::Round(index));
                    at += 4 * SECOND;
                }
            }
        }
        self.at(zero + length - 1, Act::Count);
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

    fn begin(&mut self, window: usize, at: u64) {
        let record = self.plan.windows[window].clone();
        let error = self.random.chance(6).then(|| "it could not be done".to_owned());
        if record.fault == "send" {
            return self.send(window, at);
        }
        let fault = |applied: u64, phase: FaultPhase, error: Option<String>, planned: u64| What::Fault {
            entry: record.name.clone(),
            phase,
            planned,
            applied,
            error,
        };
        let zero = self.plan.zero;
        let at_once = record.end == Some(record.start);
        if error.is_some() {
            self.failed.insert(window);
            self.lines.push((at + 30, fault(at, FaultPhase::Begin, error, zero + record.start)));
            return;
        }
        self.in_force.insert(window);
        let targets: Vec<usize> =
            (0..self.nodes.len()).filter(|&node| record.targets.contains(&self.plan.nodes[node].name)).collect();
        let mut from = at;
        for &node in &targets {
            match record.fault.as_str() {
                "pause" => self.nodes[node].paused = true,
                "kill" | "stop" | "restart" => {
                    if self.nodes[node].running {
                        self.exit(node, from, true);
                        from += 40;
                    }
                }
                _ if self.nodes[node].camp == 90 => {}
                "partition" => self.nodes[node].camp = 1 + window as u64,
                "isolate" | "disconnect" => self.nodes[node].camp = 100 + (window * 10 + node) as u64,
                _ => {}
            }
        }
        let applied = from + 20;
        if at_once {
            // As the engine writes it: both when all are done.
            self.in_force.remove(&window);
            self.lines.push((applied + 10, fault(applied, FaultPhase::End, None, zero + record.start)));
            self.lines.push((applied + 10, fault(applied, FaultPhase::Begin, None, zero + record.start)));
            self.start_again(&targets, applied + 20, record.wipes);
        } else {
            self.lines.push((applied + 10, fault(applied, FaultPhase::Begin, None, zero + record.start)));
        }
    }

    fn start_again(&mut self, targets: &[usize], at: u64, wipes: bool) {
        for &node in targets {
            if self.random.chance(6) {
                continue;
            }
            let at = at + self.random.between(1, 60) + if self.random.chance(10) { SECOND } else { 0 };
            self.nodes[node].running = true;
            self.nodes[node].restarted = true;
            self.nodes[node].hidden =
                at + self.random.between(0, 200_000) + if self.random.chance(15) { 7 * SECOND } else { 0 };
            if wipes {
                self.nodes[node].tip = self.nodes[node].genesis;
                self.nodes[node].syncing = true;
            }
            self.phase(node, NodePhase::Started, at);
            self.phase(node, NodePhase::Ready, at + 3_000);
        }
    }

    fn end(&mut self, window: usize, at: u64) {
        let record = self.plan.windows[window].clone();
        if record.end == Some(record.start) || self.failed.contains(&window) && self.random.chance(70) {
            return;
        }
        let error = self.random.chance(3).then(|| "it could not be undone".to_owned());
        let healed = error.is_none();
        let planned = self.plan.zero + record.end.unwrap_or(0);
        let what = What::Fault { entry: record.name.clone(), phase: FaultPhase::End, planned, applied: at, error };
        self.lines.push((at + 10, what));
        if !self.in_force.remove(&window) || !healed {
            return;
        }
        let targets: Vec<usize> =
            (0..self.nodes.len()).filter(|&node| record.targets.contains(&self.plan.nodes[node].name)).collect();
        match record.fault.as_str() {
            "pause" => targets.iter().for_each(|&node| self.nodes[node].paused = false),
            "kill" | "stop" | "restart" => self.start_again(&targets, at + 20, record.wipes),
            _ => {
                for node in targets {
                    if !self.stubborn && self.nodes[node].camp != 90 {
                        self.nodes[node].camp = 0;
                    }
                }
            }
        }
    }

    fn send(&mut self, window: usize, at: u64) {
        let record = self.plan.windows[window].clone();
        let mut error = None;
        let nothing = self.random.chance(20);
        for node in 0..self.nodes.len() {
            if !record.targets.contains(&self.plan.nodes[node].name) {
                continue;
            }
            let answers = self.nodes[node].running && !self.nodes[node].paused && !nothing;
            let value = json!(*self.random.pick(&["0x1", "0x1", "0x1", "0x2"]));
            let refused = answers && self.random.chance(25);
            let result = (answers && !refused).then_some(value);
            let why = result.is_none().then(|| if refused { "no" } else { "no answer" }.to_owned());
            error = error.or(why.clone());
            let at = at + 2_000 + node as u64;
            let asked_by = record.name.to_string();
            let (node, method) = (self.name(node), "eth_send".to_owned());
            self.lines.push((at, What::Called { asked_by, node, method, height: None, result, error: why, refused }));
        }
        if self.random.chance(95) {
            let (entry, planned) = (record.name, self.plan.zero + record.start);
            let phases = [(FaultPhase::Begin, error), (FaultPhase::End, None)];
            for (phase, error) in phases {
                self.lines.push((at + 3_000, What::Fault { entry: entry.clone(), phase, planned, applied: at, error }));
            }
        }
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

impl World {
    /// Asks a node, and writes what is new.
    fn poll(&mut self, index: usize, at: u64) {
        let name = self.name(index);
        let promised = self.plan.promises > 0;
        let node = &mut self.nodes[index];
        if node.skipped > at {
            return;
        }
        if !node.running || node.paused || node.hidden > at {
            if !node.lost && node.answered.is_some() {
                node.lost = true;
                self.lines.push((at, What::ProbeLost { node: name, error: "no answer".to_owned() }));
            }
            return;
        }
        let gap = node.answered.filter(|&last| !node.lost && !node.restarted && at - last > SECOND);
        let back = node.lost || node.answered.is_none();
        let again = promised && (back || node.restarted || gap.is_some());
        if let Some(from) = gap.filter(|_| promised) {
            self.lines.push((at, What::PollGap { node: name.clone(), from, to: at }));
        }
        if back {
            self.lines.push((at, What::ProbeBack { node: name.clone() }));
        }
        let node = &mut self.nodes[index];
        (node.lost, node.restarted, node.answered) = (false, false, Some(at));
        if again || back {
            node.head = None;
        }
        if again {
            (node.peers, node.finalized, node.justified) = (None, None, None);
        }
        self.tell_head(index, at);
        self.tell_rest(index, at);
    }

    fn hash(block: usize) -> String {
        format!("0x{:04x}{}", 0xa000 + block, "0".repeat(8))
    }

    fn tell_head(&mut self, index: usize, at: u64) {
        let name = self.name(index);
        let tip = self.nodes[index].tip;
        if self.nodes[index].head == Some(tip) || self.random.chance(1) {
            return;
        }
        let shows_parents = self.layer(index) != "http_json";
        let mut new = Vec::new();
        let mut below = Some(tip);
        while let Some(block) = below.filter(|block| !self.nodes[index].shown.contains(block)) {
            new.push(block);
            below = self.blocks[block].parent;
        }
        for &block in new.iter().rev().filter(|_| shows_parents) {
            if self.holes && block != tip && self.random.chance(30) {
                break;
            }
            self.nodes[index].shown.insert(block);
            let parent = self.blocks[block].parent.map_or_else(|| format!("0x{}", "0".repeat(12)), Self::hash);
            let record = BlockRecord {
                node: name.clone(),
                height: self.blocks[block].height,
                hash: Self::hash(block),
                parent,
                producer: None,
                state_root: None,
                receipts_root: None,
                gas_used: None,
                execution: None,
            };
            self.lines.push((at, What::Block(record)));
        }
        if let Some(old) = self.nodes[index].old_head.filter(|_| shows_parents) {
            self.tell_reorg(index, old, tip, at);
        }
        let parent = self.blocks[tip].parent.filter(|_| shows_parents && !self.holes).map(Self::hash);
        self.lines
            .push((at, What::Head { node: name, height: self.blocks[tip].height, hash: Self::hash(tip), parent }));
        let node = &mut self.nodes[index];
        (node.head, node.old_head) = (Some(tip), Some(tip));
    }

    fn line_of(&self, block: usize) -> Vec<usize> {
        let mut line = vec![block];
        while let Some(parent) = self.blocks[line[line.len() - 1]].parent {
            line.push(parent);
        }
        line
    }

    fn tell_reorg(&mut self, index: usize, old: usize, new: usize, at: u64) {
        let (left, right) = (self.line_of(old), self.line_of(new));
        if right.contains(&old) || left.contains(&new) {
            return;
        }
        let Some(common) = left.iter().position(|block| right.contains(block)) else { return };
        let exact = !self.random.chance(6);
        let what = What::Reorg {
            node: self.name(index),
            from: Self::hash(old),
            to: Self::hash(new),
            depth: self.blocks[old].height - self.blocks[left[common]].height,
            blocks: exact.then_some(common as u64),
            exact,
        };
        self.lines.push((at, what));
    }

    fn tell_rest(&mut self, index: usize, at: u64) {
        let name = self.name(index);
        let camp = self.nodes[index].camp;
        let others = self.nodes.iter().filter(|node| node.camp == camp && node.running).count() as u64;
        let peers = self.nodes[index].lies.unwrap_or_else(|| others.saturating_sub(1));
        if self.nodes[index].peers != Some(peers) {
            self.nodes[index].peers = Some(peers);
            self.lines.push((at, What::Peers { node: name.clone(), count: peers }));
        }
        let beacon = self.layer(index) == "beacon";
        let most = self.nodes.iter().filter(|node| node.camp == camp).count() * 3 > self.nodes.len() * 2;
        let Some(head) = self.nodes[index].head else { return };
        if !most && !self.final_everywhere && self.nodes[index].finalized.is_some() {
            return;
        }
        let slots = if beacon { self.plan.slots_per_epoch.unwrap_or(1) } else { 1 };
        let epoch = self.blocks[head].height / slots;
        let behind = if beacon { 1 } else { 2 };
        let (justified, finalized) =
            if self.never_final { (0, 0) } else { (epoch.saturating_sub(behind), epoch.saturating_sub(2 * behind)) };
        if beacon && self.nodes[index].justified.is_none_or(|told| told < justified) {
            self.nodes[index].justified = Some(justified);
            let hash = self.checkpoint(head, justified * slots);
            self.lines.push((at, What::Justified { node: name.clone(), height: justified, hash }));
        }
        let silent = !beacon && finalized == 0;
        if !silent && self.nodes[index].finalized.is_none_or(|told| told < finalized) {
            self.nodes[index].finalized = Some(finalized);
            let hash = self.checkpoint(head, finalized * slots);
            self.lines.push((at, What::Finalized { node: name, height: finalized, hash }));
        }
    }

    /// The block of a chain at a height or the last one below it; genesis has a hash of zeros in some runs.
    fn checkpoint(&self, head: usize, height: u64) -> String {
        let line = self.line_of(head);
        let block = *line.iter().find(|&&block| self.blocks[block].height <= height).unwrap_or(&head);
        if height == 0 && self.final_everywhere { format!("0x{}", "0".repeat(12)) } else { Self::hash(block) }
    }

    fn journal(mut self, seed: u64) -> Journal {
        self.lines.sort_by_key(|(at, _)| *at);
        let run = RunRecord {
            schema: SCHEMA_VERSION,
            tool: "made-up".to_owned(),
            run: format!("made-up-{seed}"),
            scenario: "made-up".to_owned(),
            description: String::new(),
            seed,
            backend: "native".to_owned(),
            engine: String::new(),
            kernel: String::new(),
            started: "2026-01-01T00:00:00Z".to_owned(),
            nodes: self.plan.nodes.clone(),
            edges: Vec::new(),
            windows: self.plan.windows.clone(),
            expectations: Value::Array(self.plan.expectations.clone()),
            block_time: self.random.chance(80).then_some(self.plan.slot),
            slots_per_epoch: self.plan.slots_per_epoch,
            promises: self.plan.promises.min(PROMISES),
        };
        let mut lines: Vec<(u64, What)> = vec![(0, What::Run(run.clone()))];
        lines.append(&mut self.lines);
        self.break_off(&mut lines);
        let events = lines.into_iter().enumerate();
        let mut events: Vec<Event> = events.map(|(seq, (at, what))| Event { seq: seq as u64, at, what }).collect();
        let mut damage = Vec::new();
        if self.random.chance(2) {
            let lost = self.random.between(1, events.len() as u64 - 1) as usize;
            if events[lost].what != What::TimelineStarted {
                events.remove(lost);
                damage.push("a line is missing".to_owned());
            }
        }
        Journal { run, events, torn: false, damage }
    }

    /// Some runs end before their time.
    fn break_off(&mut self, lines: &mut Vec<(u64, What)>) {
        let zero = lines.iter().position(|(_, what)| *what == What::TimelineStarted).unwrap_or(0);
        let kind = self.random.between(0, 99);
        if kind >= 10 {
            return;
        }
        let at = self.random.between(zero as u64 + 5, lines.len() as u64) as usize;
        lines.truncate(at);
        let last = lines.last().map_or(0, |(at, _)| *at);
        // The rest was torn down, or nothing more was written.
        if kind >= 3 {
            lines.push((last + 50, What::Interrupted));
            lines.push((last + 60, What::TimelineEnded { reason: "interrupted".to_owned() }));
            lines.push((last + SECOND, What::TornDown { errors: Vec::new() }));
        }
    }
}
