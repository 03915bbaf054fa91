//! Tests of whole plans: determinism, addresses, wiring, timeline.

use std::collections::BTreeMap;
use std::time::Duration;

use super::sample::{Parts, surroundings};
use super::*;
use crate::action::{Capabilities, Capability, ImageSource, Support};
use crate::check::When;
use crate::check::agree::Agree;
use crate::check::ready::Ready;
use crate::check::{Subject, That};
use crate::client::{Template, Vocabulary, Wiring};
use crate::text::{Sp, Span};

fn messages(result: Result<Plan, Vec<crate::text::Diagnostic>>) -> Vec<String> {
    result.unwrap_err().into_iter().map(|mistake| mistake.message).collect()
}

fn node<'a>(plan: &'a Plan, name: &str) -> &'a PlannedNode {
    plan.nodes.iter().find(|node| node.process.name.as_str() == name).unwrap()
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let bytes = |parts: &Parts| serde_json::to_string_pretty(&parts.plan()).unwrap();
    let parts = Parts::default();
    assert_eq!(bytes(&parts), bytes(&parts));
    assert_ne!(bytes(&parts), bytes(&Parts { seed: 43, ..parts }));
}

#[test]
fn another_node_does_not_shift_keys() {
    let key = |plan: &Plan, name: &str| node(plan, name).identity["peer_id"].clone();
    let small = Parts::default();
    let large = Parts { topology: small.topology.replace("west: {count: 2", "west: {count: 3"), ..small.clone() };
    let (small, large) = (small.plan(), large.plan());
    for name in ["west-0", "west-1", "east-0", "east-1", "boot"] {
        assert_eq!(key(&small, name), key(&large, name), "{name}");
    }
    let keys: std::collections::BTreeSet<String> =
        large.nodes.iter().map(|node| node.identity["peer_id"].clone()).collect();
    assert_eq!(keys.len(), large.nodes.len());
}

#[test]
fn templates_wiring_and_roles_end_on_the_command_line() {
    let plan = Parts::default().plan();
    let west = node(&plan, "west-0");
    let boot = node(&plan, "boot");
    let words = west.process.command.join(" ");
    assert!(words.starts_with("alpha run --name west-0 --listen=10.77.0.10:9000 --key "), "{words}");
    assert!(words.contains(" --slot 2000 --propose --validators 0,4 --count=6 "), "{words}");
    assert!(words.contains(&format!(" --bootnodes={}", boot.identity["enr"])), "{words}");
    assert_eq!(west.signs_as, ["0", "4"]);
    assert!(west.producer && !boot.producer);
    // A bootnode has no validators and is not told about itself.
    let own = boot.process.command.join(" ");
    assert!(!own.contains("--bootnodes") && !own.contains("--validators") && !own.contains("--propose"), "{own}");
    // Whoever is dialled stands on the dialler's command line and in its file, in the form it asked for.
    for (from, to) in &plan.edges {
        let dialler = node(&plan, from.as_str());
        let address = &node(&plan, to.as_str()).identity["multiaddr"];
        assert!(dialler.process.command.windows(2).any(|pair| pair[0] == "--peer" && pair[1] == *address));
        assert!(dialler.process.files[0].content.contains(&format!("\"{address}\"")));
    }
    assert_eq!(west.process.env["NODE_INDEX"], "0");
    assert_eq!(west.process.env["NET"], "10.77.0.0/16");
    assert_eq!(west.process.init, [["alpha", "init", "/splitbrain/data", "/splitbrain/files/config.toml"]]);
    assert!(west.process.files[0].content.ends_with("genesis = {genesis.time}\n"));
    assert_eq!(plan.genesis_delay, Some(Duration::from_secs(6)));
}

