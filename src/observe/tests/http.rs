//! The HTTP client: re-use, deadlines, limits, broken servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::action::NodeName;
use crate::observe::http::{Http, HttpError};
use crate::observe::stub::{PATIENCE, Reply, Stub};

fn client(stub: &Arc<Stub>) -> Http {
    Http::new(stub.dialler(), NodeName::new("n"), 1)
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let stub = Stub::start(|_| Reply::json(&json!({"fine": true}))).await;
    let mut http = client(&stub);
    for _ in 0..5 {
        assert_eq!(http.get_ok("/x", PATIENCE).await.expect("an answer"), r#"{"fine":true}"#);
    }
    assert_eq!(stub.dials(), 1);
}

#[tokio::test]
async fn a_server_that_closes_after_each_answer_is_dialled_again() {
    let stub = Stub::raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await;
    let mut http = client(&stub);
    for _ in 0..20 {
        assert_eq!(http.get_ok("/", PATIENCE).await.expect("an answer"), "hi");
    }
    assert!(stub.dials() >= 20);
}

#[tokio::test]
async fn a_deadline_ends_a_request_and_the_next_one_is_answered() {
    let hangs = Arc::new(AtomicBool::new(true));
    let script = Arc::clone(&hangs);
    let stub = Stub::start(move |asked| {
        if asked.path == "/slow" && script.load(Ordering::SeqCst) {
            Reply::hang()
        } else {
            Reply::status(200, &asked.path)
        }
    })
    .await;
    let mut http = client(&stub);
    assert_eq!(http.get_ok("/before", PATIENCE).await.expect("an answer"), "/before");
    let started = Instant::now();
    let error = http.get("/slow", Duration::from_millis(50)).await.expect_err("a deadline");
    assert_eq!(error.to_string(), "no answer to GET /slow within 50 ms");
    assert!(!error.nothing_was_sent());
    assert!(started.elapsed() < PATIENCE / 2);
    // The late answer to the slow request must not come out here.
    hangs.store(false, Ordering::SeqCst);
    assert_eq!(http.get_ok("/after", PATIENCE).await.expect("an answer"), "/after");
    assert_eq!(stub.dials(), 2);
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_read() {
    let stub = Stub::start(|_| Reply::status(200, &"x".repeat(100_000))).await;
    let error = client(&stub).body_limit(99_999).get("/", PATIENCE).await.expect_err("too long");
    assert!(matches!(error, HttpError::TooLong { limit: 99_999, .. }), "{error}");
    assert!(client(&stub).body_limit(100_000).get("/", PATIENCE).await.is_ok());
}

#[tokio::test]
async fn an_endless_body_ends_at_the_limit() {
    let stub = Stub::raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n8\r\n12345678\r\n8\r\n12345678\r\n",
    )
    .await;
    let error = client(&stub).body_limit(10).get("/", PATIENCE).await.expect_err("too long");
    assert!(matches!(error, HttpError::TooLong { .. }), "{error}");
}

#[tokio::test]
async fn garbage_and_torn_answers_are_errors_with_a_reason() {
    for bytes in [&b"220 smtp.example ESMTP\r\n"[..], b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"] {
        let stub = Stub::raw(bytes).await;
        let error = client(&stub).get("/", PATIENCE).await.expect_err("no answer");
        assert!(matches!(error, HttpError::Broken { .. }), "{error}");
        assert!(error.to_string().starts_with("GET / failed: "), "{error}");
    }
}

#[tokio::test]
async fn nobody_listening_is_told_as_such() {
    let stub = Stub::start(|_| Reply::status(200, "")).await;
    stub.gone(true);
    let error = client(&stub).get("/", PATIENCE).await.expect_err("refused");
    assert_eq!(error.to_string(), "cannot connect to port 1: connection refused");
    assert!(error.nothing_was_sent());
}

#[tokio::test]
async fn another_status_is_an_error_where_one_answer_is_expected() {
    let stub = Stub::start(|_| Reply::status(503, "not yet\nready")).await;
    let error = client(&stub).get_ok("/health", PATIENCE).await.expect_err("a status");
    assert_eq!(error.to_string(), "GET /health was answered with status 503 and `not yet ready`");
    assert_eq!(client(&stub).get("/health", PATIENCE).await.expect("an answer").status, 503);
}

#[tokio::test]
async fn a_path_that_is_none_is_refused_before_anything_is_sent() {
    let stub = Stub::start(|_| Reply::status(200, "")).await;
    for path in ["", "x", "/a b", "http://elsewhere/"] {
        let error = client(&stub).get(path, PATIENCE).await.expect_err("no path");
        assert!(matches!(error, HttpError::Path { .. }), "{path}: {error}");
    }
    assert_eq!(stub.dials(), 0);
}
