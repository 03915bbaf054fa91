//! A machine that had more to do than it could: blocks and answers are late then, and no client is to blame.

use super::{Finding, FindingKind};
use crate::check::history::{History, Pressure};
use crate::check::questions::seconds;

/// From this share of a stretch of time on, in which something waited, the machine counts as overloaded.
const BUSY: f64 = 0.9;
/// Shorter overloads than this, taken together, are not told: every start of a network has one. In microseconds.
const TOLERATED: u64 = 20_000_000;

pub(super) fn find(history: &History<'_>) -> Vec<Finding> {
    let Some(zero) = history.zero else { return Vec::new() };
    let busy: Vec<&Pressure> = history
        .pressures
        .iter()
        .filter(|stretch| stretch.at > zero && stretch.over > 0 && waited(stretch).0 >= BUSY)
        .collect();
    let within = |stretch: &&Pressure| stretch.over.min(stretch.at - zero);
    let lasted: u64 = busy.iter().map(within).sum();
    let worst = busy.iter().map(|stretch| waited(stretch)).max_by(|a, b| a.0.total_cmp(&b.0));
    let (Some(first), Some(last), Some((share, what)), TOLERATED..) = (busy.first(), busy.last(), worst, lasted) else {
        return Vec::new();
    };
    let text = format!(
        "this machine was overloaded for {} of {}: something waited for {what} for up to {:.0} % of the time; what was late \
         may have been late because of it",
        seconds(lasted),
        seconds(history.end - zero),
        share * 100.0,
    );
    let from = first.at.saturating_sub(first.over).max(zero);
    let evidence = busy.iter().map(|stretch| stretch.seq).collect();
    vec![Finding { kind: FindingKind::BusyMachine, who: Vec::new(), from, to: Some(last.at), text, evidence }]
}

/// The larger share of the stretch in which something waited, and for what. Disks are left out: one task that writes much
/// and waits for it harms nobody else.
fn waited(stretch: &Pressure) -> (f64, &'static str) {
    let share = |part: u64| (part as f64 / stretch.over as f64).min(1.0);
    let (cpu, memory) = (share(stretch.cpu), share(stretch.memory));
    if memory > cpu { (memory, "memory") } else { (cpu, "a processor") }
}
