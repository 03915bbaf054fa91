//! A folder of this machine as a build context: what `docker build FOLDER` would send. All that its `.dockerignore` lets
//! through, with permission bits, symbolic links as links, and folders, empty ones too.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::ignore::Ignored;

/// Our own files in a client's folder. They say how the client is run and not what is in its image: a change of them must
/// not build it anew.
const OURS: [&str; 2] = ["client.yaml", "hive.yaml"];

/// Name of the file that says what stays out.
const IGNORE_FILE: &str = ".dockerignore";

/// Something in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Path inside the context, with `/`.
    pub(super) path: String,
    here: PathBuf,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    File { mode: u32 },
    Folder { mode: u32 },
    Link { to: PathBuf },
}

/// Everything that is sent, in the order of the paths. An error names the file.
pub(super) fn entries(folder: &Path, dockerfile: &str) -> io::Result<Vec<Entry>> {
    let ignored = match fs::read_to_string(folder.join(IGNORE_FILE)) {
        Ok(text) => Ignored::parse(&text).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ignored::default(),
        Err(error) => return Err(named(&folder.join(IGNORE_FILE), &error)),
    };
    // As the command does: the builder needs these two, whatever is ignored.
    let sent = |path: &str| path == dockerfile || path == IGNORE_FILE || !ignored.holds(path);
    let mut found = Vec::new();
    walk(folder, "", &ignored, &sent, &mut found)?;
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn walk(
    folder: &Path,
    prefix: &str,
    ignored: &Ignored,
    sent: &dyn Fn(&str) -> bool,
    found: &mut Vec<Entry>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder).map_err(|error| named(folder, &error))? {
        let entry = entry.map_err(|error| named(folder, &error))?;
        let here = entry.path();
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("the name of {} is not UTF-8", here.display()))
        })?;
        let path = format!("{prefix}{name}");
        if prefix.is_empty() && OURS.contains(&name) {
            continue;
        }
        let about = fs::symlink_metadata(&here).map_err(|error| named(&here, &error))?;
        let mode = about.permissions().mode() & 0o7777;
        let is_sent = sent(&path);
        let kind = match about.file_type() {
            kind if kind.is_dir() => {
                // An exception may let something through that lies in a folder that is ignored.
                if is_sent || ignored.has_exceptions() {
                    walk(&here, &format!("{path}/"), ignored, sent, found)?;
                }
                Kind::Folder { mode }
            }
            kind if kind.is_symlink() => Kind::Link { to: fs::read_link(&here).map_err(|error| named(&here, &error))? },
            // A pipe would be read until somebody writes to it, a device perhaps for ever.
            kind if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() => continue,
            _ => Kind::File { mode },
        };
        if is_sent {
            found.push(Entry { path, here, kind });
        }
    }
    Ok(())
}

/// Feeds all that makes one entry differ from another to `take`: its path, what it is, its bits and its content.
pub(super) fn digest(entry: &Entry, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    take(entry.path.as_bytes());
    match &entry.kind {
        Kind::Folder { mode } => take(format!("folder {mode:o}").as_bytes()),
        Kind::Link { to } => take(format!("link {}", to.display()).as_bytes()),
        Kind::File { mode } => {
            let mut file = File::open(&entry.here).map_err(|error| named(&entry.here, &error))?;
            let length = file.metadata().map_err(|error| named(&entry.here, &error))?.len();
            take(format!("file {mode:o} {length}").as_bytes());
            let mut buffer = vec![0; 1 << 20];
            loop {
                match file.read(&mut buffer).map_err(|error| named(&entry.here, &error))? {
                    0 => return Ok(()),
                    count => take(&buffer[..count]),
                }
            }
        }
    }
    Ok(())
}

/// Writes the entries into an archive. Owners are root and times are zero: neither is part of what a build makes of them.
pub(super) fn pack<W: Write>(entries: &[Entry], builder: &mut Builder<W>) -> io::Result<()> {
    for entry in entries {
        let mut header = Header::new_gnu();
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        let packed = match &entry.kind {
            Kind::Folder { mode } => {
                header.set_entry_type(EntryType::Directory);
                header.set_mode(*mode);
                builder.append_data(&mut header, format!("{}/", entry.path), io::empty())
            }
            Kind::Link { to } => {
                header.set_entry_type(EntryType::Symlink);
                header.set_mode(0o777);
                builder.append_link(&mut header, &entry.path, to)
            }
            Kind::File { mode } => File::open(&entry.here).and_then(|file| {
                header.set_entry_type(EntryType::Regular);
                header.set_mode(*mode);
                header.set_size(file.metadata()?.len());
                builder.append_data(&mut header, &entry.path, file)
            }),
        };
        packed.map_err(|error| named(&entry.here, &error))?;
    }
    Ok(())
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn all_is_sent_but_what_is_ignored_and_what_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in ["empty", "bin", "secret/keys"] {
            fs::create_dir_all(at(path)).unwrap();
        }
        for path in
            ["Dockerfile", ".dockerignore", "client.yaml", "README.md", "bin/tool", "secret/keys/one", "secret/open"]
        {
            fs::write(at(path), path).unwrap();
        }
        fs::write(at(".dockerignore"), "# nothing of this\nsecret\n!secret/open\nDockerfile\n").unwrap();
        fs::set_permissions(at("bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("bin/tool", at("link")).unwrap();
        let found = entries(folder.path(), "Dockerfile").unwrap();
        let paths: Vec<_> = found.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(
            paths,
            [".dockerignore", "Dockerfile", "README.md", "bin", "bin/tool", "empty", "link", "secret/open"]
        );
        assert_eq!(found[4].kind, Kind::File { mode: 0o755 });
        assert_eq!(found[6].kind, Kind::Link { to: "bin/tool".into() });

        let hash = |found: &[Entry]| {
            let mut all = Vec::new();
            for entry in found {
                digest(entry, |bytes| all.extend_from_slice(bytes)).unwrap();
            }
            all
        };
        let before = hash(&found);
        fs::set_permissions(at("bin/tool"), fs::Permissions::from_mode(0o700)).unwrap();
        assert_ne!(before, hash(&entries(folder.path(), "Dockerfile").unwrap()));
    }
}
