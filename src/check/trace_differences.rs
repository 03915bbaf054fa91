//! Where the traces of one transaction differ first: struct logs, step by step.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::block_differences::{SentTransaction, Told};
use crate::action::{EntryName, NodeName};

/// The first step of two traces of one transaction that is not the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepDifference {
    /// The transaction.
    pub transaction: SentTransaction,
    /// Number of the step, from 1.
    pub step: u64,
    /// What differs: `pc`, `op`, `gas`, `gas cost`, `depth`, `top of the stack`; `end` if one of them has no such step.
    pub differs: Vec<String>,
    /// As the first node traced it.
    pub first: TracedStep,
    /// As the second one did.
    pub second: TracedStep,
}

/// A step of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TracedStep {
    /// Who traced it.
    pub node: NodeName,
    /// In which block.
    pub block: String,
    /// The step; none if the trace has ended before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
}

/// What a client says of a step, before it is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Program counter.
    pub pc: u64,
    /// Instruction.
    pub op: String,
    /// Gas that is left.
    pub gas: u64,
    /// Gas that the instruction takes.
    pub cost: u64,
    /// Depth of calls, from 1.
    pub depth: u64,
    /// Top of the stack, if there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<String>,
}

impl Step {
    fn parse(value: &Value) -> Option<Self> {
        Some(Self {
            pc: value.get(0)?.as_u64()?,
            op: value.get(1)?.as_str()?.to_owned(),
            gas: value.get(2)?.as_u64()?,
            cost: value.get(3)?.as_u64().unwrap_or(0),
            depth: value.get(4)?.as_u64()?,
            top: value.get(5).and_then(Value::as_str).map(str::to_owned),
        })
    }
}

/// The first step that differs in the first transaction that has one; of one transaction, if it is named. None where
/// traces are the same as far as they were kept, or cannot be read.
pub(super) fn first_difference(
    one: &Told<'_>,
    other: &Told<'_>,
    transaction: Option<&str>,
    sent: &BTreeMap<String, EntryName>,
) -> Option<StepDifference> {
    let (ones, others) = (traced(one)?, traced(other)?);
    for (hash, trace) in ones.iter().filter(|(hash, _)| transaction.is_none_or(|wanted| wanted == hash)) {
        let Some((_, against)) = others.iter().find(|(other, _)| other == hash) else { continue };
        if let Some((step, differs, first, second)) = compare(trace, against) {
            let entry = sent.get(hash).cloned();
            let told =
                |told: &Told<'_>, step| TracedStep { node: told.node.clone(), block: told.hash.to_owned(), step };
            return Some(StepDifference {
                transaction: SentTransaction { hash: hash.clone(), entry },
                step,
                differs,
                first: told(one, first),
                second: told(other, second),
            });
        }
    }
    None
}

fn traced<'a>(told: &Told<'a>) -> Option<Vec<(String, &'a Value)>> {
    let transactions = told.answer?["transactions"].as_array()?;
    let named = transactions.iter().filter_map(|trace| Some((trace["hash"].as_str()?.to_ascii_lowercase(), trace)));
    Some(named.collect())
}

type Compared = (u64, Vec<String>, Option<Step>, Option<Step>);

fn compare(one: &Value, other: &Value) -> Option<Compared> {
    let (ones, others) = (one["steps"].as_array()?, other["steps"].as_array()?);
    // Whatever was cut off may be anything.
    let ended = |trace: &Value, steps: &[Value]| trace["of"].as_u64() == Some(steps.len() as u64);
    for position in 0..ones.len().max(others.len()) {
        let step = position as u64 + 1;
        match (ones.get(position), others.get(position)) {
            (Some(a), Some(b)) => {
                let (a, b) = (Step::parse(a)?, Step::parse(b)?);
                let differs = differences(&a, &b);
                if !differs.is_empty() {
                    return Some((step, differs, Some(a), Some(b)));
                }
            }
            (Some(a), None) if ended(other, others) => {
                return Some((step, vec!["end".to_owned()], Some(Step::parse(a)?), None));
            }
            (None, Some(b)) if ended(one, ones) => {
                return Some((step, vec!["end".to_owned()], None, Some(Step::parse(b)?)));
            }
            _ => return None,
        }
    }
    None
}

