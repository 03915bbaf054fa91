//! `{pay.hash}` and `{pay.answer/…}` where they are written: that there is such an entry, that it sends something, and that
//! it does so before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::send::SendDocument;
use super::send_resolve::Send;
use super::timeline::{Named, unknown_entry};
use super::{Entry, SEND};
use crate::action::{ClientRef, EARLIER_WORDS, Earlier, EarlierPart, NodeName, earlier_in};
use crate::check::{ThatDocument, When};
use crate::client::Client;
use crate::text::units::Time;
use crate::text::{Diagnostic, Sp, Span, suggest};
use crate::topology::Topology;

/// Methods whose answer is the hash of the transaction that was sent.
const ANSWERED_WITH_HASH: [&str; 4] =
    ["eth_sendRawTransaction", "eth_sendTransaction", "sendrawtransaction", "sendtoaddress"];

/// All entries, for names in braces.
#[derive(Debug, Default)]
pub(super) struct Sends {
    /// Entries that send, by name with number.
    sent: BTreeMap<String, Sent>,
    /// Entries by their name in the file: how often they come. Those that hold a mistake come 0 times.
    families: BTreeMap<String, usize>,
    /// Start of the first repetition, and end of the last one that is known.
    spans: BTreeMap<String, (Duration, Duration)>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Duration,
    /// Among the entries of the run, in order of time.
    position: usize,
    hash: Hash,
}

/// Whether an entry has a hash of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    /// The plan knows it.
    Planned,
    /// Its answer is one.
    Answered,
    /// It has none.
    None,
}

/// From when on a value has to be there.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Duration,
    /// Of an entry.
    position: Option<usize>,
}

