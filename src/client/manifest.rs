//! `client.yaml` as it is written. Doc comments here are the manual and the JSON schema.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::action::{HttpJsonField, Login};
use crate::text::Sp;
use crate::text::units::Time;

/// How a client is built, started, identified, wired and asked. Everything that the tool knows of a client stands here.
///
/// Texts in `command`, `init`, `optional`, `env`, `files`, `bootnodes` and `peers` are templates: `{name}`, `{data}`,
/// `{port.p2p}`, `{key.secp256k1}`, … are filled in for each node. `{{` and `}}` are literal braces.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the client: the same as its folder's.
    pub name: Sp<String>,
    /// What it is, in one line.
    #[serde(default)]
    pub description: Option<String>,
    /// Its home page or source.
    #[serde(default)]
    pub url: Option<String>,
    /// What it can be in a network: `execution`, `beacon`, or words of your own.
    #[serde(default)]
    pub roles: Vec<Sp<String>>,
    /// Where its image comes from, for docker.
    #[serde(default)]
    pub image: Option<Sp<ImageDocument>>,
    /// Its program, for native.
    #[serde(default)]
    pub native: Option<Sp<NativeDocument>>,
    /// Commands that run to their end, in order, before the first start and after a wipe. The first word of each is the
    /// program.
    #[serde(default)]
    pub init: Vec<Sp<Vec<Sp<String>>>>,
    /// The command that is the node. Its first word is the program.
    #[serde(default)]
    pub command: Option<Sp<Vec<Sp<String>>>>,
    /// Groups of words that are appended to `command` when none of their templates is empty, for example
    /// `["--validators", "{node.validators}"]`. A group is left out too when the chain has no such `{chain.…}` or the
    /// participant no such `{mate.…}`.
    #[serde(default)]
    pub optional: Vec<Sp<Vec<Sp<String>>>>,
    /// Environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, Sp<String>>,
    /// Files that each node finds when it starts, by the name under which templates call them: `{files.NAME}`.
    #[serde(default)]
    pub files: BTreeMap<String, Sp<FileDocument>>,
    /// Ports that the client listens on, by name.
    #[serde(default)]
    pub ports: BTreeMap<String, Sp<u16>>,
    /// Which identities follow from a node's key and address, so that others can dial it before it ever ran.
    #[serde(default)]
    pub identity: Option<Sp<IdentityDocument>>,
    /// How a node is told its bootnodes. Left out for a node that has none.
    #[serde(default)]
    pub bootnodes: Option<Sp<WiringDocument>>,
    /// How a node is told whom it dials (the edges of the graph). Left out for a node that dials nobody.
    #[serde(default)]
    pub peers: Option<Sp<WiringDocument>>,
    /// When a node counts as ready. The default is: the adapter's port takes a connection within 60 s.
    #[serde(default)]
    pub ready: Option<Sp<ReadyDocument>>,
    /// Which API a node is asked through.
    #[serde(default)]
    pub adapter: Option<Sp<AdapterDocument>>,
    /// Log patterns (regular expressions) that mean that the node is broken.
    #[serde(default)]
    pub panic: Vec<Sp<String>>,
    /// Log patterns (regular expressions) with which the client says that it refuses what another one sent: a block, a
    /// peer. They are quoted where a split is explained and are no mistake by themselves.
    #[serde(default)]
    pub refusals: Vec<Sp<String>>,
    /// Members that a participant (`stack`) must have beside one of this client, for example `[execution]`.
    #[serde(default)]
    pub needs: Vec<Sp<String>>,
    /// Where the client takes JSON-RPC calls. The default is the adapter's port, path `/`, and the adapter's login.
    #[serde(default)]
    pub rpc: Option<Sp<RpcDocument>>,
    /// JSON-RPC calls with a name of their own, so that a scenario can ask clients of several kinds for the same thing:
    /// `{mine: {method: generate, params: [1]}}`.
    #[serde(default)]
    pub calls: BTreeMap<String, Sp<CallDocument>>,
    /// Which networks it can be part of.
    #[serde(default)]
    pub compatible: Option<Sp<CompatibleDocument>>,
    /// Differences in answers that are known and no mistake, for `rpc_equal`.
    #[serde(default)]
    pub known_differences: Vec<Sp<KnownDifferenceDocument>>,
    /// `false`: nobody of this project has run it; the manifest was written from the client's documentation.
    #[serde(default)]
    pub tried: Option<bool>,
    /// Additions for nodes of a role (`validator`, `follower`, `bootnode`, or a word of a topology's own). A `validator` that the
    /// chain gives nothing to sign with counts as a `follower` here.
    #[serde(default)]
    pub by_role: BTreeMap<String, RoleDocument>,
    /// Additions for nodes on a chain of one family (`clique`, `pos`, …: the scenario's `chain: {genesis: …}`), for clients
    /// that are started in another way there.
    #[serde(default)]
    pub by_chain: BTreeMap<String, ChainDocument>,
    /// Further versions of the client in the same folder, named `NAME@VARIANT` in topologies.
    #[serde(default)]
    pub variants: BTreeMap<String, Sp<VariantDocument>>,
}

