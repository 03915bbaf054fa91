//! Every shipped scenario can be planned on both backends, over the shipped clients and topologies.

mod shipped_files;

use std::fs;
use std::path::{Path, PathBuf};

use splitbrain::action::{BackendKind, Capabilities};
use splitbrain::client::NativeProgram;
use splitbrain::plan::{Surroundings, build, render};
use splitbrain::spec::{Overrides, Scenario, ScenarioFile, read_scenario};
use splitbrain::text::Sources;

use shipped_files::{ShippedFiles, root};

fn load(path: &Path) -> Scenario {
    let mut sources = Sources::new();
    let file =
        ScenarioFile { name: path.display().to_string(), text: fs::read_to_string(path).expect("a readable file") };
    match read_scenario(&mut sources, &ShippedFiles, &file, &Overrides::default()) {
        Ok((scenario, _)) => scenario,
        Err(mistakes) => panic!("{}", sources.render_all(&mistakes, false)),
    }
}

#[test]
fn shipped_scenarios_can_be_planned_and_no_template_is_left_open() {
    let folders = ["scenarios", "scenarios/history"];
    let mut paths: Vec<PathBuf> = folders
        .into_iter()
        .flat_map(|folder| fs::read_dir(root().join(folder)).expect("the shipped scenarios"))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    assert!(!paths.is_empty());
    for path in paths {
        let scenario = load(&path);
        let programs = scenario.clients.iter().filter_map(|(reference, client)| match &client.native {
            Some(NativeProgram::Named(program)) => Some((reference.clone(), PathBuf::from("/programs").join(program))),
            _ => None,
        });
        let surroundings = Surroundings { programs: programs.collect(), ..Surroundings::default() };
        for backend in [BackendKind::Docker, BackendKind::Native] {
            let plan = build(&scenario, &Capabilities::everything(backend), &surroundings)
                .unwrap_or_else(|mistakes| panic!("{} on {backend}: {mistakes:#?}", path.display()));
            let again =
                build(&load(&path), &Capabilities::everything(backend), &surroundings).expect("the same plan again");
            assert_eq!(render::json(&plan), render::json(&again), "{}", path.display());
            for node in &plan.nodes {
                let words = node.process.command.iter().chain(node.process.init.iter().flatten());
                for word in words.filter(|word| word.contains('{')) {
                    assert!(word.contains("{genesis.time}"), "{}: {word}", path.display());
                }
                // A validator client is dialled by nobody.
                let met = node.adapter.port().is_none() || !node.identity.is_empty();
                assert!(met, "{}: {} has no identity", path.display(), node.process.name);
            }
            // Where blocks are made on demand nobody signs them.
            let signed = plan.nodes.iter().any(|node| node.producer && !node.signs_as.is_empty());
            assert_eq!(signed, scenario.chain.is_some(), "{}", path.display());
        }
    }
}
