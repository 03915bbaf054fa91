//! A client's templates, filled in for one node.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::producers::{FOLLOWER_ROLE, PRODUCER_ROLE, Production};
use super::wiring::{Known, Wires};
use super::{ApiCall, arguments};
use crate::action::{BackendKind, NetworkName, NetworkSpec, NodeFile, NodeProcess, Seeds};
use crate::client::{FileEncoding, FilePlace, FileTemplate, IdentityKind, Others, Template, Vocabulary, Wiring, Word};
use crate::text::{Diagnostic, Sp};

/// What every node is filled in from.
#[derive(Clone, Debug)]
pub(super) struct Filler<'a> {
    pub(super) backend: BackendKind,
    pub(super) wires: Wires<'a>,
    pub(super) production: &'a Production,
    pub(super) seeds: &'a Seeds,
    pub(super) networks: &'a BTreeMap<NetworkName, NetworkSpec>,
}

/// A node's process and what goes with it.
#[derive(Clone, Debug)]
pub(super) struct Filled {
    pub(super) process: NodeProcess,
    pub(super) extra_args: Vec<String>,
    pub(super) after_ready: Vec<ApiCall>,
}

/// Why a hole stayed empty.
pub(super) enum Gap {
    /// The scenario's chain has no such property, or the participant no such member: reason to leave an optional group out.
    Absent(Diagnostic),
    Other(Diagnostic),
}

impl Gap {
    fn diagnostic(self) -> Diagnostic {
        match self {
            Self::Absent(diagnostic) | Self::Other(diagnostic) => diagnostic,
        }
    }
}

impl<'a> Filler<'a> {
    /// Fills everything in for one node.
    pub(super) fn fill(&self, known: &Known<'a>, program: Option<PathBuf>) -> Result<Filled, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        let filled = self.process(known, program, &mut mistakes);
        if mistakes.is_empty() { Ok(filled) } else { Err(mistakes) }
    }

    fn process(&self, known: &Known<'a>, program: Option<PathBuf>, mistakes: &mut Vec<Diagnostic>) -> Filled {
        let (node, client) = (known.node, known.client);
        let vocabulary = Vocabulary {
            files: client.file_names().into_iter().chain(node.files.keys().cloned()).collect(),
            ports: client.ports.keys().cloned().collect(),
            ..Vocabulary::default()
        };
        let mut own = |text: &String| {
            let written = Sp::new(text.clone(), node.place);
            Template::parse(&written, &vocabulary, "").map_err(|mistake| mistakes.push(mistake)).ok()
        };
        let own_files: BTreeMap<String, FileTemplate> = node
            .files
            .iter()
            .filter_map(|(name, text)| {
                let declared = client.run.files.get(name);
                let place = declared.map_or_else(|| FilePlace::One(name.clone()), |file| file.place.clone());
                let mode = declared.map_or(0o644, |file| file.mode);
                let encoding = declared.map_or(FileEncoding::Text, |file| file.encoding);
                Some((name.clone(), FileTemplate { place, content: own(text)?, encoding, mode }))
            })
            .collect();
        let own_env: BTreeMap<String, Template> =
            node.env.iter().filter_map(|(name, text)| Some((name.clone(), own(text)?))).collect();
        let own_words: Vec<Template> = node.args.add.iter().filter_map(&mut own).collect();

        let layers = client.invocations(self.production.family, self.working_role(node));
        let mut files: BTreeMap<&String, &FileTemplate> = BTreeMap::new();
        for layer in layers.iter().map(|layer| &layer.files).chain([&own_files]) {
            files.extend(layer);
        }
        let one = One { filler: self, known, files: &files };

        let mut init = Vec::new();
        let mut command = Vec::new();
        let mut env = BTreeMap::new();
        for layer in &layers {
            init.extend(layer.init.iter().map(|words| one.words(words, mistakes)));
            command.extend(one.words(&layer.command, mistakes));
            env.extend(one.env(&layer.env, mistakes));
        }
        for group in layers.iter().flat_map(|layer| &layer.optional) {
            command.extend(one.optional(group, mistakes));
        }
        let mut after_ready = Vec::new();
        for (which, wiring) in [(Others::Bootnodes, &client.bootnodes), (Others::Peers, &client.peers)] {
            if let Some(wiring) = wiring {
                one.wire(which, wiring, &mut command, &mut env, &mut after_ready, mistakes);
            }
        }
        env.extend(one.env(&own_env, mistakes));
        mistakes.extend(arguments::change(&mut command, node).err().unwrap_or_default());
        let added = one.words(&own_words, mistakes);
        command.extend(added.iter().cloned());

        let node_files: Vec<NodeFile> = files.values().flat_map(|file| one.files(file, mistakes)).collect();
        let process = NodeProcess {
            name: node.name.clone(),
            index: known.index,
            client: node.client.clone(),
            // The backend's own half alone, so that a plan does not change with what else lies on the machine.
            image: client.image.clone().filter(|_| self.backend == BackendKind::Docker),
            program: program.filter(|_| self.backend == BackendKind::Native),
            files: node_files,
            init,
            command,
            env,
            data: self.data().to_owned(),
            attachments: known.attachments.clone(),
            ports: client.ports.clone(),
            resources: node.resources,
        };
        Filled { process, extra_args: arguments::extra(node, &added), after_ready }
    }

