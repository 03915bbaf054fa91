//! An image from a Dockerfile: its name is a hash of everything that goes into it.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bollard::query_parameters::BuildImageOptionsBuilder;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio_util::io::ReaderStream;

use super::super::{BackendError, Progress};
use super::client::Engine;
use super::context_folder;
use super::images::image_labels;
use crate::action::{BuildContext, ClientRef};

/// So many of the build's last output lines are shown when it fails.
const LAST_LINES: usize = 30;

/// Raised when the way of building changes what comes out.
const RECIPE_VERSION: &str = "splitbrain image v1";

/// `splitbrain/<client>:<hash>`; the hash is over the Dockerfile's name, all files with their permission bits, and the
/// build arguments. Files on this machine are read for it: 50 MB take some tens of milliseconds.
pub(super) fn image_name(client: &ClientRef, context: &BuildContext) -> Result<String, BackendError> {
    let mut hash = Sha256::new();
    let mut part = |text: &str, bytes: &[u8]| {
        hash.update(text.as_bytes());
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(RECIPE_VERSION, context.dockerfile.as_bytes());
    for (name, value) in &context.arguments {
        part(name, value.as_bytes());
    }
    if let Some(folder) = &context.folder {
        let failed = |error| unreadable(client, folder, error);
        for entry in context_folder::entries(folder, &context.dockerfile).map_err(failed)? {
            let mut contents = Sha256::new();
            context_folder::digest(&entry, |bytes| contents.update(bytes)).map_err(failed)?;
            part(&entry.path, &contents.finalize());
        }
    }
    let (files, machine_files) = loose(context);
    for (path, content) in files {
        part(path, content);
    }
    for (path, here) in machine_files {
        let (digest, mode) = hash_of_file(here).map_err(|error| unreadable(client, here, error))?;
        part(path, &digest);
        part("mode", &mode.to_be_bytes());
    }
    let digest = hex::encode(&hash.finalize()[..10]);
    Ok(format!("splitbrain/{}:{digest}", repository(&client.name)))
}

/// The files that a context is made of one by one: none if it is a folder.
fn loose(
    context: &BuildContext,
) -> (impl Iterator<Item = (&String, &Vec<u8>)>, impl Iterator<Item = (&String, &PathBuf)>) {
    let alone = context.folder.is_none();
    (context.files.iter().filter(move |_| alone), context.machine_files.iter().filter(move |_| alone))
}

fn hash_of_file(path: &Path) -> io::Result<(Vec<u8>, u32)> {
    let mut file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((hash.finalize().to_vec(), mode)),
            count => hash.update(&buffer[..count]),
        }
    }
}

/// A client's name as part of an image name, which knows lower-case letters, digits and single separators.
pub(super) fn repository(client: &str) -> String {
    let plain: String =
        client.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "client".to_owned() } else { parts.join("-") }
}

/// Builds with the engine's classic builder, which engines of both generations have.
pub(super) async fn build(
    engine: &Engine,
    client: &ClientRef,
    image: &str,
    context: &BuildContext,
    progress: &Progress,
) -> Result<(), BackendError> {
    progress.say(format!("building image {client}"));
    let archive = {
        let (context, client) = (context.clone(), client.clone());
        let packed = tokio::task::spawn_blocking(move || pack(&client, &context)).await;
        packed.map_err(|error| BackendError::new("the packing of a build context was interrupted", error))??
    };
    let arguments: HashMap<String, String> =
        context.arguments.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let options = BuildImageOptionsBuilder::new()
        .dockerfile(&context.dockerfile)
        .t(image)
        .rm(true)
        .forcerm(true)
        .buildargs(&arguments)
        .labels(&image_labels(&client.to_string()))
        .build();
    let body = bollard::body_try_stream(ReaderStream::with_capacity(tokio::fs::File::from_std(archive), 1 << 18));
    let mut output = engine.docker.build_image(options, None, Some(body));
    let mut last: VecDeque<String> = VecDeque::new();
    let mut failure = None;
    while let Some(step) = output.next().await {
        match step {
            Ok(info) => {
                for line in info.stream.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty()) {
                    if line.starts_with("Step ") {
                        progress.say(format!("building image {client}: {line}"));
                    }
                    remember(&mut last, line);
                }
                if let Some(detail) = info.error_detail {
                    failure = Some(detail.message.unwrap_or_else(|| "the engine gave no reason".to_owned()));
                }
            }
            Err(error) => failure = Some(error.to_string()),
        }
    }
    match failure {
        None => Ok(()),
        Some(failure) => Err(build_error(client, context, &last, &failure)),
    }
}

