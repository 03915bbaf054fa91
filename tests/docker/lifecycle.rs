//! Start, output, end, restart, init, wipe.

use splitbrain::action::{Attachment, NetworkName, NodeName, Resources, Signal};
use splitbrain::backend::BackendEvent;

use crate::needs;
use crate::scene::{Scene, exited, file, node, shell, told};

/// Counts its starts in the data folder and says where it lives.
const COUNTING: &str = "cd /splitbrain/data; n=$(cat starts 2>/dev/null || echo 0); n=$((n+1)); echo $n >starts; \
                        echo start $n at $(hostname -i) as $(hostname); exec sleep 1000";

#[tokio::test(flavor = "multi_thread")]
async fn a_node_runs_prints_and_ends() {
    needs!();
    let mut talker = node("talker", "cat files/greeting; echo $MOOD >&2; pwd; exit 7");
    talker.files = vec![file("/splitbrain/files/greeting", "hello\n")];
    talker.env.insert("MOOD".to_owned(), "fine".to_owned());
    let mut scene = Scene::set(vec![talker], false).await;
    scene.start("talker").await;
    scene.hears(exited("talker", Some(7), None)).await;
    for line in ["hello", "fine", "/splitbrain"] {
        scene.says("talker", line).await;
    }
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_comes_back_with_its_data_and_address() {
    needs!();
    let mut scene = Scene::set(vec![node("other", "sleep 1000"), node("counter", COUNTING)], false).await;
    let address = scene.address("counter");
    let name = NodeName::new("counter");
    scene.start("counter").await;
    scene.says("counter", &format!("start 1 at {address} as counter")).await;
    scene.done(scene.backend.signal(&name, Signal::Kill).await);
    scene.hears(exited("counter", None, Some(9))).await;
    scene.done(scene.backend.signal(&name, Signal::Kill).await);
    scene.start("counter").await;
    scene.says("counter", &format!("start 2 at {address} as counter")).await;
    // A node that runs already is left as it is.
    scene.start("counter").await;
    scene.done(scene.backend.signal(&name, Signal::Stop).await);
    assert_eq!(scene.lines("counter").len(), 2, "{:?}", scene.lines("counter"));
    scene.clear().await;
}

/// A shell as process 1 does not see SIGTERM: its stop was a kill, ten seconds later.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_is_ignored_is_told() {
    needs!();
    let mut scene = Scene::set(vec![node("deaf", "echo ready; while :; do sleep 0.1; done")], false).await;
    scene.start("deaf").await;
    scene.says("deaf", "ready").await;
    let name = NodeName::new("deaf");
    scene.done(scene.backend.signal(&name, Signal::Stop).await);
    scene.hears(BackendEvent::StopIgnored { node: name, waited: std::time::Duration::from_secs(10) }).await;
    scene.hears(exited("deaf", None, Some(9))).await;
    scene.clear().await;
}

