//! What only the whole of a node's story tells: who takes too long to come, and which values still hold.

use super::history::{Change, Fact, History, State};

/// In journals that promise nothing, a node that was seen for so long and told no other value has the one that it had:
/// twice the time between two questions for peers and finality. In microseconds.
const RETOLD: u64 = 2_000_000;

impl History<'_> {
    /// What only the whole of a node's story tells: who takes too long to come, and which values still hold.
    pub(super) fn finish(&mut self) {
        self.say_why_entries_are_spoilt();
        let mut added: Vec<Change> = Vec::new();
        for node in 0..self.nodes.len() {
            self.overdue(node, &mut added);
            if self.run.promises == 0 {
                self.still_true(node, &mut added);
            }
        }
        self.changes.append(&mut added);
        // Stable: what stands at one instant keeps its order.
        self.changes.sort_by_key(|change| change.at);
        self.nodes.iter_mut().for_each(|node| node.changes.clear());
        for (index, change) in self.changes.iter().enumerate() {
            self.nodes[change.node].changes.push(index as u32);
        }
    }

    /// An entry that was late or short because the tool stood still says so.
    fn say_why_entries_are_spoilt(&mut self) {
        let zero = self.zero.unwrap_or(0);
        for place in 0..self.windows.len() {
            let window = &self.windows[place];
            let (start, end) = (zero + window.record.start, window.end.or(window.planned_end).unwrap_or(self.end));
            let still = self.standstills.iter().find(|still| still.0 <= end && start <= still.1);
            let (Some(&(from, to, _)), Some(reason), false) = (still, &window.spoilt, window.failed) else { continue };
            let said = |at: u64| self.moment(at).trim_start_matches("at ").to_owned();
            let reason = format!("{reason}: splitbrain itself stood still from {} to {}", said(from), said(to));
            self.windows[place].spoilt = Some(reason);
        }
    }

    fn own_changes(&self, node: usize) -> impl Iterator<Item = Change> + '_ {
        self.nodes[node].changes.iter().map(|&change| self.changes[change as usize])
    }

    /// A node that is coming for longer than its grace cannot be seen.
    fn overdue(&self, node: usize, added: &mut Vec<Change>) {
        let grace = self.nodes[node].grace;
        let mut since: Option<Change> = None;
        let mut late = |since: Option<Change>, until: u64| {
            if let Some(since) = since.filter(|since| since.at + grace < until) {
                added.push(Change { at: since.at + grace, fact: Fact::State(State::Unseen), ..since });
            }
        };
        for change in self.own_changes(node) {
            let Fact::State(state) = change.fact else { continue };
            late(since.take(), change.at);
            since = (state == State::Coming).then_some(change);
        }
        late(since, self.end);
    }

    /// Journals that promise nothing do not tell a value again that did not change.
    fn still_true(&self, node: usize, added: &mut Vec<Change>) {
        let (mut said, mut open): ([Option<Fact>; 3], [Option<Fact>; 3]) = ([None; 3], [None; 3]);
        let mut seen_since: Option<u64> = None;
        let mut take_up = |open: &mut [Option<Fact>; 3], since: Option<u64>, until: u64, seq: u64| {
            if let Some(at) = since.map(|since| since + RETOLD).filter(|&at| at < until) {
                let facts = open.iter_mut().filter_map(Option::take);
                added.extend(facts.map(|fact| Change { at, seq, node, fact }));
            }
        };
        for change in self.own_changes(node) {
            take_up(&mut open, seen_since, change.at, change.seq);
            let mut told = |kind: usize| (said[kind], open[kind]) = (Some(change.fact), None);
            match change.fact {
                Fact::Peers(_) => told(0),
                Fact::Finalized(..) => told(1),
                Fact::Justified(_) => told(2),
                Fact::Void => {
                    let kept = !self.was_wiped(node, change.at);
                    if !kept {
                        said = [None; 3];
                    }
                    open = said;
                    // The time in sight counts from here.
                    seen_since = seen_since.map(|_| change.at);
                }
                Fact::State(State::Seen(_)) => seen_since = seen_since.or(Some(change.at)),
                Fact::State(_) => seen_since = None,
            }
        }
        take_up(&mut open, seen_since, self.end, self.own_changes(node).last().map_or(0, |change| change.seq));
    }

    /// Whether the entry that a node came back from last threw its data away.
    fn was_wiped(&self, node: usize, at: u64) -> bool {
        let name = self.name(node);
        let mine =
            self.windows.iter().filter(|window| window.takes_processes() && window.record.targets.contains(name));
        let last =
            mine.filter(|window| window.begin.is_some_and(|begin| begin <= at)).max_by_key(|window| window.begin);
        last.is_some_and(|window| window.record.wipes || window.record.summary.contains("wipe"))
    }
}
