//! A node's folder: its working directory, with `data` and its files inside.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use crate::action::NodeProcess;

/// Makes the folder of a node, with its data folder and its files.
pub(super) fn make(folder: &Path, node: &NodeProcess) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::create_dir_all(inside(folder, &node.data)?)?;
    write_files(folder, node)
}

/// Makes the folder anew: what the node wrote beside its data goes as well, as it does with a container. Some clients keep
/// what they remember beside their files (validator clients their database of what they signed).
pub(super) fn wipe(folder: &Path, node: &NodeProcess) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => make(folder, node),
    }
}

fn write_files(folder: &Path, node: &NodeProcess) -> io::Result<()> {
    for file in &node.files {
        let path = inside(folder, &file.path)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        // An older file may be read-only.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::write(&path, file.contents())?;
        fs::set_permissions(&path, fs::Permissions::from_mode(file.mode & 0o7777))?;
    }
    Ok(())
}

/// A path of the plan inside the node's folder. One that leads out of it is refused: a scenario must not be able to write
/// anywhere on the machine.
fn inside(folder: &Path, path: &str) -> io::Result<PathBuf> {
    let path = Path::new(path);
    if path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        && path.components().next().is_some()
    {
        Ok(folder.join(path))
    } else {
        let message = format!("`{}` is not a path inside the node's folder", path.display());
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wiped_folder_holds_what_a_new_one_does() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("node");
        let node = serde_json::json!({
            "name": "a", "index": 0, "client": "c", "init": [], "command": ["c"], "env": {}, "data": "data",
            "files": [{"path": "files/a.txt", "content": "a", "mode": 0o400}],
            "attachments": [], "ports": {}, "resources": {},
        });
        let node: NodeProcess = serde_json::from_value(node).unwrap();
        make(&folder, &node).unwrap();
        for written in ["data/db", "files/signed.sqlite", "core"] {
            fs::write(folder.join(written), "x").unwrap();
        }
        wipe(&folder, &node).unwrap();
        for gone in ["data/db", "files/signed.sqlite", "core"] {
            assert!(!folder.join(gone).exists(), "{gone}");
        }
        assert_eq!(fs::read_to_string(folder.join("files/a.txt")).unwrap(), "a");
        assert!(folder.join("data").is_dir());
    }

    #[test]
    fn paths_stay_inside_the_folder() {
        let folder = Path::new("/run/node");
        assert_eq!(inside(folder, "files/genesis.json").unwrap(), Path::new("/run/node/files/genesis.json"));
        for outside in ["/etc/passwd", "../other/data", "files/../../x", ""] {
            assert!(inside(folder, outside).is_err(), "{outside}");
        }
    }
}
