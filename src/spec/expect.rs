//! Expectations: when, what, and for which nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::document::{ExpectationDocument, Moment};
use super::send_resolve::{SendContext, takers};
use super::timeline::Families;
use crate::action::{ClientRef, NodeName, Seeds};
use crate::check::ready::Ready;
use crate::check::rpc_equal::RpcEqual;
use crate::check::{self, Expectation, That, ThatDocument, When};
use crate::client::Client;
use crate::text::{Diagnostic, Sources, Sp, Span, suggest};
use crate::topology::{TargetContext, Targets, Topology};

/// What expectations are resolved with.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExpectContext<'a> {
    pub(super) topology: Option<&'a Topology>,
    /// The clients that could be read.
    pub(super) clients: &'a BTreeMap<ClientRef, Client>,
    pub(super) families: &'a Families,
    pub(super) sources: &'a Sources,
    pub(super) seeds: &'a Seeds,
    pub(super) timeout: Duration,
}

const WHEN_WORDS: [&str; 7] = ["always", "never", "sometimes", "during", "after", "at", "at_end"];

/// Resolves one expectation. `None` without a mistake of its own: the topology holds one.
pub(super) fn resolve(
    written: &Sp<ExpectationDocument>,
    position: usize,
    context: ExpectContext<'_>,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<Expectation> {
    let document = &written.value;
    let before = mistakes.len();
    if let Some(ready) = &document.ready {
        ready_alone(written, ready.span, mistakes);
        let within = ready.value.within.as_ref().map(|within| within.value.0);
        let nodes = nodes_of(ready.value.nodes.as_ref(), position, context, mistakes);
        let when = within.map_or(When::Always, When::Within);
        let that = That::Ready(Ready { within });
        return finish(written.span, when, that, ready.value.nodes.as_ref(), nodes?, context, mistakes.len() > before);
    }
    let when = when_of(written, context, mistakes);
    if document.that.is_none() {
        mistakes.push(
            Diagnostic::error("this expectation does not say what must hold")
                .at(written.span, "what?")
                .help("for example `that: {agree: {on: head}}`"),
        );
    }
    let that = document.that.as_ref().and_then(|that| {
        let found = that.value.resolve(that.span).map_err(|more| mistakes.extend(more)).ok();
        found.map(|found| (found, that))
    });
    let written_nodes = document.that.as_ref().and_then(|that| that.value.nodes());
    let asks = matches!(that, Some((That::RpcEqual(_), _)));
    let nodes = if asks {
        let place = document.that.as_ref().map_or(written.span, |that| that.span);
        asked_nodes(written_nodes, place, position, context, mistakes)
    } else {
        nodes_of(written_nodes, position, context, mistakes)
    };
    if let Some(ThatDocument::Answered(answered)) = document.that.as_ref().map(|that| &that.value) {
        let named = written_nodes.zip(nodes.as_ref()).map(|(written, nodes)| (nodes.as_slice(), written.span));
        mistakes.extend(context.families.find_answered(&answered.entry, named).err());
    }
    if let Some(that) = &document.that {
        let when = when.as_ref().map(|(when, _)| when);
        mistakes.extend(context.families.earlier.check_expectation(&that.value, when));
    }
    let that = that.map(|(that, document)| {
        let that = with_sides(that, &document.value, nodes.as_deref(), position, context, mistakes);
        (numbered(that, position), document)
    });
    let ((when, when_span), (that, that_document)) = (when?, that?);
    if let Err((message, remedy)) = that.goes_with(&when) {
        mistakes.push(
            Diagnostic::error(message).at(that_document.span, "this check").at(when_span, "at this time").help(remedy),
        );
    }
    finish(written.span, when, that, written_nodes, nodes?, context, mistakes.len() > before)
}

fn finish(
    place: Span,
    when: When,
    that: That,
    written_nodes: Option<&Sp<Targets>>,
    nodes: Vec<NodeName>,
    context: ExpectContext<'_>,
    broken: bool,
) -> Option<Expectation> {
    if broken {
        return None;
    }
    let said = written_nodes.map(|nodes| nodes.value.to_string());
    let label = check::label(&when, &that, said.as_deref());
    Some(Expectation { when, that, nodes, label, place: context.sources.place(place) })
}

