//! CometBFT's RPC over GET: `/status`, `/blockchain`, `/net_info`, `/consensus_state`. The same from 0.37 to 1.0.
//!
//! A block is final as soon as it is there. Hashes and addresses come as upper-case hex digits and are told as `0x` and
//! lower-case ones. The app hash of a header stands for the state *before* that block (the application's answer to the
//! block below it), so two nodes whose states differ after block 9 differ in the root of block 10, or never make it.

use std::time::Duration;

use serde_json::Value;

use super::super::chain::{Block, Roots};
use super::super::http::Http;
use super::super::value::{hash, hex, number, text};
use super::{ProbeError, Round, Slow, get_json, optional};

/// Most blocks that one `/blockchain` answer holds.
const PAGE: u64 = 20;

/// Names of the steps of a round, from 1 (CometBFT's `RoundStep…`).
const STEPS: [&str; 8] =
    ["NewHeight", "NewRound", "Propose", "Prevote", "PrevoteWait", "Precommit", "PrecommitWait", "Commit"];

/// What was learnt on the way and is not asked for again.
#[derive(Debug, Default)]
pub(super) struct Cometbft {
    head: Option<Block>,
    /// Blocks of the last page, for the walk down from a head that is far ahead.
    page: Vec<Block>,
    syncing: Option<bool>,
    version: Option<String>,
}

impl Cometbft {
    pub(super) async fn head(&mut self, http: &mut Http, deadline: Duration) -> Result<Option<Block>, ProbeError> {
        let path = "/status";
        let status = get_json(http, path, deadline).await?;
        let sync = &status["result"]["sync_info"];
        let Some(height) = number(&sync["latest_block_height"]) else {
            return Err(ProbeError::garbage(path, "sync_info with latest_block_height", &status));
        };
        self.syncing = sync["catching_up"].as_bool();
        self.version = text(&status["result"]["node_info"]["version"]);
        // Before the first block there is height 0 and an empty hash.
        let Some(hash) = hash(&sync["latest_block_hash"]).filter(|_| height > 0) else {
            self.head = None;
            return Ok(None);
        };
        if self.head.as_ref().is_none_or(|head| head.hash != hash) {
            let found = blocks(http, height, height, deadline).await?.into_iter().find(|block| block.hash == hash);
            // A node that has just been restored from a snapshot knows its height but not the block.
            let bare = || Block { height, hash, parent: None, producer: None, roots: Roots::default() };
            self.head = Some(found.unwrap_or_else(bare));
        }
        Ok(self.head.clone())
    }

    pub(super) async fn parent(
        &mut self,
        http: &mut Http,
        child: &Block,
        deadline: Duration,
    ) -> Result<Option<Block>, ProbeError> {
        let (Some(parent), Some(height)) = (&child.parent, child.height.checked_sub(1)) else { return Ok(None) };
        if !self.page.iter().any(|block| &block.hash == parent) {
            self.page = blocks(http, (height + 1).saturating_sub(PAGE).max(1), height, deadline).await?;
        }
        Ok(self.page.iter().find(|block| &block.hash == parent).cloned())
    }

    pub(super) async fn slow(&self, http: &mut Http, deadline: Duration) -> Result<Slow, ProbeError> {
        let peers = optional(get_json(http, "/net_info", deadline).await.map(Some))?.unwrap_or_default();
        let consensus = optional(get_json(http, "/consensus_state", deadline).await.map(Some))?.unwrap_or_default();
        Ok(Slow {
            finalized: self.head.as_ref().map(|head| (head.height, head.hash.clone())),
            peers: number(&peers["result"]["n_peers"]),
            syncing: self.syncing,
            round: consensus["result"]["round_state"]["height/round/step"].as_str().and_then(round),
            ..Slow::default()
        })
    }

    pub(super) fn version(&self) -> Option<String> {
        self.version.clone()
    }
}

/// `12/0/3`: height, round, step.
fn round(text: &str) -> Option<Round> {
    let mut parts = text.splitn(3, '/');
    let (height, round) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let step = parts.next()?;
    let name = step.parse::<usize>().ok().and_then(|step| STEPS.get(step.checked_sub(1)?));
    Some(Round { height, round, step: name.copied().unwrap_or(step).to_owned() })
}

/// The blocks from one height to another, without their transactions. Empty where the node refuses.
async fn blocks(http: &mut Http, from: u64, to: u64, deadline: Duration) -> Result<Vec<Block>, ProbeError> {
    let path = format!("/blockchain?minHeight={from}&maxHeight={to}");
    let answer = optional(get_json(http, &path, deadline).await.map(Some))?.unwrap_or_default();
    let metas = answer["result"]["block_metas"].as_array();
    Ok(metas.into_iter().flatten().filter_map(block).collect())
}

fn block(meta: &Value) -> Option<Block> {
    let header = &meta["header"];
    Some(Block {
        height: number(&header["height"])?,
        hash: hash(&meta["block_id"]["hash"])?,
        parent: hash(&header["last_block_id"]["hash"]),
        producer: hex(&header["proposer_address"]),
        roots: Roots { state: hex(&header["app_hash"]), ..Roots::default() },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Block 1 as two versions told it, cut to the part that is read. With the built-in kvstore application 0.37 starts
    /// from an empty app hash and 0.38 from eight zero bytes, which is why the two never make a block together.
    #[test]
    fn first_blocks_of_two_versions_are_read() {
        let meta = |hash: &str, app_hash: &str, proposer: &str| {
            json!({"block_id": {"hash": hash, "parts": {"total": 1}}, "block_size": "327", "header": {
                "version": {"block": "11", "app": "1"}, "height": "1", "last_block_id": {"hash": "", "parts": {"total": 0}},
                "app_hash": app_hash, "proposer_address": proposer}, "num_txs": "0"})
        };
        let newer = meta(
            "EDC0D50FDA47D923D45E49DDCF63307E33E354C244852CBE4A035FE46A7BC67C",
            "0000000000000000",
            "3FCB0EE9A403F55C6AD3BF789B32B36D707167CE",
        );
        let block_of = |meta: &Value| block(meta).expect("a block");
        let newer = block_of(&newer);
        assert_eq!((newer.height, newer.parent), (1, None));
        assert_eq!(newer.hash, "0xedc0d50fda47d923d45e49ddcf63307e33e354c244852cbe4a035fe46a7bc67c");
        assert_eq!(newer.producer.as_deref(), Some("0x3fcb0ee9a403f55c6ad3bf789b32b36d707167ce"));
        assert_eq!(newer.roots.state.as_deref(), Some("0x0000000000000000"));
        let older = block_of(&meta(
            "6140798109B476CB77B489F20F54FCC50DFC531672734F30705FC35F28BE7206",
            "",
            "5D1FCAD809CE6C1A7D3B8003B83C62F443C20A9F",
        ));
        assert_eq!(older.roots.state, None);
    }

    #[test]
    fn rounds_are_read_and_steps_named() {
        let read = |text| round(text).map(|round| (round.height, round.round, round.step));
        assert_eq!(read("12/3/1"), Some((12, 3, "NewHeight".to_owned())));
        assert_eq!(read("12/0/8"), Some((12, 0, "Commit".to_owned())));
        assert_eq!(read("12/0/9"), Some((12, 0, "9".to_owned())), "an unknown step stays as it is");
        for broken in ["", "12", "12/0", "x/0/1", "12/-1/1"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }
}
