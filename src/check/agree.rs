//! `agree`: the nodes have the same block.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::agreement::{Question, over_time};
use super::chain::Relation;
use super::explain::{Pointer, explain, explain_layers};
use super::history::State;
use super::judge::{Case, How, Judgement};
use super::moments::{Answer, Moments};
use super::questions::{name_list, short_hash};
use super::{Outcome, Subject, When, block_differences};
use crate::text::Sp;
use crate::topology::Targets;

/// How far apart on one chain heads may be and still agree, if a scenario does not say: nodes are sampled at slightly
/// different moments, and a block that is on its way is no disagreement.
pub const DEFAULT_DEPTH: u64 = 2;

/// The nodes have the same block.
///
/// With `on: head`, heads agree if they are equal, or lie on one chain with at most `depth` blocks between the lowest
/// and the highest. With `on: finalized`, if no two nodes call blocks final of which neither is an ancestor of the
/// other. With `on: {height: 40}`, if all nodes have the same block there. Blocks are compared only among nodes that show
/// the same chain: execution clients with execution clients, beacon nodes with beacon nodes; the nodes agree if they do in
/// each of these layers.
/// Nodes that the timeline has taken down are left out while they are down, but absence is no agreement: who was there at
/// any moment of the time that is asked for must have agreed when it was last seen. A node that should be there and cannot
/// be seen makes the answer unknown, unless the others disagree already. After a `send`, agreement counts when the time
/// is over: it was there anyway when the send was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgreeDocument {
    /// What is compared: `head` (default), `finalized` or `{height: N}`.
    #[serde(default)]
    pub on: Subject,
    /// How many blocks apart on one chain still agree (`on: head`: 2; `on: finalized`: any number). 0 asks for the very
    /// same block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Sp<u64>>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `agree`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agree {
    /// What is compared.
    pub on: Subject,
    /// Blocks apart on one chain that still agree; `None` is any number.
    pub depth: Option<u64>,
}

impl AgreeDocument {
    pub(super) fn resolve(&self) -> Agree {
        let depth = self.depth.as_ref().map(|depth| depth.value);
        Agree { on: self.on, depth: if self.on == Subject::Head { depth.or(Some(DEFAULT_DEPTH)) } else { depth } }
    }
}

impl Agree {
    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        let moments = over_time(case.history, &case.nodes, self.on, Question::Agree(self.depth));
        let words = match self.on {
            Subject::Head => ("the nodes agreed on the head", "the nodes did not agree on the head"),
            Subject::Finalized => ("the nodes agreed on what is final", "the nodes did not agree on what is final"),
            Subject::Height(_) => ("the nodes had the same block", "the nodes did not have the same block"),
        };
        let dissents = |node: usize, last: u64, at: u64| stands_apart(case, node, last, at);
        let open = |at: u64| what_is_open(case, self.on, at);
        let how = How {
            lasts: true,
            last_alone: false,
            absence_counts: true,
            names_absent: self.on != Subject::Finalized,
            patient: self.on == Subject::Head,
            dissents: (self.on == Subject::Head).then_some(&dissents),
            open: &open,
        };
        let mut judgement =
            case.judge_moments(&moments, words, &how, |judgement, at| tell(case, self.on, judgement, at));
        self.note_block(case, &mut judgement);
        Self::note_loss(case, &moments, &mut judgement);
        judgement
    }

    /// Which block they agreed on.
    fn note_block(&self, case: &Case<'_, '_>, judgement: &mut Judgement) {
        let (Outcome::Pass, Some(at), Subject::Head) = (judgement.outcome, judgement.moment, self.on) else { return };
        let heads = case.nodes.iter().filter_map(|&node| case.history.head_at(node, at));
        let Some((.., block)) = heads.max_by_key(|&(.., block)| case.history.chain.height(block)) else { return };
        let (height, hash) = (case.history.chain.height(block), case.history.chain.hash(block));
        judgement.facts.push(format!("the highest head was {} at {height}", short_hash(hash)));
        judgement.figures.insert("height".to_owned(), height.into());
        judgement.figures.insert("hash".to_owned(), hash.into());
    }

    /// Agreement that was reached and lost again before the next fault is worth a line, although it passes.
    fn note_loss(case: &Case<'_, '_>, moments: &Moments, judgement: &mut Judgement) {
        let (Outcome::Pass, Some(at), When::After(..)) = (judgement.outcome, judgement.moment, case.when) else {
            return;
        };
        let next = case.history.windows.iter().filter_map(|window| window.begin).filter(|&begin| begin > at).min();
        let until = next.unwrap_or(case.history.end).min(case.history.end);
        let losses = moments.within(at, until).filter(|moment| moment.answer == Answer::No).count();
        let last = moments.at(until);
        judgement.figures.insert("lost_again".to_owned(), losses.into());
        if last.answer == Answer::No {
            let lost = moments.within(at, until).filter(|moment| moment.answer == Answer::No).last();
            let since = case.history.moment(lost.map_or(last.at, |moment| moment.at));
            judgement.summary = format!("{}, but agreement was lost again {since}", judgement.summary);
        }
    }
}

