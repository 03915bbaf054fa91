//! Journal to terminal, `JUnit`, HTML and SVG. Pure: a journal and a verdict in, text out.

mod json;
mod junit;
mod page;
mod svg;
mod terminal;
#[cfg(test)]
mod tests;

pub use json::verdict_json;
pub use junit::junit;
pub use page::{Extras, html};
pub use terminal::{Style, terminal};