#[test]
fn variants_and_backends_choose_image_program_and_paths() {
    let docker = Parts::default().plan();
    assert_eq!(node(&docker, "east-1").process.image, Some(ImageSource::Name("alpha:v2".to_owned())));
    assert_eq!(node(&docker, "east-1").process.env["VERSION"], "2");
    assert!(matches!(node(&docker, "east-0").process.image, Some(ImageSource::Build(_))));
    assert!(docker.nodes.iter().all(|node| node.process.program.is_none()));
    let native = Parts::default().plan_on(crate::action::BackendKind::Native).unwrap();
    assert_eq!(node(&native, "east-1").process.program, Some("/opt/alpha-v2".into()));
    assert_eq!(node(&native, "east-1").process.init[0][3], "files/config.toml");
    assert!(native.nodes.iter().all(|node| node.process.image.is_none()));
}

#[test]
fn packets_pass_the_wire_when_links_have_rules_or_the_backend_knows_no_other_way() {
    let wire = |fault: &'static str, topology: &str| {
        let parts = Parts { timeline: vec![("f", 1, Some(2), fault)], ..Parts::default() };
        Parts { topology: format!("{}{topology}", parts.topology), ..parts }.plan().wire
    };
    assert!(wire("partition: {groups: [west, east]}", ""));
    assert!(!wire("disconnect: {targets: west-0}", ""));
    assert!(!wire("kill: {targets: west-0}", ""));
    assert!(wire("kill: {targets: west-0}", "zones: {eu-us: 40ms}\n"));
    assert!(wire("kill: {targets: west-0}", "enforce_graph: true\n"));
    let parts = Parts { timeline: Vec::new(), ..Parts::default() };
    assert!(!parts.plan().wire);
    assert!(parts.plan_on(crate::action::BackendKind::Native).unwrap().wire);
}

const CLIQUE: &str = "
groups:
  seal: {count: 3, client: beta, role: validator}
  look: {count: 1, client: beta, role: follower}
graph: ring
bootnodes: [seal-0]
";

#[test]
fn sealers_get_accounts_and_the_others_none() {
    let parts = Parts {
        topology: CLIQUE.to_owned(),
        chain: "{genesis: clique, sealers: 2}",
        timeline: Vec::new(),
        ..Parts::default()
    };
    let plan = parts.plan();
    let sealers: Vec<&PlannedNode> = plan.nodes.iter().filter(|node| node.producer).collect();
    assert_eq!(sealers.len(), 2);
    for node in &plan.nodes {
        let seals = node.process.command.iter().position(|word| word == "--seal");
        assert_eq!(seals.is_some(), node.producer, "{}", node.process.name);
        let genesis = &node.process.files[0].content;
        if let Some(seals) = seals {
            let address = &node.process.command[seals + 1];
            assert_eq!(node.signs_as, std::slice::from_ref(address));
            assert!(address.starts_with("0x") && *address == address.to_lowercase());
            assert!(genesis.contains(&address[2..]), "the genesis file names its sealers");
        }
    }
    assert_eq!(plan.block_time, Some(Duration::from_secs(2)));
    assert!(
        plan.genesis_delay.is_some_and(|delay| delay >= Duration::from_secs(3)),
        "sealers must meet before they seal"
    );
    let too_many = Parts { chain: "{genesis: clique, sealers: 9}", ..parts };
    assert_eq!(
        messages(too_many.plan_on(crate::action::BackendKind::Docker)),
        ["the chain wants 9 sealers, and only 3 nodes have the role `validator`"]
    );
}

#[test]
fn api_peers_become_calls_and_environment_names_bootnodes() {
    let parts =
        Parts { topology: CLIQUE.to_owned(), chain: "{genesis: clique}", timeline: Vec::new(), ..Parts::default() };
    let plan = parts.plan();
    let enode = &node(&plan, "seal-0").identity["enode"];
    assert!(enode.ends_with("@10.77.0.10:30303"));
    assert_eq!(node(&plan, "seal-1").process.env["BOOTNODES"], *enode);
    assert!(!node(&plan, "seal-0").process.env.contains_key("BOOTNODES"));
    let calls: usize = plan.nodes.iter().map(|node| node.after_ready.len()).sum();
    assert_eq!(calls, plan.edges.len());
    let call = plan.nodes.iter().flat_map(|node| &node.after_ready).next().unwrap();
    assert_eq!((call.port, call.method.as_str()), (8545, "admin_addPeer"));
}

