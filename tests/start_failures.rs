//! Every way in which a real client goes wrong at its start: what the client itself said stands on the first screen, the
//! exit code tells the run's fate, and nothing is left behind. go-ethereum is the client; `scripts/clients` builds it.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use support::{backend_works, output, skip, splitbrain};

const CLIENT: &str = "go-ethereum@v1.13.15";
const BACKENDS: [&str; 2] = ["native", "docker"];
/// Lines of a terminal that a person sees without scrolling much.
const FIRST_SCREEN: usize = 40;

fn client_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/go-ethereum")
}

/// A project with the shipped client and two nodes of it; the second one has these settings. Without the client's program
/// there is none, and the reason.
fn two_nodes(settings: &str) -> Result<tempfile::TempDir, String> {
    let program = client_folder().join("bin/geth-v1.13.15");
    if !program.exists() {
        return Err(format!("there is no bin/geth-v1.13.15 (scripts/clients {CLIENT} builds it)"));
    }
    let here = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(here.path().join("clients")).expect("made");
    symlink(client_folder(), here.path().join("clients/go-ethereum")).expect("linked");
    fs::write(
        here.path().join("two.yaml"),
        format!(
            "name: two\ntimeout: 1m\nchain: {{genesis: clique, period: 1s}}\n\
             topology:\n  name: two\n  nodes:\n    good: {{client: go-ethereum, role: validator}}\n    \
             odd: {{client: go-ethereum, role: validator, {settings}}}\n  graph: mesh\n\
             expect:\n  - {{ready: {{within: 40s}}}}\n  - {{always: true, that: {{exit: {{none: true}}}}}}\n"
        ),
    )
    .expect("written");
    Ok(here)
}

/// Runs it on every backend there is; the screen must have all of these words, in this order, within its first lines.
fn goes_wrong(test: &str, settings: &str, wanted_codes: &[i32], words: &[&str]) {
    goes_wrong_in(|| two_nodes(settings), test, wanted_codes, words);
}

/// The same with the bundled client.
fn two_bundled_nodes(settings: &str) -> tempfile::TempDir {
    let here = tempfile::tempdir().expect("a temporary folder");
    let scenario = format!(
        "name: two\ntimeout: 1m\nchain: {{genesis: beacon, slot: 1s, slots_per_epoch: 4}}\n\
         topology:\n  name: two\n  nodes:\n    good: {{client: reference, role: validator}}\n    \
         odd: {{client: reference, role: validator, {settings}}}\n  graph: mesh\n\
         expect:\n  - {{ready: {{within: 40s}}}}\n  - {{always: true, that: {{exit: {{none: true}}}}}}\n"
    );
    fs::write(here.path().join("two.yaml"), scenario).expect("written");
    here
}

fn goes_wrong_in(
    project: impl Fn() -> Result<tempfile::TempDir, String>,
    test: &str,
    wanted_codes: &[i32],
    words: &[&str],
) {
    for backend in BACKENDS {
        let test = format!("{test} on {backend}");
        if let Err(reason) = backend_works(backend) {
            skip(&test, &reason);
            continue;
        }
        let here = match project() {
            Ok(here) => here,
            Err(reason) => return skip(&test, &reason),
        };
        let (code, stdout, stderr) = output(splitbrain(here.path()).args(["run", "two.yaml", "--backend", backend]));
        let screen: String = stderr
            .lines()
            .chain(stdout.lines())
            .take(FIRST_SCREEN)
            .fold(String::new(), |text, line| text + line + "\n");
        assert!(wanted_codes.contains(&code), "{test}: exit {code}: {stdout}{stderr}");
        let mut rest = screen.as_str();
        for word in words {
            let Some(place) = rest.find(word) else {
                panic!("{test}: no `{word}` where it should be in:\n{stderr}{stdout}")
            };
            rest = &rest[place + word.len()..];
        }
        for file in ["report.html", "logs/odd.log", "verdict.json"] {
            assert!(here.path().join("results/latest").join(file).exists(), "{test}: {file} is kept");
        }
        let (code, stdout, stderr) = output(splitbrain(here.path()).args(["clean", "--check"]));
        assert_eq!(code, 0, "{test}: {stdout}{stderr}");
    }
}

#[test]
fn a_bad_flag_is_told_in_the_clients_own_words() {
    goes_wrong(
        "a_bad_flag_is_told_in_the_clients_own_words",
        "args: {add: [\"--nonsense\"]}",
        &[1],
        &["odd exited with code 1", "flag provided but not defined: -nonsense", "logs/odd.log"],
    );
}

#[test]
fn a_genesis_that_cannot_be_read_is_told_in_the_clients_own_words() {
    goes_wrong(
        "a_genesis_that_cannot_be_read_is_told_in_the_clients_own_words",
        "files: {genesis: \"no genesis\"}",
        &[3],
        &["geth init", "odd", "Fatal: invalid genesis file"],
    );
}

/// Not with go-ethereum: of ten of its nodes that find their port taken, two hang in their own shutdown and never end.
#[test]
fn a_port_that_is_taken_is_told_in_the_clients_own_words() {
    // The client holds 9000 for its peers and wants it for its API as well.
    goes_wrong_in(
        || Ok(two_bundled_nodes("args: {set: {--http-port: \"9000\"}}")),
        "a_port_that_is_taken_is_told_in_the_clients_own_words",
        &[1],
        &["odd exited with code 3", "cannot listen on", "tcp/9000"],
    );
}

#[test]
fn a_client_that_the_memory_limit_kills_is_told_with_the_limit() {
    goes_wrong(
        "a_client_that_the_memory_limit_kills_is_told_with_the_limit",
        "resources: {memory: 12mib}",
        // Whether its command that makes the genesis block still fits is a matter of chance: then the run ends there.
        &[1, 3],
        &["odd", "was ended by signal 9", "12 MiB of memory"],
    );
}

#[test]
fn a_program_that_is_not_in_the_image_is_named() {
    let test = "a_program_that_is_not_in_the_image_is_named";
    if let Err(reason) = backend_works("docker") {
        return skip(test, &reason);
    }
    let here = match two_nodes("env: {A: b}") {
        Ok(here) => here,
        Err(reason) => return skip(test, &reason),
    };
    // The same folder under another name, with a manifest that asks for a program that nobody put into the image.
    let folder = here.path().join("clients/gone");
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("Dockerfile"), "FROM scratch\nCOPY nothing /nothing\n").expect("written");
    fs::write(folder.join("nothing"), "").expect("written");
    fs::write(
        folder.join("client.yaml"),
        "name: gone\nroles: [execution]\nimage: {build: .}\ncommand: [no-such-program, --flag]\nadapter: {process: {}}\n",
    )
    .expect("written");
    let scenario = here.path().join("two.yaml");
    let text = fs::read_to_string(&scenario).expect("readable");
    fs::write(
        &scenario,
        text.replace("odd: {client: go-ethereum, role: validator", "odd: {client: gone, role: follower"),
    )
    .expect("written");
    let (code, stdout, stderr) = output(splitbrain(here.path()).args(["run", "two.yaml", "--backend", "docker"]));
    assert_eq!(code, 3, "{stdout}{stderr}");
    assert!(stderr.contains("odd") && stderr.contains("no-such-program"), "{stderr}");
    let (code, stdout, stderr) = output(splitbrain(here.path()).args(["clean", "--check"]));
    assert_eq!(code, 0, "{stdout}{stderr}");
}
