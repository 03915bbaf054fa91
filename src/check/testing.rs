//! Journals from a few lines of text, for tests.
//!
//! ```text
//! nodes a b c:go-ethereum d:reference+--quirk+late      (name:client+argument+…)
//! known a eth_call /x/* because       (a declared difference of a node's client)
//! slots 4                                   (slots an epoch has: a beacon chain)
//! window split partition 10 20 a b          (name fault start end targets; end `-` is none; `split#1` is of family split)
//! block a1 genesis c                        (name parent producer-node; `a5@7` has height 7, else parent's + 1)
//! 0 a b head a1                             (seconds after the zero; nodes; what)
//! 10 begin split / 20.2 end split
//! 12 c lost / 14 c back / 12 c exit 1 / 12 c exit expected / 14 c started / 14 c ready / 14 c notready
//! 12 c stubborn 10 / 12 c oom 96 1
//! 15 a answers rpc_equal/0 {"x": 1} / 15 a refuses rpc_equal/0 method not found / 15 a silent rpc_equal/0
//! 15 a final 3 a1 / 15 a peers 2 / 15 a reorg 3 / 15 a reorg 3+ / 15 a log panic a line of text
//! 30 trouble text / 30 ended complete
//!
//! layer execution a b                       (which chain nodes show; `beacon` if it is not said)
//! nodes w.execution:geth w.consensus:prysm w.validator:prysm   (members of the participant `w`, with their layers)
//! inside b5 e5                              (block b5 holds the execution block e5)
//! roots e5 s5 r5 21000                      (state root, receipts root and gas used of e5)
//! 15 a round 12 3 Prevote / 15 a branch 7 b7 3 valid-fork / 15 a syncing true / 15 a called send-1 eth_call ok|fail
//! 10 begin split cannot cut / 14.5 a pollgap 3.2 / 14 stood 5 / 30 a count panic 120 / 30 a watched 120 0 0.3 / 31 torn a volume
//! 30 a logcut 5000                          (5,000 bytes of a's log are not in its file)
//! promises 1 / wipes crash / nopanic a      (what the journal promises; an entry that wipes; a client without patterns)
//! 12 a log own:refusal a line               (a mark of the manifest's own patterns)
//! 15 a tells e5 header {"header": {}}       (what a node said of a block) / 15 a untold e5 trace no such method
//! sends pay 0xaa                            (hash of the transaction that entry `pay` sends)
//! 15 a version Geth/v1.16.9 / 15 a replies mine generate ["0xab"]       (`mine` is a window of the fault `send`)
//! 15 links a>b:100:7 b>a:100:0              (packets delivered and cut since the run started)
//! ```
//! The zero lies 5 s after the run's start; nodes are started at −4 s and ready at −3 s unless `late` nodes are named.
//! A node that shows a head also shows all its ancestors that it has not shown before, as probes do.

#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "tests fail by panicking, and their texts are small"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Expectation, ExpectationResult, Outcome, That, Verdict, When, judge, label};
use crate::action::{ClientRef, NodeName};
use crate::journal::{
    BlockRecord, EdgeRecord, Event, FaultPhase, Journal, LinkCounterRecord, NodePhase, NodeRecord, RunRecord,
    SCHEMA_VERSION, What, WindowRecord,
};

/// The zero of the timeline, in microseconds since the run's start.
pub(crate) const ZERO: u64 = 5_000_000;

struct Block {
    height: u64,
    parent: String,
    producer: Option<String>,
    execution: Option<String>,
    roots: Vec<String>,
}

#[derive(Default)]
struct Builder {
    nodes: Vec<NodeRecord>,
    windows: Vec<WindowRecord>,
    blocks: BTreeMap<String, Block>,
    shown: BTreeSet<(String, String)>,
    events: Vec<(u64, What)>,
    late: BTreeSet<String>,
    slots: Option<u64>,
    begun: bool,
    no_zero: bool,
    promises: u32,
    lines: u64,
}

/// Microseconds since the run's start of a text such as `12.5`, seconds after the zero.
pub(crate) fn at(text: &str) -> u64 {
    let seconds: f64 = text.parse().unwrap_or_else(|_| panic!("{text} is no number of seconds"));
    (seconds * 1e6 + ZERO as f64).round() as u64
}

