//! Where a client's image comes from.

use std::collections::BTreeMap;

use super::folder::ClientFolder;
use super::manifest::{ImageDocument, Manifest};
use super::template::narrow;
use crate::action::{BuildContext, ImageSource};
use crate::text::{Diagnostic, Sp, suggest};

/// Name of the Dockerfile that takes a program from the folder's `bin/`.
const LOCAL_DOCKERFILE: &str = "Dockerfile.local";

/// What follows a program's name in the name of its root file system, which `scripts/clients` makes for programs that are
/// more than one static file.
const ROOT_FILE_SYSTEM: &str = ".rootfs.tar";

/// Files of the folder that are no part of an image: changing them must not rebuild it.
const NOT_IN_CONTEXT: [&str; 4] = ["build", "client.yaml", "hive.yaml", "README.md"];

/// What the manifest says of the image.
pub(super) fn source(
    written: &Sp<ImageDocument>,
    manifest: &Manifest,
    folder: &ClientFolder,
) -> Result<ImageSource, Diagnostic> {
    let ImageDocument { build, args, dockerfile, name, builtin: word } = &written.value;
    match (build, name, word) {
        (Some(path), None, None) => {
            self::build(path, dockerfile.as_ref(), args.clone(), manifest, folder).map(ImageSource::Build)
        }
        (None, Some(name), None) if args.is_empty() && dockerfile.is_none() => {
            Ok(ImageSource::Name(name.value.clone()))
        }
        (None, None, Some(word)) if args.is_empty() && dockerfile.is_none() => {
            builtin(word).map(|()| ImageSource::Builtin)
        }
        (None, _, _) if !args.is_empty() || dockerfile.is_some() => {
            let word = if args.is_empty() { "dockerfile" } else { "args" };
            Err(Diagnostic::error(format!("`{word}` belongs to `build`"))
                .at(narrow(written.span, &folder.manifest.1, word), "nothing is built here")
                .help("write `image: {build: ., args: {…}}`"))
        }
        _ => Err(Diagnostic::error("`image` takes exactly one of `build`, `name`, `builtin`")
            .at(written.span, "")
            .help("for example `image: {build: .}` or `image: {name: \"ethereum/client-go:v1.13.15\"}`")),
    }
}

/// Checks the name of a bundled client.
pub(super) fn builtin(word: &Sp<String>) -> Result<(), Diagnostic> {
    if word.value == "reference" {
        return Ok(());
    }
    Err(Diagnostic::error(format!("there is no bundled client `{}`", word.value))
        .at(word.span, "unknown word")
        .help("the only one is `reference`"))
}

fn build(
    path: &Sp<String>,
    dockerfile: Option<&Sp<String>>,
    mut arguments: BTreeMap<String, String>,
    manifest: &Manifest,
    folder: &ClientFolder,
) -> Result<BuildContext, Diagnostic> {
    let inside = path.trim_start_matches("./").trim_end_matches('/');
    let prefix = if matches!(inside, "" | ".") { String::new() } else { format!("{inside}/") };
    let mut files: BTreeMap<String, Vec<u8>> = folder
        .files
        .iter()
        .filter_map(|(name, content)| Some((name.strip_prefix(&prefix)?.to_owned(), content.clone())))
        .filter(|(name, _)| !NOT_IN_CONTEXT.contains(&name.as_str()))
        .collect();
    // A program that lies in the folder's `bin/` is put into an image without any registry.
    let program = manifest.native.as_ref().and_then(|native| native.program.as_ref());
    let local = program.and_then(|program| Some((program.value.clone(), folder.bin.get(&program.value)?.clone())));
    if let (Some((program, here)), None, true) = (local, dockerfile, files.contains_key(LOCAL_DOCKERFILE)) {
        files.remove("Dockerfile");
        arguments.insert("PROGRAM".to_owned(), program.clone());
        // Of a program that is more than one file, there is a whole root file system beside it.
        let root = format!("{program}{ROOT_FILE_SYSTEM}");
        let root = folder.bin.get(&root).map(|here| (root.clone(), here.clone()));
        let machine_files = [(program, here)].into_iter().chain(root).collect();
        let dockerfile = LOCAL_DOCKERFILE.to_owned();
        return Ok(BuildContext { dockerfile, folder: None, files, machine_files, arguments });
    }
    let name = dockerfile.map_or("Dockerfile", |dockerfile| dockerfile.value.as_str());
    if !files.contains_key(name) {
        let place = dockerfile.map_or(path.span, |dockerfile| dockerfile.span);
        let mut mistake = Diagnostic::error(format!("client `{}` has no `{prefix}{name}`", folder.name))
            .at(place, "no such file in its folder");
        let likely = files.keys().map(String::as_str).filter(|file| file.contains("ocker"));
        mistake.help =
            suggest::did_you_mean(name, likely).map(|near| format!("did you mean `{near}`?")).into_iter().collect();
        return Err(mistake);
    }
    // A folder of this machine is sent as it is; of a shipped client there are its files alone.
    let here = folder.place.as_ref().map(|place| if prefix.is_empty() { place.clone() } else { place.join(inside) });
    Ok(BuildContext { dockerfile: name.to_owned(), folder: here, files, machine_files: BTreeMap::new(), arguments })
}
