//! The image of the running binary: the binary, its loader and its shared objects, and nothing else. Needs no registry.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use tokio_util::io::ReaderStream;

use super::super::{BackendError, Progress};
use super::client::Engine;

/// Where the binary lies in the image; its folder is on the image's PATH, so a command may start with `splitbrain`.
const PROGRAM: &str = "usr/local/bin/splitbrain";

/// Where shared objects lie; the image's environment leads the loader there.
const LIBRARIES: &str = "usr/local/lib/splitbrain";

/// Names the program to be put into the image instead of the running one, for tests that are not `splitbrain` itself.
pub(super) const PROGRAM_VARIABLE: &str = "SPLITBRAIN_BUILTIN_PROGRAM";

/// What the image is made of.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    /// Its name, a hash of everything in it.
    pub(super) image: String,
    /// Where the program lies in it, without the first slash.
    program: String,
    /// Path in the image → file here.
    files: BTreeMap<String, PathBuf>,
}

/// Finds out once in a process what its image is made of: hashing a large binary takes a while.
pub(super) async fn recipe() -> Result<Recipe, BackendError> {
    static RECIPE: OnceCell<Recipe> = OnceCell::const_new();
    let recipe = RECIPE
        .get_or_try_init(|| async {
            let found = tokio::task::spawn_blocking(|| {
                let program = std::env::var_os(PROGRAM_VARIABLE).map_or_else(own_program, PathBuf::from);
                recipe_of(&program, PROGRAM, "splitbrain/builtin")
            });
            let found = found.await.map_err(io::Error::other).and_then(|found| found);
            found.map_err(|error| BackendError::new("cannot tell what the running binary is made of", error))
        })
        .await?;
    Ok(recipe.clone())
}

/// The running binary, also when its file was replaced or removed since it started.
fn own_program() -> PathBuf {
    PathBuf::from(format!("/proc/{}/exe", std::process::id()))
}

/// What an image of a program of this machine is made of, under a repository's name.
pub(super) async fn recipe_of_tool(program: &Path, repository: &'static str) -> io::Result<Recipe> {
    let program = program.to_owned();
    tokio::task::spawn_blocking(move || {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        recipe_of(&program, &format!("usr/local/bin/{name}"), repository)
    })
    .await
    .map_err(io::Error::other)?
}

fn recipe_of(program: &Path, place: &str, repository: &str) -> io::Result<Recipe> {
    let mut files = BTreeMap::from([(place.to_owned(), program.to_owned())]);
    if let Some(loader) = loader_of(&File::open(program)?)? {
        for (name, path) in shared_objects(&loader, program)? {
            files.insert(format!("{LIBRARIES}/{name}"), path);
        }
        files.insert(loader.trim_start_matches('/').to_owned(), PathBuf::from(loader));
    }
    let mut hash = Sha256::new();
    for (name, path) in &files {
        hash.update(name.as_bytes());
        let mut file = File::open(path)?;
        hash.update(file.metadata()?.len().to_be_bytes());
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                count => hash.update(&buffer[..count]),
            }
        }
    }
    let image = format!("{repository}:{}", hex::encode(&hash.finalize()[..10]));
    Ok(Recipe { image, program: place.to_owned(), files })
}

