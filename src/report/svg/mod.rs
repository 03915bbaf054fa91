//! Our own pictures: SVG that is put into the page as it is. Colours are classes of the page's style sheet, so that one
//! picture fits light, dark and paper; shapes, letters and hatches say the same as the colours.

mod branches;
mod frame;
mod heads;
mod rows;
mod startup;
mod steps;
mod topology;

pub(super) use branches::{Branches, Used};
pub(super) use frame::Frame;
pub(super) use heads::{chains, lanes};
pub(super) use startup::startup;
pub(super) use steps::{Line, steps};
pub(super) use topology::topology;

use std::collections::BTreeMap;

use crate::check::history::History;

/// How many colours there are for clients.
pub(super) const CLIENT_COLOURS: usize = 8;

/// Each client's colour number, by its full name.
pub(super) fn client_colours(history: &History<'_>) -> BTreeMap<String, usize> {
    let mut clients: Vec<String> = history.run.nodes.iter().map(|node| node.client.to_string()).collect();
    clients.sort();
    clients.dedup();
    clients.into_iter().enumerate().map(|(index, client)| (client, index % CLIENT_COLOURS)).collect()
}