fn remember(last: &mut VecDeque<String>, line: &str) {
    if last.len() == LAST_LINES {
        last.pop_front();
    }
    last.push_back(line.to_owned());
}

fn build_error(client: &ClientRef, context: &BuildContext, last: &VecDeque<String>, failure: &str) -> BackendError {
    let mut text = String::new();
    if !last.is_empty() {
        text.push_str("the build's last lines were:\n");
        for line in last {
            text.push_str("  | ");
            text.push_str(line);
            text.push('\n');
        }
    }
    text.push_str(failure.trim());
    let step = format!("cannot build the image of client {client} from its {}", context.dockerfile);
    let error = BackendError::new(step, text);
    if failure.contains("BuildKit") {
        return error.remedy("the Dockerfile needs BuildKit: build it with `docker buildx build --load -t NAME .` and give the manifest `image: {name: NAME}`");
    }
    if failure.contains("pull access")
        || failure.contains("manifest unknown")
        || failure.contains("lookup ")
        || failure.contains("dial tcp")
    {
        return error.remedy("the base image could not be had: log in or check the network, or put a local binary into the client's `bin` folder so that its Dockerfile.local is used");
    }
    error
}

/// The context as a tar archive in an unnamed temporary file: contexts may hold large binaries.
fn pack(client: &ClientRef, context: &BuildContext) -> Result<File, BackendError> {
    let failed =
        |error: io::Error| BackendError::new(format!("cannot pack the build context of client {client}"), error);
    let mut builder = tar::Builder::new(tempfile::tempfile().map_err(failed)?);
    let header = |size: u64, mode: u32| {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(mode);
        header.set_mtime(0);
        header
    };
    if let Some(folder) = &context.folder {
        let entries = context_folder::entries(folder, &context.dockerfile).map_err(failed)?;
        context_folder::pack(&entries, &mut builder).map_err(failed)?;
    }
    let (files, machine_files) = loose(context);
    for (path, content) in files {
        // Scripts in a context are meant to be run; the files in memory carry no permission bits.
        let mode = if content.starts_with(b"#!") { 0o755 } else { 0o644 };
        builder.append_data(&mut header(content.len() as u64, mode), path, content.as_slice()).map_err(failed)?;
    }
    for (path, here) in machine_files {
        let unreadable = |error| unreadable(client, here, error);
        let file = File::open(here).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        let mode = about.permissions().mode() & 0o777;
        builder.append_data(&mut header(about.len(), mode), path, file).map_err(failed)?;
    }
    let mut archive = builder.into_inner().map_err(failed)?;
    archive.rewind().map_err(failed)?;
    Ok(archive)
}

fn unreadable(client: &ClientRef, path: &Path, error: io::Error) -> BackendError {
    BackendError::new(format!("cannot read {} for the image of client {client}", path.display()), error)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn context() -> BuildContext {
        BuildContext {
            dockerfile: "Dockerfile".to_owned(),
            folder: None,
            files: BTreeMap::from([("Dockerfile".to_owned(), b"FROM scratch\n".to_vec())]),
            machine_files: BTreeMap::new(),
            arguments: BTreeMap::from([("tag".to_owned(), "v1".to_owned())]),
        }
    }

    #[test]
    fn everything_that_goes_into_an_image_changes_its_name() {
        let client = ClientRef::from("go-ethereum@v1".to_owned());
        let name = |context: &BuildContext| image_name(&client, context).unwrap();
        let base = name(&context());
        assert!(base.starts_with("splitbrain/go-ethereum:"), "{base}");
        assert_eq!(base, name(&context()));

        let mut other = context();
        other.arguments.insert("tag".to_owned(), "v2".to_owned());
        assert_ne!(base, name(&other));
        let mut other = context();
        other.files.insert("more".to_owned(), Vec::new());
        assert_ne!(base, name(&other));
        let mut other = context();
        other.dockerfile = "Dockerfile.local".to_owned();
        assert_ne!(base, name(&other));

        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one").unwrap();
        let mut other = context();
        other.machine_files.insert("geth".to_owned(), file.path().to_owned());
        let one = name(&other);
        std::fs::write(file.path(), "two").unwrap();
        assert_ne!(one, name(&other));
        assert_ne!(base, one);
    }

    #[test]
    fn names_fit_the_engines_rules() {
        assert_eq!(repository("Go_Ethereum--X."), "go-ethereum-x");
        assert_eq!(repository("…"), "client");
    }

    #[test]
    fn a_missing_file_of_this_machine_is_named() {
        let mut context = context();
        context.machine_files.insert("geth".to_owned(), "/nowhere/geth".into());
        let error = image_name(&ClientRef::from("geth".to_owned()), &context).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /nowhere/geth for the image of client geth");
    }
}
