//! `send:` with its names looked up: nodes, named calls, accounts, amounts.

use std::collections::BTreeMap;

use super::send::{SendCallDocument, SendDocument, SendRpcDocument, TransactionDocument};
use crate::action::{ClientRef, NodeName, Seeds};
use crate::check::rpc_equal;
use crate::client::Client;
use crate::genesis::Chain;
use crate::text::{Diagnostic, Sp, Span, suggest};
use crate::topology::{TargetContext, Targets, Topology};

/// Gas of a transaction without data (Yellow Paper, appendix G).
const PLAIN_GAS: u64 = 21_000;
/// Gas of one with data, unless the scenario says more: enough for a small contract.
const DATA_GAS: u64 = 1_000_000;
/// Price of gas: ten times what a chain with EIP-1559 asks for in its first blocks.
const GAS_PRICE: u128 = 10_000_000_000;
/// What accounts are called, before their number.
const ACCOUNT: &str = "account-";

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Send {
    /// The same call to each node.
    Rpc {
        /// To whom.
        nodes: Vec<NodeName>,
        /// Method.
        method: String,
        /// Parameters.
        params: Vec<serde_json::Value>,
    },
    /// A named call of each node's own client; all of their clients have it.
    Call {
        /// To whom.
        nodes: Vec<NodeName>,
        /// Name in the manifests.
        name: String,
        /// Where it is written.
        place: Span,
    },
    /// A transaction of a funded account.
    Transaction(Transaction),
}

/// A transaction that is still to be numbered and signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Number of the funded account that signs it.
    pub from: u32,
    /// The chain that it is good for (EIP-155).
    pub chain_id: u64,
    /// To whom; `None` makes a contract.
    pub to: Option<Recipient>,
    /// Wei.
    pub value: u128,
    /// Input or code.
    pub data: Vec<u8>,
    /// Most gas.
    pub gas: u64,
    /// Wei for each unit of gas.
    pub gas_price: u128,
    /// The node that is given it.
    pub via: NodeName,
}

/// Who is paid or called by a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// An address.
    Address([u8; 20]),
    /// A funded account, by number.
    Account(u32),
}

/// What `send:` is looked up in.
#[derive(Clone, Copy, Debug)]
pub(super) struct SendContext<'a> {
    pub(super) topology: &'a Topology,
    pub(super) clients: &'a BTreeMap<ClientRef, Client>,
    /// The chain; the error is a chain that holds a mistake, of which nothing more is to be said.
    pub(super) chain: Result<Option<&'a Chain>, ()>,
    pub(super) seeds: &'a Seeds,
}

/// What is sent, one line about it, and to whom.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) send: Send,
    pub(super) summary: String,
    pub(super) targets: Vec<NodeName>,
}

impl SendDocument {
    /// Looks everything up. An error without a mistake hangs on one that was told elsewhere.
    pub(super) fn resolve(&self, context: SendContext<'_>) -> Result<Resolved, Vec<Diagnostic>> {
        match self {
            Self::Rpc(rpc) => rpc.resolve(context),
            Self::Call(call) => call.resolve(context),
            Self::Transaction(transaction) => transaction.resolve(context),
        }
    }
}

impl SendRpcDocument {
    fn resolve(&self, context: SendContext<'_>) -> Result<Resolved, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        for word in rpc_equal::holes(&self.params.value) {
            mistakes.push(
                Diagnostic::error(format!("`{{{word}}}` has a meaning in `rpc_equal` only"))
                    .at(self.params.span, "in these parameters")
                    .help(
                        "write the number or hash itself, a word such as `latest`, or what an earlier entry sent or was \
                         answered: `{pay.hash}`, `{pay.answer/blockHash}`",
                    ),
            );
        }
        let nodes = takers(&self.nodes, context).map_err(|mistake| mistakes.push(mistake)).ok();
        let (Some(nodes), true) = (nodes, mistakes.is_empty()) else { return Err(mistakes) };
        let summary = format!("{} to {}", self.method.value, self.nodes.value);
        let (method, params) = (self.method.value.clone(), self.params.value.clone());
        Ok(Resolved { send: Send::Rpc { nodes: nodes.clone(), method, params }, summary, targets: nodes })
    }
}

