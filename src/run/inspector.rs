//! Watches for execution chains that stay apart, and then has the nodes asked what stands in the first blocks that differ.
//!
//! All of it goes on beside the run: the loop only looks at what probes told, once a second, and starts a task.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::inspection::{Job, Refuser};
use super::recent::RecentBlocks;
use super::splits::{Split, behind, splits};
use crate::action::{ClientRef, NodeName, RpcSpec};
use crate::plan::Plan;

/// How many splits of a run are looked into.
const MOST_SPLITS: usize = 8;
/// How many nodes of a side are asked.
const ASKED_A_SIDE: usize = 2;
/// How many sides of a split are looked into.
const MOST_SIDES: usize = 4;
/// How many block times chains stay apart before anybody is asked: shorter forks are everyday life.
const PATIENCE: u32 = 3;
/// The same where blocks come faster than this or nothing is known of their time.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);
/// A node that is so far behind, and stays there, may have refused the next block.
const FAR_BEHIND: u64 = 3;

/// What is known of splits so far.
#[derive(Debug)]
pub(super) struct Inspector {
    /// Nodes whose blocks can be asked for.
    nodes: BTreeMap<NodeName, (RpcSpec, ClientRef)>,
    patience: Duration,
    /// Since when chains are apart in this way, by what tells the ways apart.
    since: BTreeMap<Vec<String>, Instant>,
    asked: BTreeSet<Vec<String>>,
    /// How many splits, and how many nodes that are behind, were asked about.
    spent: [usize; 2],
    /// Jobs that have not ended.
    pub(super) under_way: usize,
}

/// One way of being apart, before anybody was asked.
struct Candidate {
    key: Vec<String>,
    job: Job,
}

impl Inspector {
    pub(super) fn new(plan: &Plan) -> Self {
        let nodes = plan.nodes.iter().filter(|node| node.adapter.layer() == "execution");
        let nodes = nodes.filter_map(|node| {
            let process = &node.process;
            Some((process.name.clone(), (node.rpc.clone()?, process.client.clone())))
        });
        let patience = plan.block_time.map_or(LEAST_PATIENCE, |time| (time * PATIENCE).max(LEAST_PATIENCE));
        Self {
            nodes: nodes.collect(),
            patience,
            since: BTreeMap::new(),
            asked: BTreeSet::new(),
            spent: [0; 2],
            under_way: 0,
        }
    }

    /// What is to be asked now. `at_the_end` is the last occasion: whatever is apart then is asked about.
    pub(super) fn due(&mut self, blocks: &RecentBlocks, now: Instant, at_the_end: bool) -> Vec<Job> {
        if self.nodes.len() < 2 || blocks.all_same(self.nodes.keys()) {
            self.since.clear();
            return Vec::new();
        }
        let candidates = self.candidates(blocks);
        // What is apart in another way now, or not at all any more, begins anew.
        let keys: BTreeSet<&Vec<String>> = candidates.iter().map(|candidate| &candidate.key).collect();
        self.since.retain(|key, _| keys.contains(key));
        let mut due = Vec::new();
        for Candidate { key, job } in candidates {
            let since = *self.since.entry(key.clone()).or_insert(now);
            let long = now.saturating_duration_since(since) >= self.patience;
            let behind = job.refusers.decide;
            let spent = &mut self.spent[usize::from(behind)];
            // Whoever was behind and had refused nothing may have done so since.
            if (long || at_the_end) && *spent < MOST_SPLITS && (self.asked.insert(key) || (behind && at_the_end)) {
                *spent += 1;
                due.push(job);
            }
        }
        self.under_way += due.len();
        due
    }

    fn candidates(&self, blocks: &RecentBlocks) -> Vec<Candidate> {
        let chains = blocks.chains(self.nodes.keys());
        let apart = splits(&chains).into_iter().map(|split| self.of_split(&split));
        let behind = behind(&chains, FAR_BEHIND).into_iter().map(|behind| {
            let key = vec![behind.next.clone(), behind.node.to_string()];
            let refusers = self.asked_of(&[behind.node]);
            let sides = vec![(behind.next, self.asked_of(&behind.holders))];
            Candidate { key, job: Job { sides, refusers: Refuser::only_if_listed(refusers) } }
        });
        apart.chain(behind).collect()
    }

    fn of_split(&self, split: &Split) -> Candidate {
        let key = split.sides.iter().map(|(hash, _)| hash.clone()).collect();
        let sides = split.sides.iter().take(MOST_SIDES);
        let sides: Vec<_> = sides.map(|(hash, nodes)| (hash.clone(), self.asked_of(nodes))).collect();
        // Whoever is on one side may have refused the block of another one.
        let refusers = sides.iter().filter_map(|(_, nodes)| nodes.first().cloned()).collect();
        Candidate { key, job: Job { sides, refusers: Refuser::besides(refusers) } }
    }

