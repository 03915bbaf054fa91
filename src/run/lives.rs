//! Tells an exit that the timeline asked for from one that it did not.

/// Counts instead of a flag: a quick restart's "started" may be heard of before the exit that it followed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lives {
    pub(super) starts: u32,
    exits: u32,
    /// Ends that were ordered and not yet seen.
    ordered: u32,
}

impl Lives {
    /// The timeline is about to end the process, if there is one.
    pub(super) fn end_is_ordered(&mut self) {
        if self.starts > self.exits + self.ordered {
            self.ordered += 1;
        }
    }

    /// A process ended; says whether that was ordered.
    pub(super) fn ended(&mut self) -> bool {
        self.exits += 1;
        let expected = self.ordered > 0;
        self.ordered = self.ordered.saturating_sub(1);
        expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordered_end_is_expected_once() {
        let mut lives = Lives { starts: 1, ..Lives::default() };
        lives.end_is_ordered();
        assert!(lives.ended());
        lives.starts += 1;
        assert!(!lives.ended());
    }

    #[test]
    fn a_quick_restart_may_be_heard_of_before_the_exit_that_it_followed() {
        let mut lives = Lives { starts: 1, ..Lives::default() };
        lives.end_is_ordered();
        lives.starts += 1;
        assert!(lives.ended(), "the first life's exit, told late");
        assert!(!lives.ended(), "the second life's own");
    }

    #[test]
    fn ending_what_is_dead_expects_nothing() {
        let mut lives = Lives { starts: 1, ..Lives::default() };
        assert!(!lives.ended());
        lives.end_is_ordered();
        lives.starts += 1;
        assert!(!lives.ended());
    }
}
