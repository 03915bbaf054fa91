//! Where runs keep their nodes' folders on this machine, and who owns each.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::super::fabric::real_uid;
use super::super::{Owner, OwnerState};
use crate::action::RunId;

/// File in each run's folder that says who made it.
pub(super) const OWNER_FILE: &str = "owner";

/// How the name of a run's folder begins while it has no owner's file yet; the owner's mark follows.
const UNFINISHED: &str = ".new-";

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
    let (root, owner) = (state_root()?, Owner::current()?);
    let folder = root.join(run.as_str());
    // Under a name that tells its owner until the file is in it: there is no instant at which `clean` could not tell.
    let unfinished = root.join(format!("{UNFINISHED}{owner}"));
    DirBuilder::new().mode(0o700).create(&unfinished)?;
    fs::write(unfinished.join(OWNER_FILE), owner.to_string())?;
    fs::rename(&unfinished, &folder)?;
    Ok(folder)
}

/// Whose folder this is, and whether that one lives; `None` if it is none of a run. These folders lie on a disk of this
/// machine, so that one of an earlier boot has nobody any more.
pub(super) fn owner_of(folder: &Path) -> Option<OwnerState> {
    let name = folder.file_name()?.to_str()?;
    let mark = match name.strip_prefix(UNFINISHED) {
        Some(mark) => mark.to_owned(),
        None => fs::read_to_string(folder.join(OWNER_FILE)).ok()?,
    };
    let Ok(owner) = mark.parse::<Owner>() else { return Some(OwnerState::Elsewhere) };
    Some(if owner.is_of_this_boot() { owner.state() } else { OwnerState::Dead })
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
