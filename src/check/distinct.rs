//! What sets the nodes of one side apart from every other node of the run: arguments, clients, versions, groups.

use std::collections::BTreeSet;

use super::history::History;

/// What all of these nodes have and no other node of the run has, whether or not it was asked about; the likelier a cause,
/// the earlier.
pub(super) fn distinguished_by(history: &History<'_>, members: &BTreeSet<usize>) -> Vec<String> {
    let mut shared: Option<BTreeSet<String>> = None;
    let mut family: BTreeSet<usize> = BTreeSet::new();
    for &member in members {
        family.extend(history.mates(member));
        let own = traits(history, member);
        shared = Some(shared.map_or_else(|| own.clone(), |shared| shared.intersection(&own).cloned().collect()));
    }
    let mut shared = shared.unwrap_or_default();
    let mut others = 0;
    for other in (0..history.nodes.len()).filter(|node| !family.contains(node)) {
        others += 1;
        let its = traits(history, other);
        shared.retain(|one| !its.contains(one));
        // A node that never told its version may have the same.
        if history.nodes[other].version.is_none() && history.layer(other) != super::layers::PROCESS {
            shared.retain(|one| !one.starts_with(VERSION));
        }
    }
    if others == 0 {
        return Vec::new();
    }
    // A client that is set apart by its name needs no variant and no version.
    let named: Vec<String> = shared.iter().map(|one| format!("{one}@")).collect();
    shared.retain(|one| !named.iter().any(|start| one.starts_with(start)));
    if shared.iter().any(|one| one.starts_with(CLIENT)) {
        shared.retain(|one| !one.starts_with(VERSION));
    }
    let rank = |text: &String| {
        [CLIENT, VERSION, GROUP].iter().position(|start| text.starts_with(start)).map_or(0, |at| at + 1)
    };
    let mut shared: Vec<String> = shared.into_iter().collect();
    shared.sort_by_key(rank);
    shared
}

const CLIENT: &str = "client ";
const VERSION: &str = "version ";
/// How the groups of nodes begin among what sets them apart.
pub(super) const GROUP: &str = "group ";

/// What a node has. What a participant does may come from any of its members.
fn traits(history: &History<'_>, node: usize) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for mate in history.mates(node) {
        let record = history.nodes[mate].record;
        all.insert(format!("{CLIENT}{}", record.client));
        if record.client.variant.is_some() {
            all.insert(format!("{CLIENT}{}", record.client.name));
        }
        all.extend(history.nodes[mate].version.map(|version| format!("{VERSION}{version}")));
        all.extend(flags(&record.extra_args));
        all.extend(record.group.iter().map(|group| format!("{GROUP}{group}")));
    }
    all
}

/// `["--quirk", "x", "--v2"]` as `--quirk x` and `--v2`.
fn flags(arguments: &[String]) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    for argument in arguments {
        match flags.last_mut() {
            Some(last) if !argument.starts_with('-') && last.starts_with('-') && !last.contains([' ', '=']) => {
                last.push(' ');
                last.push_str(argument);
            }
            _ => flags.push(argument.clone()),
        }
    }
    flags
}
