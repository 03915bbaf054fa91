//! Quantities with units, parsed once: `250ms`, `10mbit`, `64kib`, `1%`.

use std::time::Duration;

/// A duration: `250us`, `250ms`, `10s`, `5m`, `2h`, and sums such as `1m30s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Duration);

/// A data rate in bits per second: `512kbit`, `10mbit`, `1gbit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u64);

/// A size in bytes: `64kib`, `512mib`, `2gib`, `1500b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

/// A share from 0 to 1, written as `1%` or `0.01`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Share(pub f64);
