//! Which nodes a fault or a check speaks of.

use std::collections::{BTreeMap, BTreeSet};

use super::{Topology, draw};
use crate::action::{NodeName, Seeds};
use crate::text::units::Share;
use crate::text::{Diagnostic, Sp, Span, suggest};

/// Targets as written: a word, a mapping, or a list of those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Targets {
    /// A node, glob `west-*`, group, client name, share `40%`, or one of the words
    /// `one minority minority_third majority supermajority all bootnodes`.
    Word(String),
    /// `{random: 3}`.
    Random(Sp<u32>),
    /// `{label: value}`: all nodes with these labels.
    Labels(BTreeMap<String, String>),
    /// All of these together.
    List(Vec<Sp<Targets>>),
}

/// What targets are resolved against.
#[derive(Clone, Copy, Debug)]
pub struct TargetContext<'a> {
    /// The nodes there are.
    pub topology: &'a Topology,
    /// Where draws come from: a place of the seed tree that belongs to this use alone.
    pub seeds: &'a Seeds,
}

/// Words that mean a number of nodes, drawn from the seed.
const NUMBERS: [&str; 6] = ["one", "minority_third", "minority", "majority", "supermajority", "all"];

/// Words of the language that cannot be names of nodes or groups.
pub const RESERVED: [&str; 10] = [
    "one",
    "minority_third",
    "minority",
    "majority",
    "supermajority",
    "all",
    "bootnodes",
    "proposer",
    "random",
    "none",
];

impl Targets {
    /// The nodes that are meant, in plan order, at least one; or what is wrong and what was perhaps meant.
    pub fn resolve(written: &Sp<Targets>, context: TargetContext<'_>) -> Result<Vec<NodeName>, Diagnostic> {
        let chosen = positions(written, context.topology, context.seeds)?;
        Ok(chosen.into_iter().map(|position| context.topology.nodes[position].name.clone()).collect())
    }
}

fn positions(written: &Sp<Targets>, topology: &Topology, seeds: &Seeds) -> Result<BTreeSet<usize>, Diagnostic> {
    let count = topology.nodes.len();
    let chosen = match &written.value {
        Targets::Word(word) => of_word(word, written.span, topology, seeds)?,
        Targets::Random(wanted) => {
            if wanted.value == 0 || wanted.value as usize > count {
                return Err(Diagnostic::error(format!("cannot draw {} of {count} nodes", wanted.value))
                    .at(wanted.span, format!("1 to {count}")));
            }
            sample(count, wanted.value as usize, seeds)
        }
        Targets::Labels(labels) => {
            let fits = |node: &super::Node| labels.iter().all(|(key, value)| node.labels.get(key) == Some(value));
            let chosen: BTreeSet<usize> = (0..count).filter(|&node| fits(&topology.nodes[node])).collect();
            if chosen.is_empty() {
                return Err(unknown_labels(labels, written.span, topology));
            }
            chosen
        }
        Targets::List(items) => {
            let mut chosen = BTreeSet::new();
            for (position, item) in items.iter().enumerate() {
                chosen.extend(positions(item, topology, &seeds.child(&position.to_string()))?);
            }
            chosen
        }
    };
    if chosen.is_empty() {
        return Err(Diagnostic::error("these targets are no node at all").at(written.span, "names nobody"));
    }
    Ok(chosen)
}

fn sample(count: usize, wanted: usize, seeds: &Seeds) -> BTreeSet<usize> {
    let mut all: Vec<usize> = (0..count).collect();
    draw::shuffle(&mut seeds.rng(), &mut all);
    all.into_iter().take(wanted).collect()
}

/// How many nodes a word means; strictly less and more than half or two thirds, as quorums count.
fn number(word: &str, count: usize) -> Option<usize> {
    Some(match word {
        "one" => 1,
        "minority_third" => count.saturating_sub(1) / 3,
        "minority" => count.saturating_sub(1) / 2,
        "majority" => count / 2 + 1,
        "supermajority" => count * 2 / 3 + 1,
        "all" => count,
        _ => return None,
    })
}

