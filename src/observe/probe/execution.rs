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

pub(super) async fn slow(http: &mut Http, deadline: Duration) -> Result<Slow, ProbeError> {
    let calls = [
        ("eth_getBlockByNumber", vec![json!("finalized"), json!(false)]),
        ("eth_getBlockByNumber", vec![json!("safe"), json!(false)]),
        ("net_peerCount", vec![]),
        ("eth_syncing", vec![]),
    ];
    let answers = json_rpc::several(http, &calls, deadline).await?;
    // Whatever is refused (`finalized` before the merge, say) is not told.
    let told: Vec<Option<Value>> = answers.into_iter().map(Result::ok).collect();
    let told = |index: usize| told.get(index).and_then(Option::as_ref);
    Ok(Slow {
        finalized: told(0).and_then(named),
        safe: told(1).and_then(named),
        peers: told(2).and_then(number),
        // `false`, or an object with the progress.
        syncing: told(3).and_then(|syncing| syncing.as_bool().or_else(|| syncing.is_object().then_some(true))),
        ..Slow::default()
    })
}

pub(super) async fn version(http: &mut Http, deadline: Duration) -> Result<Option<String>, ProbeError> {
    Ok(text(&json_rpc::call(http, "web3_clientVersion", &[], deadline).await?))
}
