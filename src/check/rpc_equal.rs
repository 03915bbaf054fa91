//! `rpc_equal`: clients answer the same call alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::agree::DEFAULT_DEPTH;
use super::chain::{BlockId, Relation};
use super::history::{Call, History, State};
use super::json_differences::{Difference, differences, matches, shown};
use super::judge::{Case, How, Judgement};
use super::moments::{Answer, Moment, Moments};
use super::questions::name_list;
use super::{Outcome, When};
use crate::text::{Diagnostic, Sp, suggest};
use crate::topology::Targets;

/// What texts in the parameters may hold, and the engine fills in.
pub const HOLES: [&str; 3] = ["block", "block_hash", "height"];
/// Answers of one round come within this time, in microseconds: less than the time to the next round.
const ROUND: u64 = 4_500_000;
/// How many differences of one round are written out.
const SHOWN: usize = 20;

/// All clients answer the same JSON-RPC call alike, asked about the same block.
///
/// `{block}` in a parameter is the number of a block, as `0x` hex, that all nodes that are asked were seen to hold, a
/// little below the lowest head; `{block_hash}` is its hash, and a parameter that is `{height}` alone becomes its number
/// as a JSON number. Without one of them each node answers about what it holds at its own moment. Asked at the moment
/// that the expectation names, and every 5 s where it names a span of time. A round about a block says nothing while the
/// nodes are on different chains (all hold what lies below the fork), nor, `during` and `after` an entry, if the block is
/// older than the entry. Answers are compared value by value; a call that some refuse and others answer is a difference;
/// one that all refuse compares nothing, and the answer is unknown. `{pay.hash}`, `{pay.answer}` and
/// `{pay.answer/blockHash}` in a parameter name what an earlier entry sent or was answered, as under `send`. Differences that the manifests of the
/// clients declare (`known_differences`) are told and do no harm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RpcEqualDocument {
    /// The method, for example `eth_getBalance`.
    pub method: Sp<String>,
    /// Its parameters, for example `["0x…", "{block}"]`.
    #[serde(default)]
    pub params: Sp<Vec<Value>>,
    /// JSON pointers (RFC 6901) into the answer that are not compared; `*` at the end stands for all below, and as a whole
    /// step for any key or position: `/size`, `/transactions/*`, `/*/miner`.
    #[serde(default)]
    pub ignore: Vec<Sp<String>>,
    /// Who is asked: nodes of one layer. All that take JSON-RPC calls, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Sp<Targets>>,
}

/// `rpc_equal`, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcEqual {
    /// Key of the question in the journal: `rpc_equal/3`.
    pub asked_by: String,
    /// Method.
    pub method: String,
    /// Parameters, holes not filled.
    pub params: Vec<Value>,
    /// Pointers that are not compared.
    pub ignore: Vec<String>,
}

/// The words in `{…}` in all texts of parameters, in order.
pub fn holes(params: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    for param in params {
        match param {
            Value::String(text) => {
                for part in text.split('{').skip(1) {
                    if let Some((word, _)) = part.split_once('}')
                        && !word.is_empty()
                        && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
                    {
                        found.push(word.to_owned());
                    }
                }
            }
            Value::Array(items) => found.extend(holes(items)),
            Value::Object(entries) => {
                found.extend(entries.values().flat_map(|value| holes(std::slice::from_ref(value))));
            }
            _ => {}
        }
    }
    found
}

impl RpcEqualDocument {
    /// `asked_by` is filled in by who knows the expectation's position.
    pub(super) fn resolve(&self) -> Result<RpcEqual, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        if self.method.value.trim().is_empty() {
            mistakes.push(Diagnostic::error("a call has a method").at(self.method.span, "empty"));
        }
        for word in holes(&self.params.value).into_iter().filter(|word| !HOLES.contains(&word.as_str())) {
            let mistake = Diagnostic::error(format!("`{{{word}}}` is nothing that can be filled in here"))
                .at(self.params.span, "in these parameters");
            mistakes.push(match suggest::did_you_mean(&word, HOLES) {
                Some(near) => mistake.help(format!("did you mean `{{{near}}}`?")),
                None => mistake.help("known are `{block}`, `{block_hash}` and `{height}`"),
            });
        }
        mistakes.extend(self.ignore.iter().filter_map(check_pointer));
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        Ok(RpcEqual {
            asked_by: String::new(),
            method: self.method.value.clone(),
            params: self.params.value.clone(),
            ignore: self.ignore.iter().map(|pointer| pointer.value.clone()).collect(),
        })
    }
}