/// `a>b:100:7`: packets delivered and cut.
fn link_record(text: &str) -> LinkCounterRecord {
    let mut parts = text.split([':', '>']);
    let mut word = || parts.next().unwrap();
    let (from, to) = (NodeName::new(word()), NodeName::new(word()));
    let (packets, cut) = (word().parse().unwrap(), word().parse().unwrap());
    LinkCounterRecord { from, to, packets, bytes: packets * 100, cut, lost: 0, overflow: 0 }
}

/// The hash of a block's name: 32 bytes that begin with the name; of `zeros`, which is no block, only zeros.
pub(crate) fn hash(name: &str) -> String {
    if name == "zeros" {
        return format!("0x{}", "0".repeat(64));
    }
    let mut digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    digits.extend(std::iter::repeat_n('0', 64 - digits.len()));
    format!("0x{digits}")
}

/// A journal from its text; `expectations` are put into its first line.
pub(crate) fn journal(text: &str, expectations: &[Expectation]) -> Journal {
    let mut builder = Builder::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !words.is_empty() && !words[0].starts_with("//") {
            builder.line(&words);
        }
    }
    builder.begin();
    builder.finish(expectations)
}

impl Builder {
    fn line(&mut self, words: &[&str]) {
        match words {
            ["nodes", nodes @ ..] => nodes.iter().for_each(|node| self.node(node)),
            ["slots", slots] => self.slots = Some(slots.parse().unwrap()),
            ["late", nodes @ ..] => self.late.extend(nodes.iter().map(|node| (*node).to_owned())),
            ["nozero"] => self.no_zero = true,
            ["promises", promises] => self.promises = promises.parse().unwrap(),
            ["wipes", name] => {
                self.windows.iter_mut().find(|window| window.name.as_str() == *name).unwrap().wipes = true;
            }
            ["nopanic", name] => {
                let node = self.nodes.iter_mut().find(|node| node.name.as_str() == *name).unwrap();
                node.has_panic_patterns = Some(false);
            }
            ["known", name, method, pointer, reason @ ..] => {
                let node = self.nodes.iter_mut().find(|node| node.name.as_str() == *name).unwrap();
                node.known_differences.push(((*method).to_owned(), (*pointer).to_owned(), reason.join(" ")));
            }
            ["window", name, fault, start, end, targets @ ..] => self.windows.push(WindowRecord {
                name: (*name).into(),
                family: name.split('#').next().unwrap().to_owned(),
                fault: (*fault).to_owned(),
                summary: format!("{fault} {}", targets.join(" ")),
                start: at(start) - ZERO,
                end: (*end != "-").then(|| at(end) - ZERO),
                targets: targets.iter().map(|target| NodeName::new(*target)).collect(),
                wipes: false,
                transaction: None,
            }),
            ["layer", layer, nodes @ ..] => {
                for node in self.nodes.iter_mut().filter(|node| nodes.contains(&node.name.as_str())) {
                    (*layer).clone_into(&mut node.layer);
                }
            }
            ["inside", block, execution] => {
                self.blocks.get_mut(*block).unwrap().execution = Some((*execution).to_owned());
            }
            ["roots", block, roots @ ..] => {
                self.blocks.get_mut(*block).unwrap().roots = roots.iter().map(|root| (*root).to_owned()).collect();
            }
            ["sends", name, transaction] => {
                let window = self.windows.iter_mut().find(|window| window.name.as_str() == *name).unwrap();
                window.transaction = Some((*transaction).to_owned());
            }
            ["block", name, parent, producer @ ..] => self.block(name, parent, producer.first().copied()),
            [time, rest @ ..] => {
                self.begin();
                self.event(at(time), time, rest);
            }
            [] => {}
        }
    }

    fn node(&mut self, spec: &str) {
        let (name, client) = spec.split_once(':').unwrap_or((spec, "reference"));
        let mut parts = client.split('+');
        let client = ClientRef::from(parts.next().unwrap().to_owned());
        let index = self.nodes.len();
        self.nodes.push(NodeRecord {
            name: name.into(),
            client,
            group: name.split_once('-').map(|(group, _)| group.to_owned()),
            role: "validator".to_owned(),
            producer: true,
            addresses: vec![(
                "main".into(),
                std::net::Ipv4Addr::new(10, 77, (index / 250) as u8, (10 + index % 240) as u8),
            )],
            signs_as: vec![index.to_string()],
            extra_args: parts.map(str::to_owned).collect(),
            ready_within: 60_000_000,
            participant: name.split_once('.').map(|(participant, _)| participant.to_owned()),
            member: name.split_once('.').map(|(_, member)| member.to_owned()),
            layer: match name.split_once('.').map_or("", |(_, member)| member) {
                "execution" => "execution",
                "validator" => "process",
                _ => "beacon",
            }
            .to_owned(),
            known_differences: Vec::new(),
            has_panic_patterns: Some(true),
        });
    }

