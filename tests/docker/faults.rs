//! Pause, disconnect, probes.

use std::time::Duration;

use splitbrain::action::{NetworkName, NodeName, Signal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::needs;
use crate::scene::{Scene, exited, node};

const TICKING: &str = "while :; do echo tick; sleep 0.1; done";

/// Says `up` or `down` as the other node answers or not.
const ASKING: &str =
    "while :; do if ping -c 1 -W 1 ADDRESS_server >/dev/null 2>&1; then echo up; else echo down; fi; sleep 0.1; done";

const SERVING: &str = "mkdir -p /www; echo hello >/www/index.html; echo $(hostname -i); exec httpd -f -p 8080 -h /www";

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_node_stands_still_and_goes_on() {
    needs!();
    let mut scene = Scene::set(vec![node("clock", TICKING)], false).await;
    let name = NodeName::new("clock");
    scene.start("clock").await;
    scene.comes_to_say("clock", "tick").await;
    scene.done(scene.backend.signal(&name, Signal::Pause).await);
    // What was printed before the freeze may still be on its way; after that, silence.
    let mut before = scene.lines("clock").len();
    let mut still = 0;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = scene.lines("clock").len();
        still = if now == before { still + 1 } else { 0 };
        before = now;
        if still == 10 {
            break;
        }
    }
    assert_eq!(still, 10, "a paused node went on");
    scene.done(scene.backend.signal(&name, Signal::Resume).await);
    scene.comes_to_say("clock", "tick").await;
    // A paused node can be killed, and stopped.
    scene.done(scene.backend.signal(&name, Signal::Pause).await);
    scene.done(scene.backend.signal(&name, Signal::Kill).await);
    scene.hears(exited("clock", None, Some(9))).await;
    scene.start("clock").await;
    scene.comes_to_say("clock", "tick").await;
    scene.done(scene.backend.signal(&name, Signal::Pause).await);
    scene.done(scene.backend.signal(&name, Signal::Stop).await);
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnected_node_comes_back_with_its_address() {
    needs!();
    let scene =
        Scene::set(vec![node("first", "sleep 1000"), node("server", SERVING), node("asker", ASKING)], false).await;
    let (server, main) = (NodeName::new("server"), NetworkName::new("main"));
    for name in ["server", "asker"] {
        scene.start(name).await;
    }
    scene.comes_to_say("asker", "up").await;
    for _ in 0..2 {
        scene.done(scene.backend.detach(&server, &main).await);
        scene.comes_to_say("asker", "down").await;
        scene.done(scene.backend.attach(&server, &main).await);
        scene.comes_to_say("asker", "up").await;
    }
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_while_disconnected_stays_so() {
    needs!();
    let scene = Scene::set(vec![node("server", SERVING), node("asker", ASKING)], false).await;
    let (server, main) = (NodeName::new("server"), NetworkName::new("main"));
    for name in ["server", "asker"] {
        scene.start(name).await;
    }
    scene.comes_to_say("asker", "up").await;
    scene.done(scene.backend.detach(&server, &main).await);
    scene.done(scene.backend.signal(&server, Signal::Kill).await);
    scene.start("server").await;
    scene.comes_to_say("asker", "down").await;
    scene.done(scene.backend.signal(&server, Signal::Kill).await);
    scene.done(scene.backend.wipe(&server).await);
    scene.start("server").await;
    scene.comes_to_say("asker", "down").await;
    scene.done(scene.backend.attach(&server, &main).await);
    scene.comes_to_say("asker", "up").await;
    scene.clear().await;
}

async fn greeting(scene: &Scene) -> std::io::Result<String> {
    let mut stream = scene.backend.dial(&NodeName::new("server"), 8080).await?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_sees_a_node_that_is_cut_off() {
    needs!(splitbrain::action::Capability::Wire);
    let scene = Scene::set(vec![node("server", SERVING)], true).await;
    scene.start("server").await;
    scene.says("server", &scene.address("server").to_string()).await;
    let answers = || async { greeting(&scene).await.is_ok_and(|answer| answer.contains("hello")) };
    let mut tries = 0;
    while !answers().await {
        tries += 1;
        assert!(tries < 100, "the server never answered");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    scene.done(scene.backend.detach(&NodeName::new("server"), &NetworkName::new("main")).await);
    assert!(answers().await, "the probe shares the node's fate");
    scene.done(scene.backend.signal(&NodeName::new("server"), Signal::Kill).await);
    assert!(greeting(&scene).await.is_err(), "a dead node answered");
    scene.clear().await;
}
