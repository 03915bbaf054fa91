//! A document section by section: a mistake in one does not hide those in the others.

use serde::de::DeserializeOwned;

use crate::text::reader::read_node;
use crate::text::schema::DocumentSchema;
use crate::text::tree::Node;
use crate::text::{Diagnostic, Span, checker};

/// A tree, and what is structurally wrong with it.
#[derive(Debug)]
pub(super) struct Sections {
    /// The whole document.
    pub(super) tree: Node,
    structural: Vec<Diagnostic>,
    /// Mistakes of reading parts that passed the check.
    further: Vec<Diagnostic>,
}

impl Sections {
    /// Checks a tree against the schema of its type.
    pub(super) fn new<T: schemars::JsonSchema>(tree: Node) -> Self {
        let structural = checker::check(&tree, &DocumentSchema::of::<T>());
        Self { tree, structural, further: Vec::new() }
    }

    /// Whether a part holds no structural mistake.
    pub(super) fn is_sound(&self, span: Span) -> bool {
        !self.structural.iter().any(|mistake| {
            mistake.labels.first().is_some_and(|label| {
                label.span.source == span.source && label.span.start >= span.start && label.span.start <= span.end
            })
        })
    }

    /// Reads a part, unless it is known to be broken.
    pub(super) fn read<T: DeserializeOwned>(&mut self, node: &Node) -> Option<T> {
        if !self.is_sound(node.span) {
            return None;
        }
        match read_node(node) {
            Ok(value) => Some(value),
            Err(mistake) => {
                // A mistake that stands elsewhere (behind an alias) was found there by the check.
                let place =
                    |mistake: &Diagnostic| mistake.labels.first().map(|label| (label.span.source, label.span.start));
                if !self.structural.iter().any(|known| place(known) == place(&mistake)) {
                    self.further.push(mistake);
                }
                None
            }
        }
    }

    /// Reads the value of a key, if it is there.
    pub(super) fn read_key<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let (name, node) = self.tree.entry(key)?;
        let whole = Span { start: name.span.start, ..node.span };
        if name.span.source == node.span.source && !self.is_sound(whole) {
            return None;
        }
        let node = node.clone();
        self.read(&node)
    }

    /// Everything that was found.
    pub(super) fn into_mistakes(self) -> Vec<Diagnostic> {
        self.structural.into_iter().chain(self.further).collect()
    }
}
