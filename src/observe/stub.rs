//! Nodes that a test scripts: real sockets on loopback, answers from a function or raw bytes.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use super::Dial;
use crate::action::NodeName;

/// A request as a script sees it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) authorization: Option<String>,
}

/// What a script answers.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// The answer never comes.
    pub(crate) hang: bool,
}

impl Reply {
    pub(crate) fn json(value: &Value) -> Self {
        Self { status: 200, body: value.to_string().into_bytes(), hang: false }
    }

    pub(crate) fn status(status: u16, text: &str) -> Self {
        Self { status, body: text.as_bytes().to_vec(), hang: false }
    }

    pub(crate) fn hang() -> Self {
        Self { status: 200, body: Vec::new(), hang: true }
    }
}

type Script = Arc<dyn Fn(Asked) -> Reply + Send + Sync>;

/// A listening node and the way to it.
pub(crate) struct Stub {
    address: SocketAddr,
    /// Connections that were opened to it.
    dials: AtomicUsize,
    /// Requests that it saw.
    asked: Arc<Mutex<Vec<Asked>>>,
    /// No connection can be opened, as if the process were gone.
    gone: AtomicBool,
    /// So many further connections are refused, as if the process were still starting.
    late: AtomicUsize,
    _server: AbortOnDropHandle<()>,
}

impl Stub {
    /// An HTTP server that answers by the script.
    pub(crate) async fn start(script: impl Fn(Asked) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let state: (Script, Arc<Mutex<Vec<Asked>>>) = (Arc::new(script), Arc::clone(&asked));
        let app = Router::new().fallback(answer).with_state(state);
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("serving") });
        Self::at(address, asked, server)
    }

    /// A server that reads a little, writes these bytes and closes, for each connection.
    pub(crate) async fn raw(bytes: &'static [u8]) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("address");
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut ignored = [0; 4096];
                let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut ignored).await;
                let _ = stream.write_all(bytes).await;
                let _ = stream.shutdown().await;
            }
        });
        Self::at(address, Arc::default(), server)
    }

    fn at(address: SocketAddr, asked: Arc<Mutex<Vec<Asked>>>, server: tokio::task::JoinHandle<()>) -> Arc<Self> {
        let (dials, late, gone) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { address, dials, asked, gone, late, _server: AbortOnDropHandle::new(server) })
    }

    pub(crate) fn dialler(self: &Arc<Self>) -> Arc<dyn Dial> {
        Arc::new(Loopback(Arc::clone(self)))
    }

    pub(crate) fn dials(&self) -> usize {
        self.dials.load(Ordering::SeqCst)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn late_by(&self, dials: usize) {
        self.late.store(dials, Ordering::SeqCst);
    }

    pub(crate) fn gone(&self, gone: bool) {
        self.gone.store(gone, Ordering::SeqCst);
    }
}

struct Loopback(Arc<Stub>);

impl Dial for Loopback {
    fn dial<'a>(&'a self, _: &'a NodeName, _: u16) -> BoxFuture<'a, io::Result<TcpStream>> {
        Box::pin(async {
            let late = self.0.late.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if late.is_ok() || self.0.gone.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            self.0.dials.fetch_add(1, Ordering::SeqCst);
            TcpStream::connect(self.0.address).await
        })
    }
}

async fn answer(
    State((script, seen)): State<(Script, Arc<Mutex<Vec<Asked>>>)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let asked = Asked { method: method.to_string(), path: uri.to_string(), body, authorization };
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
    let reply = script(asked);
    if reply.hang {
        std::future::pending::<()>().await;
    }
    (StatusCode::from_u16(reply.status).expect("a status"), reply.body).into_response()
}

/// A deadline for whatever a test waits for: generous, because it is met only by a broken program.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
