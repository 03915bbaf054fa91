//! `diagnosis`: what was the matter is what was expected, so that a split of the past is a test that passes.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::diagnosis::{Diagnosis, Kind, diagnose_layers, of_episodes};
use super::explain::{Explanation, Pointer, explain_layers};
use super::history::State;
use super::intervals::Interval;
use super::judge::{Case, Judgement};
use super::moments::Answer;
use super::questions::{name_list, short_hash};
use super::{Outcome, When, block_differences};
use crate::action::NodeName;
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// Digits of a hash, zeros at its beginning not counted, that name a block.
const LEAST_DIGITS: usize = 8;

/// From here on a number is no height but a hash without quotes, which YAML reads as a number.
const HEIGHTS: u64 = 0x1000_0000;

/// What was the matter with the nodes is this, and nothing else will do. For splits that are known and meant to be seen again.
///
/// With `during:` the time of the entry is looked at, up to its last moment; with `after:` the time from the entry's
/// beginning to the end of `within`; with `at_end` and `always` the whole timeline; with `at` the timeline up to that
/// moment. It passes if what the nodes show at the end of that time, or at the end of a time in between in which their
/// chains were apart, has this kind, this block and these sides. Sides are compared without order; a node that stands on
/// none of them must not be on any, so name all that are. With `none` nothing may be the matter at all. It is unknown if a
/// node that makes the difference could not be seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiagnosedDocument {
    /// What is the matter.
    pub kind: Sp<WantedKind>,
    /// The first block of one of the sides: its height, or its hash in quotes (at least its first 8 digits). With `bad_block` and
    /// `fork`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<Sp<WantedBlock>>,
    /// All sides, each as targets: `[[west, east-0], [east-1]]`. With `bad_block`, `fork` and `one_side_goes_on` (those who
    /// go on, and those who do not).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sides: Option<Sp<Vec<Sp<Targets>>>>,
    /// The nodes that are meant; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// What may be the matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WantedKind {
    /// No node ever showed a block.
    NeverStarted,
    /// Clients say that they refuse blocks, and the nodes do not hold the same ones.
    BadBlock,
    /// Nodes hold different chains.
    Fork,
    /// No node shows a new block, and all are on one chain.
    Halt,
    /// Some go on, the others stand still on the same chain.
    OneSideGoesOn,
    /// Somebody is behind on the same chain.
    Lagging,
    /// Nothing.
    None,
}

/// A block, by its height (slot) or its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum WantedBlock {
    /// Height or slot.
    Height(u64),
    /// Its hash, or the first digits of it.
    Hash(String),
}

impl<'de> Deserialize<'de> for WantedBlock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl serde::de::Visitor<'_> for Either {
            type Value = WantedBlock;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a height or a hash")
            }

            fn visit_u64<E>(self, height: u64) -> Result<WantedBlock, E> {
                Ok(WantedBlock::Height(height))
            }

            fn visit_i64<E: serde::de::Error>(self, height: i64) -> Result<WantedBlock, E> {
                u64::try_from(height).map(WantedBlock::Height).map_err(|_| E::custom("a height is not negative"))
            }

            fn visit_str<E>(self, hash: &str) -> Result<WantedBlock, E> {
                Ok(WantedBlock::Hash(hash.to_owned()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// `diagnosis`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosed {
    /// What is the matter.
    pub kind: WantedKind,
    /// The first block of one of the sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<WantedBlock>,
    /// All sides; empty if any will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<Vec<NodeName>>,
}

impl DiagnosedDocument {
    /// The nodes of the sides are put in by who knows the topology.
    pub(super) fn resolve(&self) -> Result<Diagnosed, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        let kind = self.kind.value;
        if let Some(block) = &self.block {
            if !matches!(kind, WantedKind::BadBlock | WantedKind::Fork) {
                mistakes.push(
                    Diagnostic::error(format!(
                        "`block` goes with `bad_block` and `fork`, not with `{}`",
                        kind.keyword()
                    ))
                    .at(block.span, "the first block of a side")
                    .help("leave `block` out"),
                );
            }
            let named = match &block.value {
                WantedBlock::Hash(hash) => is_hash(hash),
                WantedBlock::Height(height) => *height < HEIGHTS,
            };
            if !named {
                mistakes.push(
                    Diagnostic::error("this is neither a height nor a block's hash")
                        .at(block.span, format!("hex digits, at least {LEAST_DIGITS} of them after zeros"))
                        .help("write the hash in quotes as the client prints it, for example `\"0x1f3a90bc\"`"),
                );
            }
        }
        if let Some(sides) = &self.sides {
            if !matches!(kind, WantedKind::BadBlock | WantedKind::Fork | WantedKind::OneSideGoesOn) {
                mistakes.push(
                    Diagnostic::error(format!("`{}` has no sides", kind.keyword())).at(sides.span, "of what?").help(
                        "`bad_block`, `fork` and `one_side_goes_on` have sides; leave `sides` out, or use `nodes`",
                    ),
                );
            }
            if sides.value.len() < 2 {
                mistakes.push(
                    Diagnostic::error("a split has two sides at least")
                        .at(sides.span, "")
                        .help("name the nodes of every side: `sides: [[west-0, west-1], [east-0]]`"),
                );
            }
        }
        if mistakes.is_empty() {
            let block = self.block.as_ref().map(|block| block.value.clone());
            Ok(Diagnosed { kind, block, sides: Vec::new() })
        } else {
            Err(mistakes)
        }
    }
}

/// Whether a text is a hash, or enough of the beginning of one to name a block.
fn is_hash(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    all && digits.len() <= 128 && digits.trim_start_matches('0').len() >= LEAST_DIGITS
}

impl WantedKind {
    /// Its word in scenarios.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::NeverStarted => "never_started",
            Self::BadBlock => "bad_block",
            Self::Fork => "fork",
            Self::Halt => "halt",
            Self::OneSideGoesOn => "one_side_goes_on",
            Self::Lagging => "lagging",
            Self::None => "none",
        }
    }

    fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::NeverStarted => Kind::NeverStarted,
            Self::BadBlock => Kind::BadBlock,
            Self::Fork => Kind::Fork,
            Self::Halt => Kind::Halt,
            Self::OneSideGoesOn => Kind::OneSideGoesOn,
            Self::Lagging => Kind::Lagging,
            Self::None => return None,
        })
    }
}

