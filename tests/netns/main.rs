//! The wire and the native backend on real namespaces. Needs root, or a kernel that lets ordinary users make user
//! namespaces; where neither is there, each test is skipped loudly.
//!
//! Without libtest, because this program also runs as a node, as an orchestrator that gets killed, and as an ordinary
//! user who enters a user namespace, which the kernel allows only to a process with a single thread.

mod fabric;
mod harness;
mod native;
mod played;

use harness::{Outcome, Test, Tun};

const TESTS: &[Test] = &[
    ("packets_travel_between_nodes_both_ways", fabric::packets_travel_between_nodes_both_ways),
    ("tcp_travels_between_nodes_whole", fabric::tcp_travels_between_nodes_whole),
    ("a_partition_drops_and_heals", fabric::a_partition_drops_and_heals),
    ("a_delay_is_what_it_says", fabric::a_delay_is_what_it_says),
    ("counters_add_up", fabric::counters_add_up),
    ("a_device_goes_down_and_comes_back_with_its_routes", fabric::a_device_goes_down_and_comes_back_with_its_routes),
    ("a_device_beside_another_takes_its_traffic", fabric::a_device_beside_another_takes_its_traffic),
    ("an_attach_replaces_the_older_device", fabric::an_attach_replaces_the_older_device),
    ("nodes_run_and_reach_each_other", native::nodes_run_and_reach_each_other),
    ("a_restart_keeps_address_wire_and_data", native::a_restart_keeps_address_wire_and_data),
    ("signals_reach_the_whole_group_and_ends_are_told", native::signals_reach_the_whole_group_and_ends_are_told),
    ("a_node_that_ignores_sigterm_is_killed_in_the_end", native::a_node_that_ignores_sigterm_is_killed_in_the_end),
    ("faults_reach_whatever_a_node_has_started", native::faults_reach_whatever_a_node_has_started),
    ("nodes_have_temporary_files_and_names_of_their_own", native::nodes_have_temporary_files_and_names_of_their_own),
    ("a_helper_that_is_killed_for_memory_is_told_of", native::a_helper_that_is_killed_for_memory_is_told_of),
    ("clean_in_another_pid_namespace_ends_no_live_run", native::clean_in_another_pid_namespace_ends_no_live_run),
    (
        "clean_ends_what_sits_in_a_node_s_network_without_marks",
        native::clean_ends_what_sits_in_a_node_s_network_without_marks,
    ),
    ("a_detached_node_is_seen_and_comes_back", native::a_detached_node_is_seen_and_comes_back),
    (
        "files_and_init_commands_are_made_again_after_a_wipe",
        native::files_and_init_commands_are_made_again_after_a_wipe,
    ),
    ("what_is_missing_is_said_before_anything_starts", native::what_is_missing_is_said_before_anything_starts),
    ("limits_are_set_or_refused", native::limits_are_set_or_refused),
    ("teardown_ends_everything_even_in_the_middle_of_a_start", native::teardown_ends_everything_even_in_the_middle),
    ("clean_removes_what_a_killed_run_left_and_nothing_else", native::clean_removes_what_a_killed_run_left),
    ("clean_works_after_a_kill_at_any_instant", native::clean_works_after_a_kill_at_any_instant),
    ("an_ordinary_user_has_the_same_wire", rootless),
    ("an_ordinary_user_runs_nodes", rootless_nodes),
    ("where_tun_is_closed_an_ordinary_user_runs_nodes_all_the_same", rootless_without_tun),
    ("veth_is_in_use_where_tun_is_closed", fabric::veth_is_in_use_where_tun_is_closed),
];

/// Runs the tests above that need no further privilege once more, as `nobody`, in a user namespace.
fn rootless() -> Outcome {
    harness::run_as_nobody(&["packets_travel", "tcp_travels", "partition_drops", "counters_add"], &Tun::AsItIs)
}

/// The same for nodes.
fn rootless_nodes() -> Outcome {
    harness::run_as_nobody(
        &[
            "nodes_run_and",
            "restart_keeps",
            "signals_reach",
            "detached_node",
            "teardown_ends",
            "faults_reach",
            "nodes_have",
        ],
        &Tun::AsItIs,
    )
}

/// Veth pairs and packet sockets, found by the probe because nothing else is left.
fn rootless_without_tun() -> Outcome {
    harness::run_as_nobody(&["nodes_run_and", "tcp_travels", "detached_node", "veth_is_in_use"], &Tun::Closed)
}

fn main() -> std::process::ExitCode {
    played::play().unwrap_or_else(|| harness::main(TESTS))
}
