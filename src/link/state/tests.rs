//! Properties of the link model, and its statistics under fixed seeds.

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn any_parameters() -> impl Strategy<Value = LinkParameters> {
    let rate = prop::option::of(10_000_u64..10_000_000_000);
    (prop::bool::weighted(0.1), 0_u64..300, 0_u64..100, 0.0..1.0_f64, rate).prop_map(
        |(cut, latency, jitter, loss, rate)| LinkParameters {
            cut,
            latency: milliseconds(latency),
            jitter: milliseconds(jitter),
            loss,
            rate,
        },
    )
}

/// Packets as gaps in microseconds and lengths, under parameters that change once on the way.
fn any_traffic() -> impl Strategy<Value = Vec<(u64, usize)>> {
    prop::collection::vec((0_u64..20_000, 20_usize..1500), 1..200)
}

fn verdicts(
    seed: u64,
    first: &LinkParameters,
    then: &LinkParameters,
    traffic: &[(u64, usize)],
) -> Vec<(Duration, usize, Verdict)> {
    let mut state = LinkState::default();
    let mut rng = rng(seed);
    let mut now = Duration::ZERO;
    let half = traffic.len() / 2;
    traffic
        .iter()
        .enumerate()
        .map(|(number, &(gap, length))| {
            now += Duration::from_micros(gap);
            let parameters = if number < half { first } else { then };
            (now, length, state.offer(now, length, parameters, &mut rng))
        })
        .collect()
}

proptest! {
    #[test]
    fn packets_arrive_in_order_and_never_early(
        first in any_parameters(), then in any_parameters(), traffic in any_traffic(), seed: u64,
    ) {
        let half = traffic.len() / 2;
        let mut last = Duration::ZERO;
        for (number, (now, _, verdict)) in verdicts(seed, &first, &then, &traffic).into_iter().enumerate() {
            let parameters = if number < half { &first } else { &then };
            if let Verdict::Deliver { at } = verdict {
                prop_assert!(at >= now + parameters.latency);
                prop_assert!(at >= last);
                last = at;
            }
        }
    }

    #[test]
    fn the_same_stream_gives_the_same_verdicts(
        first in any_parameters(), then in any_parameters(), traffic in any_traffic(), seed: u64,
    ) {
        prop_assert_eq!(verdicts(seed, &first, &then, &traffic), verdicts(seed, &first, &then, &traffic));
    }

    #[test]
    fn every_drop_has_a_reason_that_the_parameters_give(
        parameters in any_parameters(), traffic in any_traffic(), seed: u64,
    ) {
        for (_, _, verdict) in verdicts(seed, &parameters, &parameters, &traffic) {
            match verdict {
                Verdict::Deliver { .. } => prop_assert!(!parameters.cut),
                Verdict::Drop(DropReason::Cut) => prop_assert!(parameters.cut),
                Verdict::Drop(DropReason::Loss) => prop_assert!(parameters.loss > 0.0),
                Verdict::Drop(DropReason::Overflow) => prop_assert!(parameters.rate.is_some()),
            }
        }
    }

    #[test]
    fn a_line_never_carries_more_than_its_rate(
        rate in 10_000_u64..1_000_000_000, traffic in any_traffic(), seed: u64,
    ) {
        let parameters = LinkParameters { rate: Some(rate), ..LinkParameters::default() };
        let mut arrivals = Vec::new();
        for (_, length, verdict) in verdicts(seed, &parameters, &parameters, &traffic) {
            if let Verdict::Deliver { at } = verdict {
                arrivals.push((at, length));
            }
        }
        // Between any two arrivals the line had time for all packets after the first of them.
        for start in 0..arrivals.len() {
            let mut bits = 0;
            for &(at, length) in &arrivals[start + 1..] {
                bits += length as u64 * 8;
                let room = at.saturating_sub(arrivals[start].0).as_nanos() * u128::from(rate) / 1_000_000_000;
                prop_assert!(u128::from(bits) <= room + 1, "{bits} bits where {room} fit");
            }
        }
    }

    #[test]
    fn a_queue_is_bounded(rate in 10_000_u64..1_000_000_000, packets in 1_usize..2_000, seed: u64) {
        let parameters = LinkParameters { rate: Some(rate), ..LinkParameters::default() };
        for (now, _, verdict) in verdicts(seed, &parameters, &parameters, &vec![(0, 1500); packets]) {
            if let Verdict::Deliver { at } = verdict {
                prop_assert!(at.saturating_sub(now) <= longest_wait(rate));
            }
        }
    }
}

