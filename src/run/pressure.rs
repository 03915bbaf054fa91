//! How long tasks on this machine waited for a processor, for memory or for disks, as Linux counts it (pressure stall
//! information, `Documentation/accounting/psi.rst`). A kernel that does not count says nothing, and so does this.

use std::fs;
use std::time::Instant;

use crate::journal::What;

/// Counts since some moment, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Totals {
    cpu: u64,
    memory: u64,
    io: u64,
}

/// Tells what was waited for since it was last asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct PressureMeter {
    last: Option<(Instant, Totals)>,
}

impl PressureMeter {
    pub(super) fn start() -> Self {
        Self { last: totals().map(|totals| (Instant::now(), totals)) }
    }

    /// What to write down of the time since the last call.
    pub(super) fn since_last(&mut self) -> Option<What> {
        let (then, before) = self.last?;
        let (now, after) = (Instant::now(), totals()?);
        self.last = Some((now, after));
        Some(What::Pressure {
            over: (now - then).as_micros() as u64,
            cpu: after.cpu.saturating_sub(before.cpu),
            memory: after.memory.saturating_sub(before.memory),
            io: after.io.saturating_sub(before.io),
        })
    }
}

fn totals() -> Option<Totals> {
    let of = |what: &str| some_total(&fs::read_to_string(format!("/proc/pressure/{what}")).ok()?);
    Some(Totals { cpu: of("cpu")?, memory: of("memory")?, io: of("io")? })
}

/// The time in which at least one task waited: `some avg10=… avg60=… avg300=… total=MICROSECONDS`.
fn some_total(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("some "))?;
    line.split(' ').find_map(|word| word.strip_prefix("total="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_text_is_read() {
        let text = "some avg10=92.57 avg60=78.83 avg300=70.62 total=8387726239\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        assert_eq!(some_total(text), Some(8_387_726_239));
        assert_eq!(some_total("full avg10=0.00 total=7\n"), None);
        assert_eq!(some_total("some avg10=0.00 total=many\n"), None);
    }

    #[test]
    fn a_meter_tells_of_the_time_between_two_calls() {
        let mut meter = PressureMeter::start();
        match meter.since_last() {
            Some(What::Pressure { over, .. }) => assert!(over < 60_000_000, "{over}"),
            // A kernel without it.
            None => assert!(totals().is_none()),
            other => panic!("{other:?}"),
        }
    }
}
