//! Who gets a lane: a node, or a participant with a thin lane for each further member that shows a chain. Members that
//! show none get no lane.

use crate::check::history::History;
use crate::check::layers::{BEACON, PROCESS};

use super::heads::lane_height;

/// Height of the lane of a further member.
const THIN: f64 = 11.0;

/// One lane.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// Whose heads it shows.
    pub(crate) node: usize,
    /// What stands to the left of it.
    pub(crate) label: String,
    /// Whether it belongs to the lane above it.
    pub(crate) thin: bool,
    /// From the first lane's top.
    pub(crate) y: f64,
    /// Its height.
    pub(crate) high: f64,
}

/// All lanes, in the order of the plan, and their height in all.
pub(crate) fn rows(history: &History<'_>) -> (Vec<Row>, f64) {
    let participants = history.participants();
    let main = (0..history.nodes.len()).filter(|&node| history.nodes[node].record.participant.is_none()).count();
    let high = lane_height(main + participants.len());
    let (mut rows, mut y): (Vec<Row>, f64) = (Vec::new(), 0.0);
    let mut done: Vec<&str> = Vec::new();
    for (node, record) in history.run.nodes.iter().enumerate() {
        let mut add = |node, label: String, thin: bool| {
            let high = if thin { THIN } else { high };
            rows.push(Row { node, label, thin, y, high });
            y += high;
        };
        let Some(participant) = record.participant.as_deref() else {
            if record.layer != PROCESS {
                add(node, record.name.to_string(), false);
            }
            continue;
        };
        if done.contains(&participant) {
            continue;
        }
        done.push(participant);
        let mut members = history.showing(&history.mates(node));
        // The consensus client decides which chain the participant is on.
        members.sort_by_key(|&member| (history.layer(member) != BEACON, member));
        for (index, member) in members.into_iter().enumerate() {
            let word = history.nodes[member].record.member.clone().unwrap_or_default();
            add(member, if index == 0 { participant.to_owned() } else { word }, index > 0);
        }
        if !rows.is_empty() {
            // Participants stand a little apart from each other.
            y += 4.0;
        }
    }
    (rows, y)
}
