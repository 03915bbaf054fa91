//! `ready`: every node came up.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::judge::{Case, Judgement};
use super::questions::{name_list, seconds};
use super::verdict::per_node;
use super::{Outcome, When};
use crate::journal::NodePhase;
use crate::text::Sp;
use crate::text::units::Time;
use crate::topology::Targets;

/// Every node answers on its ready port in time, counted from the start of its process (so that building images and
/// init commands do not count).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadyDocument {
    /// How long a node may take, for example `60s`; each client's own bound, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Sp<Time>>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `ready`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// How long a node may take from the start of its process; `None` is its client's own bound.
    pub within: Option<Duration>,
}

impl Ready {
    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        let history = case.history;
        let (mut late, mut unknown, mut times, mut evidence) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for &node in &case.nodes {
            let (name, record) = (history.name(node), history.nodes[node].record);
            let asked = self.within.or(match case.when {
                When::Within(within) => Some(*within),
                _ => None,
            });
            let bound = asked.map_or(record.ready_within, |within| within.as_micros() as u64);
            let phases = &history.nodes[node].phases;
            let first = |phase| phases.iter().find(|entry| entry.2 == phase);
            let started = first(NodePhase::Started).map(|phase| phase.0);
            let death = history.nodes[node].deaths.first();
            match (first(NodePhase::Ready), started) {
                (Some(&(at, seq, _)), started) => {
                    let took = at - started.unwrap_or(0).min(at);
                    times.push((name.clone(), took as f64 / 1e6));
                    evidence.push(seq);
                    if took > bound {
                        late.push(format!(
                            "{name} was ready after {}, {} too late",
                            seconds(took),
                            seconds(took - bound)
                        ));
                    }
                }
                (None, _) if death.is_some_and(|death| started.is_none_or(|started| death.at <= started + bound)) => {
                    let death = death.map(|death| (death.seq, death.how.as_str(), death.last_lines));
                    let (seq, how, lines) = death.unwrap_or((0, "", &[]));
                    evidence.push(seq);
                    let said = lines.last().map(|line| format!("; its last line was: {line}")).unwrap_or_default();
                    late.push(format!("{name} exited before it was ready ({how}){said}"));
                }
                (None, Some(started)) if history.end >= started + bound => {
                    evidence.extend(first(NodePhase::NotReady).map(|phase| phase.1));
                    late.push(format!("{name} was not ready {} after its start", seconds(bound)));
                }
                (None, Some(_)) => unknown.push(format!("{name} had been started and was not ready yet")),
                (None, None) => unknown.push(format!("{name} was not started")),
            }
        }
        let slowest = times.iter().map(|time| time.1).fold(0.0, f64::max);
        let (outcome, summary) = if !late.is_empty() {
            (Outcome::Fail, format!("{} of {} nodes were not ready in time", late.len(), case.nodes.len()))
        } else if !unknown.is_empty() {
            (
                Outcome::Unknown,
                format!(
                    "cannot be told of {} of {} nodes: {}",
                    unknown.len(),
                    case.nodes.len(),
                    history.how_it_ended()
                ),
            )
        } else {
            (Outcome::Pass, format!("all {} nodes were ready, the slowest after {slowest:.1} s", case.nodes.len()))
        };
        let mut judgement =
            Judgement::new(outcome, summary).figure("ready_s", per_node(times)).figure("slowest_s", slowest);
        judgement.facts = late;
        if unknown.len() > 3 {
            judgement.facts.push(format!("not told: {}", name_list(&unknown)));
        } else {
            judgement.facts.extend(unknown);
        }
        let troubles = history.troubles.iter().map(|(_, _, message)| message.lines().next().unwrap_or_default());
        // How the run ended may be among what was said already.
        let further: Vec<_> = troubles.filter(|message| !judgement.summary.contains(*message)).take(3).collect();
        judgement.facts.extend(further.into_iter().map(str::to_owned));
        judgement.evidence = evidence;
        judgement
    }
}
