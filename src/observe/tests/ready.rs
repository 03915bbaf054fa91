//! Readiness.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::action::{NodeName, ReadySpec};
use crate::observe::ready;
use crate::observe::stub::{PATIENCE, Reply, Stub};

fn spec(path: Option<&str>) -> ReadySpec {
    ReadySpec { port: Some(9), path: path.map(str::to_owned), within: PATIENCE }
}

#[tokio::test]
async fn an_open_port_is_enough_without_a_path() {
    let stub = Stub::raw(b"").await;
    let node = NodeName::new("n");
    ready(&node, &spec(None), &stub.dialler(), Instant::now() + PATIENCE).await.expect("ready");
    assert_eq!(stub.dials(), 1);
}

#[tokio::test]
async fn a_path_must_answer_with_200() {
    let count = AtomicUsize::new(0);
    let stub = Stub::start(move |asked| {
        assert_eq!(asked.path, "/eth/v1/node/health");
        if count.fetch_add(1, Ordering::SeqCst) < 3 { Reply::status(503, "") } else { Reply::status(200, "") }
    })
    .await;
    let node = NodeName::new("n");
    let spec = spec(Some("/eth/v1/node/health"));
    let took = ready(&node, &spec, &stub.dialler(), Instant::now() + PATIENCE).await.expect("ready");
    assert_eq!(stub.asked().len(), 4);
    assert!(took >= Duration::from_millis(100), "three pauses between four attempts: {took:?}");
}

#[tokio::test]
async fn who_is_never_ready_is_told_with_the_last_state() {
    let stub = Stub::start(|_| Reply::status(503, "syncing")).await;
    let node = NodeName::new("n");
    let deadline = Instant::now() + Duration::from_millis(200);
    let error = ready(&node, &spec(Some("/health")), &stub.dialler(), deadline).await.expect_err("never");
    assert_eq!(error.last, "GET /health was answered with status 503 and `syncing`");
    assert!(error.waited >= Duration::from_millis(150) && error.waited < PATIENCE);
}

#[tokio::test]
async fn a_closed_port_is_told_as_such() {
    let stub = Stub::raw(b"").await;
    stub.gone(true);
    let deadline = Instant::now() + Duration::from_millis(120);
    let error = ready(&NodeName::new("n"), &spec(None), &stub.dialler(), deadline).await.expect_err("never");
    assert_eq!(error.last, "cannot connect to port 9: connection refused");
}

#[tokio::test]
async fn a_deadline_in_the_past_ends_at_once() {
    let stub = Stub::raw(b"").await;
    let error = ready(&NodeName::new("n"), &spec(None), &stub.dialler(), Instant::now()).await.expect_err("too late");
    assert_eq!(error.last, "nothing was tried before the deadline");
}
