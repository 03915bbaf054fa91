//! What stands under `send:` of a timeline entry.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::text::Sp;
use crate::topology::Targets;

/// Something that is sent to nodes at one instant. One of `rpc`, `call` and `transaction`. Answers are recorded; a call
/// that is refused, or not answered within 10 s, is told at the end of the run and in the report, and changes no verdict
/// unless an expectation asks for it (`answered`). Expectations that come `after:` such an entry count from its instant.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SendDocument {
    /// A JSON-RPC call, the same for each of the nodes.
    Rpc(SendRpcDocument),
    /// A named call of each node's own manifest (`calls:`), so that clients of several kinds can be asked for the same.
    Call(SendCallDocument),
    /// A transaction of a funded account, signed when the plan is made.
    Transaction(TransactionDocument),
}

/// A JSON-RPC call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendRpcDocument {
    /// Who is called. Of a participant: those of its members that take JSON-RPC calls.
    pub nodes: Sp<Targets>,
    /// The method, for example `debug_setHead`.
    pub method: Sp<String>,
    /// Its parameters. They may name earlier entries that send: `{pay.hash}` is the hash of the transaction that `pay`
    /// sent, `{pay.answer}` is what the first node answered that did, and `{pay.answer/blockHash}` the part of it at that
    /// JSON pointer (RFC 6901). A parameter that is such a name alone becomes the value itself, be it text or not. Of an
    /// entry that repeats one is named, `{pay#2.hash}`. Where the answer did not come, the call is not sent.
    #[serde(default)]
    pub params: Sp<Vec<serde_json::Value>>,
}

/// A named call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendCallDocument {
    /// Who is called. Of a participant: those of its members that take JSON-RPC calls.
    pub nodes: Sp<Targets>,
    /// Its name in the manifests, for example `mine`.
    pub name: Sp<String>,
}

/// A transaction in the form of before EIP-2718, bound to the chain (EIP-155). Nonces are counted for each account over
/// the whole timeline, in order of time. Amounts are wei, as decimal or `0x` hex text.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransactionDocument {
    /// Who pays and signs: one of the chain's funded accounts, `account-0`, `account-1`, ….
    pub from: Sp<String>,
    /// Who is paid or called: an address (`0x` and 40 hex digits) or a funded account. Without it `data` makes a contract.
    #[serde(default)]
    pub to: Option<Sp<String>>,
    /// Wei that it carries. The default is 0.
    #[serde(default)]
    pub value: Option<Sp<String>>,
    /// Input of the call, or code that makes the contract, as `0x` hex.
    #[serde(default)]
    pub data: Option<Sp<String>>,
    /// Most gas that it may use. The default is 21000 without `data` and 1000000 with it.
    #[serde(default)]
    pub gas: Option<Sp<u64>>,
    /// Wei for each unit of gas. The default is 10 gwei.
    #[serde(default)]
    pub gas_price: Option<Sp<String>>,
    /// The node that is given the transaction (`eth_sendRawTransaction`); of a participant the member that takes it.
    pub via: Sp<Targets>,
}