/// The loader that a dynamically linked program asks for, from the `PT_INTERP` entry of its ELF program headers (System V
/// ABI, chapter 5). None for a static program.
fn loader_of(program: &File) -> io::Result<Option<String>> {
    const PT_INTERP: u64 = 3;
    let mut head = [0; 64];
    program.read_exact_at(&mut head, 0)?;
    let odd = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("the program is {what}"));
    if head[..4] != *b"\x7fELF" || head[4] != 2 {
        return Err(odd("no 64-bit ELF file"));
    }
    if head[5] != 1 {
        return Err(odd("for a big-endian machine"));
    }
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum: u64, &byte| sum << 8 | u64::from(byte));
    let (table, entry_size, entries) = (number(&head[32..40]), number(&head[54..56]), number(&head[56..58]));
    for index in 0..entries {
        let mut entry = [0; 56];
        program.read_exact_at(&mut entry, table + index * entry_size)?;
        if number(&entry[..4]) == PT_INTERP {
            let (offset, size) = (number(&entry[8..16]), number(&entry[32..40]));
            let mut path = vec![0; usize::try_from(size.min(4096)).unwrap_or(4096)];
            program.read_exact_at(&mut path, offset)?;
            let path = String::from_utf8_lossy(&path).trim_end_matches('\0').to_owned();
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Shared objects of a program by the name under which it asks for them, as its own loader resolves them. The loaders of
/// glibc and musl both answer `--list`; it runs nothing of the program.
fn shared_objects(loader: &str, program: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let output = Command::new(loader).arg("--list").arg(program).output()?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(io::Error::other(format!("`{loader} --list {}` failed: {complaint}", program.display())));
    }
    Ok(listed_objects(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads lines like `libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f…)`; the others are the loader itself and the
/// kernel's own object, which is no file.
fn listed_objects(text: &str) -> BTreeMap<String, PathBuf> {
    text.lines()
        .filter_map(|line| {
            let (name, place) = line.trim().split_once(" => ")?;
            let path = place.rsplit_once(" (").map_or(place, |(path, _)| path);
            path.starts_with('/').then(|| (name.rsplit('/').next().unwrap_or(name).to_owned(), PathBuf::from(path)))
        })
        .collect()
}

/// Makes the image as `docker import` does: one layer, no base.
pub(super) async fn import(engine: &Engine, recipe: &Recipe, progress: &Progress) -> Result<(), BackendError> {
    let which =
        if recipe.program == PROGRAM { "the running binary".to_owned() } else { format!("/{}", recipe.program) };
    progress.say(format!("making the image of {which}"));
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        BackendError::new(format!("cannot make an image of {which}"), error)
    };
    let files = recipe.files.clone();
    let packed = tokio::task::spawn_blocking(move || pack(&files)).await;
    let archive = packed.map_err(|error| failed(error.into()))?.map_err(|error| failed(error.into()))?;
    let (repository, tag) = recipe.image.split_once(':').unwrap_or((&recipe.image, "latest"));
    let changes = vec![
        "ENV PATH=/usr/local/bin:/usr/bin:/bin".to_owned(),
        format!("ENV LD_LIBRARY_PATH=/{LIBRARIES}"),
        format!("ENTRYPOINT [\"/{}\"]", recipe.program),
        format!("LABEL {}=builtin", super::labels::IMAGE),
    ];
    let options = CreateImageOptionsBuilder::new().from_src("-").repo(repository).tag(tag).changes(changes).build();
    let body = bollard::body_try_stream(ReaderStream::with_capacity(tokio::fs::File::from_std(archive), 1 << 18));
    let mut importing = engine.docker.create_image(Some(options), Some(body), None);
    while let Some(step) = importing.next().await {
        let info = step.map_err(|error| failed(error.into()))?;
        if let Some(detail) = info.error_detail {
            return Err(failed(detail.message.unwrap_or_default().into()));
        }
    }
    Ok(())
}

/// The image's file system: the recipe's files, and the few folders and accounts that programs expect to find.
fn pack(files: &BTreeMap<String, PathBuf>) -> io::Result<File> {
    let mut builder = tar::Builder::new(tempfile::tempfile()?);
    let header = |kind: tar::EntryType, size: u64, mode: u32| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(mode);
        header.set_mtime(0);
        header
    };
    for (path, mode) in [("tmp/", 0o1777), ("root/", 0o700), ("etc/", 0o755), ("var/", 0o755), ("var/tmp/", 0o1777)] {
        builder.append_data(&mut header(tar::EntryType::Directory, 0, mode), path, io::empty())?;
    }
    let accounts = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
    let groups = "root:x:0:\nnogroup:x:65534:\n";
    for (path, content) in [("etc/passwd", accounts), ("etc/group", groups)] {
        let mut header = header(tar::EntryType::Regular, content.len() as u64, 0o644);
        builder.append_data(&mut header, path, content.as_bytes())?;
    }
    for (path, here) in files {
        let file = File::open(here)?;
        let size = file.metadata()?.len();
        builder.append_data(&mut header(tar::EntryType::Regular, size, 0o755), path, file)?;
    }
    let mut archive = builder.into_inner()?;
    io::Seek::rewind(&mut archive)?;
    Ok(archive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_program_has_a_recipe() {
        let recipe = recipe_of(&own_program(), PROGRAM, "splitbrain/builtin").unwrap();
        assert!(recipe.image.starts_with("splitbrain/builtin:"));
        assert!(recipe.files.contains_key(PROGRAM));
        if let Some(loader) = loader_of(&File::open(own_program()).unwrap()).unwrap() {
            assert!(recipe.files.contains_key(loader.trim_start_matches('/')), "{recipe:?}");
            assert!(recipe.files.keys().any(|path| path.starts_with(LIBRARIES)), "{recipe:?}");
        }
    }

    #[test]
    fn the_loaders_list_is_read() {
        let text = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibgcc_s.so.1 => /lib/x/libgcc_s.so.1 (0x00007f1)\n\
                    \tlibz.so.1 => not found\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f2)\n\
                    \t/odd/libq.so.2 => /odd/libq.so.2 (0x1)\n";
        let found = listed_objects(text);
        let names: Vec<_> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["libgcc_s.so.1", "libq.so.2"]);
    }

    #[test]
    fn what_is_no_program_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [b'x'; 100]).unwrap();
        let error = loader_of(&File::open(file.path()).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "the program is no 64-bit ELF file");
    }
}
