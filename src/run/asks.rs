//! When which question of the plan is asked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::action::EntryName;
use crate::plan::{Question, Shift};

/// Longest time that a question waits for the end of its entry; and most by which a late end makes a run longer.
pub(super) const LONGEST_SHIFT: Duration = Duration::from_secs(60);

/// Rounds of questions that are still to come, and by how much the timeline is behind its plan.
#[derive(Debug)]
pub(super) struct Asks {
    /// When, after the timeline's zero, which question, and what it goes by.
    pending: Vec<(Duration, usize, Shift)>,
    /// How late the ends of entries were that have ended.
    ends: BTreeMap<EntryName, Duration>,
}

impl Asks {
    pub(super) fn new(questions: &[Question]) -> Self {
        let all = questions.iter().enumerate();
        let rounds = all
            .flat_map(|(index, question)| question.moments.iter().map(move |at| (*at, index, question.shift.clone())));
        Self { pending: rounds.collect(), ends: BTreeMap::new() }
    }

    /// An entry has ended, so much later than planned.
    pub(super) fn ended(&mut self, entry: &EntryName, late: Duration) {
        self.ends.insert(entry.clone(), late.min(LONGEST_SHIFT));
    }

    /// How much longer the timeline is than planned, so that what comes after the end of an entry is seen for its whole
    /// time.
    pub(super) fn longer(&self) -> Duration {
        self.ends.values().copied().max().unwrap_or_default()
    }

    /// Nothing is left to be asked.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// When the next round is due.
    pub(super) fn due(&self, zero: Instant) -> Option<Instant> {
        self.next().map(|(after, _)| zero + after)
    }

    /// Takes the round that is due: the number of its question.
    pub(super) fn take(&mut self) -> Option<usize> {
        let (_, place) = self.next()?;
        Some(self.pending.remove(place).1)
    }

    fn next(&self) -> Option<(Duration, usize)> {
        let all = self.pending.iter().enumerate();
        all.map(|(place, (at, _, shift))| (*at + self.shift(shift), place)).min()
    }

    fn shift(&self, shift: &Shift) -> Duration {
        match shift {
            Shift::Clock => Duration::ZERO,
            Shift::Timeline => self.longer(),
            // One that has not ended yet is waited for.
            Shift::Entry(name) => self.ends.get(name).copied().unwrap_or(LONGEST_SHIFT),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn question(key: &str, moments: &[u64], shift: Shift) -> Question {
        Question {
            key: key.to_owned(),
            method: "m".to_owned(),
            params: vec![json!(1)],
            about_block: false,
            nodes: Vec::new(),
            moments: moments.iter().map(|at| Duration::from_secs(*at)).collect(),
            shift,
        }
    }

    #[test]
    fn questions_after_a_late_end_are_late_by_as_much() {
        let split = EntryName::new("split");
        let mut asks = Asks::new(&[
            question("at", &[12], Shift::Clock),
            question("after split", &[10, 15], Shift::Entry(split.clone())),
            question("end", &[20], Shift::Timeline),
        ]);
        let zero = Instant::now();
        let due = |asks: &Asks| asks.due(zero).map(|due| (due - zero).as_secs());
        assert_eq!((due(&asks), asks.take()), (Some(12), Some(0)), "the clock waits for nobody");
        assert_eq!(due(&asks), Some(20), "the split has not ended, so what comes after it waits");
        asks.ended(&split, Duration::from_secs(3));
        assert_eq!(asks.longer(), Duration::from_secs(3));
        let mut order = Vec::new();
        while let (Some(due), Some(question)) = (due(&asks), asks.take()) {
            order.push((due, question));
        }
        assert_eq!(order, [(13, 1), (18, 1), (23, 2)]);
        assert!(asks.is_empty() && asks.due(zero).is_none());
    }

    #[test]
    fn nobody_waits_for_ever() {
        let mut asks = Asks::new(&[question("after", &[10], Shift::Entry(EntryName::new("never")))]);
        let zero = Instant::now();
        assert_eq!(asks.due(zero), Some(zero + Duration::from_secs(10) + LONGEST_SHIFT));
        asks.ended(&EntryName::new("slow"), Duration::from_secs(3600));
        assert_eq!(asks.longer(), LONGEST_SHIFT);
    }
}
