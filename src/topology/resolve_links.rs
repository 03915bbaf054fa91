//! Base quality of links: presets of nodes, zones, single links, and the non-edges of an enforced graph.

use std::collections::BTreeMap;
use std::time::Duration;

use super::document::{LinkDocument, TopologyDocument};
use super::graph::Edges;
use super::participants::Mates;
use super::quality::Quality;
use super::{TargetContext, Targets, Topology};
use crate::action::Seeds;
use crate::link::{LinkParameters, LinkRule, NodeSet};
use crate::text::{Diagnostic, Sp, Span, suggest};

/// Most zones: every pair of them needs a latency.
const MOST_ZONES: usize = 100;

/// All rules, in order of application: what an enforced graph cuts (in `topology.links` already), presets, zones, links.
pub(super) fn rules(
    document: &TopologyDocument,
    topology: &Topology,
    qualities: &[Option<Quality>],
    seeds: &Seeds,
) -> (Vec<LinkRule>, Vec<Diagnostic>) {
    let mut mistakes = Vec::new();
    let mates = Mates::new(&topology.nodes);
    // The quality of a participant's own links is that of one machine.
    let mut between = Vec::new();
    presets(qualities, &mut between);
    zones(document, topology, &mut between, &mut mistakes);
    let mut rules = topology.links.clone();
    rules.extend(mates.spare(between, &NodeSet::new()));
    for (position, link) in document.links.iter().enumerate() {
        match link_rules(link, topology, &mates, &seeds.child(&position.to_string())) {
            Ok(more) => rules.extend(more),
            Err(more) => mistakes.extend(more),
        }
    }
    (rules, mistakes)
}

/// Cuts every pair of nodes that is no edge.
pub(super) fn non_edges(count: usize, edges: &Edges) -> Vec<LinkRule> {
    let mut strangers: Vec<NodeSet> = vec![(0..count).map(position).collect(); count];
    for &(a, b) in edges {
        strangers[a].remove(&position(b));
        strangers[b].remove(&position(a));
    }
    let mut rules = Vec::new();
    for (node, mut strangers) in strangers.into_iter().enumerate() {
        strangers.remove(&position(node));
        if !strangers.is_empty() {
            rules.push(LinkRule {
                from: NodeSet::from([position(node)]),
                to: strangers,
                parameters: LinkParameters::CUT,
            });
        }
    }
    rules
}

fn position(node: usize) -> u16 {
    u16::try_from(node).expect("topologies have at most 2,000 nodes")
}

/// Nodes of one preset share their rules: one for what they send, one for what they receive.
fn presets(qualities: &[Option<Quality>], rules: &mut Vec<LinkRule>) {
    let everyone: NodeSet = (0..qualities.len()).map(position).collect();
    let mut kinds: Vec<(Quality, NodeSet)> = Vec::new();
    for (node, quality) in qualities.iter().enumerate() {
        let Some(quality) = quality else { continue };
        match kinds.iter_mut().find(|(known, _)| known == quality) {
            Some((_, nodes)) => {
                nodes.insert(position(node));
            }
            None => kinds.push((*quality, NodeSet::from([position(node)]))),
        }
    }
    for (quality, nodes) in kinds {
        let parameters = quality.parameters();
        rules.push(LinkRule { from: nodes.clone(), to: everyone.clone(), parameters });
        rules.push(LinkRule { from: everyone.clone(), to: nodes, parameters });
    }
}

fn zones(document: &TopologyDocument, topology: &Topology, rules: &mut Vec<LinkRule>, mistakes: &mut Vec<Diagnostic>) {
    let mut members: BTreeMap<&str, NodeSet> = BTreeMap::new();
    for (node, zone) in
        topology.nodes.iter().enumerate().filter_map(|(node, entry)| Some((node, entry.zone.as_deref()?)))
    {
        members.entry(zone).or_default().insert(position(node));
    }
    if document.zones.is_empty() {
        return;
    }
    if members.len() > MOST_ZONES {
        let place = document.zones.0[0].0.span;
        mistakes.push(
            Diagnostic::error(format!("a topology has at most {MOST_ZONES} zones")).at(place, "zones begin here"),
        );
        return;
    }
    let mut given: BTreeMap<(&str, &str), (Duration, Span)> = BTreeMap::new();
    for (key, latency) in &document.zones {
        let Some((from, to)) = split_zones(&key.value, &members) else {
            mistakes.push(unknown_zone(key, &members));
            continue;
        };
        given.insert((from, to), (latency.value.0, key.span));
    }
    if !mistakes.is_empty() {
        return;
    }
    let mut silent: Vec<String> = Vec::new();
    for (from, senders) in &members {
        for (to, receivers) in &members {
            let Some((latency, _)) = given.get(&(*from, *to)).or_else(|| given.get(&(*to, *from))) else {
                if from < to {
                    silent.push(format!("{from}-{to}"));
                }
                continue;
            };
            if !latency.is_zero() {
                let parameters = LinkParameters { latency: *latency, ..LinkParameters::default() };
                rules.push(LinkRule { from: senders.clone(), to: receivers.clone(), parameters });
            }
        }
    }
    if !silent.is_empty() {
        let place = document.zones.0.first().map_or_else(Span::default, |(key, _)| key.span);
        mistakes.push(
            Diagnostic::error(format!("`zones` says nothing about {}", suggest::list(&silent)))
                .at(place, "zones begin here")
                .help(format!("for example `{}: 40ms`", silent[0])),
        );
    }
}

