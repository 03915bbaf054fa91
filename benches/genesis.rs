//! How long the genesis of a large post-merge chain takes, and how much memory: the bar is 100 000 validators in 20 s and
//! 1 GiB. `cargo bench --bench genesis [-- NUMBER]`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use splitbrain::genesis::{Fork, PostMerge, Preset};

fn main() {
    let wanted = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let validators: u32 = wanted.unwrap_or(100_000);
    println!(
        "machine: {} cores, {}",
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        processor()
    );
    for fork in [Fork::Deneb, Fork::Electra] {
        let recipe = PostMerge {
            fork,
            electra_after: (fork == Fork::Electra).then_some(0),
            validators,
            preset: Preset::Custom,
            chain_id: 7117,
            gas_limit: 30_000_000,
            alloc: BTreeMap::new(),
        };
        let begin = Instant::now();
        let prepared = recipe.prepare();
        let keys = begin.elapsed();
        let files = prepared.finish(1_800_000_000);
        let whole = begin.elapsed();
        println!(
            "{fork}, {validators} validators: {:.2} s, {:.2} s of them after the genesis time is known; state of {} MiB; peak memory {}",
            whole.as_secs_f64(),
            whole.saturating_sub(keys).as_secs_f64(),
            files.ssz.len() >> 20,
            peak_memory()
        );
    }
}

/// `VmHWM`: the most memory that this process ever had.
fn peak_memory() -> String {
    line("/proc/self/status", "VmHWM:").unwrap_or_else(|| "unknown".to_owned())
}

fn processor() -> String {
    line("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned())
}

fn line(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
