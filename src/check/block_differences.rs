//! What stands in the first blocks of branches, as nodes told after their chains had parted: header fields, transactions,
//! receipts, and the first step of a trace that differs. Facts only; who is right is not for here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::explain::Explanation;
use super::history::History;
use super::trace_differences::{StepDifference, first_difference};
use crate::action::{EntryName, NodeName};
use crate::journal::{Journal, What};

/// Header fields in the order in which they are told: what executing the block gives, then what it was made of.
const FIELDS: [&str; 21] = [
    "stateRoot",
    "receiptsRoot",
    "gasUsed",
    "logsBloom",
    "transactionsRoot",
    "withdrawalsRoot",
    "requestsHash",
    "blobGasUsed",
    "excessBlobGas",
    "parentHash",
    "number",
    "gasLimit",
    "baseFeePerGas",
    "timestamp",
    "miner",
    "difficulty",
    "sha3Uncles",
    "extraData",
    "mixHash",
    "nonce",
    "parentBeaconBlockRoot",
];
/// Fields of receipts that are compared; how many logs there are, and which, comes beside them.
const RECEIPT_FIELDS: [&str; 4] = ["status", "gasUsed", "contractAddress", "root"];
/// Most of anything that is put into a verdict.
const MOST: usize = 20;
/// Most branches that are compared.
const MOST_BLOCKS: usize = 4;

/// What nodes told of the first blocks of branches. Values stand in the order of `blocks`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// The blocks.
    pub blocks: Vec<InspectedBlock>,
    /// Whether all of them have the same parent, where all headers were told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_parent: Option<bool>,
    /// Header fields that differ, where all headers were told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDifference>,
    /// How the transactions of the first two blocks compare, where all of them were told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transactions: Option<Transactions>,
    /// Transactions that are in several of the blocks and whose receipts differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<ReceiptDifference>,
    /// Where traces of one transaction differ first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepDifference>,
    /// What was asked and not answered, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<String>,
}

/// A block that nodes were asked about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InspectedBlock {
    /// Its hash.
    pub hash: String,
    /// Whose word on it was taken.
    pub told_by: Vec<NodeName>,
    /// Nodes that list it among their bad blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_by: Vec<NodeName>,
    /// How many transactions it has, where that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transactions: Option<u64>,
    /// Its transactions, where all of them were told and there is no other block to compare them with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<SentTransaction>,
}

/// A field that is not the same in all blocks; none where a block does not have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldDifference {
    /// Its name in the API.
    pub field: String,
    /// Its values.
    pub values: Vec<Option<String>>,
}

/// Transactions of two blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Transactions {
    /// How many are in both.
    pub common: u64,
    /// Whether the blocks have the same ones in another order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reordered: bool,
    /// Those that only the first block has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_first: Vec<SentTransaction>,
    /// Those that only the second one has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_second: Vec<SentTransaction>,
}

/// A transaction, and the entry of the timeline that sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentTransaction {
    /// Its hash.
    pub hash: String,
    /// The entry, if one sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryName>,
}

/// A transaction with another receipt in another block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReceiptDifference {
    /// The transaction.
    pub transaction: SentTransaction,
    /// What differs: fields of the receipt, and `logs`. None where a block does not have the transaction.
    pub fields: Vec<FieldDifference>,
}

/// One line of the journal about a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    pub(crate) seq: u64,
    pub(crate) node: &'a NodeName,
    pub(crate) hash: &'a str,
    pub(crate) part: &'a str,
    pub(crate) answer: Option<&'a Value>,
    pub(crate) error: Option<&'a str>,
}

/// All that was told of blocks, also after the timeline: blocks do not change.
pub(crate) fn told(journal: &Journal) -> Vec<Told<'_>> {
    let told = journal.events.iter().filter_map(|event| match &event.what {
        What::Inspected { node, hash, part, answer, error } => {
            Some(Told { seq: event.seq, node, hash, part, answer: answer.as_ref(), error: error.as_deref() })
        }
        _ => None,
    });
    told.collect()
}

