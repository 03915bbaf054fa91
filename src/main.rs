//! The `splitbrain` binary: hands its arguments to the `cli` room.

use std::process::ExitCode;

fn main() -> ExitCode {
    splitbrain::cli::main(std::env::args_os())
}
