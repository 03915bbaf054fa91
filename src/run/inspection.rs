//! What nodes are asked of the first blocks of branches: header with transactions, receipts, trace, and whether they refused
//! the block of another branch. Everything has a deadline, and answers are cut to what a journal can hold.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::inspection_form::{self as form, TraceForm};
use crate::action::{NodeName, RpcSpec};
use crate::journal::What;
use crate::observe::http::HttpError;
use crate::observe::json_rpc::RpcError;
use crate::observe::{self, Dial};

/// How long one call may take.
const CALL_WITHIN: Duration = Duration::from_secs(5);
/// How long a node is asked about a block altogether.
const NODE_WITHIN: Duration = Duration::from_secs(20);
/// How many transactions of a block are asked about one by one, where the block cannot be asked about as a whole.
const ONE_BY_ONE: usize = 32;
/// How many steps, or bytes of steps, a client is asked for: versions of one client count one or the other. What comes is
/// cut further.
const TRACE_LIMIT: u64 = 4_000_000;

/// Nodes by whom to call.
pub(super) type Asked = Vec<(NodeName, RpcSpec)>;

/// What is to be asked about one split.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// First block of each branch, and who holds it.
    pub(super) sides: Vec<(String, Asked)>,
    /// Who may have refused one of these blocks.
    pub(super) refusers: Refuser,
}

/// Nodes that may have refused a block.
#[derive(Clone, Debug)]
pub(super) struct Refuser {
    pub(super) nodes: Asked,
    /// Whether nothing is asked of anybody unless one of them lists a block among those that it refused: a node that is
    /// behind may just be slow.
    pub(super) decide: bool,
}

impl Refuser {
    pub(super) fn only_if_listed(nodes: Asked) -> Self {
        Self { nodes, decide: true }
    }

    pub(super) fn besides(nodes: Asked) -> Self {
        Self { nodes, decide: false }
    }
}

/// A node that can be called.
#[derive(Clone)]
struct Node {
    dial: Arc<dyn Dial>,
    name: NodeName,
    rpc: RpcSpec,
}

/// Why there is no answer; `gone` if the node cannot be reached or hangs, so that nothing else needs to be asked.
struct Unanswered {
    why: String,
    gone: bool,
}

impl Job {
    /// Asks everybody, and gives what is to be journalled.
    pub(super) async fn carry_out(self, dial: Arc<dyn Dial>) -> Vec<What> {
        let node =
            |(name, rpc): &(NodeName, RpcSpec)| Node { dial: Arc::clone(&dial), name: name.clone(), rpc: rpc.clone() };
        let hashes: Vec<&String> = self.sides.iter().map(|(hash, _)| hash).collect();
        let hashes = hashes.as_slice();
        let sides = self.sides.as_slice();
        let holds = |name: &NodeName, hash: &String| {
            sides.iter().any(|(side, asked)| side == hash && asked.iter().any(|(holder, _)| holder == name))
        };
        let holds = &holds;
        let refusers: Vec<Node> = self.refusers.nodes.iter().map(node).collect();
        let listed = join_all(refusers.iter().map(|node| async move {
            let listed = timeout(CALL_WITHIN, node.refused()).await.unwrap_or_default();
            // What it holds by now it does not refuse any more, whatever it thought of it at first.
            listed
                .into_iter()
                .filter(|hash| hashes.contains(&hash) && !holds(&node.name, hash))
                .collect::<Vec<String>>()
        }));
        let listed = listed.await;
        if self.refusers.decide && listed.iter().all(Vec::is_empty) {
            return Vec::new();
        }
        let holders = self.sides.iter().flat_map(|(hash, asked)| asked.iter().map(move |one| (hash, one)));
        let holders: Vec<(&String, Node)> = holders.map(|(hash, one)| (hash, node(one))).collect();
        let told = join_all(holders.iter().map(|(hash, node)| node.block(hash))).await;
        let mut events: Vec<What> = told.into_iter().flatten().collect();
        let transactions: Vec<(String, Vec<String>)> = events.iter().filter_map(form::transactions_of).collect();
        let transactions = transactions.as_slice();
        let traced = join_all(refusers.iter().zip(&listed).map(|(node, hashes)| async move {
            let mut events = Vec::new();
            for hash in hashes {
                let known = transactions.iter().find(|(block, _)| block == hash);
                events.extend(node.refused_block(hash, known.map_or(&[][..], |(_, known)| known)).await);
            }
            events
        }));
        events.extend(traced.await.into_iter().flatten());
        events
    }
}

