//! Gives probes their sockets: opened by the backend inside the node's own namespace.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use tokio::net::TcpStream;

use crate::action::NodeName;
use crate::backend::{Backend, BackendError, is_shortage_of_files};
use crate::observe::Dial;

/// Dials through a backend.
#[derive(Clone, Debug)]
pub(super) struct BackendDialer {
    pub(super) backend: Arc<Backend>,
    pub(super) shortage: Shortage,
}

/// That a node could not be asked because this process had no file left to do it with. Whoever asks would take it for a
/// node that does not answer, so the run is told.
#[derive(Clone, Debug, Default)]
pub(super) struct Shortage(Arc<Mutex<Option<NodeName>>>);

impl Shortage {
    /// The trouble that it is, once.
    pub(super) fn take(&self) -> Option<BackendError> {
        let node = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let step = format!("node {node} could not be asked: too many files are open here, which is none of its doing");
        Some(BackendError::plain(step).remedy("raise the limit of open files (`ulimit -n`), or use fewer nodes"))
    }

    fn note(&self, node: &NodeName, error: io::Error) -> io::Error {
        if !is_shortage_of_files(&error) {
            return error;
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| node.clone());
        io::Error::new(error.kind(), format!("splitbrain itself has no file left to ask with: {error}"))
    }
}

impl Dial for BackendDialer {
    fn dial<'a>(&'a self, node: &'a NodeName, port: u16) -> BoxFuture<'a, io::Result<TcpStream>> {
        Box::pin(async move { self.backend.dial(node, port).await.map_err(|error| self.shortage.note(node, error)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_is_the_runs_trouble_and_a_refusal_is_not() {
        let shortage = Shortage::default();
        let node = NodeName::new("n-15");
        shortage.note(&node, io::ErrorKind::ConnectionRefused.into());
        assert!(shortage.take().is_none());

        let told = shortage.note(&node, io::Error::from_raw_os_error(nix::libc::EMFILE));
        assert!(told.to_string().starts_with("splitbrain itself has no file left"), "{told}");
        let trouble = shortage.take().expect("it is noted");
        assert!(trouble.to_string().starts_with("node n-15 could not be asked: too many files"), "{trouble}");
        assert!(shortage.take().is_none());
    }
}
