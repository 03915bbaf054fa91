//! Scenarios for tests of this room, put together from texts without the `spec` room's files.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::action::{BackendKind, Capabilities, ClientRef, Seeds};
use crate::check::{Expectation, That, When};
use crate::client::{Client, ClientFolder, Manifest};
use crate::fault::{FaultContext, Inject};
use crate::genesis::{Chain, ChainDocument};
use crate::plan::{Plan, Surroundings, build};
use crate::spec::{Entry, Scenario};
use crate::text::{Diagnostic, Sources, Span, yaml};
use crate::topology::{TopologyDocument, Wishes, resolve};

/// A beacon-like client that uses most of the manifest language.
pub(super) const ALPHA: &str = r#"
name: alpha
image: {build: .}
native: {program: alpha}
files:
  config: {path: config.toml, content: "peers = [{peers_toml.multiaddr}]\ngenesis = {genesis.time}\n"}
init: [[alpha, init, "{data}", "{files.config}"]]
command: [alpha, run, --name, "{name}", "--listen={address}:{port.p2p}", --key, "{key.secp256k1}", --slot, "{chain.slot_ms}"]
optional: [[--validators, "{node.validators}"], ["--count={chain.validators}"]]
env: {NODE_INDEX: "{index}", NET: "{network.cidr}"}
ports: {p2p: 9000, http: 5052, discovery: 9001}
identity: {enr: {udp: discovery}, multiaddr: {}}
bootnodes: {argument: "--bootnodes={bootnodes.enr}"}
peers: {each: [--peer, "{each.multiaddr}"]}
adapter: {beacon: {}}
panic: ["panicked at"]
by_role:
  validator: {command: [--propose]}
variants:
  v2: {image: {name: "alpha:v2"}, native: {program: alpha-v2}, env: {VERSION: "2"}}
"#;

/// An execution-like client with API peers.
pub(super) const BETA: &str = r#"
name: beta
image: {name: "beta:1"}
native: {program: beta}
files: {genesis: {path: genesis.json, content: "{chain.genesis_json}"}}
command: [beta, --chain, "{chain.chain_id}", --genesis, "{files.genesis}"]
optional: [[--seal, "{account.address}", --secret, "{account.private_key}"]]
ports: {p2p: 30303, rpc: 8545}
identity: {enode: {}}
bootnodes: {env: {BOOTNODES: "{bootnodes.enode}"}}
peers: {api: admin_addPeer}
adapter: {execution: {}}
calls: {mine: {method: evm_mine, params: ["by {name} at {port.rpc}"]}}
"#;

/// A client whose nodes are told of both ends of every edge.
const GAMMA: &str = r#"
name: gamma
native: {program: gamma}
image: {name: "gamma:1"}
command: [gamma]
ports: {p2p: 9000, http: 80}
identity: {multiaddr: {}}
peers: {argument: "--near={neighbors.multiaddr}"}
adapter: {beacon: {}}
"#;

/// An execution client of a participant.
const EXEC: &str = r#"
name: exec
image: {name: "exec:1"}
command: [exec, "--secret={secret.jwt}"]
ports: {p2p: 30303, rpc: 8545, engine: 8551}
identity: {enode: {}}
bootnodes: {argument: "--boot={bootnodes.enode}"}
peers: {each: [--peer, "{each.enode}"]}
adapter: {execution: {}}
"#;

/// A beacon node of a participant.
const CONS: &str = r#"
name: cons
image: {name: "cons:1"}
command: [cons, "--engine={mate.execution.url.engine}", --rpc, "{mate.execution.host.rpc}", "{mate.execution.port.engine}", --of, "{participant}", --beside, "{mate.execution.name}", "--secret={secret.jwt}"]
optional: [["--signer={mate.validator.name}"]]
ports: {p2p: 9000, http: 3500}
identity: {multiaddr: {}}
bootnodes: {argument: "--boot={bootnodes.multiaddr}"}
peers: {each: [--peer, "{each.multiaddr}"]}
adapter: {beacon: {}}
"#;

/// A validator client.
const KEYS: &str = r#"
name: keys
image: {name: "keys:1"}
command: [keys, "--beacon={mate.consensus.host.http}"]
adapter: {process: {}}
"#;

/// A beacon client whose identity nobody can know beforehand.
const SILENT: &str = r#"
name: silent
image: {name: "silent:1"}
command: [silent]
ports: {http: 80}
peers: {argument: "--near={neighbors.multiaddr}"}
adapter: {beacon: {}}
"#;

/// A client that wants a key as bare bytes, in a folder of files.
const DELTA: &str = r#"
name: delta
native: {program: delta}
files:
  key: {path: keys/bare, content: "{key.secp256k1}", encoding: hex}
  wrong: {path: keys/name, content: "0x{index}", encoding: hex}
command: [delta, "--keys={files}/keys"]
ports: {http: 80}
adapter: {beacon: {}}
"#;