/// Where an image comes from: one of `build`, `name`, `builtin`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageDocument {
    /// Built from this folder, relative to the manifest's (`.`). If the folder has a `Dockerfile.local` and the client's program
    /// lies in the folder's `bin/`, the image is built from that binary and needs no registry: its name is the build argument
    /// `PROGRAM`, and `PROGRAM.rootfs.tar`, if that lies beside it, is in the build context too.
    #[serde(default)]
    pub build: Option<Sp<String>>,
    /// Build arguments.
    #[serde(default)]
    pub args: BTreeMap<String, String>,
    /// Name of the Dockerfile in the folder. The default is `Dockerfile`.
    #[serde(default)]
    pub dockerfile: Option<Sp<String>>,
    /// An image that the engine has or can pull.
    #[serde(default)]
    pub name: Option<Sp<String>>,
    /// Made from the running binary itself; the only word is `reference`.
    #[serde(default)]
    pub builtin: Option<Sp<String>>,
}

/// A program on this machine: one of `program`, `builtin`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NativeDocument {
    /// Its file name. Looked for as `--program NAME=PATH`, then in the client folder's `bin/`, then on PATH.
    #[serde(default)]
    pub program: Option<Sp<String>>,
    /// The running binary itself; the only word is `reference`.
    #[serde(default)]
    pub builtin: Option<Sp<String>>,
}

/// A file of a node.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileDocument {
    /// File name. The default is the name it has in the manifest. With `for_each` a template that names the validator, as in
    /// `keys/{validator.public_key}.json`; `{files.NAME}` is then the folder above.
    #[serde(default)]
    pub path: Option<Sp<String>>,
    /// Makes one such file for each validator that the node signs for. `path` and `content` can name it:
    /// `{validator.keystore}`, `{validator.public_key}`, `{validator.private_key}`, `{validator.index}`.
    #[serde(default)]
    pub for_each: Option<ForEachDocument>,
    /// Its content, a template.
    pub content: Sp<String>,
    /// How the content stands for the file's bytes. The default is `text`.
    #[serde(default)]
    pub encoding: FileEncoding,
    /// Permission bits in octal. The default is `"0644"`.
    #[serde(default)]
    pub mode: Option<Sp<String>>,
}

/// What a file is repeated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForEachDocument {
    /// Each validator of the node.
    Validator,
}

/// How a file's content stands for its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileEncoding {
    /// As it is written.
    #[default]
    Text,
    /// Hex digits, two for each byte: for clients that want a key as bare bytes.
    Hex,
}

/// Identities that follow from a node's key and address. Ports are named.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityDocument {
    /// `enode://PUBLIC-KEY@ADDRESS:PORT` (devp2p).
    #[serde(default)]
    pub enode: Option<EnodeDocument>,
    /// Ethereum node record (EIP-778), signed with the node's key.
    #[serde(default)]
    pub enr: Option<EnrDocument>,
    /// `/ip4/ADDRESS/tcp/PORT/p2p/PEER-ID` (libp2p).
    #[serde(default)]
    pub multiaddr: Option<MultiaddrDocument>,
    /// `NODE-ID@ADDRESS:PORT` (CometBFT), from an ed25519 key.
    #[serde(default)]
    pub cometbft: Option<PortDocument>,
    /// `ADDRESS:PORT`, for clients whose nodes have no identity (Bitcoin and its kin).
    #[serde(default)]
    pub host: Option<PortDocument>,
}

