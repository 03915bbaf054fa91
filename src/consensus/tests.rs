//! What a network of cores does, in virtual time.

use proptest::prelude::*;

use ssz::{Decode as _, Encode as _};

use super::core::{BlockSource, Core, Verdict};
use super::marks::{attestation_mark, block_mark};
use super::quirk::{Quirk, QuirkSet};
use super::test_network::Network;
use crate::eth2::{Attestation, AttestationBits, AttestationData, Checkpoint, Root, SignedBeaconBlock, Status};

const HONEST: &[Quirk] = &[];

fn honest(seed: u64, nodes: usize) -> Network {
    Network::new(seed, nodes as u64, &vec![HONEST; nodes])
}

fn with_quirk(seed: u64, nodes: usize, quirky: usize, quirk: Quirk) -> Network {
    let quirks: Vec<Vec<Quirk>> =
        (0..nodes).map(|node| if node >= nodes - quirky { vec![quirk] } else { vec![] }).collect();
    let borrowed: Vec<&[Quirk]> = quirks.iter().map(Vec::as_slice).collect();
    Network::new(seed, nodes as u64, &borrowed)
}

fn assert_agreed(network: &Network, nodes: &[usize]) {
    let heads = network.heads();
    let first = heads[nodes[0]];
    assert!(nodes.iter().all(|&node| heads[node] == first), "heads differ: {heads:?}");
}

fn assert_promises_kept(network: &Network) {
    for (epoch, roots) in &network.news.finalized {
        assert_eq!(roots.len(), 1, "epoch {epoch} was finalised with different blocks: {roots:?}");
    }
    for ((validator, epoch), votes) in &network.news.votes {
        assert_eq!(votes.len(), 1, "validator {validator} voted twice in epoch {epoch}");
    }
    assert_eq!(network.news.conflicts, 0);
}

