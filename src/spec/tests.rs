//! Scenarios as a whole: text in, resolved out.

use std::collections::BTreeMap;

use super::*;
use crate::client::ClientFolder;
use crate::text::Sources;

/// Two clients and one topology.
struct Shelf;

impl Library for Shelf {
    fn topology(&self, name: &str) -> Option<(String, String)> {
        let text = "groups: {west: {count: 4, client: plain}, east: {count: 4, client: plain}}\n";
        (name == "pair").then(|| ("topologies/pair.yaml".to_owned(), text.to_owned()))
    }

    fn client(&self, name: &str) -> Option<ClientFolder> {
        let text = format!(
            "name: {name}\nnative: {{program: run-{name}}}\ncommand: [run]\nports: {{rpc: 1}}\nadapter: {{execution: {{port: rpc}}}}\n{}",
            if name == "other" { "variants: {old: {native: {program: run-old}}}\n" } else { "" }
        );
        let manifest = (format!("clients/{name}/client.yaml"), text);
        ["plain", "other"].contains(&name).then(|| ClientFolder {
            name: name.to_owned(),
            manifest,
            ..ClientFolder::default()
        })
    }

    fn names(&self, kind: FileKind) -> Vec<String> {
        let names: &[&str] = if kind == FileKind::Client { &["plain", "other"] } else { &["pair"] };
        names.iter().map(ToString::to_string).collect()
    }
}

fn read_with(text: &str, overrides: &Overrides) -> Result<Scenario, String> {
    let mut sources = Sources::new();
    let file = ScenarioFile { name: "s.yaml".to_owned(), text: text.to_owned() };
    read_scenario(&mut sources, &Shelf, &file, overrides)
        .map(|(scenario, _)| scenario)
        .map_err(|mistakes| sources.render_all(&mistakes, false))
}

fn read(text: &str) -> Result<Scenario, String> {
    read_with(text, &Overrides::default())
}

const SCENARIO: &str = "
name: example
seed: 7
topology: pair
timeline:
  - {name: later, after: split, delay: 5s, for: 10s, inject: {kill: {targets: one}}}
  - {name: split, at: 15s, for: 20s, inject: {partition: {groups: [west, east]}}}
  - {at: 5s, every: 10s, times: 3, for: 2s, inject: {pause: {targets: {random: 2}}}}
  - {name: last, after: pause, inject: {restart: {targets: west-0}}}
  - {after: last, until: 50s, inject: {stop: {targets: east-3}}}
expect:
  - {ready: {within: 60s}}
  - {after: pause, within: 5s, that: {agree: {nodes: west}}}
";

#[test]
fn times_follow_from_each_other_and_repetitions_are_written_out() {
    let scenario = read(SCENARIO).unwrap();
    let entries: Vec<(String, u64, Option<u64>)> = scenario
        .timeline
        .iter()
        .map(|entry| (entry.name.to_string(), entry.at.as_secs(), entry.until.map(|until| until.as_secs())))
        .collect();
    let entry = |name: &str, at, until| (name.to_owned(), at, until);
    assert_eq!(
        entries,
        [
            entry("pause#1", 5, Some(7)),
            entry("split", 15, Some(35)),
            entry("pause#2", 15, Some(17)),
            entry("pause#3", 25, Some(27)),
            entry("last", 27, None),
            entry("stop", 27, Some(50)),
            entry("later", 40, Some(50)),
        ]
    );
    assert!(scenario.timeline.iter().filter(|entry| entry.family == "pause").count() == 3);
    assert_eq!(scenario.expectations[1].label, "after pause, within 5s: agree on head (west)");
    assert_eq!(scenario.expectations[1].place, "s.yaml:13");
    assert_eq!(scenario.expectations[1].nodes.len(), 4);
    assert_eq!(
        scenario.inputs.keys().collect::<Vec<_>>(),
        ["clients/plain/client.yaml", "scenario.yaml", "topology.yaml"]
    );
}

#[test]
fn chain_time_is_put_into_seconds() {
    let in_seconds = |chain: &str, text: &str| {
        let scenario = format!(
            "name: example\ntopology: pair\nchain: {chain}\ntimeline:\n  - {{name: split, {text}, inject: {{pause: {{targets: one}}}}}}\n\
             expect: [{{after: split, within: 2 blocks, that: {{agree: {{}}}}}}]\n"
        );
        read(&scenario).map(|scenario| {
            let entries = scenario.timeline.iter();
            let entries: Vec<_> =
                entries.map(|entry| (entry.at.as_secs_f64(), entry.until.unwrap().as_secs_f64())).collect();
            (entries, scenario.expectations[0].when.clone())
        })
    };
    let clique = "{genesis: clique, period: 2s}";
    let (entries, when) = in_seconds(clique, "at: 2.5 blocks, for: 1 block, every: 10 blocks, times: 2").unwrap();
    assert_eq!(entries, [(5.0, 7.0), (25.0, 27.0)]);
    assert_eq!(when, crate::check::When::After("split".into(), Duration::from_secs(4)));
    let (entries, _) = in_seconds(clique, "at: 3s, until: 4 blocks").unwrap();
    assert_eq!(entries, [(3.0, 8.0)]);
    let refused = in_seconds(clique, "at: 3 slots, for: 1 epoch").unwrap_err();
    for told in
        ["does not count slots by the clock", "does not count epochs", "it counts blocks of 2s; or write it in seconds"]
    {
        assert!(refused.contains(told), "{told}: {refused}");
    }
    assert_eq!(refused.matches("error").count(), 2, "{refused}");
}

