//! `answered`: what nodes answered to the calls of a timeline entry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Outcome;
use super::history::{Call, History};
use super::json_differences::shown;
use super::judge::{Case, Judgement};
use crate::action::{Earlier, EntryName, as_text, fill_earlier, fill_earlier_text};
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// How many calls are told that were not answered as wanted.
const TOLD: usize = 10;

/// Every call of a `send` entry was answered: with anything, unless one of `equals`, `matches` and `refused` says more.
/// `equals` and `matches` may name what other entries sent or were answered: `{pay.hash}`, `{pay.answer/blockHash}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnsweredDocument {
    /// The entry of the timeline; all of its repetitions are meant.
    pub entry: Sp<String>,
    /// The answer is this value, which may be null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::journal::present")]
    pub equals: Option<Sp<Value>>,
    /// A regular expression that matches somewhere in the answer; in its JSON, if it is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<Sp<String>>,
    /// The node itself says no; a regular expression that matches somewhere in its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Sp<String>>,
    /// JSON pointer (RFC 6901) to what is looked at instead of the whole answer: `/status`. Goes with `equals` and `matches`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<Sp<String>>,
    /// The nodes that are meant; all that the entry calls, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `answered`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The entry.
    pub entry: EntryName,
    /// What is looked at; the whole answer, if empty.
    pub pointer: String,
    /// What is wanted.
    pub wanted: Wanted,
}

/// What a call's answer has to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Anything but a refusal.
    Anything,
    /// This value.
    Equals(Value),
    /// A value that matches.
    Matches(String),
    /// A refusal whose message matches.
    Refused(String),
}

impl AnsweredDocument {
    /// That there is such an entry, and whom it calls, is checked by who knows the timeline.
    pub(super) fn resolve(&self) -> Result<Answered, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        let wanted = match (&self.equals, &self.matches, &self.refused) {
            (None, None, None) => Wanted::Anything,
            (Some(value), None, None) => Wanted::Equals(value.value.clone()),
            (None, Some(pattern), None) => Wanted::Matches(pattern.value.clone()),
            (None, None, Some(pattern)) => Wanted::Refused(pattern.value.clone()),
            _ => {
                mistakes.push(
                    Diagnostic::error("`answered` takes one of `equals`, `matches` and `refused`")
                        .at(self.entry.span, "of the calls of this entry")
                        .help("write an expectation for each"),
                );
                Wanted::Anything
            }
        };
        for pattern in [&self.matches, &self.refused].into_iter().flatten() {
            // What is filled in later is no part of the pattern's own form.
            let filled = fill_earlier_text(&pattern.value, &mut |_| Ok(Some("x".into())), &as_text);
            let pattern = pattern.with(filled.unwrap_or_default());
            mistakes.extend(super::log::check_pattern(&pattern, "every answer"));
        }
        if let Some(pointer) = &self.pointer {
            mistakes.extend(super::rpc_equal::check_pointer(pointer));
            if self.equals.is_none() && self.matches.is_none() {
                mistakes.push(
                    Diagnostic::error("`pointer` goes with `equals` or `matches`")
                        .at(pointer.span, "what has to be there?")
                        .help("`matches: \".\"` takes anything that is there"),
                );
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let pointer = self.pointer.as_ref().map(|pointer| pointer.value.clone()).unwrap_or_default();
        Ok(Answered { entry: EntryName::new(&self.entry.value), pointer, wanted })
    }
}

impl Answered {
    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        let history = case.history;
        let filled = match self.filled(history) {
            Ok(filled) => filled,
            Err(why) => return Judgement::new(Outcome::Unknown, why),
        };
        filled.judge_filled(case)
    }

