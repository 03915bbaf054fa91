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
    AdapterDocument, BeaconDocument, BitcoinDocument, CallDocument, ChainDocument, CometbftDocument,
    CompatibleDocument, EnodeDocument, EnrDocument, ExecutionDocument, FileDocument, FileEncoding, ForEachDocument,
    HttpJsonDocument, IdentityDocument, ImageDocument, KnownDifferenceDocument, Later, Manifest, MultiaddrDocument,
    NativeDocument, PortDocument, ProcessDocument, ReadyDocument, RoleDocument, RpcDocument, VariantDocument,
    WiringDocument,
};
pub use model::{
    ChainInvocation, Client, Compatible, EnrPorts, FilePlace, FileTemplate, Identity, Invocation, KnownDifference,
    NamedCall, NativeProgram, Wiring,
};
pub use template::{
    AccountPart, CHAIN_KEYS, IdentityKind, MatePart, NODE_KEYS, Others, Template, ValidatorPart, Vocabulary, Word,
};
