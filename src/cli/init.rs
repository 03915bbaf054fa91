//! `splitbrain init`: a starting set of files.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::{output, shipped};

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// Where to write; made if it is not there.
    #[arg(default_value = ".")]
    folder: PathBuf,
}

/// Writes the shipped scenarios, topologies and clients; never over a file that is there.
pub(super) fn init(arguments: &InitArguments) -> Exit {
    let (mut written, mut kept) = (0, 0);
    for (name, bytes) in shipped::files() {
        let path = arguments.folder.join(name);
        if path.exists() {
            kept += 1;
            output::say(format!("kept {} (it is there already)", path.display()));
            continue;
        }
        let folder = path.parent().expect("a shipped file lies in a folder");
        if let Err(error) = fs::create_dir_all(folder).and_then(|()| fs::write(&path, bytes)) {
            output::error(format!("cannot write {}", path.display()), &[error.to_string()], None);
            return Exit::Environment;
        }
        written += 1;
    }
    output::say(format!("wrote {written} files, kept {kept}; next: splitbrain run quickstart"));
    Exit::Passed
}
