//! An engine that is not there, and one that goes away in mid-run.

use std::process::Stdio;
use std::time::Duration;

use splitbrain::action::{Capability, NodeName, RunId, Signal};
use splitbrain::backend::BackendEvent;
use splitbrain::backend::docker::DockerBackend;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::Command;

use crate::needs;
use crate::own_engine::OwnEngine;
use crate::scene::{BUSYBOX, PATIENCE, Scene, exited, fresh_run, node, told};

/// Tells a copy of this program what to do, with an engine that its parent takes away.
const PART: &str = "SPLITBRAIN_TEST_LOSS";

/// No test of its own: what the tests below start with another `DOCKER_HOST`.
#[tokio::test(flavor = "multi_thread")]
async fn actor() {
    match std::env::var(PART).as_deref() {
        Ok("absent") => {
            let able = DockerBackend::capabilities().await;
            println!("\n{}: {:?}", able.engine, able.support.get(&Capability::Processes));
            let error = splitbrain::backend::docker::free_subnets(1, 16).await.unwrap_err();
            println!("{}", told(&error));
        }
        Ok(part) if part.starts_with("restart ") => {
            let run = RunId::new(part.trim_start_matches("restart "));
            let nodes = vec![node("held", "sleep 1000"), node("killed", "sleep 1000")];
            let mut scene = Scene::of(run, nodes, false).await;
            for name in ["held", "killed"] {
                scene.start(name).await;
            }
            // An end that was told is not the restart's doing.
            scene.done(scene.backend.signal(&NodeName::new("killed"), Signal::Kill).await);
            scene.hears(exited("killed", None, Some(9))).await;
            println!("\nrunning");
            let lost = async {
                while !scene.heard().iter().any(|event| matches!(event, BackendEvent::EngineLost { .. })) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            let lost = tokio::time::timeout(PATIENCE, lost).await;
            println!("{lost:?} {:?}", scene.heard());
            println!("teardown: {}", scene.backend.teardown().await.iter().map(told).collect::<Vec<_>>().join("; "));
        }
        Ok(run) => {
            let mut scene = Scene::of(RunId::new(run), vec![node("held", "sleep 1000")], false).await;
            scene.start("held").await;
            println!("\nrunning");
            let deadline = std::time::Instant::now() + PATIENCE;
            while std::time::Instant::now() < deadline {
                if let Some(event) = scene.heard().iter().find(|event| matches!(event, BackendEvent::EngineLost { .. }))
                {
                    println!("{event:?}");
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let error = scene.backend.start(&NodeName::new("held")).await.unwrap_err();
            println!("{}", told(&error));
            println!("teardown: {}", scene.backend.teardown().await.iter().map(told).collect::<Vec<_>>().join("; "));
        }
        Err(_) => {}
    }
}

fn copy_of_this_program(part: &str, engine: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["engine_loss::actor", "--exact", "--nocapture", "--test-threads=1"])
        .env(PART, part)
        .env("DOCKER_HOST", engine)
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_engine_is_told_with_its_remedy() {
    let output = copy_of_this_program("absent", "unix:///nowhere/docker.sock").output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("none: Some(No { why: \"cannot reach the Docker engine at unix:///nowhere/docker.sock"),
        "{text}"
    );
    assert!(text.contains("remedy: start the engine"), "{text}");
    let output = copy_of_this_program("absent", "ssh://somewhere").output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("DOCKER_HOST says `ssh://somewhere`"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_restarted_is_told_as_that() {
    if !std::path::Path::new(BUSYBOX).exists() {
        eprintln!("SKIPPED: {BUSYBOX} is missing (Debian: `apt-get install busybox-static`)");
        return;
    }
    let mut engine = match tokio::task::spawn_blocking(OwnEngine::start).await.unwrap() {
        Ok(engine) => engine,
        Err(reason) => {
            eprintln!("SKIPPED: {reason}");
            return;
        }
    };
    let run = fresh_run();
    let mut actor = copy_of_this_program(&format!("restart {run}"), &engine.host()).spawn().unwrap();
    let mut lines = BufReader::new(actor.stdout.take().unwrap()).lines();
    let running = async { while lines.next_line().await.unwrap().expect("the actor ended") != "running" {} };
    tokio::time::timeout(PATIENCE, running).await.expect("the actor never ran");
    let engine = tokio::task::spawn_blocking(move || {
        engine.restart();
        engine
    })
    .await
    .unwrap();
    let mut text = String::new();
    let rest = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            text.push_str(&line);
            text.push('\n');
        }
    };
    tokio::time::timeout(PATIENCE * 3, rest).await.expect("the actor ended");
    assert!(
        text.contains("was restarted in the middle of the run: it took no more connections, ended held, and"),
        "{text}"
    );
    assert!(!text.contains("Exited { node: NodeName(\"held\")"), "a node is blamed: {text}");
    assert!(text.contains("teardown: \n"), "{text}");
    tokio::task::spawn_blocking(move || drop(engine)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_goes_away_is_told_as_lost() {
    needs!();
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let Some(engine) = host.strip_prefix("unix://").map(str::to_owned) else {
        eprintln!("SKIPPED: the engine is not on a local socket, so the test cannot stand in between");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    // Dropping the set of tasks cuts all connections at once, as the engine's death would.
    let mut relay = tokio::task::JoinSet::new();
    relay.spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            let engine = engine.clone();
            connections.spawn(async move {
                if let Ok(mut far) = UnixStream::connect(&engine).await {
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    let run = fresh_run();
    let mut actor = copy_of_this_program(run.as_str(), &format!("unix://{}", socket.display())).spawn().unwrap();
    let mut lines = BufReader::new(actor.stdout.take().unwrap()).lines();
    let running = async { while lines.next_line().await.unwrap().expect("the actor ended") != "running" {} };
    tokio::time::timeout(PATIENCE, running).await.expect("the actor never ran");
    relay.shutdown().await;
    std::fs::remove_file(&socket).unwrap();
    let mut text = String::new();
    let rest = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            text.push_str(&line);
            text.push('\n');
        }
    };
    tokio::time::timeout(PATIENCE * 2, rest).await.expect("the actor ended");
    assert!(text.contains("EngineLost { message: \"the Docker engine at unix://"), "{text}");
    assert!(text.contains("cannot start node held") && text.contains("teardown: cannot list"), "{text}");
    let ours = splitbrain::backend::CleanRequest { run: Some(run.clone()), own: true, ..Default::default() };
    let mut cleaned = splitbrain::backend::docker::clean(&ours).await.unwrap();
    cleaned.retain(|thing| thing.kind != "filter table");
    assert_eq!(cleaned.len(), 3, "{cleaned:?}");
}
