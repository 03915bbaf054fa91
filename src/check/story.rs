//! The explanation of a split in lines for people. Every sentence says no more than the journal shows; what a sentence
//! needs to be true stands beside it.

use super::explain::{Explanation, Holder, Side};
use super::history::History;
use super::questions::{name_list, short_hash};
use crate::action::EntryName;

/// Versions longer than this are cut.
const VERSION_SHOWN: usize = 60;

impl Explanation {
    /// Lines for people, most useful first.
    pub(crate) fn lines(&self, history: &History<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(height) = self.height {
            lines.push(format!("{}: {}", self.where_they_differ(history, height), self.who_holds_what()));
            let (first, others) = self.by_interest();
            lines.extend(first.map(|side| side.story(history)));
            lines.extend(others.into_iter().map(|side| side.story(history)));
            lines.extend(super::roots::compare(&self.sides));
            lines.push(self.where_they_meet(history));
        }
        for holder in &self.behind {
            lines.push(format!(
                "{} ({}) is behind: its {} {} at {}, since {}",
                holder.name(),
                holder.client,
                self.pointer_is(),
                short_hash(&holder.head.hash),
                holder.head.height,
                since(history, holder.since),
            ));
        }
        lines.extend(self.who_cannot_be_placed(history));
        lines.extend(self.missing.iter().cloned());
        lines
    }

    /// Who answered and whose chain was not seen down to the others': those with one head in one line.
    fn who_cannot_be_placed(&self, history: &History<'_>) -> Vec<String> {
        let mut heads: Vec<Vec<Holder>> = Vec::new();
        for holder in &self.unplaced {
            match heads.iter_mut().find(|holders| holders[0].head == holder.head) {
                Some(holders) => holders.push(holder.clone()),
                None => heads.push(vec![holder.clone()]),
            }
        }
        let line = |holders: Vec<Holder>| {
            let one = holders.len() == 1;
            format!(
                "{} answered, and nobody can tell whether {} on one chain with the others: {} {} {} at {}, and the blocks between \
                 were not seen",
                with_clients(history, &holders),
                if one { "it is" } else { "they are" },
                if one { "its" } else { "their" },
                self.pointer_is(),
                short_hash(&holders[0].head.hash),
                holders[0].head.height,
            )
        };
        heads.into_iter().map(line).collect()
    }

    fn pointer_is(&self) -> &'static str {
        if self.of_final { "last final block is" } else { "head is" }
    }

    /// `chains differ from slot 12 on`: from there on only where the blocks below were seen down to one that all share.
    fn where_they_differ(&self, history: &History<'_>, height: u64) -> String {
        let (which, word) = (history.layer_prefix(&self.layer), history.height_word(&self.layer));
        let named_only = self.of_final && self.sides.iter().all(|side| side.first_seen.is_none());
        if named_only {
            return format!("{which}different blocks are final at {} {height}", history.final_word(&self.layer));
        }
        if self.parted_below {
            return format!("{which}chains differ at {word} {height} already, and where they parted was not seen");
        }
        format!("{which}chains differ from {word} {height} on")
    }

    /// The block in which the branches meet, and what was in force when there were two of them to be seen.
    fn where_they_meet(&self, history: &History<'_>) -> String {
        let meet = match &self.common {
            Some(common) => {
                let (hash, height) = (short_hash(&common.hash), common.height);
                format!("the last block that all branches share is {hash} at {height}")
            }
            None => "no block that all branches share was seen".to_owned(),
        };
        match self.parted {
            Some(parted) => format!(
                "{meet}; faults in force when a second branch was first seen, {}: {}",
                history.moment(parted),
                EntryNames(&self.faults_then)
            ),
            None => meet,
        }
    }

    /// `3 nodes hold 0xaa… (west-0, west-1 and west-2), 1 node holds 0xbb… (east-0)`.
    fn who_holds_what(&self) -> String {
        let sides: Vec<String> = self
            .sides
            .iter()
            .map(|side| {
                let names = names(&side.nodes);
                let count = names.len();
                let verb = if count == 1 { "node holds" } else { "nodes hold" };
                format!("{count} {verb} {} ({})", short_hash(&side.block.hash), name_list(&names))
            })
            .collect();
        sides.join(", ")
    }

    /// The side that is told of first: one that arguments or a client set apart, else one whose maker has arguments of its
    /// own, else the smaller one, else the one that came second. Being told first says nothing of who is right.
    fn by_interest(&self) -> (Option<&Side>, Vec<&Side>) {
        let mut sides: Vec<&Side> = self.sides.iter().collect();
        sides.sort_by_key(|side| {
            let told = side.distinguished_by.iter().any(|one| !one.starts_with(super::distinct::GROUP));
            let odd = side.producer.as_ref().is_some_and(|producer| !producer.extra_args.is_empty());
            (!told, !odd, side.nodes.len(), std::cmp::Reverse(side.first_seen))
        });
        let first = if sides.is_empty() { None } else { Some(sides.remove(0)) };
        (first, sides)
    }

    /// Lines of the journal that show it.
    pub(crate) fn evidence(&self) -> Vec<u64> {
        let sides = self.sides.iter().flat_map(|side| &side.nodes);
        let answers = self.sides.iter().filter_map(|side| side.answered_with.as_ref().map(|answer| answer.seq));
        sides.chain(&self.behind).chain(&self.unplaced).map(|holder| holder.seq).chain(answers).collect()
    }
}

