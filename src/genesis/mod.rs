//! Genesis files, one file for each chain family. Pure: accounts, validators and a start time in, files out.

mod document;

pub use document::{Account, ChainDocument, Family};

/// What `chain:` in a scenario says (placeholder until the families are written).
#[derive(Clone, Debug)]
pub struct Chain {}
