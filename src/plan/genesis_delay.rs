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
    let at_once = nodes.iter().filter(|node| node.start_at.is_none());
    let clients: Vec<String> = at_once.map(|node| node.client.to_string()).collect();
    let (delay, why) = from_start(&clients, backend, times);
    let delay = Duration::from_secs(delay.div_ceil(1000));
    (delay, Some(format!("genesis {} s after the start ({why})", delay.as_secs())))
}

/// Milliseconds that these clients, one for each node, take until all of them are ready, and where that is known from.
fn from_start(clients: &[String], backend: BackendKind, times: &StartTimes) -> (u64, String) {
    let count = clients.len() as u64;
    // Making and starting the processes comes before any of them can get ready: an engine starts about four containers
    // a second, each init command is one of its own, and networks and files come first.
    let (making, guess) = match backend {
        BackendKind::Docker => (3000 + 700 * count, 6000 + 900 * count),
        BackendKind::Native => (1000 + 150 * count, 6000 + 700 * count),
    };
    let measured: Option<Vec<(u64, &String)>> =
        clients.iter().map(|client| Some((*times.0.get(client)?, client))).collect();
    match measured.and_then(|measured| measured.into_iter().max()) {
        Some((time, name)) => {
            // Half as long again: clients that start side by side slow each other down. But what was measured while the
            // machine had other things to do must not make every later run wait for as long.
            let time_for_all = (time * 3 / 2).min(2 * guess);
            let why = format!("measured: `{name}` was ready {}.{} s after its start", time / 1000, time % 1000 / 100);
            (making + time_for_all, why)
        }
        None => {
            (making + guess, "a guess by the number of nodes: not all of these clients were measured yet".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delay_of(times: &[(&str, u64)]) -> (u64, String) {
        let times = times.iter().map(|(name, time)| ((*name).to_owned(), *time)).collect();
        from_start(&["a".to_owned(), "b".to_owned(), "a".to_owned()], BackendKind::Native, &StartTimes(times))
    }

    #[test]
    fn the_slowest_client_counts_and_half_as_long_again() {
        let (delay, why) = delay_of(&[("a", 2000), ("b", 4200), ("unused", 90_000)]);
        assert_eq!(delay, 1450 + 6300);
        assert!(why.contains("`b` was ready 4.2 s after its start"), "{why}");
    }

    #[test]
    fn one_client_that_was_not_measured_makes_it_a_guess() {
        let (delay, why) = delay_of(&[("a", 2000)]);
        assert_eq!(delay, 1450 + 8100);
        assert!(why.contains("guess"), "{why}");
    }

    #[test]
    fn a_start_on_an_overloaded_machine_is_no_measure_for_all_time() {
        assert_eq!(delay_of(&[("a", 2000), ("b", 60_000)]).0, 1450 + 2 * 8100);
    }
}
