//! How far nodes' chains came: the series behind `progress` and `stall`.

use super::chain::BlockId;
use super::history::{Fact, History, State};

/// A node's growth over a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    /// Instant, line of the journal, blocks so far that the node had not held before. The first point is the value at the
    /// beginning, if it was seen then.
    pub(crate) points: Vec<(u64, u64, u64)>,
    /// Times in which the timeline had taken the node away, or it was coming up again.
    pub(crate) away: Vec<(u64, u64)>,
    /// Times in which it could not be seen although it should be there.
    pub(crate) blind: Vec<(u64, u64)>,
    /// Whether the points are a lower bound only: on a chain of slots, heads were not joined by what was seen.
    pub(crate) open: bool,
    /// Blocks on its chain when the time is over that it had not held when it began.
    pub(crate) at_end: u64,
    /// The most that it can have grown in the time, where that is known: counted from the last head before the time.
    pub(crate) most: Option<u64>,
}

/// A head of a node: instant, line of the journal, block.
type Head = (u64, u64, BlockId);

/// What one node had held when its time, or a life of its process, began.
#[derive(Debug, Default)]
struct Held {
    tips: Vec<BlockId>,
    /// Growth up to then.
    base: u64,
}

impl Held {
    /// Blocks on the chain that ends here that were not held, in blocks where that is known and in heights otherwise.
    fn growth(&self, history: &History<'_>, block: BlockId, in_blocks: bool) -> u64 {
        let chain = &history.chain;
        let known = self.tips.iter().filter_map(|&tip| {
            if in_blocks { chain.common(tip, block).map(|common| chain.level(common)) } else { Some(chain.height(tip)) }
        });
        let value = if in_blocks { chain.level(block) } else { chain.height(block) };
        self.base + value.saturating_sub(known.max().unwrap_or(value))
    }
}

impl Series {
    /// Blocks that a node's chain gained over a time, counted by what it had not held before: what is fetched again after a
    /// wipe is no growth. Where the trees of its heads do not join in what was seen, heights stand in for blocks, but not
    /// on a chain of slots, which may be empty.
    pub(crate) fn of_heads(history: &History<'_>, node: usize, from: u64, to: u64) -> Self {
        let mut series = Self::default();
        let mut lives: Vec<Vec<Head>> = vec![Vec::new()];
        let changes = &history.nodes[node].changes;
        let first = changes.partition_point(|&change| history.changes[change as usize].at < from);
        let mut state = history.state_at(node, from.saturating_sub(1)).1;
        let mut since = from;
        if let State::Seen(Some(_)) = state {
            lives[0].extend(history.head_at(node, from.saturating_sub(1)).map(|(_, seq, block)| (from, seq, block)));
        }
        for &change in &changes[first..] {
            let change = history.changes[change as usize];
            if change.at > to {
                break;
            }
            let new = match change.fact {
                Fact::State(new) => new,
                // Its process was started again: what comes now may be there for the second time.
                Fact::Void => {
                    lives.push(Vec::new());
                    continue;
                }
                _ => continue,
            };
            series.absence(state, since, change.at);
            (state, since) = (new, change.at);
            if let (State::Seen(Some(block)), Some(life)) = (new, lives.last_mut()) {
                // Of what stands at one instant the last one counts: a node that comes back into sight names its head then.
                life.pop_if(|last| last.0 == change.at);
                life.push((change.at, change.seq, block));
            }
        }
        series.absence(state, since, to);
        lives.retain(|life| !life.is_empty());
        series.count(history, node, from, &lives);
        series
    }

    fn count(&mut self, history: &History<'_>, node: usize, from: u64, lives: &[Vec<Head>]) {
        let before = heads_before(history, node, from);
        let all = || lives.iter().flatten().map(|head| head.2);
        let mut roots = all().chain(before.iter().copied()).map(|block| history.chain.root(block));
        let in_blocks = roots.next().is_none_or(|first| roots.all(|root| root == first));
        if !in_blocks && history.slots_per_epoch(history.layer(node)).is_some() {
            return self.count_slots(history, lives);
        }
        let mut held = Held { tips: before.clone(), base: 0 };
        let mut most = Held { tips: before, base: 0 };
        let bounded = !most.tips.is_empty();
        // What was built between the last sighting and the first one here may be older than the time.
        held.tips.extend(lives.first().and_then(|life| life.first()).map(|head| head.2));
        let last = lives.iter().flatten().last();
        self.at_end = last.map_or(0, |last| held.growth(history, last.2, in_blocks));
        let mut highest = 0;
        for life in lives {
            let values = life.iter().map(|&(at, seq, block)| (at, seq, held.growth(history, block, in_blocks)));
            self.points.extend(values);
            highest = life.iter().map(|head| most.growth(history, head.2, in_blocks)).max().unwrap_or(0).max(highest);
            if let Some(last) = life.last() {
                held.base = held.growth(history, last.2, in_blocks);
                most.base = most.growth(history, last.2, in_blocks);
                held.tips.push(last.2);
                most.tips.push(last.2);
            }
        }
        self.most = bounded.then_some(highest);
    }

