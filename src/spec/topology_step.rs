//! The topology of a scenario or of a file of its own, and the clients that it names.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::clients::Clients;
use super::library::{FileKind, Library};
use super::sections::Sections;
use crate::action::Seeds;
use crate::text::tree::{Content, Node};
use crate::text::{Diagnostic, Ordered, Sources, Sp, Span, suggest, yaml};
use crate::topology::{self, Topology, TopologyDocument, Wishes};

/// What the steps share.
#[derive(Clone, Copy)]
pub(super) struct TopologyStep<'a> {
    /// Where names are looked up.
    pub(super) library: &'a dyn Library,
    /// Clients that the topology is dealt anew over.
    pub(super) wanted: &'a [(Sp<String>, u32)],
    /// The root of the seed tree.
    pub(super) seeds: &'a Seeds,
    /// Name of a topology that has none of its own.
    pub(super) default_name: &'a str,
}

impl TopologyStep<'_> {
    /// The topology under `topology:` of a scenario.
    pub(super) fn of_scenario(
        &self,
        sources: &mut Sources,
        sections: &mut Sections,
        clients: &mut Clients<'_>,
        inputs: &mut BTreeMap<String, String>,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Topology> {
        let (key, node) = sections.tree.entry("topology")?;
        let (key, node) = (key.span, node.clone());
        match &node.content {
            Content::Map(_) => self.resolve(sources, sections, &node, key, clients, mistakes),
            Content::Scalar { text, .. } => {
                let Some((path, found)) = self.library.topology(text) else {
                    let known = self.library.names(FileKind::Topology);
                    let mut mistake =
                        Diagnostic::error(format!("there is no topology `{text}`")).at(node.span, "unknown topology");
                    mistake.help = suggest::help(text, known.iter().map(String::as_str), "topologies");
                    mistakes.push(mistake);
                    return None;
                };
                inputs.insert("topology.yaml".to_owned(), found.clone());
                let step = TopologyStep { default_name: text, ..*self };
                step.of_file(sources, &path, &found, clients, mistakes)
            }
            // The structural check has said what should stand here.
            Content::Null | Content::List(_) => None,
        }
    }

    /// A topology file.
    pub(super) fn of_file(
        &self,
        sources: &mut Sources,
        path: &str,
        text: &str,
        clients: &mut Clients<'_>,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Topology> {
        let source = sources.add(path, text);
        let tree = yaml::parse(text, source).map_err(|mut found| mistakes.append(&mut found)).ok()?;
        let mut sections = Sections::new::<TopologyDocument>(tree.clone());
        let place = Span { end: tree.span.start, ..tree.span };
        let topology = self.resolve(sources, &mut sections, &tree, place, clients, mistakes);
        mistakes.extend(sections.into_mistakes());
        topology
    }

    fn resolve(
        &self,
        sources: &mut Sources,
        sections: &mut Sections,
        node: &Node,
        place: Span,
        clients: &mut Clients<'_>,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Topology> {
        let whole: Option<TopologyDocument> = sections.read(node);
        let complete = whole.is_some();
        // Of a topology with structural mistakes the sound groups and nodes are still looked at.
        let document = whole.unwrap_or_else(|| TopologyDocument {
            groups: sound_entries(sections, node.get("groups")),
            nodes: sound_entries(sections, node.get("nodes")),
            networks: sound_entries(sections, node.get("networks")),
            ..TopologyDocument::default()
        });
        let seeds = self.seeds.child("topology");
        let wishes = Wishes { name: self.default_name, place, clients: self.wanted, seeds: &seeds };
        let resolved =
            if complete { topology::resolve(&document, &wishes) } else { topology::look_over(&document, &wishes) };
        mistakes.extend(resolved.mistakes);
        for (client, asked) in &resolved.clients {
            if let Some(found) = clients.read(sources, client, *asked) {
                clients.keep(client.clone(), found);
            }
        }
        resolved.topology
    }
}

/// The entries of a mapping that can be read.
fn sound_entries<T: DeserializeOwned>(sections: &mut Sections, node: Option<&Node>) -> Ordered<T> {
    let mut found = Vec::new();
    if let Some(Content::Map(entries)) = node.map(|node| &node.content) {
        for (key, value) in entries {
            let whole = Span { start: key.span.start, ..value.span };
            if key.span.source == value.span.source && sections.is_sound(whole) {
                found.extend(sections.read(value).map(|value| (Sp::new(key.text.clone(), key.span), value)));
            }
        }
    }
    Ordered(found)
}
