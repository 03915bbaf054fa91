//! Counters of directed links: written by the forwarder alone, read by anybody at any time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::LinkCounters;
use crate::link::DropReason;

/// Totals of one directed link.
#[derive(Debug, Default)]
pub(super) struct Totals {
    packets: AtomicU64,
    bytes: AtomicU64,
    cut: AtomicU64,
    lost: AtomicU64,
    overflow: AtomicU64,
}

impl Totals {
    /// A packet of so many bytes was delivered.
    pub(super) fn delivered(&self, bytes: usize) {
        add(&self.packets, 1);
        add(&self.bytes, bytes as u64);
    }

    /// A packet was dropped.
    pub(super) fn dropped(&self, reason: DropReason) {
        let total = match reason {
            DropReason::Cut => &self.cut,
            DropReason::Loss => &self.lost,
            DropReason::Overflow => &self.overflow,
        };
        add(total, 1);
    }
}

/// The forwarder is the only writer, so no locked instruction is needed.
fn add(total: &AtomicU64, more: u64) {
    total.store(total.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

/// All links that ever saw a packet.
#[derive(Debug, Default)]
pub(super) struct CounterBoard {
    links: Mutex<BTreeMap<(u16, u16), Arc<Totals>>>,
}

impl CounterBoard {
    /// Puts a link on the board; called once for each link, with its first packet.
    pub(super) fn add(&self, from: u16, to: u16) -> Arc<Totals> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(links.entry((from, to)).or_default())
    }

    /// All totals, in order of sender and receiver.
    pub(super) fn read(&self) -> Vec<LinkCounters> {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |total: &AtomicU64| total.load(Ordering::Relaxed);
        links
            .iter()
            .map(|(&(from, to), totals)| LinkCounters {
                from,
                to,
                packets: read(&totals.packets),
                bytes: read(&totals.bytes),
                cut: read(&totals.cut),
                lost: read(&totals.lost),
                overflow: read(&totals.overflow),
            })
            .collect()
    }
}