impl Sends {
    pub(super) fn new<'a>(
        families: impl Iterator<Item = &'a String>,
        entries: &[Entry],
        topology: Option<&Topology>,
        clients: &BTreeMap<ClientRef, Client>,
    ) -> Self {
        let mut sends = Self { families: families.map(|name| (name.clone(), 0)).collect(), ..Self::default() };
        for (position, entry) in entries.iter().enumerate() {
            *sends.families.entry(entry.family.clone()).or_default() += 1;
            let end = entry.until.unwrap_or(entry.at);
            let span = sends.spans.entry(entry.family.clone()).or_insert((entry.at, end));
            span.1 = span.1.max(end);
            let Some(send) = &entry.send else { continue };
            let answers = |method: &str| ANSWERED_WITH_HASH.contains(&method);
            let hash = match send {
                Send::Transaction(_) => Hash::Planned,
                Send::Rpc { method, .. } if answers(method) => Hash::Answered,
                Send::Call { nodes, name, .. } if methods(nodes, name, topology, clients).all(answers) => {
                    Hash::Answered
                }
                _ => Hash::None,
            };
            sends.sent.insert(entry.name.to_string(), Sent { at: entry.at, position, hash });
        }
        sends
    }

    /// Mistakes in the parameters of calls.
    pub(super) fn check_entries(&self, named: &[Named], entries: &[Entry], mistakes: &mut Vec<Diagnostic>) {
        for written in named {
            let Some(SendDocument::Rpc(rpc)) =
                written.document.as_ref().and_then(|document| document.value.send.as_ref()).map(|send| &send.value)
            else {
                continue;
            };
            // What the first repetition may name, the later ones may as well.
            let found = entries.iter().enumerate().find(|(_, entry)| entry.family == written.family);
            let Some((position, entry)) = found else { continue };
            let asked = Asked { at: entry.at, position: Some(position) };
            mistakes.extend(self.check_all(rpc.params.value.iter().flat_map(earlier_in), rpc.params.span, Some(asked)));
        }
    }

    /// Mistakes in what an expectation names.
    pub(super) fn check_expectation(&self, that: &ThatDocument, when: Option<&When>) -> Vec<Diagnostic> {
        match that {
            ThatDocument::RpcEqual(check) => {
                let asked = when.and_then(|when| self.first_asked(when));
                let asked = asked.map(|at| Asked { at, position: None });
                self.check_all(check.params.value.iter().flat_map(earlier_in), check.params.span, asked)
            }
            // Judged when all answers are there.
            ThatDocument::Answered(check) => {
                let equals = check.equals.as_ref().map(|value| (earlier_in(&value.value), value.span));
                let matches =
                    check.matches.as_ref().map(|text| (crate::action::earlier_in_text(&text.value), text.span));
                let all = equals.into_iter().chain(matches);
                all.flat_map(|(named, span)| self.check_all(named.into_iter(), span, None)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// When an expectation is asked for the first time; `None` is the end.
    fn first_asked(&self, when: &When) -> Option<Duration> {
        match when {
            When::AtEnd => None,
            When::At(at) => Some(*at),
            When::Always | When::Never | When::Sometimes | When::Within(_) => Some(Duration::ZERO),
            When::During(name) => self.spans.get(name.as_str()).map(|span| span.0),
            When::After(name, _) => self.spans.get(name.as_str()).map(|span| span.1),
        }
    }

    fn check_all(&self, named: impl Iterator<Item = Earlier>, span: Span, asked: Option<Asked>) -> Vec<Diagnostic> {
        let named: BTreeSet<Earlier> = named.collect();
        named.iter().filter_map(|earlier| self.check(earlier, span, asked)).collect()
    }

    /// What is wrong with a name.
    fn check(&self, earlier: &Earlier, span: Span, asked: Option<Asked>) -> Option<Diagnostic> {
        if let EarlierPart::Unknown(word) = &earlier.part {
            let entry = &earlier.entry;
            let mistake = Diagnostic::error(format!("`{earlier}` is nothing that can be filled in here"))
                .at(span, "in this")
                .help(format!(
                    "of an entry that sends there are `{{{entry}.hash}}`, `{{{entry}.answer}}` and parts of the answer by \
                     pointer, `{{{entry}.answer/blockHash}}`"
                ));
            let word = word.split('/').next().unwrap_or_default();
            return Some(match suggest::did_you_mean(word, EARLIER_WORDS) {
                Some(near) => mistake.help(format!("did you mean `{{{entry}.{near}}}`?")),
                None => mistake,
            });
        }
        let Some(sent) = self.sent.get(&earlier.entry) else { return self.why_not_sent(earlier, span) };
        if earlier.part == EarlierPart::Hash && sent.hash == Hash::None {
            return Some(
                Diagnostic::error(format!("`{}` sends no transaction, so it has no hash", earlier.entry))
                    .at(span, format!("`{earlier}`"))
                    .help(format!(
                        "`{{{0}.answer}}` is what it was answered, `{{{0}.answer/hash}}` a part of that",
                        earlier.entry
                    )),
            );
        }
        let asked = asked?;
        let planned = earlier.part == EarlierPart::Hash && sent.hash == Hash::Planned;
        let known = match asked.position {
            // An answer takes its time: it cannot be there at the instant at which it is asked for.
            Some(position) => sent.at < asked.at || (planned && sent.position < position),
            None => sent.at <= asked.at,
        };
        (!known).then(|| {
            Diagnostic::error(format!(
                "`{earlier}` is not there yet: `{}` is sent at {}, and this is asked from {} on",
                earlier.entry,
                Time(sent.at),
                Time(asked.at)
            ))
            .at(span, "names what comes later")
            .help(match asked.position {
                Some(_) => "give this entry a later time".to_owned(),
                None => format!("write `after: {}` with `within`, or `at_end: true`", earlier.entry),
            })
        })
    }

    /// Why there is no answer of such an entry; `None` if that hangs on a mistake that was told.
    fn why_not_sent(&self, earlier: &Earlier, span: Span) -> Option<Diagnostic> {
        let name = &earlier.entry;
        let (family, number) = name.split_once('#').map_or((name.as_str(), None), |(family, n)| (family, Some(n)));
        let rest = earlier.to_string().trim_start_matches('{').trim_start_matches(name.as_str()).to_owned();
        let sends = || self.sent.keys().map(String::as_str);
        let times = match self.families.get(family) {
            None => {
                let known: Vec<&str> = sends().collect();
                let mut mistake = unknown_entry(&Sp::new(name.clone(), span), known.iter().copied());
                if known.is_empty() {
                    mistake.help = vec![format!("no entry of the timeline sends anything (`{SEND}`)")];
                }
                return Some(mistake);
            }
            // It holds a mistake.
            Some(0) => return None,
            Some(times) => *times,
        };
        let repeats = self.sent.contains_key(&format!("{family}#1"));
        if !repeats && !self.sent.contains_key(family) {
            let mut mistake = Diagnostic::error(format!("`{family}` is a fault, which nobody answers"))
                .at(span, format!("`{earlier}`"));
            mistake.help = suggest::help(family, sends(), "entries that send");
            return Some(mistake);
        }
        Some(match number {
            None => Diagnostic::error(format!("`{family}` is sent {times} times: which of them is meant?"))
                .at(span, format!("`{earlier}`"))
                .help(format!("the first is `{{{family}#1{rest}`, the last `{{{family}#{times}{rest}`")),
            Some(_) if repeats => Diagnostic::error(format!("`{family}` is sent {times} times"))
                .at(span, format!("`{earlier}`"))
                .help(format!("the last is `{{{family}#{times}{rest}`")),
            Some(_) => Diagnostic::error(format!("`{family}` is sent once"))
                .at(span, format!("`{earlier}`"))
                .help(format!("write `{{{family}{rest}`")),
        })
    }
}

/// The methods that a named call means at these nodes.
fn methods<'a>(
    nodes: &'a [NodeName],
    name: &'a str,
    topology: Option<&'a Topology>,
    clients: &'a BTreeMap<ClientRef, Client>,
) -> impl Iterator<Item = &'a str> {
    let all = topology.into_iter().flat_map(|topology| &topology.nodes);
    let clients = all.filter(|node| nodes.contains(&node.name)).filter_map(|node| clients.get(&node.client));
    clients.filter_map(move |client| client.calls.get(name)).map(|call| call.method.as_str())
}
