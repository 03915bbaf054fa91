//! A node of a sealed network reaches nothing of the engine's machine, and asks nobody there for names. With a way out it
//! does both, which shows that this test could fail.

use std::process::Stdio;

use splitbrain::action::RunId;
use tokio::process::Command;

use crate::own_engine::{OwnEngine, SERVICE};
use crate::scene::{BUSYBOX, PATIENCE, Scene, eventually, fresh_run, node};

/// Tells a copy of this program to play the nodes, on another engine than its parent's.
const PART: &str = "SPLITBRAIN_TEST_SEAL";

/// A name that nobody has. With a dot: some engines never hand on names without one.
const SECRET: &str = "secret-of-the-run.example.com";

/// What the node tries, in order: its gateway by TCP and UDP, a datagram to everybody (a question for an address by DHCP),
/// a name of the outside, and the name of another node.
fn script() -> String {
    format!(
        "g=$(hostname -i | sed 's/[0-9]*\\.[0-9]*$/0.1/'); \
         nc -w 2 $g {SERVICE} </dev/null; timeout 2 tftp -g -r file -l /file $g {SERVICE}; \
         udhcpc -n -q -f -t 1 -T 1 -i eth0 -s /bin/busybox; \
         start=$(date +%s); nslookup {SECRET} >/dev/null 2>&1; wget -T 9 -q -O /dev/null http://{SECRET}/ 2>/dev/null; \
         echo asked for $(($(date +%s) - start)) s; \
         until ping -c 1 -W 1 target >/dev/null 2>&1; do :; done; echo name of a node answers; \
         echo all tried; exec sleep 1000"
    )
}

/// No test of its own: plays the nodes on the engine that `DOCKER_HOST` names, until all is tried.
#[tokio::test(flavor = "multi_thread")]
async fn actor() {
    let Ok(part) = std::env::var(PART) else { return };
    let (run, way_out, wired) = match part.split(' ').collect::<Vec<_>>()[..] {
        [run, way_out, wired] => (RunId::new(run), way_out == "open", wired == "wired"),
        _ => panic!("{part}"),
    };
    let nodes = vec![node("target", "sleep 1000"), node("asker", &script())];
    let scene = Scene::on(run, nodes, wired, way_out).await;
    for name in ["target", "asker"] {
        scene.start(name).await;
    }
    scene.says("asker", "all tried").await;
    println!("\n{}", scene.lines("asker").join("\n"));
    scene.clear().await;
    println!("cleared");
}

/// An ordinary user: `nobody` of most machines.
const NOBODY: &str = "65534";

/// Played by a user who may use the engine and nothing else of the machine. No wire can be made for them.
const MEMBER: &str = "member sealed plain";

async fn play(engine: &OwnEngine, how: &str) -> String {
    let program = std::env::current_exe().unwrap();
    let command = match how {
        MEMBER => {
            let mut command = Command::new("nsenter");
            command.arg(format!("--net={}", engine.network())).arg("setpriv");
            command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(program);
            command
        }
        _ => Command::new(program),
    };
    let (success, text) = finish(engine, how, command).await;
    assert!(success && text.contains("cleared"), "{text}");
    text
}

async fn member_can_play() -> bool {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(program).arg("--list");
    let runs = command.output().await.is_ok_and(|output| output.status.success());
    runs && ["/usr/sbin/nft", "/sbin/nft"].iter().any(|nft| std::path::Path::new(nft).exists())
}

async fn finish(engine: &OwnEngine, how: &str, mut command: Command) -> (bool, String) {
    let output = command
        .args(["seal::actor", "--exact", "--nocapture", "--test-threads=1"])
        .env(PART, format!("{} {}", fresh_run(), how.trim_start_matches("member ")))
        .env("DOCKER_HOST", engine.host())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE * 3, output).await.expect("the actor ends").unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_node_reaches_nothing_of_the_machine() {
    if !std::path::Path::new(BUSYBOX).exists() {
        eprintln!("SKIPPED: {BUSYBOX} is missing (Debian: `apt-get install busybox-static`)");
        return;
    }
    let started = tokio::task::spawn_blocking(OwnEngine::start).await.unwrap();
    let engine = match started {
        Ok(engine) => engine,
        Err(reason) => {
            eprintln!("SKIPPED: {reason}");
            return;
        }
    };
    let open = play(&engine, "open plain").await;
    let heard = engine.heard();
    let there = |what: &str| heard.iter().any(|line| line.contains(what));
    for wanted in ["connection from", "datagram from", "broadcast from", SECRET] {
        assert!(there(wanted), "with a way out nobody heard a {wanted}: {heard:#?}\n{open}");
    }
    assert!(open.contains("welcome"), "{open}");

    engine.for_everybody();
    let member = member_can_play().await;
    for how in ["sealed plain", "sealed wired", MEMBER] {
        if how == MEMBER && !member {
            eprintln!("SKIPPED: another user cannot run this test's program here, or there is no `nft`");
            continue;
        }
        let before = engine.heard().len();
        let text = play(&engine, how).await;
        // What the nodes sent has arrived by the time that they are gone, or never will.
        assert!(!eventually_more(&engine, before).await, "{how}: {:#?}\n{text}", &engine.heard()[before..]);
        assert!(!text.contains("welcome"), "{how}: {text}");
        assert!(text.contains("name of a node answers"), "{how}: {text}");
        let asked =
            text.lines().find_map(|line| line.strip_prefix("asked for ")?.strip_suffix(" s")?.parse::<u32>().ok());
        assert!(asked.is_some_and(|seconds| seconds < 12), "{how}: questions hang: {text}");
    }
    if !member {
        return;
    }
    // The same user outside of the engine's network: the nodes are not blamed for not being heard.
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(std::env::current_exe().unwrap());
    let (success, text) = finish(&engine, MEMBER, command).await;
    assert!(!success && text.contains("nodes cannot be asked from here: network main of the engine at "), "{text}");
    tokio::task::spawn_blocking(move || drop(engine)).await.unwrap();
}

/// Whether something more is heard.
async fn eventually_more(engine: &OwnEngine, before: usize) -> bool {
    let more = || engine.heard().len() > before;
    tokio::time::timeout(std::time::Duration::from_secs(2), eventually(more)).await.unwrap_or(false)
}
