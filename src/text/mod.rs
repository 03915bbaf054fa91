//! Words on paper: sources, places in them, messages about them, units, and the YAML reader.
//!
//! Reads no file, clock or environment: callers hand in the text.

mod blanks;
pub mod chain_time;
pub mod checker;
mod checker_scalar;
mod diagnostic;
mod ordered;
pub mod reader;
mod render;
pub mod schema;
mod sources;
mod span;
pub mod suggest;
pub mod tree;
pub mod units;
pub mod yaml;

pub use diagnostic::{Diagnostic, Label, Severity};
pub use ordered::Ordered;
pub use sources::{Position, Sources};
pub use span::{Sp, Span};
pub use suggest::did_you_mean;
