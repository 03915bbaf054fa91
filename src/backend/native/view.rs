//! What a node sees of the machine's files, by a mount namespace of its own (mount_namespaces(7)): everything, but temporary
//! folders and a hosts file of its own, and of all runs' folders only its own one.
//!
//! It keeps nodes out of each other's way, as containers do; it locks nobody in.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::marks::Marks;
use super::names;

/// Folders of the machine that each node has for itself, and what they are called in the node's own folder for them.
const TEMPORARY: [(&str, &str); 2] = [("/tmp", "tmp"), ("/var/tmp", "var-tmp")];

/// Where programs ask the machine's own service for names, past everything that stands in the node's files.
const NAME_SERVICES: [&str; 2] = ["/run/nscd", "/var/run/nscd"];

/// Variables with paths that a node needs to see.
const PATHS: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// How a node sees files.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// The node's working folder; it keeps its path.
    folder: PathBuf,
    /// What the node sees in the place of the machine's own: temporary folders, hosts file.
    own: PathBuf,
    /// The folder with all runs' folders.
    hidden: PathBuf,
    /// What stays visible of the machine's temporary folders: that in which its program lies.
    kept: Vec<PathBuf>,
    /// What the mounts are called.
    mark: String,
}

/// Whether this process can give nodes a view of their own; why not, if so.
pub(super) fn possible() -> Result<(), String> {
    let attempt = || -> io::Result<()> {
        unshare_mounts()?;
        tmpfs("splitbrain-probe", Path::new("/tmp"), "size=64k,mode=1777")
    };
    // Only the thread is in the new namespace, and both are gone when it ends.
    let tried = std::thread::scope(|scope| scope.spawn(attempt).join());
    match tried {
        Ok(tried) => tried.map_err(|error| error.to_string()),
        Err(_) => Err("the attempt panicked".to_owned()),
    }
}

impl View {
    /// The view of a node of the run whose folder is `state`.
    pub(super) fn new(state: &Path, node: &str, program: &Path, marks: &Marks) -> Self {
        let of_all_runs =
            state.parent().filter(|parent| parent.file_name().is_some_and(|name| begins(name, "splitbrain-")));
        let paths = PATHS.iter().filter_map(std::env::var_os);
        let paths = paths.flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>());
        let paths = paths.filter_map(|path| path.canonicalize().ok()).chain([program.to_owned()]);
        let mut kept: Vec<PathBuf> = paths.filter_map(|path| entry_of_a_temporary_folder(&path)).collect();
        kept.sort();
        kept.dedup();
        Self {
            folder: state.join("nodes").join(node),
            own: state.join("own").join(node),
            hidden: of_all_runs.unwrap_or(state).to_owned(),
            kept,
            mark: marks.as_mount_source(),
        }
    }

    /// Makes the node's own files. `hosts` is its hosts file.
    pub(super) fn make(&self, hosts: &str) -> io::Result<()> {
        for (_, name) in TEMPORARY {
            let folder = self.own.join(name);
            fs::create_dir_all(&folder)?;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777))?;
        }
        fs::write(self.own.join("hosts"), hosts)?;
        match fs::read_to_string("/etc/nsswitch.conf") {
            Ok(machine) => fs::write(self.own.join("nsswitch.conf"), names::from_files_first(&machine)),
            Err(_) => Ok(()),
        }
    }

    /// Empties the temporary folders, as it does with a container that is made anew.
    pub(super) fn wipe(&self) -> io::Result<()> {
        for (_, name) in TEMPORARY {
            let folder = self.own.join(name);
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            fs::create_dir_all(&folder)?;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777))?;
        }
        Ok(())
    }

    /// Where temporary files go where there can be no view.
    pub(super) fn temporary(&self) -> PathBuf {
        self.own.join(TEMPORARY[0].1)
    }

    /// Gives the calling thread, and what it starts, this view. The thread must end after that.
    pub(super) fn enter(&self) -> io::Result<()> {
        unshare_mounts()?;
        // Opened before the places in which they lie are covered. A bind needs a path of this very namespace.
        let folder = Opened::at(&self.folder)?;
        let kept: Vec<Opened> = self.kept.iter().filter_map(|path| Opened::at(path).ok()).collect();
        let temporary = TEMPORARY.map(|(place, name)| (place, Opened::at(&self.own.join(name))));
        let files = [("/etc/hosts", "hosts"), ("/etc/nsswitch.conf", "nsswitch.conf")];
        let files = files.map(|(place, name)| (place, Opened::at(&self.own.join(name))));

        for (place, own) in temporary {
            if is_folder(Path::new(place)) {
                own?.bind_to(Path::new(place))?;
            }
        }
        for one in &kept {
            one.bind_to(&one.path)?;
        }
        fs::create_dir_all(&self.hidden)?;
        tmpfs(&self.mark, &self.hidden, "size=1m,mode=0755")?;
        folder.bind_to(&self.folder)?;
        if is_folder(Path::new("/dev/shm")) {
            tmpfs(&self.mark, Path::new("/dev/shm"), "mode=1777")?;
        }
        for service in NAME_SERVICES.iter().map(Path::new).filter(|service| is_folder(service)) {
            tmpfs(&self.mark, service, "size=64k,mode=0755")?;
        }
        for (place, own) in files {
            // Without a file to cover there is nowhere to put it: some containers have none.
            if let (true, Ok(own)) = (Path::new(place).exists(), own) {
                own.bind_to(Path::new(place))?;
            }
        }
        Ok(())
    }
}

