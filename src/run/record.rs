//! The journal's first line, from a plan.

use std::time::Duration;

use crate::journal::{EdgeRecord, NodeRecord, PROMISES, RunRecord, SCHEMA_VERSION, WindowRecord};
use crate::plan::{Plan, PlannedEntry, PlannedNode};

use super::Request;

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// What `check` and `report` must know of a run, so that they need nothing but the journal.
pub fn run_record(request: &Request) -> RunRecord {
    let plan: &Plan = &request.plan;
    RunRecord {
        schema: SCHEMA_VERSION,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        run: request.run.to_string(),
        scenario: plan.scenario.clone(),
        description: plan.description.clone(),
        seed: plan.seed,
        backend: plan.backend.to_string(),
        engine: request.capabilities.engine.clone(),
        kernel: request.kernel.clone(),
        started: request.started.clone(),
        nodes: plan.nodes.iter().map(node_record).collect(),
        edges: plan.edges.iter().map(|(from, to)| EdgeRecord { from: from.clone(), to: to.clone() }).collect(),
        windows: plan.entries.iter().map(window_record).collect(),
        expectations: serde_json::to_value(&plan.expectations).expect("plain data always becomes JSON"),
        block_time: plan.block_time.map(micros),
        slots_per_epoch: plan.slots_per_epoch,
        promises: PROMISES,
    }
}

fn node_record(node: &PlannedNode) -> NodeRecord {
    NodeRecord {
        name: node.process.name.clone(),
        client: node.process.client.clone(),
        group: node.group.clone(),
        role: node.role.clone(),
        producer: node.producer,
        addresses: node.process.attachments.iter().map(|at| (at.network.clone(), at.address)).collect(),
        signs_as: node.signs_as.clone(),
        extra_args: node.extra_args.clone(),
        ready_within: micros(node.ready.within),
        participant: node.participant.clone(),
        member: node.member.clone(),
        layer: node.adapter.layer().to_owned(),
        known_differences: node.known_differences.clone(),
        has_panic_patterns: Some(!node.panic.is_empty()),
    }
}

fn window_record(entry: &PlannedEntry) -> WindowRecord {
    WindowRecord {
        name: entry.name.clone(),
        family: entry.family.clone(),
        fault: entry.fault.clone(),
        summary: entry.summary.clone(),
        start: micros(entry.start),
        end: entry.end.map(micros),
        targets: entry.targets.clone(),
        wipes: entry.wipes,
        transaction: entry.transaction.clone(),
    }
}
