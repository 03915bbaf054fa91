//! What a node's device on the wire looks like.

use std::net::Ipv4Addr;

/// An address that is put on the device, with its network as on-link route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceAddress {
    /// The address.
    pub address: Ipv4Addr,
    /// Length of the network part.
    pub prefix: u8,
}

/// A route that leads into the device, beside those that its own addresses bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceRoute {
    /// First address of the range.
    pub destination: Ipv4Addr,
    /// Length of its network part.
    pub prefix: u8,
    /// Address that packets are sent from, if the sender did not choose: one that the namespace has elsewhere.
    pub source: Option<Ipv4Addr>,
}

/// A route to one host that must *not* lead into the device, although it lies in one of the ranges above: the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptHost {
    /// The host.
    pub host: Ipv4Addr,
    /// It stays reachable through the interface that has this address.
    pub through: Ipv4Addr,
}

/// A node's device on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSetup {
    /// Interface name inside the node's namespace, at most 15 bytes.
    pub name: String,
    /// Packets to these addresses are brought to this node.
    pub carries: Vec<Ipv4Addr>,
    /// Addresses that are put on the device.
    pub addresses: Vec<DeviceAddress>,
    /// Routes into the device.
    pub routes: Vec<DeviceRoute>,
    /// Hosts that stay reachable as before.
    pub keep: Vec<KeptHost>,
    /// Largest packet, in bytes: 68 to 9000.
    pub mtu: u16,
}

impl DeviceSetup {
    /// A device that has the node's addresses itself: for namespaces that hold nothing else (`native`).
    /// One `(address, prefix)` for each network of the node.
    pub fn own(name: &str, networks: &[(Ipv4Addr, u8)]) -> Self {
        Self {
            name: name.to_owned(),
            carries: networks.iter().map(|&(address, _)| address).collect(),
            addresses: networks.iter().map(|&(address, prefix)| DeviceAddress { address, prefix }).collect(),
            routes: Vec::new(),
            keep: Vec::new(),
            mtu: 1500,
        }
    }

    /// A device beside interfaces that have the addresses (`docker`): two routes to the halves of each subnet are
    /// more specific than the interface's own route and win; the gateway keeps a route of its own.
    /// One `(address, prefix, gateway)` for each network of the node.
    pub fn beside(name: &str, networks: &[(Ipv4Addr, u8, Ipv4Addr)]) -> Self {
        let mut setup = Self { addresses: Vec::new(), ..Self::own(name, &[]) };
        for &(address, prefix, gateway) in networks {
            setup.carries.push(address);
            setup.keep.push(KeptHost { host: gateway, through: address });
            for destination in halves(address, prefix) {
                setup.routes.push(DeviceRoute { destination, prefix: prefix + 1, source: Some(address) });
            }
        }
        setup
    }
}

/// First addresses of the two halves of the network that the address lies in. `prefix` is at most 31.
fn halves(address: Ipv4Addr, prefix: u8) -> [Ipv4Addr; 2] {
    let prefix = u32::from(prefix.min(31));
    let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
    let low = u32::from(address) & mask;
    [Ipv4Addr::from(low), Ipv4Addr::from(low | (1 << (31 - prefix)))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_beside_others_takes_both_halves_of_the_subnet() {
        let address = Ipv4Addr::new(10, 77, 0, 12);
        let setup = DeviceSetup::beside("wire0", &[(address, 16, Ipv4Addr::new(10, 77, 0, 1))]);
        let routes: Vec<_> = setup.routes.iter().map(|route| (route.destination.to_string(), route.prefix)).collect();
        assert_eq!(routes, [("10.77.0.0".to_owned(), 17), ("10.77.128.0".to_owned(), 17)]);
        assert!(setup.addresses.is_empty());
        assert_eq!(setup.carries, [address]);
        assert_eq!(halves(Ipv4Addr::new(1, 2, 3, 4), 0), [Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(128, 0, 0, 0)]);
        assert_eq!(halves(Ipv4Addr::new(1, 2, 3, 4), 31), [Ipv4Addr::new(1, 2, 3, 4), Ipv4Addr::new(1, 2, 3, 5)]);
    }
}
