//! Which nodes a fault or a check speaks of.

use std::collections::{BTreeMap, BTreeSet};

use super::{Node, Topology, Unit, draw};
use crate::action::{NodeName, Seeds};
use crate::link::NodeSet;
use crate::text::units::Share;
use crate::text::{Diagnostic, Sp, Span, suggest};

/// Targets as written: a word, a mapping, or a list of those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Targets {
    /// A node, participant, member `west-0.execution`, glob `west-*`, group, client name, share `40%`, or one of the words
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

/// The nodes that targets mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Their positions in the topology, which are also those in the plan.
    pub nodes: NodeSet,
    /// Those of them that were named as a member (`west-0.execution`, `*.execution`), not as a part of their participant:
    /// faults on packets hit their links to their mates too.
    pub as_members: NodeSet,
}

impl Chosen {
    fn whole(nodes: NodeSet) -> Self {
        Self { nodes, as_members: NodeSet::new() }
    }

    /// Both together.
    pub fn extend(&mut self, other: Self) {
        self.nodes.extend(other.nodes);
        self.as_members.extend(other.as_members);
    }
}

/// Words that mean a number of nodes (participants count as one), drawn from the seed.
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
        let chosen = Self::choose(written, context)?;
        Ok(chosen.nodes.into_iter().map(|node| context.topology.nodes[usize::from(node)].name.clone()).collect())
    }

    /// As [`resolve`](Self::resolve), with what else faults on packets need to know.
    pub fn choose(written: &Sp<Targets>, context: TargetContext<'_>) -> Result<Chosen, Diagnostic> {
        chosen(written, context.topology, &context.topology.units(), context.seeds)
    }
}

fn chosen(written: &Sp<Targets>, topology: &Topology, units: &[Unit], seeds: &Seeds) -> Result<Chosen, Diagnostic> {
    let chosen = match &written.value {
        Targets::Word(word) => of_word(word, written.span, topology, units, seeds)?,
        Targets::Random(wanted) => {
            let count = units.len();
            if wanted.value == 0 || wanted.value as usize > count {
                let many = counted(count, units);
                return Err(Diagnostic::error(format!("cannot draw {} of {many}", wanted.value))
                    .at(wanted.span, format!("1 to {count}")));
            }
            sample(units, wanted.value as usize, seeds)
        }
        Targets::Labels(labels) => {
            let fits = |node: &Node| labels.iter().all(|(key, value)| node.labels.get(key) == Some(value));
            let nodes = where_node(topology, fits);
            if nodes.is_empty() {
                return Err(unknown_labels(labels, written.span, topology));
            }
            Chosen::whole(nodes)
        }
        Targets::List(items) => {
            let mut all = Chosen::default();
            for (position, item) in items.iter().enumerate() {
                all.extend(chosen(item, topology, units, &seeds.child(&position.to_string()))?);
            }
            all
        }
    };
    if chosen.nodes.is_empty() {
        return Err(Diagnostic::error("these targets are no node at all").at(written.span, "names nobody"));
    }
    Ok(chosen)
}

fn where_node(topology: &Topology, fits: impl Fn(&Node) -> bool) -> NodeSet {
    (0_u16..).zip(&topology.nodes).filter(|(_, node)| fits(node)).map(|(position, _)| position).collect()
}

/// Draws participants whole, so that none is ever torn apart.
fn sample(units: &[Unit], wanted: usize, seeds: &Seeds) -> Chosen {
    let mut all: Vec<usize> = (0..units.len()).collect();
    draw::shuffle(&mut seeds.rng(), &mut all);
    Chosen::whole(all.into_iter().take(wanted).flat_map(|unit| units[unit].nodes.iter().copied()).collect())
}