/// Whether a node that is away had a head, when it was last seen, that is on another chain than a head of those who are
/// there.
fn stands_apart(case: &Case<'_, '_>, node: usize, last: u64, at: u64) -> bool {
    let history = case.history;
    let Some((.., own)) = history.last_head(node, last) else { return false };
    let mates = case.nodes.iter().filter(|&&other| history.layer(other) == history.layer(node));
    let heads = mates.filter_map(|&other| history.head_at(other, at));
    heads.into_iter().any(|(.., head)| history.chain.relation(own, head) == Relation::Apart)
}

/// What is not known at a moment at which all nodes could be asked.
pub(super) fn what_is_open(case: &Case<'_, '_>, on: Subject, at: u64) -> String {
    let history = case.history;
    let names = |nodes: Vec<usize>| {
        name_list(&nodes.into_iter().map(|node| history.name(node).to_string()).collect::<Vec<_>>())
    };
    let silent: Vec<usize> =
        case.nodes.iter().copied().filter(|&node| history.state_at(node, at).1 == State::Seen(None)).collect();
    let headed = || case.nodes.iter().filter_map(|&node| history.head_at(node, at).map(|head| (node, head.2)));
    match on {
        Subject::Finalized if case.never_final(at).is_some() => "not all nodes had said what is final".to_owned(),
        Subject::Finalized => "how the blocks that they call final are joined was not seen".to_owned(),
        _ if !silent.is_empty() => format!("{} had not said what its head is", names(silent)).replace(" and ", " or "),
        Subject::Height(height) => {
            let low: Vec<usize> =
                headed().filter(|&(_, head)| history.chain.height(head) < height).map(|(node, _)| node).collect();
            if low.is_empty() {
                format!("the blocks at {height} of all nodes were not seen")
            } else {
                format!("{} had not come to {height}", names(low))
            }
        }
        Subject::Head if headed().count() == 1 && case.nodes.len() > 1 => {
            "only one of these nodes was there".to_owned()
        }
        Subject::Head => "whether all heads are on one chain was not seen: blocks between them are missing".to_owned(),
    }
}

/// Facts about nodes that do not agree.
pub(super) fn tell(case: &Case<'_, '_>, on: Subject, judgement: &mut Judgement, at: u64) {
    let pointer = if on == Subject::Finalized { Pointer::Finalized } else { Pointer::Head };
    let mut explanation = explain(case.history, &case.nodes, at, pointer);
    let mut lines = explanation.lines(case.history);
    block_differences::tell(case.history, &mut explanation, &mut lines, &mut judgement.evidence);
    judgement.facts.extend(lines);
    judgement.evidence.extend(explanation.evidence());
    for other in explain_layers(case.history, &case.nodes, at, pointer) {
        if other.layer != explanation.layer {
            judgement.facts.extend(other.lines(case.history).into_iter().take(1));
            judgement.evidence.extend(other.evidence());
        }
    }
    if on == Subject::Finalized {
        judgement.facts.extend(case.never_final(at));
    }
    judgement.explanation = Some(explanation);
}
