//! Words on paper: sources, places in them, messages about them, units, and the YAML reader.
//!
//! Reads no file, clock or environment: callers hand in the text.

mod diagnostic;
mod span;
pub mod units;

pub use diagnostic::{Diagnostic, Label, Severity};
pub use span::{Sp, Span};
