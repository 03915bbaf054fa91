//! What entries of the timeline do to a made-up network, and what is written about it.

use serde_json::json;
use splitbrain::journal::{FaultPhase, NodePhase, What};

use super::super::facts::SECOND;
use super::World;

impl World {
    pub(super) fn begin(&mut self, window: usize, at: u64) {
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

    pub(super) fn end(&mut self, window: usize, at: u64) {
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
}
