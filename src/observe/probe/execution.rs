//! Ethereum execution JSON-RPC (ethereum/execution-apis): `eth_getBlockByNumber` and its neighbours.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::chain::{Block, Roots};
use super::super::http::Http;
use super::super::json_rpc::{self, RpcError};
use super::super::value::{hash, number, text};
use super::{ProbeError, Slow, seal};

pub(super) async fn head(http: &mut Http, deadline: Duration) -> Result<Option<Block>, ProbeError> {
    let method = "eth_getBlockByNumber";
    let answer = json_rpc::call(http, method, &[json!("latest"), json!(false)], deadline).await?;
    block(method, &answer)
}

pub(super) async fn parent(http: &mut Http, child: &Block, deadline: Duration) -> Result<Option<Block>, ProbeError> {
    let Some(parent) = &child.parent else { return Ok(None) };
    let method = "eth_getBlockByHash";
    match json_rpc::call(http, method, &[json!(parent), json!(false)], deadline).await {
        Ok(answer) => block(method, &answer),
        // Clients say "unknown block" in both ways: as `null` and as an error.
        Err(RpcError::Refused { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A block out of its JSON form; `None` for `null`.
fn block(method: &str, answer: &Value) -> Result<Option<Block>, ProbeError> {
    if answer.is_null() {
        return Ok(None);
    }
    let (Some(height), Some(hash_of_block)) = (number(&answer["number"]), hash(&answer["hash"])) else {
        return Err(ProbeError::garbage(method, "block with number and hash", answer));
    };
    // A sealed chain names the maker in the seal only; elsewhere the fee recipient stands for the maker.
    let producer = seal::clique_sealer(answer, &hash_of_block)
        .or_else(|| text(&answer["miner"]).map(|miner| miner.to_ascii_lowercase()))
        .filter(|_| height > 0);
    Ok(Some(Block {
        height,
        hash: hash_of_block,
        parent: hash(&answer["parentHash"]),
        producer,
        roots: Roots {
            state: hash(&answer["stateRoot"]),
            receipts: hash(&answer["receiptsRoot"]),
            gas_used: number(&answer["gasUsed"]),
            execution: None,
        },
    }))
}

/// Number and hash of a block that was asked for by name; `None` for `null`.
fn named(block: &Value) -> Option<(u64, String)> {
    Some((number(&block["number"])?, hash(&block["hash"])?))
}

/// A block that is asked for by name. A client that refuses the question writes a warning into its log for each one, so it
/// is not asked as if it had answered.
#[derive(Debug)]
struct Tag {
    name: &'static str,
    /// Refusals without an answer in between.
    refusals: u32,
    /// Rounds until it is asked for again; `None`: never again.
    rest: Option<u32>,
}

/// Most rounds that a name rests after a refusal: that a chain has begun to finalize is seen so much later at most.
const LONGEST_REST: u32 = 4;

impl Tag {
    fn new(name: &'static str) -> Self {
        Self { name, refusals: 0, rest: Some(0) }
    }

    /// Whether it is asked for in this round.
    fn due(&mut self) -> bool {
        match &mut self.rest {
            None => false,
            Some(0) => true,
            Some(rest) => {
                *rest -= 1;
                false
            }
        }
    }

    fn answered(&mut self, answer: Result<Value, RpcError>) -> Option<Value> {
        let refused = match answer {
            Ok(answer) => {
                self.refusals = 0;
                return Some(answer);
            }
            Err(RpcError::Refused { message, .. }) => message,
            Err(_) => return None,
        };
        // go-ethereum on a chain from before the merge, and versions that do not know the name. "Not found" is another
        // thing: nothing is final yet.
        let unknown = ["not supported", "invalid argument"].iter().any(|words| refused.contains(words));
        self.refusals += 1;
        self.rest = (!unknown).then_some(self.refusals.min(LONGEST_REST));
        None
    }
}

/// What is asked less often than the head.
#[derive(Debug)]
pub(super) struct Execution {
    finalized: Tag,
    safe: Tag,
}

impl Default for Execution {
    fn default() -> Self {
        Self { finalized: Tag::new("finalized"), safe: Tag::new("safe") }
    }
}

impl Execution {
    pub(super) async fn slow(&mut self, http: &mut Http, deadline: Duration) -> Result<Slow, ProbeError> {
        let mut calls = vec![("net_peerCount", vec![]), ("eth_syncing", vec![])];
        let mut due: Vec<&mut Tag> =
            [&mut self.finalized, &mut self.safe].into_iter().filter_map(|tag| tag.due().then_some(tag)).collect();
        calls.extend(due.iter().map(|tag| ("eth_getBlockByNumber", vec![json!(tag.name), json!(false)])));
        let mut answers = json_rpc::several(http, &calls, deadline).await?.into_iter();
        // Whatever is refused is not told.
        let peers = answers.next().and_then(Result::ok).as_ref().and_then(number);
        // `false`, or an object with the progress.
        let syncing = answers.next().and_then(Result::ok);
        let syncing = syncing.and_then(|syncing| syncing.as_bool().or_else(|| syncing.is_object().then_some(true)));
        let mut slow = Slow { peers, syncing, ..Slow::default() };
        for (tag, answer) in due.iter_mut().zip(answers) {
            let block = tag.answered(answer).as_ref().and_then(named);
            match tag.name {
                "finalized" => slow.finalized = block,
                _ => slow.safe = block,
            }
        }
        Ok(slow)
    }
}

pub(super) async fn version(http: &mut Http, deadline: Duration) -> Result<Option<String>, ProbeError> {
    Ok(text(&json_rpc::call(http, "web3_clientVersion", &[], deadline).await?))
}
