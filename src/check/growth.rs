//! How far nodes' chains came: the series behind `progress` and `stall`.

use super::chain::BlockId;
use super::history::{Fact, History, State};

/// A node's growth over a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    /// Instant, line of the journal, blocks so far. The first point is the value at the beginning, if it was seen then.
    pub(crate) points: Vec<(u64, u64, u64)>,
    /// Times in which the timeline had taken the node away, or it was coming up again.
    pub(crate) away: Vec<(u64, u64)>,
    /// Times in which it could not be seen although it should be there.
    pub(crate) blind: Vec<(u64, u64)>,
}

impl Series {
    /// Blocks that a node's chain had over a time, counted from the root of the tree that it was seen on. Where trees
    /// do not join in what was seen, heights stand in for blocks.
    pub(crate) fn of_heads(history: &History<'_>, node: usize, from: u64, to: u64) -> Self {
        let mut heads: Vec<(u64, u64, BlockId)> = Vec::new();
        let mut series = Self::default();
        let changes = &history.nodes[node].changes;
        let first = changes.partition_point(|&change| history.changes[change as usize].at < from);
        let mut state = history.state_at(node, from.saturating_sub(1)).1;
        let mut since = from;
        if let State::Seen(Some(_)) = state {
            heads.extend(history.head_at(node, from.saturating_sub(1)).map(|(_, seq, block)| (from, seq, block)));
        }
        for &change in &changes[first..] {
            let change = history.changes[change as usize];
            if change.at > to {
                break;
            }
            let Fact::State(new) = change.fact else { continue };
            series.absence(state, since, change.at);
            (state, since) = (new, change.at);
            if let State::Seen(Some(block)) = new {
                heads.push((change.at, change.seq, block));
            }
        }
        series.absence(state, since, to);
        let one_tree = heads.windows(2).all(|pair| history.chain.root(pair[0].2) == history.chain.root(pair[1].2));
        let value = |block| if one_tree { history.chain.level(block) } else { history.chain.height(block) };
        series.points = heads.into_iter().map(|(at, seq, block)| (at, seq, value(block))).collect();
        series
    }

    /// The heights (or epochs) that a node called final.
    pub(crate) fn of_finalized(history: &History<'_>, node: usize, from: u64, to: u64) -> Self {
        let mut series = Self::of_heads(history, node, from, to);
        series.points.clear();
        if let Some((_, seq, (height, _))) = history.finalized_at(node, from) {
            series.points.push((from, seq, height));
        }
        for &change in &history.nodes[node].changes {
            let change = history.changes[change as usize];
            if let Fact::Finalized(height, _) = change.fact
                && change.at > from
                && change.at <= to
            {
                series.points.push((change.at, change.seq, height));
            }
        }
        series
    }

    fn absence(&mut self, state: State, from: u64, to: u64) {
        if from < to {
            match state {
                State::Away | State::Coming => self.away.push((from, to)),
                State::Unseen | State::Dead => self.blind.push((from, to)),
                State::Seen(_) => {}
            }
        }
    }

    /// Growth from the first point to the highest.
    pub(crate) fn gain(&self) -> u64 {
        let first = self.points.first().map_or(0, |point| point.2);
        self.points.iter().map(|point| point.2).max().unwrap_or(first).saturating_sub(first)
    }

    /// When growth first reached this much.
    pub(crate) fn reached(&self, gain: u64) -> Option<(u64, u64)> {
        let goal = self.points.first()?.2 + gain;
        self.points.iter().find(|point| point.2 >= goal).map(|point| (point.0, point.1))
    }

    /// The least growth over any span of a length inside the time, and when that span began; spans that touch a time in
    /// which the node was away or could not be seen do not count. None if no span counts.
    pub(crate) fn slowest(&self, from: u64, to: u64, length: u64) -> Option<(u64, u64)> {
        self.extreme(from, to, length, false)
    }

    /// The greatest growth over any span of a length, and when that span began.
    pub(crate) fn fastest(&self, from: u64, to: u64, length: u64) -> Option<(u64, u64)> {
        self.extreme(from, to, length, true)
    }

    fn extreme(&self, from: u64, to: u64, length: u64, greatest: bool) -> Option<(u64, u64)> {
        let from = from.max(self.points.first()?.0);
        let last = to.checked_sub(length).filter(|&last| last >= from)?;
        // Growth over [t, t + length] changes only where t or t + length meets a point.
        let mut starts: Vec<u64> = vec![from, last];
        for &(at, ..) in &self.points {
            starts.push(at);
            starts.extend(at.checked_sub(length));
        }
        starts.retain(|&start| (from..=last).contains(&start));
        starts.sort_unstable();
        starts.dedup();
        let (mut low, mut high, mut best) = (0, 0, None::<(u64, u64)>);
        for start in starts {
            while low + 1 < self.points.len() && self.points[low + 1].0 <= start {
                low += 1;
            }
            while high + 1 < self.points.len() && self.points[high + 1].0 <= start + length {
                high += 1;
            }
            let touches = |&(a, b): &(u64, u64)| a < start + length && start < b;
            if self.away.iter().any(touches) || self.blind.iter().any(touches) {
                continue;
            }
            let gain = self.points[high].2.saturating_sub(self.points[low].2);
            let better = |best: u64| if greatest { gain > best } else { gain < best };
            if best.is_none_or(|best| better(best.0)) {
                best = Some((gain, start));
            }
        }
        best
    }
}