fn nodes_of(
    written: Option<&Sp<Targets>>,
    position: usize,
    context: ExpectContext<'_>,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<Vec<NodeName>> {
    let topology = context.topology?;
    let Some(written) = written else { return Some(topology.nodes.iter().map(|node| node.name.clone()).collect()) };
    let seeds = context.seeds.child(&format!("expect/{position}"));
    Targets::resolve(written, TargetContext { topology, seeds: &seeds }).map_err(|mistake| mistakes.push(mistake)).ok()
}

/// The key under which the engine asks for an expectation.
fn numbered(that: That, position: usize) -> That {
    match that {
        That::RpcEqual(check) => That::RpcEqual(RpcEqual { asked_by: format!("rpc_equal/{position}"), ..check }),
        other => other,
    }
}

/// The nodes of the sides that a diagnosis is to have: every node on one side at most, and among those that are meant.
fn with_sides(
    that: That,
    document: &ThatDocument,
    meant: Option<&[NodeName]>,
    position: usize,
    context: ExpectContext<'_>,
    mistakes: &mut Vec<Diagnostic>,
) -> That {
    let (That::Diagnosis(mut check), ThatDocument::Diagnosis(document)) = (that.clone(), document) else { return that };
    let (Some(topology), Some(written)) = (context.topology, &document.sides) else { return that };
    let mut placed: BTreeMap<NodeName, Span> = BTreeMap::new();
    for (number, side) in written.value.iter().enumerate() {
        let seeds = context.seeds.child(&format!("expect/{position}/side/{number}"));
        let nodes = match Targets::resolve(side, TargetContext { topology, seeds: &seeds }) {
            Ok(nodes) => nodes,
            Err(mistake) => {
                mistakes.push(mistake);
                continue;
            }
        };
        for node in &nodes {
            if let Some(other) = placed.insert(node.clone(), side.span) {
                mistakes.push(
                    Diagnostic::error(format!("{node} is on two sides"))
                        .at(side.span, "this one")
                        .at(other, "and this one")
                        .help("a node holds one chain at a time"),
                );
            }
            if meant.is_some_and(|meant| !meant.contains(node)) {
                mistakes.push(
                    Diagnostic::error(format!("{node} is on a side, and is not meant"))
                        .at(side.span, "not among `nodes`")
                        .help("leave `nodes` out, or name it there too"),
                );
            }
        }
        check.sides.push(nodes);
    }
    That::Diagnosis(check)
}

/// Nodes that are asked the same: they take calls and show one and the same chain.
fn asked_nodes(
    written: Option<&Sp<Targets>>,
    place: Span,
    position: usize,
    context: ExpectContext<'_>,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<Vec<NodeName>> {
    let topology = context.topology?;
    let client_of = |name: &NodeName| {
        let node = topology.nodes.iter().find(|node| node.name == *name)?;
        context.clients.get(&node.client)
    };
    let nodes = if let Some(written) = written {
        let seeds = context.seeds.child(&format!("expect/{position}"));
        let context = SendContext { topology, clients: context.clients, chain: Ok(None), seeds: &seeds };
        takers(written, context).map_err(|mistake| mistakes.push(mistake)).ok()?
    } else {
        let all = topology.nodes.iter().map(|node| node.name.clone());
        all.filter(|name| client_of(name).is_none_or(|client| client.rpc.is_some())).collect()
    };
    let place = written.map_or(place, |written| written.span);
    if nodes.len() < 2 {
        mistakes.push(
            Diagnostic::error("answers are compared between two nodes at least")
                .at(place, format!("{} of these takes JSON-RPC calls", if nodes.is_empty() { "none" } else { "one" }))
                .help("name more nodes"),
        );
        return None;
    }
    let mut layers: BTreeMap<&'static str, &NodeName> = BTreeMap::new();
    for node in &nodes {
        layers.extend(client_of(node).map(|client| (client.adapter.layer(), node)));
    }
    if layers.len() > 1 {
        let each: Vec<String> = layers.iter().map(|(layer, node)| format!("{node} shows `{layer}`")).collect();
        mistakes.push(
            Diagnostic::error("these nodes show different chains, whose answers cannot be compared")
                .at(place, each.join(", "))
                .help("name nodes of one layer, in an expectation for each"),
        );
        return None;
    }
    Some(nodes)
}