/// Why this is no JSON pointer.
pub(super) fn check_pointer(pointer: &Sp<String>) -> Option<Diagnostic> {
    (!pointer.value.starts_with('/')).then(|| {
        Diagnostic::error("this is no JSON pointer")
            .at(pointer.span, "begins with `/`")
            .help(format!("`/{}` is the value under that key of the answer", pointer.value))
    })
}

/// What one round of asking showed.
#[derive(Clone, Debug)]
struct Round {
    at: u64,
    seqs: Vec<u64>,
    answer: Answer,
    /// Differences, then what else is to be said.
    facts: Vec<String>,
    differences: usize,
    known: Vec<String>,
    asked: usize,
}

impl RpcEqual {
    pub(crate) fn judge(&self, case: &Case<'_, '_>) -> Judgement {
        let rounds = self.rounds(case);
        if rounds.is_empty() {
            let summary = format!("{} was never asked: {}", self.method, case.history.how_it_ended());
            return Judgement::new(Outcome::Unknown, summary);
        }
        // What one entry's repetition showed says nothing about the next one.
        let starts = case.when.intervals(case.history).unwrap_or_default();
        let mut moments: Vec<Moment> =
            starts.iter().map(|interval| Moment { at: interval.from, seq: 0, answer: Answer::NotYet }).collect();
        moments.extend(rounds.iter().map(|round| {
            let at = match case.when {
                // The one round that was asked for a moment is its answer, though it takes a little while to come.
                When::At(_) | When::AtEnd => starts.first().map_or(round.at, |interval| interval.from),
                _ => round.at,
            };
            Moment { at, seq: round.seqs.first().copied().unwrap_or(0), answer: round.answer }
        }));
        moments.sort_by_key(|moment| moment.at);
        moments.dedup_by(|later, earlier| {
            let same = later.at == earlier.at;
            if same {
                *earlier = *later;
            }
            same
        });
        let words = ("all answers were the same", "answers differed");
        let open = |at: u64| {
            let told = rounds.iter().rev().find(|round| round.at <= at).or(rounds.first());
            let why = told.and_then(|round| round.facts.first());
            why.cloned().unwrap_or_else(|| "fewer than two nodes had answered".to_owned())
        };
        let how = How {
            lasts: true,
            last_alone: true,
            absence_counts: false,
            names_absent: true,
            patient: false,
            dissents: None,
            open: &open,
        };
        let mut judgement = case.judge_moments(&Moments(moments), words, &how, |judgement, at| {
            let told = rounds.iter().rev().find(|round| round.at <= at).or(rounds.last());
            if let Some(round) = told {
                judgement.facts.extend(round.facts.iter().cloned());
                judgement.evidence.extend(&round.seqs);
            }
        });
        let mut known: Vec<String> = rounds.iter().flat_map(|round| round.known.iter().cloned()).collect();
        known.sort();
        known.dedup();
        let worst = rounds.iter().map(|round| round.differences).max().unwrap_or(0);
        let asked = rounds.iter().map(|round| round.asked).max().unwrap_or(0);
        judgement.figures.insert("rounds".to_owned(), (rounds.len() as u64).into());
        judgement.figures.insert("nodes".to_owned(), (asked as u64).into());
        judgement.figures.insert("differences".to_owned(), (worst as u64).into());
        judgement.figures.insert("known_differences".to_owned(), (known.len() as u64).into());
        judgement.facts.extend(known);
        judgement
    }

    /// The answers, put together round by round: each round holds one line for each node that was asked.
    fn rounds(&self, case: &Case<'_, '_>) -> Vec<Round> {
        let mine = case.history.calls.iter().filter(|call| call.asked_by == self.asked_by);
        let mut rounds: Vec<Vec<&Call<'_>>> = Vec::new();
        for call in mine {
            match rounds.last_mut() {
                Some(round) if round.iter().all(|other| is_of_one_round(other, call)) => round.push(call),
                _ => rounds.push(vec![call]),
            }
        }
        rounds.iter().map(|round| self.compare(case, round)).collect()
    }

