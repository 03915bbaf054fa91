//! The graph of who dials whom: from a generator's words to edges, joined where it came out in pieces.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::unionfind::UnionFind;

use super::graph_document::{Clusters, ClustersOf, Generator};
use super::{draw, graph_fixed, graph_random};
use crate::action::{NodeName, Seeds};
use crate::text::{Diagnostic, Sp, Span, suggest};

/// Undirected edges between positions, the smaller one first.
pub(super) type Edges = BTreeSet<(usize, usize)>;

/// Most edges of a graph: a mesh of 700 nodes.
const MOST_EDGES: usize = 250_000;

/// The nodes that a graph is made over.
#[derive(Debug)]
pub(super) struct GraphContext<'a> {
    /// All nodes, in plan order.
    pub(super) names: &'a [NodeName],
    /// Group of each node.
    pub(super) groups: Vec<Option<String>>,
    /// Zone of each node.
    pub(super) zones: Vec<Option<String>>,
    /// Where draws come from.
    pub(super) seeds: Seeds,
}

/// A graph, ready to be dialled.
#[derive(Debug)]
pub(super) struct Graph {
    /// Edges between positions, the smaller one first.
    pub(super) edges: Edges,
    /// Remarks for people.
    pub(super) notes: Vec<String>,
}

/// Makes the graph of a whole topology.
pub(super) fn generate(generator: &Sp<Generator>, context: &GraphContext<'_>) -> Result<Graph, Vec<Diagnostic>> {
    let everyone: Vec<usize> = (0..context.names.len()).collect();
    let mut edges = edges_of(&generator.value, generator.span, &everyone, &context.seeds, context)?;
    let mut notes = Vec::new();
    let (parts, added) = join(everyone.len(), &mut edges, &context.seeds.child("join"));
    if added > 0 {
        let s = if added == 1 { "" } else { "s" };
        notes.push(format!("graph: {added} edge{s} added to join {parts} parts"));
    }
    Ok(Graph { edges, notes })
}

/// Edges among some of the nodes.
fn edges_of(
    generator: &Generator,
    place: Span,
    members: &[usize],
    seeds: &Seeds,
    context: &GraphContext<'_>,
) -> Result<Edges, Vec<Diagnostic>> {
    let count = members.len();
    if expected_edges(generator, count) > MOST_EDGES {
        return Err(vec![
            Diagnostic::error(format!("this graph of {count} nodes has more than {MOST_EDGES} edges"))
                .at(place, "too many")
                .help("`random_regular`, `small_world` and `scale_free` keep large networks connected with few edges"),
        ]);
    }
    let alone = |mistake| vec![mistake];
    let local = match generator {
        Generator::Line => graph_fixed::line(count),
        Generator::Ring => graph_fixed::ring(count),
        Generator::Mesh => graph_fixed::mesh(count),
        Generator::Star(star) => {
            let center = match &star.center {
                None => 0,
                Some(name) => center(name, members, context).map_err(alone)?,
            };
            graph_fixed::star(count, center)
        }
        Generator::Tree(tree) => {
            graph_fixed::tree(count, tree.branching.as_ref().map_or(2, |branching| branching.value as usize))
        }
        Generator::Grid(grid) => graph_fixed::grid(count, grid.width.as_ref().map(|width| width.value as usize)),
        Generator::RandomRegular(regular) => {
            graph_random::random_regular(count, &regular.degree, seeds).map_err(alone)?
        }
        Generator::ErdosRenyi(random) => graph_random::erdos_renyi(count, random.probability.value.0, seeds),
        Generator::SmallWorld(world) => {
            let rewire = world.rewire.as_ref().map_or(0.1, |share| share.value.0);
            graph_random::small_world(count, &world.neighbors, rewire, seeds).map_err(alone)?
        }
        Generator::ScaleFree(free) => graph_random::scale_free(count, &free.attach, seeds).map_err(alone)?,
        Generator::Clusters(clusters) => return clusters_of(clusters, place, members, seeds, context),
    };
    Ok(local.into_iter().map(|(a, b)| ordered(members[a], members[b])).collect())
}

/// About how many edges a generator will make; what is impossible is refused later.
fn expected_edges(generator: &Generator, count: usize) -> usize {
    let pairs = count * count.saturating_sub(1) / 2;
    match generator {
        Generator::Mesh => pairs,
        Generator::RandomRegular(regular) => (count * regular.degree.value as usize / 2).min(pairs),
        Generator::ErdosRenyi(random) => (pairs as f64 * random.probability.value.0) as usize,
        Generator::SmallWorld(world) => (count * world.neighbors.value as usize / 2).min(pairs),
        Generator::ScaleFree(free) => (count * free.attach.value as usize).min(pairs),
        Generator::Clusters(clusters) => {
            clusters.between.as_ref().map_or(0, |between| (between.value as usize).min(pairs))
        }
        Generator::Line | Generator::Ring | Generator::Star(_) | Generator::Tree(_) | Generator::Grid(_) => count,
    }
}

fn center(name: &Sp<String>, members: &[usize], context: &GraphContext<'_>) -> Result<usize, Diagnostic> {
    let found = members.iter().position(|&member| context.names[member].as_str() == name.value);
    found.ok_or_else(|| {
        let mut mistake =
            Diagnostic::error(format!("no node is called `{}`", name.value)).at(name.span, "unknown node");
        mistake.help =
            suggest::help(&name.value, members.iter().map(|&member| context.names[member].as_str()), "nodes");
        mistake
    })
}