/// All words that say when, with their places.
fn when_words(document: &ExpectationDocument) -> Vec<(&'static str, Span)> {
    let flag = |word, value: &Option<Sp<bool>>| value.as_ref().map(|value| (word, value.span));
    let name = |word, value: &Option<Sp<String>>| value.as_ref().map(|value| (word, value.span));
    [
        flag("always", &document.always),
        flag("never", &document.never),
        flag("sometimes", &document.sometimes),
        name("during", &document.during),
        name("after", &document.after),
        document.at.as_ref().map(|at| ("at", at.span)),
        flag("at_end", &document.at_end),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn ready_alone(written: &Sp<ExpectationDocument>, ready: Span, mistakes: &mut Vec<Diagnostic>) {
    let mut others = when_words(&written.value);
    others.extend(written.value.that.as_ref().map(|that| ("that", that.span)));
    others.extend(written.value.within.as_ref().map(|within| ("within", within.span)));
    if let Some((word, span)) = others.first() {
        mistakes.push(
            Diagnostic::error(format!("`ready` stands alone, without `{word}`"))
                .at(*span, "one too many")
                .at(ready, "all of this expectation")
                .help("write `- ready: {within: 60s}`"),
        );
    }
}

fn when_of(
    written: &Sp<ExpectationDocument>,
    context: ExpectContext<'_>,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<(When, Span)> {
    let document = &written.value;
    let words = when_words(document);
    let (word, span) = match words.as_slice() {
        [one] => *one,
        [] => {
            mistakes.push(
                Diagnostic::error("this expectation does not say when it must hold")
                    .at(written.span, "when?")
                    .help(format!("one of {}", suggest::list(&WHEN_WORDS).replace(" and ", " or "))),
            );
            return None;
        }
        [first, second, ..] => {
            mistakes.push(
                Diagnostic::error(format!("an expectation has one time, found `{}` and `{}`", first.0, second.0))
                    .at(second.1, "one too many")
                    .at(first.1, "the first one")
                    .help("write two expectations"),
            );
            return None;
        }
    };
    if let Some(within) = document.within.as_ref().filter(|_| word != "after") {
        mistakes.push(Diagnostic::error("`within` goes with `after`").at(within.span, "after what?").help(
            match word {
                "during" => "`during` lasts as long as its entry".to_owned(),
                _ => format!("leave it out with `{word}`"),
            },
        ));
    }
    for flag in [&document.always, &document.never, &document.sometimes, &document.at_end].into_iter().flatten() {
        if !flag.value {
            mistakes.push(
                Diagnostic::error(format!("`{word}: false` says nothing"))
                    .at(flag.span, "only `true`")
                    .help(format!("leave `{word}` out, or take the expectation away")),
            );
        }
    }
    let when = match word {
        "always" => When::Always,
        "never" => When::Never,
        "sometimes" => When::Sometimes,
        "at_end" => When::AtEnd,
        "at" => {
            let at = document.at.as_ref().map_or(Duration::ZERO, |at: &Sp<Moment>| at.value.time());
            if at > context.timeout {
                mistakes.push(
                    Diagnostic::error("this moment is after the run's end")
                        .at(span, "too late")
                        .help("raise `timeout`"),
                );
            }
            When::At(at)
        }
        "during" => {
            let entry = document.during.as_ref()?;
            When::During(context.families.find_lasting(entry).map_err(|mistake| mistakes.push(mistake)).ok()?)
        }
        _ => {
            let entry = document.after.as_ref()?;
            let found = context.families.find(entry, true).map_err(|mistake| mistakes.push(mistake)).ok();
            let Some(within) = &document.within else {
                mistakes.push(
                    Diagnostic::error("`after` needs `within`")
                        .at(span, "how soon after it?")
                        .help("for example `within: 45s`"),
                );
                return None;
            };
            When::After(found?, within.value.clock())
        }
    };
    Some((when, span))
}
