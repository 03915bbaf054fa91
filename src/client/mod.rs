//! Client manifests: how a client is built, started, identified, wired and asked. Data; no client's name stands in code.

/// A client in one variant, read from its manifest.
#[derive(Clone, Debug)]
pub struct Client {}
