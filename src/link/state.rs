//! What happens to one packet that is offered to a directed link, and when it arrives.
//!
//! The model is a line with a queue before it and a delay behind it: a packet waits until the line is free (`rate`),
//! may get lost on it (`loss`), and arrives after `latency` and a share of `jitter`, never before an earlier packet of
//! the same link. A packet that gets lost has used the line, as on a real one.

use std::time::Duration;

use rand_core::Rng;

use super::LinkParameters;

/// How much time's worth of packets may wait before a line of limited rate: the bottleneck buffer of a home router.
const QUEUE_TIME: Duration = Duration::from_millis(200);

/// Slow lines may hold at least so many bytes, or they could not take one window of a TCP connection.
const SMALLEST_QUEUE: u64 = 32 * 1024;

/// Why a packet does not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The link is cut.
    Cut,
    /// Chance.
    Loss,
    /// The queue before the line is full.
    Overflow,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrives, unless the link is cut until then.
    Deliver {
        /// When, on the clock that `now` was read from; never before `now`.
        at: Duration,
    },
    /// It does not.
    Drop(DropReason),
}

/// What a directed link remembers from packet to packet. Times are distances from any fixed instant.
#[derive(Clone, Debug, Default)]
pub struct LinkState {
    /// When the last packet that waits for the line will have left it.
    line_free: Duration,
    /// When the last packet arrives.
    last_arrival: Duration,
}

impl LinkState {
    /// Offers a packet of so many bytes at `now`, which never runs backwards.
    ///
    /// Draws from `rng` once if there is a chance of loss, and once more for a packet that is delivered if there is
    /// jitter; so the same packets, parameters and stream give the same verdicts.
    pub fn offer(
        &mut self,
        now: Duration,
        packet_len: usize,
        parameters: &LinkParameters,
        rng: &mut impl Rng,
    ) -> Verdict {
        if parameters.cut {
            return Verdict::Drop(DropReason::Cut);
        }
        let mut leaves = now;
        if let Some(rate) = parameters.rate {
            let begins = self.line_free.max(now);
            let waiting = begins.saturating_sub(now);
            let sending = time_on_line(packet_len as u64, rate);
            if waiting + sending > longest_wait(rate) {
                return Verdict::Drop(DropReason::Overflow);
            }
            leaves = begins + sending;
            self.line_free = leaves;
        }
        if parameters.loss > 0.0 && share(rng) < parameters.loss {
            return Verdict::Drop(DropReason::Loss);
        }
        let mut arrives = leaves + parameters.latency;
        if !parameters.jitter.is_zero() {
            arrives += parameters.jitter.mul_f64(share(rng));
        }
        self.last_arrival = self.last_arrival.max(arrives);
        Verdict::Deliver { at: self.last_arrival }
    }
}

/// How long a line of the given bits per second is busy with so many bytes, rounded up to the nanosecond.
fn time_on_line(bytes: u64, rate: u64) -> Duration {
    let nanoseconds = (u128::from(bytes) * 8 * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX / 4))
}

/// Longest time from offering a packet to its last bit leaving the line.
fn longest_wait(rate: u64) -> Duration {
    QUEUE_TIME.max(time_on_line(SMALLEST_QUEUE, rate))
}

/// A uniform number from 0 up to, but without, 1.
fn share(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests;
