//! What the probes of a made-up network tell, and the journal of it all.

use serde_json::Value;
use splitbrain::journal::{BlockRecord, Event, Journal, PROMISES, RunRecord, SCHEMA_VERSION, What};

use super::super::facts::SECOND;
use super::World;

impl World {
    /// Asks a node, and writes what is new.
    pub(super) fn poll(&mut self, index: usize, at: u64) {
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

    pub(super) fn journal(mut self, seed: u64) -> Journal {
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
