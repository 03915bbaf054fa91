//! Where runs keep their nodes' folders on this machine, and who owns each.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::super::Owner;
use super::super::fabric::real_uid;
use crate::action::RunId;

/// File in each run's folder that says who made it.
pub(super) const OWNER_FILE: &str = "owner";

/// The folder of all runs of this user: `splitbrain-<uid>` in `$XDG_RUNTIME_DIR`, or in `/tmp`. Made if it is not there;
/// refused if it is somebody else's.
pub fn state_root() -> io::Result<PathBuf> {
    let root = root_in(&base());
    match DirBuilder::new().mode(0o700).create(&root) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(io::Error::new(error.kind(), format!("cannot make the folder {}: {error}", root.display())));
        }
        _ => {}
    }
    if is_ours(&root) {
        Ok(root)
    } else {
        let message = format!("{} is not a folder of this user; remove it or set XDG_RUNTIME_DIR", root.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
    }
}

/// Makes a run's folder, with a file that names this process as its owner. Remove it when the run is torn down.
pub fn state_folder(run: &RunId) -> io::Result<PathBuf> {
    let folder = state_root()?.join(run.as_str());
    DirBuilder::new().mode(0o700).create(&folder)?;
    fs::write(folder.join(OWNER_FILE), Owner::current()?.to_string())?;
    Ok(folder)
}

/// All folders where runs of this user may have left something, whatever the environment was then.
pub(super) fn known_roots() -> Vec<PathBuf> {
    let mut roots = vec![root_in(&base()), root_in(Path::new("/tmp"))];
    roots.dedup();
    roots.retain(|root| is_ours(root));
    roots
}

fn base() -> PathBuf {
    std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute() && folder.is_dir())
        .unwrap_or_else(|| PathBuf::from("/tmp"))
}

fn root_in(base: &Path) -> PathBuf {
    base.join(format!("splitbrain-{}", real_uid()))
}

/// In `/tmp` anybody can make a folder of any name first.
fn is_ours(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir() && found.uid() == nix::unistd::geteuid().as_raw())
}
