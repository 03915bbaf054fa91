//! Client manifests: how a client is built, started, identified, wired and asked. Data; no client's name stands in code.

mod manifest;

pub use manifest::{
    AdapterDocument, BeaconDocument, EnodeDocument, EnrDocument, ExecutionDocument, FileDocument, HttpJsonDocument,
    IdentityDocument, ImageDocument, Manifest, MultiaddrDocument, NativeDocument, ReadyDocument, RoleDocument,
    VariantDocument, WiringDocument,
};

/// A client in one variant, read from its manifest.
#[derive(Clone, Debug)]
pub struct Client {}
