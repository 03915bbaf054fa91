//! Nodes do not hold the same blocks, and clients say in their logs that they refuse some: clients that judge differently.
//! Who is right nobody can tell, so all sides are described alike, whether one of them refuses or each the other's.

use std::fmt::Write as _;

use super::quotes::{of_sides, refusers, refusers_at, refuses_block};
use super::view::Line;
use super::{DiagnosedSide, Diagnosis, Kind, Quote, View};
use crate::check::chain::{BlockId, Relation};
use crate::check::explain::BlockName;
use crate::check::producer::{answered_with, producer};
use crate::check::questions::{name_list, short_hash};
use crate::check::roots::differing_state;

/// A node that is so many blocks behind, or fewer, may just be about to take them.
const NEAR: u64 = 2;

/// A side as it is told of.
struct Told {
    block: Option<BlockName>,
    nodes: Vec<usize>,
}

/// Sees nodes that do not hold the same blocks while somebody's log says that a block was refused.
pub(super) fn see(view: &View<'_, '_>) -> Option<Diagnosis> {
    let refusing = refusers(view.history, &view.layer.nodes, begin(view), view.to);
    if refusing.is_empty() {
        return None;
    }
    apart(view, &refusing).or_else(|| stuck(view, &refusing))
}

/// From when on refusals count: from when the sides were first seen, or somebody last rose who stands below the others,
/// though nodes that are a block or two apart on one chain were still held to agree then.
fn begin(view: &View<'_, '_>) -> u64 {
    let parted = view.explanation.as_ref().and_then(|explanation| explanation.parted);
    let top = view.top().map_or(0, |line| line.height);
    let below = view.present().filter(|line| line.height < top).filter_map(|line| line.rose).map(|rose| rose.0).min();
    [parted, below].into_iter().flatten().fold(view.from, u64::min)
}

/// Chains that are apart.
fn apart(view: &View<'_, '_>, refusing: &[usize]) -> Option<Diagnosis> {
    let history = view.history;
    let explanation = view.explanation.as_ref().filter(|explanation| explanation.sides.len() > 1)?;
    let sides: Vec<Told> = explanation
        .sides
        .iter()
        .map(|side| Told {
            block: Some(side.block.clone()),
            nodes: side.nodes.iter().filter_map(|one| history.index.get(one.node.as_str()).copied()).collect(),
        })
        .collect();
    let height = explanation.height?;
    let refusing = refusers_at(history, refusing, height, begin(view), view.to);
    if !sides.iter().flat_map(|side| &side.nodes).any(|node| refusing.contains(node)) {
        return None;
    }
    let refused = refusals(view, &sides);
    // Where links were cut a side of its own is what every fork looks like, whatever else its log complains about.
    let cut = |at: u64| history.faults_at(at).any(super::cuts_links);
    if refused.is_empty() && (cut(view.to) || explanation.parted.is_some_and(cut)) {
        return None;
    }
    let held: Vec<String> = sides
        .iter()
        .map(|side| {
            let verb = if view.names(&side.nodes).len() == 1 { "holds" } else { "hold" };
            let hash = side.block.as_ref().map(|block| short_hash(&block.hash)).unwrap_or_default();
            format!("{} {verb} {hash}", view.list(&side.nodes))
        })
        .collect();
    let (prefix, word) = (history.layer_prefix(view.layer.name), view.word());
    let place = if explanation.parted_below { "or below" } else { "" };
    let place = format!("{word} {height} {place}");
    let mut text = format!("{prefix}bad block at {}: {}", place.trim_end(), held.join(", "));
    text.push_str(&say_refusals(view, &refused, &refusing));
    if differing_state(&explanation.sides).is_some() {
        text.push_str("; same parent, other state root");
    }
    text.push_str(&say_origins(view, &refused));
    Some(finish(view, sides, Some(height), text))
}

/// All on one chain, and whoever refuses stands below a block that others hold.
fn stuck(view: &View<'_, '_>, refusing: &[usize]) -> Option<Diagnosis> {
    let history = view.history;
    let chain = &history.chain;
    if view.explanation.as_ref().is_some_and(|explanation| explanation.sides.len() > 1) {
        return None;
    }
    let top = view.top()?;
    let tip = top.head?;
    let stands = |line: &&Line| refusing.contains(&line.node) && stands_below(view, line, tip);
    let first = view.present().filter(stands).min_by_key(|line| line.height)?;
    let disputed = disputed(view, first, tip)?;
    let block = BlockName { height: chain.height(disputed), hash: chain.hash(disputed).to_owned() };
    let has = |line: &&Line| {
        let relation = line.head.map(|head| chain.relation(disputed, head));
        matches!(relation, Some(Relation::Same | Relation::Below(_)))
    };
    // Whoever stands on the same block without a word may refuse it too; whoever still rises is only late.
    let lacks = |line: &&Line| !has(line) && (stands(line) || (line.head == first.head && !view.rises(line)));
    let holders: Vec<usize> = view.present().filter(has).map(|line| line.node).collect();
    let without: Vec<usize> = view.present().filter(lacks).map(|line| line.node).collect();
    let sides = vec![Told { block: Some(block.clone()), nodes: holders }, Told { block: None, nodes: without }];
    let refused = refusals(view, &sides);
    // A node behind a cut stands still whatever its log complains about.
    if refused.is_empty() && history.faults_at(view.to).any(super::cuts_links) {
        return None;
    }
    let [holders, without] = [&sides[0].nodes, &sides[1].nodes];
    let several = |nodes: &[usize]| view.names(nodes).len() > 1;
    let mut text = format!(
        "{}bad block at {} {}: {} {} {}, {} {} not",
        history.layer_prefix(view.layer.name),
        view.word(),
        block.height,
        view.list(holders),
        if several(holders) { "hold" } else { "holds" },
        short_hash(&block.hash),
        view.list(without),
        if several(without) { "do" } else { "does" },
    );
    if let Some((since, _)) = first.rose {
        let whose =
            if without.len() == 1 { "its".to_owned() } else { format!("{}'s", view.names(&[first.node]).concat()) };
        let _ = write!(text, "; {whose} highest head is at {} since {}", first.highest, view.since(since));
    }
    text.push_str(&say_refusals(view, &refused, refusing));
    text.push_str(&say_origins(view, &refused));
    let height = Some(block.height);
    Some(finish(view, sides, height, text))
}