    /// One text for one node, outside of its command: files have no place there.
    pub(super) fn text(&self, known: &Known<'a>, template: &Template) -> Result<String, Diagnostic> {
        let one = One { filler: self, known, files: &BTreeMap::new() };
        template.fill(|word| one.value(word, template, Turn::None)).map_err(Gap::diagnostic)
    }

    /// The role whose additions a node gets: a validator that the chain gave nothing to sign with (`sealers: 2` of three)
    /// works as a follower.
    fn working_role<'b>(&self, node: &'b crate::topology::Node) -> &'b str {
        let idle = node.role == PRODUCER_ROLE && !self.production.producers.contains_key(&node.name);
        if idle { FOLLOWER_ROLE } else { &node.role }
    }

    pub(super) fn data(&self) -> &'static str {
        match self.backend {
            BackendKind::Docker => "/splitbrain/data",
            BackendKind::Native => "data",
        }
    }

    pub(super) fn files(&self) -> &'static str {
        match self.backend {
            BackendKind::Docker => "/splitbrain/files",
            BackendKind::Native => "files",
        }
    }

    pub(super) fn file_path(&self, name: &str) -> String {
        format!("{}/{name}", self.files())
    }
}

/// What a template is repeated for, if it is.
#[derive(Clone, Copy)]
pub(super) enum Turn<'t> {
    None,
    /// The other node that `{each.…}` speaks of, by its identities.
    Node(&'t dyn Fn(IdentityKind) -> Option<String>),
    /// The validator that `{validator.…}` speaks of.
    Validator(u32),
}

/// The filler for one node.
pub(super) struct One<'b, 'a> {
    pub(super) filler: &'b Filler<'a>,
    pub(super) known: &'b Known<'a>,
    pub(super) files: &'b BTreeMap<&'b String, &'b FileTemplate>,
}

impl One<'_, '_> {
    fn text(&self, template: &Template, mistakes: &mut Vec<Diagnostic>) -> String {
        self.text_of(template, Turn::None, mistakes)
    }

    fn text_of(&self, template: &Template, turn: Turn<'_>, mistakes: &mut Vec<Diagnostic>) -> String {
        let filled = template.fill(|word| self.value(word, template, turn));
        filled.unwrap_or_else(|gap| {
            mistakes.push(gap.diagnostic());
            String::new()
        })
    }

    /// The files that one template makes: one, or one for each validator of the node.
    fn files(&self, file: &FileTemplate, mistakes: &mut Vec<Diagnostic>) -> Vec<NodeFile> {
        match &file.place {
            FilePlace::One(path) => vec![self.file(file, path, Turn::None, mistakes)],
            FilePlace::PerValidator { path, .. } => {
                let of_each = |validator: &u32| {
                    let turn = Turn::Validator(*validator);
                    let path = self.text_of(path, turn, mistakes);
                    self.file(file, &path, turn, mistakes)
                };
                self.validators().iter().map(of_each).collect()
            }
        }
    }

    fn file(&self, file: &FileTemplate, path: &str, turn: Turn<'_>, mistakes: &mut Vec<Diagnostic>) -> NodeFile {
        let content = self.text_of(&file.content, turn, mistakes);
        let bytes = self.bytes(file, path, &content, mistakes);
        NodeFile { path: self.filler.file_path(path), content, bytes, mode: file.mode }
    }

