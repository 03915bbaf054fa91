//! The clients that a topology names: manifests read, variants laid over, each mistake told once.

use std::collections::BTreeMap;

use super::library::{FileKind, Library};
use crate::action::ClientRef;
use crate::client::{Client, ClientFolder, Manifest};
use crate::text::{Diagnostic, Sources, Span, suggest, yaml};

/// Manifests that were read so far.
pub(super) struct Clients<'a> {
    library: &'a dyn Library,
    programs: &'a BTreeMap<String, std::path::PathBuf>,
    /// `None`: looked for and not found, or not readable.
    folders: BTreeMap<String, Option<(ClientFolder, Manifest)>>,
    /// Clients that are good.
    good: BTreeMap<ClientRef, Client>,
    /// Everything that is wrong.
    pub(super) mistakes: Vec<Diagnostic>,
    /// Files as read.
    pub(super) inputs: BTreeMap<String, String>,
}

impl<'a> Clients<'a> {
    pub(super) fn new(library: &'a dyn Library, programs: &'a BTreeMap<String, std::path::PathBuf>) -> Self {
        Self {
            library,
            programs,
            folders: BTreeMap::new(),
            good: BTreeMap::new(),
            mistakes: Vec::new(),
            inputs: BTreeMap::new(),
        }
    }

    /// Remembers a client.
    pub(super) fn keep(&mut self, reference: ClientRef, client: Client) {
        self.good.insert(reference, client);
    }

    /// All clients that were kept.
    pub(super) fn loaded(&mut self) -> BTreeMap<ClientRef, Client> {
        std::mem::take(&mut self.good)
    }

    /// Reads a client. `asked` is where it was named.
    pub(super) fn read(&mut self, sources: &mut Sources, client: &ClientRef, asked: Span) -> Option<Client> {
        let (mut folder, manifest) = self.folder(sources, &client.name, asked)?;
        self.programs_into(&mut folder, &manifest, client);
        match Client::new(&manifest, client, &folder, asked) {
            Ok(client) => Some(client),
            Err(mistakes) => {
                // Several variants of one manifest share its mistakes.
                let new: Vec<_> = mistakes.into_iter().filter(|mistake| !self.mistakes.contains(mistake)).collect();
                self.mistakes.extend(new);
                None
            }
        }
    }

    /// The folder of a client and its manifest.
    pub(super) fn folder(
        &mut self,
        sources: &mut Sources,
        name: &str,
        asked: Span,
    ) -> Option<(ClientFolder, Manifest)> {
        if let Some(known) = self.folders.get(name) {
            return known.clone();
        }
        let found = self.library.client(name);
        if found.is_none() {
            let known = self.library.names(FileKind::Client);
            let mut mistake = Diagnostic::error(format!("there is no client `{name}`")).at(asked, "unknown client");
            mistake.help = suggest::help(name, known.iter().map(String::as_str), "clients");
            self.mistakes.push(mistake);
        }
        let read = found.and_then(|folder| {
            let (path, text) = &folder.manifest;
            self.inputs.insert(format!("clients/{name}/client.yaml"), text.clone());
            match yaml::read::<Manifest>(sources, path, text) {
                Ok(manifest) => {
                    self.mistakes.extend(wrong_name(&manifest, name));
                    Some((folder, manifest))
                }
                Err(mistakes) => {
                    self.mistakes.extend(mistakes);
                    None
                }
            }
        });
        self.folders.insert(name.to_owned(), read.clone());
        read
    }

    /// A program of the command line takes the place of the one in the folder's `bin/`.
    fn programs_into(&self, folder: &mut ClientFolder, manifest: &Manifest, client: &ClientRef) {
        let named = self.programs.get(&client.to_string()).or_else(|| self.programs.get(&client.name));
        let Some(path) = named else { return };
        let variant = client.variant.as_ref().and_then(|variant| manifest.variants.get(variant));
        let native = variant.and_then(|variant| variant.value.native.as_ref()).or(manifest.native.as_ref());
        if let Some(program) = native.and_then(|native| native.value.program.as_ref()) {
            folder.bin.insert(program.value.clone(), path.clone());
        }
    }
}

/// A manifest is named as its folder is.
pub(super) fn wrong_name(manifest: &Manifest, folder: &str) -> Option<Diagnostic> {
    (manifest.name.value != folder).then(|| {
        Diagnostic::error(format!("this manifest is in the folder of `{folder}`"))
            .at(manifest.name.span, "another name")
            .help(format!("write `name: {folder}`, or rename the folder"))
    })
}

/// Reads clients by name: `name@variant` is one, `name` the client and all its variants.
pub fn read_clients(
    sources: &mut Sources,
    library: &dyn Library,
    names: &[String],
) -> Result<Vec<Client>, Vec<Diagnostic>> {
    let programs = BTreeMap::new();
    let mut clients = Clients::new(library, &programs);
    let mut found = Vec::new();
    for name in names {
        let source = sources.add("command line", name);
        let asked = Span { source, start: 0, end: u32::try_from(name.len()).unwrap_or(u32::MAX) };
        let reference = ClientRef::from(name.clone());
        let mut references = vec![reference.clone()];
        if reference.variant.is_none()
            && let Some((_, manifest)) = clients.folder(sources, &reference.name, asked)
        {
            references.extend(
                manifest
                    .variants
                    .keys()
                    .map(|variant| ClientRef { name: reference.name.clone(), variant: Some(variant.clone()) }),
            );
        }
        for reference in references {
            found.extend(clients.read(sources, &reference, asked));
        }
    }
    if clients.mistakes.is_empty() { Ok(found) } else { Err(clients.mistakes) }
}
