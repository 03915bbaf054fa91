//! Packets between containers pass our wire, and nothing else.

use splitbrain::action::{Capability, NetworkName, NodeName, Signal};

use crate::needs;
use crate::scene::{Scene, cut, fresh_run, node};

/// Says `up` or `down` as the other node answers or not.
const PINGING: &str =
    "while :; do if ping -c 1 -W 1 ADDRESS_target >/dev/null 2>&1; then echo up; else echo down; fi; sleep 0.1; done";

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_stops_packets_and_its_end_lets_them_through() {
    needs!(Capability::Wire);
    let scene = Scene::set(vec![node("target", "sleep 1000"), node("pinger", PINGING)], true).await;
    for name in ["target", "pinger"] {
        scene.start(name).await;
    }
    for _ in 0..3 {
        scene.comes_to_say("pinger", "up").await;
        scene.links(&cut(0, 1));
        scene.comes_to_say("pinger", "down").await;
        scene.links(&[]);
    }
    scene.comes_to_say("pinger", "up").await;
    let counters = scene.backend.link_counters();
    let one = counters.iter().find(|link| link.from == 1 && link.to == 0).expect("a counter for pinger to target");
    assert!(one.packets > 0 && one.cut > 0, "{one:?}");
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engines_names_stay_reachable_and_so_does_the_gateway_of_a_way_out() {
    needs!(Capability::Wire);
    let script = "g=$(hostname -i | sed 's/[0-9]*\\.[0-9]*$/0.1/'); \
                  while ! ping -c 1 -W 1 $g >/dev/null; do :; done; echo gateway up; \
                  until ping -c 1 -W 1 target >/dev/null; do :; done; echo name up; exec sleep 1000";
    let nodes = vec![node("target", "sleep 1000"), node("asker", script)];
    let scene = Scene::on(fresh_run(), nodes, true, true).await;
    for name in ["target", "asker"] {
        scene.start(name).await;
    }
    scene.links(&cut(0, 1));
    scene.says("asker", "gateway up").await;
    scene.links(&[]);
    scene.says("asker", "name up").await;
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_outlives_restart_and_reconnect() {
    needs!(Capability::Wire);
    let scene = Scene::set(vec![node("target", "sleep 1000"), node("pinger", PINGING)], true).await;
    let (target, main) = (NodeName::new("target"), NetworkName::new("main"));
    for name in ["target", "pinger"] {
        scene.start(name).await;
    }
    scene.comes_to_say("pinger", "up").await;
    scene.links(&cut(0, 1));
    scene.comes_to_say("pinger", "down").await;
    scene.done(scene.backend.signal(&target, Signal::Kill).await);
    scene.start("target").await;
    let before = scene.lines("pinger").len();
    scene.done(scene.backend.detach(&target, &main).await);
    scene.done(scene.backend.attach(&target, &main).await);
    scene.comes_to_say("pinger", "down").await;
    scene.comes_to_say("pinger", "down").await;
    let after = scene.lines("pinger")[before..].to_vec();
    assert!(after.iter().all(|line| line == "down"), "{after:?}");
    scene.links(&[]);
    scene.comes_to_say("pinger", "up").await;
    scene.clear().await;
}

/// The shouter pings from its first moment on, long before anything could be put into its namespace, in every start;
/// the hearer says how many pings its kernel took in.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_in_a_partition_leaks_nothing() {
    needs!(Capability::Wire);
    let shouting = "n=0; while [ $n -lt 30 ]; do n=$((n+1)); ping -c 3 -W 1 -i 0.2 ADDRESS_hearer >/dev/null 2>&1 & \
                    usleep 5000; done; wait; echo all sent; exec sleep 1000";
    let hearing = "while :; do awk '/^Icmp:/{if(!h){h=1;split($0,n)}else{for(i in n)if(n[i]==\"InEchos\")print \"pings \" $i}}' \
                   /proc/net/snmp; sleep 0.1; done";
    let scene = Scene::set(vec![node("hearer", hearing), node("shouter", shouting)], true).await;
    scene.start("hearer").await;
    scene.says("hearer", "pings 0").await;
    scene.links(&cut(0, 1));
    for round in 1..=3 {
        scene.start("shouter").await;
        let sent = || scene.lines("shouter").iter().filter(|line| *line == "all sent").count() == round;
        assert!(crate::scene::eventually(sent).await, "{:?}", scene.lines("shouter"));
        scene.done(scene.backend.signal(&NodeName::new("shouter"), Signal::Kill).await);
    }
    scene.comes_to_say("hearer", "pings").await;
    assert_eq!(scene.lines("hearer").last().map(String::as_str), Some("pings 0"), "something leaked");
    // The same without a partition does arrive: the hearer is not deaf.
    scene.links(&[]);
    scene.start("shouter").await;
    let heard = || scene.lines("hearer").last().is_some_and(|line| line != "pings 0");
    assert!(crate::scene::eventually(heard).await, "{:?}", scene.lines("hearer").last());
    scene.clear().await;
}
