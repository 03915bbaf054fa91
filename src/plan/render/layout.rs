//! Where nodes stand in a picture: each group on a circle of its own, the circles around a common centre, turned so that
//! links between groups are short. No randomness: the same network always looks the same.

use std::collections::BTreeMap;
use std::f64::consts::{PI, TAU};

/// Radius of a node.
pub(super) const NODE: f64 = 15.0;
/// Distance of neighbours on a circle: small networks have more room.
fn spacing(nodes: usize, reach: f64) -> f64 {
    let room = if nodes <= 20 { 58.0 } else { 48.0 };
    room + 2.0 * (reach - NODE)
}

/// Distance of single nodes in a row.
const LONER: f64 = 90.0;
/// From a node's border to the border of its group.
const PADDING: f64 = 17.0;
/// Between two groups.
const GAP: f64 = 56.0;
/// Circles stand on an ellipse that is so much wider than high, as screens are.
const WIDE: f64 = 1.25;
/// As many nodes without a group stand alone; more of them form a circle together.
const MOST_LONERS: usize = 3;

/// A point.
pub(super) type Point = (f64, f64);

/// Nodes that stand together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cluster {
    /// Name of the group; `None` for nodes without one.
    pub(super) group: Option<String>,
    /// Positions of its nodes among all nodes.
    pub(super) members: Vec<usize>,
    /// Middle.
    pub(super) centre: Point,
    /// Border, labels not included.
    pub(super) radius: f64,
    /// Radius of the circle of its nodes.
    ring: f64,
}

/// A finished layout.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    /// One point for each node.
    pub(super) points: Vec<Point>,
    /// All clusters.
    pub(super) clusters: Vec<Cluster>,
}

/// Places nodes (or participants), whose groups and edges (by position) are given; none is larger than `reach`.
pub(super) fn layout(groups: &[Option<String>], edges: &[(usize, usize)], reach: f64) -> Layout {
    let mut clusters = clusters(groups, reach);
    let hub = hub(&clusters, groups.len(), edges);
    let middle = hub.map(|hub| clusters.remove(hub));
    let free = middle.as_ref().map_or(0.0, |middle| middle.radius);
    match clusters.as_mut_slice() {
        // A star: its centre stands in the middle of its leaves.
        [only] => only.centre = (0.0, 0.0),
        several if is_a_pair(several) => side_by_side(several, LONER + 2.0 * (reach - NODE)),
        several => {
            order(several, edges, groups.len());
            spread(several, free);
        }
    }
    clusters.extend(middle);
    let mut points = vec![(0.0, 0.0); groups.len()];
    for cluster in &clusters {
        seat(cluster, 0, false, &mut points);
    }
    turn(&clusters, edges, &mut points);
    Layout { points, clusters }
}

fn clusters(groups: &[Option<String>], reach: f64) -> Vec<Cluster> {
    let mut members: Vec<(Option<String>, Vec<usize>)> = Vec::new();
    let mut known: BTreeMap<&String, usize> = BTreeMap::new();
    let loners: Vec<usize> = (0..groups.len()).filter(|node| groups[*node].is_none()).collect();
    for (node, group) in groups.iter().enumerate() {
        match group {
            Some(group) => {
                let at = *known.entry(group).or_insert_with(|| {
                    members.push((Some(group.clone()), Vec::new()));
                    members.len() - 1
                });
                members[at].1.push(node);
            }
            None if loners.len() <= MOST_LONERS => members.push((None, vec![node])),
            None => {}
        }
    }
    if loners.len() > MOST_LONERS {
        members.push((None, loners));
    }
    let spacing = spacing(groups.len(), reach);
    members
        .into_iter()
        .map(|(group, members)| {
            let ring = match members.len() {
                1 => 0.0,
                2 => spacing * 0.6,
                count => (count as f64 * spacing / TAU).max(spacing * 0.75),
            };
            Cluster { group, radius: ring + reach + PADDING, ring, members, centre: (0.0, 0.0) }
        })
        .collect()
}

