//! Runs side by side, and what a killed one leaves.

use std::process::Stdio;

use splitbrain::action::{Capability, NodeName, RunId};
use splitbrain::backend::docker;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::needs;
use crate::scene::{PATIENCE, Scene, fresh_run, node, told, why_not};

/// Tells a copy of this program to hold a run with this id.
const HOLD: &str = "SPLITBRAIN_TEST_HOLD";

#[tokio::test(flavor = "multi_thread")]
async fn runs_side_by_side_do_not_meet() {
    needs!();
    let script = "echo here $(hostname -i); exec sleep 1000";
    let (one, other) =
        tokio::join!(Scene::set(vec![node("same", script)], false), Scene::set(vec![node("same", script)], false),);
    assert_ne!(one.networks[0].subnet, other.networks[0].subnet);
    tokio::join!(one.start("same"), other.start("same"));
    one.says("same", &format!("here {}", one.address("same"))).await;
    other.says("same", &format!("here {}", other.address("same"))).await;
    // An end to one is none to the other.
    one.clear().await;
    let name = NodeName::new("same");
    other.done(other.backend.signal(&name, splitbrain::action::Signal::Kill).await);
    other.start("same").await;
    let twice = || other.lines("same").len() == 2;
    assert!(crate::scene::eventually(twice).await, "{:?}", other.lines("same"));
    other.clear().await;
}

/// No test of its own: the run that the next test kills.
#[tokio::test(flavor = "multi_thread")]
async fn holder() {
    let Some(run) = std::env::var(HOLD).ok() else { return };
    let wired = why_not(&[Capability::Wire]).await.is_none();
    let scene = Scene::of(RunId::new(run), vec![node("held", "sleep 1000")], wired).await;
    scene.start("held").await;
    println!("\nholding");
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clean_removes_what_a_killed_run_left_and_nothing_else() {
    needs!();
    let bystander = Scene::set(vec![node("bystander", "sleep 1000")], false).await;
    bystander.start("bystander").await;
    let run = fresh_run();
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["leftovers::holder", "--exact", "--nocapture", "--test-threads=1"])
        .env(HOLD, run.as_str())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let holding = async { while lines.next_line().await.unwrap().expect("the holder ended") != "holding" {} };
    tokio::time::timeout(PATIENCE, holding).await.expect("the holder never held");

    let of_run = |found: &[splitbrain::backend::Cleaned]| -> Vec<String> {
        let ours = found.iter().filter(|thing| thing.name.contains(run.as_str()));
        ours.map(|thing| format!("{} {}", thing.kind, thing.name)).collect()
    };
    let say = |error| -> Vec<splitbrain::backend::Cleaned> { panic!("{}", told(&error)) };
    let alive = docker::clean(None, true).await.unwrap_or_else(say);
    assert_eq!(of_run(&alive), Vec::<String>::new(), "a living run was found");
    holder.kill().await.unwrap();

    let found = docker::clean(None, true).await.unwrap_or_else(say);
    let mut expected = vec![
        format!("container splitbrain-{run}-held"),
        format!("volume splitbrain-{run}-held"),
        format!("network splitbrain-{run}-main"),
    ];
    if why_not(&[Capability::Wire]).await.is_none() {
        expected.push(format!("filter table splitbrain_{run}"));
    }
    assert_eq!(of_run(&found), expected);
    let cleaned = docker::clean(None, false).await.unwrap_or_else(say);
    assert_eq!(of_run(&cleaned), expected);
    assert_eq!(docker::clean(Some(&run), true).await.unwrap_or_else(say), []);

    let still = docker::clean(Some(&bystander.run), true).await.unwrap_or_else(say);
    assert_eq!(still.len(), 3, "{still:?}");
    bystander.clear().await;
}
