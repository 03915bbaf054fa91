//! Dealing clients out to nodes: deterministic, and as near to the asked shares as whole nodes allow.

/// How many of `count` each weight gets, by largest remainder; of equal remainders the earlier one wins.
pub(super) fn shares(weights: &[u32], count: usize) -> Vec<usize> {
    let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
    if total == 0 {
        return vec![0; weights.len()];
    }
    let exact = |weight: u32| u64::from(weight) * count as u64;
    let mut dealt: Vec<usize> = weights.iter().map(|&weight| (exact(weight) / total) as usize).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&position| std::cmp::Reverse(exact(weights[position]) % total));
    let left = count - dealt.iter().sum::<usize>();
    for &position in order.iter().take(left) {
        dealt[position] += 1;
    }
    dealt
}

/// Deals in blocks: first all of the first client, then all of the second. The positions of the clients, node by node.
pub(super) fn in_blocks(weights: &[u32], count: usize) -> Vec<usize> {
    let dealt = shares(weights, count);
    dealt.iter().enumerate().flat_map(|(client, &nodes)| std::iter::repeat_n(client, nodes)).collect()
}

/// Deals in turn, so that every stretch of nodes has about the same mix: for dealing a whole topology anew, where each
/// group should get its share of each client.
pub(super) fn in_turn(weights: &[u32], count: usize) -> Vec<usize> {
    let total: i64 = weights.iter().map(|&weight| i64::from(weight)).sum();
    let mut credit = vec![0_i64; weights.len()];
    (0..count)
        .map(|_| {
            for (held, &weight) in credit.iter_mut().zip(weights) {
                *held += i64::from(weight);
            }
            let next = (0..weights.len()).rev().max_by_key(|&client| credit[client]).unwrap_or(0);
            credit[next] -= total;
            next
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mixes_are_dealt_by_largest_remainder() {
        assert_eq!(in_blocks(&[1, 1], 4), [0, 0, 1, 1]);
        assert_eq!(in_blocks(&[1, 1], 3), [0, 0, 1]);
        assert_eq!(in_blocks(&[1, 3], 4), [0, 1, 1, 1]);
        assert_eq!(in_blocks(&[2, 1], 2), [0, 1]);
        assert_eq!(in_turn(&[1, 1], 5), [0, 1, 0, 1, 0]);
        assert_eq!(in_turn(&[2, 1], 6), [0, 1, 0, 0, 1, 0]);
    }

    proptest! {
        #[test]
        fn every_node_gets_a_client_and_no_share_is_off_by_one_or_more(
            weights in prop::collection::vec(0_u32..20, 1..6),
            count in 0_usize..200,
        ) {
            prop_assume!(weights.iter().any(|&weight| weight > 0));
            let total: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
            for dealt in [in_blocks(&weights, count), in_turn(&weights, count)] {
                prop_assert_eq!(dealt.len(), count);
                for (client, &weight) in weights.iter().enumerate() {
                    let got = dealt.iter().filter(|&&dealt| dealt == client).count() as f64;
                    let exact = f64::from(weight) * count as f64 / total;
                    prop_assert!(weight > 0 || got == 0.0);
                    prop_assert!((got - exact).abs() < weights.len() as f64, "{client}: {got} of {exact}");
                }
            }
            for (dealt, &weight) in shares(&weights, count).iter().zip(&weights) {
                prop_assert!((*dealt as f64 - f64::from(weight) * count as f64 / total).abs() < 1.0);
            }
        }
    }
}
