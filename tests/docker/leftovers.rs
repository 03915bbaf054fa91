//! Runs side by side, and what a killed one leaves.

use std::process::Stdio;
use std::time::Duration;

use splitbrain::action::{Capability, NetworkName, NodeName, RunId};
use splitbrain::backend::docker::{self, NetworkRequest};
use splitbrain::backend::{BackendError, CleanRequest, Cleaned, OwnerState};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::needs;
use crate::scene::{PATIENCE, Scene, fresh_run, node, told, why_not};

async fn clean(run: Option<&RunId>, dry_run: bool) -> Result<Vec<Cleaned>, BackendError> {
    docker::clean(&CleanRequest { run: run.cloned(), dry_run, ..CleanRequest::default() }).await
}

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

    let of_run = |found: &[Cleaned]| -> Vec<String> {
        let ours = found.iter().filter(|thing| thing.name.contains(run.as_str()) && thing.kept.is_none());
        ours.map(|thing| format!("{} {}", thing.kind, thing.name)).collect()
    };
    let say = |error| -> Vec<Cleaned> { panic!("{}", told(&error)) };
    let alive = clean(None, true).await.unwrap_or_else(say);
    assert_eq!(of_run(&alive), Vec::<String>::new(), "a living run was found");
    holder.kill().await.unwrap();

    let found = clean(None, true).await.unwrap_or_else(say);
    let mut expected = vec![
        format!("container splitbrain-{run}-held"),
        format!("volume splitbrain-{run}-held"),
        format!("network splitbrain-{run}-main"),
    ];
    if why_not(&[Capability::Wire]).await.is_none() {
        expected.push(format!("filter table splitbrain_{run}"));
    }
    assert_eq!(of_run(&found), expected);
    let cleaned = clean(None, false).await.unwrap_or_else(say);
    assert_eq!(of_run(&cleaned), expected);
    assert_eq!(clean(Some(&run), true).await.unwrap_or_else(say), []);

    let mut still = clean(Some(&bystander.run), false).await.unwrap_or_else(say);
    still.retain(|thing| thing.kind != "filter table");
    assert_eq!(still.len(), 3, "{still:?}");
    assert!(still.iter().all(|thing| thing.kept == Some(OwnerState::Alive)), "{still:?}");
    bystander.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_at_any_moment_is_cleaned_up() {
    needs!();
    for step in 0..8 {
        let run = fresh_run();
        let mut holder = Command::new(std::env::current_exe().unwrap())
            .args(["leftovers::holder", "--exact", "--nocapture", "--test-threads=1"])
            .env(HOLD, run.as_str())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // No condition to wait for: the moment is what is tried.
        tokio::time::sleep(Duration::from_millis(40 + 130 * step)).await;
        holder.kill().await.unwrap();
        let cleaned = clean(Some(&run), false).await.unwrap_or_else(|error| panic!("{}", told(&error)));
        let left = clean(Some(&run), true).await.unwrap_or_else(|error| panic!("{}", told(&error)));
        assert_eq!(left, [], "step {step}, after {cleaned:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_start_leaves_nothing_after_teardown() {
    needs!();
    let nodes = (0..4).map(|index| node(&format!("node-{index}"), "sleep 1000")).collect();
    let scene = Scene::set(nodes, false).await;
    let names: Vec<NodeName> = (0..4).map(|index| NodeName::new(format!("node-{index}"))).collect();
    let all = futures::future::join_all(names.iter().map(|name| scene.backend.start(name)));
    assert!(tokio::time::timeout(Duration::from_millis(30), all).await.is_err(), "four starts took no time at all");
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_reserved_at_the_same_moment_differ() {
    needs!();
    let main = [NetworkRequest { name: NetworkName::new("main"), internet: false }];
    let runs: Vec<RunId> = (0..6).map(|_| fresh_run()).collect();
    let reserved = futures::future::join_all(runs.iter().map(|run| docker::reserve(run, "test", &main))).await;
    let reserved: Vec<_> =
        reserved.into_iter().map(|result| result.unwrap_or_else(|error| panic!("{}", told(&error)))).collect();
    let ranges: std::collections::BTreeSet<_> = reserved.iter().flat_map(docker::Reservation::subnets).collect();
    assert_eq!(ranges.len(), runs.len());
    let first = reserved[0].subnets()[0];
    let late = Scene::with_range(fresh_run(), first).await.unwrap_err();
    assert!(told(&late).contains("another network has taken the range"), "{}", told(&late));
    for one in reserved {
        assert!(one.release().await.is_empty());
    }
    for run in &runs {
        assert_eq!(clean(Some(run), true).await.unwrap(), []);
    }
}
