//! Answers about blocks in the form in which they stand in the journal: what tells blocks apart, cut to a bounded length.
//! Whatever is cut says how much there was.

use serde_json::{Map, Value, json};

use crate::journal::What;

/// Longest answer that is kept, in bytes of JSON.
const LONGEST: usize = 256 << 10;
/// Longest text in an answer, in characters: input of a transaction, data of a log.
const LONGEST_TEXT: usize = 260;
/// Most steps that are kept of one transaction.
const STEPS: usize = 2_000;

/// A block with its transactions, and the hashes of these; none for what is no block.
///
/// `{"header": {…}, "transactions": [{…}], "of": 3}`: the block's fields without the transactions, then those that fit.
pub(super) fn header(block: &Value) -> Option<(Value, Vec<String>)> {
    let mut fields = block.as_object()?.clone();
    let transactions = match fields.remove("transactions") {
        Some(Value::Array(transactions)) => transactions,
        _ => Vec::new(),
    };
    for long in ["withdrawals", "size", "totalDifficulty"] {
        fields.remove(long);
    }
    let hashes: Vec<String> = transactions
        .iter()
        .filter_map(|transaction| transaction.as_str().or_else(|| transaction["hash"].as_str()))
        .map(str::to_ascii_lowercase)
        .collect();
    let mut header = Value::Object(fields);
    cut(&mut header);
    let wanted = ["hash", "from", "to", "nonce", "value", "gas", "gasPrice", "type", "input"];
    let (kept, of) = fitting(transactions.iter().map(|transaction| chosen(transaction, &wanted)), LONGEST);
    Some((json!({"header": header, "transactions": kept, "of": of}), hashes))
}

/// `{"receipts": [{…}], "of": 3}`.
pub(super) fn receipts(receipts: &[Value], of: usize) -> Value {
    let wanted = [
        "transactionHash",
        "status",
        "root",
        "gasUsed",
        "cumulativeGasUsed",
        "contractAddress",
        "effectiveGasPrice",
        "type",
    ];
    let short = receipts.iter().map(|receipt| {
        let mut short = chosen(receipt, &wanted);
        if let Some(logs) = receipt["logs"].as_array() {
            short["logs"] = logs.iter().map(|log| chosen(log, &["address", "topics", "data"])).collect();
        }
        short
    });
    json!({"receipts": fitting(short, LONGEST).0, "of": of})
}

/// Traces of all transactions of a block, in its order; clients that do not name the transaction are taken to keep to it.
pub(super) fn traces(traces: &[Value], transactions: &[String]) -> Value {
    let mut form = TraceForm::default();
    for (position, trace) in traces.iter().enumerate() {
        let hash = trace["txHash"].as_str().map(str::to_ascii_lowercase);
        if let Some(hash) = hash.or_else(|| transactions.get(position).cloned()) {
            form.add(&hash, trace.get("result").unwrap_or(trace));
        }
    }
    form.done(traces.len().max(transactions.len()))
}

/// `{"transactions": [{"hash": "0x…", "steps": [[pc, "SLOAD", gas, cost, depth, "top of the stack"]], "of": 12}], "of": 1}`.
#[derive(Debug, Default)]
pub(super) struct TraceForm {
    transactions: Vec<Value>,
    bytes: usize,
}

impl TraceForm {
    pub(super) fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// Takes up the trace of one transaction, as far as there is room.
    pub(super) fn add(&mut self, hash: &str, trace: &Value) {
        let Some(logs) = trace["structLogs"].as_array() else { return };
        let mut steps = Vec::new();
        for log in logs.iter().take(STEPS) {
            let step = step(log);
            let bytes = step.to_string().len() + 1;
            if self.bytes + bytes > LONGEST {
                break;
            }
            self.bytes += bytes;
            steps.push(step);
        }
        if self.bytes + 200 > LONGEST {
            return;
        }
        self.bytes += 200;
        let mut told = json!({"hash": hash, "steps": steps, "of": logs.len()});
        for key in ["gas", "failed"] {
            if let Some(value) = trace.get(key) {
                told[key] = value.clone();
            }
        }
        self.transactions.push(told);
    }

    pub(super) fn done(self, of: usize) -> Value {
        json!({"transactions": self.transactions, "of": of})
    }
}

fn step(log: &Value) -> Value {
    let top = log["stack"].as_array().and_then(|stack| stack.last()).and_then(Value::as_str).map(|top| {
        let digits = top.trim_start_matches("0x").trim_start_matches('0');
        format!("0x{}", if digits.is_empty() { "0" } else { digits })
    });
    json!([log["pc"], log["op"], log["gas"], log["gasCost"], log["depth"], top])
}

