//! The timeline: names, times, repetitions, and faults compiled to effects.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Entry;
use super::document::EntryDocument;
use super::earlier::Sends;
use super::send_resolve::SendContext;
use super::timeline_times::{Slot, find_times};
use crate::action::{ClientRef, EntryName, NodeName, Seeds};
use crate::client::Client;
use crate::fault::{Effects, FaultContext};
use crate::genesis::Chain;
use crate::text::units::Time;
use crate::text::{Diagnostic, Sp, Span, suggest};
use crate::topology::Topology;

/// Most entries, repetitions written out.
const MOST_ENTRIES: usize = 2_000;

/// An entry of the file with its name.
#[derive(Debug)]
pub(super) struct Named {
    /// The name in the file, or the fault's word.
    pub(super) family: String,
    /// Where it is named, or its fault's place.
    pub(super) place: Span,
    /// The entry; `None` if it could not be read. Then only its name is known.
    pub(super) document: Option<Sp<EntryDocument>>,
}

/// What other parts of a scenario may know of the timeline.
#[derive(Debug, Default)]
pub(super) struct Families {
    /// Name → end of the last repetition. `None`: to the end of the run, or not known because of mistakes.
    ends: BTreeMap<String, End>,
    /// Those that send something, which takes no time, and whom they call.
    sends: BTreeMap<String, BTreeSet<NodeName>>,
    /// What may be named in later calls.
    pub(super) earlier: Sends,
}

/// When an entry ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// After the timeline's zero.
    At(Duration),
    /// With the run.
    Never,
    /// It holds a mistake.
    Unknown,
}

impl Families {
    /// Looks a name up that an expectation speaks of; `needs_end` if it speaks of the time after the entry.
    pub(super) fn find(&self, name: &Sp<String>, needs_end: bool) -> Result<EntryName, Diagnostic> {
        match self.ends.get(&name.value) {
            Some(End::Never) if needs_end => {
                Err(Diagnostic::error(format!("`{}` lasts to the end of the run", name.value))
                    .at(name.span, "nothing comes after it")
                    .help("give the entry `for` or `until`"))
            }
            Some(_) => Ok(EntryName::new(&name.value)),
            None => Err(unknown_entry(name, self.ends.keys().map(String::as_str))),
        }
    }

    /// The same for an expectation that speaks of the time in which the entry is in force.
    pub(super) fn find_lasting(&self, name: &Sp<String>) -> Result<EntryName, Diagnostic> {
        let found = self.find(name, false)?;
        if self.sends.contains_key(&name.value) {
            return Err(Diagnostic::error(format!("nothing lasts during `{}`: it sends at an instant", name.value))
                .at(name.span, "is over at once")
                .help(format!("write `after: {}` with `within`", name.value)));
        }
        Ok(found)
    }

    /// Looks up an entry whose answers an expectation speaks of; `nodes` are those it names itself, if it names any.
    pub(super) fn find_answered(
        &self,
        name: &Sp<String>,
        nodes: Option<(&[NodeName], Span)>,
    ) -> Result<(), Diagnostic> {
        let Some(called) = self.sends.get(&name.value) else {
            self.find(name, false)?;
            let mut mistake = Diagnostic::error(format!("`{}` is a fault, which nobody answers", name.value))
                .at(name.span, "sends nothing");
            mistake.help = suggest::help(&name.value, self.sends.keys().map(String::as_str), "entries that send");
            return Err(mistake);
        };
        match nodes {
            // An entry that holds a mistake calls nobody.
            Some((nodes, span)) if !called.is_empty() && !nodes.iter().any(|node| called.contains(node)) => {
                let called: Vec<&str> = called.iter().map(NodeName::as_str).collect();
                Err(Diagnostic::error(format!("`{}` calls none of these nodes", name.value))
                    .at(span, "not called")
                    .at(name.span, format!("calls {}", suggest::list(&called))))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn unknown_entry<'a>(name: &Sp<String>, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    let mut mistake = Diagnostic::error(format!("no entry of the timeline is called `{}`", name.value))
        .at(name.span, "unknown entry");
    mistake.help = if known.is_empty() {
        vec!["the timeline has no entries".to_owned()]
    } else {
        suggest::help(&name.value, known, "entries")
    };
    mistake
}

/// An entry as far as it could be read.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) place: Span,
    pub(super) name: Option<Sp<String>>,
    /// The fault's word, or `send`.
    pub(super) word: Option<String>,
    pub(super) document: Option<Sp<EntryDocument>>,
}

/// Gives every entry its name. Unnamed ones are called by their fault; a second `kill` is `kill-2`.
pub(super) fn name_entries(entries: Vec<Written>, mistakes: &mut Vec<Diagnostic>) -> Vec<Named> {
    let mut taken: BTreeMap<String, Span> = BTreeMap::new();
    for name in entries.iter().filter_map(|entry| entry.name.as_ref()) {
        mistakes.extend(check_name(name).err());
        if let Some(first) = taken.get(&name.value) {
            mistakes.push(
                Diagnostic::error(format!("two entries are called `{}`", name.value))
                    .at(name.span, "this one")
                    .at(*first, "and this one"),
            );
        } else {
            taken.insert(name.value.clone(), name.span);
        }
    }
    let mut named = Vec::new();
    for Written { place, name, word, document } in entries {
        let family = match (&name, word) {
            (Some(name), _) => name.value.clone(),
            (None, Some(word)) => {
                let mut family = word.clone();
                let mut number = 1;
                while taken.contains_key(&family) {
                    number += 1;
                    family = format!("{word}-{number}");
                }
                taken.insert(family.clone(), place);
                family
            }
            (None, None) => continue,
        };
        named.push(Named { family, place: name.map_or(place, |name| name.span), document });
    }
    named
}

fn check_name(name: &Sp<String>) -> Result<(), Diagnostic> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    if name.value.is_empty() || name.value.len() > 60 || !name.value.chars().all(good) {
        return Err(Diagnostic::error("this cannot be the name of an entry")
            .at(name.span, "at most 60 letters, digits, hyphens, underscores and dots"));
    }
    Ok(())
}

/// What the timeline is compiled with.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimelineContext<'a> {
    /// The network, unless it holds a mistake: then targets cannot be looked up.
    pub(super) topology: Option<&'a Topology>,
    /// The clients that could be read.
    pub(super) clients: &'a BTreeMap<ClientRef, Client>,
    /// The chain; the error is one that holds a mistake.
    pub(super) chain: Result<Option<&'a Chain>, ()>,
    /// The root of the seed tree.
    pub(super) seeds: &'a Seeds,
    /// Longest duration of the run.
    pub(super) timeout: Sp<Duration>,
}

