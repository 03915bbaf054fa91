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

/// Empties the data folder and puts the files back.
pub(super) fn wipe(folder: &Path, node: &NodeProcess) -> io::Result<()> {
    let data = inside(folder, &node.data)?;
    match fs::remove_dir_all(&data) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir_all(data)?;
    write_files(folder, node)
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
    fn paths_stay_inside_the_folder() {
        let folder = Path::new("/run/node");
        assert_eq!(inside(folder, "files/genesis.json").unwrap(), Path::new("/run/node/files/genesis.json"));
        for outside in ["/etc/passwd", "../other/data", "files/../../x", ""] {
            assert!(inside(folder, outside).is_err(), "{outside}");
        }
    }
}
