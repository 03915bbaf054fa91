//! The `splitbrain` binary: for now only the bundled client (`splitbrain node …`); the command line replaces this file.

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
enum Command {
    /// Runs the bundled client.
    Node(Box<splitbrain::reference::Arguments>),
}

fn main() -> ExitCode {
    let Command::Node(arguments) = Command::parse();
    splitbrain::reference::run(&arguments)
}