    /// The first node, and one of another client if there is one.
    fn asked_of(&self, nodes: &[NodeName]) -> Vec<(NodeName, RpcSpec)> {
        let mut clients: Vec<&ClientRef> = Vec::new();
        let mut asked = Vec::new();
        for node in nodes {
            let Some((rpc, client)) = self.nodes.get(node) else { continue };
            if asked.len() < ASKED_A_SIDE && !clients.contains(&client) {
                clients.push(client);
                asked.push((node.clone(), rpc.clone()));
            }
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::What;

    fn inspector() -> Inspector {
        let rpc = RpcSpec { port: 8545, path: "/".to_owned(), login: None };
        let node = |name: &str, client: &str| (name.into(), (rpc.clone(), ClientRef::from(client.to_owned())));
        Inspector {
            nodes: BTreeMap::from([node("a", "one"), node("b", "one"), node("c", "two")]),
            patience: Duration::from_secs(6),
            since: BTreeMap::new(),
            asked: BTreeSet::new(),
            spent: [0; 2],
            under_way: 0,
        }
    }

    fn head(blocks: &mut RecentBlocks, node: &str, height: u64, hash: &str, parent: &str) {
        let parent = Some(parent.to_owned());
        blocks.note(&What::Head { node: node.into(), height, hash: hash.to_owned(), parent });
    }

    /// What is asked of whom: `hash:nodes`.
    fn told(jobs: &[Job]) -> Vec<String> {
        let side = |(hash, nodes): &(String, Vec<(NodeName, RpcSpec)>)| {
            format!("{hash}:{}", nodes.iter().map(|(node, _)| node.as_str()).collect::<String>())
        };
        jobs.iter().map(|job| job.sides.iter().map(side).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn chains_that_stay_apart_are_asked_about_once() {
        let (mut inspector, mut blocks) = (inspector(), RecentBlocks::default());
        for node in ["a", "b", "c"] {
            head(&mut blocks, node, 1, "1", "0");
            head(&mut blocks, node, 2, "2", "1");
        }
        let zero = Instant::now();
        let after = |seconds: u64| zero + Duration::from_secs(seconds);
        assert!(inspector.due(&blocks, zero, true).is_empty(), "all on one chain");
        head(&mut blocks, "a", 3, "3", "2");
        head(&mut blocks, "b", 3, "3", "2");
        head(&mut blocks, "c", 3, "3x", "2");
        assert!(inspector.due(&blocks, after(0), false).is_empty(), "every fork is short at first");
        // c comes back, and parts again in the same way: it has not been apart all the time.
        head(&mut blocks, "c", 3, "3", "2");
        assert!(inspector.due(&blocks, after(4), false).is_empty());
        head(&mut blocks, "c", 3, "3x", "2");
        assert!(inspector.due(&blocks, after(7), false).is_empty());
        head(&mut blocks, "c", 4, "4x", "3x");
        let jobs = inspector.due(&blocks, after(13), false);
        assert_eq!(told(&jobs), ["3:a 3x:c"], "one node of each client and side");
        assert!(inspector.due(&blocks, after(30), true).is_empty(), "asked already");
    }

    #[test]
    fn what_is_apart_at_the_end_is_asked_about_at_once() {
        let (mut inspector, mut blocks) = (inspector(), RecentBlocks::default());
        for (node, hash) in [("a", "2"), ("b", "2"), ("c", "2x")] {
            head(&mut blocks, node, 1, "1", "0");
            head(&mut blocks, node, 2, hash, "1");
        }
        assert_eq!(told(&inspector.due(&blocks, Instant::now(), true)), ["2:a 2x:c"]);
    }

    #[test]
    fn a_node_that_stays_behind_is_asked_whether_it_refused_the_next_block() {
        let (mut inspector, mut blocks) = (inspector(), RecentBlocks::default());
        for node in ["a", "b", "c"] {
            head(&mut blocks, node, 1, "1", "0");
        }
        for (height, hash, parent) in [(2, "2", "1"), (3, "3", "2"), (4, "4", "3")] {
            head(&mut blocks, "a", height, hash, parent);
            head(&mut blocks, "b", height, hash, parent);
        }
        let zero = Instant::now();
        assert!(inspector.due(&blocks, zero, false).is_empty());
        let jobs = inspector.due(&blocks, zero + Duration::from_secs(6), false);
        assert_eq!(told(&jobs), ["2:a"]);
        assert_eq!(jobs[0].refusers.nodes[0].0.as_str(), "c");
        assert!(jobs[0].refusers.decide, "without its word nothing is told");
    }

    #[test]
    fn splits_are_bounded() {
        let (mut inspector, mut blocks) = (inspector(), RecentBlocks::default());
        let mut asked = 0;
        for round in 0..20_u64 {
            let base = format!("base{round}");
            for node in ["a", "b", "c"] {
                head(&mut blocks, node, round * 10, &base, "?");
                head(&mut blocks, node, round * 10 + 1, &format!("{base}{node}"), &base);
            }
            asked += inspector.due(&blocks, Instant::now(), true).len();
        }
        assert_eq!(asked, MOST_SPLITS);
    }
}
