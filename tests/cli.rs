//! The command line as a contract: exit codes, where words go, what is written.

mod support;

use std::fs;

use support::{output, splitbrain};

const QUICK: &str = "scenarios/quickstart.yaml";

fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn no_arguments_and_unknown_ones_are_wrong_input() {
    assert_eq!(output(&mut splitbrain(root())).0, 2);
    let (code, stdout, stderr) = output(splitbrain(root()).args(["run", "--no-such-flag"]));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("--no-such-flag"), "{stderr}");
    assert_eq!(output(splitbrain(root()).arg("--help")).0, 0);
}

#[test]
fn every_shipped_file_is_valid() {
    let mut command = splitbrain(root());
    command.arg("validate");
    for folder in ["scenarios", "scenarios/history", "topologies"] {
        let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        command.args(paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")));
    }
    for client in fs::read_dir(root().join("clients")).expect("the folder is there") {
        command.arg(client.expect("an entry").path().join("client.yaml"));
    }
    let (code, _, stderr) = output(&mut command);
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn a_bad_scenario_is_refused_before_anything_is_written() {
    let here = tempfile::tempdir().expect("a temporary folder");
    fs::write(here.path().join("bad.yaml"), "name: bad\ntimelin: []\nexpect: [{always: true, that: {agre: {}}}]\n")
        .expect("written");
    for command in ["run", "plan", "validate"] {
        let (code, stdout, stderr) = output(splitbrain(here.path()).args([command, "bad.yaml"]));
        assert_eq!((code, stdout.as_str()), (2, ""), "{command}: {stderr}");
        assert!(stderr.contains("bad.yaml:2:1"), "{command} names the place: {stderr}");
        assert!(stderr.contains("timeline") && stderr.contains("agree"), "{command} suggests both: {stderr}");
    }
    let left: Vec<_> = fs::read_dir(here.path()).expect("readable").collect();
    assert_eq!(left.len(), 1, "only the bad file itself: {left:?}");
}

#[test]
fn an_unknown_scenario_gets_a_suggestion() {
    let (code, _, stderr) = output(splitbrain(root()).args(["run", "quikstart"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("did you mean `quickstart`"), "{stderr}");
}

#[test]
fn a_plan_is_the_same_bytes_every_time_and_another_seed_gives_others() {
    for format in ["text", "json", "dot", "mermaid", "svg"] {
        let plan = |seed: &str| {
            let (code, stdout, stderr) =
                output(splitbrain(root()).args(["plan", QUICK, "--format", format, "--seed", seed]));
            assert_eq!(code, 0, "{stderr}");
            assert!(!stdout.is_empty());
            stdout
        };
        assert_eq!(plan("42"), plan("42"), "{format}");
        if format == "json" {
            assert_ne!(plan("42"), plan("43"), "{format}");
        }
    }
}

#[test]
fn shipped_files_are_found_from_an_empty_folder_and_init_writes_them() {
    let here = tempfile::tempdir().expect("a temporary folder");
    let (code, from_shipped, stderr) = output(splitbrain(here.path()).args(["plan", "quickstart", "--format", "json"]));
    assert_eq!(code, 0, "{stderr}");
    let (code, _, stderr) = output(splitbrain(here.path()).args(["init", "."]));
    assert_eq!(code, 0, "{stderr}");
    assert!(here.path().join("clients/reference/client.yaml").exists());
    let (code, from_files, stderr) = output(splitbrain(here.path()).args(["plan", "quickstart", "--format", "json"]));
    assert_eq!(code, 0, "{stderr}");
    // Labels of expectations name their file; everything else is the same.
    let strip = |text: &str| text.replace("<shipped>/", "");
    assert_eq!(strip(&from_shipped), strip(&from_files));
    fs::write(here.path().join("topologies/ring-of-eight.yaml"), "mine").expect("written");
    let (_, _, stderr) = output(splitbrain(here.path()).args(["init", "."]));
    assert!(stderr.contains("wrote 0 files"), "init never writes over a file: {stderr}");
}

#[test]
fn lists_and_schemas_are_data_on_stdout() {
    for kind in ["clients", "scenarios", "topologies", "faults", "checks", "runs"] {
        let (code, stdout, _) = output(splitbrain(root()).args(["list", kind, "--format", "json"]));
        assert_eq!(code, 0, "{kind}");
        let value: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
        assert_eq!(value["schema"], 1);
    }
    for kind in ["scenario", "topology", "client"] {
        let (code, stdout, _) = output(splitbrain(root()).args(["schema", kind]));
        assert_eq!(code, 0);
        serde_json::from_str::<serde_json::Value>(&stdout).expect("JSON");
    }
}

#[test]
fn scenarios_in_folders_are_listed_by_the_names_that_run_them() {
    for folder in [root(), std::path::Path::new("/")] {
        let (code, stdout, stderr) = output(splitbrain(folder).args(["list", "scenarios"]));
        assert_eq!(code, 0, "{stderr}");
        for name in ["quickstart", "history/cve-2021-39137"] {
            assert!(stdout.lines().any(|line| line.starts_with(name)), "{name}: {stdout}");
        }
    }
}

#[test]
fn an_engine_that_is_absent_is_the_environment() {
    let here = tempfile::tempdir().expect("a temporary folder");
    let (code, _, stderr) = output(
        splitbrain(here.path())
            .args(["run", "quickstart", "--backend", "docker"])
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock"),
    );
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("docker") && stderr.contains("help:"), "{stderr}");
    assert!(!here.path().join("results").exists(), "nothing was started, nothing is written");
}

#[test]
fn a_results_folder_that_cannot_be_written_is_the_environment() {
    if let Err(reason) = support::backend_works("native") {
        return support::skip("a_results_folder_that_cannot_be_written_is_the_environment", &reason);
    }
    let here = tempfile::tempdir().expect("a temporary folder");
    fs::write(here.path().join("results"), "a file, not a folder").expect("written");
    let (code, _, stderr) =
        output(splitbrain(here.path()).args(["run", "quickstart", "--backend", "native", "--results", "results"]));
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("results") && stderr.contains("--results DIR"), "{stderr}");
}

#[test]
fn checking_what_is_no_run_is_wrong_input() {
    let here = tempfile::tempdir().expect("a temporary folder");
    for command in ["check", "report"] {
        let (code, _, stderr) = output(splitbrain(here.path()).args([command, "nowhere"]));
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains("list runs"), "{stderr}");
    }
}
