//! The run's clock: microseconds since the run started.

use std::time::{Duration, Instant};

/// The one place that reads the monotonic clock for the engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunClock {
    start: Instant,
}

impl RunClock {
    pub(super) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The run's start.
    pub(super) fn origin(self) -> Instant {
        self.start
    }

    /// Microseconds from the run's start to an instant.
    pub(super) fn micros(self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.start).as_micros()).unwrap_or(u64::MAX)
    }

    /// Microseconds from the run's start to now.
    pub(super) fn now_micros(self) -> u64 {
        self.micros(Instant::now())
    }

    pub(super) fn elapsed(self) -> Duration {
        self.start.elapsed()
    }
}
