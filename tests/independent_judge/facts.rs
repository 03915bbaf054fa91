//! What a journal says, put in the order in which the naive judge asks for it. Nothing here decides anything.

use std::collections::{BTreeSet, HashMap};

use splitbrain::journal::{FaultPhase, Journal, NOT_COMPLETE, NodeRecord, What, WindowRecord};

/// A second, in microseconds.
pub(crate) const SECOND: u64 = 1_000_000;

/// A block that somebody showed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub(crate) height: u64,
    pub(crate) parent: Option<String>,
}

/// An entry of the timeline, as it went. Instants are microseconds since the run started.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) record: WindowRecord,
    /// When it should have begun.
    pub(crate) planned_begin: u64,
    /// When it should have been healed; none if it stays.
    pub(crate) planned_end: Option<u64>,
    /// When it came into force, if it was carried out.
    pub(crate) begin: Option<u64>,
    /// When it was healed, if it was.
    pub(crate) end: Option<u64>,
    /// Whether healing it failed.
    pub(crate) end_failed: bool,
    /// Whether carrying it out or healing it failed for another reason than the run's end.
    pub(crate) failed: bool,
}

impl Entry {
    pub(crate) fn is_send(&self) -> bool {
        self.record.fault == "send"
    }

    /// Whether its targets are away while it is in force.
    pub(crate) fn takes_processes(&self) -> bool {
        ["kill", "stop", "pause", "restart", "upgrade", "join", "leave"].contains(&self.record.fault.as_str())
    }

    pub(crate) fn names(&self, node: &str) -> bool {
        self.record.targets.iter().any(|target| target.as_str() == node)
    }

    /// From when to when it excuses its targets.
    pub(crate) fn hold(&self) -> Option<(u64, u64)> {
        let begin = self.begin?;
        Some((begin, self.end.or(self.planned_end).unwrap_or(u64::MAX)))
    }

    /// Whether what happened is not what was planned, so that nothing that leans on it can be said.
    pub(crate) fn is_spoilt(&self, run_end: u64) -> bool {
        let Some(begin) = self.begin else { return true };
        if self.is_send() {
            return false;
        }
        let planned_end = self.planned_end.unwrap_or(run_end.max(self.planned_begin));
        let length = planned_end.saturating_sub(self.planned_begin);
        let late = begin.saturating_sub(self.planned_begin);
        let short = self.end.map_or(0, |end| length.saturating_sub(end.saturating_sub(begin)));
        self.end_failed || (late > 3 * SECOND && late * 2 > length) || (short > SECOND && short * 10 > length)
    }
}

/// A journal, laid out.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) journal: &'a Journal,
    pub(crate) zero: Option<u64>,
    pub(crate) end: u64,
    /// Whether the timeline was seen to its planned end.
    pub(crate) complete: bool,
    /// Whether the journal has a line `timeline_ended`.
    pub(crate) ended: bool,
    pub(crate) entries: Vec<Entry>,
    pub(crate) blocks: HashMap<String, Block>,
    judged: Vec<(u64, &'a What)>,
    /// Something was left behind, or an entry of a complete run was not carried out or not healed.
    pub(crate) doubtful: bool,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(journal: &'a Journal) -> Self {
        let find = |wanted: fn(&What) -> bool| journal.events.iter().find(|event| wanted(&event.what));
        let zero = find(|what| matches!(what, What::TimelineStarted)).map(|event| event.at);
        let ended = find(|what| matches!(what, What::TimelineEnded { .. }));
        let torn_down = find(|what| matches!(what, What::TornDown { .. }));
        let last = journal.events.last().map_or(0, |event| event.at);
        let end = ended.or(torn_down).map_or(last, |event| event.at);
        let complete =
            ended.is_some_and(|event| matches!(&event.what, What::TimelineEnded { reason } if reason == "complete"));
        let entries = entries(journal, zero);
        // What was due in the last 10 s and was only cut off by the end is on its way.
        let overdue = |due: u64| due + 10 * SECOND < end;
        let undone = |entry: &Entry| {
            if entry.is_send() {
                return entry.begin.is_none() && !entry.failed && overdue(entry.planned_begin);
            }
            if entry.begin.is_none() {
                return entry.failed || overdue(entry.planned_begin);
            }
            let unhealed = entry.end.is_none() && entry.planned_end.is_some_and(overdue);
            entry.failed || unhealed
        };
        let left =
            torn_down.is_some_and(|event| matches!(&event.what, What::TornDown { errors } if !errors.is_empty()));
        let doubtful = left || !journal.damage.is_empty() || complete && entries.iter().any(undone);
        let count = journal.events.iter().position(|event| matches!(event.what, What::TimelineEnded { .. }));
        let judged = journal.events[..count.unwrap_or(journal.events.len())].iter().filter(|event| event.at <= end);
        let judged = judged.map(|event| (event.at, &event.what)).collect();
        Self {
            journal,
            zero,
            end,
            complete,
            ended: ended.is_some(),
            entries,
            blocks: blocks(journal),
            judged,
            doubtful,
        }
    }

    pub(crate) fn node(&self, name: &str) -> &'a NodeRecord {
        self.journal.run.nodes.iter().find(|node| node.name.as_str() == name).expect("a node of the run")
    }

    pub(crate) fn layer(&self, name: &str) -> &'a str {
        &self.node(name).layer
    }

    /// What is judged: all lines up to the timeline's end.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (u64, &'a What)> {
        self.judged.iter().copied()
    }

    /// All repetitions of an entry.
    pub(crate) fn family(&self, name: &str) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.record.family == name || entry.record.name.as_str() == name).collect()
    }
}

