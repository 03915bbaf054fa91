//! When a node counts as ready: its port takes a connection and, if a path is asked for, answers it with status 200. A
//! node without a port is ready as soon as its process runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::http::Http;
use super::{Dial, RETRY_EVERY};
use crate::action::{NodeName, ReadySpec};

/// Longest time that one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(2);

/// A node was not ready in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not ready after {:.1} s: {last}", .waited.as_secs_f64())]
pub struct NotReady {
    /// How long it was waited for.
    pub waited: Duration,
    /// What the last attempt met.
    pub last: String,
}

/// Waits until the node is ready, or until the deadline. Returns how long it took.
pub async fn ready(
    node: &NodeName,
    spec: &ReadySpec,
    dial: &Arc<dyn Dial>,
    deadline: Instant,
) -> Result<Duration, NotReady> {
    let started = Instant::now();
    let mut pace = tokio::time::interval(RETRY_EVERY);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = "nothing was tried before the deadline".to_owned();
    loop {
        pace.tick().await;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(NotReady { waited: started.elapsed(), last });
        }
        match attempt(node, spec, dial, left.min(ATTEMPT)).await {
            Ok(()) => return Ok(started.elapsed()),
            // An attempt that the deadline itself cut short says less than the one before it.
            Err(why) if left >= ATTEMPT || last.starts_with("nothing") => last = why,
            Err(_) => {}
        }
    }
}

async fn attempt(node: &NodeName, spec: &ReadySpec, dial: &Arc<dyn Dial>, within: Duration) -> Result<(), String> {
    let Some(port) = spec.port else { return Ok(()) };
    match &spec.path {
        Some(path) => {
            let mut http = Http::new(Arc::clone(dial), node.clone(), port);
            http.get_ok(path, within).await.map(drop).map_err(|error| error.to_string())
        }
        None => match timeout(within, dial.dial(node, port)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("cannot connect to port {port}: {error}")),
            Err(_) => Err(format!("no connection to port {port} within {} ms", within.as_millis())),
        },
    }
}
