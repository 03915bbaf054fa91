//! Address ranges that clash with nothing that is known to be in use. Pure.

use std::net::Ipv4Addr;

/// A range of addresses: all that share the first `prefix` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    /// First address.
    pub(super) first: u32,
    /// Length of the network part.
    pub(super) prefix: u8,
}

/// Private ranges (RFC 1918) in the order in which they are tried. The first is the one that documents and examples
/// speak of, the last ones are what Docker itself and home routers hand out.
const POOLS: [(Ipv4Addr, Ipv4Addr); 4] = [
    (Ipv4Addr::new(10, 77, 0, 0), Ipv4Addr::new(10, 255, 255, 255)),
    (Ipv4Addr::new(10, 0, 0, 0), Ipv4Addr::new(10, 76, 255, 255)),
    (Ipv4Addr::new(172, 16, 0, 0), Ipv4Addr::new(172, 31, 255, 255)),
    (Ipv4Addr::new(192, 168, 0, 0), Ipv4Addr::new(192, 168, 255, 255)),
];

impl Range {
    /// The range with that length which the address lies in.
    pub(super) fn around(address: Ipv4Addr, prefix: u8) -> Self {
        let prefix = prefix.min(32);
        Self { first: u32::from(address) & mask(prefix), prefix }
    }

    /// Reads `10.77.0.0/16`; nothing for IPv6 and for what is no range.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let prefix = prefix.parse().ok().filter(|&prefix: &u8| prefix <= 32)?;
        Some(Self::around(address.parse().ok()?, prefix))
    }

    /// First address.
    pub(super) fn address(self) -> Ipv4Addr {
        Ipv4Addr::from(self.first)
    }

    /// The first address after the network's own: the gateway's.
    pub(super) fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from(self.first + 1)
    }

    fn overlaps(self, other: Self) -> bool {
        let shorter = mask(self.prefix.min(other.prefix));
        self.first & shorter == other.first & shorter
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address(), self.prefix)
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

/// The first ranges of this length, in the pools' order, that overlap nothing in use and not each other.
/// `prefix` lies between 8 and 29. May return fewer than asked for.
pub(super) fn free(count: usize, prefix: u8, in_use: &[Range]) -> Vec<Range> {
    let prefix = prefix.clamp(8, 29);
    let step = u64::from(!mask(prefix)) + 1;
    let mut found: Vec<Range> = Vec::new();
    for (from, to) in POOLS {
        let (from, to) = (u64::from(u32::from(from)), u64::from(u32::from(to)));
        let mut first = from.next_multiple_of(step);
        while found.len() < count && first + step - 1 <= to {
            let range = Range { first: first as u32, prefix };
            if !in_use.iter().chain(&found).any(|&other| other.overlaps(range)) {
                found.push(range);
            }
            first += step;
        }
    }
    found
}

/// Ranges that a routing table leads to, from the text of `/proc/<pid>/net/route` (proc(5)): destination and mask are
/// hexadecimal in the machine's byte order. The default route is no range in use.
pub(super) fn routed(table: &str) -> Vec<Range> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let number = |field: usize| u32::from_str_radix(fields.get(field)?, 16).ok().map(u32::from_be);
            let (destination, mask) = (number(1)?, number(7)?);
            (mask != 0).then(|| Range { first: destination & mask, prefix: mask.leading_ones() as u8 })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(texts: &[&str]) -> Vec<Range> {
        texts.iter().map(|text| Range::parse(text).unwrap()).collect()
    }

    #[test]
    fn free_ranges_avoid_what_is_in_use_and_each_other() {
        let in_use = ranges(&["10.77.3.0/24", "10.78.0.0/15", "10.82.0.0/16"]);
        let found: Vec<_> = free(3, 16, &in_use).into_iter().map(|range| range.to_string()).collect();
        assert_eq!(found, ["10.80.0.0/16", "10.81.0.0/16", "10.83.0.0/16"]);
        assert_eq!(free(2, 16, &[])[0].to_string(), "10.77.0.0/16");
        assert_eq!(free(1, 24, &ranges(&["10.77.0.0/24"]))[0].to_string(), "10.77.1.0/24");
    }

    #[test]
    fn a_wide_route_moves_the_search_to_the_next_pool() {
        assert_eq!(free(1, 16, &ranges(&["10.0.0.0/8"]))[0].to_string(), "172.16.0.0/16");
        assert_eq!(free(1, 16, &ranges(&["10.0.0.0/8", "172.16.0.0/12"]))[0].to_string(), "192.168.0.0/16");
        assert_eq!(free(1, 16, &ranges(&["10.0.0.0/8", "172.16.0.0/12", "192.168.1.0/24"])), []);
    }

    #[test]
    fn routes_are_read_in_the_machines_byte_order() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                     eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                     docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
                     odd line\n";
        let expected = if cfg!(target_endian = "little") { vec!["172.17.0.0/16".to_owned()] } else { return };
        assert_eq!(routed(table).into_iter().map(|range| range.to_string()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn odd_ranges_are_none() {
        for odd in ["", "10.0.0.0", "10.0.0.0/33", "fd00::/8", "10.0.0/8"] {
            assert_eq!(Range::parse(odd), None, "{odd}");
        }
        assert_eq!(Range::parse("10.77.5.9/16").unwrap().gateway(), Ipv4Addr::new(10, 77, 0, 1));
    }
}