/// Writes the timeline out.
pub(super) fn compile(
    named: &[Named],
    context: TimelineContext<'_>,
    mistakes: &mut Vec<Diagnostic>,
) -> (Vec<Entry>, Families) {
    let slots = find_times(named, mistakes);
    let mut families = Families::default();
    let mut entries: Vec<Entry> = Vec::new();
    for (entry, slot) in named.iter().zip(&slots) {
        families.ends.insert(entry.family.clone(), slot.as_ref().map_or(End::Unknown, Slot::end));
        if entry.document.as_ref().is_some_and(|document| document.value.send.is_some()) {
            families.sends.entry(entry.family.clone()).or_default();
        }
        let (Some(document), Some(slot)) = (&entry.document, slot) else { continue };
        if slot.start >= context.timeout.value {
            mistakes.push(too_late(entry, slot.start, &context));
            continue;
        }
        if slot.last_end().is_some_and(|end| end > context.timeout.value) {
            mistakes.push(too_late(entry, slot.last_end().unwrap_or_default(), &context));
            continue;
        }
        if entries.len() + slot.times as usize > MOST_ENTRIES {
            mistakes.push(
                Diagnostic::error(format!("a timeline has at most {MOST_ENTRIES} entries, repetitions written out"))
                    .at(entry.place, "too many"),
            );
            break;
        }
        if let Some(topology) = context.topology {
            compile_entry(entry, document, slot, topology, &context, &mut entries, mistakes);
        }
    }
    entries.sort_by_key(|entry| entry.at);
    for entry in entries.iter().filter(|entry| entry.send.is_some()) {
        families.sends.entry(entry.family.clone()).or_default().extend(entry.targets.iter().cloned());
    }
    families.earlier = Sends::new(families.ends.keys(), &entries, context.topology, context.clients);
    families.earlier.check_entries(named, &entries, mistakes);
    (entries, families)
}

fn compile_entry(
    entry: &Named,
    document: &Sp<EntryDocument>,
    slot: &Slot,
    topology: &Topology,
    context: &TimelineContext<'_>,
    entries: &mut Vec<Entry>,
    mistakes: &mut Vec<Diagnostic>,
) {
    for repetition in 0..slot.times {
        let name = if slot.times == 1 { entry.family.clone() } else { format!("{}#{}", entry.family, repetition + 1) };
        let seeds = context.seeds.child(&format!("timeline/{name}"));
        let at = slot.start + slot.every * repetition;
        let compiled = if let Some(fault) = &document.value.inject {
            let compiled = fault.value.compile(&FaultContext { topology, seeds: &seeds });
            compiled.map(|compiled| (compiled.summary, compiled.effects, None, compiled.targets))
        } else if let Some(send) = &document.value.send {
            let context = SendContext { topology, clients: context.clients, chain: context.chain, seeds: &seeds };
            let effects = Effects { momentary: true, ..Effects::default() };
            send.value.resolve(context).map(|sent| (sent.summary, effects, Some(sent.send), sent.targets))
        } else {
            return;
        };
        match compiled {
            Ok((summary, effects, send, targets)) => entries.push(Entry {
                name: EntryName::new(name),
                family: entry.family.clone(),
                at,
                until: slot.lasting.map(|lasting| at + lasting),
                fault: document.value.word().unwrap_or_default(),
                summary,
                effects,
                send,
                targets,
            }),
            Err(more) => {
                // Every repetition has the same mistakes.
                mistakes.extend(more);
                return;
            }
        }
    }
}

fn too_late(entry: &Named, moment: Duration, context: &TimelineContext<'_>) -> Diagnostic {
    let mut mistake = Diagnostic::error(format!(
        "`{}` reaches to {}, but the run ends after {} at the latest",
        entry.family,
        Time(moment),
        Time(context.timeout.value)
    ))
    .at(entry.place, "too late");
    if context.timeout.span.source != 0 {
        mistake = mistake.at(context.timeout.span, "the run's end");
    }
    mistake.help("raise `timeout`")
}
