//! The project's own clients and topologies, without what was built into `bin/` folders: the same everywhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use splitbrain::client::ClientFolder;
use splitbrain::spec::{FileKind, Library};

/// Looks names up in the folders of the project.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShippedFiles;

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> Option<String> {
    fs::read_to_string(root().join(path)).ok()
}

impl Library for ShippedFiles {
    fn topology(&self, name: &str) -> Option<(String, String)> {
        let path = format!("topologies/{name}.yaml");
        let text = text(Path::new(&path))?;
        Some((path, text))
    }

    fn client(&self, name: &str) -> Option<ClientFolder> {
        let folder = Path::new("clients").join(name);
        let manifest = text(&folder.join("client.yaml"))?;
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(root().join(&folder)).ok()?.flatten().filter(|entry| entry.path().is_file()) {
            files.insert(entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).ok()?);
        }
        let manifest = (format!("clients/{name}/client.yaml"), manifest);
        Some(ClientFolder { name: name.to_owned(), manifest, files, ..ClientFolder::default() })
    }

    fn names(&self, kind: FileKind) -> Vec<String> {
        let folder = if kind == FileKind::Client { "clients" } else { "topologies" };
        let entries = fs::read_dir(root().join(folder)).expect("the project's folder").flatten();
        let named = entries.filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            if kind == FileKind::Client {
                entry.path().join("client.yaml").is_file().then_some(name)
            } else {
                name.strip_suffix(".yaml").map(str::to_owned)
            }
        });
        let mut names: Vec<String> = named.collect();
        names.sort();
        names
    }
}
