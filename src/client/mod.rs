//! Client manifests: how a client is built, started, identified, wired and asked. Data; no client's name stands in code.

mod build;
mod folder;
mod image;
mod manifest;
mod model;
mod template;
mod variant;

pub use folder::ClientFolder;
pub use manifest::{
    AdapterDocument, BeaconDocument, EnodeDocument, EnrDocument, ExecutionDocument, FileDocument, HttpJsonDocument,
    IdentityDocument, ImageDocument, Later, Manifest, MultiaddrDocument, NativeDocument, ReadyDocument, RoleDocument,
    VariantDocument, WiringDocument,
};
pub use model::{Client, EnrPorts, FileTemplate, Identity, Invocation, NativeProgram, Wiring};
pub use template::{AccountPart, CHAIN_KEYS, IdentityKind, Others, Template, Vocabulary, Word};
