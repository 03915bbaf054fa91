//! Journal to terminal, JUnit, HTML and SVG. Pure: a journal and a verdict in, text out.

mod html;
mod json;
mod junit;
mod terminal;

pub use html::{Extras, html};
pub use json::verdict_json;
pub use junit::junit;
pub use terminal::{Style, terminal};
