//! `progress`: chains grow.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::growth::Series;
use super::history::{Fact, History, State};
use super::intervals::Interval;
use super::judge::{Case, Judgement};
use super::questions::seconds;
use super::sight::TOLERATED_GAP;
use super::verdict::per_node;
use super::{Outcome, When};
use crate::text::units::Time;
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// Every node's chain grows by at least so many blocks.
///
/// Counted over the time that the expectation speaks of: from the timeline's zero (`at`, `at_end`, `always`), while a
/// fault is in force (`during`), or after it (`after`, `within`). Blocks are counted, not slots: an empty slot is no
/// progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgressDocument {
    /// How many blocks at least.
    pub blocks: Sp<u64>,
    /// If given, so many blocks in every span of this length, for example `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<Sp<Time>>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `progress`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How many blocks at least.
    pub blocks: u64,
    /// In every span of this length; `None` is over the whole time.
    pub per: Option<Duration>,
}

impl ProgressDocument {
    pub(super) fn resolve(&self) -> Result<Progress, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        if self.blocks.value == 0 {
            mistakes.push(
                Diagnostic::error("`progress` by 0 blocks always holds")
                    .at(self.blocks.span, "at least 1")
                    .help("use `stall` to ask for no growth"),
            );
        }
        if let Some(per) = self.per.as_ref().filter(|per| per.value.0.is_zero()) {
            mistakes.push(Diagnostic::error("`per` must be longer than nothing").at(per.span, "for example `30s`"));
        }
        if mistakes.is_empty() {
            Ok(Progress { blocks: self.blocks.value, per: self.per.as_ref().map(|per| per.value.0) })
        } else {
            Err(mistakes)
        }
    }
}

/// What was found of one node.
struct Found {
    outcome: Outcome,
    fact: Option<String>,
    gain: Option<u64>,
    seq: Option<u64>,
    reached: Option<u64>,
    /// When it was decided, if that was before the time was over.
    decided: Option<u64>,
}