    fn judge_filled(&self, case: &Case<'_, '_>) -> Judgement {
        let history = case.history;
        let (mut all, mut open, mut wrong) = (0_u64, Vec::new(), Vec::new());
        let mut evidence = Vec::new();
        let mut moment = None;
        for window in history.family(self.entry.as_str()).filter(|window| window.is_send()) {
            let name = &window.record.name;
            for node in history.indices_of(&window.record.targets) {
                if !case.nodes.contains(&node) {
                    continue;
                }
                all += 1;
                let call = history.calls.iter().find(|call| call.asked_by == name.as_str() && call.node == node);
                let Some(call) = call else {
                    open.push(format!("{name} to {}: no answer by the end of the run", history.name(node)));
                    continue;
                };
                let why = self.why_wrong(call);
                if why.is_some() || matches!(self.wanted, Wanted::Refused(_)) {
                    evidence.push(call.seq);
                }
                if let Some(why) = why {
                    moment = moment.or(Some(call.at));
                    let client = &history.nodes[node].record.client;
                    let node = history.name(node);
                    let at = history.moment(call.at);
                    wrong.push(format!("{name}, {} to {node} ({client}), {at}: {why}", call.method));
                }
            }
        }
        let calls = |count: u64| if count == 1 { "1 call".to_owned() } else { format!("{count} calls") };
        let (outcome, summary) = if all == 0 {
            (Outcome::Unknown, format!("no call of {} was planned for these nodes", self.entry))
        } else if !wrong.is_empty() {
            (Outcome::Fail, format!("{} of {} not {}", wrong.len(), calls(all), self.what()))
        } else if !open.is_empty() {
            let how = history.how_it_ended();
            (Outcome::Unknown, format!("{} of {} had no answer yet: {how}", open.len(), calls(all)))
        } else {
            (Outcome::Pass, format!("{} {}", calls(all), self.what()))
        };
        let mut judgement =
            Judgement::new(outcome, summary).figure("calls", all).figure("not_as_wanted", wrong.len() as u64);
        let (more, facts) = (wrong.len() + open.len(), wrong.into_iter().chain(open));
        judgement.facts = facts.take(TOLD).collect();
        if more > TOLD {
            judgement.facts.push(format!("… and {} more", more - TOLD));
        }
        judgement.evidence = evidence;
        judgement.moment = moment;
        judgement
    }

    /// The same with values of other answers in the place of their names.
    fn filled(&self, history: &History<'_>) -> Result<Self, String> {
        let mut find = |earlier: &Earlier| find(history, earlier).map(Some);
        let wanted = match &self.wanted {
            Wanted::Equals(value) => Wanted::Equals(fill_earlier(value, &mut find)?),
            Wanted::Matches(pattern) => {
                Wanted::Matches(fill_earlier_text(pattern, &mut find, &|value| regex::escape(&as_text(value)))?)
            }
            other => other.clone(),
        };
        Ok(Self { wanted, ..self.clone() })
    }

    /// What is wanted of a call, for people: `answered with 0x1`.
    pub(super) fn what(&self) -> String {
        let at = if self.pointer.is_empty() { String::new() } else { format!(" at {}", self.pointer) };
        match &self.wanted {
            Wanted::Anything => "answered".to_owned(),
            Wanted::Equals(value) => format!("answered with {}{at}", shown(value)),
            Wanted::Matches(pattern) => format!("answered with /{pattern}/{at}"),
            Wanted::Refused(pattern) => format!("refused with /{pattern}/"),
        }
    }

    /// Why an answer is not the one that is wanted.
    fn why_wrong(&self, call: &Call<'_>) -> Option<String> {
        let result = match (call.error, call.result) {
            (Some(error), _) if call.refused => {
                return match &self.wanted {
                    Wanted::Refused(pattern) if matches(pattern, error) => None,
                    Wanted::Refused(_) => Some(format!("refused otherwise: {error}")),
                    _ => Some(format!("refused: {error}")),
                };
            }
            (Some(error), _) => return Some(format!("did not answer: {error}")),
            (None, None) => return Some("did not answer".to_owned()),
            (None, Some(result)) => result,
        };
        match &self.wanted {
            Wanted::Anything => None,
            Wanted::Refused(_) => Some(format!("answered {}", shown(result))),
            Wanted::Equals(wanted) => self.why_other(result, |value| value == wanted),
            Wanted::Matches(pattern) => self.why_other(result, |value| match value {
                Value::String(text) => matches(pattern, text),
                other => matches(pattern, &other.to_string()),
            }),
        }
    }

    /// Why what is looked at of an answer is not good.
    fn why_other(&self, result: &Value, good: impl Fn(&Value) -> bool) -> Option<String> {
        match result.pointer(&self.pointer) {
            None => Some(format!("nothing is at {} of the answer {}", self.pointer, shown(result))),
            Some(value) => (!good(value)).then(|| format!("answered {}", shown(value))),
        }
    }
}

/// What a name of another answer means: that of the first node that answered.
fn find(history: &History<'_>, earlier: &Earlier) -> Result<Value, String> {
    let mut calls = history.calls.iter().filter(|call| call.asked_by == earlier.entry);
    match calls.find_map(|call| call.result) {
        Some(answer) => earlier.of_answer(answer),
        None => Err(format!("nobody answered {}, so {earlier} has no value to compare with", earlier.entry)),
    }
}

/// Whether a pattern, which was checked where it was written, matches somewhere.
fn matches(pattern: &str, text: &str) -> bool {
    regex::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
}
