//! JSON-RPC, single calls, batches, and the engine's `call`.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use crate::action::{Login, NodeName, RpcSpec};
use crate::observe::http::Http;
use crate::observe::json_rpc::{self, RpcError};
use crate::observe::stub::{PATIENCE, Reply, Stub};

fn client(stub: &Arc<Stub>) -> Http {
    Http::new(stub.dialler(), NodeName::new("n"), 1)
}

async fn answered(answer: &'static str) -> Result<Value, RpcError> {
    let stub = Stub::start(move |_| Reply::status(200, answer)).await;
    json_rpc::call(&mut client(&stub), "m", &[], PATIENCE).await
}

#[tokio::test]
async fn results_and_refusals() {
    assert_eq!(answered(r#"{"jsonrpc":"2.0","id":1,"result":[1]}"#).await.expect("a result"), json!([1]));
    assert_eq!(answered(r#"{"id":1,"result":null}"#).await.expect("a result"), Value::Null);
    assert_eq!(answered(r#"{"id":1,"result":7,"error":null}"#).await.expect("a result"), json!(7));
    let refused =
        answered(r#"{"id":1,"error":{"code":-32601,"message":"no such method"}}"#).await.expect_err("refused");
    assert_eq!(refused.to_string(), "m was refused: no such method (code -32601)");
    assert!(!refused.nothing_was_sent());
}

#[tokio::test]
async fn what_is_no_answer_is_told_with_its_beginning() {
    for garbage in ["<html>hello</html>", "[]", "7", "{}", r#"{"id":2,"result":1}"#, r#"{"id":1}"#, ""] {
        let error = answered(garbage).await.expect_err("garbage");
        assert!(matches!(error, RpcError::Garbage { .. }), "{garbage}: {error}");
        assert!(error.to_string().starts_with("the answer to m is no JSON-RPC answer (status 200): "), "{error}");
    }
}

#[tokio::test]
async fn a_batch_is_put_in_order_and_each_call_has_its_own_fate() {
    let stub = Stub::start(|asked| {
        assert_eq!(asked.method, "POST");
        assert_eq!(asked.body[1]["params"], json!(["x"]));
        Reply::json(&json!([
            {"id": 2, "error": {"code": 5, "message": "no"}},
            {"id": 0, "result": "first"},
        ]))
    })
    .await;
    let calls = [("a", vec![]), ("b", vec![json!("x")]), ("c", vec![])];
    let answers = json_rpc::batch(&mut client(&stub), &calls, PATIENCE).await.expect("a batch");
    assert_eq!(answers[0].as_ref().expect("a result"), "first");
    assert!(matches!(&answers[1], Err(RpcError::Garbage { method, .. }) if method == "b"));
    assert!(matches!(&answers[2], Err(RpcError::Refused { code: 5, .. })));
}

#[tokio::test]
async fn calls_wait_for_a_node_that_does_not_listen_yet() {
    let stub = Stub::start(|_| Reply::json(&json!({"id": 1, "result": true}))).await;
    stub.late_by(3);
    let (dial, node) = (stub.dialler(), NodeName::new("n"));
    let deadline = Instant::now() + PATIENCE;
    let answer =
        crate::observe::call(&dial, &node, &RpcSpec::at(1), "admin_addPeer", &[json!("enode://…")], deadline).await;
    assert_eq!(answer.expect("an answer"), json!(true));
    assert_eq!(stub.asked().len(), 1);
}

#[tokio::test]
async fn calls_are_never_sent_twice() {
    let stub = Stub::raw(b"").await;
    let (dial, node) = (stub.dialler(), NodeName::new("n"));
    let error = crate::observe::call(&dial, &node, &RpcSpec::at(1), "m", &[], Instant::now() + PATIENCE)
        .await
        .expect_err("torn");
    assert!(!error.nothing_was_sent(), "{error}");
    assert_eq!(stub.dials(), 1);
}

#[tokio::test]
async fn calls_end_at_their_deadline_with_the_last_error() {
    let stub = Stub::start(|_| Reply::status(200, "")).await;
    stub.gone(true);
    let (dial, node) = (stub.dialler(), NodeName::new("n"));
    let deadline = Instant::now() + std::time::Duration::from_millis(200);
    let error =
        crate::observe::call(&dial, &node, &RpcSpec::at(8545), "m", &[], deadline).await.expect_err("nobody there");
    assert_eq!(error.to_string(), "cannot connect to port 8545: connection refused");
    assert!(Instant::now() < deadline + PATIENCE);
}

#[tokio::test]
async fn a_call_goes_to_its_path_with_its_login_and_only_once() {
    let stub =
        Stub::start(|_| Reply::status(500, r#"{"result":null,"error":{"code":-5,"message":"no"},"id":1}"#)).await;
    let (dial, node) = (stub.dialler(), NodeName::new("n"));
    let login = Some(Login { user: "Aladdin".to_owned(), password: "open sesame".to_owned() });
    let rpc = RpcSpec { port: 1, path: "/json_rpc".to_owned(), login };
    let refused = crate::observe::call_once(&dial, &node, &rpc, "m", &[json!(1)], PATIENCE).await.expect_err("refused");
    // A 1.0 server says no with status 500, which is an answer all the same.
    assert!(matches!(refused, RpcError::Refused { code: -5, .. }), "{refused}");
    let asked = stub.asked();
    assert_eq!((asked.len(), asked[0].path.as_str()), (1, "/json_rpc"));
    // The example of RFC 7617, section 2.
    assert_eq!(asked[0].authorization.as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    stub.gone(true);
    let error =
        crate::observe::call_once(&dial, &node, &rpc, "m", &json!([]), PATIENCE).await.expect_err("nobody there");
    assert!(error.nothing_was_sent(), "{error}");
}
