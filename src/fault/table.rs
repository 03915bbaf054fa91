//! All faults in one table: it feeds `list faults`, the documentation and its test. A new fault is a file, a variant of
//! [`Inject`](super::Inject) and a line here.

/// A fault for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultEntry {
    /// The word under `inject:`.
    pub keyword: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// A timeline entry that uses it.
    pub example: &'static str,
}

/// All faults that this version can do, in the order of the documentation.
pub const TABLE: &[FaultEntry] = &[
    FaultEntry {
        keyword: "partition",
        about: "packets between groups of nodes vanish",
        example: "{at: 15s, for: 20s, inject: {partition: {groups: [west, east]}}}",
    },
    FaultEntry {
        keyword: "isolate",
        about: "a node loses everybody",
        example: "{at: 15s, for: 20s, inject: {isolate: {targets: west-0}}}",
    },
    FaultEntry {
        keyword: "cut",
        about: "single links are cut, one way or both ways",
        example: "{at: 15s, for: 20s, inject: {cut: {from: west-0, to: east}}}",
    },
    FaultEntry {
        keyword: "shape",
        about: "links get slow, lossy or narrow for a while",
        example: "{at: 15s, for: 20s, inject: {shape: {targets: east, latency: 200ms, jitter: 50ms, loss: 5%, rate: 1mbit}}}",
    },
    FaultEntry {
        keyword: "disconnect",
        about: "a node's interface is taken away, and given back with the same address",
        example: "{at: 15s, for: 20s, inject: {disconnect: {targets: {random: 1}}}}",
    },
    FaultEntry {
        keyword: "kill",
        about: "a node's process is killed; it comes back with its data when the fault ends",
        example: "{at: 15s, for: 20s, inject: {kill: {targets: minority}}}",
    },
    FaultEntry {
        keyword: "stop",
        about: "a node's process is asked to end; it comes back when the fault ends",
        example: "{at: 15s, for: 20s, inject: {stop: {targets: one}}}",
    },
    FaultEntry {
        keyword: "pause",
        about: "all processes of a node are frozen",
        example: "{at: 15s, for: 20s, inject: {pause: {targets: one}}}",
    },
    FaultEntry {
        keyword: "restart",
        about: "a node's process is killed and started again, at once or at the end of `for`, with or without its data",
        example: "{at: 15s, inject: {restart: {targets: east-1, wipe: true}}}",
    },
];
