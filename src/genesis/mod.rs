//! Genesis files, one file for each chain family. Pure: accounts, validators and a start time in, files out.

/// What `chain:` in a scenario says (placeholder until the families are written).
#[derive(Clone, Debug)]
pub struct Chain {}