/// How a diagnosis that was made stands to the one that is expected.
enum Fit {
    Yes,
    No(String),
    /// It may be, if who was not seen stands where it should.
    Untold(String),
}

/// What was found at one moment.
struct Found {
    diagnosis: Diagnosis,
    fit: Fit,
    /// The moment.
    at: u64,
}

impl Diagnosed {
    /// As a person would say it: `bad block at 0x1f3a…9c02 (a, b | c)`.
    pub(super) fn phrase(&self) -> String {
        let what = self.kind.kind().map_or("nothing is the matter", Kind::words);
        let block = match &self.block {
            None => String::new(),
            Some(WantedBlock::Height(height)) => format!(" at {height}"),
            Some(WantedBlock::Hash(hash)) => format!(" at {}", short_hash(hash)),
        };
        let names = |side: &Vec<NodeName>| side.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let sides: Vec<String> = self.sides.iter().map(names).collect();
        let sides = if sides.is_empty() { String::new() } else { format!(" ({})", sides.join(" | ")) };
        format!("{what}{block}{sides}")
    }

    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        let history = case.history;
        let Some(zero) = history.zero else {
            return Judgement::new(Outcome::Unknown, "cannot be told: the timeline never began");
        };
        case.count(zero, |span| {
            let begin = history.family(&span.name).filter_map(|window| window.begin).min();
            // What came of an entry began with it.
            let from = match (case.when, begin) {
                (When::After(..), Some(begin)) => begin.min(span.from),
                _ => span.from,
            };
            self.judge_span(case, &Interval { from, ..span.clone() })
        })
    }

    fn judge_span(&self, case: &Case<'_, '_>, span: &Interval) -> Judgement {
        let history = case.history;
        let (from, to) = (span.from, span.to);
        let mut found: Vec<Found> = Vec::new();
        let mut take = |diagnosis: Diagnosis, at: u64| {
            if !found
                .iter()
                .any(|other| other.diagnosis.is_about_the_same(&diagnosis) && other.diagnosis.text == diagnosis.text)
            {
                let fit = match hidden(case, &diagnosis, at) {
                    Some(reason) => Fit::Untold(reason),
                    None => self.fit(case, &diagnosis, at),
                };
                found.push(Found { diagnosis, fit, at });
            }
        };
        for diagnosis in diagnose_layers(history, &case.nodes, from, to) {
            take(diagnosis, to);
        }
        for (_, diagnosis) in of_episodes(history, &case.nodes, from, to) {
            let end = diagnosis.apart.and_then(|apart| apart.1);
            take(diagnosis, end.map_or(to, |end| end.saturating_sub(1)));
        }
        let unseen = unseen(case, from, to);
        let (outcome, summary, chosen) = self.weigh(&found, &unseen, span);
        let mut judgement = Judgement::new(outcome, summary);
        judgement.moment = Some(to);
        judgement.evidence.clone_from(&span.evidence);
        for (index, one) in found.iter().enumerate() {
            let Diagnosis { text, quotes, evidence, .. } = &one.diagnosis;
            if outcome != Outcome::Pass {
                judgement.facts.push(format!("found: {text}"));
                match &one.fit {
                    Fit::Yes => {}
                    Fit::No(reason) | Fit::Untold(reason) => judgement.facts.push(reason.clone()),
                }
            }
            if outcome != Outcome::Pass || Some(index) == chosen {
                judgement.facts.extend(quotes.iter().map(super::Quote::text));
                judgement.evidence.extend(evidence.iter().copied().chain(quotes.iter().map(|quote| quote.seq)));
            }
        }
        if outcome == Outcome::Unknown {
            judgement.facts.extend(unseen);
        }
        let chosen = chosen.or((!found.is_empty()).then_some(0)).map(|index| found.swap_remove(index));
        // Chains that met again are explained as they were before.
        let at = chosen.as_ref().map_or(to, |chosen| chosen.at);
        judgement.diagnosis = chosen.map(|chosen| chosen.diagnosis);
        tell_what_is_in_the_blocks(case, &mut judgement, at);
        judgement
    }

    /// The answer, one line, and which of the diagnoses it is about.
    fn weigh(&self, found: &[Found], unseen: &[String], span: &Interval) -> (Outcome, String, Option<usize>) {
        let fits = found.iter().position(|one| matches!(one.fit, Fit::Yes));
        let open = found.iter().find_map(|one| match &one.fit {
            Fit::Untold(reason) => Some(reason.as_str()),
            _ => None,
        });
        let first = found.first().map(|one| one.diagnosis.text.clone());
        if let Some(reason) = &span.cut_short {
            let so_far = first.unwrap_or_else(|| "nothing was the matter".to_owned());
            return (Outcome::Unknown, format!("cannot be told: {reason}; so far: {so_far}"), fits);
        }
        match (self.kind.kind(), fits, first) {
            (Some(_), Some(index), _) => (Outcome::Pass, found[index].diagnosis.text.clone(), fits),
            (None, _, Some(first)) if found.iter().any(|one| matches!(one.fit, Fit::No(_))) => {
                (Outcome::Fail, format!("something was the matter: {first}"), None)
            }
            (None, _, None) if unseen.is_empty() => (Outcome::Pass, "nothing was the matter".to_owned(), None),
            (_, _, _) if open.is_some() || !unseen.is_empty() => {
                let reason = open.or(unseen.first().map(String::as_str)).unwrap_or_default();
                (Outcome::Unknown, format!("cannot be told: {reason}"), None)
            }
            (_, _, Some(first)) => (Outcome::Fail, format!("something else was the matter: {first}"), None),
            (_, _, None) => (Outcome::Fail, "nothing was the matter".to_owned(), None),
        }
    }

    /// Whether a diagnosis that was made at a moment is the expected one.
    fn fit(&self, case: &Case<'_, '_>, found: &Diagnosis, at: u64) -> Fit {
        let Some(kind) = self.kind.kind() else { return Fit::No("nothing was to be the matter".to_owned()) };
        if found.kind != kind {
            return Fit::No(format!("that is {}, not {}", found.kind.words(), kind.words()));
        }
        if let Some(block) = &self.block {
            let mut firsts = found.sides.iter().filter_map(|side| side.block.as_ref());
            if !firsts.any(|first| block.is(first.height, &first.hash)) {
                return Fit::No(format!("no side of it begins with {block}"));
            }
        }
        if self.sides.is_empty() { Fit::Yes } else { self.fit_sides(case, found, at) }
    }

    fn fit_sides(&self, case: &Case<'_, '_>, found: &Diagnosis, at: u64) -> Fit {
        let history = case.history;
        let on_layer = |node: &usize| history.layer(*node) == found.layer;
        let nodes = |names: &[NodeName]| -> BTreeSet<usize> {
            history.indices_of(names).into_iter().filter(on_layer).collect()
        };
        let meant: BTreeSet<usize> = case.nodes.iter().copied().filter(on_layer).collect();
        let wanted: Vec<BTreeSet<usize>> = self.sides.iter().map(|side| nodes(side)).collect();
        let seen: Vec<BTreeSet<usize>> = found.sides.iter().map(|side| nodes(&side.nodes)).collect();
        if wanted.iter().any(BTreeSet::is_empty) {
            return Fit::No("a side has no node that shows this chain".to_owned());
        }
        let explanations = explain_layers(history, &case.nodes, at, Pointer::Head);
        let explanation = explanations.iter().find(|one| one.layer == found.layer);
        let placed: BTreeSet<usize> = seen.iter().flatten().copied().collect();
        // Who cannot be placed may be anywhere.
        let hidden: BTreeSet<usize> = meant
            .iter()
            .copied()
            .filter(|node| !placed.contains(node) && cannot_be_placed(case, explanation, *node, at))
            .collect();
        let without = |side: &BTreeSet<usize>| -> BTreeSet<usize> { side.difference(&hidden).copied().collect() };
        let mut left: Vec<&BTreeSet<usize>> = seen.iter().collect();
        for side in &wanted {
            let rest = without(side);
            // A side of which nobody was seen may be the one.
            if rest.is_empty() {
                continue;
            }
            let Some(index) = left.iter().position(|other| **other == rest) else {
                return Fit::No(format!("{} are not one side of it", names(case, side)));
            };
            left.remove(index);
        }
        if let Some(other) = left.first() {
            return Fit::No(format!("it has another side: {}", names(case, other)));
        }
        if hidden.is_empty() {
            return Fit::Yes;
        }
        Fit::Untold(format!("on which side {} stood was not seen", names(case, &hidden)))
    }
}

