//! What a pattern looks at: the nodes of one layer over one time.

use std::collections::BTreeSet;

use super::super::chain::BlockId;
use super::super::explain::{Explanation, Pointer, explain_layers};
use super::super::history::{Fact, History, State};
use super::super::layers::Layer;
use super::super::questions::name_list;
use super::Diagnosis;
use super::quotes::Quote;
use super::{Kind, quotes};

/// A chain that stands for less than this many block times does not stand still yet.
const STANDING_BLOCKS: u64 = 4;
/// The least time after which a chain is said to stand still, in microseconds.
const STANDING_LEAST: u64 = 8_000_000;

/// How one node moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) node: usize,
    /// Its head when the time was over, if it could be seen.
    pub(crate) head: Option<BlockId>,
    /// The head's height.
    pub(crate) height: u64,
    /// The highest head that it has shown by then.
    pub(crate) highest: u64,
    /// When its head was last seen to rise to that, and the line that says so.
    pub(crate) rose: Option<(u64, u64)>,
}

/// The nodes of one layer over one time.
#[derive(Debug)]
pub(crate) struct View<'h, 'a> {
    pub(crate) history: &'h History<'a>,
    pub(crate) layer: Layer<'a>,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) lines: Vec<Line>,
    pub(crate) explanation: Option<Explanation>,
    meant: BTreeSet<usize>,
}

impl<'h, 'a> View<'h, 'a> {
    pub(crate) fn new(history: &'h History<'a>, layer: Layer<'a>, meant: &[usize], from: u64, to: u64) -> Self {
        let lines = layer.nodes.iter().map(|&node| line(history, node, to)).collect();
        let mut all = explain_layers(history, meant, to, Pointer::Head);
        let explanation = all.iter().position(|one| one.layer == layer.name).map(|index| all.swap_remove(index));
        let mut meant: BTreeSet<usize> = meant.iter().copied().collect();
        meant.extend((0..history.nodes.len()).filter(|&node| history.layer(node) == super::super::layers::PROCESS));
        Self { history, layer, from, to, lines, explanation, meant }
    }

    /// After how long without a new block a chain stands still.
    pub(crate) fn standing(&self) -> u64 {
        self.history.run.block_time.map_or(0, |time| time * STANDING_BLOCKS).max(STANDING_LEAST)
    }

    /// Lines of nodes that have a head.
    pub(crate) fn present(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.head.is_some())
    }

    /// The highest head.
    pub(crate) fn top(&self) -> Option<&Line> {
        self.present().max_by_key(|line| line.height)
    }

    /// Whether a node's head rose so shortly before the time was over that it does not stand still.
    pub(crate) fn rises(&self, line: &Line) -> bool {
        line.rose.is_some_and(|rose| rose.0 + self.standing() > self.to)
    }

    /// Whether every node of the layer is meant, so that what is said of all is not only said of some.
    pub(crate) fn is_whole_layer(&self) -> bool {
        let history = self.history;
        (0..history.nodes.len()).all(|node| history.layer(node) != self.layer.name || self.layer.nodes.contains(&node))
    }

    /// Whether every node that is meant could be seen at the end of the time, or was taken down by the timeline.
    pub(crate) fn sees_all(&self) -> bool {
        self.lines
            .iter()
            .all(|line| line.head.is_some() || matches!(self.history.state_at(line.node, self.to).1, State::Away))
    }

    /// What this layer's heights are called.
    pub(crate) fn word(&self) -> &'static str {
        self.history.height_word(self.layer.name)
    }

    /// `at 12.3 s` without the `at`.
    pub(crate) fn since(&self, at: u64) -> String {
        self.history.moment(at).trim_start_matches("at ").to_owned()
    }

    /// Names of nodes, participants by theirs where all members are meant.
    pub(crate) fn names(&self, nodes: &[usize]) -> Vec<String> {
        self.history.say_all(nodes.iter().copied(), &self.meant)
    }

    /// Names of nodes as one text, each with its clients.
    pub(crate) fn list(&self, nodes: &[usize]) -> String {
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        for &node in nodes {
            let name = self.names(&[node]).concat();
            let own = name == self.history.name(node).as_str();
            let record = self.history.nodes[node].record;
            let runs = if own { record.client.to_string() } else { self.history.clients_of(node) };
            match groups.iter_mut().find(|group| group.0 == runs) {
                Some((_, members)) => members.push(node),
                None => groups.push((runs, vec![node])),
            }
        }
        let groups: Vec<String> =
            groups.iter().map(|(runs, members)| format!("{} ({runs})", name_list(&self.names(members)))).collect();
        groups.join(", ")
    }

    /// Rounds that nodes of the layer entered after a moment: node, height, round, step, line; the highest round.
    pub(crate) fn highest_round(&self, after: u64) -> Option<(usize, u64, u64, &'a str, u64)> {
        let nodes = self.layer.nodes.iter();
        let rounds = nodes.flat_map(|&node| {
            let rounds = self.history.nodes[node].rounds.iter();
            let rounds = rounds.filter(move |round| round.0 >= after && round.0 <= self.to);
            rounds.map(move |&(_, seq, height, round, step)| (node, height, round, step, seq))
        });
        rounds.max_by_key(|&(node, height, round, ..)| (height, round, std::cmp::Reverse(node)))
    }

    /// A diagnosis about some of the nodes, with what they wrote into their logs.
    pub(crate) fn diagnosis(&self, kind: Kind, nodes: &[usize], since: Option<u64>, text: String) -> Diagnosis {
        Diagnosis {
            kind,
            layer: self.layer.name.to_owned(),
            who: self.names(nodes),
            nodes: nodes.iter().map(|&node| self.history.name(node).clone()).collect(),
            since,
            height: None,
            during: None,
            apart: None,
            text,
            sides: Vec::new(),
            quotes: self.quotes(nodes),
            evidence: Vec::new(),
        }
    }

    /// What these nodes and their mates wrote into their logs about it.
    pub(crate) fn quotes(&self, nodes: &[usize]) -> Vec<Quote> {
        quotes::of(self.history, nodes, self.from, self.to)
    }
}

fn line(history: &History<'_>, node: usize, to: u64) -> Line {
    let (mut highest, mut rose) = (None::<u64>, None::<(u64, u64)>);
    for &change in &history.nodes[node].changes {
        let change = history.changes[change as usize];
        if change.at > to {
            break;
        }
        if let Fact::State(State::Seen(Some(head))) = change.fact {
            let height = history.chain.height(head);
            if highest.is_none_or(|highest| height > highest) {
                highest = Some(height);
                rose = Some((change.at, change.seq));
            }
        }
    }
    let head = history.head_at(node, to).map(|(_, _, head)| head);
    let height = head.map_or(0, |head| history.chain.height(head));
    Line { node, head, height, highest: highest.unwrap_or(0), rose }
}