impl Progress {
    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        let Some(zero) = case.history.zero else {
            return Judgement::new(Outcome::Unknown, "the timeline never began");
        };
        case.count(zero, |span| self.judge_span(case, span))
    }

    fn judge_span(&self, case: &Case<'_, '_>, span: &Interval) -> Judgement {
        let found: Vec<(usize, Found)> =
            case.nodes.iter().map(|&node| (node, self.judge_node(case, span, node))).collect();
        let mut outcome: Outcome = found.iter().map(|(_, found)| found.outcome).collect();
        let gains: Vec<_> = found
            .iter()
            .filter_map(|(node, found)| found.gain.map(|gain| (case.history.name(*node).clone(), gain)))
            .collect();
        let per = self.per.map(|per| format!(" per {}", super::duration(per))).unwrap_or_default();
        let slowest = gains.iter().min_by_key(|gain| gain.1);
        let mut summary = match (slowest, case.when) {
            (None, _) => {
                outcome = outcome.and(Outcome::Unknown);
                "cannot be told: no node could be followed".to_owned()
            }
            (Some(_), When::Never) => {
                // `never` asks for the contrary of every node.
                outcome = match found.iter().map(|(_, found)| found.outcome).min() {
                    Some(Outcome::Fail) if found.iter().all(|(_, found)| found.outcome == Outcome::Fail) => {
                        Outcome::Pass
                    }
                    Some(Outcome::Pass) => Outcome::Fail,
                    _ => Outcome::Unknown,
                };
                let fastest = gains.iter().max_by_key(|gain| gain.1);
                fastest
                    .map(|(node, gain)| format!("the fastest node, {node}, grew by {gain} blocks{per}"))
                    .unwrap_or_default()
            }
            (Some((node, gain)), _) => {
                format!("the slowest node, {node}, grew by {gain} blocks{per}{}", case.span_name(span))
            }
        };
        summary = summary.replace("grew by 1 blocks", "grew by 1 block");
        if outcome == Outcome::Unknown {
            let open = span.cut_short.clone().or_else(|| {
                let missed = found.iter().find(|(_, found)| found.outcome == Outcome::Unknown);
                missed.and_then(|(_, found)| found.fact.clone())
            });
            summary = format!("{summary}, but {}", open.unwrap_or_else(|| "not all was seen".to_owned()));
        }
        let mut judgement = Judgement::new(outcome, summary).figure("blocks_by_node", per_node(gains.clone()));
        judgement.facts = found.iter().filter_map(|(_, found)| found.fact.clone()).collect();
        judgement.evidence.clone_from(&span.evidence);
        judgement.evidence.extend(found.iter().filter_map(|(_, found)| found.seq));
        if outcome == Outcome::Fail {
            judgement.moment = found.iter().filter_map(|(_, found)| found.decided).min();
        }
        if outcome == Outcome::Pass && matches!(case.when, When::After(..) | When::Within(_)) {
            judgement.moment = found.iter().filter_map(|(_, found)| found.reached).max();
            if let Some(moment) = judgement.moment {
                judgement = judgement.figure("after_s", (moment - span.from) as f64 / 1e6);
            }
        }
        judgement
    }

    fn judge_node(&self, case: &Case<'_, '_>, span: &Interval, node: usize) -> Found {
        let history = case.history;
        let name = history.name(node);
        let series = Series::of_heads(history, node, span.from, span.to);
        let last = series.points.last().copied();
        let seq = last.map(|point| point.1);
        let stands = match history.last_head(node, span.to) {
            Some((since, _, head)) => {
                format!(
                    ", its head was at {} since {}",
                    history.chain.height(head),
                    history.moment(since).trim_start_matches("at ")
                )
            }
            None => ", no head of it was ever seen".to_owned(),
        };
        let missing = history.why_missing(node, span.to).map(|why| format!("; {why}")).unwrap_or_default();
        let Some(per) = self.per.map(|per| per.as_micros() as u64) else {
            let gain = series.at_end;
            if let Some((at, seq)) = series.reached(self.blocks).filter(|_| gain >= self.blocks) {
                return Found {
                    outcome: Outcome::Pass,
                    fact: None,
                    gain: Some(gain),
                    seq: Some(seq),
                    reached: Some(at),
                    decided: None,
                };
            }
            // Growth that nobody could see is not growth that did not happen; a node that answers all the while and
            // names no block has none.
            let silent = series.points.is_empty() && !answered_without_a_head(history, node, span);
            let there = matches!(history.state_at(node, span.to).1, State::Seen(_));
            let too_few = there && series.most.is_some_and(|most| most < self.blocks);
            // What it held before it named its first head nobody knows.
            let headless = series.points.first().is_some_and(|first| first.0 >= span.from + TOLERATED_GAP);
            let missing_at_an_edge = headless || missing_at_an_edge(&series, span);
            let open = span.cut_short.is_some() || silent || series.open || (missing_at_an_edge && !too_few);
            let outcome = if open { Outcome::Unknown } else { Outcome::Fail };
            let fact = format!(
                "{name} grew by {gain} of {} blocks in {}{stands}{missing}",
                self.blocks,
                seconds(span.to - span.from)
            );
            let gain = (last.is_some() || outcome == Outcome::Fail).then_some(gain);
            return Found { outcome, fact: Some(fact), gain, seq, reached: None, decided: None };
        };
        let found = match case.when {
            When::Sometimes | When::Never => series.fastest(span.from, span.to, per),
            _ => series.slowest(span.from, span.to, per),
        };
        let Some((gain, start)) = found else {
            let fact = format!("{name} could not be followed for {} without a break{missing}", seconds(per));
            return Found {
                outcome: Outcome::Unknown,
                fact: Some(fact),
                gain: None,
                seq,
                reached: None,
                decided: None,
            };
        };
        let positive = matches!(case.when, When::Sometimes | When::Never);
        let open = !series.blind.is_empty() || span.cut_short.is_some();
        let outcome = match (gain >= self.blocks, positive, open) {
            (true, true, _) | (true, false, false) => Outcome::Pass,
            (true, false, true) | (false, true, true) => Outcome::Unknown,
            // Blocks that were not seen may lie in the span that seems to have too few.
            (false, false, _) if series.open => Outcome::Unknown,
            (false, ..) => Outcome::Fail,
        };
        let fact = (outcome != Outcome::Pass).then(|| {
            if gain >= self.blocks && !positive {
                let why = history.why_blind(node, span.from, span.to).or_else(|| span.cut_short.clone());
                return why.unwrap_or_else(|| format!("{name} was not seen all the while"));
            }
            format!(
                "{name} grew by {gain} of {} blocks in the {} from {}{stands}{missing}",
                self.blocks,
                seconds(per),
                history.moment(start).trim_start_matches("at ")
            )
        });
        let below = || series.first_below(self.blocks, span.from, span.to, per).map(|start| start + per);
        let decided = if outcome == Outcome::Fail && !positive { below() } else { None };
        Found { outcome, fact, gain: Some(gain), seq, reached: None, decided }
    }
}

/// Whether a node was in sight when the span began and when it ended, and named no head in between.
fn answered_without_a_head(history: &History<'_>, node: usize, span: &Interval) -> bool {
    let silent = |at| history.state_at(node, at).1 == State::Seen(None);
    silent(span.to) && history.last_head(node, span.to).is_none() && {
        let came = history.nodes[node].changes.iter().map(|&change| history.changes[change as usize]);
        let first = came.filter(|change| change.fact == Fact::State(State::Seen(None))).map(|change| change.at).next();
        // It may come up a little after the timeline has begun.
        first.is_some_and(|first| first <= span.from + (span.to - span.from) / 2)
    }
}

/// Whether the node's value at the beginning or the end of the span is not known.
fn missing_at_an_edge(series: &Series, span: &Interval) -> bool {
    // Probes begin a moment after the nodes are ready.
    let late = |&(from, to): &(u64, u64)| from <= span.from && to - from >= TOLERATED_GAP;
    let mut absent = series.blind.iter().chain(&series.away);
    absent.any(|gap| late(gap) || gap.1 >= span.to)
}
