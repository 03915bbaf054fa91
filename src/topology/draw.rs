//! Small draws from a seeded stream.

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

/// A number from 0 to `end - 1`. The bias for a range of a few thousand is below 2⁻⁵⁰.
pub(super) fn below(stream: &mut ChaCha20Rng, end: usize) -> usize {
    ((u128::from(stream.next_u64()) * end as u128) >> 64) as usize
}

/// True with this probability.
pub(super) fn chance(stream: &mut ChaCha20Rng, probability: f64) -> bool {
    // 53 random bits are a uniform number in [0, 1).
    let number = (stream.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    number < probability
}

/// Puts a list into random order (Fisher and Yates).
pub(super) fn shuffle<T>(stream: &mut ChaCha20Rng, list: &mut [T]) {
    for last in (1..list.len()).rev() {
        list.swap(last, below(stream, last + 1));
    }
}
