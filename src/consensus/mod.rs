//! The bundled client's core: a small beacon chain without clocks, sockets or files.
//!
//! Time and messages go in ([`Core`]'s methods), messages and news come out ([`Core::take_outputs`]). Whoever drives it
//! decides what time is: `reference` brings the machine's clock and real sockets, a simulation brings virtual ones, and
//! the same inputs always give the same outputs.
//!
//! What it has of the real thing: slots and epochs, a seeded proposer for each slot, one committee for each slot, blocks
//! with attestations, LMD-GHOST with the viability filter, Casper FFG justification and finality computed per branch from
//! the attestations that are in the branch's blocks, sync by range and by root, bounded pools, pruning at finality.
//!
//! What it does not have: BLS (see [`marks`]), balances, slashings, deposits, an execution layer, an inactivity leak,
//! proposer boost. Anybody can forge a message, and a network that lost a third of its validators for good never
//! finalises again. It is a client to test a tester with, not to guard money with.

mod attesting;
mod chain_state;
mod core;
mod duties;
mod fork_choice;
mod import;
pub mod marks;
mod parameters;
mod pool;
mod proposing;
mod quirk;
mod sync;
mod tree;

#[cfg(test)]
mod test_network;
#[cfg(test)]
mod tests;

pub use self::core::{BlockSource, Core, DutyRecord, HeadView, Millis, Output, PeerKey, RequestId, Verdict};
pub use chain_state::{ChainState, TransitionError};
pub use duties::{EpochDuties, shuffle};
pub use parameters::{ChainParameters, FORK_VERSION, ParameterError};
pub use quirk::{Quirk, QuirkSet};
