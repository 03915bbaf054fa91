//! What a backend must know to run one node: image or program, commands, files, addresses.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ClientRef, NetworkName, NodeName};

/// A network of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// Its name in the topology, `main` if nothing else was said.
    pub name: NetworkName,
    /// First address of its range, for example `10.77.0.0`.
    pub subnet: Ipv4Addr,
    /// Length of the network part, for example 16.
    pub prefix: u8,
    /// The host's own address in it: always the first one, never a node's.
    pub gateway: Ipv4Addr,
    /// Whether packets may leave the run (`internet: true`).
    pub internet: bool,
}

/// A node's place in one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Which network.
    pub network: NetworkName,
    /// The node's address there; kept over restarts, disconnects and re-connects.
    pub address: Ipv4Addr,
}

/// CPU and memory limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Cores, fractions allowed.
    pub cpus: Option<f64>,
    /// Bytes.
    pub memory: Option<u64>,
}

/// A file that a node finds when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFile {
    /// Path as the node's command line names it: absolute in a container, relative to the node's folder on native.
    pub path: String,
    /// The content. May hold the texts `{genesis.time}` and `{genesis.NAME}` (a generated genesis file), which the engine
    /// fills in when the run starts.
    pub content: String,
    /// What stands in the file instead of `content`: set by the engine for generated files that are no text, and by the plan
    /// where the manifest writes bytes as hex digits. Never part of a written plan.
    #[serde(skip)]
    pub bytes: Option<std::sync::Arc<Vec<u8>>>,
    /// Permission bits, for example `0o644`.
    pub mode: u32,
}

impl NodeFile {
    /// The bytes of the file.
    pub fn contents(&self) -> &[u8] {
        self.bytes.as_ref().map_or(self.content.as_bytes(), |bytes| bytes.as_slice())
    }
}

/// What an image is built from. The files are in memory already (a client folder, or the copy inside the binary), so
/// that the image's name can be a hash of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildContext {
    /// Name of the Dockerfile among the files.
    pub dockerfile: String,
    /// A folder of this machine that is the context as a whole, as `docker build FOLDER` would take it. `files` and
    /// `machine_files` are not looked at then. Never part of a written plan, which reads the same on every machine.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
    /// Small files by path inside the context.
    #[serde(skip)]
    pub files: BTreeMap<String, Vec<u8>>,
    /// Larger files that are read from this machine when the image is built: path inside the context → path here.
    pub machine_files: BTreeMap<String, PathBuf>,
    /// Build arguments.
    pub arguments: BTreeMap<String, String>,
}

/// Where a container's image comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageSource {
    /// Built by us, skipped when nothing changed.
    Build(BuildContext),
    /// A name that the engine has or can pull.
    Name(String),
    /// The running binary and the shared objects that it has mapped.
    Builtin,
}

/// Everything a backend needs to run one node. It holds no choice: all templates are filled in, except `{genesis.time}`
/// (seconds since 1970), which is known only when the run starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeProcess {
    /// Its name.
    pub name: NodeName,
    /// Its position in the plan, which is also its row in link tables.
    pub index: u16,
    /// Which client it runs, for labels and messages.
    pub client: ClientRef,
    /// For docker. None if the client has no image.
    pub image: Option<ImageSource>,
    /// For native: the program's path. `None` if it was not found; `builtin` clients have the running binary.
    pub program: Option<PathBuf>,
    /// Commands that run to their end, in order, before the first start and after a wipe.
    /// The first word of each command, here and in `command`, is a program name: native replaces it by `program`.
    pub init: Vec<Vec<String>>,
    /// The command that is the node.
    pub command: Vec<String>,
    /// Environment, besides what the backend needs.
    pub env: BTreeMap<String, String>,
    /// Files made before the first start and again after a wipe.
    pub files: Vec<NodeFile>,
    /// The node's data folder, as the command line names it. It outlives restarts; a wipe empties it.
    pub data: String,
    /// Networks and addresses; the first one is the node's main address.
    pub attachments: Vec<Attachment>,
    /// Declared ports by name.
    pub ports: BTreeMap<String, u16>,
    /// Limits.
    pub resources: Resources,
}

impl NodeProcess {
    /// The node's main address.
    pub fn address(&self) -> Ipv4Addr {
        self.attachments.first().expect("a planned node is in at least one network").address
    }
}
