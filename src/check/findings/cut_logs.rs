//! Logs of nodes that are not whole: who looks for a line must know that it may be missing.

use super::{Finding, FindingKind};
use crate::check::history::History;
use crate::text::units::Size;

/// A log of which a part is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CutLog {
    pub(crate) at: u64,
    pub(crate) seq: u64,
    pub(crate) node: String,
    pub(crate) bytes: u64,
    pub(crate) limit: u64,
    pub(crate) error: Option<String>,
}

pub(super) fn find(history: &History<'_>) -> Vec<Finding> {
    let one = |cut: &CutLog| {
        let CutLog { at, seq, node, bytes, limit, error } = cut;
        let why = match error {
            Some(error) => format!("the file could not be written ({error})"),
            None => {
                format!("a log is kept up to {} (`--log-limit`); its beginning and its end are there", Size(*limit))
            }
        };
        let text = format!("the log of {node} lacks {bytes} bytes: {why}; checks of logs saw every line");
        Finding {
            kind: FindingKind::CutLog,
            who: vec![node.clone()],
            from: *at,
            to: Some(*at),
            text,
            evidence: vec![*seq],
        }
    };
    history.cut_logs.iter().map(one).collect()
}
