//! What `clean` removes and what it leaves alone, decided by the mark of whoever made a thing; the same on all backends.

use std::collections::BTreeMap;

use super::{Owner, OwnerState};
use crate::action::RunId;

/// What `clean` was asked for.
#[derive(Clone, Debug, Default)]
pub struct CleanRequest {
    /// This run alone.
    pub run: Option<RunId>,
    /// Say what would go, remove nothing.
    pub dry_run: bool,
    /// Also what belongs to runs whose process cannot be seen from here. Never what belongs to one that is seen to live.
    pub force: bool,
    /// Also what this very process made: it is done with it.
    pub own: bool,
}

/// Something that `clean` removed, would remove, or found and left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// What it is: `container`, `network`, `process`, ….
    pub kind: &'static str,
    /// By which a person knows it.
    pub name: String,
    /// Why it stays: what is known of its owner. `None` if it goes.
    pub kept: Option<OwnerState>,
}

/// What becomes of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes.
    Goes,
    /// It stays, and is told.
    Stays(OwnerState),
    /// It is none of this clean-up's business.
    Ignored,
}

/// Decides about things by their marks. Each owner is looked at once, so that all things of a run have one fate.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    request: &'a CleanRequest,
    states: BTreeMap<String, OwnerState>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(request: &'a CleanRequest) -> Self {
        Self { request, states: BTreeMap::new() }
    }

    /// What becomes of a thing of this run; `owner` is the mark on it. One that cannot be read says nothing.
    pub(crate) fn fate(&mut self, run: &str, owner: &str) -> Fate {
        let state = self.states.entry(owner.to_owned()).or_insert_with(|| {
            let Ok(owner) = owner.parse::<Owner>() else { return OwnerState::Elsewhere };
            let done = self.request.own && Owner::current().is_ok_and(|me| me == owner);
            if done { OwnerState::Dead } else { owner.state() }
        });
        self.request.fate_of(run, *state)
    }
}

impl CleanRequest {
    /// What becomes of a thing of this run, whose owner's state is known.
    pub(crate) fn fate_of(&self, run: &str, state: OwnerState) -> Fate {
        let named = self.run.as_ref().map(|wanted| wanted.as_str() == run);
        match (named, state) {
            (Some(false), _) => Fate::Ignored,
            (_, OwnerState::Dead) => Fate::Goes,
            (_, OwnerState::Elsewhere) if self.force => Fate::Goes,
            (_, OwnerState::Elsewhere) | (Some(true), OwnerState::Alive) => Fate::Stays(state),
            // Whoever cleans up everything does not ask about runs that go on.
            (None, OwnerState::Alive) => Fate::Ignored,
        }
    }
}

impl Fate {
    /// The line about a thing, if there is one.
    pub(crate) fn cleaned(self, kind: &'static str, name: String) -> Option<Cleaned> {
        match self {
            Self::Goes => Some(Cleaned { kind, name, kept: None }),
            Self::Stays(state) => Some(Cleaned { kind, name, kept: Some(state) }),
            Self::Ignored => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_lives_or_cannot_be_seen_stays() {
        let me = Owner::current().unwrap();
        let dead = Owner { start: me.start + 1, ..me.clone() }.to_string();
        let elsewhere = Owner { boot: "0123456789ab".to_owned(), ..me.clone() }.to_string();
        let (alive, unreadable) = (me.to_string(), "host:1:2".to_owned());
        let request =
            |run: Option<&str>, force| CleanRequest { run: run.map(RunId::new), force, ..CleanRequest::default() };
        let stays = Fate::Stays(OwnerState::Elsewhere);
        for (request, wanted) in [
            (request(None, false), [Fate::Goes, stays, stays, Fate::Ignored]),
            (request(None, true), [Fate::Goes, Fate::Goes, Fate::Goes, Fate::Ignored]),
            (request(Some("r"), false), [Fate::Goes, stays, stays, Fate::Stays(OwnerState::Alive)]),
            (request(Some("r"), true), [Fate::Goes, Fate::Goes, Fate::Goes, Fate::Stays(OwnerState::Alive)]),
            (request(Some("other"), true), [Fate::Ignored; 4]),
        ] {
            let mut judge = Judge::new(&request);
            let fates = [&dead, &elsewhere, &unreadable, &alive].map(|owner| judge.fate("r", owner));
            assert_eq!(fates, wanted, "{request:?}");
        }
        let done = CleanRequest { own: true, ..request(Some("r"), false) };
        assert_eq!(Judge::new(&done).fate("r", &alive), Fate::Goes, "whoever made it may say that it is over");
    }
}
