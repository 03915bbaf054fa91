//! Notices when the whole tool stood still: stopped by a signal, swapped out, or with the whole machine suspended. On a
//! plain thread of its own, because a busy event loop is no standstill: packets pass and swaps come without it.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use tokio::sync::mpsc;

use super::clock::RunClock;
use crate::journal::What;

/// Time between two beats.
const BEAT: Duration = Duration::from_millis(250);
/// A beat that comes so much late tells of a standstill.
const LATE: Duration = Duration::from_secs(1);
/// Standstills that wait for the event loop.
const WAITING: usize = 64;

/// The thread's other end; it ends with this.
#[derive(Debug)]
pub(super) struct Pulse {
    last: Arc<Mutex<Beat>>,
    clock: RunClock,
    _alive: SyncSender<()>,
}

/// When the last beat was, by the clock that stands still with the machine and by the one that does not.
#[derive(Clone, Copy, Debug)]
struct Beat {
    at: Instant,
    outside: Duration,
}

impl Beat {
    fn now() -> Self {
        // A kernel without that clock is older than any that this runs on; then no suspension is seen.
        let outside = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
        Self { at: Instant::now(), outside }
    }

    /// What happened since the beat before it, if that is worth a word: from, to, and how long the machine was suspended.
    fn after(self, before: Self) -> Option<(Instant, Instant, Duration)> {
        let inside = self.at.saturating_duration_since(before.at);
        let suspended = self.outside.saturating_sub(before.outside).saturating_sub(inside);
        // The two clocks are not read at one instant.
        let suspended = if suspended > BEAT { suspended } else { Duration::ZERO };
        (inside + suspended > BEAT + LATE).then_some((before.at, self.at, suspended))
    }
}

impl Pulse {
    /// Starts the thread; standstills come out of the receiver.
    pub(super) fn start(clock: RunClock) -> std::io::Result<(Self, mpsc::Receiver<What>)> {
        let (sender, standstills) = mpsc::channel(WAITING);
        let (alive, ended) = sync_channel(0);
        let last = Arc::new(Mutex::new(Beat::now()));
        let beats = Arc::clone(&last);
        std::thread::Builder::new().name("pulse".to_owned()).spawn(move || {
            while ended.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                if let Some(what) = beat(&beats, clock) {
                    // When nobody takes them any more, or not so many, the first ones are enough.
                    let _ = sender.try_send(what);
                }
            }
        })?;
        Ok((Self { last, clock, _alive: alive }, standstills))
    }

    /// Whether it stands still, or stood until just now: for the end of a run, when the thread's next beat comes too late.
    pub(super) fn feel(&self) -> Option<What> {
        beat(&self.last, self.clock)
    }
}

fn beat(last: &Mutex<Beat>, clock: RunClock) -> Option<What> {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Beat::now();
    let before = std::mem::replace(&mut *last, now);
    let (from, to, suspended) = now.after(before)?;
    Some(What::StoodStill {
        from: clock.micros(from),
        to: clock.micros(to),
        suspended: u64::try_from(suspended.as_micros()).unwrap_or(u64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat_at(origin: Instant, inside: u64, outside: u64) -> Beat {
        Beat { at: origin + Duration::from_millis(inside), outside: Duration::from_millis(outside) }
    }

    #[test]
    fn a_beat_that_comes_late_tells_of_a_standstill() {
        let origin = Instant::now();
        let before = beat_at(origin, 0, 7_000);
        assert_eq!(beat_at(origin, 1_200, 8_200).after(before), None, "a busy machine");
        let (from, to, suspended) = beat_at(origin, 8_000, 15_000).after(before).expect("stopped for 8 s");
        assert_eq!((from, to, suspended), (origin, origin + Duration::from_secs(8), Duration::ZERO));
    }

    #[test]
    fn a_suspended_machine_is_seen_though_its_own_clock_stood_too() {
        let origin = Instant::now();
        let before = beat_at(origin, 0, 7_000);
        let (from, to, suspended) = beat_at(origin, 250, 67_250).after(before).expect("asleep for a minute");
        assert_eq!((from, to), (origin, origin + Duration::from_millis(250)));
        assert_eq!(suspended, Duration::from_secs(60));
        assert_eq!(beat_at(origin, 250, 7_260).after(before), None, "clocks are not read at one instant");
    }

    #[test]
    fn a_pulse_beats() {
        let (pulse, mut standstills) = Pulse::start(RunClock::start()).expect("a thread");
        let first = pulse.last.lock().expect("no panic").at;
        let deadline = Instant::now() + Duration::from_secs(20);
        while pulse.last.lock().expect("no panic").at == first {
            assert!(Instant::now() < deadline, "no beat");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        *pulse.last.lock().expect("no panic") =
            Beat { at: first, outside: Beat::now().outside.saturating_sub(LATE * 9) };
        let what = pulse.feel().or_else(|| standstills.blocking_recv());
        assert!(matches!(what, Some(What::StoodStill { suspended, .. }) if suspended > 5_000_000), "{what:?}");
    }
}
