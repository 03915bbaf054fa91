//! How far ahead genesis lies: long enough for all clients to run by then, and no longer. Earlier runs on this machine say
//! how long a client takes; without them it is a guess by the number of nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::action::BackendKind;
use crate::topology::Node;

/// Milliseconds from the start of a client's process until it was ready, by the client's name with its variant: the
/// middle one of the last runs on one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartTimes(pub BTreeMap<String, u64>);

/// The delay, and a remark that says where it comes from; none if the scenario says it.
pub(super) fn delay(
    wished: Option<Duration>,
    nodes: &[Node],
    backend: BackendKind,
    times: &StartTimes,
) -> (Duration, Option<String>) {
    if let Some(wished) = wished {
        return (wished, None);
    }
    let at_once: Vec<&Node> = nodes.iter().filter(|node| node.start_at.is_none()).collect();
    let count = at_once.len() as u64;
    // Making and starting the processes comes before any of them can get ready: an engine starts about four containers
    // a second, each init command is one of its own, and networks and files come first.
    let making = match backend {
        BackendKind::Docker => 3000 + 700 * count,
        BackendKind::Native => 1000 + 150 * count,
    };
    let mut slowest = Some(("", 0));
    for node in &at_once {
        let name = node.client.to_string();
        slowest = match (slowest, times.0.get_key_value(&name)) {
            (Some(before), Some((name, time))) if *time > before.1 => Some((name.as_str(), *time)),
            (Some(before), Some(_)) => Some(before),
            (_, None) | (None, _) => None,
        };
    }
    let (delay, why) = match slowest {
        Some((name, time)) => {
            // Half as long again: clients that start side by side slow each other down.
            (
                making + time * 3 / 2,
                format!("measured: `{name}` was ready {}.{} s after its start", time / 1000, time % 1000 / 100),
            )
        }
        None => {
            let guess = match backend {
                BackendKind::Docker => 6000 + 900 * count,
                BackendKind::Native => 6000 + 700 * count,
            };
            (making + guess, "a guess by the number of nodes: not all of these clients were measured yet".to_owned())
        }
    };
    let delay = Duration::from_secs(delay.div_ceil(1000));
    (delay, Some(format!("genesis {} s after the start ({why})", delay.as_secs())))
}
