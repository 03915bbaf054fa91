//! Ctrl-C, SIGTERM and SIGHUP, counted: once ends the timeline (judged, then torn down), twice tears down now.

use std::fs;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::output;

/// Starts counting. Must be called inside the runtime.
pub(super) fn count() -> std::io::Result<watch::Receiver<u8>> {
    let (sender, receiver) = watch::channel(0_u8);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = if ignored(SignalKind::hangup()) { None } else { Some(signal(SignalKind::hangup())?) };
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                // A terminal that goes away may say so twice, itself and by its shell: that is no impatience.
                () = next(&mut hangup) => if *sender.borrow() > 0 { continue },
            }
            sender.send_modify(|count| *count = count.saturating_add(1));
            match *sender.borrow() {
                1 => output::say("interrupted: judging what there is, then tearing down (again: tear down now)"),
                _ => output::say("interrupted again: tearing down now"),
            }
        }
    });
    Ok(receiver)
}

/// The next signal of a kind; never comes if nobody listens to that kind.
async fn next(signals: &mut Option<Signal>) {
    match signals {
        Some(signals) => {
            signals.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether whoever started this process had it ignore a signal: `nohup splitbrain run` outlives its terminal.
fn ignored(kind: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
    set & (1 << (kind.as_raw_value() - 1)) != 0
}
