//! Tells an engine that was restarted from one that was only out of reach for a moment.
//!
//! An engine that ends takes its containers along, unless it is set up to leave them: then nothing has happened to the run.
//! One that is told to end takes no more connections first. One that is killed tells nothing, and the next one finds the
//! containers ended, without any event of it. Without this the nodes would be blamed, all at the same instant.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bollard::query_parameters::{EventsOptionsBuilder, ListContainersOptionsBuilder};
use futures::StreamExt;
use tokio::time::timeout;

use super::labels::{NODE, PART, PART_NODE, RUN};
use super::run::Run;
use crate::action::NodeName;

/// Longest wait for the engine to tell what it remembers.
const ANSWER: Duration = Duration::from_secs(10);

/// An event and the end that it is of are told with two clocks' readings.
const APART_SECONDS: i64 = 3;

/// So many nodes are named; more are counted.
const NAMED: usize = 5;

/// What there is to say of an engine that answers again, if its silence was a restart. `held` are nodes that ended while it
/// took no connections.
pub(super) async fn of(run: &Run, since: i64, told: &VecDeque<(String, i64)>, held: &[NodeName]) -> Option<String> {
    let host = &run.engine.host;
    if !held.is_empty() {
        let nodes = names(held);
        return Some(format!(
            "the Docker engine at {host} was restarted in the middle of the run: it took no more connections, ended {nodes}, \
             and answers again"
        ));
    }
    let ended = ended_unseen(run, since, told).await;
    (!ended.is_empty()).then(|| {
        let nodes = names(&ended);
        format!(
            "the Docker engine at {host} was out of reach in the middle of the run, probably because it was restarted: {nodes} \
             ended meanwhile, and it has no event of that"
        )
    })
}

/// Nodes that have ended and of whose end there is no event: neither among those `told` as `(container, nanoseconds)`,
/// nor among those that the engine remembers from the second `since` on. None if the engine does not answer.
async fn ended_unseen(run: &Run, since: i64, told: &VecDeque<(String, i64)>) -> Vec<NodeName> {
    let found = timeout(ANSWER, async {
        let mut known: Vec<(String, i64)> =
            told.iter().map(|(id, nanoseconds)| (id.clone(), nanoseconds / 1_000_000_000)).collect();
        known.extend(remembered(run, since).await);
        let filters = HashMap::from([
            ("label".to_owned(), vec![format!("{RUN}={}", run.marks.run), format!("{PART}={PART_NODE}")]),
            ("status".to_owned(), vec!["exited".to_owned(), "dead".to_owned()]),
        ]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let mut ended = Vec::new();
        for container in run.engine.docker.list_containers(Some(options)).await.unwrap_or_default() {
            let name = container.labels.unwrap_or_default().remove(NODE);
            let (Some(id), Some(name)) = (container.id, name) else { continue };
            if let Some(at) = end_of(run, &id).await
                && !known.iter().any(|(of, when)| *of == id && (when - at).abs() <= APART_SECONDS)
            {
                ended.push(NodeName::new(name));
            }
        }
        ended.sort();
        ended
    });
    found.await.unwrap_or_default()
}

/// The ends that the engine has events of, as `(container, second)`.
async fn remembered(run: &Run, since: i64) -> Vec<(String, i64)> {
    // An end of the stream is asked for: otherwise it waits for what is to come.
    let now = super::prepare::engine_seconds(&run.engine).await + APART_SECONDS;
    let filters = HashMap::from([
        ("type".to_owned(), vec!["container".to_owned()]),
        ("event".to_owned(), vec!["die".to_owned()]),
        ("label".to_owned(), vec![format!("{RUN}={}", run.marks.run)]),
    ]);
    let options =
        EventsOptionsBuilder::new().since(&since.to_string()).until(&now.to_string()).filters(&filters).build();
    let events = run.engine.docker.events(Some(options)).filter_map(|event| async move {
        let event = event.ok()?;
        Some((event.actor?.id?, event.time?))
    });
    events.collect().await
}

/// The second in which a container ended.
async fn end_of(run: &Run, id: &str) -> Option<i64> {
    let about = run.engine.docker.inspect_container(id, None).await.ok()?;
    let at = about.state?.finished_at?.parse::<jiff::Timestamp>().ok()?;
    Some(at.as_second())
}

/// `a, b and 3 more nodes`.
/// Nothing for no node.
pub(super) fn names(nodes: &[NodeName]) -> String {
    let (first, rest) = nodes.split_at(nodes.len().min(NAMED));
    let first = first.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ");
    if rest.is_empty() { first } else { format!("{first} and {} more nodes", rest.len()) }
}