/// A single node without a group that reaches most of the others stands in their middle.
fn hub(clusters: &[Cluster], nodes: usize, edges: &[(usize, usize)]) -> Option<usize> {
    if clusters.len() < 2 {
        return None;
    }
    let cluster_of = cluster_of(clusters, nodes);
    let groups = clusters.iter().filter(|cluster| cluster.group.is_some()).count();
    let single = |cluster: &Cluster| cluster.group.is_none() && cluster.members.len() == 1;
    clusters.iter().enumerate().filter(|(_, cluster)| single(cluster)).find_map(|(position, cluster)| {
        let node = cluster.members[0];
        let others: std::collections::BTreeSet<usize> = edges
            .iter()
            .filter_map(|(from, to)| (*from == node).then_some(*to).or((*to == node).then_some(*from)))
            .collect();
        let reached: std::collections::BTreeSet<usize> = others.iter().map(|other| cluster_of[*other]).collect();
        let all_around = if clusters.len() == 2 {
            let [other] = [clusters.iter().enumerate().find(|(at, _)| *at != position)?.1];
            other.members.len() >= 4 && others.len() * 5 >= other.members.len() * 3
        } else {
            reached.len() * 2 > clusters.len() - 1 && groups > 2
        };
        all_around.then_some(position)
    })
}

fn cluster_of(clusters: &[Cluster], nodes: usize) -> Vec<usize> {
    let mut of = vec![0; nodes];
    for (position, cluster) in clusters.iter().enumerate() {
        for member in &cluster.members {
            of[*member] = position;
        }
    }
    of
}

/// Puts clusters with many links between them next to each other: swaps places as long as that shortens the way around.
fn order(clusters: &mut [Cluster], edges: &[(usize, usize)], nodes: usize) {
    let count = clusters.len();
    if !(4..=24).contains(&count) {
        return;
    }
    let of = cluster_of(clusters, nodes);
    let mut weight = vec![vec![0_usize; count]; count];
    for (from, to) in edges {
        let (from, to) = (of[*from], of[*to]);
        if from < count && to < count && from != to {
            weight[from][to] += 1;
            weight[to][from] += 1;
        }
    }
    let mut places: Vec<usize> = (0..count).collect();
    let cost = |places: &[usize]| -> usize {
        let mut sum = 0;
        for a in 0..count {
            for b in a + 1..count {
                let way = b - a;
                sum += weight[places[a]][places[b]] * way.min(count - way);
            }
        }
        sum
    };
    let mut best = cost(&places);
    loop {
        let before = best;
        for a in 1..count {
            for b in a + 1..count {
                places.swap(a, b);
                let now = cost(&places);
                if now < best {
                    best = now;
                } else {
                    places.swap(a, b);
                }
            }
        }
        if best == before {
            break;
        }
    }
    let ordered: Vec<Cluster> = places.iter().map(|place| clusters[*place].clone()).collect();
    clusters.clone_from_slice(&ordered);
}

/// Puts clusters on an ellipse just large enough that none touches another or the free middle, turned so that the whole
/// is wide rather than high.
fn spread(clusters: &mut [Cluster], free: f64) {
    const TURNS: u32 = 24;
    // Each has a share of the way around that fits its size.
    let whole: f64 = clusters.iter().map(|cluster| cluster.radius + GAP / 2.0).sum();
    let mut walked = 0.0;
    let angles: Vec<f64> = clusters
        .iter()
        .map(|cluster| {
            let half = cluster.radius + GAP / 2.0;
            let angle = TAU * (walked + half) / (2.0 * whole);
            walked += 2.0 * half;
            angle
        })
        .collect();
    let mut best: Option<(f64, Vec<Point>)> = None;
    for turn in 0..TURNS {
        let start = -PI / 2.0 - angles.first().copied().unwrap_or(0.0) + TAU * f64::from(turn) / f64::from(TURNS);
        place(clusters, free, &angles.iter().map(|angle| start + angle).collect::<Vec<_>>());
        let (wide, high) = extent(clusters);
        let size = wide.max(high * 1.5);
        if best.as_ref().is_none_or(|(known, _)| size < known - 1.0) {
            best = Some((size, clusters.iter().map(|cluster| cluster.centre).collect()));
        }
    }
    for (cluster, centre) in clusters.iter_mut().zip(best.map(|(_, centres)| centres).unwrap_or_default()) {
        cluster.centre = centre;
    }
}

