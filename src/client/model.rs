//! A client as the plan uses it: one variant, checked, with parsed templates.

use std::collections::{BTreeMap, BTreeSet};

use super::manifest::FileEncoding;
use super::template::{IdentityKind, Template};
use crate::action::{AdapterSpec, ClientRef, ImageSource, ReadySpec, RpcSpec};

/// A client in one variant, read from its manifest. Holds no mistake any more.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its name and variant.
    pub reference: ClientRef,
    /// What it is, in one line.
    pub description: String,
    /// What it can be in a network.
    pub roles: Vec<String>,
    /// Where its image comes from. `None` if it cannot run on docker.
    pub image: Option<ImageSource>,
    /// Its program. `None` if it cannot run on native.
    pub native: Option<NativeProgram>,
    /// Where its manifest stands, for messages: `clients/go-ethereum/client.yaml`.
    pub manifest: String,
    /// What is run, for every role.
    pub run: Invocation,
    /// Additions for nodes of a role.
    pub by_role: BTreeMap<String, Invocation>,
    /// Additions by chain family.
    pub by_chain: BTreeMap<String, ChainInvocation>,
    /// Ports by name.
    pub ports: BTreeMap<String, u16>,
    /// Identities that follow from key and address.
    pub identity: Identity,
    /// How a node is told its bootnodes.
    pub bootnodes: Option<Wiring>,
    /// How a node is told whom it dials.
    pub peers: Option<Wiring>,
    /// When a node counts as ready.
    pub ready: ReadySpec,
    /// How a node is asked.
    pub adapter: AdapterSpec,
    /// Log patterns that mean that it is broken.
    pub panic: Vec<String>,
    /// Log patterns with which it says that it refuses something.
    pub refusals: Vec<String>,
    /// Members that a participant must have beside one of this client.
    pub needs: Vec<String>,
    /// Where it takes JSON-RPC calls.
    pub rpc: Option<RpcSpec>,
    /// Named calls.
    pub calls: BTreeMap<String, NamedCall>,
    /// Which networks it can be part of.
    pub compatible: Compatible,
    /// Known differences in answers.
    pub known_differences: Vec<KnownDifference>,
    /// Whether anybody of this project has run it.
    pub tried: bool,
}

/// A named JSON-RPC call of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedCall {
    /// Method.
    pub method: String,
    /// Parameters, a list or a mapping; texts in them are templates.
    pub params: serde_json::Value,
}

/// Which networks a client can be part of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compatible {
    /// Chain families; `None` is not looked at.
    pub chains: Option<Vec<String>>,
    /// Forks of a post-merge chain; `None` is not looked at.
    pub forks: Option<Vec<String>>,
    /// Presets of a post-merge chain; `None` is not looked at.
    pub presets: Option<Vec<String>>,
    /// Versions of wire protocols.
    pub protocols: BTreeMap<String, Vec<u32>>,
    /// Rules that all nodes of one layer must share.
    pub same: BTreeMap<String, String>,
}

/// A difference in answers that is no mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDifference {
    /// Method.
    pub method: String,
    /// JSON pointer, with `*` at its end for all below.
    pub pointer: String,
    /// Why.
    pub reason: String,
}

impl Client {
    /// The names of all files that its templates may call `{files.NAME}`.
    pub fn file_names(&self) -> Vec<String> {
        let chains = self.by_chain.values().flat_map(|chain| std::iter::once(&chain.run).chain(chain.by_role.values()));
        let layers = std::iter::once(&self.run).chain(self.by_role.values()).chain(chains);
        let names: BTreeSet<&String> = layers.flat_map(|layer| layer.files.keys()).collect();
        names.into_iter().cloned().collect()
    }

    /// How a node of a role is started on a chain of a family: what holds always, then the additions, in order.
    pub fn invocations(&self, family: Option<&str>, role: &str) -> Vec<&Invocation> {
        let chain = family.and_then(|family| self.by_chain.get(family));
        let by_chain = chain.map(|chain| &chain.run);
        let by_both = chain.and_then(|chain| chain.by_role.get(role));
        [Some(&self.run), self.by_role.get(role), by_chain, by_both].into_iter().flatten().collect()
    }
}

