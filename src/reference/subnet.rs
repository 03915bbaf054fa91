//! Which addresses a node may dial.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A range of IPv4 addresses, `10.77.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subnet {
    base: u32,
    bits: u8,
}

impl Subnet {
    /// The range of this many leading bits that an address lies in.
    pub(super) fn around(address: Ipv4Addr, bits: u8) -> Self {
        let bits = bits.min(32);
        let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
        Self { base: u32::from(address) & mask, bits }
    }

    pub(super) fn contains(self, address: Ipv4Addr) -> bool {
        Self::around(address, self.bits) == self
    }
}

impl FromStr for Subnet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is no range of IPv4 addresses; write it as 10.77.0.0/16");
        let (address, bits) = text.split_once('/').ok_or_else(wrong)?;
        let address: Ipv4Addr = address.parse().map_err(|_| wrong())?;
        let bits: u8 = bits.parse().ok().filter(|bits| *bits <= 32).ok_or_else(wrong)?;
        Ok(Self::around(address, bits))
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_they_should() {
        let range: Subnet = "10.77.3.4/16".parse().unwrap();
        assert_eq!(range.to_string(), "10.77.0.0/16");
        assert!(range.contains(Ipv4Addr::new(10, 77, 255, 1)));
        assert!(!range.contains(Ipv4Addr::new(10, 78, 0, 1)));
        assert!("0.0.0.0/0".parse::<Subnet>().unwrap().contains(Ipv4Addr::new(8, 8, 8, 8)));
        assert!("1.2.3.4/32".parse::<Subnet>().unwrap().contains(Ipv4Addr::new(1, 2, 3, 4)));
        for bad in ["", "10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0/8"] {
            assert!(bad.parse::<Subnet>().is_err(), "{bad}");
        }
    }
}