impl Node {
    async fn call(&self, method: &str, params: Value) -> Result<Value, Unanswered> {
        observe::call_once(&self.dial, &self.name, &self.rpc, method, &params, CALL_WITHIN).await.map_err(|error| {
            let gone = matches!(&error, RpcError::Http(HttpError::Dial { .. } | HttpError::Deadline { .. }));
            Unanswered { why: error.to_string(), gone }
        })
    }

    fn told(&self, hash: &str, part: &str, answer: Result<Value, String>) -> What {
        let (answer, error) = match answer {
            Ok(answer) => (Some(answer), None),
            Err(error) => (None, Some(error)),
        };
        What::Inspected { node: self.name.clone(), hash: hash.to_owned(), part: part.to_owned(), answer, error }
    }

    /// All parts of a block that the node holds.
    async fn block(&self, hash: &str) -> Vec<What> {
        let mut events = Vec::new();
        let done = timeout(NODE_WITHIN, async {
            let transactions = match self.header(hash).await {
                Ok((answer, transactions)) => {
                    events.push(self.told(hash, "header", Ok(answer)));
                    transactions
                }
                Err(error) => {
                    let gone = error.gone;
                    events.push(self.told(hash, "header", Err(error.why)));
                    if gone {
                        return;
                    }
                    Vec::new()
                }
            };
            let receipts = self.receipts(hash, &transactions).await;
            events.push(self.told(hash, "receipts", receipts));
            let trace = self.trace(hash, &transactions).await;
            events.push(self.told(hash, "trace", trace));
        });
        if done.await.is_err() {
            let part = ["header", "receipts", "trace"].get(events.len()).copied().unwrap_or("trace");
            events.push(self.told(hash, part, Err(format!("not answered within {} s", NODE_WITHIN.as_secs()))));
        }
        events
    }

    /// The header with its transactions, and their hashes.
    async fn header(&self, hash: &str) -> Result<(Value, Vec<String>), Unanswered> {
        let block = self.call("eth_getBlockByHash", json!([hash, true])).await?;
        let unknown = || Unanswered { why: "the node does not know this block".to_owned(), gone: false };
        form::header(&block).ok_or_else(unknown)
    }

    async fn receipts(&self, hash: &str, transactions: &[String]) -> Result<Value, String> {
        let whole = self.call("eth_getBlockReceipts", json!([hash])).await;
        if let Ok(Value::Array(receipts)) = &whole {
            return Ok(form::receipts(receipts, receipts.len()));
        }
        let mut found = Vec::new();
        for transaction in transactions.iter().take(ONE_BY_ONE) {
            let receipt =
                self.call("eth_getTransactionReceipt", json!([transaction])).await.map_err(|error| error.why)?;
            // What the node tells is of its own chain, whichever block was asked about.
            if receipt["blockHash"].as_str().is_some_and(|block| block.eq_ignore_ascii_case(hash)) {
                found.push(receipt);
            }
        }
        if found.is_empty() && !transactions.is_empty() {
            return Err(whole.err().map_or("no receipt of this block".to_owned(), |error| error.why));
        }
        Ok(form::receipts(&found, transactions.len()))
    }

    async fn trace(&self, hash: &str, transactions: &[String]) -> Result<Value, String> {
        let whole = self.call("debug_traceBlockByHash", json!([hash, options()])).await;
        let error = match whole {
            Ok(Value::Array(traces)) => return Ok(form::traces(&traces, transactions)),
            Ok(_) => "the answer to debug_traceBlockByHash is no list".to_owned(),
            Err(error) => error.why,
        };
        let mut traces = TraceForm::default();
        for transaction in transactions.iter().take(ONE_BY_ONE) {
            let Ok(trace) = self.call("debug_traceTransaction", json!([transaction, options()])).await else { break };
            traces.add(transaction, &trace);
        }
        if traces.is_empty() { Err(error) } else { Ok(traces.done(transactions.len())) }
    }

    /// Hashes of blocks that the node remembers as bad ones.
    async fn refused(&self) -> Vec<String> {
        let Ok(Value::Array(blocks)) = self.call("debug_getBadBlocks", json!([])).await else { return Vec::new() };
        let hashes = blocks.iter().filter_map(|block| block["hash"].as_str());
        hashes.map(str::to_ascii_lowercase).collect()
    }

    /// What a node that refused a block says of it: its own trace, which shows what it computes there.
    async fn refused_block(&self, hash: &str, transactions: &[String]) -> Vec<What> {
        let mut events = vec![self.told(hash, "refused", Ok(Value::Bool(true)))];
        let trace = match self.call("debug_traceBadBlock", json!([hash, options()])).await {
            Ok(Value::Array(traces)) => Ok(form::traces(&traces, transactions)),
            Ok(_) => Err("the answer to debug_traceBadBlock is no list".to_owned()),
            Err(error) => Err(error.why),
        };
        events.push(self.told(hash, "trace", trace));
        events
    }
}