impl Side {
    fn story(&self, history: &History<'_>) -> String {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.producer.as_ref().map(super::Producer::sentence));
        parts.extend(self.answered_with.as_ref().map(super::AnsweredWith::sentence));
        parts.extend(self.seen(history));
        let (hash, height) = (short_hash(&self.block.hash), self.block.height);
        if parts.is_empty() {
            return format!("{hash} at {height}: {}", self.who(history));
        }
        format!("{hash} at {height} {}; {}", parts.join("; "), self.who(history))
    }

    /// When and where its block was first seen. Of nodes on which it was seen at nearly the same time nobody can tell which
    /// had it first.
    fn seen(&self, history: &History<'_>) -> Option<String> {
        let (at, first) = (self.first_seen?, self.first_seen_by.as_ref()?);
        if self.seen_nowhere_else {
            return Some(format!("was seen on {first} only, first {}", history.moment(at)));
        }
        if self.seen_as_early.is_empty() {
            return Some(format!("was seen first on {first}, {}", history.moment(at)));
        }
        let mut nodes = vec![first.to_string()];
        nodes.extend(self.seen_as_early.iter().map(ToString::to_string));
        Some(format!("was first seen {}, on {}", history.moment(at), name_list(&nodes)))
    }

    /// `west-2 (reference) is alone on it; only it has --quirk tie-break-high`. Alone only if every other node of the layer
    /// was seen not to be; only it has what no other node of the run has.
    fn who(&self, history: &History<'_>) -> String {
        let names = names(&self.nodes);
        let verb = match (names.len(), self.is_one_alone) {
            (1, true) => "is alone on it",
            (1, false) => "is on it",
            _ => "are on it",
        };
        let also: Vec<String> = self.also.iter().map(ToString::to_string).collect();
        let also_are = if also.len() == 1 { "is" } else { "are" };
        let also = match also.as_slice() {
            [] => String::new(),
            names => format!(", and so {also_are} {}, not asked about", name_list(names)),
        };
        let mut odd: Vec<&str> = self.distinguished_by.iter().map(String::as_str).collect();
        odd.retain(|one| !one.starts_with(super::distinct::GROUP));
        let subject = if names.len() + self.also.len() == 1 { "it has" } else { "they have" };
        let odd = if odd.is_empty() { String::new() } else { format!("; only {subject} {}", odd.join(" and ")) };
        format!("{} {verb}{also}{odd}", with_clients(history, &self.nodes))
    }
}

/// Names of nodes with what they run: `old (btcd@v0.22.1), new and newer (btcd@v0.24.2, says "0.24.2-beta")`.
pub(super) fn with_clients(history: &History<'_>, nodes: &[Holder]) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for holder in nodes {
        let runs = runs(history, holder);
        match groups.iter_mut().find(|group| group.0 == runs) {
            Some((_, names)) => names.push(holder.name().to_owned()),
            None => groups.push((runs, vec![holder.name().to_owned()])),
        }
    }
    let groups: Vec<String> =
        groups.into_iter().map(|(runs, names)| format!("{} ({runs})", name_list(&names))).collect();
    groups.join(", ")
}

/// What a node runs, with the version that it told itself where the client's name does not hold it already.
fn runs(history: &History<'_>, holder: &Holder) -> String {
    let node = history.index.get(holder.node.as_str()).copied();
    let clients = match (&holder.participant, node) {
        (Some(_), Some(node)) => history.clients_of(node),
        _ => holder.client.to_string(),
    };
    let Some(version) = holder.version.as_deref().map(str::trim).filter(|version| !version.is_empty()) else {
        return clients;
    };
    let variant = holder.client.variant.as_ref().map(|variant| variant.trim_start_matches('v').to_owned());
    if variant.is_some_and(|variant| version.contains(&variant)) {
        return clients;
    }
    let shown: String = version.chars().take(VERSION_SHOWN).collect();
    let cut = if shown.len() < version.len() { "…" } else { "" };
    format!("{clients}, says \"{shown}{cut}\"")
}

fn names(nodes: &[Holder]) -> Vec<String> {
    nodes.iter().map(|holder| holder.name().to_owned()).collect()
}

fn since(history: &History<'_>, at: u64) -> String {
    history.moment(at).trim_start_matches("at ").to_owned()
}

impl Holder {
    /// How it is called: by its participant where all members of that are meant.
    pub(crate) fn name(&self) -> &str {
        self.participant.as_deref().unwrap_or(self.node.as_str())
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
