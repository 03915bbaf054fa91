//! A client's folder as it was read by the caller: this room does no I/O.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A client's folder.
#[derive(Clone, Debug, Default)]
pub struct ClientFolder {
    /// Its name, which is the client's.
    pub name: String,
    /// Path for messages, and text of `client.yaml`.
    pub manifest: (String, String),
    /// Where it lies on this machine; nothing for a client that is shipped inside the binary.
    pub place: Option<PathBuf>,
    /// Its other files (small ones: Dockerfiles, scripts), by path inside the folder.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Programs in its `bin/`: file name → path on this machine.
    pub bin: BTreeMap<String, PathBuf>,
}
