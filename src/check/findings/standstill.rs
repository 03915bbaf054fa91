//! The tool itself stood still: a suspended laptop, a frozen runner. Nobody else is to blame for what came of it.

use super::{Finding, FindingKind};
use crate::check::history::History;
use crate::check::questions::seconds;

pub(super) fn find(history: &History<'_>) -> Vec<Finding> {
    let one = |&(from, to, seq): &(u64, u64, u64)| Finding {
        kind: FindingKind::Standstill,
        who: Vec::new(),
        from,
        to: Some(to),
        text: format!(
            "splitbrain itself stood still for {}, from {} to {}: nobody was asked, no fault was applied, and no packet passed \
             it; what nodes did then and afterwards may have come of it",
            seconds(to.saturating_sub(from)),
            history.moment(from).trim_start_matches("at "),
            history.moment(to).trim_start_matches("at "),
        ),
        evidence: vec![seq],
    };
    history.standstills.iter().map(one).collect()
}