/// The pair with the smaller position first.
pub(super) fn ordered(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

fn clusters_of(
    clusters: &Clusters,
    place: Span,
    members: &[usize],
    seeds: &Seeds,
    context: &GraphContext<'_>,
) -> Result<Edges, Vec<Diagnostic>> {
    let names = match clusters.of {
        ClustersOf::Groups => &context.groups,
        ClustersOf::Zones => &context.zones,
    };
    // Clusters in the order of their first node; a node without a name of that kind is a cluster of its own.
    let mut parts: Vec<(String, Vec<usize>)> = Vec::new();
    for &member in members {
        let label = names[member].clone();
        match label.as_ref().and_then(|label| parts.iter_mut().find(|(known, _)| known == label)) {
            Some((_, part)) => part.push(member),
            None => parts.push((label.unwrap_or_else(|| format!("={}", context.names[member])), vec![member])),
        }
    }
    if members.iter().all(|&member| names[member].is_none()) && !members.is_empty() {
        let what = if clusters.of == ClustersOf::Groups { "group" } else { "zone" };
        return Err(vec![Diagnostic::error(format!("no node is in a {what}")).at(place, "clusters of what?")]);
    }
    let mut edges = Edges::new();
    let mut mistakes: Vec<Diagnostic> = Vec::new();
    for (label, part) in &parts {
        let seeds = seeds.child(&format!("inside/{label}"));
        let inside = match &clusters.inside {
            // One node needs no graph, whatever the parameters are.
            _ if part.len() == 1 => continue,
            None => edges_of(&Generator::Mesh, place, part, &seeds, context),
            Some(inside) => edges_of(&inside.value, inside.span, part, &seeds, context),
        };
        match inside {
            Ok(mut inside) => {
                // Pieces inside a cluster are joined inside it.
                let positions: BTreeMap<usize, usize> =
                    part.iter().enumerate().map(|(local, &node)| (node, local)).collect();
                let mut local: Edges = inside.iter().map(|(a, b)| (positions[a], positions[b])).collect();
                join(part.len(), &mut local, &seeds.child("join"));
                inside = local.into_iter().map(|(a, b)| ordered(part[a], part[b])).collect();
                edges.extend(inside);
            }
            Err(more) => {
                mistakes.extend(more.into_iter().filter(|mistake| !mistakes.contains(mistake)).collect::<Vec<_>>());
            }
        }
    }
    let between = clusters.between.as_ref().map_or(1, |between| between.value as usize);
    for (position, (label, part)) in parts.iter().enumerate() {
        for (other_label, other) in &parts[position + 1..] {
            let seeds = seeds.child(&format!("between/{label}/{other_label}"));
            edges.extend(bridges(part, other, between, &seeds));
        }
    }
    if mistakes.is_empty() { Ok(edges) } else { Err(mistakes) }
}

/// Some edges between two sets, spread over as many nodes as there are.
fn bridges(left: &[usize], right: &[usize], wanted: usize, seeds: &Seeds) -> Edges {
    let mut stream = seeds.rng();
    let (mut left, mut right) = (left.to_vec(), right.to_vec());
    draw::shuffle(&mut stream, &mut left);
    draw::shuffle(&mut stream, &mut right);
    let wanted = wanted.min(left.len() * right.len());
    let mut edges = Edges::new();
    // Round after round each left node gets a further right one: no pair twice.
    let mut shift = 0;
    while edges.len() < wanted {
        for position in 0..left.len().max(right.len()) {
            if edges.len() == wanted {
                break;
            }
            let (a, b) = (left[position % left.len()], right[(position + shift) % right.len()]);
            edges.insert(ordered(a, b));
        }
        shift += 1;
    }
    edges
}

/// Joins the pieces of a graph by the fewest edges: a tree over the pieces, ends drawn from the seed.
/// Gives the number of pieces that there were and of edges that were added.
fn join(count: usize, edges: &mut Edges, seeds: &Seeds) -> (usize, usize) {
    let mut union = UnionFind::<usize>::new(count);
    for &(a, b) in edges.iter() {
        union.union(a, b);
    }
    let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut first_of: BTreeMap<usize, usize> = BTreeMap::new();
    for node in 0..count {
        let first = *first_of.entry(union.find(node)).or_insert(node);
        parts.entry(first).or_default().push(node);
    }
    let parts: Vec<Vec<usize>> = parts.into_values().collect();
    let mut stream = seeds.rng();
    for pair in parts.windows(2) {
        let a = pair[0][draw::below(&mut stream, pair[0].len())];
        let b = pair[1][draw::below(&mut stream, pair[1].len())];
        edges.insert(ordered(a, b));
    }
    (parts.len(), parts.len().saturating_sub(1))
}

/// Whether all nodes reach each other.
#[cfg(test)]
pub(super) fn is_connected(count: usize, edges: &Edges) -> bool {
    let mut union = UnionFind::<usize>::new(count);
    for &(a, b) in edges {
        union.union(a, b);
    }
    (1..count).all(|node| union.equiv(0, node))
}
