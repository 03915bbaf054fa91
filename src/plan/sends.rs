//! What entries of the timeline send, as calls: names filled in, transactions numbered and signed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Step;
use super::hashes::Hashes;
use super::invocation::Filler;
use super::keys::{NodeKey, address_text};
use super::transaction::Unsigned;
use super::wiring::Known;
use crate::action::{Action, NodeName, Seeds};
use crate::client::{NamedCall, Template, Vocabulary};
use crate::spec::{Entry, Recipient, Scenario, Send, Transaction};
use crate::text::{Diagnostic, Sp, Span};

/// A step for each entry that sends something, in order of time: calls take their time, and no fault may wait for them.
/// With the hashes of the transactions among them.
pub(super) fn steps(
    scenario: &Scenario,
    filler: &Filler<'_>,
    known: &[Known<'_>],
) -> Result<(Vec<Step>, Hashes), Vec<Diagnostic>> {
    let hashes = Hashes::default();
    let mut sender = Sender { filler, known, nonces: BTreeMap::new(), hashes, mistakes: Vec::new() };
    let mut steps = Vec::new();
    // Entries stand in order of time, those of one instant in the order of the file: so nonces follow.
    for entry in &scenario.timeline {
        if let Some(send) = &entry.send {
            let actions = sender.actions(entry, send);
            steps.push(Step {
                at: entry.at,
                begins: vec![entry.name.clone()],
                ends: vec![entry.name.clone()],
                actions,
            });
        }
    }
    if sender.mistakes.is_empty() { Ok((steps, sender.hashes)) } else { Err(sender.mistakes) }
}

/// The account of that number, which chains with funded accounts give money to.
fn account(seeds: &Seeds, number: u32) -> NodeKey {
    NodeKey::from_seeds(&seeds.child(&format!("account/{number}")))
}

struct Sender<'b, 'a> {
    filler: &'b Filler<'a>,
    known: &'b [Known<'a>],
    /// Transactions that each account has sent so far.
    nonces: BTreeMap<u32, u64>,
    /// Hashes of the transactions so far: what is named in a call was sent before.
    hashes: Hashes,
    mistakes: Vec<Diagnostic>,
}

impl<'a> Sender<'_, 'a> {
    fn actions(&mut self, entry: &Entry, send: &Send) -> Vec<Action> {
        match send {
            Send::Rpc { nodes, method, params } => {
                let params = self.hashes.fill(&Value::Array(params.clone()));
                nodes.iter().filter_map(|node| self.call(entry, node, method, params.clone())).collect()
            }
            Send::Call { nodes, name, place } => {
                let mut actions = Vec::new();
                for node in nodes {
                    let Some(known) = self.node(node) else { continue };
                    // That every client has the call was checked where it is written.
                    let Some(named) = known.client.calls.get(name) else { continue };
                    match fill(self.filler, known, named, *place) {
                        Ok(params) => actions.extend(self.call(entry, node, &named.method, params)),
                        Err(more) => self.mistakes.extend(more),
                    }
                }
                actions
            }
            Send::Transaction(transaction) => {
                let raw = self.sign(transaction);
                self.hashes.note(&entry.name, &raw);
                let params = Value::Array(vec![Value::String(format!("0x{}", hex::encode(raw)))]);
                self.call(entry, &transaction.via, "eth_sendRawTransaction", params).into_iter().collect()
            }
        }
    }

    fn node(&self, name: &NodeName) -> Option<&Known<'a>> {
        self.known.iter().find(|known| known.node.name == *name)
    }

    /// A call to a node, which takes calls: that was checked where it is named.
    fn call(&self, entry: &Entry, node: &NodeName, method: &str, params: Value) -> Option<Action> {
        let rpc = self.node(node)?.client.rpc.clone()?;
        Some(Action::Call { node: node.clone(), asked_by: entry.name.clone(), rpc, method: method.to_owned(), params })
    }

    fn sign(&mut self, transaction: &Transaction) -> Vec<u8> {
        let next = self.nonces.entry(transaction.from).or_default();
        let nonce = *next;
        *next += 1;
        let unsigned = Unsigned {
            nonce,
            gas_price: transaction.gas_price,
            gas: transaction.gas,
            to: transaction.to.map(|to| match to {
                Recipient::Address(address) => address,
                Recipient::Account(number) => account(self.filler.seeds, number).account(),
            }),
            value: transaction.value,
            data: &transaction.data,
        };
        unsigned.signed(&account(self.filler.seeds, transaction.from), transaction.chain_id)
    }
}

/// The parameters of a named call for one node. `place` is where the call was asked for.
fn fill(filler: &Filler<'_>, known: &Known<'_>, named: &NamedCall, place: Span) -> Result<Value, Vec<Diagnostic>> {
    let vocabulary = Vocabulary { ports: known.client.ports.keys().cloned().collect(), ..Vocabulary::default() };
    let mut mistakes = Vec::new();
    let mut params = named.params.clone();
    each_text(&mut params, &mut |text| {
        let template = Template::parse(&Sp::new(text.clone(), place), &vocabulary, "");
        match template.and_then(|template| filler.text(known, &template)) {
            Ok(filled) => *text = filled,
            Err(mistake) => mistakes.push(mistake),
        }
    });
    if mistakes.is_empty() { Ok(params) } else { Err(mistakes) }
}

fn each_text(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(entries) => entries.values_mut().for_each(|item| each_text(item, change)),
        _ => {}
    }
}

