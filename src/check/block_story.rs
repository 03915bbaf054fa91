//! What stands in the first blocks of branches, in lines for people.

use std::fmt::Write as _;

use super::block_differences::{FieldDifference, InspectedBlock, Inspection, ReceiptDifference, SentTransaction};
use super::explain::Explanation;
use super::questions::{name_list, short_hash};
use super::trace_differences::{Step, StepDifference, TracedStep};
use crate::action::NodeName;

/// Fields that executing a block gives.
const RESULTS: [&str; 4] = ["stateRoot", "receiptsRoot", "gasUsed", "logsBloom"];
/// Fields that are given to the execution and may change the state by themselves.
const INPUTS: [&str; 9] = [
    "miner",
    "timestamp",
    "mixHash",
    "difficulty",
    "baseFeePerGas",
    "gasLimit",
    "parentBeaconBlockRoot",
    "withdrawalsRoot",
    "sha3Uncles",
];
/// Transactions that are named in one line.
const NAMED: usize = 5;

impl Inspection {
    /// Lines for people, most telling first.
    pub(crate) fn lines(&self, explanation: &Explanation) -> Vec<String> {
        let mut lines: Vec<String> = self.receipts.iter().map(|receipt| self.receipt(receipt)).collect();
        lines.extend(self.steps.iter().map(step));
        lines.extend(self.same_transactions(explanation));
        lines.extend(self.headers());
        lines.extend(self.other_transactions());
        lines.extend(self.blocks.iter().filter_map(what_it_holds));
        for block in self.blocks.iter().filter(|block| !block.refused_by.is_empty()) {
            let (verb, whose) = if block.refused_by.len() == 1 { ("lists", "its") } else { ("list", "their") };
            let (nodes, hash) = (names(&block.refused_by), short_hash(&block.hash));
            lines.push(format!("{nodes} {verb} {hash} among {whose} bad blocks"));
        }
        lines.extend(self.unanswered.iter().cloned());
        lines
    }

    /// `0xaa… and 0xbb…`.
    fn blocks_named(&self) -> String {
        let hashes: Vec<String> = self.blocks.iter().map(|block| short_hash(&block.hash)).collect();
        name_list(&hashes)
    }

    fn receipt(&self, difference: &ReceiptDifference) -> String {
        let fields: Vec<String> = difference.fields.iter().map(|field| self.receipt_field(field)).collect();
        format!("{} has another receipt in each branch: {}", named(&difference.transaction), fields.join("; "))
    }

    fn receipt_field(&self, difference: &FieldDifference) -> String {
        let values = difference.values.iter().zip(&self.blocks).filter_map(|(value, block)| {
            let value = value.as_ref()?;
            let value = match difference.field.as_str() {
                "logs" => match serde_json::from_str::<Vec<serde_json::Value>>(value) {
                    Ok(logs) => format!("{} of them", logs.len()),
                    Err(_) => "many".to_owned(),
                },
                "status" => match value.as_str() {
                    "0x1" => "1 (success)".to_owned(),
                    "0x0" => "0 (failure)".to_owned(),
                    other => other.to_owned(),
                },
                _ => decimal(value),
            };
            Some(format!("{value} in {}", short_hash(&block.hash)))
        });
        let values: Vec<String> = values.collect();
        let word = match difference.field.as_str() {
            "gasUsed" => "gas used",
            "contractAddress" => "contract address",
            "root" => "state root after it",
            other => other,
        };
        format!("{word} {}", values.join(" and "))
    }

    /// That the branches were made of the same transactions, and how their results differ.
    fn same_transactions(&self, explanation: &Explanation) -> Option<String> {
        let transactions = self.transactions.as_ref()?;
        let same = transactions.only_first.is_empty() && transactions.only_second.is_empty() && !transactions.reordered;
        if !same || self.blocks.len() != 2 || self.same_parent != Some(true) {
            return None;
        }
        let differing: Vec<&str> = RESULTS.into_iter().filter(|field| self.differs(field)).collect();
        let what = match transactions.common {
            0 => "hold no transaction".to_owned(),
            1 => "hold the same one transaction".to_owned(),
            many => format!("hold the same {many} transactions in the same order"),
        };
        let mut text = format!("{} have the same parent and {what}", self.blocks_named());
        match differing.as_slice() {
            [] => text.push_str("; what executing them gives is the same (state, receipts, gas, logs)"),
            ["stateRoot"] => text.push_str("; of what executing them gives only the state root differs"),
            some => {
                let some: Vec<String> = some.iter().map(ToString::to_string).collect();
                let _ = write!(text, "; of what executing them gives {} differ", name_list(&some));
            }
        }
        let mut inputs: Vec<String> =
            INPUTS.into_iter().filter(|field| self.differs(field)).map(str::to_owned).collect();
        let mut makers = explanation.sides.iter().map(|side| side.producer.as_ref().map(|maker| &maker.signed_as));
        let first = makers.next().flatten();
        if makers.any(|maker| maker.zip(first).is_some_and(|(one, other)| one != other)) && !self.differs("miner") {
            inputs.insert(0, "the maker".to_owned());
        }
        if self.differs("stateRoot") && !inputs.is_empty() {
            let too = if inputs.len() == 1 {
                "differs too, which can change the state by itself"
            } else {
                "differ too, which can change the state by themselves"
            };
            let _ = write!(text, " ({} {too})", name_list(&inputs));
        }
        Some(text)
    }