#[test]
fn nodes_dial_each_other_in_networks_that_they_share() {
    let topology = "
nodes:
  hidden: {client: alpha, networks: [back], role: validator}
  sentry: {client: alpha, networks: [main, back]}
  public: {client: alpha}
graph: mesh
networks: {main: {}, back: {}}
";
    let parts = Parts { topology: topology.to_owned(), timeline: Vec::new(), ..Parts::default() };
    let plan = parts.plan();
    assert_eq!(plan.networks.iter().map(|network| network.name.as_str()).collect::<Vec<_>>(), ["main", "back"]);
    assert_eq!(node(&plan, "hidden").process.address().to_string(), "10.78.0.10");
    let told: String = plan.nodes.iter().flat_map(|node| node.process.command.clone()).collect::<Vec<_>>().join(" ");
    // hidden and sentry meet in `back`, sentry and public in `main`, hidden and public nowhere.
    assert!(told.contains("/ip4/10.78.0.1") && told.contains("/ip4/10.77.0.1"));
    let [note] = plan.notes.as_slice() else { panic!("{:?}", plan.notes) };
    assert!(note.starts_with("1 edge of the graph was left out, because its ends share no network: "), "{note}");
    assert_eq!(plan.edges.len(), 2);
    let table = crate::link::LinkTable::compile(3, &plan.base_links);
    assert!(table.get(0, 2).cut && table.get(2, 0).cut && !table.get(0, 1).cut && !table.get(1, 2).cut);
    assert!(!plan.wire, "the networks of docker keep them apart by themselves");
}

#[test]
fn arguments_environment_and_files_of_a_node_come_last() {
    let topology = "
nodes:
  a:
    client: alpha
    role: validator
    args: {set: {--slot: 500}, add: ['--quirk={name}'], remove: [--propose]}
    env: {NODE_INDEX: 'x{index}', MORE: '1'}
    files: {config: 'mine', other: '{address}'}
    start_at: 7s
";
    let plan = Parts { topology: topology.to_owned(), timeline: Vec::new(), ..Parts::default() }.plan();
    let a = node(&plan, "a");
    let words = a.process.command.join(" ");
    assert!(words.contains("--slot 500 ") && words.ends_with("--quirk=a") && !words.contains("--propose"), "{words}");
    assert_eq!(a.extra_args, ["--quirk=a", "--slot=500", "(without --propose)"]);
    assert_eq!((a.process.env["NODE_INDEX"].as_str(), a.process.env["MORE"].as_str()), ("x0", "1"));
    let files: BTreeMap<&str, &str> =
        a.process.files.iter().map(|file| (file.path.as_str(), file.content.as_str())).collect();
    assert_eq!(files["/splitbrain/files/config.toml"], "mine");
    assert_eq!(files["/splitbrain/files/other"], "10.77.0.10");
    assert_eq!(a.start_at, Some(Duration::from_secs(7)));
    assert!(plan.timeline[0].actions.contains(&crate::action::Action::Start { node: "a".into() }));
    let wrong = topology.replace("--slot", "--slto").replace("remove: [--propose]", "remove: [--nope]");
    let wrong = Parts { topology: wrong, timeline: Vec::new(), ..Parts::default() };
    assert_eq!(
        messages(wrong.plan_on(crate::action::BackendKind::Docker)),
        ["`--nope` is not on the command line of a", "`--slto` is not on the command line of a",]
    );
}