/// Something that stays reachable though its path is covered.
struct Opened {
    path: PathBuf,
    file: File,
    is_folder: bool,
}

impl Opened {
    fn at(path: &Path) -> io::Result<Self> {
        let opened = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path);
        let file = opened.map_err(|error| at(path, "cannot open", error))?;
        let is_folder = file.metadata()?.is_dir();
        Ok(Self { path: path.to_owned(), file, is_folder })
    }

    /// Shows it at a path too, which is made if it is not there.
    fn bind_to(&self, place: &Path) -> io::Result<()> {
        if !place.exists() {
            if self.is_folder {
                fs::create_dir_all(place)?;
            } else {
                File::create(place)?;
            }
        }
        let source = PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        let bound = mount(Some(&source), place, None::<&str>, flags, None::<&str>);
        bound.map_err(|error| at(place, "cannot mount the node's own", error.into()))
    }
}

/// Gives the calling thread a mount namespace of its own. Mounts of the machine still come and go in it; none goes back.
fn unshare_mounts() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let flags = MsFlags::MS_REC | MsFlags::MS_SLAVE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)
        .map_err(|error| at(Path::new("/"), "cannot part from", error.into()))
}

/// Mounts an empty folder in memory.
fn tmpfs(source: &str, place: &Path, options: &str) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let mounted = mount(Some(source), place, Some("tmpfs"), flags, Some(options));
    mounted.map_err(|error| at(place, "cannot mount an empty folder on", error.into()))
}

fn at(place: &Path, what: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", place.display()))
}

/// Not a link: `/var/tmp` may be one to `/tmp`.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// The entry of a temporary folder of the machine that a path lies in.
fn entry_of_a_temporary_folder(path: &Path) -> Option<PathBuf> {
    TEMPORARY.iter().find_map(|(folder, _)| {
        let first = path.strip_prefix(folder).ok()?.components().next()?;
        let Component::Normal(first) = first else { return None };
        Some(Path::new(folder).join(first))
    })
}

fn begins(name: &OsStr, start: &str) -> bool {
    name.as_encoded_bytes().starts_with(start.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_lies_in_stays_visible() {
        let entry = |path: &str| entry_of_a_temporary_folder(Path::new(path));
        assert_eq!(entry("/tmp/project/clients/a/bin/node"), Some(PathBuf::from("/tmp/project")));
        assert_eq!(entry("/var/tmp/node"), Some(PathBuf::from("/var/tmp/node")));
        for other in ["/usr/bin/node", "/tmp", "/tmpfs/x"] {
            assert_eq!(entry(other), None, "{other}");
        }
    }
}
