//! The bundled client: the core of `consensus` on real sockets, with a disk and the standard Beacon API.
//!
//! One process is one node, and everything in it runs on one thread: `node` owns the core, the libp2p swarm and the
//! store, and is the only one who changes them. The HTTP server and discovery talk to it through bounded channels.
//! Its log is its standard output, one line for each event (`log`).

mod api;
mod api_server;
mod arguments;
mod behaviour;
mod codec;
mod dialer;
mod discovery;
mod gossip;
mod log;
mod node;
mod outputs;
mod peers;
mod requests;
mod storage;
mod subnet;
mod swarm_events;

use std::process::ExitCode;

pub use arguments::{ArgumentError, Arguments};

/// Why a node could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// A flag is wrong.
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    /// The data folder cannot be used.
    #[error("the data folder {folder} cannot be used: {reason}")]
    Storage {
        /// The folder.
        folder: String,
        /// What is wrong, and what helps.
        reason: String,
    },
    /// A socket could not be opened.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Address and port.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// Something inside could not be set up.
    #[error("the node could not be set up: {0}")]
    Setup(String),
}

/// Runs a node until SIGTERM or SIGINT. Exit code 0 after an orderly stop, 2 for wrong flags, 3 where the machine said no.
pub fn run(arguments: &Arguments) -> ExitCode {
    log::install_panic_hook();
    let result = arguments.settings().map_err(NodeError::from).and_then(|settings| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| NodeError::Setup(error.to_string()))?;
        let result = runtime.block_on(node::run(settings));
        // Blocking threads of the runtime must not hold up the exit.
        runtime.shutdown_background();
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::line(log::Level::Error, "stopped", &[("reason", &error)]);
            ExitCode::from(if matches!(error, NodeError::Arguments(_)) { 2 } else { 3 })
        }
    }
}
