//! Files on their way into containers and build contexts, as tar archives in memory.

use std::collections::BTreeSet;
use std::io;

use tar::{Builder, EntryType, Header};

use crate::action::NodeProcess;

/// Folder of a node inside its container: working directory, parent of files and data.
pub(super) const NODE_FOLDER: &str = "/splitbrain";

/// The node's files and its empty data folder, to be unpacked at `/`. The data folder may be written by anybody, since
/// images run as all kinds of users.
pub(super) fn node_files(node: &NodeProcess) -> io::Result<Vec<u8>> {
    let mut archive = Archive::default();
    archive.folder(NODE_FOLDER, 0o755)?;
    for file in &node.files {
        let path = absolute(&file.path);
        if let Some((parent, _)) = path.rsplit_once('/').filter(|(parent, _)| parent.starts_with(NODE_FOLDER)) {
            archive.folder(parent, if parent == absolute(&node.data) { 0o777 } else { 0o755 })?;
        }
        archive.file(&path, file.mode, file.contents())?;
    }
    archive.folder(&absolute(&node.data), 0o777)?;
    archive.finish()
}

/// A path inside the container; what is relative starts from the node's folder.
pub(super) fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{NODE_FOLDER}/{path}") }
}

/// An archive under construction. Owners are root and times are zero, so that the same files give the same bytes.
pub(super) struct Archive {
    builder: Builder<Vec<u8>>,
    folders: BTreeSet<String>,
}

impl Default for Archive {
    fn default() -> Self {
        Self { builder: Builder::new(Vec::new()), folders: BTreeSet::new() }
    }
}

impl Archive {
    /// Adds a folder, once.
    pub(super) fn folder(&mut self, path: &str, mode: u32) -> io::Result<()> {
        let path = format!("{}/", path.trim_matches('/'));
        if !self.folders.insert(path.clone()) {
            return Ok(());
        }
        let mut header = header(EntryType::Directory, mode, 0);
        self.builder.append_data(&mut header, path, io::empty())
    }

    /// Adds a file.
    pub(super) fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        let mut header = header(EntryType::Regular, mode, content.len() as u64);
        self.builder.append_data(&mut header, path.trim_start_matches('/'), content)
    }

    /// The archive's bytes.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        self.builder.into_inner()
    }
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}
