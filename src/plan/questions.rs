//! What expectations want to be asked of nodes while the run goes on: decided here, asked by the engine, judged later from
//! the journal.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::PlannedNode;
use super::duration::{OPEN_ENDED, end_of};
use crate::action::{EntryName, NodeName, RpcSpec};
use crate::check::{That, When, rpc_equal};
use crate::spec::Scenario;

/// From one round of asking to the next, where an expectation speaks of a span of time.
const EVERY: Duration = Duration::from_secs(5);
/// How long before the end of a span the last round begins, so that it is answered within the span.
const BEFORE_THE_END: Duration = Duration::from_secs(1);

/// The same call to several nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// What answers are journalled under: `rpc_equal/3`.
    pub key: String,
    /// Method.
    pub method: String,
    /// Parameters; [`Question::fill`] fills them in.
    pub params: Vec<Value>,
    /// Whether they name a block, which all nodes must hold.
    pub about_block: bool,
    /// Who is asked.
    pub nodes: Vec<(NodeName, RpcSpec)>,
    /// When, after the timeline's zero, in order. Rounds do not overlap.
    pub moments: Vec<Duration>,
    /// What the moments go by.
    pub shift: Shift,
}

/// What a question's moments go by when a run is behind its plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// The clock: they are asked when they were planned.
    Clock,
    /// The end of this entry: when that was late, they are late by as much.
    Entry(EntryName),
    /// The end of the timeline.
    Timeline,
}

impl Question {
    /// The parameters for a block.
    pub fn fill(&self, height: u64, hash: &str) -> Vec<Value> {
        self.params.iter().map(|param| fill(param, height, hash)).collect()
    }
}

fn fill(value: &Value, height: u64, hash: &str) -> Value {
    match value {
        // Some APIs want heights as JSON numbers.
        Value::String(text) if text == "{height}" => Value::from(height),
        Value::String(text) => Value::String(
            text.replace("{block}", &format!("{height:#x}"))
                .replace("{block_hash}", hash)
                .replace("{height}", &height.to_string()),
        ),
        Value::Array(items) => items.iter().map(|item| fill(item, height, hash)).collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, item)| (key.clone(), fill(item, height, hash)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// All questions of a scenario. `length` is that of the timeline.
pub(super) fn questions(scenario: &Scenario, nodes: &[PlannedNode], length: Duration) -> Vec<Question> {
    let mut questions = Vec::new();
    for expectation in &scenario.expectations {
        let That::RpcEqual(check) = &expectation.that else { continue };
        let asked = nodes.iter().filter(|node| expectation.nodes.contains(&node.process.name));
        questions.push(Question {
            key: check.asked_by.clone(),
            method: check.method.clone(),
            params: check.params.clone(),
            about_block: !rpc_equal::holes(&check.params).is_empty(),
            nodes: asked.filter_map(|node| Some((node.process.name.clone(), node.rpc.clone()?))).collect(),
            moments: moments(scenario, &expectation.when, length),
            shift: shift(scenario, &expectation.when),
        });
    }
    questions
}

fn shift(scenario: &Scenario, when: &When) -> Shift {
    match when {
        When::AtEnd => Shift::Timeline,
        When::After(name, _) => {
            let family = scenario.timeline.iter().filter(|entry| entry.name == *name || entry.family == name.as_str());
            // The last repetition; one without an end ends with the timeline, and goes by the clock until then.
            let last = family.filter_map(|entry| Some((end_of(entry)?, &entry.name))).max_by_key(|(end, _)| *end);
            last.map_or(Shift::Clock, |(_, name)| Shift::Entry(name.clone()))
        }
        _ => Shift::Clock,
    }
}

fn moments(scenario: &Scenario, when: &When, length: Duration) -> Vec<Duration> {
    let family = |name: &crate::action::EntryName| {
        let name = name.clone();
        scenario.timeline.iter().filter(move |entry| entry.name == name || entry.family == name.as_str())
    };
    let mut moments = match when {
        When::At(at) => vec![*at],
        When::AtEnd => vec![length],
        When::Always | When::Never | When::Sometimes => span(Duration::ZERO, length),
        When::Within(within) => span(Duration::ZERO, *within),
        When::During(name) => family(name).flat_map(|entry| span(entry.at, end_of(entry).unwrap_or(length))).collect(),
        When::After(name, within) => {
            let end = family(name).map(|entry| end_of(entry).unwrap_or(entry.at + OPEN_ENDED)).max();
            end.map_or(Vec::new(), |end| span(end, end + *within))
        }
    };
    moments.retain(|moment| *moment <= length);
    moments.sort_unstable();
    moments.dedup();
    moments
}

/// Moments of a span: its beginning, every few seconds, and shortly before its end.
fn span(from: Duration, to: Duration) -> Vec<Duration> {
    let last = to.saturating_sub(BEFORE_THE_END).max(from);
    let mut moments = Vec::new();
    let mut at = from;
    while at + EVERY <= last {
        moments.push(at);
        at += EVERY;
    }
    moments.push(at);
    if last > at + BEFORE_THE_END {
        moments.push(last);
    }
    moments
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_span_is_asked_at_its_beginning_and_before_its_end() {
        let seconds = |numbers: &[u64]| numbers.iter().map(|&number| Duration::from_secs(number)).collect::<Vec<_>>();
        let span = |from, to| span(Duration::from_secs(from), Duration::from_secs(to));
        assert_eq!(span(10, 30), seconds(&[10, 15, 20, 25, 29]));
        assert_eq!(span(10, 12), seconds(&[10]));
        assert_eq!(span(10, 14), seconds(&[10, 13]));
        assert_eq!(span(10, 10), seconds(&[10]));
    }

    #[test]
    fn holes_are_filled_wherever_they_stand() {
        let question = Question {
            key: String::new(),
            method: String::new(),
            params: vec![
                json!({"fromBlock": "{block}", "list": ["{block_hash}", 7]}),
                json!("{height}"),
                json!("at {height}"),
            ],
            about_block: true,
            nodes: Vec::new(),
            moments: Vec::new(),
            shift: Shift::Clock,
        };
        assert_eq!(
            question.fill(32, "0xab"),
            [json!({"fromBlock": "0x20", "list": ["0xab", 7]}), json!(32), json!("at 32")]
        );
    }
}