/// Parts of an enode URL.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnodeDocument {
    /// The port for TCP and, if `discovery` is absent, for UDP. The default is `p2p`.
    #[serde(default)]
    pub port: Option<Sp<String>>,
    /// The UDP port, if it is another one.
    #[serde(default)]
    pub discovery: Option<Sp<String>>,
}

/// Entries of a node record besides key and address.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrDocument {
    /// The TCP port. The default is `p2p`.
    #[serde(default)]
    pub tcp: Option<Sp<String>>,
    /// The UDP port. Left out of the record without it.
    #[serde(default)]
    pub udp: Option<Sp<String>>,
    /// Value of the `eth2` entry: the sixteen bytes of an `ENRForkID` as hex.
    #[serde(default)]
    pub eth2: Option<Sp<String>>,
}

/// Parts of a multiaddress.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultiaddrDocument {
    /// The TCP port. The default is `p2p`.
    #[serde(default)]
    pub tcp: Option<Sp<String>>,
}

/// The port of an identity.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortDocument {
    /// Its name. The default is `p2p`.
    #[serde(default)]
    pub port: Option<Sp<String>>,
}

/// How a node is told about other nodes: one of these.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WiringDocument {
    /// One further word of the command line, for example `--bootnodes={bootnodes.enode}`.
    #[serde(default)]
    pub argument: Option<Sp<String>>,
    /// Several further words, for example `["--bootnodes", "{bootnodes.enode}"]`.
    #[serde(default)]
    pub arguments: Option<Sp<Vec<Sp<String>>>>,
    /// Words that are repeated for each of the nodes, for example `["--peer", "{each.multiaddr}"]`.
    #[serde(default)]
    pub each: Option<Sp<Vec<Sp<String>>>>,
    /// For `each` of `peers`: also for the nodes that dial this one, so that whichever of two starts last reaches the
    /// other, and no node is without a peer of its own (some then look for public ones).
    #[serde(default)]
    pub both_ends: Option<Sp<bool>>,
    /// Environment variables.
    #[serde(default)]
    pub env: Option<BTreeMap<String, Sp<String>>>,
    /// A file of the manifest whose content uses the templates.
    #[serde(default)]
    pub file: Option<Sp<String>>,
    /// A JSON-RPC method that is called once for each of the nodes when this one is ready, for example `admin_addPeer`.
    #[serde(default)]
    pub api: Option<Sp<String>>,
    /// For `api`: name of the port. The default is the adapter's.
    #[serde(default)]
    pub port: Option<Sp<String>>,
    /// For `api`: which identity is the parameter. The default is `enode`.
    #[serde(default)]
    pub identity: Option<Sp<String>>,
}

/// When a node counts as ready: the port takes a connection and, if there is a path, answers it with status 200.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadyDocument {
    /// Name of the port. The default is the adapter's; without either the node is ready as soon as its process runs.
    #[serde(default)]
    pub port: Option<Sp<String>>,
    /// A path that must answer.
    #[serde(default)]
    pub path: Option<String>,
    /// How long to wait. The default is `60s`.
    #[serde(default)]
    pub within: Option<Sp<Time>>,
}

/// Where a client takes JSON-RPC calls.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RpcDocument {
    /// Name of the port. The default is the adapter's.
    #[serde(default)]
    pub port: Option<Sp<String>>,
    /// Path of the POST request. The default is `/`.
    #[serde(default)]
    pub path: Option<String>,
    /// User and password of HTTP basic authentication. The default is the adapter's.
    #[serde(default)]
    pub login: Option<Login>,
}

/// A JSON-RPC call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallDocument {
    /// Its method.
    pub method: Sp<String>,
    /// Its parameters, a list or a mapping (JSON-RPC 2.0, section 4.2); texts in them are templates.
    #[serde(default = "no_parameters")]
    pub params: serde_json::Value,
}

fn no_parameters() -> serde_json::Value {
    serde_json::Value::Array(Vec::new())
}

