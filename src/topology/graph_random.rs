//! Graphs drawn from the seed: random regular, Erdős–Rényi, small world, scale free.

use std::collections::BTreeSet;

use petgraph::unionfind::UnionFind;

use super::draw::{below, chance, shuffle};
use super::graph::{Edges, ordered};
use crate::action::Seeds;
use crate::text::{Diagnostic, Sp};

/// A uniform-looking graph in which every node has `degree` neighbours: a circulant graph, stirred by exchanging the
/// ends of pairs of edges, which keeps every degree. Unlike pairing of half-edges it never has to start over.
pub(super) fn random_regular(count: usize, degree: &Sp<u32>, seeds: &Seeds) -> Result<Edges, Diagnostic> {
    let wanted = degree.value as usize;
    if count <= 1 {
        return Ok(Edges::new());
    }
    if wanted >= count {
        return Err(Diagnostic::error(format!(
            "among {count} nodes each has at most {} neighbours, not {wanted}",
            count - 1
        ))
        .at(degree.span, "impossible")
        .help(format!("a degree of {} is a `mesh`", count - 1)));
    }
    if wanted % 2 == 1 && count % 2 == 1 {
        return Err(Diagnostic::error(format!(
            "{count} nodes with {wanted} neighbours each cannot be: both numbers are odd"
        ))
        .at(degree.span, "impossible")
        .help(format!("take degree {}, or an even number of nodes", if wanted > 1 { wanted - 1 } else { 2 })));
    }
    let mut edges = Edges::new();
    for node in 0..count {
        for step in 1..=wanted / 2 {
            edges.insert(ordered(node, (node + step) % count));
        }
        if wanted % 2 == 1 {
            edges.insert(ordered(node, (node + count / 2) % count));
        }
    }
    let mut stream = seeds.rng();
    let mut list: Vec<(usize, usize)> = edges.iter().copied().collect();
    for _ in 0..list.len() * 20 {
        let (first, second) = (below(&mut stream, list.len()), below(&mut stream, list.len()));
        let flip = chance(&mut stream, 0.5);
        exchange(&mut edges, &mut list, first, second, flip);
    }
    // Stirring may have cut it in pieces; further exchanges across pieces join them and still keep every degree.
    if wanted > 1 {
        for _ in 0..100 * count {
            let union = union_of(count, &edges);
            if (1..count).all(|node| union.equiv(0, node)) {
                break;
            }
            let (first, second) = (below(&mut stream, list.len()), below(&mut stream, list.len()));
            if !union.equiv(list[first].0, list[second].0) {
                exchange(&mut edges, &mut list, first, second, false);
            }
        }
    }
    Ok(edges)
}

fn union_of(count: usize, edges: &Edges) -> UnionFind<usize> {
    let mut union = UnionFind::new(count);
    for &(a, b) in edges {
        union.union(a, b);
    }
    union
}

/// Edges `a–b` and `c–d` become `a–c` and `b–d`, if that makes neither a loop nor an edge that is there already.
fn exchange(edges: &mut Edges, list: &mut [(usize, usize)], first: usize, second: usize, flip: bool) {
    let (a, b) = list[first];
    let (c, d) = if flip { (list[second].1, list[second].0) } else { list[second] };
    if a == c || b == d || a == d || b == c {
        return;
    }
    let (one, other) = (ordered(a, c), ordered(b, d));
    if edges.contains(&one) || edges.contains(&other) {
        return;
    }
    edges.remove(&list[first]);
    edges.remove(&list[second]);
    edges.insert(one);
    edges.insert(other);
    list[first] = one;
    list[second] = other;
}

/// Every pair with the same probability.
pub(super) fn erdos_renyi(count: usize, probability: f64, seeds: &Seeds) -> Edges {
    let mut stream = seeds.rng();
    let mut edges = Edges::new();
    for a in 0..count {
        for b in a + 1..count {
            if chance(&mut stream, probability) {
                edges.insert((a, b));
            }
        }
    }
    edges
}

