//! Forks of execution chains, by the names that go-ethereum's genesis files give them.

/// Those with a block number as their condition, from the first one to London (EIP-1559), in order. The difficulty bombs
/// that were put off afterwards are left to those who still mine or merge.
pub(super) const FORKS_UP_TO_LONDON: [&str; 11] = [
    "homestead",
    "eip150",
    "eip155",
    "eip158",
    "byzantium",
    "constantinople",
    "petersburg",
    "istanbul",
    "muirGlacier",
    "berlin",
    "london",
];
