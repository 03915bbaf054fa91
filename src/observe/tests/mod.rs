//! Tests of the room over real sockets on loopback.

mod beacon;
mod bitcoin;
mod cometbft;
mod execution;
mod http;
mod http_json;
mod json_rpc;
mod ready;
mod sight;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::stub::{PATIENCE, Stub};
use super::{Observation, PollStatistics, Prober, ProberSetup};
use crate::action::{AdapterSpec, NodeName};
use crate::journal::What;

/// A prober on a stub and what it tells.
struct Watched {
    prober: Prober,
    observations: mpsc::Receiver<Observation>,
    cancel: CancellationToken,
    /// Raised by a test that starts the node again.
    starts: Arc<AtomicU64>,
    origin: Instant,
    seen: Vec<What>,
}

impl Watched {
    fn start(stub: &Arc<Stub>, adapter: AdapterSpec) -> Self {
        Self::with_deadline(stub, adapter, Duration::from_secs(3))
    }

    fn with_deadline(stub: &Arc<Stub>, adapter: AdapterSpec, deadline: Duration) -> Self {
        let (sender, observations) = mpsc::channel(16);
        let cancel = CancellationToken::new();
        let interval = Duration::from_millis(20);
        let (node, origin, starts) = (NodeName::new("n"), Instant::now(), Arc::new(AtomicU64::new(1)));
        let (count, ends) = (Arc::clone(&starts), cancel.clone());
        let setup = ProberSetup { node, adapter, interval, origin, starts: count, sender, cancel: ends };
        let prober = Prober::spawn_with_deadline(setup, stub.dialler(), deadline);
        Self { prober, observations, cancel, starts, origin, seen: Vec::new() }
    }

    /// Waits for the first observation that fits, from here on, and gives all that came until then.
    async fn until(&mut self, what: &str, fits: impl Fn(&What) -> bool) -> Vec<What> {
        let mut come = Vec::new();
        loop {
            let next = timeout(PATIENCE, self.observations.recv()).await;
            let Ok(Some(observation)) = next else {
                panic!("waited in vain for {what}; came: {come:?}; before: {:?}", self.seen)
            };
            assert_eq!(observation.node.as_str(), "n");
            come.push(observation.what.clone());
            self.seen.push(observation.what);
            if come.last().is_some_and(&fits) {
                return come;
            }
        }
    }

    /// Waits until this block is the head.
    async fn until_head(&mut self, wanted: &str) -> Vec<What> {
        self.until(wanted, |what| matches!(what, What::Head { hash, .. } if hash == wanted)).await
    }

    /// Waits until so many further polls have failed.
    async fn until_failed(&self, times: u64) {
        let failed = self.prober.statistics().failed;
        let further = async {
            while self.prober.statistics().failed < failed + times {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, further).await.expect("further failures");
    }

    async fn stop(self) -> PollStatistics {
        self.cancel.cancel();
        timeout(PATIENCE, self.prober.finished()).await.expect("a cancelled prober ends")
    }
}

/// `0x` and 64 hex digits out of a small number.
fn id(number: u64) -> String {
    format!("0x{number:064x}")
}

/// Height and hash of the blocks among the observations.
fn blocks(seen: &[What]) -> Vec<(u64, String)> {
    let block = |what: &What| match what {
        What::Block(block) => Some((block.height, block.hash.clone())),
        _ => None,
    };
    seen.iter().filter_map(block).collect()
}

/// Depth and exactness of the reorganisations among the observations.
fn reorganisations(seen: &[What]) -> Vec<(u64, bool)> {
    let reorganisation = |what: &What| match what {
        What::Reorg { depth, exact, .. } => Some((*depth, *exact)),
        _ => None,
    };
    seen.iter().filter_map(reorganisation).collect()
}