fn place(clusters: &mut [Cluster], free: f64, angles: &[f64]) {
    let mut radius = 40.0;
    loop {
        for (cluster, angle) in clusters.iter_mut().zip(angles) {
            cluster.centre = (radius * WIDE * angle.cos(), radius * angle.sin());
        }
        let apart = clusters.iter().enumerate().all(|(position, one)| {
            let clear = free == 0.0 || distance(one.centre, (0.0, 0.0)) >= one.radius + free + GAP / 2.0;
            let room = |other: &Cluster| distance(one.centre, other.centre) >= one.radius + other.radius + GAP;
            clear && clusters[position + 1..].iter().all(room)
        });
        if apart {
            return;
        }
        radius += 6.0;
    }
}

fn extent(clusters: &[Cluster]) -> Point {
    let side = |low: &dyn Fn(&Cluster) -> f64, high: &dyn Fn(&Cluster) -> f64| {
        let lowest = clusters.iter().map(low).fold(f64::INFINITY, f64::min);
        clusters.iter().map(high).fold(f64::NEG_INFINITY, f64::max) - lowest
    };
    let wide = side(&|cluster| cluster.centre.0 - cluster.radius, &|cluster| cluster.centre.0 + cluster.radius);
    (wide, side(&|cluster| cluster.centre.1 - cluster.radius, &|cluster| cluster.centre.1 + cluster.radius))
}

/// Whether there are two groups and at most a few single nodes. Many nodes without a group form a circle of their own,
/// for which the gap between two groups has no room.
fn is_a_pair(clusters: &[Cluster]) -> bool {
    clusters.iter().filter(|cluster| cluster.group.is_some()).count() == 2
        && clusters.iter().all(|cluster| cluster.group.is_some() || cluster.members.len() == 1)
}

/// Two groups stand side by side, and a few single nodes in the gap above them.
fn side_by_side(clusters: &mut [Cluster], loner: f64) {
    let groups: Vec<usize> = (0..clusters.len()).filter(|at| clusters[*at].group.is_some()).collect();
    let loners: Vec<usize> = (0..clusters.len()).filter(|at| clusters[*at].group.is_none()).collect();
    let (left, right) = (groups[0], groups[1]);
    let needed = if loners.is_empty() { GAP } else { GAP * 1.6 + (loners.len() - 1) as f64 * loner };
    let half = (clusters[left].radius + clusters[right].radius + needed) / 2.0;
    clusters[left].centre = (clusters[left].radius - clusters[right].radius - half, 0.0);
    clusters[right].centre = (clusters[left].centre.0 + 2.0 * half, 0.0);
    let middle = f64::midpoint(
        clusters[left].centre.0 + clusters[left].radius,
        clusters[right].centre.0 - clusters[right].radius,
    );
    let above = -clusters[left].radius.max(clusters[right].radius) * 0.8;
    for (number, at) in loners.iter().enumerate() {
        clusters[*at].centre = (middle + (number as f64 - (loners.len() - 1) as f64 / 2.0) * loner, above);
    }
}

