//! What is asked of a [`History`]: who held what at a moment, which faults were in force, how a run ended.

use super::chain::BlockId;
use super::history::{Fact, History, State};
use super::windows::Window;
use crate::action::NodeName;

impl<'a> History<'a> {
    /// Whether the timeline came to its planned end.
    pub(crate) fn complete(&self) -> bool {
        self.ended == Some("complete")
    }

    /// For people: `the run was interrupted after 12.3 s`.
    pub(crate) fn how_it_ended(&self) -> String {
        let after = self.moment(self.end);
        match self.ended {
            Some("complete") => format!("the timeline ended {after}"),
            Some("timeout") => format!("the run's timeout ended it {after}"),
            Some("interrupted") => format!("the run was interrupted {after}"),
            Some("trouble") => match self.troubles.last() {
                // Its first line: the client's own words below it are told once, where the run ended.
                Some((_, _, message)) => {
                    format!("the run ended in trouble {after}: {}", message.lines().next().unwrap_or_default())
                }
                None => format!("the run ended in trouble {after}"),
            },
            Some(reason) => format!("the run ended {after} ({reason})"),
            None => format!("the journal breaks off {after}"),
        }
    }

    /// A moment for people, counted from the timeline's zero: `at 12.3 s`, `4.1 s before the timeline began`.
    pub(crate) fn moment(&self, at: u64) -> String {
        match self.zero {
            Some(zero) if at >= zero => format!("at {}", seconds(at - zero)),
            Some(zero) => format!("{} before the timeline began", seconds(zero - at)),
            None => format!("{} after the run started", seconds(at)),
        }
    }

