//! Hashes of the transactions that the plan signs, in the place of `{pay.hash}`: in later calls, in questions, in what
//! expectations want. What only an answer can tell stays as it is written; the engine fills that in.

use std::collections::BTreeMap;

use serde_json::Value;
use sha3::{Digest, Keccak256};

use super::{Question, Step};
use crate::action::{Action, Earlier, EarlierPart, EntryName, earlier_in, fill_earlier, fill_earlier_text};
use crate::check::answered::Wanted;
use crate::check::{Expectation, That};

/// Hash by the entry that sends the transaction.
#[derive(Clone, Debug, Default)]
pub(super) struct Hashes(BTreeMap<EntryName, String>);

impl Hashes {
    /// Takes up what an entry sends: the bytes that go to `eth_sendRawTransaction`.
    pub(super) fn note(&mut self, entry: &EntryName, raw: &[u8]) {
        self.0.insert(entry.clone(), format!("0x{}", hex::encode(Keccak256::digest(raw))));
    }

    pub(super) fn of(&self, entry: &EntryName) -> Option<&String> {
        self.0.get(entry)
    }

    fn find(&self, earlier: &Earlier) -> Option<Value> {
        let hash = self.0.get(&EntryName::new(&earlier.entry))?;
        (earlier.part == EarlierPart::Hash).then(|| Value::String(hash.clone()))
    }

    /// A value with the hashes that are known.
    pub(super) fn fill(&self, value: &Value) -> Value {
        fill_earlier(value, &mut |earlier| Ok(self.find(earlier))).unwrap_or_else(|_| value.clone())
    }

    /// The same for what an expectation asks or wants.
    pub(super) fn fill_expectation(&self, mut expectation: Expectation) -> Expectation {
        match &mut expectation.that {
            That::RpcEqual(check) => check.params.iter_mut().for_each(|param| *param = self.fill(param)),
            That::Answered(check) => match &mut check.wanted {
                Wanted::Equals(value) => *value = self.fill(value),
                Wanted::Matches(pattern) => {
                    let escaped = |value: &Value| regex::escape(&crate::action::as_text(value));
                    let filled = fill_earlier_text(pattern, &mut |earlier| Ok(self.find(earlier)), &escaped);
                    *pattern = filled.unwrap_or_else(|_| pattern.clone());
                }
                Wanted::Anything | Wanted::Refused(_) => {}
            },
            _ => {}
        }
        expectation
    }
}

/// A remark on whose answers are meant, if some are filled in while the run goes on.
pub(super) fn note(calls: &[Step], questions: &[Question]) -> Option<String> {
    let of_calls = calls.iter().flat_map(|step| &step.actions).filter_map(|action| match action {
        Action::Call { params, .. } => Some(earlier_in(params)),
        _ => None,
    });
    let of_questions = questions.iter().flat_map(|question| question.params.iter().map(earlier_in));
    let mut named: Vec<String> = of_calls.chain(of_questions).flatten().map(|earlier| earlier.entry).collect();
    named.sort();
    named.dedup();
    (!named.is_empty()).then(|| {
        format!("where an answer is named, that of the first node that answered is meant: of {}", named.join(", "))
    })
}
