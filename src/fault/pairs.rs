//! Sets of directed links as they are written: `{from, to}` one way, `{between}` both ways.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::FaultContext;
use crate::link::{LinkParameters, LinkRule, NodeSet};
use crate::text::{Diagnostic, Sp, Span};
use crate::topology::Targets;

/// Directed links by sender. Each link stands once, so that a rule made of them counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pairs(BTreeMap<u16, NodeSet>);

impl Pairs {
    /// Adds all links from one set to another.
    pub(super) fn add(&mut self, from: &NodeSet, to: &NodeSet) {
        for &sender in from {
            let receivers = to.iter().copied().filter(|&receiver| receiver != sender);
            self.0.entry(sender).or_default().extend(receivers);
        }
        self.0.retain(|_, receivers| !receivers.is_empty());
    }

    /// Adds the links of another set.
    pub(super) fn merge(&mut self, other: Self) {
        for (sender, receivers) in other.0 {
            self.0.entry(sender).or_default().extend(receivers);
        }
    }

    /// Takes the links among the members of one participant out, except those of nodes that were named as a member.
    pub(super) fn spare_mates(&mut self, context: &FaultContext<'_>, as_members: &NodeSet) {
        for (sender, receivers) in self.0.iter_mut().filter(|(sender, _)| !as_members.contains(sender)) {
            let mates = context.topology.mates(*sender);
            receivers.retain(|receiver| as_members.contains(receiver) || !mates.contains(receiver));
        }
        self.0.retain(|_, receivers| !receivers.is_empty());
    }

    /// Whether no link is meant.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All nodes at either end.
    pub(super) fn ends(&self) -> NodeSet {
        self.0.keys().copied().chain(self.0.values().flatten().copied()).collect()
    }

    /// Rules that give these links, and no other, the parameters, each link once.
    pub(super) fn rules(&self, parameters: LinkParameters) -> Vec<LinkRule> {
        // Senders with the same receivers share a rule. A sender may stand among its own receivers (rules leave links
        // of a node to itself alone), which joins the members of a clique into one rule.
        let mut by_receivers: BTreeMap<NodeSet, NodeSet> = BTreeMap::new();
        for (&sender, receivers) in &self.0 {
            let mut with_sender = receivers.clone();
            with_sender.insert(sender);
            let clique = self.0.iter().filter(|(other, _)| with_sender.contains(other)).all(|(other, theirs)| {
                let mut all = theirs.clone();
                all.insert(*other);
                all == with_sender
            });
            let key = if clique { with_sender } else { receivers.clone() };
            by_receivers.entry(key).or_default().insert(sender);
        }
        by_receivers.into_iter().map(|(to, from)| LinkRule { from, to, parameters }).collect()
    }
}

/// The fields that say which links are meant, wherever they stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct WrittenPairs<'a> {
    /// Senders.
    pub(super) from: Option<&'a Sp<Targets>>,
    /// Receivers.
    pub(super) to: Option<&'a Sp<Targets>>,
    /// Ends of two-way links.
    pub(super) between: Option<&'a Sp<Vec<Sp<Targets>>>>,
    /// The place of the whole, if something is missing.
    pub(super) place: Option<Span>,
}

impl WrittenPairs<'_> {
    /// The links, and how a person would say them.
    pub(super) fn resolve(&self, context: &FaultContext<'_>, field: &str) -> Result<(Pairs, String), Vec<Diagnostic>> {
        let mut pairs = Pairs::default();
        let mut as_members = NodeSet::new();
        let (place, said) = match (self.from, self.to, self.between) {
            (Some(from), Some(to), None) => {
                let senders = context.choose(&format!("{field}/from"), from);
                let receivers = context.choose(&format!("{field}/to"), to);
                let (senders, receivers) = match (senders, receivers) {
                    (Ok(senders), Ok(receivers)) => (senders, receivers),
                    (senders, receivers) => {
                        return Err([senders.err(), receivers.err()].into_iter().flatten().collect());
                    }
                };
                pairs.add(&senders.nodes, &receivers.nodes);
                as_members.extend(senders.as_members.iter().chain(&receivers.as_members));
                (to.span, format!("{} → {}", context.say_set(&senders.nodes), context.say_set(&receivers.nodes)))
            }
            (None, None, Some(ends)) => {
                if ends.len() < 2 {
                    return Err(vec![
                        Diagnostic::error("`between` needs two ends or more")
                            .at(ends.span, format!("{} here", ends.len()))
                            .help("write `between: [a, b]`, each end a node, a group or any other targets"),
                    ]);
                }
                let chosen = context.choose_each(&format!("{field}/between"), ends)?;
                for (position, end) in chosen.iter().enumerate() {
                    as_members.extend(&end.as_members);
                    for other in chosen.iter().skip(position + 1) {
                        pairs.add(&end.nodes, &other.nodes);
                        pairs.add(&other.nodes, &end.nodes);
                    }
                }
                let said: Vec<String> = chosen.iter().map(|end| context.say_set(&end.nodes)).collect();
                (ends.span, said.join(" ↔ "))
            }
            (from, to, between) => return Err(vec![self.unclear(from, to, between)]),
        };
        let meant = !pairs.is_empty();
        pairs.spare_mates(context, &as_members);
        if pairs.is_empty() && meant {
            return Err(vec![
                Diagnostic::error(
                    "these are links among the members of one participant, which packet faults leave alone",
                )
                .at(place, "the same participant as the other end")
                .help("name a member to hit its links to its mates: `west-0.execution`"),
            ]);
        }
        if pairs.is_empty() {
            return Err(vec![
                Diagnostic::error("these are no links: both ends are the same single node")
                    .at(place, "leads back to where it starts")
                    .help("name two different nodes"),
            ]);
        }
        Ok((pairs, said))
    }

    fn unclear(
        &self,
        from: Option<&Sp<Targets>>,
        to: Option<&Sp<Targets>>,
        between: Option<&Sp<Vec<Sp<Targets>>>>,
    ) -> Diagnostic {
        let places: BTreeSet<Span> =
            [from.map(|sp| sp.span), to.map(|sp| sp.span), between.map(|sp| sp.span), self.place]
                .into_iter()
                .flatten()
                .collect();
        let message = match (from, to, between) {
            (_, _, Some(_)) => "links are written with `from` and `to`, or with `between`, not with both",
            (Some(_), None, None) => "`from` without `to`",
            (None, Some(_), None) => "`to` without `from`",
            _ => "it does not say which links",
        };
        places
            .into_iter()
            .take(1)
            .fold(Diagnostic::error(message), |diagnostic, place| diagnostic.at(place, ""))
            .help("`{from: a, to: b}` is one way, `{between: [a, b]}` is both ways")
    }
}
