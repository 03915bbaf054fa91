//! A library of names for tests of the file readers: what stands in `tests/cases/library`.

use std::fs;
use std::path::{Path, PathBuf};

use splitbrain::client::ClientFolder;
use splitbrain::spec::{FileKind, Library};

/// Looks names up in `tests/cases/library`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestLibrary;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/library")
}

/// A name that cannot lead out of the folder.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

impl Library for TestLibrary {
    fn topology(&self, name: &str) -> Option<(String, String)> {
        let text =
            is_plain(name).then(|| fs::read_to_string(root().join("topologies").join(format!("{name}.yaml"))))?;
        Some((format!("topologies/{name}.yaml"), text.ok()?))
    }

    fn client(&self, name: &str) -> Option<ClientFolder> {
        let text = is_plain(name).then(|| fs::read_to_string(root().join("clients").join(name).join("client.yaml")))?;
        let manifest = (format!("clients/{name}/client.yaml"), text.ok()?);
        Some(ClientFolder { name: name.to_owned(), manifest, ..ClientFolder::default() })
    }

    fn names(&self, kind: FileKind) -> Vec<String> {
        let folder = if kind == FileKind::Client { "clients" } else { "topologies" };
        let entries = fs::read_dir(root().join(folder)).expect("the test library");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().trim_end_matches(".yaml").to_owned())
            .collect();
        names.sort();
        names
    }
}