    /// All repetitions of an entry, or the one repetition that is named.
    pub(crate) fn family(&self, name: &str) -> impl Iterator<Item = &Window<'a>> {
        let all = self.windows.iter().chain(&self.sends);
        all.filter(move |window| window.record.family == name || window.record.name.as_str() == name)
    }

    /// Faults in force at a moment.
    pub(crate) fn faults_at(&self, at: u64) -> impl Iterator<Item = &Window<'a>> {
        self.windows.iter().filter(move |window| window.covers(at))
    }

    /// The named nodes that the run has, as indices; all of them if none is named.
    pub(crate) fn indices(&self, nodes: &[NodeName]) -> Vec<usize> {
        if nodes.is_empty() {
            return (0..self.nodes.len()).collect();
        }
        nodes.iter().filter_map(|node| self.index.get(node.as_str()).copied()).collect()
    }

    /// The named nodes, as indices; none if none is named.
    pub(crate) fn indices_of(&self, nodes: &[NodeName]) -> Vec<usize> {
        nodes.iter().filter_map(|node| self.index.get(node.as_str()).copied()).collect()
    }

    /// A node's name.
    pub(crate) fn name(&self, node: usize) -> &'a NodeName {
        &self.nodes[node].record.name
    }

    /// The last fact of a node up to a moment that `pick` takes.
    fn last<T>(&self, node: usize, at: u64, pick: impl Fn(Fact) -> Option<T>) -> Option<(u64, u64, T)> {
        let changes = &self.nodes[node].changes;
        let count = changes.partition_point(|&change| self.changes[change as usize].at <= at);
        changes[..count].iter().rev().find_map(|&change| {
            let change = self.changes[change as usize];
            pick(change.fact).map(|value| (change.at, change.seq, value))
        })
    }

    /// A node's state at a moment, and since when.
    pub(crate) fn state_at(&self, node: usize, at: u64) -> (u64, State) {
        let state = self.last(node, at, |fact| match fact {
            Fact::State(state) => Some(state),
            _ => None,
        });
        state.map_or((0, State::Away), |(since, _, state)| (since, state))
    }

    /// The head that a node was seen to have at a moment: since when, the line, the block.
    pub(crate) fn head_at(&self, node: usize, at: u64) -> Option<(u64, u64, BlockId)> {
        match self.last(node, at, |fact| match fact {
            Fact::State(state) => Some(state),
            _ => None,
        })? {
            (since, seq, State::Seen(Some(block))) => Some((since, seq, block)),
            _ => None,
        }
    }

    /// The head that a node was last seen to have up to a moment, also if it cannot be seen any more.
    pub(crate) fn last_head(&self, node: usize, at: u64) -> Option<(u64, u64, BlockId)> {
        self.last(node, at, |fact| match fact {
            Fact::State(State::Seen(Some(block))) => Some(block),
            _ => None,
        })
    }

    /// What a node had called final up to a moment: since when, the line, height (or epoch) and block.
    pub(crate) fn finalized_at(&self, node: usize, at: u64) -> Option<(u64, u64, (u64, BlockId))> {
        self.last(node, at, |fact| match fact {
            Fact::Finalized(height, block) => Some((height, block)),
            _ => None,
        })
    }

    /// What a node last called justified: instant, line, epoch.
    pub(crate) fn justified_at(&self, node: usize, at: u64) -> Option<(u64, u64, u64)> {
        self.last(node, at, |fact| match fact {
            Fact::Justified(epoch) => Some(epoch),
            _ => None,
        })
    }

    /// How many peers a node last said it had, if that still says anything.
    pub(crate) fn peers_at(&self, node: usize, at: u64) -> Option<(u64, u64, u64)> {
        let (since, seq, count) = self.last(node, at, |fact| match fact {
            Fact::Peers(count) => Some(Some(count)),
            Fact::Void => Some(None),
            _ => None,
        })?;
        count.map(|count| (since, seq, count))
    }

    /// The last moment before this one at which a node was seen.
    pub(crate) fn last_sight(&self, node: usize, at: u64) -> Option<u64> {
        let changes = &self.nodes[node].changes;
        let count = changes.partition_point(|&change| self.changes[change as usize].at <= at);
        let mut until = at;
        for &change in changes[..count].iter().rev() {
            let change = self.changes[change as usize];
            match change.fact {
                Fact::State(State::Seen(_)) => return Some(until.max(change.at)),
                Fact::State(_) => until = change.at.saturating_sub(1),
                _ => {}
            }
        }
        None
    }

    /// Stretches in which a node should have been seen and was not, within a time.
    pub(crate) fn blind(&self, node: usize, from: u64, to: u64) -> Vec<(u64, u64)> {
        let changes = &self.nodes[node].changes;
        let first = changes.partition_point(|&change| self.changes[change as usize].at <= from);
        let (mut state, mut since, mut found) = (self.state_at(node, from).1, from, Vec::new());
        let mut note = |state: State, since: u64, until: u64| {
            if state == State::Unseen && (since < until || from == to) {
                found.push((since, until));
            }
        };
        for &change in &changes[first..] {
            let change = self.changes[change as usize];
            if change.at > to {
                break;
            }
            if let Fact::State(new) = change.fact {
                note(state, since, change.at);
                (state, since) = (new, change.at);
            }
        }
        note(state, since, to);
        found
    }

    /// Why it cannot be told what a node did in a time, for people; none if it was seen throughout.
    pub(crate) fn why_blind(&self, node: usize, from: u64, to: u64) -> Option<String> {
        let blind = self.blind(node, from, to);
        let (first, _) = *blind.first()?;
        let length: u64 = blind.iter().map(|gap| gap.1 - gap.0).sum();
        let from = self.moment(first);
        let from = from.trim_start_matches("at ");
        let name = self.name(node);
        let why = match self.standstill_at(first) {
            Some(_) => ": splitbrain itself stood still".to_owned(),
            None => self.why_refused(node, first).map_or_else(String::new, |why| format!(": {why}")),
        };
        Some(format!("{name} was not seen for {}, first from {from} on{why}", seconds(length)))
    }

    /// What a node's API said when it could not be asked, around a moment.
    fn why_refused(&self, node: usize, at: u64) -> Option<&'a str> {
        // The reason is told when a request has failed, a moment after the node fell silent.
        let told = self.nodes[node].refusals.iter().rev().find(|told| told.0 <= at + super::sight::TOLERATED_GAP);
        told.and_then(|told| told.1)
    }

    /// The time around a moment in which the tool itself stood still.
    pub(crate) fn standstill_at(&self, at: u64) -> Option<(u64, u64)> {
        let found = self.standstills.iter().find(|still| (still.0..=still.1).contains(&at));
        found.map(|&(from, to, _)| (from, to))
    }

    /// Why a node could not be asked at a moment, for people; none if it could.
    pub(crate) fn why_missing(&self, node: usize, at: u64) -> Option<String> {
        let name = self.name(node);
        let (since, state) = self.state_at(node, at);
        let since = self.moment(since);
        match state {
            State::Away => Some(format!("{name} was not running")),
            State::Coming => {
                Some(format!("{name} was coming up since {} and had not answered yet", since.trim_start_matches("at ")))
            }
            State::Unseen if self.standstill_at(at).is_some() => {
                Some(format!("{name} was not asked: splitbrain itself stood still"))
            }
            State::Unseen => {
                let why = self.why_refused(node, at).map_or_else(String::new, |why| format!(" ({why})"));
                Some(format!("{name} could not be seen, since {}{why}", since.trim_start_matches("at ")))
            }
            State::Dead => {
                let death = self.nodes[node].deaths.iter().rev().find(|death| death.at <= at);
                let how = death.map(|death| format!(" ({})", death.how)).unwrap_or_default();
                Some(format!("{name} had exited by itself {since}{how}"))
            }
            State::Seen(None) => Some(format!("{name} had not said what its head is")),
            State::Seen(Some(_)) => None,
        }
    }

    /// When and by whom a block was first seen: instant, node, line.
    pub(crate) fn first_holder(&self, block: BlockId) -> Option<super::history::Holding> {
        let first = self.holdings.partition_point(|holding| holding.block < block);
        self.holdings.get(first).filter(|holding| holding.block == block).copied()
    }
}

/// Seconds for people: `12.3 s`, `0.042 s`.
pub(crate) fn seconds(micros: u64) -> String {
    let value = micros as f64 / 1e6;
    if micros >= 100_000 || micros == 0 { format!("{value:.1} s") } else { format!("{value:.3} s") }
}

/// A hash for people: `0x1f3a…9c02`.
pub fn short_hash(hash: &str) -> String {
    let digits = hash.strip_prefix("0x").unwrap_or(hash);
    if digits.chars().count() <= 12 {
        return hash.to_owned();
    }
    let head: String = digits.chars().take(6).collect();
    let tail: String = digits.chars().skip(digits.chars().count() - 4).collect();
    format!("{}{head}…{tail}", if hash.starts_with("0x") { "0x" } else { "" })
}

/// Names for people: `a`, `a and b`, `a, b and c`, `a, b, c and 14 more`.
pub(crate) fn name_list(names: &[String]) -> String {
    const SHOWN: usize = 6;
    match names {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        _ if names.len() > SHOWN + 1 => format!("{} and {} more", names[..SHOWN].join(", "), names.len() - SHOWN),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}