#[test]
fn the_timeline_is_as_long_as_its_entries_and_waits() {
    let agree = || That::Agree(Agree { on: Subject::Head, depth: None });
    let length = |timeline: Vec<(&'static str, u64, Option<u64>, &'static str)>, expectations| {
        Parts { timeline, expectations, ..Parts::default() }.plan().duration.as_secs()
    };
    let split = || ("split", 15, Some(35), "partition: {groups: [west, east]}");
    assert_eq!(length(vec![], vec![]), 5);
    assert_eq!(length(vec![split()], vec![]), 40);
    assert_eq!(length(vec![split()], vec![(When::After("split".into(), Duration::from_secs(45)), agree(), "")]), 80);
    assert_eq!(length(vec![], vec![(When::At(Duration::from_secs(33)), agree(), "")]), 33);
    assert_eq!(length(vec![], vec![(When::Within(Duration::from_secs(33)), agree(), "")]), 33);
    let ready = That::Ready(Ready { within: None });
    assert_eq!(length(vec![], vec![(When::Within(Duration::from_secs(60)), ready, "")]), 5);
    // Without an end a fault is given time to show.
    assert_eq!(length(vec![("k", 10, None, "kill: {targets: west}")], vec![]), 40);
    // A restart is over at once.
    assert_eq!(length(vec![("r", 10, None, "restart: {targets: west}")], vec![]), 15);
    let short = Parts { timeout: Duration::from_secs(30), ..Parts::default() };
    assert_eq!(
        messages(short.plan_on(crate::action::BackendKind::Docker)),
        ["the timeline and the waits after it take 40s, longer than the scenario's timeout of 30s"]
    );
}

#[test]
fn what_the_machine_cannot_do_is_told_with_a_remedy() {
    let mut capabilities = Capabilities::everything(crate::action::BackendKind::Docker);
    capabilities.engine = "Docker 20.10".to_owned();
    for capability in [Capability::Wire, Capability::Pause] {
        let no = Support::No { why: "not root".to_owned(), remedy: "run as root".to_owned() };
        capabilities.support.insert(capability, no);
    }
    let parts = Parts {
        timeline: vec![
            ("split", 1, Some(2), "partition: {groups: [west, east]}"),
            ("p", 3, Some(4), "pause: {targets: boot}"),
        ],
        ..Parts::default()
    };
    let mistakes = build(&parts.scenario(), &capabilities, &surroundings()).unwrap_err();
    assert_eq!(
        mistakes.iter().map(|mistake| mistake.message.as_str()).collect::<Vec<_>>(),
        [
            "entry `split` (partition west | east | boot) needs the packet wire between nodes, which Docker 20.10 cannot do here: not root",
            "entry `p` (pause boot) needs to freeze processes, which Docker 20.10 cannot do here: not root",
        ]
    );
    assert_eq!(mistakes[0].help, ["run as root"]);
}

#[test]
fn clients_that_cannot_run_here_are_told_once() {
    let parts = Parts::default();
    let native = Capabilities::everything(crate::action::BackendKind::Native);
    let mistakes = messages(build(&parts.scenario(), &native, &Surroundings::default()));
    assert_eq!(
        mistakes,
        [
            "the program `alpha` of client `alpha` was not found on this machine",
            "the program `alpha-v2` of client `alpha@v2` was not found on this machine",
        ]
    );
    let mut scenario = parts.scenario();
    for client in scenario.clients.values_mut() {
        client.image = None;
    }
    let docker = Capabilities::everything(crate::action::BackendKind::Docker);
    let mistakes = messages(build(&scenario, &docker, &surroundings()));
    assert_eq!(mistakes[0], "client `alpha` has no image, so it cannot run on docker");
    assert_eq!(mistakes.len(), 2);
}

#[test]
fn a_client_on_the_wrong_chain_is_told_once() {
    let clique = Parts { chain: "{genesis: clique}", ..Parts::default() };
    let told = messages(clique.plan_on(crate::action::BackendKind::Docker));
    assert_eq!(
        told,
        [
            "client `alpha` asks for `{chain.slot_ms}`, which a chain with `genesis: clique` does not have",
            "client `alpha@v2` asks for `{chain.slot_ms}`, which a chain with `genesis: clique` does not have",
        ]
    );
    let none = Parts { chain: "", ..Parts::default() };
    assert!(
        messages(none.plan_on(crate::action::BackendKind::Docker))[0].ends_with("and the scenario has no `chain:`")
    );
    let nobody = Parts {
        topology: "nodes: {a: {client: alpha, role: follower}}\n".to_owned(),
        timeline: Vec::new(),
        ..Parts::default()
    };
    assert_eq!(
        messages(nobody.plan_on(crate::action::BackendKind::Docker)),
        ["nobody makes blocks: no node has the role `validator`"]
    );
}

