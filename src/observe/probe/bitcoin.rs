//! JSON-RPC as Bitcoin Core speaks it, kept to what its relatives (btcd, bcoin, litecoind) answer in the same way.
//!
//! Nothing is ever final here. Blocks do not say who made them either: producers stay unknown.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::chain::{Block, Roots};
use super::super::http::Http;
use super::super::json_rpc::{self, RpcError};
use super::super::value::{hash, number, text};
use super::{Branch, ProbeError, Slow};

/// Most branches that are told of one node at a time, the highest ones.
const BRANCHES: usize = 64;

/// What was learnt on the way and is not asked for again.
#[derive(Debug, Default)]
pub(super) struct Bitcoin {
    head: Option<Block>,
}

impl Bitcoin {
    pub(super) async fn head(&mut self, http: &mut Http, deadline: Duration) -> Result<Option<Block>, ProbeError> {
        let method = "getbestblockhash";
        let answer = json_rpc::call(http, method, &[], deadline).await?;
        let Some(best) = hash(&answer) else { return Err(ProbeError::garbage(method, "hash", &answer)) };
        if self.head.as_ref().is_none_or(|head| head.hash != best) {
            self.head = header(http, &best, deadline).await?;
        }
        Ok(self.head.clone())
    }

    pub(super) async fn parent(
        http: &mut Http,
        child: &Block,
        deadline: Duration,
    ) -> Result<Option<Block>, ProbeError> {
        let Some(parent) = &child.parent else { return Ok(None) };
        header(http, parent, deadline).await
    }

    pub(super) async fn slow(http: &mut Http, deadline: Duration) -> Result<Slow, ProbeError> {
        let calls = [
            ("getblockchaininfo", vec![]),
            ("getpeerinfo", vec![]),
            ("getconnectioncount", vec![]),
            ("getchaintips", vec![]),
        ];
        let answers = json_rpc::several(http, &calls, deadline).await?;
        let told = |index: usize| answers.get(index).and_then(|answer| answer.as_ref().ok());
        Ok(Slow {
            peers: told(1).and_then(hosts).or_else(|| told(2).and_then(number)),
            syncing: told(0).and_then(syncing),
            branches: told(3).and_then(branches),
            ..Slow::default()
        })
    }

    /// The name that it gives to its peers, or else its version number.
    pub(super) async fn version(http: &mut Http, deadline: Duration) -> Result<Option<String>, ProbeError> {
        let calls = [("getnetworkinfo", vec![]), ("getinfo", vec![])];
        let answers = json_rpc::several(http, &calls, deadline).await?;
        let told = |index: usize| answers.get(index).and_then(|answer| answer.as_ref().ok());
        let name = told(0).and_then(|info| text(&info["subversion"])).filter(|name| !name.is_empty());
        Ok(name.or_else(|| told(1).and_then(|info| info["version"].as_u64().map(release).or(text(&info["version"])))))
    }
}

/// A version number (two decimal digits for each of four parts) as people write it.
fn release(number: u64) -> String {
    let part = |unit: u64| number / unit % 100;
    format!("{}.{}.{}", number / 1_000_000, part(10_000), part(100))
}

/// A block of the node's chain. `None` if it does not know it.
async fn header(http: &mut Http, hash_of_block: &str, deadline: Duration) -> Result<Option<Block>, ProbeError> {
    let method = "getblockheader";
    let digits = hash_of_block.trim_start_matches("0x");
    let answer = match json_rpc::call(http, method, &[json!(digits), json!(true)], deadline).await {
        Ok(answer) => answer,
        // btcd refuses blocks beside its chain, which happens when it reorganises between two questions.
        Err(RpcError::Refused { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let (Some(height), Some(hash_of_block)) = (number(&answer["height"]), hash(&answer["hash"])) else {
        return Err(ProbeError::garbage(method, "header with height and hash", &answer));
    };
    // Some write a previous block of zeros into the first block's header, others leave it out.
    let parent = hash(&answer["previousblockhash"]).filter(|_| height > 0);
    Ok(Some(Block { height, hash: hash_of_block, parent, producer: None, roots: Roots::default() }))
}

/// Different hosts among the peers: two nodes that dial each other hold two connections and are one peer each.
fn hosts(peers: &Value) -> Option<u64> {
    let hosts: BTreeSet<&str> = peers
        .as_array()?
        .iter()
        .filter_map(|peer| peer["addr"].as_str())
        .map(|address| address.rsplit_once(':').map_or(address, |(host, _)| host))
        .collect();
    Some(hosts.len() as u64)
}

/// The node's own word, or else whether it knows of headers whose blocks it lacks.
fn syncing(info: &Value) -> Option<bool> {
    info["initialblockdownload"].as_bool().or_else(|| Some(number(&info["headers"])? > number(&info["blocks"])?))
}

/// All tips but the chain's own. A tip that is `headers-only` and higher than the head is not lost, but still to come.
fn branches(tips: &Value) -> Option<Vec<Branch>> {
    let branch = |tip: &Value| {
        Some(Branch {
            height: number(&tip["height"])?,
            hash: hash(&tip["hash"])?,
            length: number(&tip["branchlen"])?,
            status: text(&tip["status"]).filter(|status| status != "active")?,
        })
    };
    let mut branches: Vec<Branch> = tips.as_array()?.iter().filter_map(branch).collect();
    branches.sort_by(|left, right| right.cmp(left));
    branches.truncate(BRANCHES);
    Some(branches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_numbers_are_written_as_people_write_them() {
        assert_eq!(release(240_200), "0.24.2");
        assert_eq!(release(1_020_300), "1.2.3");
    }

    #[test]
    fn two_connections_with_one_host_are_one_peer() {
        let peers = json!([{"addr": "10.0.0.2:18555"}, {"addr": "10.0.0.2:40112"}, {"addr": "[::1]:5"}, {"id": 4}]);
        assert_eq!(hosts(&peers), Some(2));
        assert_eq!(hosts(&json!([])), Some(0));
        assert_eq!(hosts(&Value::Null), None);
    }

    #[test]
    fn a_node_that_does_not_say_that_it_syncs_is_judged_by_its_headers() {
        assert_eq!(syncing(&json!({"initialblockdownload": true, "headers": 5, "blocks": 5})), Some(true));
        assert_eq!(syncing(&json!({"headers": 6, "blocks": 5})), Some(true));
        assert_eq!(syncing(&json!({"headers": 5, "blocks": 5})), Some(false));
        assert_eq!(syncing(&json!({"blocks": 5})), None);
    }
}