fn distance(a: Point, b: Point) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// Seats a cluster's members on its circle, turned by so many half seats, perhaps the other way round.
fn seat(cluster: &Cluster, turned: usize, mirrored: bool, points: &mut [Point]) {
    let count = cluster.members.len() as f64;
    for (seat, member) in cluster.members.iter().enumerate() {
        let step = TAU * (seat as f64 + turned as f64 / 2.0) / count;
        let angle = -PI / 2.0 + if mirrored { -step } else { step };
        points[*member] =
            (cluster.centre.0 + cluster.ring * angle.cos(), cluster.centre.1 + cluster.ring * angle.sin());
    }
}

/// Turns and mirrors each circle so that its links to other circles are short.
fn turn(clusters: &[Cluster], edges: &[(usize, usize)], points: &mut [Point]) {
    const SWEEPS: usize = 3;
    let of = cluster_of(clusters, points.len());
    for _ in 0..SWEEPS {
        for (position, cluster) in clusters.iter().enumerate().filter(|(_, cluster)| cluster.members.len() > 1) {
            let outward: Vec<(usize, usize)> =
                edges.iter().filter(|(from, to)| (of[*from] == position) != (of[*to] == position)).copied().collect();
            if outward.is_empty() {
                continue;
            }
            let mut best = (f64::INFINITY, 0, false);
            for turned in 0..2 * cluster.members.len() {
                for mirrored in [false, true] {
                    seat(cluster, turned, mirrored, points);
                    let cost: f64 = outward.iter().map(|(from, to)| distance(points[*from], points[*to])).sum();
                    // A turn must be worth it, so that rounding decides nothing.
                    if cost < best.0 - 1e-6 {
                        best = (cost, turned, mirrored);
                    }
                }
            }
            seat(cluster, best.1, best.2, points);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grouped(sizes: &[usize], loners: usize) -> Vec<Option<String>> {
        let named = sizes.iter().enumerate().flat_map(|(group, size)| vec![Some(format!("g{group}")); *size]);
        named.chain(vec![None; loners]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// No two nodes touch, no two groups touch, and the same network always looks the same.
        #[test]
        fn nothing_overlaps(sizes in prop::collection::vec(1_usize..13, 0..6), loners in 0_usize..9, seed in 0_usize..1000) {
            let groups = grouped(&sizes, loners);
            let count = groups.len();
            prop_assume!(count > 0);
            let edges: Vec<(usize, usize)> =
                (0..count).flat_map(|node| [(node, (node * 7 + seed) % count), (node, (node + 1) % count)]).collect();
            let drawn = layout(&groups, &edges, NODE);
            prop_assert_eq!(&drawn, &layout(&groups, &edges, NODE));
            for (position, one) in drawn.points.iter().enumerate() {
                for other in &drawn.points[position + 1..] {
                    prop_assert!(distance(*one, *other) > 2.0 * NODE, "{:?} {:?}", one, other);
                }
            }
            let named: Vec<&Cluster> = drawn.clusters.iter().filter(|cluster| cluster.group.is_some()).collect();
            for (position, one) in named.iter().enumerate() {
                for other in &named[position + 1..] {
                    prop_assert!(distance(one.centre, other.centre) >= one.radius + other.radius);
                }
            }
        }
    }

    #[test]
    fn a_stars_centre_stands_in_the_middle_of_its_leaves() {
        let groups = grouped(&[8], 1);
        let edges: Vec<(usize, usize)> = (0..8).map(|leaf| (leaf, 8)).collect();
        let drawn = layout(&groups, &edges, NODE);
        assert!(distance(drawn.points[8], (0.0, 0.0)) < 1.0);
        assert!(distance(drawn.points[0], (0.0, 0.0)) > 40.0);
    }

    #[test]
    fn two_groups_stand_side_by_side() {
        let drawn = layout(&grouped(&[4, 4], 0), &[(0, 4)], NODE);
        let (left, right) = (drawn.clusters[0].centre, drawn.clusters[1].centre);
        assert!(left.0 < right.0 && (left.1 - right.1).abs() < 1e-6);
    }
}