    fn differs(&self, field: &str) -> bool {
        self.fields.iter().any(|difference| difference.field == field)
    }

    fn headers(&self) -> Option<String> {
        if self.fields.is_empty() {
            return None;
        }
        let fields = self.fields.iter().filter(|difference| difference.field != "parentHash").map(|difference| {
            let number = |value: &Option<String>| value.as_deref().is_some_and(|value| value.len() <= 18);
            if difference.values.iter().all(number) && !matches!(difference.field.as_str(), "nonce" | "extraData") {
                let values: Vec<String> = difference.values.iter().flatten().map(|value| decimal(value)).collect();
                format!("{} ({})", difference.field, values.join(" and "))
            } else if difference.values.iter().any(Option::is_none) {
                format!("{} (not in all of them)", difference.field)
            } else {
                difference.field.clone()
            }
        });
        let fields: Vec<String> = fields.collect();
        let parent = match self.same_parent {
            Some(true) => ", which have the same parent,",
            Some(false) => ", which have different parents,",
            None => "",
        };
        Some(format!("the headers of {}{parent} differ in {}", self.blocks_named(), fields.join(", ")))
    }

    fn other_transactions(&self) -> Option<String> {
        let transactions = self.transactions.as_ref()?;
        let (first, second) = (self.blocks.first()?, self.blocks.get(1)?);
        let count =
            |count: u64| if count == 1 { "1 transaction is".to_owned() } else { format!("{count} transactions are") };
        if transactions.reordered {
            return Some(format!(
                "{} and {} hold the same {} transactions in different orders",
                short_hash(&first.hash),
                short_hash(&second.hash),
                transactions.common
            ));
        }
        let sides = [(first, &transactions.only_first), (second, &transactions.only_second)];
        let only: Vec<String> = sides
            .iter()
            .filter(|(_, only)| !only.is_empty())
            .map(|(block, only)| {
                let mut names: Vec<String> = only.iter().take(NAMED).map(named).collect();
                if only.len() > NAMED {
                    names.push(format!("{} more", only.len() - NAMED));
                }
                format!("only in {}: {}", short_hash(&block.hash), names.join(", "))
            })
            .collect();
        (!only.is_empty()).then(|| format!("{} in both blocks; {}", count(transactions.common), only.join("; ")))
    }
}

/// `0xaa… holds one transaction: transaction 0xbb… (sent by pay)`: of a block that has no other to be compared with.
fn what_it_holds(block: &InspectedBlock) -> Option<String> {
    let mut all: Vec<String> = block.holds.iter().take(NAMED).map(named).collect();
    let count = block.transactions.filter(|_| !all.is_empty())?;
    if count > all.len() as u64 {
        all.push(format!("{} more", count - all.len() as u64));
    }
    let transactions = if count == 1 { "one transaction".to_owned() } else { format!("{count} transactions") };
    Some(format!("{} holds {transactions}: {}", short_hash(&block.hash), all.join(", ")))
}

/// `transaction 0xaa…bb (sent by pay)`.
fn named(transaction: &SentTransaction) -> String {
    let hash = short_hash(&transaction.hash);
    match &transaction.entry {
        Some(entry) => format!("transaction {hash} (sent by {entry})"),
        None => format!("transaction {hash}"),
    }
}

/// `0x1a` as `26`; what is no small number stays.
fn decimal(value: &str) -> String {
    let number = value.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.map_or_else(|| short_hash(value), |number| number.to_string())
}

fn names(nodes: &[NodeName]) -> String {
    name_list(&nodes.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn step(difference: &StepDifference) -> String {
    let (one, other) = (&difference.first, &difference.second);
    let at = |traced: &TracedStep| format!("{} (in {})", traced.node, short_hash(&traced.block));
    let who = if one.block == other.block {
        format!("{} and {}, both executing {}", one.node, other.node, short_hash(&one.block))
    } else {
        format!("{} and {}", at(one), at(other))
    };
    let transaction = named(&difference.transaction);
    let intro = format!("{transaction}: traces of {who} differ first at step {}", difference.step);
    match (&one.step, &other.step) {
        (Some(a), Some(b)) => {
            let same = if a.pc == b.pc && a.op == b.op { format!(", pc {} {}", a.pc, a.op) } else { String::new() };
            let values: Vec<String> = difference
                .differs
                .iter()
                .map(|word| format!("{word} {} and {}", value(a, word), value(b, word)))
                .collect();
            format!("{intro}{same}: {}", values.join(", "))
        }
        (Some(goes_on), None) => {
            format!("{intro}: that of {} has ended, the other goes on with {}", other.node, told(goes_on))
        }
        (None, Some(goes_on)) => {
            format!("{intro}: that of {} has ended, the other goes on with {}", one.node, told(goes_on))
        }
        (None, None) => intro,
    }
}

fn told(step: &Step) -> String {
    format!("pc {} {}", step.pc, step.op)
}

fn value(step: &Step, word: &str) -> String {
    match word {
        "pc" => step.pc.to_string(),
        "op" => step.op.clone(),
        "gas" => step.gas.to_string(),
        "gas cost" => step.cost.to_string(),
        "depth" => step.depth.to_string(),
        _ => step.top.as_deref().map_or_else(|| "none".to_owned(), short_hash),
    }
}
