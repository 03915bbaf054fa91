//! The plan of a made-up run: nodes, entries of the timeline and what is expected.

use serde_json::{Value, json};
use splitbrain::action::{ClientRef, NodeName};
use splitbrain::journal::{NodeRecord, WindowRecord};

use super::facts::SECOND;
use super::random::Random;

/// What is planned, and which troubles this run has.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) nodes: Vec<NodeRecord>,
    pub(crate) windows: Vec<WindowRecord>,
    pub(crate) expectations: Vec<Value>,
    /// Microseconds after the zero.
    pub(crate) length: u64,
    pub(crate) slot: u64,
    pub(crate) slots_per_epoch: Option<u64>,
    pub(crate) promises: u32,
    pub(crate) zero: u64,
}

/// Only in tests: serde's form of a duration.
pub(crate) fn duration(micros: u64) -> Value {
    json!({"secs": micros / SECOND, "nanos": micros % SECOND * 1000})
}

/// Times that are easy to read, with half seconds.
fn seconds(random: &mut Random, from: u64, to: u64) -> u64 {
    random.between(from * 2, to * 2) * SECOND / 2
}

pub(crate) fn plan(random: &mut Random) -> Plan {
    let promises = u32::from(random.chance(80));
    let nodes = nodes(random, promises);
    let length = seconds(random, 14, 30);
    let windows = windows(random, &nodes, length);
    let slot = random.between(1, 3) * SECOND;
    let beacon = nodes.iter().any(|node| node.layer == "beacon");
    let mut plan = Plan {
        nodes,
        windows,
        expectations: Vec::new(),
        length,
        slot,
        slots_per_epoch: beacon.then_some(2),
        promises,
        zero: 3 * SECOND + random.between(0, SECOND),
    };
    for number in 0..random.between(4, 7) {
        let expectation = expectation(random, &plan, number);
        plan.expectations.push(expectation);
    }
    plan
}

fn nodes(random: &mut Random, promises: u32) -> Vec<NodeRecord> {
    let layers: &[&str] = match random.between(0, 9) {
        0..=3 => &["beacon"],
        4..=5 => &["execution"],
        6 => &["http_json"],
        _ => &["beacon", "execution"],
    };
    let count = random.between(2, 4) + if layers.len() > 1 { 2 } else { random.between(0, 1) };
    let made = (0..count).map(|index| NodeRecord {
        name: NodeName::new(format!("n{index}")),
        client: ClientRef::from("reference".to_owned()),
        group: None,
        role: "validator".to_owned(),
        producer: true,
        addresses: Vec::new(),
        signs_as: Vec::new(),
        extra_args: Vec::new(),
        ready_within: random.between(3, 12) * SECOND,
        participant: None,
        member: None,
        layer: layers[index as usize % layers.len()].to_owned(),
        known_differences: Vec::new(),
        has_panic_patterns: (promises > 0).then(|| random.chance(92)),
    });
    made.collect()
}

/// Faults that take processes, and those that do not.
const TAKERS: &[&str] = &["kill", "stop", "pause", "restart", "restart"];
const OTHERS: &[&str] = &["partition", "isolate", "partition", "shape", "disconnect"];

fn windows(random: &mut Random, nodes: &[NodeRecord], length: u64) -> Vec<WindowRecord> {
    let names: Vec<NodeName> = nodes.iter().map(|node| node.name.clone()).collect();
    let mut windows = Vec::new();
    let mut add = |random: &mut Random, family: &str, fault: &str, from: u64, at_once: bool| {
        let lasts = if at_once { 0 } else { seconds(random, 2, 9) };
        let targets = random.some(&names, if fault == "partition" { 45 } else { 25 });
        let wipes = fault == "restart" && random.chance(35);
        let repeats = if random.chance(25) { 2 } else { 1 };
        let stays = fault != "send" && !at_once && repeats == 1 && random.chance(7);
        for number in 1..=repeats {
            let start = from + (number - 1) * (lasts + seconds(random, 2, 6));
            if start + lasts > length {
                break;
            }
            windows.push(WindowRecord {
                transaction: None,
                name: if repeats > 1 { format!("{family}#{number}").as_str().into() } else { family.into() },
                family: family.to_owned(),
                fault: fault.to_owned(),
                summary: format!("{fault} of some"),
                start,
                end: (!stays).then_some(start + lasts),
                targets: targets.clone(),
                wipes,
            });
        }
    };
    if random.chance(85) {
        let fault = *random.pick(OTHERS);
        let from = seconds(random, 1, length / SECOND - 6);
        add(random, "split", fault, from, false);
    }
    if random.chance(55) {
        let fault = *random.pick(TAKERS);
        let (from, at_once) = (seconds(random, 1, length / SECOND - 6), fault == "restart" && random.chance(60));
        add(random, "crash", fault, from, at_once);
    }
    if random.chance(35) {
        let from = seconds(random, 1, length / SECOND - 4);
        add(random, "pay", "send", from, true);
    }
    windows
}

/// Families of the timeline: all, or those that are no sends.
fn families(plan: &Plan, sends: bool) -> Vec<String> {
    let mut names: Vec<String> = plan
        .windows
        .iter()
        .filter(|window| sends || window.fault != "send")
        .map(|window| window.family.clone())
        .collect();
    names.dedup();
    names
}

