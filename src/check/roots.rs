//! What blocks say about the state after them: two blocks with one parent and other state roots are the sign of clients
//! that compute differently.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::chain::BlockId;
use super::explain::Side;
use super::history::History;
use super::questions::short_hash;

/// State root, receipts root and gas used of a block, as far as its API told them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roots {
    /// State root (application hash on chains that call it so).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Receipts root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipts: Option<String>,
    /// Gas used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gas_used: Option<u64>,
}

impl Roots {
    /// Whether nothing was told.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl History<'_> {
    /// What a block says about the state after it.
    pub(crate) fn roots(&self, block: BlockId) -> Roots {
        self.told.get(&block).map_or_else(Roots::default, |record| Roots {
            state: record.state_root.clone(),
            receipts: record.receipts_root.clone(),
            gas_used: record.gas_used,
        })
    }
}

/// The first two sides that told their state and do not have the same, with one parent and one height.
pub(super) fn differing_state(sides: &[Side]) -> Option<(&Side, &Side)> {
    let told = |side: &&Side| side.roots.state.is_some() && side.parent.is_some();
    let first = sides.iter().find(told)?;
    let other = sides.iter().filter(told).find(|side| {
        side.block.height == first.block.height
            && side.parent == first.parent
            && side.block.hash != first.block.hash
            && side.roots.state != first.roots.state
    })?;
    Some((first, other))
}

/// How the first blocks of two branches differ in what they say about the state.
pub(super) fn compare(sides: &[Side]) -> Option<String> {
    if let Some((a, b)) = differing_state(sides) {
        let mut text = format!("same parent, other state root: {} and {}", said(a), said(b));
        let both = |value: fn(&Roots) -> Option<String>| value(&a.roots).zip(value(&b.roots));
        if let Some((one, other)) = both(|roots| roots.receipts.clone()) {
            text.push_str(if one == other { "; receipts roots are equal" } else { "; receipts roots differ too" });
        }
        if let Some((one, other)) = a.roots.gas_used.zip(b.roots.gas_used) {
            if one == other {
                let _ = write!(text, "; both used {one} gas");
            } else {
                let _ = write!(text, "; gas used {one} and {other}");
            }
        }
        return Some(text);
    }
    let (a, rest) = sides.split_first()?;
    let b = rest.iter().find(|side| side.parent.is_some() && side.parent == a.parent)?;
    let (Some(one), Some(other)) = (&a.roots.state, &b.roots.state) else { return None };
    let (first, second) = (short_hash(&a.block.hash), short_hash(&b.block.hash));
    (one == other).then(|| format!("same parent and same state root {} in {first} and {second}", short_hash(one)))
}

fn said(side: &Side) -> String {
    let state = side.roots.state.as_deref().unwrap_or_default();
    format!("{} in {}", short_hash(state), short_hash(&side.block.hash))
}
