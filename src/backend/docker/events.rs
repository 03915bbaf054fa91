//! What the engine tells of its own accord: nodes' ends, what the kernel killed of them for memory, and its own end.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures::StreamExt;
use tokio::time::{Instant, sleep, timeout};

use super::super::BackendEvent;
use super::client::Engine;
use super::labels::{NODE, PART, PART_NODE, RUN};
use super::restart;
use super::run::Run;
use crate::action::NodeName;

/// How long an engine may be silent after its stream of events broke before it counts as lost. One that is restarted
/// gives its containers ten seconds to end, and takes a few to come up again.
const ENGINE_GRACE: Duration = Duration::from_secs(20);

/// Longest wait for one answer of an engine that may be gone.
const ANSWER: Duration = Duration::from_secs(5);

/// Between two attempts to reach an engine again, and for each attempt.
const RETRY: Duration = Duration::from_millis(250);

/// So many events are remembered, to tell none twice when the stream is taken up again.
const REMEMBERED: usize = 1024;

/// Follows the engine's events until the run is torn down or the engine is lost. A stream that breaks is taken up again
/// where it ended, so that no end of a node is missed.
pub(super) async fn follow(run: Arc<Run>, started: i64) {
    let mut since = started;
    let mut told: VecDeque<(String, i64)> = VecDeque::new();
    loop {
        let mut held: Vec<EventMessage> = Vec::new();
        let filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("event".to_owned(), vec!["die".to_owned(), "oom".to_owned()]),
            ("label".to_owned(), vec![format!("{RUN}={}", run.marks.run)]),
        ]);
        let options = EventsOptionsBuilder::new().since(&since.to_string()).filters(&filters).build();
        let mut stream = Box::pin(run.engine.docker.events(Some(options)));
        let broken = loop {
            match stream.next().await {
                Some(Ok(event)) => {
                    let key = (id_of(&event), event.time_nano.unwrap_or_default());
                    since = event.time.unwrap_or(since);
                    // Events of the second in which the stream broke come again.
                    if !told.contains(&key) {
                        // An engine that ends closes its door first and then takes its containers along: that is no
                        // doing of the node's.
                        if !held.is_empty() || refuses(&run.engine).await {
                            held.push(event);
                        } else {
                            tell(&run, &event).await;
                        }
                        told.push_back(key);
                        if told.len() > REMEMBERED {
                            told.pop_front();
                        }
                    }
                }
                Some(Err(error)) => break error.to_string(),
                None => break "the engine ended its stream of events".to_owned(),
            }
        };
        if let Err(answer) = reach_again(&run.engine).await {
            let took = match restart::names(&nodes_of(&held)) {
                none if none.is_empty() => none,
                nodes => format!("; it ended {nodes} before that"),
            };
            let message = format!("the Docker engine at {} is gone: {broken}; then: {answer}{took}", run.engine.host);
            let _ = run.setup.events.send(BackendEvent::EngineLost { message }).await;
            return;
        }
        if let Some(message) = restart::of(&run, since, &told, &nodes_of(&held)).await {
            let _ = run.setup.events.send(BackendEvent::EngineLost { message }).await;
            return;
        }
    }
}

/// Whether nobody takes connections where the engine was: it ends, or has ended. One that is only slow does not refuse.
async fn refuses(engine: &Engine) -> bool {
    matches!(timeout(ANSWER, engine.docker.ping()).await, Ok(Err(_)))
}

/// The nodes that these events are about.
fn nodes_of(events: &[EventMessage]) -> Vec<NodeName> {
    let node = |event: &EventMessage| {
        let attributes = event.actor.as_ref()?.attributes.as_ref()?;
        let is_node = attributes.get(PART).map(String::as_str) == Some(PART_NODE);
        attributes.get(NODE).filter(|_| is_node).map(|name| NodeName::new(name.as_str()))
    };
    events.iter().filter_map(node).collect()
}

async fn reach_again(engine: &Engine) -> Result<(), String> {
    let deadline = Instant::now() + ENGINE_GRACE;
    loop {
        let answer = match timeout(ANSWER, engine.docker.ping()).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        if Instant::now() >= deadline {
            return Err(answer);
        }
        sleep(RETRY).await;
    }
}

fn id_of(event: &EventMessage) -> String {
    event.actor.as_ref().and_then(|actor| actor.id.clone()).unwrap_or_default()
}

async fn tell(run: &Arc<Run>, event: &EventMessage) {
    let Some(attributes) = event.actor.as_ref().and_then(|actor| actor.attributes.as_ref()) else { return };
    if attributes.get(PART).map(String::as_str) != Some(PART_NODE) {
        return;
    }
    let Some(node) = attributes.get(NODE).map(|name| NodeName::new(name.as_str())) else { return };
    if event.action.as_deref() == Some("oom") {
        // The engine tells that it happened, not how often.
        let _ = run.setup.events.send(BackendEvent::OutOfMemory { node, kills: 1 }).await;
        return;
    }
    let exit_code = attributes.get("exitCode").and_then(|code| code.parse().ok());
    let (code, signal) = meaning(exit_code);
    run.ended(&node);
    let _ = run.setup.events.send(BackendEvent::Exited { node, code, signal }).await;
}

/// Engines report a process that a signal ended as 128 + its number. Programs that tidy up after a signal and then exit
/// with that code follow the same convention, so it is read as the signal for both.
fn meaning(exit_code: Option<i32>) -> (Option<i32>, Option<i32>) {
    match exit_code {
        Some(code) if (129..=159).contains(&code) => (None, Some(code - 128)),
        other => (other, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_above_128_are_signals() {
        assert_eq!(meaning(Some(0)), (Some(0), None));
        assert_eq!(meaning(Some(137)), (None, Some(9)));
        assert_eq!(meaning(Some(143)), (None, Some(15)));
        assert_eq!(meaning(Some(255)), (Some(255), None));
        assert_eq!(meaning(None), (None, None));
    }
}
