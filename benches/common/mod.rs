//! What all benchmarks of real networks share: the machine's description, medians, and their own nodes.
#![allow(dead_code, reason = "each benchmark is a crate of its own and uses a part of this")]

use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Says what machine the numbers are from.
pub(crate) fn print_machine() {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("machine   {} × {}", cores, model.trim_start_matches([' ', '\t', ':']));
    println!("kernel    Linux {}", kernel.trim());
    println!("load      {} before the start", load.split(' ').take(3).collect::<Vec<_>>().join(" "));
    if cfg!(debug_assertions) {
        println!("warning   this is a debug build: the numbers mean nothing");
    }
}

/// Whether this process can make networks; says loudly why not.
pub(crate) fn able() -> bool {
    match splitbrain::backend::fabric::enter_user_namespace().and_then(|_| splitbrain::backend::fabric::probe()) {
        Ok(kind) => {
            println!("devices   {kind:?}");
            true
        }
        Err(error) => {
            eprintln!("SKIPPED: this process can make no network: {error}");
            false
        }
    }
}

/// The number that so many of the sorted others are below, `share` from 0 to 1.
pub(crate) fn quantile<T: Copy>(sorted: &[T], share: f64) -> T {
    sorted[((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len()) - 1]
}

pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    quantile(&numbers, 0.5)
}

pub(crate) fn address(node: u16) -> Ipv4Addr {
    let [high, low] = (node + 256).to_be_bytes();
    Ipv4Addr::new(10, 77, high, low)
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Says whether a number is within its bar.
pub(crate) fn verdict(good: bool) -> &'static str {
    if good { "reached" } else { "MISSED" }
}