/// What is wanted of a trace: steps with the stack, and nothing that grows with memory or storage.
fn options() -> Value {
    json!({
        "disableStorage": true,
        "disableMemory": true,
        "enableMemory": false,
        "enableReturnData": false,
        "limit": TRACE_LIMIT,
        "timeout": "4s",
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::observe::stub::{Asked as Request, Reply, Stub};

    fn at(names: &[&str]) -> Asked {
        names.iter().map(|name| (NodeName::new(*name), RpcSpec::at(8545))).collect()
    }

    /// A node that holds the blocks 0xa and 0xb with one transaction each, traces 0xa only, and lists `bad` as refused.
    async fn node(bad: &'static [&'static str]) -> Arc<Stub> {
        Stub::start(move |request: Request| {
            let (method, of) = (request.body["method"].as_str().unwrap_or_default(), &request.body["params"][0]);
            let trace = json!([{"txHash": "0xT", "result": {"structLogs": [
                {"pc": 0, "op": "STOP", "gas": 5, "gasCost": 0, "depth": 1, "stack": []},
            ]}}]);
            let result = match method {
                "eth_getBlockByHash" => json!({"hash": of, "parentHash": "0x0", "transactions": [{"hash": "0xT"}]}),
                "eth_getTransactionReceipt" => json!({"transactionHash": "0xT", "blockHash": "0xA", "status": "0x1"}),
                "debug_traceBlockByHash" if of == "0xa" => trace,
                "debug_traceBadBlock" => trace,
                "debug_getBadBlocks" => bad.iter().map(|hash| json!({"hash": hash})).collect(),
                _ => {
                    return Reply::json(
                        &json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "no"}}),
                    );
                }
            };
            Reply::json(&json!({"jsonrpc": "2.0", "id": 1, "result": result}))
        })
        .await
    }

    /// `node hash part` → whether it was answered, or why not.
    fn told(events: &[What]) -> BTreeMap<String, String> {
        let told = events.iter().map(|event| match event {
            What::Inspected { node, hash, part, answer, error } => (
                format!("{node} {hash} {part}"),
                answer.as_ref().map_or_else(|| error.clone().unwrap(), Value::to_string),
            ),
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    #[tokio::test]
    async fn every_part_is_told_or_the_reason_why_not() {
        let stub = node(&["0xB"]).await;
        let sides = vec![("0xa".to_owned(), at(&["one"])), ("0xb".to_owned(), at(&["two"]))];
        let job = Job { sides, refusers: Refuser::besides(at(&["one", "two"])) };
        let told = told(&job.carry_out(stub.dialler()).await);
        assert!(told["one 0xa header"].contains("\"parentHash\":\"0x0\""), "{told:#?}");
        // There is no eth_getBlockReceipts: each transaction is asked about, and what is of another block is not taken.
        assert!(told["one 0xa receipts"].contains("\"of\":1"), "{told:#?}");
        assert!(told["two 0xb receipts"].contains("eth_getBlockReceipts was refused: no"), "{told:#?}");
        assert!(told["one 0xa trace"].contains("\"STOP\""));
        assert!(told["two 0xb trace"].contains("debug_traceBlockByHash was refused"), "{told:#?}");
        assert_eq!(told["one 0xb refused"], "true", "it lists the block of the other side");
        assert!(told["one 0xb trace"].contains("\"hash\":\"0xt\""));
    }

    #[tokio::test]
    async fn a_node_that_is_behind_without_having_refused_anything_is_nothing_to_tell() {
        let stub = node(&["0xother"]).await;
        let job =
            Job { sides: vec![("0xa".to_owned(), at(&["one"]))], refusers: Refuser::only_if_listed(at(&["late"])) };
        assert_eq!(job.carry_out(stub.dialler()).await, []);
        let methods: Vec<Value> = stub.asked().iter().map(|asked| asked.body["method"].clone()).collect();
        assert_eq!(methods, ["debug_getBadBlocks"], "nobody else was bothered");
    }

    #[tokio::test]
    async fn a_node_that_cannot_be_reached_is_asked_once() {
        let stub = node(&[]).await;
        stub.gone(true);
        let job = Job { sides: vec![("0xa".to_owned(), at(&["one"]))], refusers: Refuser::besides(Asked::new()) };
        let told = told(&job.carry_out(stub.dialler()).await);
        assert_eq!(told.keys().collect::<Vec<_>>(), ["one 0xa header"]);
        assert!(told["one 0xa header"].contains("cannot connect"), "{told:?}");
    }
}
