//! Genesis time: the one thing that a plan leaves open, settled when the nodes are about to be made.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::action::NodeProcess;

/// The monotonic instant of a second since 1970.
pub(super) fn instant_of(seconds: u64) -> Instant {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::now() + Duration::from_secs(seconds).saturating_sub(since_1970)
}

/// Whole seconds since 1970 at which a genesis that lies `delay` ahead takes place, rounded up.
pub(super) fn genesis_seconds(delay: Duration) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now + delay).as_millis().div_ceil(1000) as u64
}

/// Fills in the one template that a plan leaves open.
pub(super) fn fill_genesis_time(mut process: NodeProcess, genesis: Option<u64>) -> NodeProcess {
    let Some(genesis) = genesis.map(|seconds| seconds.to_string()) else { return process };
    let fill = |text: &mut String| {
        if text.contains("{genesis.time}") {
            *text = text.replace("{genesis.time}", &genesis);
        }
    };
    process.command.iter_mut().for_each(fill);
    process.init.iter_mut().flatten().for_each(fill);
    process.env.values_mut().for_each(fill);
    process.files.iter_mut().map(|file| &mut file.content).for_each(fill);
    process
}