/// The block's hash and the hashes of its transactions, out of an answer about its header.
pub(super) fn transactions_of(what: &What) -> Option<(String, Vec<String>)> {
    let What::Inspected { hash, part, answer: Some(answer), .. } = what else { return None };
    let transactions = answer["transactions"].as_array().filter(|_| part == "header")?;
    let hashes = transactions.iter().filter_map(|transaction| transaction["hash"].as_str());
    Some((hash.clone(), hashes.map(str::to_ascii_lowercase).collect()))
}

/// Some fields of an object, texts cut.
fn chosen(value: &Value, wanted: &[&str]) -> Value {
    if let Some(hash) = value.as_str() {
        return json!({"hash": hash});
    }
    let fields = wanted.iter().filter_map(|key| Some(((*key).to_owned(), value.get(*key)?.clone())));
    let mut short = Value::Object(fields.collect::<Map<_, _>>());
    cut(&mut short);
    short
}

/// Cuts long texts, and says how long they were. A bloom (512 digits) is made of the logs and tells nothing by itself but
/// whether it differs: its ends stay.
fn cut(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > LONGEST_TEXT && text.is_ascii() => {
            let hash = <sha3::Keccak256 as sha3::Digest>::digest(text.as_bytes());
            *text = format!("{}… ({} characters, {})", &text[..66], text.len(), &hex::encode(hash)[..16]);
        }
        Value::Array(items) => items.iter_mut().for_each(cut),
        Value::Object(entries) => entries.values_mut().for_each(cut),
        _ => {}
    }
}

/// Those that fit, and how many there were.
fn fitting(values: impl Iterator<Item = Value>, longest: usize) -> (Vec<Value>, usize) {
    let (mut kept, mut bytes, mut of) = (Vec::new(), 0, 0);
    for value in values {
        of += 1;
        bytes += value.to_string().len() + 1;
        if bytes <= longest {
            kept.push(value);
        }
    }
    (kept, of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_keeps_its_fields_and_its_transactions_in_short() {
        let long = format!("0x{}", "ab".repeat(400));
        let block = json!({
            "hash": "0xAA", "stateRoot": "0x01", "size": "0x99", "logsBloom": format!("0x{}", "00".repeat(256)),
            "transactions": [{"hash": "0xT1", "from": "0xf", "input": long, "v": "0x1"}],
        });
        let (told, hashes) = header(&block).unwrap();
        assert_eq!(hashes, ["0xt1"]);
        assert_eq!(told["header"]["stateRoot"], "0x01");
        assert!(told["header"].get("size").is_none(), "how a client counts is no difference of blocks");
        assert!(told["header"]["logsBloom"].as_str().unwrap().contains("(514 characters, "));
        assert_eq!(told["of"], 1);
        let transaction = &told["transactions"][0];
        assert!(transaction["input"].as_str().unwrap().contains("… (802 characters, "), "{transaction}");
        assert!(transaction.get("v").is_none());
        assert!(header(&Value::Null).is_none());
    }

    #[test]
    fn what_is_too_long_is_left_out_and_counted() {
        let many: Vec<Value> =
            (0..5_000).map(|n| json!({"transactionHash": format!("{n:0>64}"), "status": "0x1"})).collect();
        let told = receipts(&many, many.len());
        assert_eq!(told["of"], 5_000);
        assert!(told.to_string().len() <= LONGEST + 100);
        assert!(told["receipts"].as_array().unwrap().len() > 1_000);
    }

    #[test]
    fn steps_are_kept_in_short_and_counted() {
        let log = json!({"pc": 2, "op": "SLOAD", "gas": 100, "gasCost": 800, "depth": 1, "stack": ["0x1", "0x0007"]});
        let bare = json!({"pc": 0, "op": "PUSH1", "gas": 103, "gasCost": 3, "depth": 1, "stack": []});
        let trace = json!({"result": {"gas": 900, "failed": false, "structLogs": [bare, log]}});
        let told = traces(&[trace], &["0xt1".to_owned()]);
        assert_eq!(
            told,
            json!({"of": 1, "transactions": [{
                "hash": "0xt1", "gas": 900, "failed": false, "of": 2,
                "steps": [[0, "PUSH1", 103, 3, 1, null], [2, "SLOAD", 100, 800, 1, "0x7"]],
            }]})
        );
        let endless = json!({"txHash": "0xT2", "result": {"structLogs": vec![log; 30_000]}});
        let told = traces(&[endless.clone(), endless], &[]);
        assert_eq!(told["transactions"][0]["of"], 30_000);
        assert_eq!(told["transactions"][0]["steps"].as_array().unwrap().len(), STEPS);
        assert!(told.to_string().len() <= LONGEST + 1_000);
    }
}
