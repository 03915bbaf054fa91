//! Changes from the command line, made to the document before it is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::text::tree::{Content, Key, Node};
use crate::text::{Diagnostic, Sources, Sp, Span, yaml};

/// What the command line says about a scenario.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--clients a,b`: the topology is dealt anew over these.
    pub clients: Vec<String>,
    /// `--set path=value`, in order.
    pub set: Vec<(String, String)>,
    /// `--program NAME[@VARIANT]=PATH`.
    pub programs: BTreeMap<String, PathBuf>,
}

impl Overrides {
    /// As a person would type them, one a line; empty if there are none.
    pub(super) fn describe(&self) -> String {
        let mut lines = Vec::new();
        lines.extend(self.seed.map(|seed| format!("--seed {seed}")));
        if !self.clients.is_empty() {
            lines.push(format!("--clients {}", self.clients.join(",")));
        }
        lines.extend(self.set.iter().map(|(path, value)| format!("--set {path}={value}")));
        lines.extend(self.programs.iter().map(|(name, path)| format!("--program {name}={}", path.display())));
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.join("\n")
    }

    /// Clients of the command line, each with its place there.
    pub(super) fn placed_clients(&self, sources: &mut Sources) -> Vec<Sp<String>> {
        if self.clients.is_empty() {
            return Vec::new();
        }
        let text = format!("--clients {}", self.clients.join(","));
        let source = sources.add("command line", &text);
        let mut start = "--clients ".len();
        self.clients
            .iter()
            .map(|client| {
                let span = span(source, start, start + client.len());
                start += client.len() + 1;
                Sp::new(client.clone(), span)
            })
            .collect()
    }

    /// Makes all `--set` changes.
    pub(super) fn apply(&self, sources: &mut Sources, tree: &mut Node) -> Vec<Diagnostic> {
        let mut mistakes = Vec::new();
        for (path, value) in &self.set {
            let prefix = format!("--set {path}=");
            let source = sources.add("command line", &format!("{prefix}{value}"));
            // Blanks in front keep the places of the value.
            let padded = format!("{}{value}", " ".repeat(prefix.len()));
            match yaml::parse(&padded, source) {
                Ok(value) => mistakes.extend(set(tree, path, source, value).err()),
                Err(mut found) => mistakes.append(&mut found),
            }
        }
        mistakes
    }
}

fn span(source: u32, start: usize, end: usize) -> Span {
    let at = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    Span { source, start: at(start), end: at(end) }
}

/// Puts a value at a path of keys and list positions. Keys that are not there yet are made.
fn set(tree: &mut Node, path: &str, source: u32, value: Node) -> Result<(), Diagnostic> {
    let mut start = "--set ".len();
    let mut node = tree;
    for part in path.split('.') {
        let place = span(source, start, start + part.len());
        start += part.len() + 1;
        if part.is_empty() {
            return Err(Diagnostic::error("a path is keys and list positions with dots between them")
                .at(place, "nothing stands here")
                .help("for example `--set timeline.0.for=30s`"));
        }
        if node.content == Content::Null {
            node.content = Content::Map(Vec::new());
            node.span = place;
        }
        let what = node.describe();
        node = match &mut node.content {
            Content::Map(entries) => {
                let position = entries.iter().position(|(key, _)| key.text == part).unwrap_or_else(|| {
                    let key = Key { text: part.to_owned(), span: place };
                    entries.push((key, Node { span: place, content: Content::Null }));
                    entries.len() - 1
                });
                &mut entries[position].1
            }
            Content::List(items) => {
                let count = items.len();
                let found = part.parse::<usize>().ok().filter(|position| *position < count);
                let Some(position) = found else { return Err(no_item(items, part, place)) };
                &mut items[position]
            }
            Content::Scalar { .. } | Content::Null => {
                let mut mistake = Diagnostic::error(format!("nothing can be set inside {what}"))
                    .at(place, "this key would stand inside it")
                    .at(node.span, "a single value");
                if path.starts_with("topology.") {
                    mistake = mistake.help("the topology is named here; copy it into the scenario to change it");
                }
                return Err(mistake);
            }
        };
    }
    *node = value;
    Ok(())
}

/// Items may be called by their `name` in messages, never in paths: positions are always there.
fn no_item(items: &[Node], part: &str, place: Span) -> Diagnostic {
    let mistake = Diagnostic::error(format!("this list has no item `{part}`")).at(place, "unknown position");
    if items.is_empty() {
        return mistake.help("the list is empty");
    }
    let names: Vec<&str> = items.iter().map(|item| item.get("name").and_then(Node::text).unwrap_or("")).collect();
    if let Some(position) = names.iter().position(|name| *name == part) {
        return mistake.help(format!("items are counted from 0: `{part}` is item {position}"));
    }
    mistake.help(format!("items are counted from 0 to {}", items.len() - 1))
}