fn entries(journal: &Journal, zero: Option<u64>) -> Vec<Entry> {
    let answered: BTreeSet<&str> = journal
        .events
        .iter()
        .filter_map(|event| match &event.what {
            What::Called { asked_by, result, refused, .. } if result.is_some() || *refused => Some(asked_by.as_str()),
            _ => None,
        })
        .collect();
    let zero = zero.unwrap_or(0);
    let mut entries = Vec::new();
    for record in &journal.run.windows {
        let mut entry = Entry {
            record: record.clone(),
            planned_begin: zero + record.start,
            planned_end: record.end.map(|end| zero + end),
            begin: None,
            end: None,
            end_failed: false,
            failed: false,
        };
        for event in &journal.events {
            let What::Fault { entry: name, phase, applied, error, .. } = &event.what else { continue };
            if *name != record.name {
                continue;
            }
            let works = error.is_none() || entry.is_send();
            entry.failed |= !works && error.as_ref().is_some_and(|error| !error.ends_with(NOT_COMPLETE));
            match phase {
                FaultPhase::Begin if works => entry.begin = entry.begin.or(Some(*applied)),
                FaultPhase::End if works => entry.end = Some(*applied),
                FaultPhase::End => entry.end_failed = true,
                FaultPhase::Begin => {}
            }
        }
        if entry.is_send() && entry.begin.is_some() && !answered.contains(record.name.as_str()) {
            (entry.begin, entry.failed) = (None, true);
        }
        entries.push(entry);
    }
    entries
}

fn blocks(journal: &Journal) -> HashMap<String, Block> {
    let mut blocks: HashMap<String, Block> = HashMap::new();
    for event in &journal.events {
        let (hash, height, parent) = match &event.what {
            What::Head { hash, height, parent, .. } => (hash, *height, parent.as_ref()),
            What::Block(block) => (&block.hash, block.height, Some(&block.parent)),
            _ => continue,
        };
        let block = blocks.entry(hash.clone()).or_default();
        block.height = height;
        block.parent = block.parent.take().or_else(|| parent.cloned());
    }
    blocks
}

/// How two blocks stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// On one chain, so many blocks apart.
    OneChain(u64),
    /// On different chains.
    Apart,
    /// Nobody saw.
    Untold,
}

impl Facts<'_> {
    pub(crate) fn height(&self, hash: &str) -> u64 {
        self.blocks.get(hash).map_or(0, |block| block.height)
    }

    /// The parent, if both are known.
    pub(crate) fn parent(&self, hash: &str) -> Option<&str> {
        let parent = self.blocks.get(hash)?.parent.as_deref()?;
        self.blocks.contains_key(parent).then_some(parent)
    }

    /// By walking from the higher one down until the lower one's height is reached.
    pub(crate) fn stand(&self, one: &str, other: &str) -> Stand {
        if one == other {
            return Stand::OneChain(0);
        }
        if !self.blocks.contains_key(one) || !self.blocks.contains_key(other) {
            return Stand::Untold;
        }
        let (low, mut at) = if self.height(one) < self.height(other) { (one, other) } else { (other, one) };
        let mut steps = 0;
        while self.height(at) > self.height(low) {
            let Some(parent) = self.parent(at) else { return Stand::Untold };
            at = parent;
            steps += 1;
        }
        if at == low { Stand::OneChain(steps) } else { Stand::Apart }
    }

    /// The chain from a block down as far as it was seen, the block itself first.
    pub(crate) fn chain<'s>(&'s self, hash: &'s str) -> Vec<&'s str> {
        let mut chain = vec![hash];
        while let Some(parent) = self.parent(chain[chain.len() - 1]) {
            chain.push(parent);
        }
        chain
    }
}