/// `5 nodes`, or `5 participants and nodes` where there are participants.
fn counted(count: usize, units: &[Unit]) -> String {
    let participants = units.iter().filter(|unit| unit.participant).count();
    match participants {
        0 => format!("{count} nodes"),
        all if all == units.len() => format!("{count} participants"),
        _ => format!("{count} participants and nodes"),
    }
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

fn of_word(word: &str, span: Span, topology: &Topology, units: &[Unit], seeds: &Seeds) -> Result<Chosen, Diagnostic> {
    let count = units.len();
    if let Some(wanted) = number(word, count) {
        if wanted == 0 {
            let many = counted(count, units);
            return Err(Diagnostic::error(format!("there is no `{word}` of {many}")).at(span, "too few nodes"));
        }
        return Ok(sample(units, wanted.min(count), seeds));
    }
    if word == "bootnodes" {
        let nodes = where_node(topology, |node| topology.bootnodes.contains(&node.name));
        if nodes.is_empty() {
            return Err(Diagnostic::error("this topology has no bootnodes").at(span, "names nobody"));
        }
        return Ok(Chosen::whole(nodes));
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
            return Err(Diagnostic::error(format!("{word} of {} are less than half a node", counted(count, units)))
                .at(span, "names nobody")
                .help("`one` is the least"));
        }
        return Ok(sample(units, wanted, seeds));
    }
    if word.contains(['*', '?']) {
        return of_glob(word, span, topology, units);
    }
    if let Some(unit) = units.iter().find(|unit| unit.name == word) {
        return Ok(Chosen::whole(unit.nodes.clone()));
    }
    // A node that is no unit of its own is a member.
    let member = where_node(topology, |node| node.name.as_str() == word);
    if !member.is_empty() {
        return Ok(Chosen { nodes: member.clone(), as_members: member });
    }
    let group = where_node(topology, |node| node.group.as_deref() == Some(word));
    let client = where_node(topology, |node| node.client.name == word || node.client.to_string() == word);
    if !group.is_empty() && !client.is_empty() && group != client {
        return Err(Diagnostic::error(format!("`{word}` is a group and a client, with different nodes"))
            .at(span, "which of them?")
            .help(format!("`{word}-*` is the group; a label tells the nodes of the client")));
    }
    if !group.is_empty() {
        return Ok(Chosen::whole(group));
    }
    if !client.is_empty() {
        return Ok(Chosen::whole(client));
    }
    Err(unknown_word(word, span, topology, units))
}

/// A pattern that fits the name of a participant means all of it; one that fits only names of members means those.
fn of_glob(word: &str, span: Span, topology: &Topology, units: &[Unit]) -> Result<Chosen, Diagnostic> {
    let mut chosen = Chosen::default();
    for unit in units {
        if glob(word, &unit.name) {
            chosen.nodes.extend(&unit.nodes);
            continue;
        }
        let members = unit.nodes.iter().filter(|node| glob(word, topology.nodes[usize::from(**node)].name.as_str()));
        chosen.as_members.extend(members);
    }
    chosen.nodes.extend(&chosen.as_members);
    if chosen.nodes.is_empty() {
        let mut mistake = Diagnostic::error(format!("no node is called like `{word}`")).at(span, "names nobody");
        mistake.help =
            suggest::help(word.trim_end_matches(['*', '?', '-']), topology.groups.keys().map(String::as_str), "groups");
        return Err(mistake);
    }
    Ok(chosen)
}

fn unknown_word(word: &str, span: Span, topology: &Topology, units: &[Unit]) -> Diagnostic {
    let mut known: BTreeSet<String> = topology.groups.keys().cloned().collect();
    known.extend(topology.nodes.iter().map(|node| node.client.to_string()));
    known.extend(topology.nodes.iter().map(|node| node.client.name.clone()));
    let short: Vec<String> = known.iter().cloned().collect();
    known.extend(topology.nodes.iter().map(|node| node.name.to_string()));
    known.extend(units.iter().map(|unit| unit.name.clone()));
    known.extend(NUMBERS.iter().map(ToString::to_string));
    known.insert("bootnodes".to_owned());
    let mistake = Diagnostic::error(format!("no node, group or client is called `{word}`")).at(span, "unknown name");
    // `west-0.executon`: the participant is there, and it has other members.
    if let Some((name, _)) = word.split_once('.')
        && let Some(unit) = units.iter().find(|unit| unit.participant && unit.name == name)
    {
        let members: Vec<&str> =
            unit.nodes.iter().filter_map(|node| topology.nodes[usize::from(*node)].member.as_deref()).collect();
        return mistake.help(format!("the members of `{name}` are {}", suggest::list(&members)));
    }
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