/// Which blocks are refused by name, and by whom: a node of another side whose log names the first block of this one.
fn refusals(view: &View<'_, '_>, sides: &[Told]) -> Vec<(BlockName, Vec<usize>)> {
    let mut all = Vec::new();
    for (index, side) in sides.iter().enumerate() {
        let Some(block) = &side.block else { continue };
        let others = sides.iter().enumerate().filter(|(other, _)| *other != index).flat_map(|(_, side)| &side.nodes);
        let refuses = |node: &&usize| refuses_block(view.history, **node, &block.hash, begin(view), view.to);
        let nodes: Vec<usize> = others.filter(refuses).copied().collect();
        if !nodes.is_empty() {
            all.push((block.clone(), nodes));
        }
    }
    all
}

/// `; old refuses 0xaa…, new and js refuse 0xbb…; the log of … speaks of a refusal`: by name only where a log names it.
fn say_refusals(view: &View<'_, '_>, refused: &[(BlockName, Vec<usize>)], refusing: &[usize]) -> String {
    let mut parts: Vec<String> = refused
        .iter()
        .map(|(block, nodes)| {
            let names = view.names(nodes);
            let verb = if names.len() == 1 { "refuses" } else { "refuse" };
            format!("{} {verb} {}", name_list(&names), short_hash(&block.hash))
        })
        .collect();
    let by_name = |node: &usize| refused.iter().any(|(_, nodes)| nodes.contains(node));
    let others: Vec<usize> = refusing.iter().copied().filter(|node| !by_name(node)).collect();
    let names = view.names(&others);
    match names.as_slice() {
        [] => {}
        [one] => parts.push(format!("the log of {one} speaks of a refusal")),
        many => parts.push(format!("the logs of {} speak of refusals", name_list(many))),
    }
    format!("; {}", parts.join(", "))
}

/// Where the blocks come from that are refused by name, as far as they or the journal say so.
fn say_origins(view: &View<'_, '_>, refused: &[(BlockName, Vec<usize>)]) -> String {
    let history = view.history;
    let mut text = String::new();
    for (block, _) in refused {
        let Some(id) = history.chain.find(&block.hash) else { continue };
        let made = producer(history, view.layer.name, id).map(|producer| producer.sentence());
        let made = made.or_else(|| answered_with(history, id).map(|answer| answer.sentence()));
        if let Some(made) = made {
            let _ = write!(text, "; {} {made}", short_hash(&block.hash));
        }
    }
    text
}

fn finish(view: &View<'_, '_>, sides: Vec<Told>, height: Option<u64>, text: String) -> Diagnosis {
    let history = view.history;
    let hashes: Vec<&str> =
        sides.iter().filter_map(|side| side.block.as_ref().map(|block| block.hash.as_str())).collect();
    let groups: Vec<Vec<usize>> = sides.iter().map(|side| side.nodes.clone()).collect();
    let quotes: Vec<Quote> = of_sides(history, &groups, &hashes, begin(view), view.to);
    let since = quotes.iter().map(|quote| quote.at).min();
    let everybody: Vec<usize> = groups.concat();
    let mut diagnosis = view.diagnosis(Kind::BadBlock, &everybody, since, text);
    diagnosis.height = height;
    diagnosis.evidence = quotes.iter().map(|quote| quote.seq).collect();
    diagnosis.quotes = quotes;
    let names = |nodes: &[usize]| nodes.iter().map(|&node| history.name(node).clone()).collect();
    diagnosis.sides =
        sides.into_iter().map(|side| DiagnosedSide { nodes: names(&side.nodes), block: side.block }).collect();
    diagnosis
}

/// Whether a node stands below the others' head on their chain: far below, or still, with a word against the next block.
fn stands_below(view: &View<'_, '_>, line: &Line, tip: BlockId) -> bool {
    let Some(head) = line.head else { return false };
    let Relation::Below(distance) = view.history.chain.relation(head, tip) else { return false };
    let names_next = || {
        let next = disputed(view, line, tip).map(|block| view.history.chain.hash(block));
        next.is_some_and(|hash| refuses_block(view.history, line.node, hash, begin(view), view.to))
    };
    distance > NEAR || (!view.rises(line) && names_next())
}

/// The first block of the others' chain that a node does not have.
fn disputed(view: &View<'_, '_>, line: &Line, tip: BlockId) -> Option<BlockId> {
    let chain = &view.history.chain;
    chain.next_above(line.head?, tip)
}
