//! `splitbrain schema`: JSON schemas for editors.

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::output;
use crate::spec;

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// Of which file.
    #[arg(value_enum)]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Scenario,
    Topology,
    Client,
}

/// Prints the schema.
pub(super) fn schema(arguments: &SchemaArguments) -> Exit {
    output::data(spec::schema(match arguments.kind {
        Kind::Scenario => spec::FileKind::Scenario,
        Kind::Topology => spec::FileKind::Topology,
        Kind::Client => spec::FileKind::Client,
    }));
    Exit::Passed
}
