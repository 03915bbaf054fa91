//! Looks names up: in the project folder first, then among the shipped files.
//!
//! The project folder is the nearest one upwards from the scenario file or the working directory that has `clients/`,
//! `topologies/` or `scenarios/`; `--project DIR` names it outright.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::shipped;
use crate::client::ClientFolder;
use crate::spec::{FileKind, Library};

/// Folders that make a folder a project.
const FOLDERS: [&str; 3] = ["clients", "topologies", "scenarios"];

/// Files larger than this in a client folder are not part of it (somebody's build output); they would be copied into
/// every image build.
const LARGEST_CLIENT_FILE: u64 = 4 * 1024 * 1024;

/// Where names are looked up.
#[derive(Clone, Debug)]
pub(super) struct Project {
    root: Option<PathBuf>,
}

/// A file that was found: the name to show and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Path as a person would name it; shipped files are `<shipped>/scenarios/quickstart.yaml`.
    pub(super) path: String,
    /// Content.
    pub(super) text: String,
}

impl Project {
    /// The project of a scenario file, or of the working directory.
    pub(super) fn find(named: Option<&Path>, scenario: Option<&Path>) -> Self {
        let start = match (named, scenario) {
            (Some(root), _) => return Self { root: Some(root.to_owned()) },
            (None, Some(scenario)) => fs::canonicalize(scenario).ok().and_then(|path| Some(path.parent()?.to_owned())),
            (None, None) => None,
        };
        let start = start.or_else(|| std::env::current_dir().ok());
        let upwards = start.as_deref().map(Path::ancestors).into_iter().flatten();
        let root = upwards.filter(|folder| FOLDERS.iter().any(|name| folder.join(name).is_dir())).map(Path::to_owned);
        Self { root: root.into_iter().next() }
    }

    /// `<folder>/<name>.yaml` of the project, else the shipped one.
    pub(super) fn yaml(&self, folder: &str, name: &str) -> Option<Found> {
        let relative = format!("{folder}/{name}.yaml");
        self.file(&relative)
    }

    /// A file by its path in the project.
    pub(super) fn file(&self, relative: &str) -> Option<Found> {
        if let Some(root) = &self.root {
            let path = root.join(relative);
            if let Ok(Ok(text)) = read_file(&path).map(String::from_utf8) {
                return Some(Found { path: short(&path), text });
            }
        }
        let text = shipped::text(relative)?;
        Some(Found { path: format!("<shipped>/{relative}"), text: text.to_owned() })
    }

    /// All names of scenarios or topologies.
    pub(super) fn yaml_names(&self, folder: &str) -> BTreeSet<String> {
        let name = |file: &str| file.strip_suffix(".yaml").map(str::to_owned);
        let mut names: BTreeSet<String> = shipped::files()
            .filter_map(|(path, _)| path.strip_prefix(folder)?.strip_prefix('/'))
            .filter_map(name)
            .collect();
        for entry in self.list(folder) {
            // A folder of them is part of the name: `history/cve-2021-39137`.
            let inner = self.list(&format!("{folder}/{entry}"));
            names.extend(inner.iter().filter_map(|file| Some(format!("{entry}/{}", name(file)?))));
            names.extend(name(&entry));
        }
        names
    }

    /// All names of clients.
    pub(super) fn client_names(&self) -> BTreeSet<String> {
        let name = |path: &str| Some(path.strip_prefix("clients/")?.strip_suffix("/client.yaml")?.to_owned());
        let mut names: BTreeSet<String> = shipped::files().filter_map(|(path, _)| name(path)).collect();
        let here = self.list("clients").into_iter();
        names.extend(here.filter(|name| {
            self.root.as_ref().is_some_and(|root| root.join("clients").join(name).join("client.yaml").is_file())
        }));
        names
    }

    /// The files of a client's folder by path inside it, without `bin/`.
    pub(super) fn client_files(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let prefix = format!("clients/{name}/");
        if let Some(folder) = self.client_folder(name) {
            let mut files = BTreeMap::new();
            read_folder(&folder, "", &mut files);
            return files;
        }
        shipped::files()
            .filter_map(|(path, bytes)| Some((path.strip_prefix(&prefix)?.to_owned(), bytes.to_vec())))
            .collect()
    }

    /// Programs in a client's `bin/` folder: file name → path.
    pub(super) fn client_programs(&self, name: &str) -> BTreeMap<String, PathBuf> {
        let Some(folder) = self.client_folder(name) else { return BTreeMap::new() };
        let Ok(entries) = fs::read_dir(folder.join("bin")) else { return BTreeMap::new() };
        let files = entries.filter_map(Result::ok).filter(|entry| entry.path().is_file());
        files.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect()
    }

    fn client_folder(&self, name: &str) -> Option<PathBuf> {
        let folder = self.root.as_ref()?.join("clients").join(name);
        folder.join("client.yaml").is_file().then_some(folder)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let Some(root) = &self.root else { return Vec::new() };
        let Ok(entries) = fs::read_dir(root.join(folder)) else { return Vec::new() };
        entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Library for Project {
    fn topology(&self, name: &str) -> Option<(String, String)> {
        self.yaml("topologies", name).map(|found| (found.path, found.text))
    }

    fn client(&self, name: &str) -> Option<ClientFolder> {
        let manifest = self.file(&format!("clients/{name}/client.yaml"))?;
        Some(ClientFolder {
            name: name.to_owned(),
            manifest: (manifest.path, manifest.text),
            place: self.client_folder(name),
            files: self.client_files(name),
            bin: self.client_programs(name),
        })
    }

    fn names(&self, kind: FileKind) -> Vec<String> {
        let names = match kind {
            FileKind::Scenario => self.yaml_names("scenarios"),
            FileKind::Topology => self.yaml_names("topologies"),
            FileKind::Client => self.client_names(),
        };
        names.into_iter().collect()
    }
}

/// A path relative to the working directory, if it lies below it.
pub(super) fn short(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    relative.unwrap_or(path).display().to_string()
}

/// Longest file that a person wrote, in bytes; the reader of YAML refuses much shorter ones with a place.
const LONGEST_FILE: u64 = 16 << 20;

/// Reads an ordinary file. A pipe could block for ever, and a device may have no end.
pub(super) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    let refuse = |why: String| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if metadata.is_dir() {
        return refuse("it is a folder".to_owned());
    }
    if !metadata.is_file() {
        return refuse("it is no ordinary file (a pipe, a socket or a device)".to_owned());
    }
    if metadata.len() > LONGEST_FILE {
        return refuse(format!("it is longer than {} MiB", LONGEST_FILE >> 20));
    }
    let mut bytes = Vec::new();
    // Files such as those of /proc say that they are empty and are not.
    fs::File::open(path)?.take(LONGEST_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() && path != "bin" {
            read_folder(&entry.path(), &format!("{path}/"), files);
        } else if metadata.is_file()
            && metadata.len() <= LARGEST_CLIENT_FILE
            && let Ok(bytes) = fs::read(entry.path())
        {
            files.insert(path, bytes);
        }
    }
}
