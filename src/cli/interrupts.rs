//! Ctrl-C and SIGTERM, counted: once ends the timeline (judged, then torn down), twice tears down now.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::output;

/// Starts counting. Must be called inside the runtime.
pub(super) fn count() -> std::io::Result<watch::Receiver<u8>> {
    let (sender, receiver) = watch::channel(0_u8);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
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