/// Puts what was told of an explanation's blocks into it and among its lines, the most telling one after the first, which
/// says who is on which branch.
pub(crate) fn tell(
    history: &History<'_>,
    explanation: &mut Explanation,
    lines: &mut Vec<String>,
    evidence: &mut Vec<u64>,
) {
    let Some((inspection, seqs)) = inspect(history, explanation) else { return };
    let mut more = inspection.lines(explanation).into_iter();
    if let Some(first) = more.next() {
        lines.insert(1.min(lines.len()), first);
    }
    lines.extend(more);
    evidence.extend(seqs);
    explanation.inspection = Some(inspection);
}

/// What was told of the first blocks of the branches, or of the block that a node that is behind has refused.
fn inspect(history: &History<'_>, explanation: &Explanation) -> Option<(Inspection, Vec<u64>)> {
    let known = |hash: &str| history.inspected.iter().any(|told| told.hash.eq_ignore_ascii_case(hash));
    let (mut hashes, mut unasked): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for side in explanation.sides.iter().take(MOST_BLOCKS) {
        // On a beacon chain it is the execution block inside that was asked about.
        let inside = history.chain.find(&side.block.hash).and_then(|block| history.told.get(&block)?.execution.clone());
        match [Some(side.block.hash.clone()), inside].into_iter().flatten().find(|hash| known(hash)) {
            Some(hash) => hashes.push(hash),
            None => unasked.push(format!("nobody was asked about {}", super::short_hash(&side.block.hash))),
        }
    }
    if explanation.sides.is_empty() {
        let behind = |node: &NodeName| explanation.behind.iter().any(|holder| holder.node == *node);
        let refused = history.inspected.iter().filter(|told| told.part == "refused" && behind(told.node));
        hashes.extend(refused.map(|told| told.hash.to_owned()).next());
    }
    hashes.dedup();
    if hashes.is_empty() {
        return None;
    }
    let all: Vec<Vec<Told<'_>>> = hashes.iter().map(|hash| about(history, hash)).collect();
    let evidence = all.iter().flatten().map(|told| told.seq).collect();
    let sent = sent(history);
    let mut inspection = Inspection {
        blocks: hashes.iter().zip(&all).map(|(hash, told)| block(hash, told)).collect(),
        unanswered: unanswered(&all).into_iter().chain(unasked).collect(),
        ..Inspection::default()
    };
    let headers: Vec<Option<&Value>> = all.iter().map(|told| answer(told, "header")).collect();
    if let Some(headers) = headers.iter().copied().collect::<Option<Vec<&Value>>>()
        && headers.len() > 1
    {
        inspection.fields = header_differences(&headers);
        let parents: Vec<Option<String>> = headers.iter().map(|header| text(&header["header"]["parentHash"])).collect();
        if parents.iter().all(Option::is_some) {
            inspection.same_parent = Some(parents.iter().all(|parent| parent == &parents[0]));
        }
        inspection.transactions = transactions(headers[0], headers[1], &sent);
    }
    if let ([block], [Some(header)]) = (inspection.blocks.as_mut_slice(), headers.as_slice()) {
        let all = self::hashes(header).unwrap_or_default();
        block.holds = all.iter().take(MOST).map(|hash| sent_as(hash, &sent)).collect();
    }
    inspection.receipts = receipt_differences(&all, &sent);
    inspection.steps = step_differences(&all, &inspection.receipts, &sent);
    Some((inspection, evidence))
}

fn about<'a>(history: &History<'a>, hash: &str) -> Vec<Told<'a>> {
    history.inspected.iter().filter(|told| told.hash.eq_ignore_ascii_case(hash)).copied().collect()
}