    /// Blocks that were seen, and one for each jump: a lower bound.
    fn count_slots(&mut self, history: &History<'_>, lives: &[Vec<Head>]) {
        let chain = &history.chain;
        let (mut value, mut before) = (0, None::<BlockId>);
        for &(at, seq, block) in lives.iter().flatten() {
            value += match before {
                None => 0,
                Some(old) if chain.root(old) == chain.root(block) => {
                    chain.level(block).saturating_sub(chain.level(old))
                }
                Some(old) => u64::from(chain.height(block) > chain.height(old)),
            };
            before = Some(block);
            self.points.push((at, seq, value));
        }
        let ends = [lives.iter().flatten().next(), lives.iter().flatten().last()];
        if let [Some(first), Some(last)] = ends {
            self.at_end = if chain.height(last.2) > chain.height(first.2) { value } else { 0 };
        }
        self.open = true;
    }

    /// The heights (or epochs) that a node called final.
    pub(crate) fn of_finalized(history: &History<'_>, node: usize, from: u64, to: u64) -> Self {
        let mut series = Self::of_heads(history, node, from, to);
        series.points.clear();
        (series.open, series.most) = (false, None);
        // What a node says first after it was not there may be older than the time.
        let there = matches!(history.state_at(node, from).1, State::Seen(_));
        if let Some((_, seq, (height, _))) = history.finalized_at(node, from).filter(|_| there) {
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
        // Of equals, the first.
        self.spans(from, to, length).into_iter().min_by_key(|&(gain, start)| (gain, start))
    }

    /// The greatest growth over any span of a length, and when that span began.
    pub(crate) fn fastest(&self, from: u64, to: u64, length: u64) -> Option<(u64, u64)> {
        self.spans(from, to, length).into_iter().min_by_key(|&(gain, start)| (std::cmp::Reverse(gain), start))
    }

    /// When the first span began in which growth was less than this.
    pub(crate) fn first_below(&self, blocks: u64, from: u64, to: u64, length: u64) -> Option<u64> {
        self.spans(from, to, length).into_iter().find(|&(gain, _)| gain < blocks).map(|(_, start)| start)
    }

    /// Growth over spans of a length, in the order of their beginnings: one for each growth that there is.
    fn spans(&self, from: u64, to: u64, length: u64) -> Vec<(u64, u64)> {
        let Some(first) = self.points.first() else { return Vec::new() };
        let from = from.max(first.0);
        let Some(last) = to.checked_sub(length).filter(|&last| last >= from) else { return Vec::new() };
        // Growth over [t, t + length] changes only where t or t + length meets a point.
        let mut starts: Vec<u64> = vec![from, last];
        for &(at, ..) in &self.points {
            starts.push(at);
            starts.extend(at.checked_sub(length));
        }
        starts.retain(|&start| (from..=last).contains(&start));
        starts.sort_unstable();
        starts.dedup();
        let (mut low, mut high, mut spans) = (0, 0, Vec::new());
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
            spans.push((self.points[high].2.saturating_sub(self.points[low].2), start));
        }
        spans
    }
}

/// The last and the highest head that a node was seen to have before a moment.
fn heads_before(history: &History<'_>, node: usize, from: u64) -> Vec<BlockId> {
    let heads = history.nodes[node].changes.iter().map(|&change| history.changes[change as usize]);
    let heads = heads.take_while(|change| change.at < from).filter_map(|change| match change.fact {
        Fact::State(State::Seen(head)) => head,
        _ => None,
    });
    let (mut last, mut highest) = (None, None::<BlockId>);
    for head in heads {
        last = Some(head);
        if highest.is_none_or(|highest| history.chain.height(head) > history.chain.height(highest)) {
            highest = Some(head);
        }
    }
    let mut found: Vec<BlockId> = last.into_iter().chain(highest).collect();
    found.dedup();
    found
}