/// Which networks a client can be part of: data for refusing a mix that cannot work before anything starts. What is left
/// out is not looked at.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompatibleDocument {
    /// Chain families (`genesis:`) that it can run, for example `[clique, pos]`.
    #[serde(default)]
    pub chains: Option<Vec<Sp<String>>>,
    /// Forks of a post-merge chain that it knows, for example `[deneb, electra]`.
    #[serde(default)]
    pub forks: Option<Vec<Sp<String>>>,
    /// Presets of a post-merge chain that it can run, for clients whose sizes are fixed when they are built, for example
    /// `[mainnet]`.
    #[serde(default)]
    pub presets: Option<Vec<Sp<String>>>,
    /// Versions of wire protocols: two nodes of one layer must share one version of each protocol that both name, for
    /// example `{eth: [66, 67, 68]}`.
    #[serde(default)]
    pub protocols: BTreeMap<String, Vec<u32>>,
    /// Rules that all nodes of one layer must share word by word, for example `{network: simnet}`.
    #[serde(default)]
    pub same: BTreeMap<String, String>,
}

/// A difference in answers that is known and no mistake.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownDifferenceDocument {
    /// The method.
    pub method: Sp<String>,
    /// JSON pointer (RFC 6901) into the answer; a pointer ends with `*` for all that lies below it.
    pub pointer: Sp<String>,
    /// Why it is no mistake.
    pub reason: String,
}

/// Which API a node is asked through.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdapterDocument {
    /// Ethereum execution JSON-RPC.
    Execution(ExecutionDocument),
    /// The standard Beacon API.
    Beacon(BeaconDocument),
    /// Any JSON API, by pointers.
    HttpJson(Box<HttpJsonDocument>),
    /// CometBFT's RPC.
    Cometbft(CometbftDocument),
    /// JSON-RPC as Bitcoin Core speaks it.
    Bitcoin(BitcoinDocument),
    /// Nothing to ask: the process runs or it does not (a validator client, a bootnode).
    Process(ProcessDocument),
    /// Known word, not built yet.
    Exec(Later),
}

/// What stands under a word that the language knows and this version cannot do yet; it is not looked at.
#[derive(Clone, Copy, Debug)]
pub struct Later;

impl<'de> Deserialize<'de> for Later {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for Later {
    fn schema_name() -> Cow<'static, str> {
        "Later".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "Known word, not built yet.", "deprecated": true})
    }
}

/// Ethereum execution JSON-RPC.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecutionDocument {
    /// Name of the port. The default is `rpc`.
    #[serde(default)]
    pub port: Option<Sp<String>>,
}

/// CometBFT's RPC.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CometbftDocument {
    /// Name of the port. The default is `rpc`.
    #[serde(default)]
    pub port: Option<Sp<String>>,
}

/// JSON-RPC as Bitcoin Core speaks it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BitcoinDocument {
    /// Name of the port. The default is `rpc`.
    #[serde(default)]
    pub port: Option<Sp<String>>,
    /// User and password of HTTP basic authentication.
    #[serde(default)]
    pub login: Option<Login>,
}

/// Nothing to ask.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessDocument {}

/// The standard Beacon API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeaconDocument {
    /// Name of the port. The default is `http`.
    #[serde(default)]
    pub port: Option<Sp<String>>,
}

/// A JSON API read by pointers, so that any client can be asked. Numbers may be JSON numbers, decimal strings or `0x` hex
/// strings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpJsonDocument {
    /// Name of the port.
    pub port: Sp<String>,
    /// Height of the head.
    pub height: HttpJsonField,
    /// Hash of the head.
    pub hash: HttpJsonField,
    /// Hash of a block by height; `{height}` in path and body is replaced. Without it blocks between heads stay unknown.
    #[serde(default)]
    pub hash_at: Option<HttpJsonField>,
    /// Parent hash of the block at `{height}`, or better of the block `{hash}` (its digits without `0x`): then blocks are
    /// walked back by hash, and a reorganisation between two questions mixes nothing up.
    #[serde(default)]
    pub parent_at: Option<HttpJsonField>,
    /// Height of the last final block.
    #[serde(default)]
    pub finalized: Option<HttpJsonField>,
    /// Number of peers.
    #[serde(default)]
    pub peers: Option<HttpJsonField>,
    /// Client version.
    #[serde(default)]
    pub version: Option<HttpJsonField>,
}

