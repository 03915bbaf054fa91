//! Bytes → document → scenario, topology and client: nothing may panic, whatever stands in a file.
//!
//! `cargo +nightly fuzz run read_files`. What it finds goes into `corpus/read_files/`, which `tests/fuzz_corpus.rs`
//! replays on every `cargo test`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use splitbrain::spec::{EmptyLibrary, validate_file};
use splitbrain::text::Sources;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for name in ["scenarios/fuzz.yaml", "topologies/fuzz.yaml", "clients/fuzz/client.yaml"] {
        let mut sources = Sources::new();
        let (_, diagnostics) = validate_file(&mut sources, &EmptyLibrary, name, text);
        let _ = sources.render_all(&diagnostics, true);
        let _ = sources.json(&diagnostics);
    }
});