/// The kernel ends a helper; the node itself goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_helper_that_is_killed_for_memory_is_told_of() {
    needs!();
    let mut hungry = node("hungry", "(x=0123456789; while :; do x=$x$x; done) & sleep 1000");
    hungry.resources.memory = Some(32 << 20);
    let mut scene = Scene::set(vec![hungry], false).await;
    scene.start("hungry").await;
    scene.hears(BackendEvent::OutOfMemory { node: NodeName::new("hungry"), kills: 1 }).await;
    let ended = scene.heard().iter().any(|event| matches!(event, BackendEvent::Exited { .. }));
    assert!(!ended, "the node itself goes on");
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_gives_a_chance_to_tidy_up() {
    needs!();
    let tidy = node("tidy", "trap 'echo tidied; exit 3' TERM; echo ready; while :; do sleep 0.1; done");
    let mut scene = Scene::set(vec![tidy], false).await;
    scene.start("tidy").await;
    scene.says("tidy", "ready").await;
    scene.done(scene.backend.signal(&NodeName::new("tidy"), Signal::Stop).await);
    scene.says("tidy", "tidied").await;
    scene.hears(exited("tidy", Some(3), None)).await;
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_whole_over_restarts() {
    needs!();
    let script = "n=0; while [ $n -lt 2000 ]; do n=$((n+1)); echo line $n of the output; done; echo -n end";
    let mut scene = Scene::set(vec![node("talker", script)], false).await;
    for round in 1..=3 {
        scene.start("talker").await;
        scene.hears(exited("talker", Some(0), None)).await;
        let complete = || scene.log("talker").matches("end\n").count() == round;
        assert!(crate::scene::eventually(complete).await, "round {round}");
        assert_eq!(scene.log("talker").lines().count(), round * 2001);
        scene.forget();
    }
    let once: String = (1..=2000).map(|n| format!("line {n} of the output\n")).chain(["end\n".to_owned()]).collect();
    assert!(scene.log("talker") == once.repeat(3), "the log differs from what was printed");
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn init_commands_run_once_and_again_after_a_wipe() {
    needs!();
    let mut counter = node("counter", &format!("cat data/prepared; {COUNTING}"));
    counter.init = vec![
        shell("echo one; cat /splitbrain/files/genesis >>/splitbrain/data/prepared"),
        shell("echo two; echo second >>/splitbrain/data/prepared"),
    ];
    counter.files = vec![file("/splitbrain/files/genesis", "genesis\n")];
    let mut scene = Scene::set(vec![counter], false).await;
    let name = NodeName::new("counter");
    scene.start("counter").await;
    scene.hears(BackendEvent::Initialised { node: name.clone() }).await;
    scene.says("counter", "start 1").await;
    let output = scene.lines("counter");
    assert_eq!(output[..4], ["one", "two", "genesis", "second"], "{output:?}");
    // The ends of init commands are no ends of the node.
    assert_eq!(scene.heard().len(), 1, "{:?}", scene.heard());

    scene.done(scene.backend.signal(&name, Signal::Kill).await);
    scene.start("counter").await;
    scene.says("counter", "start 2").await;
    assert!(scene.backend.wipe(&name).await.is_err(), "a running node was wiped");
    scene.done(scene.backend.signal(&name, Signal::Kill).await);
    scene.done(scene.backend.wipe(&name).await);
    scene.start("counter").await;
    let again = || scene.lines("counter").iter().filter(|line| line.starts_with("start 1")).count() == 2;
    assert!(crate::scene::eventually(again).await, "{:?}", scene.lines("counter"));
    assert!(scene.lines("counter").last().unwrap().contains(&scene.address("counter").to_string()));
    assert_eq!(scene.lines("counter").iter().filter(|line| *line == "one").count(), 2);
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_init_command_says_why() {
    needs!();
    let mut broken = node("broken", "sleep 1000");
    broken.init = vec![shell("echo the genesis is crooked; exit 4")];
    let scene = Scene::set(vec![broken], false).await;
    let error = told(&scene.backend.start(&NodeName::new("broken")).await.unwrap_err());
    assert!(error.contains("of node broken (busybox) ended with exit code 4"), "{error}");
    assert!(error.contains("the genesis is crooked"), "{error}");
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_is_named() {
    needs!();
    let mut lost = node("lost", "");
    lost.command = vec!["/bin/no-such-client".to_owned(), "--flag".to_owned()];
    let scene = Scene::set(vec![lost], false).await;
    let error = told(&scene.backend.start(&NodeName::new("lost")).await.unwrap_err());
    assert!(error.contains("cannot start node lost (busybox)") && error.contains("/bin/no-such-client"), "{error}");
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_several_networks_are_as_asked_for() {
    needs!();
    let mut sentry = node(
        "sentry",
        "ip -4 -o addr; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max; exec sleep 1000",
    );
    sentry.attachments.push(Attachment { network: NetworkName::new("private"), address: [0, 0, 0, 0].into() });
    sentry.resources = Resources { cpus: Some(0.5), memory: Some(64 << 20) };
    let scene = Scene::set(vec![sentry], false).await;
    scene.start("sentry").await;
    scene.says("sentry", &(64 << 20).to_string()).await;
    for network in &scene.networks {
        let address = std::net::Ipv4Addr::from(u32::from(network.subnet) + 10).to_string();
        scene.says("sentry", &address).await;
    }
    assert_eq!(scene.networks.len(), 2);
    scene.clear().await;
}