/// Additions for nodes of one role.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleDocument {
    /// Words appended to the command.
    #[serde(default)]
    pub command: Vec<Sp<String>>,
    /// Further groups of words that are appended when none of their templates is empty.
    #[serde(default)]
    pub optional: Vec<Sp<Vec<Sp<String>>>>,
    /// Further init commands.
    #[serde(default)]
    pub init: Vec<Sp<Vec<Sp<String>>>>,
    /// Further environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, Sp<String>>,
    /// Further files.
    #[serde(default)]
    pub files: BTreeMap<String, Sp<FileDocument>>,
}

/// Additions for nodes on a chain of one family.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainDocument {
    /// Words appended to the command.
    #[serde(default)]
    pub command: Vec<Sp<String>>,
    /// Further groups of words that are appended when none of their templates is empty.
    #[serde(default)]
    pub optional: Vec<Sp<Vec<Sp<String>>>>,
    /// Further init commands.
    #[serde(default)]
    pub init: Vec<Sp<Vec<Sp<String>>>>,
    /// Further environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, Sp<String>>,
    /// Further files.
    #[serde(default)]
    pub files: BTreeMap<String, Sp<FileDocument>>,
    /// Additions for nodes of a role on such a chain.
    #[serde(default)]
    pub by_role: BTreeMap<String, RoleDocument>,
}

impl ChainDocument {
    /// What holds for all roles.
    pub(super) fn all_roles(&self) -> RoleDocument {
        let Self { command, optional, init, env, files, by_role: _ } = self.clone();
        RoleDocument { command, optional, init, env, files }
    }
}

/// A further version of a client. What it does not say is as in the main manifest; `env`, `files`, `ports`, `calls`, `by_role` and
/// `by_chain` are merged key by key, everything else is replaced.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantDocument {
    /// What is different about it, in one line.
    #[serde(default)]
    pub description: Option<String>,
    /// Its image.
    #[serde(default)]
    pub image: Option<Sp<ImageDocument>>,
    /// Its program.
    #[serde(default)]
    pub native: Option<Sp<NativeDocument>>,
    /// Its init commands.
    #[serde(default)]
    pub init: Option<Vec<Sp<Vec<Sp<String>>>>>,
    /// Its command.
    #[serde(default)]
    pub command: Option<Sp<Vec<Sp<String>>>>,
    /// Its optional groups of words.
    #[serde(default)]
    pub optional: Option<Vec<Sp<Vec<Sp<String>>>>>,
    /// Environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, Sp<String>>,
    /// Files.
    #[serde(default)]
    pub files: BTreeMap<String, Sp<FileDocument>>,
    /// Ports.
    #[serde(default)]
    pub ports: BTreeMap<String, Sp<u16>>,
    /// Its identities.
    #[serde(default)]
    pub identity: Option<Sp<IdentityDocument>>,
    /// How it is told its bootnodes.
    #[serde(default)]
    pub bootnodes: Option<Sp<WiringDocument>>,
    /// How it is told its peers.
    #[serde(default)]
    pub peers: Option<Sp<WiringDocument>>,
    /// When it is ready.
    #[serde(default)]
    pub ready: Option<Sp<ReadyDocument>>,
    /// Its API.
    #[serde(default)]
    pub adapter: Option<Sp<AdapterDocument>>,
    /// Its log patterns.
    #[serde(default)]
    pub panic: Option<Vec<Sp<String>>>,
    /// Log patterns with which it says that it refuses something.
    #[serde(default)]
    pub refusals: Option<Vec<Sp<String>>>,
    /// Where it takes JSON-RPC calls.
    #[serde(default)]
    pub rpc: Option<Sp<RpcDocument>>,
    /// Named calls.
    #[serde(default)]
    pub calls: BTreeMap<String, Sp<CallDocument>>,
    /// Which networks it can be part of.
    #[serde(default)]
    pub compatible: Option<Sp<CompatibleDocument>>,
    /// Known differences in answers.
    #[serde(default)]
    pub known_differences: Option<Vec<Sp<KnownDifferenceDocument>>>,
    /// Whether anybody of this project has run it.
    #[serde(default)]
    pub tried: Option<bool>,
    /// Additions by role.
    #[serde(default)]
    pub by_role: BTreeMap<String, RoleDocument>,
    /// Additions by chain family.
    #[serde(default)]
    pub by_chain: BTreeMap<String, ChainDocument>,
}