/// A program on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NativeProgram {
    /// The running binary.
    Builtin,
    /// A program to be looked for by this file name.
    Named(String),
}

/// Commands, environment and files.
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    /// Commands before the first start.
    pub init: Vec<Vec<Template>>,
    /// Words of the command.
    pub command: Vec<Template>,
    /// Groups of words that are appended when none of their templates is empty.
    pub optional: Vec<Vec<Template>>,
    /// Environment.
    pub env: BTreeMap<String, Template>,
    /// Files by name.
    pub files: BTreeMap<String, FileTemplate>,
}

/// Additions for nodes on a chain of one family.
#[derive(Clone, Debug, Default)]
pub struct ChainInvocation {
    /// For all roles.
    pub run: Invocation,
    /// By role.
    pub by_role: BTreeMap<String, Invocation>,
}

/// A file of a node.
#[derive(Clone, Debug)]
pub struct FileTemplate {
    /// Where it stands in the folder of files.
    pub place: FilePlace,
    /// Content.
    pub content: Template,
    /// How the content stands for the file's bytes.
    pub encoding: FileEncoding,
    /// Permission bits.
    pub mode: u32,
}

/// Where a file stands in a node's folder of files.
#[derive(Clone, Debug)]
pub enum FilePlace {
    /// One file of this name.
    One(String),
    /// One file for each validator of the node.
    PerValidator {
        /// The folder above all of them.
        folder: String,
        /// Each one's name; names the validator.
        path: Template,
    },
}

impl FilePlace {
    /// The file, or the folder above all of them.
    pub fn path(&self) -> &str {
        match self {
            Self::One(path) | Self::PerValidator { folder: path, .. } => path,
        }
    }
}

/// Ports of a client's identities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// enode: TCP and UDP port.
    pub enode: Option<(u16, u16)>,
    /// Node record.
    pub enr: Option<EnrPorts>,
    /// Multiaddress: TCP port.
    pub multiaddr: Option<u16>,
    /// CometBFT node id: TCP port.
    pub cometbft: Option<u16>,
    /// Address and port alone.
    pub host: Option<u16>,
}

impl Identity {
    /// Whether a node of this client has an identity of this kind.
    pub fn has(&self, kind: IdentityKind) -> bool {
        match kind {
            IdentityKind::Enode => self.enode.is_some(),
            IdentityKind::Enr => self.enr.is_some(),
            IdentityKind::PeerId | IdentityKind::Multiaddr => self.multiaddr.is_some(),
            IdentityKind::Cometbft => self.cometbft.is_some(),
            IdentityKind::Host => self.host.is_some(),
        }
    }
}

/// Entries of a node record besides key and address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrPorts {
    /// TCP port.
    pub tcp: u16,
    /// UDP port.
    pub udp: Option<u16>,
    /// SSZ bytes of the `eth2` entry.
    pub eth2: Option<[u8; 16]>,
}

/// How a node is told about others.
#[derive(Clone, Debug)]
pub enum Wiring {
    /// Further words of the command.
    Arguments(Vec<Template>),
    /// Further words of the command for each of the others.
    Each {
        /// The words.
        words: Vec<Template>,
        /// Whether the nodes that dial this one count too.
        both_ends: bool,
    },
    /// Environment.
    Env(BTreeMap<String, Template>),
    /// A file, whose content says it.
    File,
    /// A JSON-RPC call for each of the others.
    Api {
        /// Port number.
        port: u16,
        /// Method.
        method: String,
        /// The parameter.
        kind: IdentityKind,
    },
}

impl Wiring {
    /// Whether it repeats something for each of the others, and which of their identities it then needs.
    pub fn kinds(&self) -> Vec<IdentityKind> {
        match self {
            Self::Each { words, .. } => {
                let holes = words.iter().flat_map(Template::words);
                holes
                    .filter_map(|word| match word {
                        super::template::Word::Each(kind) => Some(*kind),
                        _ => None,
                    })
                    .collect()
            }
            Self::Api { kind, .. } => vec![*kind],
            Self::Arguments(_) | Self::Env(_) | Self::File => Vec::new(),
        }
    }
}