fn block(hash: &str, told: &[Told<'_>]) -> InspectedBlock {
    let mut told_by: Vec<NodeName> = Vec::new();
    for one in told.iter().filter(|one| one.answer.is_some() && one.part != "refused") {
        if !told_by.contains(one.node) {
            told_by.push(one.node.clone());
        }
    }
    // A node that is asked again says it again.
    let refused = told.iter().filter(|one| one.part == "refused" && one.answer == Some(&Value::Bool(true)));
    let mut refused_by: Vec<NodeName> = refused.map(|one| one.node.clone()).collect();
    refused_by.sort();
    refused_by.dedup();
    InspectedBlock {
        hash: hash.to_owned(),
        told_by,
        refused_by,
        transactions: answer(told, "header").and_then(|header| header["of"].as_u64()),
        holds: Vec::new(),
    }
}

/// Parts that nobody told.
fn unanswered(all: &[Vec<Told<'_>>]) -> Vec<String> {
    let mut lines = Vec::new();
    for told in all {
        for part in ["header", "receipts", "trace"] {
            let asked: Vec<&Told<'_>> = told.iter().filter(|one| one.part == part).collect();
            if asked.iter().any(|one| one.answer.is_some()) {
                continue;
            }
            let hash = told.first().map_or("", |one| one.hash);
            let hash = super::short_hash(hash);
            match asked.first() {
                Some(one) => {
                    let why = one.error.unwrap_or("no answer");
                    lines.push(format!("the {part} of {hash} was asked of {} and not told: {why}", one.node));
                }
                None => lines.push(format!("nobody was asked for the {part} of {hash}")),
            }
        }
    }
    lines.truncate(MOST);
    lines
}

/// The first answer to a question about a block.
fn answer<'a>(told: &[Told<'a>], part: &str) -> Option<&'a Value> {
    told.iter().filter(|one| one.part == part).find_map(|one| one.answer)
}

/// A value as text that can be compared: hexadecimal digits have no case.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.to_ascii_lowercase()),
        other => Some(other.to_string()),
    }
}

fn header_differences(headers: &[&Value]) -> Vec<FieldDifference> {
    let fields = FIELDS.iter().filter_map(|field| {
        let values: Vec<Option<String>> = headers.iter().map(|header| text(&header["header"][field])).collect();
        differs(field, values)
    });
    fields.collect()
}

fn differs(field: &str, values: Vec<Option<String>>) -> Option<FieldDifference> {
    let differs = values.iter().any(|value| value != &values[0]);
    differs.then(|| FieldDifference { field: field.to_owned(), values })
}

/// Hashes of a block's transactions, if all of them were kept.
fn hashes(header: &Value) -> Option<Vec<String>> {
    let listed = header["transactions"].as_array()?;
    let hashes: Vec<String> = listed.iter().filter_map(|transaction| text(&transaction["hash"])).collect();
    (header["of"].as_u64() == Some(hashes.len() as u64)).then_some(hashes)
}

fn transactions(one: &Value, other: &Value, sent: &BTreeMap<String, EntryName>) -> Option<Transactions> {
    let (one, other) = (hashes(one)?, hashes(other)?);
    let only = |these: &[String], those: &[String]| -> Vec<SentTransaction> {
        let only = these.iter().filter(|hash| !those.contains(hash)).take(MOST);
        only.map(|hash| sent_as(hash, sent)).collect()
    };
    let common = one.iter().filter(|hash| other.contains(hash)).count();
    let reordered = one != other && common == one.len() && common == other.len();
    Some(Transactions {
        common: common as u64,
        reordered,
        only_first: only(&one, &other),
        only_second: only(&other, &one),
    })
}

fn sent_as(hash: &str, sent: &BTreeMap<String, EntryName>) -> SentTransaction {
    SentTransaction { hash: hash.to_owned(), entry: sent.get(hash).cloned() }
}

/// Entries by the hash of the transaction that they sent: from the plan where the tool signed it, else from the answer.
fn sent(history: &History<'_>) -> BTreeMap<String, EntryName> {
    let mut sent = BTreeMap::new();
    let sends = history.run.windows.iter().filter(|window| window.fault == super::SEND);
    for window in sends {
        sent.extend(window.transaction.iter().map(|hash| (hash.to_ascii_lowercase(), window.name.clone())));
        let answers = history.calls.iter().filter(|call| call.asked_by == window.name.as_str());
        // Other calls may be answered with a hash of something else.
        let answers = answers.filter(|call| call.method.to_ascii_lowercase().contains("send"));
        for hash in answers.filter_map(|call| call.result?.as_str()).filter(|hash| hash.len() == 66) {
            sent.entry(hash.to_ascii_lowercase()).or_insert_with(|| window.name.clone());
        }
    }
    sent
}