#[test]
fn a_perfect_link_delivers_at_once() {
    let verdict = LinkState::default().offer(milliseconds(7), 1500, &LinkParameters::default(), &mut rng(1));
    assert_eq!(verdict, Verdict::Deliver { at: milliseconds(7) });
}

#[test]
fn a_packet_waits_for_a_slow_one_before_it() {
    let mut state = LinkState::default();
    let slow = LinkParameters { latency: milliseconds(50), ..LinkParameters::default() };
    let first = state.offer(milliseconds(0), 100, &slow, &mut rng(1));
    assert_eq!(first, Verdict::Deliver { at: milliseconds(50) });
    let healed = state.offer(milliseconds(1), 100, &LinkParameters::default(), &mut rng(1));
    assert_eq!(healed, Verdict::Deliver { at: milliseconds(50) });
    let later = state.offer(milliseconds(60), 100, &LinkParameters::default(), &mut rng(1));
    assert_eq!(later, Verdict::Deliver { at: milliseconds(60) });
}

#[test]
fn a_full_queue_drops_and_takes_packets_again_when_it_has_drained() {
    let parameters = LinkParameters { rate: Some(1_000_000), ..LinkParameters::default() };
    let mut state = LinkState::default();
    let taken = (0..1000)
        .take_while(|_| matches!(state.offer(Duration::ZERO, 1250, &parameters, &mut rng(1)), Verdict::Deliver { .. }))
        .count();
    // 1250 bytes are 10 ms of this line; the smallest queue of 32 KiB is a bit more than 26 of them.
    assert_eq!(taken, 26);
    let full = state.offer(Duration::ZERO, 1250, &parameters, &mut rng(1));
    assert_eq!(full, Verdict::Drop(DropReason::Overflow));
    let drained = state.offer(milliseconds(100), 1250, &parameters, &mut rng(1));
    assert_eq!(drained, Verdict::Deliver { at: milliseconds(270) });
}

#[test]
fn loss_is_as_frequent_as_it_says() {
    for (percent, seed) in [(1_u32, 1), (10, 2), (50, 3), (90, 4)] {
        let parameters = LinkParameters { loss: f64::from(percent) / 100.0, ..LinkParameters::default() };
        let mut state = LinkState::default();
        let mut stream = rng(seed);
        let packets = 100_000;
        let lost = (0..packets)
            .filter(|_| state.offer(Duration::ZERO, 100, &parameters, &mut stream) == Verdict::Drop(DropReason::Loss))
            .count() as f64;
        let expected = f64::from(packets) * parameters.loss;
        // Four standard deviations of a binomial distribution.
        let bound = 4.0 * (expected * (1.0 - parameters.loss)).sqrt();
        assert!(
            (lost - expected).abs() < bound,
            "{lost} of {packets} lost at {percent} %, {expected} ± {bound} expected"
        );
    }
}

#[test]
fn jitter_spreads_evenly() {
    let parameters =
        LinkParameters { latency: milliseconds(20), jitter: milliseconds(10), ..LinkParameters::default() };
    let mut state = LinkState::default();
    let mut stream = rng(5);
    // Far enough apart that no packet has to wait for an earlier one.
    let delays: Vec<f64> = (0..20_000_u64)
        .map(|number| {
            let now = milliseconds(number * 100);
            match state.offer(now, 100, &parameters, &mut stream) {
                Verdict::Deliver { at } => (at.saturating_sub(now)).as_secs_f64() * 1000.0,
                Verdict::Drop(reason) => panic!("nothing is to be dropped here, but: {reason:?}"),
            }
        })
        .collect();
    let mean = delays.iter().sum::<f64>() / delays.len() as f64;
    assert!((mean - 25.0).abs() < 0.1, "mean {mean} ms");
    assert!(delays.iter().all(|delay| (20.0..=30.0).contains(delay)));
    assert!(delays.iter().any(|&delay| delay < 20.1) && delays.iter().any(|&delay| delay > 29.9));
}

#[test]
fn extreme_numbers_are_survived() {
    let parameters =
        LinkParameters { rate: Some(1), loss: 1.0, jitter: Duration::MAX / 4, ..LinkParameters::default() };
    let mut state = LinkState::default();
    for _ in 0..100_000 {
        state.offer(Duration::ZERO, 65_535, &parameters, &mut rng(1));
    }
    let zero = LinkParameters { rate: Some(0), ..LinkParameters::default() };
    assert_eq!(
        LinkState::default().offer(Duration::ZERO, 65_535, &zero, &mut rng(1)),
        Verdict::Drop(DropReason::Overflow)
    );
}
