//! Address ranges for networks, addresses for nodes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::action::{Attachment, NetworkName, NetworkSpec};
use crate::text::Diagnostic;
use crate::topology::{Node, Topology};

/// Networks with their ranges, by name: `main` first, then the others in order. Ranges that the caller did not give are
/// 10.77.0.0/16, 10.78.0.0/16, ….
pub(super) fn networks(
    topology: &Topology,
    subnets: &[(Ipv4Addr, u8)],
) -> Result<BTreeMap<NetworkName, NetworkSpec>, Diagnostic> {
    let main = NetworkName::from("main");
    let first = topology.networks.keys().filter(|name| **name == main);
    let others = topology.networks.keys().filter(|name| **name != main);
    let mut networks = BTreeMap::new();
    for (position, name) in first.chain(others).enumerate() {
        let default = u8::try_from(77 + position).map(|second| (Ipv4Addr::new(10, second, 0, 0), 16));
        let given = subnets.get(position).copied().or(default.ok());
        let Some((subnet, prefix)) = given.filter(|(_, prefix)| (8..=28).contains(prefix)) else {
            return Err(Diagnostic::error(format!("there is no address range for network `{name}`")).help(
                "a network needs a range with a prefix between /8 and /28; use fewer networks or free some ranges",
            ));
        };
        let internet = topology.networks.get(name).is_some_and(|network| network.internet);
        let gateway = nth(subnet, 1);
        networks.insert(name.clone(), NetworkSpec { name: name.clone(), subnet, prefix, gateway, internet });
    }
    Ok(networks)
}

/// Ranges that every address must avoid at its beginning: the network's own, the gateway's, and room for the host's use.
const RESERVED: u32 = 10;

/// The addresses of the node at a position: the tenth and following ones of each of its networks, leaving out those that
/// end in `.0` or `.255`, which some programs take for a network or everybody.
pub(super) fn attachments(
    node: &Node,
    position: usize,
    networks: &BTreeMap<NetworkName, NetworkSpec>,
) -> Result<Vec<Attachment>, Diagnostic> {
    let mut attachments = Vec::new();
    for name in &node.networks {
        let spec = networks.get(name).ok_or_else(|| {
            Diagnostic::error(format!("{} is in network `{name}`, which is not declared", node.name))
                .at(node.place, "this node")
        })?;
        let size = 1_u32 << (32 - u32::from(spec.prefix));
        let offset = offset(position);
        if offset >= size - 1 {
            return Err(Diagnostic::error(format!(
                "network `{name}` ({}/{}) has no room for node number {}",
                spec.subnet,
                spec.prefix,
                position + 1
            ))
            .at(node.place, "one node too many")
            .help("use fewer nodes, or a larger address range"));
        }
        attachments.push(Attachment { network: name.clone(), address: nth(spec.subnet, offset) });
    }
    Ok(attachments)
}

fn nth(subnet: Ipv4Addr, offset: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(subnet).wrapping_add(offset))
}

/// Offset of the node at a position: 245 usable addresses before the first `.255`, then 254 in every 256.
fn offset(position: usize) -> u32 {
    let position = u32::try_from(position).unwrap_or(u32::MAX / 512);
    let first = 255 - RESERVED;
    if position < first {
        return RESERVED + position;
    }
    let rest = position - first;
    256 + (rest / 254) * 256 + 1 + rest % 254
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_twice_and_none_that_looks_like_a_network() {
        let offsets: Vec<u32> = (0..2_000).map(offset).collect();
        assert_eq!(&offsets[..2], &[10, 11]);
        assert_eq!(&offsets[244..247], &[254, 257, 258]);
        assert!(offsets.is_sorted_by(|a, b| a < b));
        assert!(offsets.iter().all(|offset| !matches!(offset % 256, 0 | 255)));
    }
}