    fn compare(&self, case: &Case<'_, '_>, calls: &[&Call<'_>]) -> Round {
        let history = case.history;
        let (mut answered, mut refused, mut silent) = (Vec::new(), Vec::new(), Vec::new());
        for call in calls {
            let error = call.error.unwrap_or("no answer");
            match call.result {
                Some(result) => answered.push((call.node, Some(result))),
                None if call.refused => refused.push((call.node, error)),
                // Who is away because the timeline wants it so is not expected to answer.
                None if history.state_at(call.node, call.at).1 == State::Away => {}
                None => silent.push(format!("{} did not answer: {error}", history.name(call.node))),
            }
        }
        let at = calls.iter().map(|call| call.at).max().unwrap_or(0);
        let asked = |node: usize| calls.iter().any(|call| call.node == node);
        for &node in case.nodes.iter().filter(|&&node| !asked(node) && history.state_at(node, at).1 != State::Away) {
            silent.push(format!("{} was not asked", history.name(node)));
        }
        let height = calls.iter().find_map(|call| call.height);
        let what = self.call_text(height);
        let (mut facts, mut known, mut minorities) = (Vec::new(), Vec::new(), Vec::new());
        let mut found = differences(&answered, &self.ignore);
        if !answered.is_empty() && !refused.is_empty() {
            found.insert(0, refusal(&answered, &refused));
        }
        let all = found.len();
        for difference in found {
            let line = format!("{what}: {}", Self::line(history, &difference));
            match self.known(history, &difference) {
                Some(reason) => known.push(format!("known: {line}: {reason}")),
                None => {
                    minorities.push(difference.minority());
                    facts.push(line);
                }
            }
        }
        let count = facts.len();
        if count > SHOWN {
            facts.truncate(SHOWN);
            facts.push(format!("… and {} more differences", count - SHOWN));
        }
        if let Some(first) = minorities.first().filter(|first| minorities.iter().all(|other| other == *first))
            && !first.is_empty()
            && calls.len() > 2 * first.len()
        {
            let verb = if first.len() == 1 { "is" } else { "are" };
            facts.push(format!(
                "{} {verb} alone with {} answer",
                holders(history, first),
                if first.len() == 1 { "its" } else { "this" }
            ));
        }
        let aside = height.and_then(|height| beside_the_question(case, calls, height));
        let nobody = answered.is_empty() && !refused.is_empty();
        if nobody {
            let message = refused.first().map_or("", |(_, message)| message);
            facts.push(format!("{what}: nobody gave an answer, all refused ({message})"));
        }
        let answer = if count > 0 {
            Answer::No
        } else if let Some(aside) = aside {
            facts.push(format!("{what}: {aside}"));
            says_nothing(case)
        } else if nobody || !silent.is_empty() {
            Answer::Unseen
        } else if answered.len() + refused.len() < 2 || leaves_out_who_takes_part(case, calls) {
            says_nothing(case)
        } else {
            Answer::Yes
        };
        facts.extend(silent);
        Round {
            at,
            seqs: calls.iter().map(|call| call.seq).collect(),
            answer,
            facts,
            differences: all - known.len(),
            known,
            asked: calls.len(),
        }
    }

    /// The call for people: `eth_getBlockByNumber(0x20, false)`.
    fn call_text(&self, height: Option<u64>) -> String {
        let params: Vec<String> = self.params.iter().map(shown).collect();
        let mut params = params.join(", ");
        if let Some(height) = height {
            params = params
                .replace("{block}", &format!("{height:#x}"))
                .replace("{block_hash}", &format!("hash of block {height}"))
                .replace("{height}", &height.to_string());
        }
        format!("{}({params})", self.method)
    }

    fn line(history: &History<'_>, difference: &Difference) -> String {
        let pointer = if difference.pointer.is_empty() { "the answer" } else { &difference.pointer };
        let sides: Vec<String> =
            difference.sides.iter().map(|(value, nodes)| format!("{value} at {}", holders(history, nodes))).collect();
        format!("{pointer} is {}", sides.join(" and "))
    }

    /// Why a difference is no mistake: those whose manifests declare it are left out, and the others agree.
    fn known(&self, history: &History<'_>, difference: &Difference) -> Option<String> {
        let declared = |node: usize| {
            let declared = history.nodes[node].record.known_differences.iter();
            declared
                .into_iter()
                .find(|(method, pointer, _)| *method == self.method && matches(pointer, &difference.pointer))
        };
        let left = difference.sides.iter().filter(|(_, nodes)| nodes.iter().any(|node| declared(*node).is_none()));
        if left.count() > 1 {
            return None;
        }
        let mut nodes = difference.sides.iter().rev().flat_map(|(_, nodes)| nodes.iter());
        nodes.find_map(|node| declared(*node)).map(|(_, _, reason)| reason.clone())
    }
}

/// The answer of a round that compares nothing: where one round is enough, a later one may do.
fn says_nothing(case: &Case<'_, '_>) -> Answer {
    let once = matches!(case.when, When::During(_) | When::After(..) | When::Within(_) | When::Sometimes);
    if once { Answer::NotYet } else { Answer::Unseen }
}

/// Why equal answers about a block say nothing: nodes on different chains hold the blocks below the fork alike, and a block
/// from before an entry says nothing about what came of it.
fn beside_the_question(case: &Case<'_, '_>, calls: &[&Call<'_>], height: u64) -> Option<String> {
    let history = case.history;
    let at = calls.iter().map(|call| call.at).max()?;
    let heads: Vec<BlockId> =
        calls.iter().filter_map(|call| history.head_at(call.node, call.at)).map(|head| head.2).collect();
    // Heads that parted a block or two ago are what every chain has now and then: what lies below them is recent.
    let chain = &history.chain;
    let parted = |head: BlockId, other: BlockId| {
        chain.relation(head, other) == Relation::Apart
            && chain
                .common(head, other)
                .is_none_or(|common| chain.level(head).max(chain.level(other)) - chain.level(common) > DEFAULT_DEPTH)
    };
    if heads.iter().any(|&head| heads.iter().any(|&other| parted(head, other))) {
        return Some(format!("block {height} lies below the fork: the nodes were on different chains"));
    }
    let (When::During(entry) | When::After(entry, _)) = case.when else { return None };
    let begun = history.family(entry.as_str()).filter_map(|window| window.begin).filter(|&begin| begin <= at).max()?;
    let block = heads.iter().find_map(|&head| history.chain.at_or_below(head, height));
    match block.and_then(|block| history.first_holder(block)) {
        None => Some(format!("whether block {height} is younger than {entry} was not seen")),
        Some(born) => (born.at < begun).then(|| format!("block {height} is older than {entry}")),
    }
}

/// Where one round is enough: whether somebody was away in it who is there at another moment of the time.
fn leaves_out_who_takes_part(case: &Case<'_, '_>, calls: &[&Call<'_>]) -> bool {
    if matches!(case.when, When::Always | When::Never | When::At(_) | When::AtEnd) {
        return false;
    }
    let history = case.history;
    let at = calls.iter().map(|call| call.at).max().unwrap_or(0);
    let mut times = case.when.intervals(history).unwrap_or_default().into_iter();
    let Some(time) = times.find(|time| (time.from..=time.to).contains(&at)) else { return false };
    let part = case.attendance().took_part(time.from, time.to);
    let spoke = |node: usize| calls.iter().any(|call| call.node == node && (call.result.is_some() || call.refused));
    part.into_iter().any(|node| !spoke(node))
}

/// Whether two answers may be of one round: all nodes are asked at once, about one block, and each once.
fn is_of_one_round(one: &Call<'_>, other: &Call<'_>) -> bool {
    one.node != other.node && one.height == other.height && one.at.abs_diff(other.at) <= ROUND
}

/// Some refuse what others answer. How they word it is no difference.
fn refusal(answered: &[(usize, Option<&Value>)], refused: &[(usize, &str)]) -> Difference {
    let message = refused.first().map_or("", |(_, message)| message);
    let mut sides = vec![
        ("given".to_owned(), answered.iter().map(|(node, _)| *node).collect::<Vec<_>>()),
        (format!("refused ({message})"), refused.iter().map(|(node, _)| *node).collect()),
    ];
    sides.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
    Difference { pointer: String::new(), sides }
}

/// Nodes with their clients: `west-0 and west-1 (reference)`.
fn holders(history: &History<'_>, nodes: &[usize]) -> String {
    let names: Vec<String> = nodes.iter().map(|&node| history.name(node).to_string()).collect();
    let mut clients: Vec<String> = nodes.iter().map(|&node| history.nodes[node].record.client.to_string()).collect();
    clients.sort();
    clients.dedup();
    format!("{} ({})", name_list(&names), clients.join(", "))
}
