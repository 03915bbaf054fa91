//! Tests of all faults: what each compiles to, how they compose, what they refuse.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::action::{Seeds, Signal};
use crate::link::{LinkParameters, LinkTable};
use crate::text::{Sources, Span};
use crate::topology::{Topology, TopologyDocument, Wishes, resolve};

const TOPOLOGY: &str = "
groups:
  west: {count: 4, client: reference}
  east: {count: 3, client: reference}
nodes:
  boot: {client: reference, networks: [main, private]}
networks: {main: {}, private: {}}
graph: ring
";

pub(super) fn topology_of(text: &str) -> Topology {
    let mut sources = Sources::new();
    let document: TopologyDocument = crate::text::yaml::read(&mut sources, "t.yaml", text).unwrap();
    let seeds = Seeds::root(1);
    let wishes = Wishes { name: "t", place: Span::default(), clients: &[], seeds: &seeds };
    resolve(&document, &wishes).topology.unwrap()
}

fn of_size(nodes: usize) -> Topology {
    topology_of(&format!("groups:\n  n: {{count: {nodes}, client: reference}}\ngraph: mesh\n"))
}

/// Compiles a fault; mistakes come back as they are shown to people.
pub(super) fn compile_in(topology: &Topology, seed: u64, text: &str) -> Result<Compiled, String> {
    let mut sources = Sources::new();
    let inject: Inject = crate::text::yaml::read(&mut sources, "f.yaml", text)
        .map_err(|mistakes| sources.render_all(&mistakes, false))?;
    let seeds = Seeds::root(seed);
    let context = FaultContext { topology, seeds: &seeds };
    inject.compile(&context).map_err(|mistakes| sources.render_all(&mistakes, false))
}

fn compile(text: &str) -> Result<Compiled, String> {
    compile_in(&topology_of(TOPOLOGY), 1, text)
}

pub(super) fn table(nodes: usize, effects: &Effects) -> LinkTable {
    LinkTable::compile(nodes as u16, &effects.links)
}

/// Directed links that are cut, `from>to`.
pub(super) fn cut_links(nodes: usize, effects: &Effects) -> BTreeSet<(u16, u16)> {
    let table = table(nodes, effects);
    let all = (0..nodes as u16).flat_map(|from| (0..nodes as u16).map(move |to| (from, to)));
    all.filter(|(from, to)| table.get(*from, *to).cut).collect()
}

#[test]
fn partition_cuts_everything_between_groups_and_nothing_inside() {
    let compiled = compile("partition: {groups: [west, east]}").unwrap();
    assert_eq!(compiled.summary, "partition west | east | boot");
    assert_eq!(compiled.targets.len(), 8);
    let side = |node: u16| match node {
        0..4 => 0,
        4..7 => 1,
        _ => 2,
    };
    let cut = cut_links(8, &compiled.effects);
    for from in 0..8 {
        for to in 0..8 {
            assert_eq!(cut.contains(&(from, to)), side(from) != side(to), "{from} > {to}");
        }
    }
}

#[test]
fn the_rest_goes_where_it_is_told() {
    let cut = |text: &str| cut_links(8, &compile(text).unwrap().effects);
    assert!(cut("partition: {groups: [west, east], rest: own}").contains(&(0, 7)));
    let first = cut("partition: {groups: [west, east], rest: first}");
    assert!(!first.contains(&(0, 7)) && first.contains(&(4, 7)) && first.contains(&(7, 4)));
    let none = cut("partition: {groups: [west, east], rest: none}");
    assert!(!none.contains(&(0, 7)) && !none.contains(&(4, 7)) && none.contains(&(0, 4)));
    assert_eq!(compile("partition: {groups: [west]}").unwrap().summary, "partition west | east boot");
}

#[test]
fn one_way_partitions_leave_the_other_way_open() {
    let cut = |text: &str| cut_links(8, &compile(text).unwrap().effects);
    let out = cut("partition: {groups: [west], direction: out_of_first}");
    assert!(out.contains(&(0, 4)) && !out.contains(&(4, 0)));
    let into = cut("partition: {groups: [west], direction: into_first}");
    assert!(!into.contains(&(0, 4)) && into.contains(&(4, 0)));
}

