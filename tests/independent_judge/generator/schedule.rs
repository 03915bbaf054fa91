//! When everything happens in a made-up run.

use serde_json::Value;

use super::super::facts::SECOND;
use super::super::judge::micros;
use super::super::random::Random;
use super::{Act, World};

impl World {
    fn at(&mut self, at: u64, act: Act) {
        self.acts.push((at, act));
    }

    /// A little later than planned, as things are.
    fn soon(&mut self, at: u64) -> u64 {
        at + self.random.between(11, 4_999)
    }

    pub(super) fn schedule(&mut self) {
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
}
