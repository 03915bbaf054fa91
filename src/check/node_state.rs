//! The state of one node, as the journal's lines about it come in.

use super::chain::BlockId;

/// An answer that is written down within this time after its node's exit was given before it. In microseconds.
const STRAY_ANSWERS: u64 = 1_000_000;

/// What can be said of a node at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is not there because the timeline wants it so: not started yet, killed, stopped or paused.
    Away,
    /// It is coming up: its process is (being) started, and it has not been seen since.
    Coming,
    /// It should be there and cannot be seen: it fell out of sight, nobody looked, or it takes too long to come.
    Unseen,
    /// Its process ended and nobody asked for it.
    Dead,
    /// It answers; its head, once it has named one.
    Seen(Option<BlockId>),
}

/// What is known of a node while the journal is read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Raw {
    /// Its process runs.
    pub(super) running: bool,
    /// Its process ended by itself.
    pub(super) dead: bool,
    /// It has answered since it was last started.
    pub(super) answered: bool,
    /// It is in a blind time ([`super::sight`]).
    pub(super) lost: bool,
    /// That blind time began when an entry let go of it: until it is over, the node is coming.
    pub(super) returning: bool,
    /// Process faults that hold it now.
    pub(super) held: u32,
    /// The last fault that held it is over, and its process is to be started again.
    pub(super) due: bool,
    pub(super) head: Option<BlockId>,
    /// The head that it had before its process ended.
    pub(super) before: Option<BlockId>,
    /// When its process ended, if it has not been started since.
    pub(super) exited: Option<u64>,
}

impl Raw {
    pub(super) fn state(self) -> State {
        if self.held > 0 {
            State::Away
        } else if self.dead {
            State::Dead
        } else if !self.running {
            if self.due { State::Coming } else { State::Away }
        } else if self.lost {
            if self.answered && !self.returning { State::Unseen } else { State::Coming }
        } else if self.answered {
            State::Seen(self.head)
        } else {
            State::Coming
        }
    }

    /// Takes the beginning or the end of a fault that takes its process away.
    pub(super) fn hold(&mut self, begins: bool) {
        self.held = if begins { self.held + 1 } else { self.held.saturating_sub(1) };
        self.due = self.held == 0 && !self.running;
    }

    /// Takes the beginning or the end of a blind time. A paused node that falls silent has to show itself again before
    /// anything is said of it.
    pub(super) fn blind(&mut self, begins: bool) {
        (self.lost, self.returning) = (begins, false);
        if begins && self.held > 0 {
            self.answered = false;
        }
    }

    /// Takes an answer of the node as a sign of life, unless it comes so shortly after an exit that it must have been
    /// under way. A journal may lack the line that says that the process runs; an answer says it too.
    pub(super) fn answers(&mut self, at: u64) -> bool {
        if self.exited.is_some_and(|exited| at < exited + STRAY_ANSWERS) {
            return false;
        }
        *self = Self { running: true, dead: false, answered: true, exited: None, ..*self };
        true
    }
}