/// Receipts by transaction, as the first node told them that did.
fn receipts<'a>(told: &[Told<'a>]) -> BTreeMap<String, &'a Value> {
    let listed = answer(told, "receipts").and_then(|answer| answer["receipts"].as_array());
    listed.into_iter().flatten().filter_map(|receipt| Some((text(&receipt["transactionHash"])?, receipt))).collect()
}

fn receipt_differences(all: &[Vec<Told<'_>>], sent: &BTreeMap<String, EntryName>) -> Vec<ReceiptDifference> {
    let receipts: Vec<BTreeMap<String, &Value>> = all.iter().map(|told| receipts(told)).collect();
    let mut found = Vec::new();
    let Some(first) = receipts.first() else { return found };
    for hash in first.keys() {
        let of: Vec<Option<&Value>> = receipts.iter().map(|receipts| receipts.get(hash).copied()).collect();
        if of.iter().flatten().count() < 2 {
            continue;
        }
        let plain = RECEIPT_FIELDS.iter().map(|field| (*field, of.iter().map(|one| text(&(*one)?[field])).collect()));
        let log = |one: Option<&Value>| Some(Value::from(one?["logs"].as_array()?.clone()).to_string());
        let logs = ("logs", of.iter().copied().map(log).collect::<Vec<_>>());
        let fields: Vec<FieldDifference> = plain
            .chain([logs])
            .filter_map(|(field, values): (&str, Vec<Option<String>>)| {
                // A block without the transaction says nothing of it.
                let told: Vec<&Option<String>> =
                    values.iter().zip(&of).filter(|(_, one)| one.is_some()).map(|(value, _)| value).collect();
                let differ = told.iter().any(|value| *value != told[0]);
                differ.then(|| FieldDifference {
                    field: field.to_owned(),
                    values: values.into_iter().map(shorter).collect(),
                })
            })
            .collect();
        if !fields.is_empty() {
            found.push(ReceiptDifference { transaction: sent_as(hash, sent), fields });
        }
    }
    found.truncate(MOST);
    found
}

/// Logs of a transaction may be long: their number and their beginning tell enough.
fn shorter(value: Option<String>) -> Option<String> {
    let value = value?;
    if value.chars().count() <= 400 {
        return Some(value);
    }
    Some(format!("{}…", value.chars().take(400).collect::<String>()))
}

/// Traces that differ, once for each transaction: of the same block by different nodes if there are such, else of a
/// transaction whose receipts differ in two blocks.
fn step_differences(
    all: &[Vec<Told<'_>>],
    receipts: &[ReceiptDifference],
    sent: &BTreeMap<String, EntryName>,
) -> Vec<StepDifference> {
    let mut found: Vec<StepDifference> = Vec::new();
    for told in all {
        // Of those who hold a block each is content with it; whoever refused it computes something else.
        let refused = |node: &NodeName| told.iter().any(|one| one.part == "refused" && one.node == node);
        let (refusers, holders): (Vec<Told<'_>>, Vec<Told<'_>>) =
            traces(told).into_iter().partition(|one| refused(one.node));
        let Some(holder) = holders.first() else { continue };
        for refuser in &refusers {
            found.extend(first_difference(holder, refuser, None, sent));
        }
    }
    for (one, other) in all.iter().zip(all.iter().skip(1)) {
        let (ones, others) = (traces(one), traces(other));
        let (Some(one), Some(other)) = (ones.first(), others.first()) else { continue };
        for receipt in receipts {
            found.extend(first_difference(one, other, Some(&receipt.transaction.hash), sent));
        }
    }
    let mut told: Vec<String> = Vec::new();
    found.retain(|difference| {
        let hash = &difference.transaction.hash;
        let new = !told.contains(hash);
        told.push(hash.clone());
        new
    });
    found.truncate(MOST);
    found
}

fn traces<'a>(told: &[Told<'a>]) -> Vec<Told<'a>> {
    told.iter().filter(|one| one.part == "trace" && one.answer.is_some()).copied().collect()
}
