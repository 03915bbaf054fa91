//! Which nodes a fault or a check speaks of.

use std::collections::BTreeMap;

use crate::action::NodeName;
use crate::text::{Diagnostic, Sp};

use super::Topology;
use crate::action::Seeds;

/// Targets as written: a word, a mapping, or a list of those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Targets {
    /// A node, glob `west-*`, group, client name, share `40%`, or one of the words
    /// `one minority minority_third majority supermajority all bootnodes`.
    Word(String),
    /// `{random: 3}`.
    Random(Sp<u32>),
    /// `{label: value}`: all nodes with these labels.
    Labels(BTreeMap<String, String>),
    /// All of these together.
    List(Vec<Sp<Targets>>),
}

/// What targets are resolved against.
#[derive(Clone, Copy, Debug)]
pub struct TargetContext<'a> {
    /// The nodes there are.
    pub topology: &'a Topology,
    /// Where draws come from: a place of the seed tree that belongs to this use alone.
    pub seeds: &'a Seeds,
}

impl Targets {
    /// The nodes that are meant, in plan order, at least one; or what is wrong and what was perhaps meant.
    pub fn resolve(written: &Sp<Targets>, context: TargetContext<'_>) -> Result<Vec<NodeName>, Diagnostic> {
        let _ = (written, context);
        todo!()
    }
}