/// How the chains differed at a moment, down to what nodes told of the first blocks of their branches, or of a block that
/// one of them refuses: its transactions, their receipts and traces.
fn tell_what_is_in_the_blocks(case: &Case<'_, '_>, judgement: &mut Judgement, at: u64) {
    let layers = explain_layers(case.history, &case.nodes, at, Pointer::Head).into_iter();
    let Some(mut explanation) = layers.max_by_key(|one| (one.sides.len(), one.behind.len())) else { return };
    let is_bad = judgement.diagnosis.as_ref().is_some_and(|found| found.kind == Kind::BadBlock);
    if explanation.sides.len() > 1 || is_bad {
        let mut lines = Vec::new();
        block_differences::tell(case.history, &mut explanation, &mut lines, &mut judgement.evidence);
        // Behind the line that says what was found; a pass says that in its summary.
        let place = usize::from(judgement.outcome != Outcome::Pass).min(judgement.facts.len());
        judgement.facts.splice(place..place, lines);
    }
    if explanation.sides.len() > 1 || explanation.inspection.is_some() {
        judgement.explanation = Some(explanation);
    }
}

fn names(case: &Case<'_, '_>, nodes: &BTreeSet<usize>) -> String {
    let names: Vec<String> = nodes.iter().map(|&node| case.history.name(node).to_string()).collect();
    name_list(&names)
}

