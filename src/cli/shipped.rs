//! The clients, topologies and scenarios inside the binary (put there by `build.rs`).

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// All shipped files: path in the project (`scenarios/quickstart.yaml`) and content.
pub(super) fn files() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    SHIPPED.iter().copied()
}

/// A shipped text file.
pub(super) fn text(path: &str) -> Option<&'static str> {
    files().find(|(name, _)| *name == path).and_then(|(_, bytes)| std::str::from_utf8(bytes).ok())
}