fn differences(a: &Step, b: &Step) -> Vec<String> {
    // Some clients count the gas that is handed on to the price of a call. What it really took shows in the next step.
    let calls = ["CALL", "CALLCODE", "DELEGATECALL", "STATICCALL", "CREATE", "CREATE2"].contains(&a.op.as_str());
    let all = [
        ("pc", a.pc != b.pc),
        ("op", same_op(&a.op) != same_op(&b.op)),
        ("gas", a.gas != b.gas),
        ("gas cost", a.cost != b.cost && !calls),
        ("depth", a.depth != b.depth),
        // A client that does not tell the stack does not say that it is empty.
        ("top of the stack", a.top.is_some() && b.top.is_some() && a.top != b.top),
    ];
    all.iter().filter(|(_, differs)| *differs).map(|(word, _)| (*word).to_owned()).collect()
}

/// Instructions that clients name in two ways.
fn same_op(op: &str) -> &str {
    match op {
        "SHA3" => "KECCAK256",
        "DIFFICULTY" => "PREVRANDAO",
        "SUICIDE" => "SELFDESTRUCT",
        op if op.starts_with("opcode 0x") => "INVALID",
        op => op,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trace(steps: &[(u64, &str, u64, u64)], of: usize) -> Value {
        let steps: Vec<Value> = steps.iter().map(|(pc, op, gas, cost)| json!([pc, op, gas, cost, 1, null])).collect();
        json!({"hash": "0xT", "steps": steps, "of": of})
    }

    #[test]
    fn the_first_step_that_differs_is_found() {
        let one = trace(&[(0, "PUSH1", 100, 3), (2, "SLOAD", 97, 800), (3, "POP", 1, 2)], 3);
        let other = trace(&[(0, "PUSH1", 100, 3), (2, "SLOAD", 97, 2100), (3, "POP", 0, 2)], 3);
        let (step, differs, a, b) = compare(&one, &other).unwrap();
        assert_eq!((step, differs), (2, vec!["gas cost".to_owned()]));
        assert_eq!((a.unwrap().cost, b.unwrap().cost), (800, 2100));
        assert_eq!(compare(&one, &one), None);
    }

    #[test]
    fn a_trace_that_ends_differs_and_one_that_was_cut_does_not() {
        let long = trace(&[(0, "PUSH1", 100, 3), (2, "STOP", 97, 0)], 2);
        let ended = compare(&long, &trace(&[(0, "PUSH1", 100, 3)], 1)).unwrap();
        assert_eq!((ended.0, ended.1, ended.3), (2, vec!["end".to_owned()], None));
        assert_eq!(compare(&long, &trace(&[(0, "PUSH1", 100, 3)], 900)), None, "the rest was not kept");
    }

    #[test]
    fn what_a_call_costs_is_seen_in_the_step_after_it() {
        let one = trace(&[(0, "CALL", 100, 90), (2, "POP", 70, 2)], 2);
        assert_eq!(compare(&one, &trace(&[(0, "CALL", 100, 5), (2, "POP", 70, 2)], 2)), None, "counted otherwise");
        let other = compare(&one, &trace(&[(0, "CALL", 100, 5), (2, "POP", 60, 2)], 2)).unwrap();
        assert_eq!((other.0, other.1), (2, vec!["gas".to_owned()]));
    }

    #[test]
    fn names_of_one_instruction_are_no_difference() {
        assert_eq!(compare(&trace(&[(0, "SHA3", 9, 3)], 1), &trace(&[(0, "KECCAK256", 9, 3)], 1)), None);
        assert_eq!(
            compare(&trace(&[(0, "opcode 0x5f not defined", 9, 0)], 1), &trace(&[(0, "INVALID", 9, 0)], 1)),
            None
        );
        assert!(
            compare(&trace(&[(0, "opcode 0x5f not defined", 9, 0)], 1), &trace(&[(0, "PUSH0", 9, 2)], 1)).is_some()
        );
    }
}