/// Watts and Strogatz (Nature 393, 1998): a ring of near neighbours, then each edge's far end moves with a probability.
pub(super) fn small_world(count: usize, neighbors: &Sp<u32>, rewire: f64, seeds: &Seeds) -> Result<Edges, Diagnostic> {
    let wanted = neighbors.value as usize;
    if count <= 1 {
        return Ok(Edges::new());
    }
    if wanted % 2 == 1 {
        return Err(Diagnostic::error(format!("a small world needs an even number of neighbours, not {wanted}"))
            .at(neighbors.span, "half of them stand on each side")
            .help(format!("take {} or {}", (wanted - 1).max(2), wanted + 1)));
    }
    if wanted >= count {
        return Err(Diagnostic::error(format!(
            "among {count} nodes each has at most {} neighbours, not {wanted}",
            count - 1
        ))
        .at(neighbors.span, "impossible"));
    }
    let mut stream = seeds.rng();
    let mut edges = Edges::new();
    for step in 1..=wanted / 2 {
        for node in 0..count {
            edges.insert(ordered(node, (node + step) % count));
        }
    }
    for step in 1..=wanted / 2 {
        for node in 0..count {
            let old = ordered(node, (node + step) % count);
            if !chance(&mut stream, rewire) || !edges.contains(&old) {
                continue;
            }
            let free: Vec<usize> =
                (0..count).filter(|&other| other != node && !edges.contains(&ordered(node, other))).collect();
            if !free.is_empty() {
                edges.remove(&old);
                edges.insert(ordered(node, free[below(&mut stream, free.len())]));
            }
        }
    }
    Ok(edges)
}

/// Barabási and Albert (Science 286, 1999): a star of `attach + 1` nodes, then each new node brings `attach` edges to
/// nodes drawn in proportion to their degree.
pub(super) fn scale_free(count: usize, attach: &Sp<u32>, seeds: &Seeds) -> Result<Edges, Diagnostic> {
    let wanted = attach.value as usize;
    if count <= 1 {
        return Ok(Edges::new());
    }
    if wanted >= count {
        return Err(Diagnostic::error(format!("{count} nodes are too few for {wanted} edges each"))
            .at(attach.span, "impossible")
            .help(format!("take at most {}", count - 1)));
    }
    let mut stream = seeds.rng();
    let mut edges: Edges = (1..=wanted).map(|node| (0, node)).collect();
    // Every end of every edge: drawing from it is drawing in proportion to degree.
    let mut ends: Vec<usize> = edges.iter().flat_map(|&(a, b)| [a, b]).collect();
    for node in wanted + 1..count {
        let mut chosen = BTreeSet::new();
        while chosen.len() < wanted {
            chosen.insert(ends[below(&mut stream, ends.len())]);
        }
        let mut chosen: Vec<usize> = chosen.into_iter().collect();
        shuffle(&mut stream, &mut chosen);
        for other in chosen {
            edges.insert(ordered(node, other));
            ends.extend([node, other]);
        }
    }
    Ok(edges)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::topology::graph::is_connected;

    fn degrees(count: usize, edges: &Edges) -> Vec<usize> {
        let mut degrees = vec![0; count];
        for &(a, b) in edges {
            assert!(a < b && b < count);
            degrees[a] += 1;
            degrees[b] += 1;
        }
        degrees
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn random_regular_graphs_are_regular_connected_and_repeatable(
            count in 2_usize..60, degree in 1_u32..8, seed in any::<u64>(),
        ) {
            let seeds = Seeds::root(seed);
            let result = random_regular(count, &Sp::nowhere(degree), &seeds);
            if degree as usize >= count || (degree % 2 == 1 && count % 2 == 1) {
                prop_assert!(result.is_err());
            } else {
                let edges = result.unwrap();
                prop_assert!(degrees(count, &edges).iter().all(|&found| found == degree as usize));
                prop_assert!(degree == 1 || is_connected(count, &edges));
                prop_assert_eq!(edges, random_regular(count, &Sp::nowhere(degree), &seeds).unwrap());
            }
        }

        #[test]
        fn small_worlds_keep_their_number_of_edges(count in 6_usize..60, half in 1_u32..3, seed in any::<u64>()) {
            let edges = small_world(count, &Sp::nowhere(half * 2), 0.3, &Seeds::root(seed)).unwrap();
            prop_assert_eq!(edges.len(), count * half as usize);
        }

        #[test]
        fn scale_free_graphs_are_connected(count in 2_usize..60, attach in 1_u32..5, seed in any::<u64>()) {
            if let Ok(edges) = scale_free(count, &Sp::nowhere(attach), &Seeds::root(seed)) {
                prop_assert!(is_connected(count, &edges));
                prop_assert_eq!(edges.len(), attach as usize * (count - attach as usize));
            } else {
                prop_assert!(attach as usize >= count);
            }
        }
    }

    #[test]
    fn different_seeds_give_different_graphs() {
        let graph = |seed| random_regular(20, &Sp::nowhere(3), &Seeds::root(seed)).unwrap();
        assert_ne!(graph(1), graph(2));
    }

    #[test]
    fn an_erdos_renyi_graph_has_about_the_edges_that_it_should() {
        let edges = erdos_renyi(100, 0.2, &Seeds::root(7));
        assert!((850..1130).contains(&edges.len()), "{}", edges.len());
        assert!(erdos_renyi(10, 0.0, &Seeds::root(7)).is_empty());
        assert_eq!(erdos_renyi(10, 1.0, &Seeds::root(7)).len(), 45);
    }
}
