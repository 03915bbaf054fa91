//! The explanation of a split in lines for people.

use super::explain::{Explanation, Holder, Producer, Side};
use super::history::History;
use super::questions::{name_list, short_hash};
use crate::action::EntryName;

impl Explanation {
    /// Lines for people, most useful first.
    pub(crate) fn lines(&self, history: &History<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(height) = self.height {
            let (which, word) = (history.layer_prefix(&self.layer), history.height_word(&self.layer));
            lines.push(format!("{which}chains differ from {word} {height} on: {}", self.who_holds_what()));
            let (first, others) = self.by_interest();
            lines.extend(first.map(|side| side.story(history)));
            lines.extend(others.into_iter().map(|side| side.story(history)));
            lines.extend(super::roots::compare(&self.sides));
            let then = EntryNames(&self.faults_then);
            lines.push(match &self.common {
                Some(common) => format!(
                    "the last block that all share is {} at {}; faults in force when they parted: {then}",
                    short_hash(&common.hash),
                    common.height
                ),
                None => format!("no common block was seen; faults in force when they parted: {then}"),
            });
        }
        for holder in &self.behind {
            lines.push(format!(
                "{} ({}) is behind: its head is {} at {}, since {}",
                holder.name(),
                holder.client,
                short_hash(&holder.head.hash),
                holder.head.height,
                history.moment(holder.since).trim_start_matches("at "),
            ));
        }
        lines.extend(self.missing.iter().cloned());
        lines
    }

    /// `3 nodes hold 0xaa… (west-0, west-1 and west-2), 1 node holds 0xbb… (east-0)`.
    fn who_holds_what(&self) -> String {
        let sides: Vec<String> = self
            .sides
            .iter()
            .map(|side| {
                let names: Vec<String> = side.nodes.iter().map(|holder| holder.name().to_owned()).collect();
                let count = names.len();
                let verb = if count == 1 { "node holds" } else { "nodes hold" };
                format!("{count} {verb} {} ({})", short_hash(&side.block.hash), name_list(&names))
            })
            .collect();
        sides.join(", ")
    }

    /// The side that is told of first: one that something sets apart, else one that stands alone, else the one that
    /// came second.
    fn by_interest(&self) -> (Option<&Side>, Vec<&Side>) {
        let mut sides: Vec<&Side> = self.sides.iter().collect();
        sides.sort_by_key(|side| {
            let told = side.distinguished_by.iter().any(|one| !one.starts_with("group "));
            let odd = side.producer.as_ref().is_some_and(|producer| !producer.extra_args.is_empty());
            (!told, !odd, side.nodes.len(), std::cmp::Reverse(side.first_seen))
        });
        let first = if sides.is_empty() { None } else { Some(sides.remove(0)) };
        (first, sides)
    }

    /// Lines of the journal that show it.
    pub(crate) fn evidence(&self) -> Vec<u64> {
        let sides = self.sides.iter().flat_map(|side| &side.nodes);
        sides.chain(&self.behind).map(|holder| holder.seq).collect()
    }
}

impl Side {
    fn story(&self, history: &History<'_>) -> String {
        let made = match &self.producer {
            Some(producer) if producer.node.is_some() => format!("was made by {}", producer.name()),
            Some(producer) => {
                format!("was made by {}, which no node of the run signs as", short_hash(&producer.signed_as))
            }
            None => "was made by a producer that the journal does not name".to_owned(),
        };
        let seen = match (self.first_seen, &self.first_seen_by) {
            (Some(at), Some(node)) => format!("; {node} had it first, {}", history.moment(at)),
            _ => String::new(),
        };
        let names: Vec<String> = self.nodes.iter().map(|holder| holder.name().to_owned()).collect();
        let who = match names.as_slice() {
            [one] => format!("{one} is alone on it"),
            _ => format!("{} are on it", name_list(&names)),
        };
        let odd: Vec<&str> =
            self.distinguished_by.iter().map(String::as_str).filter(|one| !one.starts_with("group ")).collect();
        let odd = if odd.is_empty() { String::new() } else { format!(" and alone run {}", odd.join(" and ")) };
        let odd = if names.len() == 1 {
            odd.replace(" alone run ", " is the only one with ")
        } else {
            odd.replace("alone run", "are the only ones with")
        };
        format!("{} at {} {made}{seen}; {who}{odd}", short_hash(&self.block.hash), self.block.height)
    }
}

impl Holder {
    /// How it is called: by its participant where all members of that are meant.
    pub(crate) fn name(&self) -> &str {
        self.participant.as_deref().unwrap_or(self.node.as_str())
    }
}

impl Producer {
    /// Who it is and what it runs: `west-0 (prysm@v6.0.4)`; the name under which it signs if no node signs so.
    pub(crate) fn name(&self) -> String {
        let Some(node) = &self.node else { return short_hash(&self.signed_as) };
        let name = self.participant.as_deref().unwrap_or(node.as_str());
        match (&self.client, self.extra_args.is_empty()) {
            (Some(client), true) => format!("{name} ({client})"),
            (Some(client), false) => format!("{name} ({client} {})", self.extra_args.join(" ")),
            (None, _) => name.to_owned(),
        }
    }
}

struct EntryNames<'a>(&'a [EntryName]);

impl std::fmt::Display for EntryNames<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let names: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&name_list(&names))
    }
}