/// Each check with the words that it goes with.
const CHECKS: &[(&str, &[&str])] = &[
    ("agree", &["always", "never", "sometimes", "within", "during", "after", "after", "at", "at_end"]),
    ("agree", &["always", "sometimes", "during", "after", "after", "at_end"]),
    ("diverge", &["always", "never", "sometimes", "within", "during", "after", "at", "at_end"]),
    ("peers", &["always", "never", "sometimes", "within", "during", "after", "at", "at_end"]),
    ("finality", &["always", "never", "sometimes", "within", "during", "after", "at", "at_end"]),
    ("progress", &["always", "within", "during", "after", "at", "at_end"]),
    ("stall", &["always", "within", "during", "after", "at", "at_end"]),
    ("reorg", &["always", "within", "during", "after", "at", "at_end"]),
    ("recover", &["always", "after", "after", "after", "at_end"]),
    ("rpc_equal", &["always", "never", "sometimes", "within", "during", "after", "at", "at_end"]),
    ("log", &["always", "within", "during", "after", "at", "at_end"]),
    ("exit", &["always", "during", "after", "at_end"]),
    ("ready", &["within", "always"]),
    ("answered", &["always", "at_end"]),
];

fn expectation(random: &mut Random, plan: &Plan, number: u64) -> Value {
    loop {
        let (check, words) = *random.pick(CHECKS);
        let word = *random.pick(words);
        let Some(when) = when(random, plan, check, word) else { continue };
        let Some(that) = that(random, plan, check, number, &when) else { continue };
        let all: Vec<String> = plan
            .nodes
            .iter()
            .filter(|node| check != "rpc_equal" || node.layer == plan.nodes[0].layer)
            .map(|node| node.name.to_string())
            .collect();
        let nodes = if random.chance(25) { random.some(&all, 60) } else { all };
        return json!({"when": when, "that": {check: that}, "nodes": nodes, "label": format!("{check} {word}"), "place": "made-up"});
    }
}

fn when(random: &mut Random, plan: &Plan, check: &str, word: &str) -> Option<Value> {
    let lasting = families(plan, false);
    let within = seconds(random, 2, 12);
    Some(match word {
        "within" if check == "ready" => json!({"within": duration(random.between(1, 8) * SECOND / 4)}),
        "within" => json!({"within": duration(within)}),
        "at" => json!({"at": duration(seconds(random, 2, plan.length / SECOND - 1))}),
        "during" if lasting.is_empty() => return None,
        "during" => {
            let name = random.pick(&lasting).clone();
            let at_once = plan.windows.iter().any(|window| window.family == name && window.end == Some(window.start));
            if at_once {
                return None;
            }
            json!({"during": name})
        }
        "after" => {
            let names = families(plan, ["agree", "peers", "finality", "diverge"].contains(&check));
            if names.is_empty() {
                return None;
            }
            json!({"after": [random.pick(&names), duration(within)]})
        }
        word => json!(word),
    })
}

fn that(random: &mut Random, plan: &Plan, check: &str, number: u64, when: &Value) -> Option<Value> {
    let on_heads = |random: &mut Random| match random.between(0, 9) {
        0..=5 => json!("head"),
        6..=7 => json!("finalized"),
        _ => json!({"height": random.between(1, 16)}),
    };
    let two_layers = plan.nodes.iter().any(|node| node.layer != plan.nodes[0].layer);
    let blocks = plan.length / plan.slot;
    Some(match check {
        "agree" => {
            let on = on_heads(random);
            let depth = if on == "head" { Some(random.between(0, 3)) } else { None };
            json!({"on": on, "depth": depth})
        }
        "diverge" => json!({"on": on_heads(random)}),
        "peers" => {
            let most = plan.nodes.len() as u64;
            json!({"min": random.between(0, most - 1), "max": random.chance(25).then(|| random.between(most / 2, most))})
        }
        "finality" => {
            let on = if random.chance(25) { "justified" } else { "finalized" };
            match (plan.slots_per_epoch, two_layers) {
                (_, true) => json!({"lag": format!("{} slots", random.between(1, 10)), "on": on}),
                (Some(_), _) if random.chance(70) => {
                    json!({"lag": format!("{} epochs", random.between(0, 4)), "on": on})
                }
                _ => json!({"lag": format!("{} blocks", random.between(0, 8)), "on": on}),
            }
        }
        "progress" => {
            let asked = match when.as_object() {
                None => random.between(1, blocks + 2),
                Some(_) => random.between(1, 4),
            };
            let per = random.chance(25).then(|| duration(plan.slot * random.between(1, 4)));
            let asked = if per.is_some() { random.between(1, 2) } else { asked };
            json!({"blocks": asked, "per": per})
        }
        "stall" => {
            let settle = random.chance(50).then(|| duration(random.between(1, 3) * SECOND / 2));
            json!({"on": if random.chance(40) { "finalized" } else { "head" }, "settle": settle})
        }
        "reorg" => json!({"max_depth": random.between(0, 3)}),
        "recover" => {
            let within = when["after"].get(1).cloned().unwrap_or_else(|| duration(seconds(random, 2, 8)));
            json!({"within": within, "depth": random.between(0, 3)})
        }
        "rpc_equal" => {
            let params = if random.chance(40) { json!(["{block}"]) } else { json!([]) };
            json!({"asked_by": format!("rpc_equal/{number}"), "method": "eth_getSomething", "params": params, "ignore": ["/x"]})
        }
        "log" => {
            let pattern = if random.chance(40) { "panic" } else { "ERROR" };
            let min = if random.chance(50) { 0 } else { random.between(1, 4) };
            let max = if min == 0 || random.chance(30) { Some(min + random.between(0, 3)) } else { None };
            json!({"pattern": pattern, "min": min, "max": max})
        }
        "exit" => json!({}),
        "ready" => {
            json!({"within": when["within"]})
        }
        _ => {
            let name = plan.windows.iter().find(|window| window.fault == "send")?.family.clone();
            let wanted = match random.between(0, 2) {
                0 => json!("anything"),
                1 => json!({"equals": "0x1"}),
                _ => json!({"refused": "no"}),
            };
            json!({"entry": name, "pointer": "", "wanted": wanted})
        }
    })
}