    fn block(&mut self, name: &str, parent: &str, producer: Option<&str>) {
        let parent_height = self.blocks.get(parent).map_or(0, |block| block.height);
        let (name, height) = match name.split_once('@') {
            Some((name, height)) => (name, height.parse().unwrap()),
            None => (name, parent_height + 1),
        };
        let producer = producer.map(|node| {
            let index = self.nodes.iter().position(|record| record.name.as_str() == node);
            index.map_or_else(|| node.to_owned(), |index| index.to_string())
        });
        self.blocks.insert(
            name.to_owned(),
            Block { height, parent: parent.to_owned(), producer, execution: None, roots: Vec::new() },
        );
    }

    fn begin(&mut self) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        for node in &self.nodes {
            if self.late.contains(node.name.as_str()) {
                continue;
            }
            let stages =
                [(500_000, NodePhase::Created), (1_000_000, NodePhase::Started), (2_000_000, NodePhase::Ready)];
            for (at, phase) in stages {
                self.events.push((at, What::Node { node: node.name.clone(), phase }));
            }
        }
        self.events.sort_by_key(|event| event.0);
        if !self.no_zero {
            self.events.push((ZERO, What::TimelineStarted));
        }
    }

    fn event(&mut self, at: u64, time: &str, words: &[&str]) {
        let phase = |word: &str| if word == "begin" { FaultPhase::Begin } else { FaultPhase::End };
        match words {
            [word @ ("begin" | "end"), name, error @ ..] => {
                let window = self.windows.iter().find(|window| window.name.as_str() == *name).unwrap();
                let planned = ZERO + if *word == "begin" { window.start } else { window.end.unwrap_or(window.start) };
                let error = (!error.is_empty()).then(|| error.join(" "));
                self.push(at, What::Fault { entry: (*name).into(), phase: phase(word), planned, applied: at, error });
            }
            ["ended", reason] => self.push(at, What::TimelineEnded { reason: (*reason).to_owned() }),
            ["trouble", text @ ..] => self.push(at, What::Trouble { message: text.join(" ") }),
            ["stood", seconds] => {
                let length = (seconds.parse::<f64>().unwrap() * 1e6) as u64;
                self.push(at, What::StoodStill { from: at - length, to: at, suspended: 0 });
            }
            ["torn", errors @ ..] => {
                let errors = if errors.is_empty() { vec![] } else { vec![errors.join(" ")] };
                self.push(at, What::TornDown { errors });
            }
            ["interrupted"] => self.push(at, What::Interrupted),
            ["pressure", over, cpu, memory] => {
                let part = |share: &str| (share.parse::<f64>().unwrap() * over.parse::<f64>().unwrap() * 1e6) as u64;
                let over = part("1");
                self.push(at, What::Pressure { over, cpu: part(cpu), memory: part(memory), io: over });
            }
            ["links", links @ ..] => {
                let links = links.iter().map(|link| link_record(link)).collect();
                self.push(at, What::Links { links });
            }
            _ => {
                let known = |word: &&&str| self.nodes.iter().any(|node| node.name.as_str() == **word);
                let nodes: Vec<String> = words.iter().take_while(known).map(|word| (*word).to_owned()).collect();
                assert!(!nodes.is_empty(), "no node in the line at {time}: {words:?}");
                for node in &nodes {
                    self.node_event(at, node, &words[nodes.len()..]);
                }
            }
        }
    }

    fn node_event(&mut self, at: u64, name: &str, words: &[&str]) {
        let node = NodeName::new(name);
        let what = match words {
            ["head", block] => {
                self.show(at, name, block);
                let known = &self.blocks[*block];
                let parent = (known.parent != "?").then(|| hash(&known.parent));
                What::Head { node, height: known.height, hash: hash(block), parent }
            }
            // A head whose block and ancestors nobody has described.
            ["bare", block, height] => {
                What::Head { node, height: height.parse().unwrap(), hash: hash(block), parent: None }
            }
            ["lost"] => What::ProbeLost { node, error: "connection refused".to_owned() },
            ["back"] => What::ProbeBack { node },
            ["exit", "expected"] => {
                What::Exit { node, code: None, signal: Some(9), expected: true, last_lines: vec![] }
            }
            ["exit", code, lines @ ..] => What::Exit {
                node,
                code: Some(code.parse().unwrap()),
                signal: None,
                expected: false,
                last_lines: if lines.is_empty() { vec![] } else { vec![lines.join(" ")] },
            },
            ["stubborn", seconds] => What::StopIgnored { node, waited: (seconds.parse::<f64>().unwrap() * 1e6) as u64 },
            ["oom", mebibytes, kills] => What::OutOfMemory {
                node,
                limit: Some(mebibytes.parse::<u64>().unwrap() << 20),
                kills: kills.parse().unwrap(),
            },
            ["started"] => What::Node { node, phase: NodePhase::Started },
            ["ready"] => What::Node { node, phase: NodePhase::Ready },
            ["notready"] => What::Node { node, phase: NodePhase::NotReady },
            ["final", height, block] => What::Finalized { node, height: height.parse().unwrap(), hash: hash(block) },
            ["justified", epoch, block] => What::Justified { node, height: epoch.parse().unwrap(), hash: hash(block) },
            ["round", height, round, step] => What::Round {
                node,
                height: height.parse().unwrap(),
                round: round.parse().unwrap(),
                step: (*step).to_owned(),
            },
            ["branch", height, block, length, status] => What::Branch {
                node,
                height: height.parse().unwrap(),
                hash: hash(block),
                length: length.parse().unwrap(),
                status: (*status).to_owned(),
            },
            ["syncing", syncing] => What::Syncing { node, syncing: *syncing == "true" },
            ["called", asked_by, method, answer] => What::Called {
                asked_by: (*asked_by).to_owned(),
                node,
                method: (*method).to_owned(),
                height: None,
                result: (*answer == "ok").then(|| serde_json::Value::from("0x1")),
                error: (*answer != "ok").then(|| "refused".to_owned()),
                refused: *answer != "ok",
            },
            ["peers", count] => What::Peers { node, count: count.parse().unwrap() },
            ["reorg", depth] => {
                let exact = !depth.ends_with('+');
                let depth = depth.trim_end_matches('+').parse().unwrap();
                What::Reorg { node, from: hash("old"), to: hash("new"), depth, blocks: exact.then_some(depth), exact }
            }
            ["log", pattern, line @ ..] => {
                self.lines += 1;
                let (pattern, manifest) = match pattern.strip_prefix("own:") {
                    Some(pattern) => (pattern.to_owned(), true),
                    None => ((*pattern).to_owned(), false),
                };
                What::LogMark { node, pattern, manifest, line: line.join(" "), number: 6 + self.lines }
            }
            ["count", pattern, lines] => {
                let (manifest, pattern) = (pattern.starts_with("own:"), pattern.trim_start_matches("own:").to_owned());
                What::LogCount { node, pattern, manifest, lines: lines.parse().unwrap() }
            }
            ["logcut", bytes] => What::LogCut { node, bytes: bytes.parse().unwrap(), limit: 1 << 30, error: None },
            ["pollgap", seconds] => {
                let length = (seconds.parse::<f64>().unwrap() * 1e6) as u64;
                What::PollGap { node, from: at - length, to: at }
            }
            ["watched", answered, failed, gap] => What::Watched {
                node,
                answered: answered.parse().unwrap(),
                failed: failed.parse().unwrap(),
                largest_gap: (gap.parse::<f64>().unwrap() * 1e6) as u64,
            },
            ["answers", key, json @ ..] => self.called(node, key, Some(json.join(" ")), None, false),
            ["refuses", key, text @ ..] => self.called(node, key, None, Some(text.join(" ")), true),
            ["tells", block, part, json @ ..] => What::Inspected {
                node,
                hash: hash(block),
                part: (*part).to_owned(),
                answer: Some(serde_json::from_str(&json.join(" ")).unwrap()),
                error: None,
            },
            ["untold", block, part, why @ ..] => What::Inspected {
                node,
                hash: hash(block),
                part: (*part).to_owned(),
                answer: None,
                error: Some(why.join(" ")),
            },
            // `a replies mine generate ["…"]`: what a node answered to a call of the timeline.
            ["replies", entry, method, json @ ..] => What::Called {
                asked_by: (*entry).to_owned(),
                node,
                method: (*method).to_owned(),
                height: None,
                result: Some(serde_json::from_str(&json.join(" ")).unwrap()),
                error: None,
                refused: false,
            },
            ["version", version @ ..] => What::Version { node, version: version.join(" ") },
            ["silent", key] => self.called(node, key, None, Some("timed out".to_owned()), false),
            _ => panic!("no such event: {words:?}"),
        };
        self.push(at, what);
    }

    #[expect(clippy::unused_self, reason = "one of the builder's events")]
    fn called(&self, node: NodeName, key: &str, result: Option<String>, error: Option<String>, refused: bool) -> What {
        let result = result.map(|text| serde_json::from_str(&text).unwrap());
        let (asked_by, method) = (key.to_owned(), "eth_getBlockByNumber".to_owned());
        What::Called { asked_by, node, method, height: Some(32), result, error, refused }
    }

    fn show(&mut self, at: u64, node: &str, block: &str) {
        let mut new = Vec::new();
        let mut here = block.to_owned();
        while let Some(known) = self.blocks.get(&here) {
            if !self.shown.insert((node.to_owned(), here.clone())) {
                break;
            }
            if known.parent == "?" {
                break;
            }
            new.push(BlockRecord {
                node: node.into(),
                height: known.height,
                hash: hash(&here),
                parent: hash(&known.parent),
                producer: known.producer.clone(),
                state_root: known.roots.first().map(|root| hash(root)),
                receipts_root: known.roots.get(1).map(|root| hash(root)),
                gas_used: known.roots.get(2).map(|gas| gas.parse().unwrap()),
                execution: known.execution.as_deref().map(hash),
            });
            here.clone_from(&known.parent);
        }
        for record in new.into_iter().rev() {
            self.push(at, What::Block(record));
        }
    }

    fn push(&mut self, at: u64, what: What) {
        let last = self.events.last().map_or(0, |event| event.0);
        assert!(at >= last, "events must be in order of time: {what:?}");
        self.events.push((at, what));
    }

    fn finish(self, expectations: &[Expectation]) -> Journal {
        let names: Vec<NodeName> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let edges = names.windows(2).map(|pair| EdgeRecord { from: pair[0].clone(), to: pair[1].clone() }).collect();
        let run = RunRecord {
            schema: SCHEMA_VERSION,
            tool: "0.1.0".to_owned(),
            run: "k3f9a1c2".to_owned(),
            scenario: "test".to_owned(),
            description: "A journal made for a test.".to_owned(),
            seed: 42,
            backend: "native".to_owned(),
            engine: "native".to_owned(),
            kernel: "6.1.0".to_owned(),
            started: "2026-11-22T21:40:00Z".to_owned(),
            nodes: self.nodes,
            edges,
            windows: self.windows,
            expectations: serde_json::to_value(expectations).unwrap(),
            block_time: Some(2_000_000),
            slots_per_epoch: self.slots,
            promises: self.promises,
        };
        let all = std::iter::once((0, What::Run(run.clone()))).chain(self.events);
        let events = all.enumerate().map(|(seq, (at, what))| read_back(&Event { seq: seq as u64, at, what })).collect();
        Journal { run, events, torn: false, damage: Vec::new() }
    }
}