#[test]
fn a_quiet_network_builds_in_every_slot_and_finalises() {
    let mut network = honest(1, 8);
    network.run_to(network.chain.slot_start(40) + 900);
    assert_agreed(&network, &[0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(network.core(0).head().header.slot, 40);
    assert_eq!(network.core(0).canonical_range(1, 40).len(), 40);
    assert_eq!(network.finalized(0).epoch, 8);
    assert!(network.news.reorgs.is_empty(), "{:?}", network.news.reorgs);
    assert_promises_kept(&network);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let run = |seed| {
        let mut network = honest(seed, 6);
        network.run_to_slot(10);
        network.split(&[&[0, 1, 2], &[3, 4, 5]]);
        network.run_to_slot(20);
        network.heal();
        network.run_to_slot(30);
        network.news
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3).trace, run(4).trace);
}

#[test]
fn halves_diverge_do_not_finalise_and_agree_again_after_the_heal() {
    let mut network = honest(2, 8);
    network.run_to_slot(18);
    network.split(&[&[0, 1, 2, 3], &[4, 5, 6, 7]]);
    network.run_to_slot(38);
    let before = network.finalized(0);
    assert_agreed(&network, &[0, 1, 2, 3]);
    assert_agreed(&network, &[4, 5, 6, 7]);
    assert_ne!(network.heads()[0], network.heads()[4]);
    assert!(before.epoch <= 4, "{before:?}");
    network.heal();
    network.run_to(network.chain.slot_start(41) + 900);
    assert_agreed(&network, &[0, 1, 2, 3, 4, 5, 6, 7]);
    assert!(network.news.deepest_reorg.values().any(|&depth| depth >= 5), "{:?}", network.news.deepest_reorg);
    network.run_to_slot(60);
    assert!(network.finalized(0).epoch >= 11, "{:?}", network.finalized(0));
    assert_promises_kept(&network);
}

#[test]
fn a_majority_goes_on_finalising_and_the_rest_catches_up() {
    let mut network = honest(3, 8);
    network.run_to_slot(10);
    network.split(&[&[0, 1, 2, 3, 4, 5], &[6, 7]]);
    network.run_to_slot(110);
    assert!(network.finalized(0).epoch >= 23, "{:?}", network.finalized(0));
    assert!(network.finalized(7).epoch <= 2);
    network.heal();
    network.run_to(network.chain.slot_start(112) + 900);
    assert_agreed(&network, &[0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(network.finalized(7), network.finalized(0));
    assert_promises_kept(&network);
}

#[test]
fn a_node_that_starts_late_syncs_by_range() {
    let mut network = honest(4, 5);
    network.kill(4);
    network.run_to_slot(300);
    network.start(4);
    network.run_to(network.chain.slot_start(303) + 900);
    assert_agreed(&network, &[0, 1, 2, 3, 4]);
    assert!(network.finalized(4).epoch >= 70);
    assert!(network.news.requests[&4] < 40, "{:?}", network.news.requests);
}

#[test]
fn a_killed_node_comes_back_from_its_disk_and_votes_once_only() {
    let mut network = honest(5, 4);
    for round in 0..12u64 {
        network.run_to(network.chain.slot_start(9 + 5 * round) + 137 * round);
        network.kill(1);
        network.run_to(network.now + 300 + 400 * (round % 3));
        network.start(1);
    }
    network.run_to(network.chain.slot_start(80) + 900);
    assert_agreed(&network, &[0, 1, 2, 3]);
    assert!(network.finalized(1).epoch >= 17);
    assert_promises_kept(&network);
}

#[test]
fn quirk_tie_break_high_with_half_of_the_validators_keeps_a_tie_open() {
    // Equal halves on both sides of a healed split: every vote is balanced by another. Where those who prefer the lower
    // root are on the lower branch already, nobody has a reason to move.
    let stays_apart = |quirky: usize, seed| {
        let mut network = with_quirk(seed, 8, quirky, Quirk::TieBreakHigh);
        network.run_to_slot(9);
        network.split(&[&[0, 1, 2, 3], &[4, 5, 6, 7]]);
        network.run_to_slot(17);
        network.heal();
        network.run_to(network.chain.slot_start(40) + 900);
        network.heads()[0] != network.heads()[7]
    };
    assert!((0..8).all(|seed| !stays_apart(0, seed)));
    assert!((0..8).any(|seed| stays_apart(4, seed)));
}

#[test]
fn quirk_no_regossip_keeps_news_from_those_behind() {
    let first_import = |quirks: &[&[Quirk]]| {
        let line = [(0, 1), (1, 2)].into_iter().collect();
        let mut network = Network::with_edges(7, 3, quirks, line);
        network.run_to_slot(12);
        // Slots whose block the far end had within its slot.
        let chain = network.chain.clone();
        let timely = |slot| network.news.imported_at.get(&(2, slot)).is_some_and(|&at| at < chain.slot_start(slot + 1));
        (1..11).filter(|&slot| timely(slot)).count()
    };
    assert_eq!(first_import(&[HONEST, HONEST, HONEST]), 10);
    let muted = first_import(&[HONEST, &[Quirk::NoRegossip], HONEST]);
    assert!(muted < 10, "{muted}");
}

#[test]
fn quirk_late_attester_delays_finality() {
    let finalized = |quirky| {
        let mut network = with_quirk(8, 8, quirky, Quirk::LateAttester);
        network.run_to(network.chain.slot_start(33) + 900);
        network.finalized(0).epoch
    };
    assert_eq!(finalized(0), 6);
    assert!(finalized(8) < 6, "{}", finalized(8));
}

#[test]
fn quirk_off_by_one_epoch_puts_a_minority_on_another_chain_for_good() {
    let mut network = with_quirk(9, 8, 2, Quirk::OffByOneEpoch);
    network.run_to(network.chain.slot_start(7) + 900);
    assert_agreed(&network, &[0, 1, 2, 3, 4, 5, 6, 7]);
    network.run_to(network.chain.slot_start(80) + 900);
    assert_agreed(&network, &[0, 1, 2, 3, 4, 5]);
    assert_ne!(network.heads()[0], network.heads()[6]);
    assert!(network.finalized(0).epoch >= 16, "{:?}", network.finalized(0));
    assert!(network.finalized(6).epoch <= 2, "{:?}", network.finalized(6));
    let (first, reason) = &network.news.rejected[&6][0];
    assert!((8..12).contains(first), "{first}");
    assert!(reason.contains("is the proposer of slot"), "{reason}");
}

#[test]
fn quirk_reject_odd_slots_puts_a_minority_on_another_chain_for_good() {
    let mut network = with_quirk(10, 8, 2, Quirk::RejectOddSlots);
    network.run_to(network.chain.slot_start(60) + 900);
    assert_agreed(&network, &[0, 1, 2, 3, 4, 5]);
    assert_ne!(network.heads()[0], network.heads()[7]);
    assert_eq!(network.news.rejected[&7][0].0, 9);
}

#[test]
fn quirk_ignore_attestations_follows_roots_and_not_votes() {
    // Six against two: with votes the two join the six. Without votes the lower root wins, which in some seeds is theirs.
    let stays_apart = |quirk: Option<Quirk>, seed| {
        let mut network = match quirk {
            Some(quirk) => with_quirk(seed, 8, 2, quirk),
            None => honest(seed, 8),
        };
        network.run_to_slot(5);
        network.split(&[&[0, 1, 2, 3, 4, 5], &[6, 7]]);
        network.run_to_slot(8);
        network.heal();
        network.run_to(network.chain.slot_start(11) + 900);
        network.heads()[0] != network.heads()[7]
    };
    assert!((0..12).all(|seed| !stays_apart(None, seed)));
    assert!((0..12).any(|seed| stays_apart(Some(Quirk::IgnoreAttestations), seed)));
}

#[test]
fn quirk_stubborn_head_never_reorganises() {
    let mut network = with_quirk(11, 8, 2, Quirk::StubbornHead);
    network.run_to_slot(9);
    network.split(&[&[0, 1, 2, 3, 4, 5], &[6, 7]]);
    network.run_to_slot(20);
    network.heal();
    network.run_to(network.chain.slot_start(40) + 900);
    assert_agreed(&network, &[0, 1, 2, 3, 4, 5]);
    assert_ne!(network.heads()[0], network.heads()[6]);
    assert!(!network.news.reorgs.contains_key(&6));
}

#[test]
fn quirk_double_proposer_is_seen_by_the_others() {
    let mut network = with_quirk(12, 8, 1, Quirk::DoubleProposer);
    network.run_to(network.chain.slot_start(24) + 900);
    assert!(network.news.equivocations > 0);
    let mut calm = honest(12, 8);
    calm.run_to(calm.chain.slot_start(24) + 900);
    assert_eq!(calm.news.equivocations, 0);
}

#[test]
fn quirk_slow_import_runs_behind() {
    let mut network = with_quirk(13, 8, 1, Quirk::SlowImport);
    network.run_to(network.chain.slot_start(16) + 900);
    let late = |node| {
        let at = |slot| network.news.imported_at.get(&(node, slot)).copied();
        (5..15).filter(|&slot| at(slot).is_some_and(|at| at > network.chain.slot_start(slot + 1))).count()
    };
    assert_eq!(late(0), 0);
    assert!(late(7) >= 4, "{}", late(7));
}

#[test]
fn quirk_no_range_sync_stays_behind_after_a_gap() {
    let behind = |quirky| {
        let mut network = with_quirk(14, 8, quirky, Quirk::NoRangeSync);
        network.run_to_slot(6);
        network.split(&[&[0, 1, 2, 3, 4, 5, 6], &[7]]);
        network.run_to_slot(16);
        network.heal();
        network.run_to(network.chain.slot_start(30) + 900);
        network.heads()[7] != network.heads()[0]
    };
    assert!(!behind(0));
    assert!(behind(1));
}

#[test]
fn quirk_silent_proposer_leaves_slots_empty() {
    let mut network = with_quirk(15, 8, 2, Quirk::SilentProposer);
    network.run_to(network.chain.slot_start(32) + 900);
    let blocks = network.core(0).canonical_range(1, 32).len();
    assert!((20..30).contains(&blocks), "{blocks}");
    assert!(network.finalized(0).epoch >= 5);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is cut and killed: once all is healed the nodes come to one chain, and nothing final is ever taken back.
    #[test]
    fn after_the_heal_all_agree_and_finality_never_reverts(
        seed in 0u64..1000,
        nodes in 3usize..8,
        events in proptest::collection::vec((1u64..9, 0u8..3, any::<u64>()), 1..7),
    ) {
        let mut network = honest(seed, nodes);
        let mut slot = 2;
        let mut dead = None;
        for (pause, kind, draw) in events {
            slot += pause;
            network.run_to(network.chain.slot_start(slot) + draw % 1000);
            match kind {
                0 => {
                    let side: Vec<usize> = (0..nodes).filter(|node| draw >> node & 1 == 1).collect();
                    let rest: Vec<usize> = (0..nodes).filter(|node| draw >> node & 1 == 0).collect();
                    network.split(&[&side, &rest]);
                }
                1 => network.heal(),
                _ => match dead.take() {
                    Some(node) => network.start(node),
                    None => {
                        let node = draw as usize % nodes;
                        network.kill(node);
                        dead = Some(node);
                    }
                },
            }
        }
        network.run_to(network.now + 500);
        network.heal();
        if let Some(node) = dead {
            network.start(node);
        }
        let healed = slot;
        network.run_to(network.chain.slot_start(healed + 9) + 900);
        assert_agreed(&network, &(0..nodes).collect::<Vec<_>>());
        network.run_to(network.chain.slot_start(healed + 28) + 900);
        assert_agreed(&network, &(0..nodes).collect::<Vec<_>>());
        prop_assert!(network.finalized(0).epoch + 4 >= network.chain.epoch_of(healed + 28), "{:?}", network.finalized(0));
        assert_promises_kept(&network);
    }
}

/// A core in the middle of a chain, and a block and a vote that it has seen.
fn target() -> (Core, SignedBeaconBlock) {
    let mut network = honest(20, 4);
    network.run_to(network.chain.slot_start(13) + 900);
    let root = network.core(0).head().root;
    let block = network.block(0, &root);
    let mut core = Core::new(network.chain.clone(), [], QuirkSet::default(), "target").unwrap();
    for root in network.core(0).canonical_range(1, 12) {
        core.on_block(network.now, network.block(0, &root), BlockSource::Disk);
    }
    core.on_time(network.now);
    core.on_peer(network.now, 1);
    (core, block)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Messages are written by others: no content may stop the core, and a changed block is never taken.
    #[test]
    fn hostile_messages_never_panic_and_never_pass(
        place in any::<prop::sample::Index>(),
        value in any::<u8>(),
        numbers in any::<[u64; 6]>(),
        bits in proptest::collection::vec(any::<bool>(), 0..9),
    ) {
        let (mut core, block) = target();
        let now = core.now();
        let mut bytes = block.as_ssz_bytes();
        let place = place.index(bytes.len());
        bytes[place] = value;
        if let Ok(changed) = SignedBeaconBlock::from_ssz_bytes(&bytes) {
            let same = changed == block;
            let verdict = core.on_block(now, changed.clone(), BlockSource::Gossip(1));
            prop_assert_eq!(verdict == Verdict::Accept, same);
            // With a right mark the rules themselves must find it.
            let root = changed.message.root();
            let marked =
                SignedBeaconBlock { signature: block_mark(root, changed.message.proposer_index), ..changed };
            core.on_block(now, marked, BlockSource::Requested(1));
        }
        let [slot, index, source, target, head, finalized] = numbers;
        let mut aggregation_bits = AttestationBits::with_capacity(bits.len()).unwrap();
        for (place, bit) in bits.iter().enumerate() {
            aggregation_bits.set(place, *bit).unwrap();
        }
        for slot in [slot, 12, 13] {
            let data = AttestationData {
                slot,
                index: index % 2,
                beacon_block_root: core.head().root,
                source: Checkpoint { epoch: source, ..Checkpoint::default() },
                target: Checkpoint { epoch: if target % 2 == 0 { target } else { slot / 4 }, ..Checkpoint::default() },
            };
            let vote = Attestation { aggregation_bits: aggregation_bits.clone(), data, signature: attestation_mark(&data) };
            prop_assert_ne!(core.on_attestation(now, &vote, 1), Verdict::Accept);
        }
        let status = Status { head_slot: head, finalized_epoch: finalized, ..core.status() };
        core.on_status(now, 1, status);
        core.on_status(now, 1, Status { head_root: Root::repeat_byte(7), ..status });
        prop_assert!(!core.is_syncing());
        core.on_blocks(now, numbers[0] % 9, Some(vec![block.clone(), block]));
        core.on_time(now + 5_000);
        prop_assert!(core.next_wakeup() > core.now());
    }
}
