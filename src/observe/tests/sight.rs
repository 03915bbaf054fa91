//! What is told of a node that is started again, that cannot be seen, or that is seen too seldom.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::timeout;

use super::Watched;
use crate::action::{AdapterSpec, HttpJsonAdapter, HttpJsonField, NodeName};
use crate::journal::{SIGHT_PROMISE, What};
use crate::observe::poll_gap;
use crate::observe::stub::{PATIENCE, Reply, Stub};

fn adapter() -> HttpJsonAdapter {
    let field = |pointer: &str| HttpJsonField {
        path: "/status".to_owned(),
        body: None,
        pointer: pointer.to_owned(),
        plus: Vec::new(),
        offset: 0,
    };
    HttpJsonAdapter {
        port: 1,
        height: field("/height"),
        hash: field("/hash"),
        hash_at: None,
        parent_at: None,
        finalized: Some(field("/final")),
        peers: Some(field("/peers")),
        version: Some(field("/version")),
    }
}

fn healthy() -> Reply {
    Reply::json(&json!({"height": 7, "hash": "h7", "final": 7, "peers": 3, "version": "v1"}))
}

/// A node that answers everything alike, its server, and a prober on it.
async fn start(answer: Reply) -> (Arc<Mutex<Reply>>, Arc<Stub>, Watched) {
    let answer = Arc::new(Mutex::new(answer));
    let now = Arc::clone(&answer);
    let stub = Stub::start(move |_| now.lock().expect("no panic").clone()).await;
    let watched = Watched::start(&stub, AdapterSpec::HttpJson(adapter()));
    (answer, stub, watched)
}

fn set(answer: &Mutex<Reply>, reply: Reply) {
    *answer.lock().expect("no panic") = reply;
}

fn words(seen: &[What]) -> Vec<&'static str> {
    let word = |what: &What| match what {
        What::ProbeBack { .. } => "back",
        What::ProbeLost { .. } => "lost",
        What::PollGap { .. } => "gap",
        What::Block(_) => "block",
        What::Head { .. } => "head",
        What::Version { .. } => "version",
        What::Finalized { .. } => "final",
        What::Peers { .. } => "peers",
        other => panic!("{other:?}"),
    };
    seen.iter().map(word).collect()
}

async fn until_peers(watched: &mut Watched) -> Vec<&'static str> {
    words(&watched.until("peers", |what| matches!(what, What::Peers { .. })).await)
}

async fn until_lost(watched: &mut Watched) -> String {
    let seen = watched.until("lost", |what| matches!(what, What::ProbeLost { .. })).await;
    match seen.last() {
        Some(What::ProbeLost { error, .. }) => error.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn after_a_start_everything_is_told_again_though_no_poll_failed() {
    let (_, _, mut watched) = start(healthy()).await;
    assert_eq!(until_peers(&mut watched).await, ["back", "block", "head", "version", "final", "peers"]);
    watched.starts.fetch_add(1, Ordering::Release);
    assert_eq!(until_peers(&mut watched).await, ["head", "version", "final", "peers"]);
    assert_eq!(watched.stop().await.failed, 0);
}

#[tokio::test]
async fn a_node_that_comes_back_into_sight_is_told_of_again() {
    let (answer, _, mut watched) = start(healthy()).await;
    until_peers(&mut watched).await;
    set(&answer, Reply::status(503, "busy"));
    assert!(until_lost(&mut watched).await.contains("503"));
    set(&answer, healthy());
    let told = until_peers(&mut watched).await;
    let told: Vec<_> = told.into_iter().filter(|word| *word != "gap").collect();
    assert_eq!(told, ["back", "head", "version", "final", "peers"]);
}

#[tokio::test]
async fn a_node_that_was_never_seen_is_told_once_for_each_kind_of_reason() {
    let (answer, stub, mut watched) = start(Reply::status(404, "no such page")).await;
    assert!(until_lost(&mut watched).await.contains("status 404"));
    watched.until_failed(3).await;
    assert!(watched.observations.try_recv().is_err(), "once is enough");
    set(&answer, Reply::json(&json!({"other": 1})));
    assert!(until_lost(&mut watched).await.contains("holds no"));
    set(&answer, Reply::status(404, "no such page"));
    watched.until_failed(3).await;
    assert!(watched.observations.try_recv().is_err(), "both are known");
    // A new process is a new story.
    watched.starts.fetch_add(1, Ordering::Release);
    assert!(until_lost(&mut watched).await.contains("status 404"));
    stub.gone(true);
    set(&answer, healthy());
    assert_eq!(watched.stop().await.answered, 0);
}

#[tokio::test]
async fn a_value_that_the_api_no_longer_gives_is_told_again_when_it_does() {
    let (answer, _, mut watched) = start(healthy()).await;
    until_peers(&mut watched).await;
    let asked = watched.prober.statistics().answered;
    set(&answer, Reply::json(&json!({"height": 7, "hash": "h7", "final": 7, "version": "v1"})));
    // Peers are asked once a second.
    timeout(PATIENCE, async {
        while watched.prober.statistics().answered < asked + 80 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("more than a second of answers");
    set(&answer, healthy());
    assert_eq!(until_peers(&mut watched).await, ["peers"]);
}

#[tokio::test]
async fn a_time_without_answers_is_told_when_it_is_over() {
    let (answer, stub, mut watched) = start(healthy()).await;
    until_peers(&mut watched).await;
    stub.gone(true);
    set(&answer, Reply::status(503, "going away"));
    until_lost(&mut watched).await;
    let last = watched.prober.statistics().last_answer.expect("it answered");
    let long = Duration::from_micros(SIGHT_PROMISE) + Duration::from_millis(100);
    timeout(PATIENCE, async {
        while last.elapsed() < long {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("time goes by");
    stub.gone(false);
    set(&answer, healthy());
    let seen = watched.until("head", |what| matches!(what, What::Head { .. })).await;
    let gap = seen.iter().position(|what| matches!(what, What::PollGap { .. })).expect("a gap");
    let back = seen.iter().position(|what| matches!(what, What::ProbeBack { .. })).expect("back");
    assert!(gap < back, "first what was not seen, then what is seen: {seen:?}");
    let What::PollGap { from, to, .. } = &seen[gap] else { panic!("{seen:?}") };
    assert_eq!(*from, (last - watched.origin).as_micros() as u64);
    assert!(to - from >= long.as_micros() as u64 && *to < watched.origin.elapsed().as_micros() as u64);
}

#[test]
fn a_gap_is_longer_than_what_is_promised() {
    let (node, origin) = (NodeName::new("n"), Instant::now());
    let after = |micros| origin + Duration::from_micros(micros);
    assert_eq!(poll_gap(&node, origin, after(5), after(5 + SIGHT_PROMISE)), None);
    let gap = poll_gap(&node, origin, after(5), after(6 + SIGHT_PROMISE));
    assert_eq!(gap, Some(What::PollGap { node: node.clone(), from: 5, to: 6 + SIGHT_PROMISE }));
    assert_eq!(poll_gap(&node, origin, after(9), after(5)), None);
}