/// What a scenario is made of.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) topology: String,
    pub(super) chain: &'static str,
    /// Name, start, end, fault.
    pub(super) timeline: Vec<(&'static str, u64, Option<u64>, &'static str)>,
    pub(super) expectations: Vec<(When, That, &'static str)>,
    pub(super) seed: u64,
    pub(super) timeout: Duration,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            topology: "
groups:
  west: {count: 2, client: alpha, role: validator, zone: eu}
  east: {count: 2, clients: {alpha: 1, alpha@v2: 1}, role: validator, zone: us}
nodes:
  boot: {client: alpha, role: bootnode, zone: eu}
graph: {clusters: {of: groups, inside: mesh, between: 1}}
bootnodes: [boot]
"
            .to_owned(),
            chain: "{genesis: beacon, validators: 6}",
            timeline: vec![("split", 15, Some(35), "partition: {groups: [west, east]}")],
            expectations: Vec::new(),
            seed: 42,
            timeout: Duration::from_secs(180),
        }
    }
}

impl Parts {
    pub(super) fn scenario(&self) -> Scenario {
        let mut sources = Sources::new();
        let document: TopologyDocument = yaml::read(&mut sources, "t.yaml", &self.topology)
            .unwrap_or_else(|mistakes| panic!("{}", sources.render_all(&mistakes, false)));
        let seeds = Seeds::root(self.seed);
        let place = Span::default();
        let drawn = seeds.child("topology");
        let wishes = Wishes { name: "sample", place, clients: &[], seeds: &drawn };
        let resolved = resolve(&document, &wishes);
        let topology = resolved.topology.unwrap_or_else(|| panic!("{}", sources.render_all(&resolved.mistakes, false)));
        let clients = topology.nodes.iter().map(|node| (node.client.clone(), client(&node.client))).collect();
        let chain = (!self.chain.is_empty()).then(|| {
            let document: ChainDocument = yaml::read(&mut sources, "c.yaml", self.chain).unwrap();
            Chain::from_document(&document).unwrap()
        });
        let timeline = self.timeline.iter().map(|(name, start, end, fault)| {
            let inject: Inject = yaml::read(&mut sources, "f.yaml", fault).unwrap();
            let seeds = seeds.child(&format!("entry/{name}"));
            let compiled = inject.compile(&FaultContext { topology: &topology, seeds: &seeds }).unwrap();
            Entry {
                name: (*name).into(),
                family: (*name).to_owned(),
                at: Duration::from_secs(*start),
                until: end.map(Duration::from_secs),
                fault: inject.keyword(),
                summary: compiled.summary,
                effects: compiled.effects,
                send: None,
                targets: compiled.targets,
            }
        });
        let timeline = timeline.collect();
        let nodes: Vec<_> = topology.nodes.iter().map(|node| node.name.clone()).collect();
        let expectations = self.expectations.iter().enumerate().map(|(position, (when, that, label))| Expectation {
            when: when.clone(),
            that: that.clone(),
            nodes: nodes.clone(),
            label: (*label).to_owned(),
            place: format!("scenarios/sample.yaml:{}", position + 20),
        });
        Scenario {
            name: "sample".to_owned(),
            description: "Two halves lose each other and must agree again.".to_owned(),
            seed: self.seed,
            timeout: self.timeout,
            expectations: expectations.collect(),
            topology,
            clients,
            chain,
            timeline,
            inputs: BTreeMap::new(),
        }
    }

    pub(super) fn plan_on(&self, backend: BackendKind) -> Result<Plan, Vec<Diagnostic>> {
        build(&self.scenario(), &Capabilities::everything(backend), &surroundings())
    }

    pub(super) fn plan(&self) -> Plan {
        self.plan_on(BackendKind::Docker).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
    }
}

pub(super) fn surroundings() -> Surroundings {
    let programs = [("alpha", "/opt/alpha"), ("alpha@v2", "/opt/alpha-v2"), ("beta", "/opt/beta")];
    let programs = programs.map(|(name, path)| (ClientRef::from(name.to_owned()), path.into()));
    Surroundings { programs: programs.into(), ..Surroundings::default() }
}

fn client(reference: &ClientRef) -> Client {
    let text = match reference.name.as_str() {
        "alpha" => ALPHA,
        "beta" => BETA,
        "exec" => EXEC,
        "cons" => CONS,
        "keys" => KEYS,
        "delta" => DELTA,
        "silent" => SILENT,
        _ => GAMMA,
    };
    let mut sources = Sources::new();
    let manifest: Manifest = yaml::read(&mut sources, "client.yaml", text)
        .unwrap_or_else(|mistakes| panic!("{}", sources.render_all(&mistakes, false)));
    let folder = ClientFolder {
        name: reference.name.clone(),
        manifest: ("client.yaml".to_owned(), text.to_owned()),
        files: [("Dockerfile".to_owned(), b"FROM scratch".to_vec())].into(),
        ..ClientFolder::default()
    };
    Client::new(&manifest, reference, &folder, Span::default())
        .unwrap_or_else(|mistakes| panic!("{}", sources.render_all(&mistakes, false)))
}