/// What was found of those who were seen and need not be so of the others: that a whole chain stands still is known only
/// if nobody was out of sight.
fn hidden(case: &Case<'_, '_>, found: &Diagnosis, at: u64) -> Option<String> {
    let history = case.history;
    let dark = |&&node: &&usize| match (found.kind, history.state_at(node, at).1) {
        (Kind::Halt, State::Seen(head)) => head.is_none(),
        (Kind::Halt | Kind::NeverStarted, State::Unseen | State::Dead | State::Coming) => true,
        _ => false,
    };
    let nodes = case.nodes.iter().filter(|&&node| history.layer(node) == found.layer);
    let dark: Vec<String> = nodes.filter(dark).map(|&node| history.name(node).to_string()).collect();
    (!dark.is_empty()).then(|| format!("whether {} had blocks was not seen", name_list(&dark)))
}

/// Whether nobody can tell which chain a node is on: it should have been there and was not seen, or what lies below its
/// head was not.
fn cannot_be_placed(case: &Case<'_, '_>, explanation: Option<&Explanation>, node: usize, at: u64) -> bool {
    let name = case.history.name(node);
    case.history.head_at(node, at).is_none()
        || explanation.is_some_and(|explanation| explanation.unplaced.iter().any(|holder| holder.node == *name))
}

/// What was not seen of these nodes in a time, so that something may have been the matter that nobody knows of.
fn unseen(case: &Case<'_, '_>, from: u64, to: u64) -> Vec<String> {
    let history = case.history;
    let mut all = case.missing(to);
    for explanation in explain_layers(history, &case.nodes, to, Pointer::Head) {
        let names: Vec<String> = explanation.unplaced.iter().map(|holder| holder.name().to_owned()).collect();
        if !names.is_empty() {
            all.push(format!("how the chain of {} joins the others' was not seen", name_list(&names)));
        }
    }
    let apart =
        super::agreement::over_time(history, &case.nodes, super::Subject::Head, super::agreement::Question::Diverge);
    let blind = apart.within(from, to).find(|moment| moment.answer == Answer::Unseen);
    if let Some(moment) = blind.filter(|_| all.is_empty()) {
        all.push(format!("not all nodes could be seen {}", history.moment(moment.at)));
    }
    all
}

impl WantedBlock {
    /// Whether it is this block.
    fn is(&self, height: u64, hash: &str) -> bool {
        let bare = |hash: &str| hash.strip_prefix("0x").unwrap_or(hash).to_ascii_lowercase();
        match self {
            Self::Height(wanted) => *wanted == height,
            Self::Hash(wanted) => bare(hash).starts_with(&bare(wanted)),
        }
    }
}

impl std::fmt::Display for WantedBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Height(height) => write!(f, "a block at {height}"),
            Self::Hash(hash) => f.write_str(&short_hash(hash)),
        }
    }
}
