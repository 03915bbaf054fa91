//! Graphs without chance: line, ring, mesh, star, tree, grid.

use super::graph::{Edges, ordered};

/// Each node and the next.
pub(super) fn line(count: usize) -> Edges {
    (1..count).map(|node| (node - 1, node)).collect()
}

/// A line whose ends meet; up to two nodes it is a line.
pub(super) fn ring(count: usize) -> Edges {
    let mut edges = line(count);
    if count > 2 {
        edges.insert((0, count - 1));
    }
    edges
}

/// All pairs.
pub(super) fn mesh(count: usize) -> Edges {
    (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))).collect()
}

/// One in the middle.
pub(super) fn star(count: usize, center: usize) -> Edges {
    (0..count).filter(|&node| node != center).map(|node| ordered(center, node)).collect()
}

/// Node `n` hangs below node `(n - 1) / branching`.
pub(super) fn tree(count: usize, branching: usize) -> Edges {
    (1..count).map(|node| ((node - 1) / branching.max(1), node)).collect()
}

/// Rows of `width` nodes; the last one may be shorter.
pub(super) fn grid(count: usize, width: Option<usize>) -> Edges {
    let width = width.unwrap_or_else(|| count.isqrt() + usize::from(count.isqrt().pow(2) < count)).max(1);
    let mut edges = Edges::new();
    for node in 0..count {
        if node % width != 0 {
            edges.insert((node - 1, node));
        }
        if node >= width {
            edges.insert((node - width, node));
        }
    }
    edges
}