#[test]
fn cut_isolate_and_shape_touch_their_links_alone() {
    let cut = compile("cut: {from: west-0, to: [east-0, boot]}").unwrap();
    assert_eq!(cut_links(8, &cut.effects), BTreeSet::from([(0, 4), (0, 7)]));
    assert_eq!(cut.summary, "cut west-0 → boot east-0");
    let both = compile("cut: {between: [west-0, east-0]}").unwrap();
    assert_eq!(cut_links(8, &both.effects), BTreeSet::from([(0, 4), (4, 0)]));
    let isolate = compile("isolate: {targets: [west-0, west-1]}").unwrap();
    let lost = cut_links(8, &isolate.effects);
    assert!(lost.contains(&(0, 1)) && lost.contains(&(1, 0)) && lost.contains(&(7, 0)) && !lost.contains(&(2, 3)));
    let shape =
        compile("shape: {links: [{from: west-0, to: east}, {between: [west-0, east-0]}], latency: 50ms, loss: 2%}")
            .unwrap();
    assert_eq!(shape.summary, "shape west-0 → east, west-0 ↔ east-0: latency 50ms, loss 2%");
    let table = table(8, &shape.effects);
    // A link that is named twice is shaped once.
    assert_eq!(table.get(0, 4).latency.as_millis(), 50);
    assert_eq!((table.get(4, 0).latency.as_millis(), table.get(5, 0).latency.as_millis()), (50, 0));
}

#[test]
fn process_faults_name_nodes_and_networks() {
    let kill = compile("kill: {targets: east}").unwrap();
    assert_eq!(kill.effects.down.len(), 3);
    assert!(kill.effects.down.iter().all(|down| down.signal == Signal::Kill && !down.wipe));
    assert!(!kill.effects.momentary);
    let restart = compile("restart: {targets: boot, wipe: true}").unwrap();
    assert!(restart.effects.momentary && restart.effects.down[0].wipe);
    assert_eq!(compile("pause: {targets: boot}").unwrap().effects.paused, [NodeName::from("boot")]);
    let disconnect = compile("disconnect: {targets: boot}").unwrap();
    assert_eq!(disconnect.effects.detached.len(), 2);
    let private = compile("disconnect: {targets: boot, network: private}").unwrap();
    assert_eq!(private.effects.detached, [("boot".into(), "private".into())]);
    assert_eq!(private.summary, "disconnect boot from private");
}

#[test]
fn mistakes_are_told_at_their_place() {
    let cases = [
        "partition: {groups: [west, west-1]}",
        "partition: {groups: [all]}",
        "partition: {groups: [west, east], direction: out_of_first}",
        "partition: {groups: [wset, eats]}",
        "partition: {groups: [west], shape: halves}",
        "partition: {rest: first}",
        "partition: {shape: halves, rest: own}",
        "partition: {groups: [west, east], ports: [p2p]}",
        "cut: {from: west-0}",
        "cut: {from: boot, to: boot}",
        "cut: {between: [boot]}",
        "cut: {between: [boot, west], to: east}",
        "shape: {targets: boot}",
        "shape: {targets: boot, links: [{from: boot, to: west}], loss: 1%}",
        "shape: {latency: 5ms}",
        "shape: {targets: boot, burst_loss: {enter: 1%}, corrupt: 2%}",
        "disconnect: {targets: west, network: privat}",
        "disconnect: {targets: [west-0, boot], network: private}",
        "flap: {targets: west, up: 1s}",
        "reset_connections: {targets: west}",
        "partiton: {groups: [west]}",
    ];
    let told: Vec<String> = cases.iter().map(|case| format!("{case}\n{}", compile(case).unwrap_err())).collect();
    insta::assert_snapshot!(told.join("\n----\n"));
}

#[test]
fn a_single_node_has_nobody_to_lose() {
    let alone = of_size(1);
    for fault in ["isolate: {targets: all}", "partition: {shape: halves}", "shape: {targets: all, loss: 1%}"] {
        assert!(compile_in(&alone, 1, fault).is_err(), "{fault}");
    }
}

#[test]
fn every_line_of_the_table_is_a_fault_that_compiles() {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[expect(dead_code, reason = "only `inject` is looked at")]
    struct Entry {
        at: String,
        #[serde(default)]
        r#for: Option<String>,
        inject: Inject,
    }
    let topology = topology_of(TOPOLOGY);
    let mut words = BTreeSet::new();
    for line in TABLE {
        let mut sources = Sources::new();
        let entry: Entry = crate::text::yaml::read(&mut sources, "e.yaml", line.example)
            .unwrap_or_else(|mistakes| panic!("{}", sources.render_all(&mistakes, false)));
        assert_eq!(entry.inject.keyword(), line.keyword);
        let seeds = Seeds::root(1);
        entry.inject.compile(&FaultContext { topology: &topology, seeds: &seeds }).unwrap();
        assert!(words.insert(line.keyword), "twice: {}", line.keyword);
    }
}

