//! The wire and the native backend on real namespaces. Needs root, or a kernel that lets ordinary users make user
//! namespaces; where neither is there, each test is skipped loudly.
//!
//! Without libtest, because this program also runs as a node, as an orchestrator that gets killed, and as an ordinary
//! user who enters a user namespace, which the kernel allows only to a process with a single thread.

mod fabric;
mod harness;

use harness::{Outcome, Test};

const TESTS: &[Test] = &[
    ("packets_travel_between_nodes_both_ways", fabric::packets_travel_between_nodes_both_ways),
    ("tcp_travels_between_nodes_whole", fabric::tcp_travels_between_nodes_whole),
    ("a_partition_drops_and_heals", fabric::a_partition_drops_and_heals),
    ("a_delay_is_what_it_says", fabric::a_delay_is_what_it_says),
    ("counters_add_up", fabric::counters_add_up),
    ("a_device_goes_down_and_comes_back_with_its_routes", fabric::a_device_goes_down_and_comes_back_with_its_routes),
    ("a_device_beside_another_takes_its_traffic", fabric::a_device_beside_another_takes_its_traffic),
    ("an_attach_replaces_the_older_device", fabric::an_attach_replaces_the_older_device),
    ("an_ordinary_user_has_the_same_wire", rootless),
];

/// Runs the tests above that need no further privilege once more, as `nobody`, in a user namespace.
fn rootless() -> Outcome {
    harness::run_as_nobody(&["packets_travel", "tcp_travels", "partition_drops", "counters_add"])
}

fn main() -> std::process::ExitCode {
    harness::main(TESTS)
}
