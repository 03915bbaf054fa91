//! How long clients took to start in earlier runs, kept in the user's cache folder. It is a help and no more: where it
//! cannot be read or written, runs go on without it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::action::NodeName;
use crate::journal::{Journal, NodePhase, What};

/// Runs that are remembered for each client and backend.
const REMEMBERED: usize = 5;
/// Longest start that is taken for one, in milliseconds: more is a client that waited for something else.
const LONGEST: u64 = 120_000;

/// Backend → client → milliseconds, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    #[serde(default)]
    starts: BTreeMap<String, BTreeMap<String, Vec<u64>>>,
}

/// The file in `$XDG_CACHE_HOME`, or in `.cache` of the home folder.
pub fn start_times_file() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("splitbrain").join("start-times.json"))
}

fn read(file: &Path) -> Remembered {
    fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// The middle one of the remembered starts of each client on a backend, in milliseconds.
pub fn read_start_times(file: &Path, backend: &str) -> BTreeMap<String, u64> {
    let clients = read(file).starts.remove(backend).unwrap_or_default();
    let middle = clients.into_iter().filter_map(|(client, mut times)| {
        times.sort_unstable();
        // Of an even number the lower one: what makes a start slow is most often something else on the machine.
        let middle = times.get(times.len().checked_sub(1)? / 2).copied()?;
        Some((client, middle.min(LONGEST)))
    });
    middle.collect()
}

/// Adds what a run measured: for each client the slowest first start, from its process to its being ready.
pub fn remember_start_times(file: &Path, backend: &str, journal: &Journal) -> std::io::Result<()> {
    let measured = measured(journal);
    if measured.is_empty() {
        return Ok(());
    }
    let mut remembered = read(file);
    let clients = remembered.starts.entry(backend.to_owned()).or_default();
    for (client, time) in measured {
        let times = clients.entry(client).or_default();
        times.push(time);
        let surplus = times.len().saturating_sub(REMEMBERED);
        times.drain(..surplus);
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Whole or not at all: two runs may end at once.
    let temporary = tempfile::NamedTempFile::new_in(folder)?;
    fs::write(temporary.path(), serde_json::to_vec_pretty(&remembered)?)?;
    temporary.persist(file).map(drop).map_err(|error| error.error)
}

fn measured(journal: &Journal) -> BTreeMap<String, u64> {
    let mut started: BTreeMap<&NodeName, u64> = BTreeMap::new();
    let mut ready: BTreeMap<&NodeName, u64> = BTreeMap::new();
    for event in &journal.events {
        match &event.what {
            What::Node { node, phase: NodePhase::Started } => {
                started.entry(node).or_insert(event.at);
            }
            What::Node { node, phase: NodePhase::Ready } => {
                ready.entry(node).or_insert(event.at);
            }
            _ => {}
        }
    }
    let mut slowest: BTreeMap<String, u64> = BTreeMap::new();
    for node in &journal.run.nodes {
        let Some((started, ready)) = started.get(&node.name).zip(ready.get(&node.name)) else { continue };
        let time = ready.saturating_sub(*started).div_ceil(1000);
        if time <= LONGEST {
            let slowest = slowest.entry(node.client.to_string()).or_default();
            *slowest = time.max(*slowest);
        }
    }
    slowest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("none/start-times.json");
        assert!(read_start_times(&file, "native").is_empty());
        let broken = folder.path().join("broken.json");
        fs::write(&broken, "{\"starts\": 7").expect("written");
        assert!(read_start_times(&broken, "native").is_empty());
    }

    #[test]
    fn the_middle_one_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("start-times.json");
        let text = r#"{"starts": {"native": {"a": [900, 100, 200], "b": [9999999], "c": [70, 5], "d": []}}}"#;
        fs::write(&file, text).expect("written");
        let wanted = [("a".to_owned(), 200), ("b".to_owned(), LONGEST), ("c".to_owned(), 5)];
        assert_eq!(read_start_times(&file, "native"), wanted.into());
        assert!(read_start_times(&file, "docker").is_empty());
    }
}
