//! The state of all links at one instant, compiled from rules so that looking one up is two array reads.

use super::{LinkParameters, LinkRule};

/// Qualities of all directed links among `nodes` nodes. Immutable: a change of state is a new table, swapped whole.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkTable {
    nodes: u16,
    /// Distinct qualities; the first one is the perfect link.
    classes: Vec<LinkParameters>,
    /// Class of the link from `i` to `j` at `i * nodes + j`. Two bytes a link: 500 nodes are 500 kB.
    class_of: Vec<u16>,
}

impl LinkTable {
    /// Applies all rules to a network of perfect links.
    pub fn compile<'a>(nodes: u16, rules: impl IntoIterator<Item = &'a LinkRule>) -> Self {
        let side = usize::from(nodes);
        let mut table = Self { nodes, classes: vec![LinkParameters::default()], class_of: vec![0; side * side] };
        for rule in rules {
            // Links of one class under one rule end in one class again: remember which.
            let mut moved: Vec<Option<u16>> = vec![None; table.classes.len()];
            for &from in &rule.from {
                for &to in rule.to.iter().filter(|&&to| to != from) {
                    let cell = usize::from(from) * side + usize::from(to);
                    let old = table.class_of[cell];
                    let new = if let Some(new) = moved[usize::from(old)] {
                        new
                    } else {
                        let new = table.class_for(table.classes[usize::from(old)].and(rule.parameters));
                        moved[usize::from(old)] = Some(new);
                        new
                    };
                    table.class_of[cell] = new;
                }
            }
        }
        table
    }

    fn class_for(&mut self, parameters: LinkParameters) -> u16 {
        if let Some(known) = self.classes.iter().position(|&class| class == parameters) {
            return known as u16;
        }
        self.classes.push(parameters);
        u16::try_from(self.classes.len() - 1).expect("fewer than 65,536 distinct link qualities in one plan")
    }

    /// The quality of the link from one node to another.
    pub fn get(&self, from: u16, to: u16) -> &LinkParameters {
        &self.classes[usize::from(self.class_of[usize::from(from) * usize::from(self.nodes) + usize::from(to)])]
    }

    /// How many nodes the table is for.
    pub fn nodes(&self) -> u16 {
        self.nodes
    }
}