impl SendCallDocument {
    fn resolve(&self, context: SendContext<'_>) -> Result<Resolved, Vec<Diagnostic>> {
        let nodes = takers(&self.nodes, context).map_err(|mistake| vec![mistake])?;
        let mut mistakes: Vec<Diagnostic> = Vec::new();
        for node in context.topology.nodes.iter().filter(|node| nodes.contains(&node.name)) {
            let Some(client) = context.clients.get(&node.client) else { continue };
            if client.calls.contains_key(&self.name.value) {
                continue;
            }
            let mistake = Diagnostic::error(format!(
                "client `{}` (of {}) has no call `{}`",
                client.reference, node.name, self.name.value
            ))
            .at(self.name.span, "unknown call")
            .at(self.nodes.span, "of these nodes");
            let known: Vec<&str> = client.calls.keys().map(String::as_str).collect();
            let mistake = if known.is_empty() {
                mistake.help(format!("its manifest names none; add it under `calls:` in {}", client.manifest))
            } else {
                suggest::help(&self.name.value, known, "calls of this client")
                    .into_iter()
                    .fold(mistake, Diagnostic::help)
            };
            // Nodes of one client make the same mistake: the first of them speaks for all.
            let told = |known: &Diagnostic| known.message.starts_with(&format!("client `{}` ", client.reference));
            if !mistakes.iter().any(told) {
                mistakes.push(mistake);
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let summary = format!("{} at {}", self.name.value, self.nodes.value);
        let (name, place) = (self.name.value.clone(), self.name.span);
        Ok(Resolved { send: Send::Call { nodes: nodes.clone(), name, place }, summary, targets: nodes })
    }
}

impl TransactionDocument {
    fn resolve(&self, context: SendContext<'_>) -> Result<Resolved, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        let mut note = |mistake: Diagnostic| mistakes.push(mistake);
        let chain = context.chain.map_err(|()| Vec::new())?;
        let Some((accounts, chain_id)) = chain.and_then(funded) else {
            let mistake = match chain {
                Some(chain) => format!("a chain with `genesis: {}` has no funded accounts", chain.family()),
                None => "the scenario has no `chain:`, so there are no funded accounts".to_owned(),
            };
            return Err(vec![
                Diagnostic::error(mistake)
                    .at(self.from.span, "nobody can sign")
                    .help("for example `chain: {genesis: clique, period: 2s}`"),
            ]);
        };
        let from = account(&self.from, accounts).map_err(&mut note).ok();
        let to = self.to.as_ref().map(|to| recipient(to, accounts).map_err(&mut note).ok());
        let mut amount = |written: &Option<Sp<String>>, default: u128| {
            let Some(written) = written else { return Some(default) };
            wei(written).map_err(&mut note).ok()
        };
        let (value, gas_price) = (amount(&self.value, 0), amount(&self.gas_price, GAS_PRICE));
        let data = match &self.data {
            Some(data) => bytes(data).map_err(&mut note).ok(),
            None => Some(Vec::new()),
        };
        if self.to.is_none() && data.as_ref().is_some_and(Vec::is_empty) {
            note(
                Diagnostic::error("this transaction does nothing: it has neither `to` nor `data`")
                    .at(self.from.span, "sent by")
                    .help("say who is paid, for example `to: account-1`, or give the code of a contract as `data`"),
            );
        }
        let gas = self.gas.as_ref().map(|gas| gas.value);
        if let Some(gas) = self.gas.as_ref().filter(|gas| gas.value < PLAIN_GAS) {
            note(
                Diagnostic::error(format!("no transaction costs less than {PLAIN_GAS} gas")).at(gas.span, "too little"),
            );
        }
        let via = takers(&self.via, context).map_err(&mut note).ok();
        if let Some(via) = via.as_ref().filter(|via| via.len() != 1) {
            let names: Vec<String> = via.iter().map(ToString::to_string).collect();
            note(
                Diagnostic::error(format!("a transaction goes to one node, and these are {}", via.len()))
                    .at(self.via.span, "more than one")
                    .help(format!("name one of {}; it tells the others", suggest::list(&names))),
            );
        }
        let (Some(from), Some(value), Some(gas_price), Some(data), Some(via), true) =
            (from, value, gas_price, data, via, mistakes.is_empty())
        else {
            return Err(mistakes);
        };
        let via = via.into_iter().next().ok_or_else(Vec::new)?;
        let receiver = self.to.as_ref().map_or("a new contract", |to| &to.value);
        let summary = format!("transaction from {} to {receiver} via {via}", self.from.value);
        let gas = gas.unwrap_or(if data.is_empty() { PLAIN_GAS } else { DATA_GAS });
        let transaction =
            Transaction { from, chain_id, to: to.flatten(), value, data, gas, gas_price, via: via.clone() };
        Ok(Resolved { send: Send::Transaction(transaction), summary, targets: vec![via] })
    }
}

/// The nodes that take JSON-RPC calls. Members of a participant that take none are left out; other nodes must take them.
pub(super) fn takers(written: &Sp<Targets>, context: SendContext<'_>) -> Result<Vec<NodeName>, Diagnostic> {
    let SendContext { topology, clients, seeds, .. } = context;
    let named = Targets::resolve(written, TargetContext { topology, seeds })?;
    let mut found = Vec::new();
    let mut without = None;
    for node in topology.nodes.iter().filter(|node| named.contains(&node.name)) {
        // A client that could not be read has been told of.
        if clients.get(&node.client).is_none_or(|client| client.rpc.is_some()) {
            found.push(node.name.clone());
        } else if node.participant.is_none() {
            without = without.or(Some(node));
        }
    }
    match without {
        Some(node) => Err(Diagnostic::error(format!(
            "{} takes no JSON-RPC calls: its client `{}` has no `rpc`",
            node.name, node.client
        ))
        .at(written.span, "cannot be called")
        .help("name other nodes, or say in the manifest where calls go: `rpc: {port: …}`")),
        None if found.is_empty() => Err(Diagnostic::error("none of these nodes takes JSON-RPC calls")
            .at(written.span, "cannot be called")
            .help("name participants, or nodes of an execution client")),
        None => Ok(found),
    }
}

/// How many funded accounts a chain has, and its chain id.
fn funded(chain: &Chain) -> Option<(u32, u64)> {
    match chain {
        Chain::Clique(clique) => Some((clique.accounts, clique.chain_id)),
        Chain::Pos(pos) => Some((pos.accounts, pos.chain_id)),
        Chain::Beacon(_) | Chain::Cometbft(_) => None,
    }
}

fn account(written: &Sp<String>, accounts: u32) -> Result<u32, Diagnostic> {
    let number: Option<u32> = written.value.strip_prefix(ACCOUNT).and_then(|number| number.parse().ok());
    number.filter(|number| *number < accounts).ok_or_else(|| {
        let mistake = Diagnostic::error(format!("there is no funded account `{}`", written.value))
            .at(written.span, "unknown account");
        match (accounts, number) {
            (0, _) => mistake.help("`chain: {accounts: 8}` makes eight"),
            (1, _) => mistake.help(format!("the chain has one: `{ACCOUNT}0`")),
            (_, Some(number)) => mistake.help(format!(
                "the chain has {accounts}, `{ACCOUNT}0` to `{ACCOUNT}{}`; `chain: {{accounts: {}}}` makes enough",
                accounts - 1,
                number.saturating_add(1)
            )),
            (_, None) => mistake.help(format!("they are called `{ACCOUNT}0` to `{ACCOUNT}{}`", accounts - 1)),
        }
    })
}

fn recipient(written: &Sp<String>, accounts: u32) -> Result<Recipient, Diagnostic> {
    if written.value.starts_with(ACCOUNT) {
        return account(written, accounts).map(Recipient::Account);
    }
    let digits = written.value.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok());
    digits.and_then(|bytes| bytes.try_into().ok()).map(Recipient::Address).ok_or_else(|| {
        Diagnostic::error("this is no address")
            .at(written.span, "expected `0x` and 40 hex digits")
            .help(format!("a funded account can be named as well, for example `{ACCOUNT}1`"))
    })
}

fn wei(written: &Sp<String>) -> Result<u128, Diagnostic> {
    let text = written.value.trim();
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    parsed.ok_or_else(|| {
        Diagnostic::error(format!("`{text}` is no amount of wei"))
            .at(written.span, "expected a whole number, decimal or `0x` hex")
            .help("one ether is 1000000000000000000 wei, one gwei is 1000000000")
    })
}

fn bytes(written: &Sp<String>) -> Result<Vec<u8>, Diagnostic> {
    let digits = written.value.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok());
    digits.ok_or_else(|| {
        Diagnostic::error("this is no data").at(written.span, "expected `0x` and an even number of hex digits")
    })
}