/// An event as a journal on disk gives it back, which is what checks are given.
fn read_back(event: &Event) -> Event {
    serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap()
}

/// An expectation about all nodes (or those that are named).
pub(crate) fn expect(when: When, that: That, nodes: &[&str]) -> Expectation {
    let label = label(&when, &that, None);
    let nodes = nodes.iter().map(|node| NodeName::new(*node)).collect();
    Expectation { when, that, nodes, label, place: "scenarios/test.yaml:31".to_owned() }
}

/// Judges one expectation about all nodes of a journal.
pub(crate) fn judge_one(text: &str, when: When, that: That) -> ExpectationResult {
    judge_nodes(text, when, that, &[])
}

/// Judges one expectation about some nodes.
pub(crate) fn judge_nodes(text: &str, when: When, that: That, nodes: &[&str]) -> ExpectationResult {
    let verdict: Verdict = judge(&journal(text, &[expect(when, that, nodes)]));
    verdict.results.into_iter().next().unwrap()
}

/// Asserts an outcome; what was found is part of the message.
#[track_caller]
pub(crate) fn assert_outcome(result: &ExpectationResult, outcome: Outcome) {
    assert_eq!(result.outcome, outcome, "{}: {} {:#?}", result.label, result.summary, result.facts);
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn after(entry: &str, within: u64) -> When {
    When::After(entry.into(), secs(within))
}

pub(crate) fn during(entry: &str) -> When {
    When::During(entry.into())
}
