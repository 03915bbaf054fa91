//! Names of a run's nodes, as files that every resolver reads (hosts(5), nsswitch.conf(5)).

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::action::NodeProcess;

/// The hosts file of a node: itself and whoever shares a network with it, with the address there, before what the machine
/// has in its own.
pub(super) fn hosts<'a>(node: &NodeProcess, nodes: impl IntoIterator<Item = &'a NodeProcess>, machine: &str) -> String {
    let mut text = String::new();
    let mut named = BTreeSet::new();
    for other in nodes {
        let shared = node
            .attachments
            .iter()
            .find_map(|mine| other.attachments.iter().find(|theirs| theirs.network == mine.network));
        if let Some(shared) = shared {
            let _ = writeln!(text, "{} {}", shared.address, other.name);
            named.insert(other.name.as_str());
        }
    }
    if !machine.lines().any(|line| words(line).skip(1).any(|name| name == "localhost")) {
        text += "127.0.0.1 localhost\n";
    }
    // A machine may know one of the names too, by another address.
    for line in machine.lines() {
        let mut line = words(line);
        let Some(address) = line.next() else { continue };
        let names: Vec<&str> = line.filter(|name| !named.contains(name)).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "{address} {}", names.join(" "));
        }
    }
    text
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split('#').next().unwrap_or_default().split_whitespace()
}

/// The machine's switch of name services, asking the hosts file first and no service of the machine, which would answer
/// without it and for a sealed run.
pub(super) fn from_files_first(machine: &str) -> String {
    let mut text = String::new();
    for line in machine.lines().filter(|line| !line.trim_start().starts_with("hosts:")) {
        text += line;
        text.push('\n');
    }
    text + "hosts: files dns\n"
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::action::Attachment;

    fn node(name: &str, places: &[(&str, u8)]) -> NodeProcess {
        let places = places
            .iter()
            .map(|&(network, last)| Attachment { network: network.into(), address: Ipv4Addr::new(10, 77, 0, last) });
        let node = serde_json::json!({
            "name": name, "index": 0, "client": "c", "init": [], "command": ["c"], "env": {}, "data": "data",
            "files": [], "attachments": [], "ports": {}, "resources": {},
        });
        let node: NodeProcess = serde_json::from_value(node).unwrap();
        NodeProcess { attachments: places.collect(), ..node }
    }

    #[test]
    fn a_node_knows_those_that_it_shares_a_network_with() {
        let nodes = [
            node("a", &[("main", 10), ("private", 20)]),
            node("b", &[("main", 11)]),
            node("c", &[("private", 22), ("main", 12)]),
            node("d", &[("other", 13)]),
        ];
        let machine = "127.0.0.1 localhost # ours\n# b\n192.0.2.1 b build\n192.0.2.2 c\n";
        let text = hosts(&nodes[0], &nodes, machine);
        let wanted = "10.77.0.10 a\n10.77.0.11 b\n10.77.0.12 c\n127.0.0.1 localhost\n192.0.2.1 build\n";
        assert_eq!(text, wanted);
        assert_eq!(hosts(&nodes[3], &nodes, ""), "10.77.0.13 d\n127.0.0.1 localhost\n");
    }

    #[test]
    fn names_come_from_files_before_any_service() {
        let machine = "passwd: files\nhosts: mymachines resolve [!UNAVAIL=return] files\nnetworks: files\n";
        assert_eq!(from_files_first(machine), "passwd: files\nnetworks: files\nhosts: files dns\n");
    }
}