/// Names of the accounts that transactions are signed by, for notes: `account-0 is 0x…`.
pub(super) fn notes(scenario: &Scenario, seeds: &Seeds) -> Vec<String> {
    let mut numbers: Vec<u32> = scenario
        .timeline
        .iter()
        .filter_map(|entry| match &entry.send {
            Some(Send::Transaction(transaction)) => Some(transaction),
            _ => None,
        })
        .flat_map(|transaction| {
            let to = match transaction.to {
                Some(Recipient::Account(number)) => Some(number),
                _ => None,
            };
            [Some(transaction.from), to].into_iter().flatten()
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let say = |number| format!("account-{number} is {}", address_text(&account(seeds, number).account()));
    numbers.into_iter().map(say).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::sample::{Parts, surroundings};
    use super::super::{Plan, build};
    use crate::action::{Action, BackendKind, Capabilities};
    use crate::fault::Effects;
    use crate::spec::{Entry, Recipient, SEND, Send, Transaction};
    use crate::text::Span;

    fn plan(sends: Vec<(u64, Send)>) -> Plan {
        let topology =
            "nodes:\n  a: {client: beta, role: validator}\n  b: {client: beta, role: validator}\ngraph: mesh\n";
        let chain = "{genesis: clique, accounts: 2}";
        let parts = Parts { topology: topology.to_owned(), chain, timeline: Vec::new(), ..Parts::default() };
        let mut scenario = parts.scenario();
        for (number, (at, send)) in sends.into_iter().enumerate() {
            scenario.timeline.push(Entry {
                name: format!("send-{number}").as_str().into(),
                family: format!("send-{number}"),
                at: Duration::from_secs(at),
                until: None,
                fault: SEND,
                summary: String::new(),
                effects: Effects { momentary: true, ..Effects::default() },
                send: Some(send),
                targets: Vec::new(),
            });
        }
        build(&scenario, &Capabilities::everything(BackendKind::Docker), &surroundings())
            .unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
    }

    fn pay(from: u32) -> Send {
        Send::Transaction(Transaction {
            from,
            chain_id: 7117,
            to: Some(Recipient::Account(1)),
            value: 5,
            data: Vec::new(),
            gas: 21_000,
            gas_price: 1,
            via: "a".into(),
        })
    }

    fn calls(plan: &Plan) -> Vec<(u64, String, String, String)> {
        let mut calls = Vec::new();
        for step in &plan.timeline {
            for action in &step.actions {
                let Action::Call { node, method, params, .. } = action else { continue };
                calls.push((
                    step.at.as_secs(),
                    node.to_string(),
                    method.clone(),
                    params[0].as_str().unwrap().to_owned(),
                ));
            }
        }
        calls
    }

    #[test]
    fn nonces_are_counted_for_each_account_in_order_of_time() {
        let plan = plan(vec![(5, pay(0)), (5, pay(1)), (6, pay(0)), (9, pay(0))]);
        let nonce = |raw: &str| match &raw[6..8] {
            // RLP of zero is the empty string; other small numbers stand for themselves.
            "80" => 0,
            digits => u8::from_str_radix(digits, 16).unwrap(),
        };
        let calls = calls(&plan);
        assert!(calls.iter().all(|call| call.2 == "eth_sendRawTransaction" && call.3.starts_with("0xf8")), "{calls:?}");
        let nonces: Vec<(u64, u8)> = calls.iter().map(|call| (call.0, nonce(&call.3))).collect();
        assert_eq!(nonces, [(5, 0), (5, 0), (6, 1), (9, 2)]);
        assert_eq!(plan.notes.len(), 2, "whose accounts they are: {:?}", plan.notes);
        assert!(plan.timeline.iter().all(|step| step.begins == step.ends), "over at once");
    }

    #[test]
    fn a_later_call_is_given_the_hash_of_an_earlier_transaction() {
        let call = |params: serde_json::Value| Send::Rpc {
            nodes: vec!["b".into()],
            method: "eth_getTransactionByHash".to_owned(),
            params: vec![params],
        };
        let names = serde_json::json!("{send-0.hash}");
        let kept = serde_json::json!("{send-1.answer/blockHash}");
        let plan = plan(vec![(5, pay(0)), (5, call(names)), (9, call(kept))]);
        let calls = calls(&plan);
        let raw = hex::decode(&calls[0].3[2..]).unwrap();
        let hash = <sha3::Keccak256 as sha3::Digest>::digest(&raw);
        assert_eq!(calls[1].3, format!("0x{}", hex::encode(hash)), "of the bytes that are sent");
        assert_eq!(plan.entries[0].transaction.as_ref(), Some(&calls[1].3));
        assert_eq!(plan.entries[1].transaction, None);
        assert_eq!(calls[2].3, "{send-1.answer/blockHash}", "an answer is filled in when it is there");
        let note = plan.notes.last().unwrap();
        assert!(note.contains("the first node that answered") && note.ends_with("of send-1"), "{note}");
    }

    #[test]
    fn named_calls_are_filled_in_for_each_node() {
        let send = Send::Call { nodes: vec!["a".into(), "b".into()], name: "mine".to_owned(), place: Span::default() };
        let filled: Vec<(String, String)> =
            calls(&plan(vec![(1, send)])).into_iter().map(|call| (call.1, call.3)).collect();
        assert_eq!(filled, [("a".to_owned(), "by a at 8545".to_owned()), ("b".to_owned(), "by b at 8545".to_owned())]);
    }
}