    /// The bytes of a file whose content is written as hex digits.
    fn bytes(
        &self,
        file: &FileTemplate,
        path: &str,
        content: &str,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Arc<Vec<u8>>> {
        if file.encoding != FileEncoding::Hex {
            return None;
        }
        let digits = content.trim();
        match hex::decode(digits.strip_prefix("0x").unwrap_or(digits)) {
            Ok(bytes) => Some(Arc::new(bytes)),
            Err(error) => {
                mistakes.push(
                    Diagnostic::error(format!("the file `{path}` of {} is no hex: {error}", self.known.node.name))
                        .at(file.content.place, "its manifest says `encoding: hex`")
                        .help("write two hex digits for each byte, or leave `encoding` out"),
                );
                None
            }
        }
    }

    fn words(&self, templates: &[Template], mistakes: &mut Vec<Diagnostic>) -> Vec<String> {
        templates.iter().map(|template| self.text(template, mistakes)).collect()
    }

    fn env(&self, templates: &BTreeMap<String, Template>, mistakes: &mut Vec<Diagnostic>) -> BTreeMap<String, String> {
        templates.iter().map(|(name, template)| (name.clone(), self.text(template, mistakes))).collect()
    }

    /// A group of words that is left out when one of its holes is empty.
    fn optional(&self, group: &[Template], mistakes: &mut Vec<Diagnostic>) -> Vec<String> {
        let mut empty = false;
        let mut words = Vec::new();
        for template in group {
            let filled = template.fill(|word| {
                let value = self.value(word, template, Turn::None);
                empty |= value.as_ref().is_ok_and(String::is_empty);
                value
            });
            match filled {
                Ok(word) => words.push(word),
                Err(Gap::Absent(_)) => empty = true,
                Err(Gap::Other(mistake)) => mistakes.push(mistake),
            }
        }
        if empty { Vec::new() } else { words }
    }

    fn wire(
        &self,
        which: Others,
        wiring: &Wiring,
        command: &mut Vec<String>,
        env: &mut BTreeMap<String, String>,
        after_ready: &mut Vec<ApiCall>,
        mistakes: &mut Vec<Diagnostic>,
    ) {
        let kinds = wiring.kinds();
        let which = match (which, wiring) {
            (Others::Peers, Wiring::Each { both_ends: true, .. }) => Others::Neighbors,
            (which, _) => which,
        };
        let others: Vec<_> = self
            .filler
            .wires
            .others(self.known, which)
            .into_iter()
            .filter(|(other, _)| kinds.iter().all(|kind| other.client.identity.has(*kind)))
            .collect();
        // Words are left out when their own lists are empty: `{neighbors.enode}` has somebody to name also for a node that
        // dials nobody itself, and nodes of other clients may lack the identity that is asked for.
        match wiring {
            Wiring::Arguments(words) => {
                if self.names_somebody(words.iter(), others.is_empty()) {
                    command.extend(self.words(words, mistakes));
                }
            }
            Wiring::Each { words, .. } => {
                for (other, address) in others {
                    for template in words {
                        let each = |kind| other.identity(kind, address);
                        let filled = template.fill(|word| self.value(word, template, Turn::Node(&each)));
                        match filled {
                            Ok(word) => command.push(word),
                            Err(gap) => mistakes.push(gap.diagnostic()),
                        }
                    }
                }
            }
            Wiring::Env(variables) => {
                if self.names_somebody(variables.values(), others.is_empty()) {
                    env.extend(self.env(variables, mistakes));
                }
            }
            Wiring::File => {}
            Wiring::Api { port, method, kind } => {
                let identities = others.into_iter().filter_map(|(other, address)| other.identity(*kind, address));
                after_ready.extend(identities.map(|identity| ApiCall {
                    port: *port,
                    method: method.clone(),
                    params: vec![serde_json::Value::String(identity)],
                }));
            }
        }
    }

    /// Whether wiring has anybody to tell of: each list that it names holds someone; without lists, `nobody` decides.
    fn names_somebody<'t>(&self, templates: impl Iterator<Item = &'t Template>, nobody: bool) -> bool {
        let lists: BTreeSet<(Others, IdentityKind)> = templates
            .flat_map(Template::words)
            .filter_map(|word| match word {
                Word::Others { which, kind, .. } => Some((*which, *kind)),
                _ => None,
            })
            .collect();
        if lists.is_empty() {
            return !nobody;
        }
        lists.iter().all(|(which, kind)| !self.filler.wires.identities(self.known, *which, *kind).is_empty())
    }
}