/// `eu-us` → `eu`, `us`. Zone names may hold hyphens themselves: any split into two known names will do.
fn split_zones<'a>(key: &str, members: &BTreeMap<&'a str, NodeSet>) -> Option<(&'a str, &'a str)> {
    key.match_indices('-').find_map(|(at, _)| {
        let (from, _) = members.get_key_value(&key[..at])?;
        let (to, _) = members.get_key_value(&key[at + 1..])?;
        Some((*from, *to))
    })
}

fn unknown_zone(key: &Sp<String>, members: &BTreeMap<&str, NodeSet>) -> Diagnostic {
    let pairs: Vec<String> =
        members.keys().flat_map(|from| members.keys().map(move |to| format!("{from}-{to}"))).collect();
    let mistake = Diagnostic::error(format!("`{}` is no pair of zones", key.value)).at(key.span, "unknown zones");
    if members.is_empty() {
        return mistake.help("no node is in a zone: give groups `zone: NAME`");
    }
    if let Some(near) = suggest::did_you_mean(&key.value, pairs.iter().map(String::as_str)) {
        return mistake.help(format!("did you mean `{near}`?"));
    }
    let zones: Vec<&str> = members.keys().copied().take(20).collect();
    mistake.help(format!("the zones here are {}; a pair is written `{}`", suggest::list(&zones), pairs[0]))
}

const WHICH: &str = "`between: [a, b]` is both ways, `from: a` with `to: b` one way";

fn link_rules(
    link: &Sp<LinkDocument>,
    topology: &Topology,
    mates: &Mates,
    seeds: &Seeds,
) -> Result<Vec<LinkRule>, Vec<Diagnostic>> {
    let written = &link.value;
    let mut mistakes = Vec::new();
    let parameters = LinkParameters {
        cut: false,
        latency: written.latency.as_ref().map_or(Duration::ZERO, |time| time.value.0),
        jitter: written.jitter.as_ref().map_or(Duration::ZERO, |time| time.value.0),
        loss: written.loss.as_ref().map_or(0.0, |share| share.value.0),
        rate: written.rate.as_ref().map(|rate| rate.value.0),
    };
    let says_nothing =
        written.latency.is_none() && written.jitter.is_none() && written.loss.is_none() && written.rate.is_none();
    if says_nothing {
        mistakes.push(
            Diagnostic::error("this link has no quality")
                .at(link.span, "changes nothing")
                .help("give at least one of `latency`, `jitter`, `loss`, `rate`"),
        );
    }
    let mut as_members = NodeSet::new();
    let mut find = |targets: &Sp<Targets>, label: String| {
        let seeds = seeds.child(&label);
        match Targets::choose(targets, TargetContext { topology, seeds: &seeds }) {
            Ok(chosen) => {
                as_members.extend(chosen.as_members);
                chosen.nodes
            }
            Err(mistake) => {
                mistakes.push(mistake);
                NodeSet::new()
            }
        }
    };
    let mut pairs: Vec<(NodeSet, NodeSet)> = Vec::new();
    match (&written.between, &written.from, &written.to) {
        (Some(between), None, None) if between.value.len() >= 2 => {
            let ends: Vec<NodeSet> = between
                .value
                .iter()
                .enumerate()
                .map(|(end, targets)| find(targets, format!("between/{end}")))
                .collect();
            for (first, end) in ends.iter().enumerate() {
                for (second, other) in ends.iter().enumerate().skip(first + 1) {
                    if let Some(&shared) = end.intersection(other).next() {
                        mistakes.push(
                            Diagnostic::error(format!(
                                "`{}` stands at both ends",
                                topology.nodes[usize::from(shared)].name
                            ))
                            .at(between.value[second].span, "this end")
                            .at(between.value[first].span, "and this one"),
                        );
                    }
                    pairs.push((end.clone(), other.clone()));
                    pairs.push((other.clone(), end.clone()));
                }
            }
        }
        (Some(between), None, None) => mistakes.push(
            Diagnostic::error(format!("`between` has two ends, found {}", between.value.len()))
                .at(between.span, "")
                .help(WHICH),
        ),
        (None, Some(from), Some(to)) => {
            let (from_nodes, to_nodes) = (find(from, "from".to_owned()), find(to, "to".to_owned()));
            if from_nodes.len() == 1 && from_nodes == to_nodes {
                mistakes.push(
                    Diagnostic::error("a node has no link to itself")
                        .at(to.span, "the same node")
                        .at(from.span, "as here"),
                );
            }
            pairs.push((from_nodes, to_nodes));
        }
        (Some(between), _, _) => mistakes.push(
            Diagnostic::error("a link has `between`, or `from` and `to`, not both")
                .at(between.span, "both ways")
                .help(WHICH),
        ),
        _ => {
            mistakes.push(Diagnostic::error("this link has no ends").at(link.span, "from where to where?").help(WHICH));
        }
    }
    if mistakes.is_empty() {
        let rules = pairs.into_iter().map(|(from, to)| LinkRule { from, to, parameters }).collect();
        Ok(mates.spare(rules, &as_members))
    } else {
        Err(mistakes)
    }
}