fn of_word(word: &str, span: Span, topology: &Topology, seeds: &Seeds) -> Result<BTreeSet<usize>, Diagnostic> {
    let count = topology.nodes.len();
    let where_node = |fits: &dyn Fn(&super::Node) -> bool| -> BTreeSet<usize> {
        (0..count).filter(|&position| fits(&topology.nodes[position])).collect()
    };
    if let Some(wanted) = number(word, count) {
        if wanted == 0 {
            return Err(Diagnostic::error(format!("there is no `{word}` of {count} nodes")).at(span, "too few nodes"));
        }
        return Ok(sample(count, wanted.min(count), seeds));
    }
    if word == "bootnodes" {
        let chosen = where_node(&|node| topology.bootnodes.contains(&node.name));
        if chosen.is_empty() {
            return Err(Diagnostic::error("this topology has no bootnodes").at(span, "names nobody"));
        }
        return Ok(chosen);
    }
    if word == "proposer" {
        return Err(Diagnostic::error("`proposer` is a word of the language that is not built yet")
            .at(span, "not yet")
            .help("name a node, or draw one with `one`"));
    }
    if word.ends_with('%') {
        let share: Share = word.parse().map_err(|mistake: crate::text::units::UnitError| {
            mistake.help.into_iter().fold(Diagnostic::error(mistake.message).at(span, ""), Diagnostic::help)
        })?;
        let wanted = (share.0 * count as f64).round() as usize;
        if wanted == 0 {
            return Err(Diagnostic::error(format!("{word} of {count} nodes are less than half a node"))
                .at(span, "names nobody")
                .help("`one` is the least"));
        }
        return Ok(sample(count, wanted, seeds));
    }
    if word.contains(['*', '?']) {
        let chosen = where_node(&|node| glob(word, node.name.as_str()));
        if chosen.is_empty() {
            let mut mistake = Diagnostic::error(format!("no node is called like `{word}`")).at(span, "names nobody");
            mistake.help = suggest::help(
                word.trim_end_matches(['*', '?', '-']),
                topology.groups.keys().map(String::as_str),
                "groups",
            );
            return Err(mistake);
        }
        return Ok(chosen);
    }
    let node = where_node(&|node| node.name.as_str() == word);
    if !node.is_empty() {
        return Ok(node);
    }
    let group = where_node(&|node| node.group.as_deref() == Some(word));
    let client = where_node(&|node| node.client.name == word || node.client.to_string() == word);
    if !group.is_empty() && !client.is_empty() && group != client {
        return Err(Diagnostic::error(format!("`{word}` is a group and a client, with different nodes"))
            .at(span, "which of them?")
            .help(format!("`{word}-*` is the group; a label tells the nodes of the client")));
    }
    if !group.is_empty() {
        return Ok(group);
    }
    if !client.is_empty() {
        return Ok(client);
    }
    Err(unknown_word(word, span, topology))
}

fn unknown_word(word: &str, span: Span, topology: &Topology) -> Diagnostic {
    let mut known: BTreeSet<String> = topology.groups.keys().cloned().collect();
    known.extend(topology.nodes.iter().map(|node| node.client.to_string()));
    known.extend(topology.nodes.iter().map(|node| node.client.name.clone()));
    let short: Vec<String> = known.iter().cloned().collect();
    known.extend(topology.nodes.iter().map(|node| node.name.to_string()));
    known.extend(NUMBERS.iter().map(ToString::to_string));
    known.insert("bootnodes".to_owned());
    let mistake = Diagnostic::error(format!("no node, group or client is called `{word}`")).at(span, "unknown name");
    match suggest::did_you_mean(word, known.iter().map(String::as_str)) {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None => mistake.help(format!("groups and clients here are {}", suggest::list(&short))),
    }
}

fn unknown_labels(labels: &BTreeMap<String, String>, span: Span, topology: &Topology) -> Diagnostic {
    let wanted: Vec<String> = labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    let mistake = Diagnostic::error(format!("no node has the label `{}`", wanted.join(", "))).at(span, "names nobody");
    let mut known: BTreeSet<String> = BTreeSet::new();
    for node in &topology.nodes {
        known.extend(node.labels.iter().map(|(key, value)| format!("{key}: {value}")));
    }
    let known: Vec<String> = known.into_iter().take(20).collect();
    if known.is_empty() {
        mistake.help("no node of this topology has labels")
    } else {
        mistake.help(format!("the labels here are {}", suggest::list(&known)))
    }
}

/// `*` is any text, `?` any character. Linear in the text: the last star is the only one that is ever retried.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some('?') => {
                at += 1;
                read += 1;
            }
            Some(&letter) if letter == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    read = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&letter| letter == '*')
}