fn any_link_fault() -> impl Strategy<Value = String> {
    let targets = prop::sample::select(vec!["west", "east", "boot", "minority", "{random: 2}", "[west-0, boot]"]);
    let others = prop::sample::select(vec!["all", "east-0", "{random: 3}", "west-3"]);
    prop_oneof![
        Just("partition: {groups: [west, east]}".to_owned()),
        Just("partition: {shape: halves}".to_owned()),
        Just("partition: {shape: majorities_ring}".to_owned()),
        targets.clone().prop_map(|targets| format!("isolate: {{targets: {targets}}}")),
        (targets.clone(), others).prop_map(|(from, to)| format!("cut: {{from: {from}, to: {to}}}")),
        (targets, 0_u8..100, 0_u16..500).prop_map(|(targets, loss, latency)| format!(
            "shape: {{targets: {targets}, latency: {}ms, loss: {loss}%}}",
            latency + 1
        )),
    ]
}

fn close(a: &LinkParameters, b: &LinkParameters) -> bool {
    (a.cut, a.latency, a.jitter, a.rate) == (b.cut, b.latency, b.jitter, b.rate) && (a.loss - b.loss).abs() < 1e-9
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Faults that overlap give the same network in either order, and the end of both restores it exactly.
    #[test]
    fn composition_commutes_and_healing_restores(first in any_link_fault(), second in any_link_fault(), seed in 0_u64..1000) {
        let topology = topology_of(TOPOLOGY);
        let compiled = (compile_in(&topology, seed, &first), compile_in(&topology, seed + 1, &second));
        let (Ok(a), Ok(b)) = compiled else { return Ok(()) };
        let base = [LinkRule {
            from: (0..8).collect(),
            to: (0..8).collect(),
            parameters: LinkParameters { latency: std::time::Duration::from_millis(7), loss: 0.01, ..LinkParameters::default() },
        }];
        let ab = LinkTable::compile(8, base.iter().chain(&a.effects.links).chain(&b.effects.links));
        let ba = LinkTable::compile(8, base.iter().chain(&b.effects.links).chain(&a.effects.links));
        let only_b = LinkTable::compile(8, base.iter().chain(&b.effects.links));
        for from in 0..8 {
            for to in 0..8 {
                prop_assert!(close(ab.get(from, to), ba.get(from, to)), "{} > {}", from, to);
                // Healing the first leaves what the second does alone.
                prop_assert!(!only_b.get(from, to).cut || ab.get(from, to).cut);
                if from == to {
                    prop_assert!(!ab.get(from, to).cut, "nobody is cut from itself");
                }
            }
        }
        prop_assert_eq!(LinkTable::compile(8, &base), LinkTable::compile(8, base.iter().chain(&Effects::default().links)));
    }

    /// Two-way partitions are symmetric; every node keeps itself; a ring of majorities leaves everybody a majority.
    #[test]
    fn drawn_partitions_are_what_their_names_say(nodes in 4_usize..24, seed in 0_u64..1000) {
        let topology = of_size(nodes);
        for shape in ["halves", "one", "bridge", "majorities_ring"] {
            let compiled = compile_in(&topology, seed, &format!("partition: {{shape: {shape}}}")).unwrap();
            let cut = cut_links(nodes, &compiled.effects);
            let sees = |node: u16| -> BTreeSet<u16> { (0..nodes as u16).filter(|other| !cut.contains(&(node, *other))).collect() };
            let views: Vec<BTreeSet<u16>> = (0..nodes as u16).map(sees).collect();
            for (from, to) in &cut {
                prop_assert!(cut.contains(&(*to, *from)), "{} is not symmetric", shape);
                prop_assert!(from != to);
            }
            let mut sizes: Vec<usize> = views.iter().map(BTreeSet::len).collect();
            sizes.sort_unstable();
            let different: BTreeSet<&BTreeSet<u16>> = views.iter().collect();
            match shape {
                "halves" => {
                    prop_assert_eq!(different.len(), 2);
                    prop_assert_eq!((sizes[0], sizes[nodes - 1]), (nodes / 2, nodes - nodes / 2));
                }
                "one" => prop_assert_eq!((sizes[0], sizes[1]), (1, nodes - 1)),
                "bridge" => {
                    prop_assert_eq!(views.iter().filter(|view| view.len() == nodes).count(), 1);
                    prop_assert_eq!(sizes[0], (nodes - 1) / 2 + 1);
                }
                _ => {
                    prop_assert!(sizes[0] > nodes / 2, "everybody sees a majority");
                    prop_assert_eq!(different.len(), nodes, "and no two the same");
                }
            }
        }
    }

    /// The same seed draws the same, and some other seed draws something else.
    #[test]
    fn draws_depend_on_the_seed_alone(seed in 0_u64..1000) {
        let topology = of_size(12);
        let draw = |seed| compile_in(&topology, seed, "partition: {shape: halves}").unwrap();
        prop_assert_eq!(draw(seed), draw(seed));
        prop_assert!((1..20).any(|more| draw(seed + more).effects != draw(seed).effects));
    }
}
