//! `peers`: how many peers nodes say they have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::history::{Fact, State};
use super::judge::{Case, How, Judgement};
use super::moments::{Answer, Moments, Roll};
use crate::text::{Diagnostic, Sp, Span};
use crate::topology::Targets;

/// Every node has so many peers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeersDocument {
    /// At least so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Sp<u64>>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Sp<u64>>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `peers`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peers {
    /// At least so many.
    pub min: u64,
    /// At most so many, if there is a bound.
    pub max: Option<u64>,
}

impl PeersDocument {
    pub(super) fn resolve(&self, place: Span) -> Result<Peers, Vec<Diagnostic>> {
        match (&self.min, &self.max) {
            (None, None) => Err(vec![
                Diagnostic::error("`peers` needs a bound")
                    .at(place, "neither `min` nor `max`")
                    .help("write `peers: {min: 1}`"),
            ]),
            (Some(min), Some(max)) if min.value > max.value => Err(vec![
                Diagnostic::error(format!("no number is at least {} and at most {}", min.value, max.value))
                    .at(min.span, "the lower bound")
                    .at(max.span, "the upper bound"),
            ]),
            (min, max) => {
                Ok(Peers { min: min.as_ref().map_or(0, |min| min.value), max: max.as_ref().map(|max| max.value) })
            }
        }
    }
}

impl Peers {
    fn holds(&self, count: u64) -> bool {
        count >= self.min && self.max.is_none_or(|max| count <= max)
    }

    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        let history = case.history;
        let mut roll = Roll::new(history, &case.nodes);
        let mut counts: Vec<Option<u64>> = vec![None; history.nodes.len()];
        let mut seen = vec![false; history.nodes.len()];
        let (mut wrong, mut silent) = (0_usize, 0_usize);
        let moments = Moments::over(history, Answer::Unseen, |change| {
            let node = change.node;
            if !roll.meant[node] {
                return None;
            }
            let status = |seen: bool, count: Option<u64>| match (seen, count) {
                (false, _) => (0, 0),
                (true, None) => (0, 1),
                (true, Some(count)) => (usize::from(!self.holds(count)), 0),
            };
            let before = status(seen[node], counts[node]);
            match change.fact {
                Fact::Peers(count) => counts[node] = Some(count),
                Fact::State(state) => {
                    roll.take(change);
                    seen[node] = matches!(state, State::Seen(_));
                }
                // What a node said before its process was started again says nothing about what it has now.
                Fact::Void => counts[node] = None,
                Fact::Finalized(..) | Fact::Justified(_) => return None,
            }
            let after = status(seen[node], counts[node]);
            wrong = wrong + after.0 - before.0;
            silent = silent + after.1 - before.1;
            Some(match roll.unless_somebody_is_missing() {
                _ if wrong > 0 => Answer::No,
                Answer::Yes if silent > 0 => Answer::NotYet,
                Answer::Yes if roll.seen == 0 => Answer::Unseen,
                answer => answer,
            })
        });
        let bound = super::That::Peers(self.clone()).phrase();
        let words = (format!("every node had {bound}"), format!("not every node had {bound}"));
        let dissents =
            |node: usize, last: u64, _: u64| history.peers_at(node, last).is_some_and(|(.., count)| !self.holds(count));
        let open = |_: u64| "not every node had said how many peers it has".to_owned();
        let how = How {
            lasts: true,
            last_alone: false,
            absence_counts: true,
            names_absent: true,
            patient: true,
            dissents: Some(&dissents),
            open: &open,
        };
        case.judge_moments(&moments, (&words.0, &words.1), &how, |judgement, at| {
            for &node in &case.nodes {
                if let Some((since, seq, count)) = history.peers_at(node, at)
                    && matches!(history.state_at(node, at).1, State::Seen(_))
                    && !self.holds(count)
                {
                    let since = history.moment(since);
                    judgement.facts.push(format!(
                        "{} had {count}, since {}",
                        history.name(node),
                        since.trim_start_matches("at ")
                    ));
                    judgement.evidence.push(seq);
                }
            }
            judgement.facts.extend(case.missing(at));
        })
    }
}
