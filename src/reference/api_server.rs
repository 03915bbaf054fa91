//! The HTTP server of the Beacon API. It holds nothing itself: each question goes to the node's loop.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Query as UrlQuery, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::Stream;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::NodeError;
use super::api::{Reply, error_body};
use super::arguments::Settings;

/// How long the node's loop may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A question to the node.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) path: String,
    pub(super) parameters: String,
    pub(super) answer: oneshot::Sender<Reply>,
}

/// News for `/eth/v1/events`.
#[derive(Clone, Debug)]
pub(super) struct ApiEvent {
    pub(super) topic: &'static str,
    pub(super) data: Value,
}

#[derive(Clone)]
struct Shared {
    queries: mpsc::Sender<Query>,
    events: broadcast::Sender<ApiEvent>,
}

/// Opens the port and serves it in the background. Must be called inside the runtime.
pub(super) async fn serve(
    settings: &Settings,
    queries: mpsc::Sender<Query>,
    events: broadcast::Sender<ApiEvent>,
) -> Result<(), NodeError> {
    let address = (settings.arguments.http_address, settings.arguments.http_port);
    let listener = TcpListener::bind(address).await.map_err(|error| NodeError::Listen {
        address: format!("{}:{}", address.0, address.1),
        reason: error.to_string(),
    })?;
    let router =
        Router::new().route("/eth/v1/events", get(stream)).fallback(ask).with_state(Shared { queries, events });
    tokio::spawn(async move {
        // The server only ends with the process.
        let _ = axum::serve(listener, router).await;
    });
    Ok(())
}

fn respond(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), Json(body)).into_response()
}

async fn ask(State(shared): State<Shared>, method: Method, uri: Uri) -> Response {
    if method != Method::GET {
        return respond(405, error_body(405, "only GET is served"));
    }
    let (answer, reply) = oneshot::channel();
    let query = Query { path: uri.path().to_owned(), parameters: uri.query().unwrap_or_default().to_owned(), answer };
    let exchange = async {
        shared.queries.send(query).await.ok()?;
        reply.await.ok()
    };
    match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(Some(Reply { status, body: Value::Null })) => {
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }
        Ok(Some(Reply { status, body })) => respond(status, body),
        Ok(None) | Err(_) => respond(503, error_body(503, "the node is stopping or overloaded")),
    }
}

#[derive(serde::Deserialize)]
struct Topics {
    #[serde(default)]
    topics: String,
}

const TOPICS: [&str; 4] = ["head", "block", "finalized_checkpoint", "chain_reorg"];

async fn stream(State(shared): State<Shared>, UrlQuery(wanted): UrlQuery<Topics>) -> Response {
    let topics: BTreeSet<String> =
        wanted.topics.split(',').map(str::to_owned).filter(|word| !word.is_empty()).collect();
    if topics.is_empty() || topics.iter().any(|topic| !TOPICS.contains(&topic.as_str())) {
        let message = format!("topics must be some of {}, separated by commas", TOPICS.join(", "));
        return respond(400, error_body(400, &message));
    }
    Sse::new(news(shared.events.subscribe(), topics)).keep_alive(KeepAlive::default()).into_response()
}

fn news(
    events: broadcast::Receiver<ApiEvent>,
    topics: BTreeSet<String>,
) -> impl Stream<Item = Result<Event, Infallible>> {
    futures::stream::unfold((events, topics), |(mut events, topics)| async {
        loop {
            match events.recv().await {
                Ok(event) if topics.contains(event.topic) => {
                    let event = Event::default().event(event.topic).data(event.data.to_string());
                    return Some((Ok(event), (events, topics)));
                }
                // A listener that is too slow misses news; it is told of the next.
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    })
}