#[test]
fn the_same_seed_gives_the_same_scenario_and_another_one_other_draws() {
    let draws = |seed| {
        let scenario = read_with(SCENARIO, &Overrides { seed, ..Overrides::default() }).unwrap();
        scenario.timeline.iter().map(|entry| entry.targets.clone()).collect::<Vec<_>>()
    };
    assert_eq!(draws(None), draws(Some(7)));
    assert_ne!(draws(None), draws(Some(8)));
    let repetitions: Vec<_> =
        read(SCENARIO).unwrap().timeline.into_iter().filter(|entry| entry.family == "pause").collect();
    assert!(repetitions.windows(2).any(|pair| pair[0].targets != pair[1].targets), "each repetition draws anew");
}

#[test]
fn an_entry_more_does_not_change_what_others_draw() {
    let more = SCENARIO
        .replace("timeline:\n", "timeline:\n  - {name: first, at: 1s, for: 1s, inject: {kill: {targets: one}}}\n");
    let targets = |text: &str| {
        let all = read(text).unwrap().timeline;
        all.into_iter().map(|entry| (entry.name, entry.targets)).collect::<BTreeMap<_, _>>()
    };
    let (before, after) = (targets(SCENARIO), targets(&more));
    assert!(before.iter().all(|(name, targets)| after[name] == *targets));
}

#[test]
fn the_command_line_changes_a_scenario() {
    let set = |path: &str, value: &str| {
        read_with(SCENARIO, &Overrides { set: vec![(path.to_owned(), value.to_owned())], ..Overrides::default() })
    };
    assert_eq!(
        set("timeline.1.for", "30s")
            .unwrap()
            .timeline
            .iter()
            .find(|entry| entry.name.as_str() == "split")
            .unwrap()
            .until
            .unwrap()
            .as_secs(),
        45
    );
    assert_eq!(set("timeout", "2m").unwrap().timeout.as_secs(), 120);
    assert_eq!(
        set("topology", "{groups: {west: {count: 2, client: plain}, east: {count: 4, client: other}}}")
            .unwrap()
            .topology
            .nodes
            .len(),
        6
    );
    let wrong = set("timeline.1.for", "30 parsecs").unwrap_err();
    assert!(wrong.contains("command line:1:22"), "{wrong}");
    for (path, value) in [
        ("timeline.9.for", "1s"),
        ("timeline.split.for", "1s"),
        ("name.x", "1"),
        ("topology.groups", "1"),
        ("", "1"),
        ("a..b", "1"),
        ("typo", "1"),
    ] {
        assert!(set(path, value).is_err(), "{path}");
    }
    assert!(set("timeline.split.for", "1s").unwrap_err().contains("`split` is item 1"));

    let clients = |names: &[&str]| {
        read_with(
            SCENARIO,
            &Overrides { clients: names.iter().map(ToString::to_string).collect(), ..Overrides::default() },
        )
    };
    let dealt: Vec<String> =
        clients(&["plain", "other@old"]).unwrap().topology.nodes.iter().map(|node| node.client.to_string()).collect();
    assert_eq!(dealt, ["plain", "other@old", "plain", "other@old", "plain", "other@old", "plain", "other@old"]);
    let wrong = clients(&["plain", "othr"]).unwrap_err();
    assert!(wrong.contains("command line:1:17") && wrong.contains("did you mean `other`?"), "{wrong}");
}

#[test]
fn a_scenario_without_expectations_is_warned_about() {
    let mut sources = Sources::new();
    let file = ScenarioFile { name: "s.yaml".to_owned(), text: "name: x\ntopology: pair\n".to_owned() };
    let (_, warnings) = read_scenario(&mut sources, &Shelf, &file, &Overrides::default()).unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(sources.render_all(&warnings, false).starts_with("warning: "));
}

#[test]
fn clients_are_read_with_all_their_variants() {
    let mut sources = Sources::new();
    let names = ["plain".to_owned(), "other".to_owned()];
    let clients = read_clients(&mut sources, &Shelf, &names).unwrap();
    let found: Vec<String> = clients.iter().map(|client| client.reference.to_string()).collect();
    assert_eq!(found, ["plain", "other", "other@old"]);
    assert!(read_clients(&mut sources, &Shelf, &["nobody".to_owned()]).is_err());
}

#[test]
fn diagnostics_have_a_json_form() {
    let mut sources = Sources::new();
    let (kind, diagnostics) = validate_file(&mut sources, &Shelf, "s.yaml", "name: x\ntopology: piar\n");
    assert_eq!(kind, FileKind::Scenario);
    let value = sources.json(&diagnostics);
    let first = &value[0];
    assert_eq!(first["severity"], "error");
    assert_eq!(first["labels"][0]["file"], "s.yaml");
    assert_eq!((&first["labels"][0]["line"], &first["labels"][0]["column"]), (&2.into(), &11.into()));
    assert_eq!(first["help"][0], "did you mean `pair`?");
}

#[test]
fn the_description_of_any_file_is_found() {
    assert_eq!(description("name: x\ndescription: A few words.\n").as_deref(), Some("A few words."));
    assert_eq!(description("name: x\n"), None);
    assert_eq!(description("[broken"), None);
}