#[test]
fn a_network_that_is_full_is_told() {
    let parts = Parts::default();
    let docker = Capabilities::everything(crate::action::BackendKind::Docker);
    let narrow = Surroundings { subnets: vec![("10.5.0.0".parse().unwrap(), 28)], ..surroundings() };
    assert_eq!(build(&parts.scenario(), &docker, &narrow).unwrap().networks[0].gateway.to_string(), "10.5.0.1");
    let large = Parts {
        topology: "groups: {n: {count: 6, client: alpha, role: validator}}\n".to_owned(),
        timeline: Vec::new(),
        ..parts
    };
    assert_eq!(
        messages(build(&large.scenario(), &docker, &narrow)),
        ["network `main` (10.5.0.0/28) has no room for node number 6"]
    );
}

fn parsed(text: &str) -> Template {
    let vocabulary = Vocabulary { each: true, ..Vocabulary::default() };
    Template::parse(&Sp::new(text.to_owned(), Span::default()), &vocabulary, "").unwrap()
}

#[test]
fn neighbors_are_told_at_both_ends_and_lone_nodes_nothing() {
    let topology = "
nodes:
  a: {client: gamma, role: validator}
  b: {client: gamma}
graph: line
";
    let parts = Parts { topology: topology.to_owned(), chain: "", timeline: Vec::new(), ..Parts::default() };
    let mut scenario = parts.scenario();
    let docker = Capabilities::everything(crate::action::BackendKind::Docker);
    let plan = build(&scenario, &docker, &surroundings()).unwrap();
    for (own, other) in [("a", "b"), ("b", "a")] {
        let wanted = format!("--near={}", node(&plan, other).identity["multiaddr"]);
        assert_eq!(node(&plan, own).process.command[1..], [wanted]);
    }
    for (both_ends, told) in [(false, [0, 1]), (true, [1, 1])] {
        let words = vec![parsed("--{each.multiaddr}")];
        for client in scenario.clients.values_mut() {
            client.peers = Some(Wiring::Each { words: words.clone(), both_ends });
        }
        let plan = build(&scenario, &docker, &surroundings()).unwrap();
        assert_eq!(["a", "b"].map(|name| node(&plan, name).process.command.len() - 1), told);
    }
    scenario.topology.edges.clear();
    let plan = build(&scenario, &docker, &surroundings()).unwrap();
    assert!(plan.nodes.iter().all(|node| node.process.command.len() == 1));
}

#[test]
fn a_file_written_as_hex_holds_the_bytes_and_what_is_no_hex_is_refused() {
    let topology = "nodes: {single: {client: delta}}".to_owned();
    let parts = Parts { topology, chain: "", timeline: Vec::new(), ..Parts::default() };
    let mut scenario = parts.scenario();
    let mut surroundings = surroundings();
    surroundings.programs.insert(crate::action::ClientRef::from("delta".to_owned()), "/opt/delta".into());
    let native = Capabilities::everything(crate::action::BackendKind::Native);
    let mistakes = messages(build(&scenario, &native, &surroundings));
    assert_eq!(mistakes, ["the file `keys/name` of single is no hex: Odd number of digits"]);

    for client in scenario.clients.values_mut() {
        client.run.files.remove("wrong");
    }
    let plan = build(&scenario, &native, &surroundings).unwrap();
    let one = node(&plan, "single");
    assert_eq!(one.process.command, ["delta", "--keys=files/keys"]);
    let [file] = one.process.files.as_slice() else { panic!("one file") };
    assert_eq!(file.path, "files/keys/bare");
    assert_eq!(hex::encode(file.contents()), file.content);
    assert_eq!(file.contents().len(), 32);
}
