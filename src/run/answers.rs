//! Answers that later calls name: the first one of each entry, kept for as long as the run goes on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::action::{Action, earlier_in, fill_earlier};
use crate::journal::What;
use crate::plan::Plan;

/// The answers, by entry.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Entries that something names: no other answers are kept.
    named: BTreeSet<String>,
    known: BTreeMap<String, Value>,
    /// Why there is none yet: what was said last.
    failed: BTreeMap<String, String>,
}

impl Answers {
    pub(super) fn new(plan: &Plan) -> Self {
        let of_calls = plan.timeline.iter().flat_map(|step| &step.actions).filter_map(|action| match action {
            Action::Call { params, .. } => Some(earlier_in(params)),
            _ => None,
        });
        let of_questions = plan.questions.iter().flat_map(|question| question.params.iter().map(earlier_in));
        let named = of_calls.chain(of_questions).flatten().map(|earlier| earlier.entry).collect();
        Self { named, ..Self::default() }
    }

    /// Takes up an answer.
    pub(super) fn note(&mut self, what: &What) {
        let What::Called { asked_by, node, result, error, .. } = what else { return };
        if !self.named.contains(asked_by) {
            return;
        }
        if let Some(result) = result {
            self.known.entry(asked_by.clone()).or_insert_with(|| result.clone());
        } else if let Some(error) = error {
            self.failed.insert(asked_by.clone(), format!("{node}: {error}"));
        }
    }

    /// Parameters with the answers that they name; the error says which is missing, and why.
    pub(super) fn fill(&self, params: &Value) -> Result<Value, String> {
        fill_earlier(params, &mut |earlier| match (self.known.get(&earlier.entry), self.failed.get(&earlier.entry)) {
            (Some(answer), _) => earlier.of_answer(answer).map(Some),
            (None, Some(why)) => Err(format!("{} was not answered ({why}), so {earlier} has no value", earlier.entry)),
            (None, None) => Err(format!("{} was not answered yet, so {earlier} has no value", earlier.entry)),
        })
        .map_err(|why| format!("not sent: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn called(by: &str, node: &str, answer: Result<Value, &str>) -> What {
        What::Called {
            asked_by: by.to_owned(),
            node: node.into(),
            method: "eth_sendRawTransaction".to_owned(),
            height: None,
            refused: answer.is_err(),
            error: answer.as_ref().err().map(ToString::to_string),
            result: answer.ok(),
        }
    }

    #[test]
    fn the_first_answer_is_filled_in_and_a_missing_one_is_told() {
        let mut answers = Answers { named: BTreeSet::from(["pay".to_owned()]), ..Answers::default() };
        let params = json!(["{pay.answer/hash}", "{block}"]);
        assert_eq!(
            answers.fill(&params).unwrap_err(),
            "not sent: pay was not answered yet, so {pay.answer/hash} has no value"
        );
        answers.note(&called("pay", "a", Err("nonce too low")));
        assert_eq!(
            answers.fill(&params).unwrap_err(),
            "not sent: pay was not answered (a: nonce too low), so {pay.answer/hash} has no value"
        );
        answers.note(&called("pay", "b", Ok(json!({"hash": "0x1"}))));
        answers.note(&called("pay", "c", Ok(json!({"hash": "0x2"}))));
        answers.note(&called("other", "c", Ok(json!({"hash": "0x3"}))));
        assert_eq!(answers.fill(&params), Ok(json!(["0x1", "{block}"])));
        assert!(answers.fill(&json!(["{other.answer}"])).is_err(), "what nobody names is not kept");
        assert!(answers.fill(&json!(["{pay.answer/gas}"])).unwrap_err().contains("nothing is at /gas"));
    }
}
